"""The golden conversations: how each built-in template renders them, and the sentences that refuse bad ones.

Beside each `conversations/*.json`, a record, stands an `.out` with its rendering by every template, as text and as ids:
what is learned stands between ⟦ and ⟧, and ‹ › enclose what the tokenizer takes for special tokens. A record with
`block_size` is shown as the PADDED row that is left of it. Each `refused/*.json` is
{record, template or source, train_on, tokens, answered}, all but the first optional; its `.out` is the sentence.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from runner.data.chat.conversation import read_conversation
from runner.data.chat.encode import ChatEncoder, Encoded
from runner.data.chat.mask import TrainOn
from runner.data.chat.supervise import Supervised, supervise
from runner.data.chat.template import ChatTemplate, compile_template
from runner.data.chat.templates import BUILTIN, load_template
from runner.data.styles import padded
from runner.failure import Failure

FOLDER = Path(__file__).resolve().parent
SPECIALS = [
    "<s>", "</s>", "<bos>", "<|begin_of_text|>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>",
    "<|end_header_id|>", "<|eot_id|>", "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
]  # fmt: skip
TOKENS = {"eos_token": "</s>"}
# Of a byte-level BPE; Ġ is a space. They stand here, so that ids are the same with every version of the library.
MERGES = """
i+s a+n e+r t+e Ġ+o Ġ+is F+r I+t P+a W+h a+i a+l a+p a+s a+t c+e c+ap d+e h+e h+er i+l i+t l+y m+o n+ly r+is
r+ai s+y s+is s+er s+te t+an t+he u+ser w+il x+t Ġ+te Ġ+Fr Ġ+Pa Ġ+as Ġ+cap Ġ+her Ġ+mo Ġ+rai Ġ+sy Ġ+wil an+ce
Ġo+f Ġo+nly Wh+at de+l it+al sis+tan ste+m Ġte+xt ĠFr+ance ĠPa+ris Ġas+sistan Ġcap+ital Ġher+e Ġmo+del Ġrai+n
Ġsy+stem Ġwil+l Ġassistan+t
"""


@cache
def tokenizer() -> Tokenizer:
    """A small byte-level BPE with the special tokens of all built-in templates."""
    merges = [tuple(merge.split("+")) for merge in MERGES.split()]
    letters = [*SPECIALS, *sorted(pre_tokenizers.ByteLevel.alphabet()), *map("".join, merges)]
    made = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(SPECIALS)
    return made


@cache
def encoder() -> ChatEncoder:
    """The encoder of that tokenizer."""
    return ChatEncoder(tokenizer())


def cases() -> list[Path]:
    """Every golden conversation and every refused one."""
    return [*sorted((FOLDER / "conversations").glob("*.json")), *sorted((FOLDER / "refused").glob("*.json"))]


def outputs() -> list[Path]:
    """Every output that lies there, with or without its record."""
    return [*sorted((FOLDER / "conversations").glob("*.out")), *sorted((FOLDER / "refused").glob("*.out"))]


def printed(path: Path) -> str:
    """What a golden says."""
    case = json.loads(path.read_text(encoding="utf-8"))
    if path.parent.name == "refused":
        return refusal(case)
    return "\n".join(f"── {name}\n{rendered(case, name)}" for name in BUILTIN)


def rendered(record: dict[str, Any], name: str) -> str:
    """A conversation as one built-in template renders it, with its marks, or the sentence that refuses it."""
    try:
        row, encoded = encode(record, load_template(name, TOKENS))
    except ValueError as error:
        return f"refused: {error}\n"
    if "block_size" in record:
        try:
            encoded = cut(encoded, record["block_size"])
        except Failure as refused:
            return f"refused: {refused}\n"
    return f"{marked(row, encoded)}\n{numbers(encoded)}\n"


@dataclass
class OneDocument:
    """A split of one document in memory; satisfies `runner.data.styles.TokenSplit`."""

    encoded: Encoded
    dataset: str = "chats"
    split: str = "train"
    pad: int = 0

    def __post_init__(self) -> None:
        self.tokens = np.array(self.encoded.ids, np.uint16)
        self.lengths = {len(self.tokens): 1}
        self.offsets = np.array([0, len(self.tokens)], np.uint64)
        flags = np.array(self.encoded.supervised, np.bool_)
        self.supervised = np.flatnonzero(np.diff(flags, prepend=False, append=False)).astype(np.uint64)

    def in_order(self) -> list[int]:
        return [len(self.tokens)]

    def packing(self, width: int, drop: bool) -> None:
        """Nobody has noted which documents share a row."""


def cut(encoded: Encoded, block_size: int) -> Encoded:
    """What of a conversation its PADDED row holds. Raises Failure where that teaches nothing."""
    rows = padded.open_rows(OneDocument(encoded), block_size, "truncate")
    found = rows.gather(np.zeros(1, np.int64))
    kept = int(found.filled[0])
    return Encoded(tuple(found.tokens[0, :kept].tolist()), tuple(found.supervised[0, :kept].tolist()))


def numbers(encoded: Encoded) -> str:
    """The ids of a row with its marks."""
    runs = groupby(zip(encoded.ids, encoded.supervised, strict=True), lambda pair: pair[1])
    texts = ((learned, " ".join(str(number) for number, _ in run)) for learned, run in runs)
    return " ".join(f"⟦{text}⟧" if learned else text for learned, text in texts)


def encode(
    record: dict[str, Any], template: ChatTemplate, train_on: TrainOn = "assistant", *, answered: bool = True
) -> tuple[Supervised, Encoded]:
    """A record all the way."""
    field = "conversations" if "conversations" in record else "messages"
    conversation = read_conversation(record, field, answered=answered)
    row = supervise(conversation, template, train_on, encoder().specials)
    return row, encoder().encode(row)


def marked(row: Supervised, encoded: Encoded) -> str:
    """Tokens as text again; it is made of ids alone, so that it shows what the model will see."""
    specials = {tokenizer().token_to_id(token): f"‹{token}›" for token in SPECIALS}
    parts: list[str] = []
    waiting: list[int] = []
    before = False
    for number, learned in [*zip(encoded.ids, encoded.supervised, strict=True), (-1, False)]:
        if learned != before or number in specials or number < 0:
            parts.append(tokenizer().decode(waiting))
            waiting = []
        if learned != before:
            parts.append("⟦" if learned else "⟧")
        if number in specials:
            parts.append(specials[number])
        else:
            waiting.append(number)
        before = learned
    text = "".join(parts)
    assert row.text.startswith(text.translate(str.maketrans("", "", "⟦⟧‹›")))
    return text


def refusal(case: dict[str, Any]) -> str:
    """The sentence that refuses a case."""
    tokens = case.get("tokens", TOKENS)
    try:
        if "source" in case:
            template = compile_template(case["source"], "the chat template", tokens)
        else:
            template = load_template(case.get("template", "chatml"), tokens)
        encode(case["record"], template, case.get("train_on", "assistant"), answered=case.get("answered", True))
    except (ValueError, Failure) as error:
        return f"{error}\n"
    raise AssertionError("it is not refused")
