"""How a run renders conversations: by which template, and what is learned. Loads neither numpy nor tokenizers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from runner.data.chat.mask import TrainOn
from runner.data.chat.own_template import own_template, special_texts
from runner.data.chat.template import ChatTemplate
from runner.data.chat.templates import BUILTIN, TURN_ENDS, load_template
from runner.data.tokenizer_files import is_control, read_tokenizer_files
from runner.failure import ExitCode, Failure
from schema.environment import TokenizerFacts
from schema.sections.chat import Chat
from schema.text.wording import join

VERSION = 2  # of what is made of the same conversations by the same template


@dataclass(frozen=True, slots=True)
class ChatRecipe:
    """What decides the rows that are made of conversations, beside the tokenizer."""

    template: ChatTemplate
    train_on: TrainOn

    @property
    def fingerprint(self) -> str:
        """Identify it: stores of conversations made under another one are made again."""
        facts = [VERSION, self.template.fingerprint, self.train_on]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def load_recipe(section: Chat, folder: Path, tokenizer: TokenizerFacts) -> ChatRecipe:
    """Load the template that the section `chat` names, or the one in the folder of the tokenizer.

    Raises Failure INVALID where there is none, or it can't be compiled, STORAGE where a file can't be read.
    """
    if section.template is not None:
        tokens = {"eos_token": tokenizer.eos.name} | special_texts(folder)
        return ChatRecipe(load_template(section.template, tokens), section.train_on)
    template = own_template(folder)
    if template is None:
        raise Failure(
            f"the tokenizer in '{folder}' has no chat template; write chat/template: "
            f"{join([*_ending(folder), 'the path of a file'], 'or')}",
            ExitCode.INVALID,
        )
    return ChatRecipe(template, section.train_on)


def _ending(folder: Path) -> list[str]:
    """Name the templates here whose answers end by a special token that the tokenizer of a folder has."""
    added = read_tokenizer_files(str(folder)).definition.get("added_tokens") or ()
    special = {each["content"] for each in added if each.get("special") or is_control(each["content"])}
    return [name for name in BUILTIN if name not in TURN_ENDS or TURN_ENDS[name] in special]
