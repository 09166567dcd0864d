"""The chat templates that come with lorarun, one `.jinja` file each, named as `chat/template` names them.

They are for models that have none of their own; each marks its answers, with their end of turn, by {% generation %}.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.resources import files

from runner.data.chat.template import ChatTemplate, compile_template
from runner.failure import ExitCode, Failure
from schema.text.paths import at_home

BUILTIN = ("alpaca", "chatml", "gemma", "llama3", "mistral")
# The special token that ends an answer; of the others it is the eos_token, which each tokenizer has.
TURN_ENDS = {"chatml": "<|im_end|>", "gemma": "<end_of_turn>", "llama3": "<|eot_id|>"}


def load_template(name: str, tokens: Mapping[str, str] | None = None) -> ChatTemplate:
    """Load a template by its name here, or from a file; `tokens` are the tokenizer's special tokens by name.

    Raises Failure (INVALID) where there is no such file, or it holds no template.
    """
    try:
        return compile_template(_source(name), f"chat/template '{name}'", tokens)
    except ValueError as error:
        raise Failure(str(error), ExitCode.INVALID) from error


def _source(name: str) -> str:
    if name in BUILTIN:
        return files(__name__).joinpath(f"{name}.jinja").read_text(encoding="utf-8")
    near = difflib.get_close_matches(name, BUILTIN, n=1)
    advice = f"did you mean '{near[0]}'?" if near else f"write {', '.join(BUILTIN)} or the path of a file"
    try:
        return at_home(name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ValueError(f"chat/template '{name}' is neither built in nor a file; {advice}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"chat/template '{name}' is not UTF-8 text; {advice}") from error
    except (OSError, RuntimeError, ValueError) as error:  # a folder, no permission, a home that nobody has
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"chat/template '{name}' can't be read ({reason}); {advice}") from error
