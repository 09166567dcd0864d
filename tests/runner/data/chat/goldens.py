"""The golden conversations: how each built-in template renders them, and the sentences that refuse bad ones.

Beside each `conversations/*.json`, a record, stands an `.out` with its rendering by every template: what is learned
stands between ⟦ and ⟧, and ‹ › enclose what the tokenizer takes for special tokens. Each `refused/*.json` is
{record, template or source, train_on, tokens, answered}, all but the first optional; its `.out` is the sentence.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from runner.data.chat.conversation import read_conversation
from runner.data.chat.encode import ChatEncoder, Encoded
from runner.data.chat.mask import TrainOn
from runner.data.chat.supervise import Supervised, supervise
from runner.data.chat.template import ChatTemplate, compile_template
from runner.data.chat.templates import BUILTIN, load_template
from runner.failure import Failure

FOLDER = Path(__file__).resolve().parent
SPECIALS = [
    "<s>", "</s>", "<bos>", "<|begin_of_text|>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>",
    "<|end_header_id|>", "<|eot_id|>", "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
]  # fmt: skip
TOKENS = {"eos_token": "</s>"}
LINES = ["the capital of France is Paris", "user assistant system model", "What is only text here?", "It will rain."]


@cache
def tokenizer() -> Tokenizer:
    """A small byte-level BPE with the special tokens of all built-in templates."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(LINES, trainer)
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
    return marked(row, encoded) + "\n"


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
    assert text.translate(str.maketrans("", "", "⟦⟧‹›")) == row.text
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
