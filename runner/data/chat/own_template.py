"""The chat template that a tokenizer's folder has, and the token by which an answer ends in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.data.chat.conversation import Conversation, Message
from runner.data.chat.supervise import supervise
from runner.data.chat.template import ChatTemplate, compile_template
from runner.data.tokenizer_files import CONFIG, SPECIAL_TOKENS, TOKENIZER
from runner.failure import ExitCode, Failure

TEMPLATE = "chat_template.jinja"
TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token")
PROBE = Conversation((Message("user", "Hi"), Message("assistant", "Hello")))


def own_template(folder: Path) -> ChatTemplate | None:
    """Compile the template of a tokenizer's folder, as Transformers finds it; None where there is none.

    chat_template.jinja comes before `chat_template` of tokenizer_config.json, of whose named templates the one called
    default is taken. Raises Failure INVALID for a text that is no template, STORAGE when a file can't be read.
    """
    source = _source(folder, _read(folder / CONFIG))
    if source is None:
        return None
    try:
        return compile_template(source, f"the chat template of '{folder}'", special_texts(folder))
    except ValueError as error:
        raise Failure(str(error), ExitCode.INVALID) from error


def special_texts(folder: Path) -> dict[str, str]:
    """Special tokens by the names that templates call them, as {"eos_token": "</s>"}. Raises Failure STORAGE."""
    config, special = _read(folder / CONFIG), _read(folder / SPECIAL_TOKENS)
    texts = {name: _text(config.get(name, special.get(name))) for name in TOKENS}
    return {name: text for name, text in texts.items() if text is not None}


def turn_end(folder: Path, template: ChatTemplate | None = None) -> int | None:
    """The token that ends an answer in a template, or that of a tokenizer's folder; None where none says so for sure.

    That is also where the folder holds no template or tokenizer that can be used: whoever needs them refuses it. Raises
    Failure STORAGE when a file can't be read.
    """
    try:
        template = template or own_template(folder)
    except Failure as failure:
        if failure.exit_code is not ExitCode.INVALID:
            raise
    if template is None:
        return None
    from tokenizers import Tokenizer  # loads in 0.1 seconds, and a template alone does without

    from runner.data.chat.encode import ChatEncoder

    try:
        encoder = ChatEncoder(Tokenizer.from_file(str(folder / TOKENIZER)), template.tokens.values())
    except Exception:  # the library has no class of its own for a file that it can't load
        return None
    try:
        encoded = encoder.encode(supervise(PROBE, template, "assistant", encoder.specials))
    except ValueError:  # a template of other roles, or one in which answers end by nothing
        return None
    learned = [number for number, kept in zip(encoded.ids, encoded.supervised, strict=True) if kept]
    return next((number for number in reversed(learned) if encoder.is_special(number)), None)


def _source(folder: Path, config: dict[str, Any]) -> str | None:
    path = folder / TEMPLATE
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise Failure(f"cannot read '{path}': {error}", ExitCode.STORAGE) from error
    return next(_templates(config.get("chat_template")), None)


def _templates(value: Any) -> Iterator[str]:
    """The text of a template, or of the default one in a list of {name, template}."""
    if isinstance(value, str):
        yield value
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict) and each.get("name") == "default" and isinstance(each.get("template"), str):
            yield each["template"]


def _text(token: Any) -> str | None:
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise Failure(f"cannot read '{path}': {error}", ExitCode.STORAGE) from error
    return found if isinstance(found, dict) else {}
