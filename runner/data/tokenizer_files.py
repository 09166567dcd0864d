"""The files of a Hugging Face tokenizer, read with json alone: its ids, its special tokens, its fingerprint.

Neither numpy nor the library tokenizers is loaded, so that `plan` and the linter know what a run would use. How text
becomes ids is the business of `runner/data/tokenizers/huggingface.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.failure import ExitCode, Failure
from schema.document.hub import hub_name, located
from schema.environment import SpecialToken, TokenizerFacts
from schema.text.wording import quote

TOKENIZER = "tokenizer.json"
CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
GENERATION = "generation_config.json"
# What else the folder may hold: the vocabulary in older forms, and chat templates.
BESIDE = (
    *(CONFIG, SPECIAL_TOKENS, "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model"),
    *("spiece.model", "sentencepiece.bpe.model", "chat_template.jinja", "chat_template.json"),
)
CONTROL = re.compile(r"<[|｜].*[|｜]>")
FINGERPRINT_DIGITS = 32  # of the hexadecimal digits of a sha256


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """A folder's tokenizer: `definition` is tokenizer.json, `ids` maps each token to its id, `facts` sum it up."""

    folder: Path
    definition: dict[str, Any]
    ids: Mapping[str, int]
    facts: TokenizerFacts


def is_control(name: str) -> bool:
    """Whether a token is spelled as those that templates write: <|im_end|> is, <think> is not, which answers may hold.

    Some files, as DeepSeek's, call such tokens ordinary.
    """
    return CONTROL.fullmatch(name) is not None


def read_tokenizer_files(name: str, add_bos: bool | None = None) -> TokenizerFiles:
    """Read the tokenizer in the folder `name`.

    `add_bos` says whether a document begins with the beginning-of-text token; None does what the files say:
    `add_bos_token` of tokenizer_config.json where it is there, otherwise the template of tokenizer.json.
    Raises Failure: INVALID when the folder holds no tokenizer or one without an end of text, STORAGE when a file can't
    be read.
    """
    folder, on_hub = located(name), hub_name(name)
    if not folder.is_dir():
        hub = ", and not in the cache of the hub" if on_hub else ""
        fetched = f", or fetch it with plan --env or {on_hub.command}" if on_hub else ""
        raise _refusal(f"tokenizer/name '{name}' is no folder{hub}; name the folder that holds {TOKENIZER}{fetched}")
    content = _read(folder / TOKENIZER)
    if content is None:
        raise _refusal(f"'{name}' holds no {TOKENIZER}; name the folder that does")
    definition = _parse(folder / TOKENIZER, content)
    try:
        ids = {token: int(number) for token, number in _tokens(definition)}
        template = _template_start(definition.get("post_processor"))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise _refusal(
            f"'{folder / TOKENIZER}' is not the file of a tokenizer ({type(error).__name__}: {error}); save "
            "it with the library tokenizers"
        ) from error
    if not ids:
        raise _refusal(f"'{folder / TOKENIZER}' holds no token; save a trained tokenizer there")
    return TokenizerFiles(folder, definition, ids, _facts(folder, content, ids, template, add_bos))


def _facts(
    folder: Path, content: bytes, ids: Mapping[str, int], template: str | None, add_bos: bool | None
) -> TokenizerFacts:
    special = _SpecialTokens.of(folder, ids)
    eos = special.find("eos")
    if eos is None:
        raise _refusal(
            f"the tokenizer in '{folder}' names no end of text, which separates documents; write "
            f'"eos_token" with one of its tokens into {CONFIG}'
        )
    pad = special.find("pad") or eos
    bos = special.named(template, TOKENIZER) if template is not None else special.find("bos")
    in_files = special.configs[0][1].get("add_bos_token")
    if add_bos is None:
        add_bos = in_files if isinstance(in_files, bool) else template is not None
        add_bos = add_bos and bos is not None
    if add_bos and bos is None:
        raise _refusal(
            f"tokenizer/add_bos is true, and the tokenizer in '{folder}' names no beginning of text; write "
            f'"bos_token" with one of its tokens into {CONFIG}, or tokenizer/add_bos: false'
        )
    decided = [hashlib.sha256(content).hexdigest(), eos.id, pad.id, bos.id if bos and add_bos else None]
    fingerprint = hashlib.sha256(json.dumps(decided).encode()).hexdigest()[:FINGERPRINT_DIGITS]
    return TokenizerFacts(f"huggingface/{fingerprint}", max(ids.values()) + 1, eos, pad, bos, add_bos)


