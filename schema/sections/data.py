"""data: where token stores live and what they are made from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schema.section import Section, key
from schema.text.paths import listed

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
Path = Annotated[str, Field(min_length=1)]
Paths = Path | Annotated[list[Path], Field(min_length=1)]


class Source(Section):
    """data/sources/NAME: where one dataset comes from: files, the hub or another program's tokens; and its fields."""

    path: Paths | None = key(
        None,
        "A .txt, .md, .jsonl, .json, .csv, .tsv, .parquet or .arrow file, of text also .gz, .zst or .bz2; a folder of "
        "them, or one that datasets saved; a glob; or a list of these, read in its order. Links are followed; hidden "
        "entries, and folders of runs, token stores, models and environments are left out.",
        change="free with the same content",
    )
    hub: str | None = key(
        None,
        "A dataset of the Hugging Face hub, OWNER/NAME or OWNER/NAME@REVISION, in place of path. A run keeps the "
        "commit that it began with.",
        min_length=1,
        change="breaking",
    )
    config: str | None = key(
        None, "Configuration of a hub dataset, which one of several needs.", min_length=1, change="breaking"
    )
    split: str = key(
        "train",
        "Split of a hub dataset; train[:1_000_000] is its first rows, train[500:1500] those behind the first 500.",
        min_length=1,
        change="breaking",
    )
    streaming: bool = key(
        False,
        "Read a hub dataset while it is downloaded, and keep nothing but the token store; split, and validation where "
        "it is written, say how many rows.",
        change="free",
    )
    tokens: str | None = key(
        None,
        "Token ids that another program wrote, in place of path: a folder with train.bin and perhaps val.bin, as "
        "nanoGPT writes it, also with masks and shape.json as theseus does, or the prefix of Megatron's .bin and .idx. "
        "The tokenizer of the spec must be the one that made them.",
        min_length=1,
        change="free with the same content",
    )
    dtype: Literal["uint16", "uint32"] | None = key(
        None, "Type of the ids of a flat train.bin, where no file says it; nanoGPT writes uint16.", change="breaking"
    )
    text: str = key(
        "text",
        "Field of a record that holds a whole text. PMD reads it where there is a prompt too, unless only prompt and "
        "completion are named here; PADDED reads it where there is none, or where it alone is named here.",
        min_length=1,
        change="breaking",
    )
    prompt: str = key(
        "prompt",
        "Field that holds the unsupervised first part of a PADDED row, or of both sides of a CONTRASTIVE one, where it "
        "may also be a list of messages.",
        min_length=1,
        change="breaking",
    )
    completion: str = key(
        "completion",
        "Field that holds the supervised second part of a PADDED row, joined to the prompt as both stand: what is to "
        "stand between them, a blank or a newline, ends the prompt; named here without a prompt it is learned alone.",
        min_length=1,
        change="breaking",
    )
    messages: str | None = key(
        None,
        "Field that holds a conversation, a list of {role, content} or of {from, value}; beside it, the field tools "
        "holds its tools and system what the system says first. An answer of weight 0 is not supervised. The section "
        "chat says how it becomes a PADDED row.",
        min_length=1,
        change="breaking",
    )
    instruction: str | None = key(
        None,
        "Field that holds what a user asks; with output, a record is a conversation of one turn.",
        min_length=1,
        change="breaking",
    )
    input: str | None = key(
        None,
        "Field that holds what the instruction is about, or nothing; it stands below the instruction, or where the "
        "chat template puts message.input.",
        min_length=1,
        change="breaking",
    )
    output: str | None = key(None, "Field that holds the answer to the instruction.", min_length=1, change="breaking")
    chosen: str = key(
        "chosen",
        "Field that holds the preferred answer of a CONTRASTIVE row: a text behind the prompt, or a list of messages, "
        "which may hold the prompt too.",
        min_length=1,
        change="breaking",
    )
    rejected: str = key(
        "rejected", "Field that holds the other answer, in the same form.", min_length=1, change="breaking"
    )

    validation: Paths | None = key(
        None,
        "Files of their own to validate on, written as those of path, which are all trained on then; of a hub dataset "
        "the rows to validate on, written as split, with an end such as [:1_000] where the set is streamed.",
        change="free with the same content",
    )
    numbers_as_text: bool = key(
        False, "Read a number in one of these fields as the text that it is written with.", change="breaking"
    )

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path of files to read, in order."""
        return listed(self.path)

    @property
    def validation_paths(self) -> tuple[str, ...]:
        """Every path of files to validate on, in order."""
        return listed(self.validation)

    @property
    def holds_conversations(self) -> bool:
        """Whether rows are made by a chat template."""
        return self.tokens is None and (self.messages is not None or self.instruction is not None)


class Data(Section):
    """data: token stores are made on first use under `root` and reused while their digest agrees."""

    root: str = key("data", "Folder of the token stores, from the working directory.", min_length=1, change="free")
    sources: dict[Name, Source] = key(dict, "Where datasets come from, by name.", change="breaking")
    workers: int | None = key(
        None,
        "Processes that make tokens of text; null: one for each core that may be used, 1: the command's own alone. A "
        "store is the same whatever their number, and a small one is made without others.",
        ge=1,
        change="free",
    )
    rates_by: Literal["rows", "tokens"] = key(
        "rows",
        "What rates are shares of: the rows of a stage, or their supervised tokens.",
        change="breaking",
    )
    deduplicate: Literal["none", "exact"] = key(
        "none",
        "Whether copies are left out: texts, examples and conversations that stand in their dataset before. Their "
        "number is reported. Tokens of another program stay as they are.",
        change="breaking",
    )
    on_exhausted: Literal["repeat", "stop", "error"] = key(
        "repeat",
        "When the budget asks more rows than a dataset has: repeat it in a new order, end the stage at its last whole "
        "step before that, or refuse to run.",
        change="breaking",
    )
    on_too_long: Literal["truncate", "drop", "error"] = key(
        "truncate",
        "What becomes of PADDED and PACKED examples longer than block_size, and of CONTRASTIVE pairs with such a side; "
        "their number is reported.",
        change="breaking",
    )
