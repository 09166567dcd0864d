"""What a lint may know beyond the text: facts of a machine, its disk, its data and the run that would start.

Facts only: nothing is looked up here. `runner/environment.py` gathers them; every one may be unknown (None, or
absent from a mapping), and a rule says nothing about what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple, Protocol


class Split(NamedTuple):
    """One split of a token store. `lengths` says how many documents have which length in tokens.

    `rows(style, block_size, on_too_long)` is the number of rows that a style cuts from it, and `open` of the
    same and of document_mask returns the rows themselves, for `Environment.draw`; it raises Unavailable where they
    can't be read.
    """

    lengths: Mapping[int, int]
    rows: Callable[[str, int, str], int]
    open: Callable[[str, int, str, bool], object] | None = None

    @property
    def documents(self) -> int:
        """Number of documents."""
        return sum(self.lengths.values())

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return sum(length * documents for length, documents in self.lengths.items())

    def padding(self, style: str, block_size: int, on_too_long: str) -> float:
        """The share of padding among the inputs of rows in a style of whole examples, PADDED or PACKED.

        Of PACKED rows it is so to 1 / block_size: the last token of a full row is no input.
        """
        inputs = self.rows(style, block_size, on_too_long) * block_size
        most = block_size if style == "PADDED" else block_size + 1  # tokens of an example
        kept = {
            length: each for length, each in self.lengths.items() if length <= block_size + 1 or on_too_long != "drop"
        }
        filled = sum(min(length, most) * documents for length, documents in kept.items())
        return max(0.0, 1 - filled / inputs) if inputs else 0.0


class Store(NamedTuple):
    """A token store that a run would use as it is.

    `tokenizer` begins with backend and name, `max_token_id` counts padding; `splits` has train and perhaps val.
    `pairs` says whether it holds pairs of answers.
    """

    tokenizer: str
    max_token_id: int
    splits: Mapping[str, Split]
    pairs: bool = False


class Drawn(NamedTuple):
    """A dataset of a stage: its label, share and rows, of which earlier stages took `first_row`."""

    label: str
    share: Fraction
    first_row: int
    rows: object


class StageDraw(Protocol):
    """What a stage takes of its datasets, drawn as the loader does it."""

    def counts(self, rows: int) -> tuple[int, ...]:
        """How many of its first rows each dataset provides; they add up to `rows`."""
        ...

    def supervised(self, rows: int) -> int:
        """Supervised tokens of its first rows."""
        ...


class Obstacle(NamedTuple):
    """Why a dataset or a tokenizer can't be read: a sentence, what to do, and the key that it is about.

    An empty key is that of the mixture, or tokenizer/name.
    """

    message: str
    remedy: str
    key: str = ""


class Estimate(NamedTuple):
    """What a store of a dataset would hold, by the first records of its files: `tokens` of `documents`, both about.

    `text_bytes` are those of all its files.
    """

    text_bytes: int
    documents: int
    tokens: int

    def rows(self, style: str, block_size: int) -> int:
        """About how many rows a style cuts from it: one a document, or one of so many tokens."""
        return max(1, self.tokens // block_size if style == "PMD" else self.documents)


class Fields(NamedTuple):
    """What the records of a source hold, and what is read of them.

    `read` are names of fields by key of data/sources, {prompt: question, completion: answer}; empty for .txt files.
    `first` are the names in the first record, `unread` those that no example is made of, and `lost` those of them
    that hold text which belongs to one, as far as can be told. `styled` says that PADDED, or a spec that names no
    fields, reads something else.
    """

    read: Mapping[str, str]
    first: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    styled: bool = False

    @property
    def has_prompts(self) -> bool:
        """Whether a document has a part that PADDED does not supervise: a prompt, or what others say."""
        return bool({"prompt", "messages", "instruction", "chosen"} & {*self.read})


class Dataset(NamedTuple):
    """What a name in a mixture stands for: nothing, when it has neither a source nor a store.

    `source` says whether its text is there: that of a built-in dataset, or files of data/sources. `store` is None
    where none lies there, where a run would make it again, and where nobody looked; then `estimate` may say what it
    would hold. `obstacle` is why the text isn't there, or with a source, why a run could not use it. `fields` are
    those of its store, or of the first records of its source. `is_rows` says that another program padded it to rows,
    with masks. `outdated` says that a store lies there, which a run would make again.
    """

    source: bool = False
    store: Store | None = None
    obstacle: Obstacle | None = None
    estimate: Estimate | None = None
    fields: Fields | None = None
    is_rows: bool = False
    outdated: bool = False


class Refusal(NamedTuple):
    """What `exec` would refuse before its first step: its sentence in two parts, and the key that it is about.

    `value` is what the spec says there, so that another value is another matter. A key may be an option with its
    value, such as --restore runs/base.
    """

    message: str
    remedy: str
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class SpecialToken:
    """A token that no text becomes: its name as the tokenizer's files write it, and its id."""

    name: str
    id: int

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