@dataclass(frozen=True, slots=True)
class _SpecialTokens:
    """The files beside tokenizer.json that name special tokens, the first of them first."""

    folder: Path
    ids: Mapping[str, int]
    configs: tuple[tuple[str, dict[str, Any]], ...]

    @classmethod
    def of(cls, folder: Path, ids: Mapping[str, int]) -> _SpecialTokens:
        """Read those files of a folder that are there."""
        configs = []
        for file in (CONFIG, SPECIAL_TOKENS, GENERATION):
            content = _read(folder / file)
            configs.append((file, _parse(folder / file, content) if content is not None else {}))
        return cls(folder, ids, tuple(configs))

    def find(self, kind: str) -> SpecialToken | None:
        """Return the token of a kind, bos, eos or pad; None where no file names one.

        A token stands as text or as a mapping with `content`; generation_config.json has ids: the first one counts.
        """
        for file, config in self.configs[:2]:
            value = config.get(f"{kind}_token")
            text = value.get("content") if isinstance(value, dict) else value
            if text is not None:
                return self.named(text, file)
        number = self.configs[2][1].get(f"{kind}_token_id")
        number = next(iter(number), None) if isinstance(number, list) else number
        if number is None:
            return None
        name = next((token for token, own in self.ids.items() if own == number), None)
        if name is None:
            raise self._missing(number, GENERATION)
        return SpecialToken(name, number)

    def named(self, text: object, file: str) -> SpecialToken:
        """Return the token that a file names. Raises Failure INVALID when tokenizer.json has no such token."""
        if not isinstance(text, str) or text not in self.ids:
            raise self._missing(text, file)
        return SpecialToken(text, self.ids[text])

    def _missing(self, token: object, file: str) -> Failure:
        return _refusal(
            f"'{self.folder / file}' names the special token {quote(str(token))}, which {TOKENIZER} does not "
            "hold; write one that it holds"
        )


def _tokens(definition: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield every token with its id: those of the model, a mapping or a list of pieces, then the added ones."""
    vocabulary = definition["model"]["vocab"]
    if isinstance(vocabulary, dict):
        yield from vocabulary.items()
    else:
        yield from ((piece[0], number) for number, piece in enumerate(vocabulary))
    yield from ((added["content"], added["id"]) for added in definition.get("added_tokens") or ())


def _template_start(processor: Mapping[str, Any] | None) -> str | None:
    """Return the special token that the post-processor puts before a text; None where it puts none."""
    kind = processor["type"] if processor else None
    if processor is None:
        return None
    if kind == "Sequence":
        starts = (_template_start(inner) for inner in processor["processors"])
        return next((start for start in starts if start is not None), None)
    if kind in ("BertProcessing", "RobertaProcessing"):
        return str(processor["cls"][0])
    if kind != "TemplateProcessing" or not processor["single"] or "SpecialToken" not in processor["single"][0]:
        return None
    name = processor["single"][0]["SpecialToken"]["id"]
    return str(processor["special_tokens"][name]["tokens"][0])


def _read(path: Path) -> bytes | None:
    """Return the content of a file, None where there is none. Raises Failure STORAGE."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"tokenizer file '{path}' cannot be read: {reason}", ExitCode.STORAGE) from error


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _refusal(f"'{path}' is no JSON: {error}; save the tokenizer again") from error
    if not isinstance(found, dict):
        raise _refusal(f"'{path}' is no JSON object; save the tokenizer again")
    return found


def _refusal(sentence: str) -> Failure:
    return Failure(sentence, ExitCode.INVALID)