@dataclass(frozen=True, slots=True)
class TokenizerFacts:
    """The tokenizer of a run: `ids` is its highest token id plus one, and the number of rows that it needs.

    `fingerprint` is what the tokenizer of a store begins with. A document ends with `eos`; it begins with `bos` where
    `add_bos` says so; rows are padded with `pad`, under a mask.
    """

    fingerprint: str
    ids: int
    eos: SpecialToken
    pad: SpecialToken
    bos: SpecialToken | None = None
    add_bos: bool = False


class Change(NamedTuple):
    """A key that has another value in an earlier run than in this spec; both values are JSON."""

    key: str
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.key} was {self.before}, is {self.now}"


class Start(NamedTuple):
    """The weights that a new run starts from. `key` is where they are named, architecture/pretrained or --restore.

    `found` says whether a checkpoint is there, `on_hub` that a model of the hub may be meant, which exec fetches,
    `differing` which keys of its architecture are not this spec's, `absent` why there is none and what to name instead.
    """

    path: str
    key: str
    found: bool = True
    on_hub: bool = False
    differing: tuple[Change, ...] = ()
    absent: tuple[str, str] = ("", "")


class Run(NamedTuple):
    """What lies where the run would write: nothing, a run of this spec, or something that is in the way.

    `obstacle` says that no run can be there, `start` which files of the model that it began with are others now,
    `changes` are those of the run there that this spec cannot resume with, `accepted` those that it can; `step` is its
    newest checkpoint's, `saved` are those of all that lie there; `holds` names the other folders, base and export, that
    do. `variables` are those of the environment that decide numbers and are not what they were when it began.
    """

    path: str
    obstacle: str = ""
    changes: tuple[Change, ...] = ()
    accepted: tuple[Change, ...] = ()
    step: int | None = None
    saved: tuple[int, ...] = ()
    holds: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    variables: tuple[Change, ...] = ()


class Environment(NamedTuple):
    """The facts that `exec` has, and `validate --env`; rules that need them are silent without.

    `restore` says whether `--restore` names weights to start from. `device_bytes` is the memory of one device, which
    is a GPU unless `platform` (cpu, gpu, tpu) says otherwise. `free_bytes` are those of the disk that the run writes
    to. `datasets` are by (name, suffix), `known` are the names that datasets may have. `tokenizer` is that of the
    backend huggingface, whose files are on the machine, or says why it can't be used; `chat` says why conversations
    can't be rendered, `gguf` why the file that export/gguf asks for can't be written, `wandb` why nothing can be
    uploaded to Weights & Biases. `draw(datasets, seed, by_tokens)` draws a stage from token stores.
    `missing` are the packages that a run needs and can't import, by name; `refused` is what else `exec` refuses, where
    its checks were rehearsed.
    """

    restore: bool | None = None
    devices: int | None = None
    device_bytes: int | None = None
    platform: str = "gpu"
    free_bytes: int | None = None
    datasets: Mapping[tuple[str, str], Dataset] = MappingProxyType({})
    known: tuple[str, ...] = ()
    draw: Callable[[Sequence[Drawn], int, bool], StageDraw] | None = None
    tokenizer: TokenizerFacts | Obstacle | None = None
    chat: Obstacle | None = None
    gguf: Obstacle | None = None
    wandb: Obstacle | None = None
    start: Start | None = None
    run: Run | None = None
    missing: Mapping[str, Obstacle] = MappingProxyType({})
    refused: tuple[Refusal, ...] = ()
