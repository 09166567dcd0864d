"""Ids and flags: text in a message never becomes a special token, and every token knows whether it is learned."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from runner.data.chat.conversation import read_conversation
from runner.data.chat.encode import ChatEncoder, Encoded
from runner.data.chat.supervise import Supervised, supervise
from runner.data.chat.template import compile_template
from runner.data.chat.templates import BUILTIN, load_template
from tests.runner.data.chat.goldens import SPECIALS, TOKENS, encoder, tokenizer
from tests.runner.data.tokenizer_folders import KINDS

TEMPLATES = {name: load_template(name, TOKENS) for name in BUILTIN}
# Texts that spell special tokens, in whole, in part and overlapping, among ordinary characters.
PIECES = [
    *SPECIALS,
    "<|im_end|",
    "|im_end|>",
    "<",
    ">",
    "|",
    "<|im_<|im_end|>end|>",
    "[",
    "]",
    "</s",
    "é",
    "👩🏽‍🚀",
    "a",
    " ",
    "\n",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def row_of(first: str, second: str, name: str = "chatml") -> Supervised:
    messages = [{"role": "user", "content": first}, {"role": "assistant", "content": second}]
    conversation = read_conversation({"messages": messages})
    return supervise(conversation, TEMPLATES[name], "assistant", encoder().specials)


def special_ids(encoded: Encoded) -> list[str]:
    names = {tokenizer().token_to_id(token): token for token in SPECIALS}
    return [names[number] for number in encoded.ids if number in names]


def text_of(ids: tuple[int, ...]) -> str:
    return tokenizer().decode(ids, skip_special_tokens=False)


@given(TEXTS, TEXTS, st.sampled_from(BUILTIN))
def test_messages_never_add_a_special_token(first: str, second: str, name: str) -> None:
    row = row_of(f"a{first}", f"a{second}", name)
    encoded = encoder().encode(row)
    assert special_ids(encoded) == special_ids(encoder().encode(row_of("a", "a", name)))
    assert text_of(encoded.ids) == row.text


@given(TEXTS, TEXTS)
def test_tools_never_add_a_special_token(key: str, value: str) -> None:
    def encoded(key: str, value: str) -> Encoded:
        call = {"function": {"name": f"f{value}", "arguments": {f"k{key}": value}}}
        tool = {"function": {"name": "f", "description": f"d{value}", "parameters": {"properties": {f"k{key}": {}}}}}
        messages = [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [call]}]
        conversation = read_conversation({"messages": messages, "tools": [tool]})
        return encoder().encode(supervise(conversation, TEMPLATES["chatml"], "assistant", encoder().specials))

    assert special_ids(encoded(key, value)) == special_ids(encoded("", ""))


@given(TEXTS, TEXTS)
def test_what_is_learned_is_the_answer_with_its_end_of_turn(first: str, second: str) -> None:
    row = row_of(first, second)
    encoded = encoder().encode(row)
    learned = tuple(number for number, flag in zip(encoded.ids, encoded.supervised, strict=True) if flag)
    assert text_of(learned) == f"{second}<|im_end|>"


@given(st.text(st.characters(codec="utf-8", exclude_characters=map(chr, range(0xFDD0, 0xFDF0)))))
def test_texts_without_special_tokens_are_encoded_as_the_library_does(text: str) -> None:
    row = row_of(text, "b")
    assert list(encoder().encode(row).ids) == tokenizer().encode(row.text, add_special_tokens=False).ids


@given(st.text("aé👩 <|\n", max_size=20), st.sampled_from(BUILTIN))
def test_piece_by_piece_is_the_same_as_the_whole(text: str, name: str) -> None:
    row = row_of(text, "b", name)
    plain = encoder().encode(Supervised(row.text, row.text, row.spans, row.spoken))
    pieces = encoder()._split(row, encoder()._whole.encode(row.text, add_special_tokens=False))
    assert tuple(piece.id for piece in pieces) == plain.ids


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
def test_a_batch_is_encoded_as_its_rows_are(pairs: list[tuple[str, str]]) -> None:
    rows = [row_of(*pair) for pair in pairs]
    assert encoder().encode_batch(rows) == [encoder().encode(row) for row in rows]


def test_every_byte_of_a_character_is_learned_with_it() -> None:
    row = row_of("👩", "👩")
    encoded = encoder().encode(row)
    assert sum(encoded.supervised) == len("👩".encode()) + 1


def test_a_token_across_the_beginning_of_an_answer_is_learned() -> None:
    row = Supervised("the capital", "the capital", ((5, 11),), spoken=False)
    encoded = encoder().encode(row)
    learned = [number for number, flag in zip(encoded.ids, encoded.supervised, strict=True) if flag]
    assert text_of(tuple(learned)).strip() == "capital"


METASPACE = {"<unk>": 0, "<s>": 1, "</s>": 2, "▁": 3, "a": 4, "▁a": 5, "<": 6, "s": 7, ">": 8, "/": 9, "b": 10, "[": 11}


def sentencepiece(scheme: str) -> Tokenizer:
    """A tokenizer that puts ▁ before words as Llama 2's does; it knows few characters, and the unknown token."""
    made = Tokenizer(models.BPE(vocab=METASPACE, merges=[("▁", "a")], unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    made.decoder = decoders.Metaspace(prepend_scheme=scheme, split=False)
    made.add_special_tokens(["<unk>", "<s>", "</s>"])
    return made


SENTENCEPIECE_TEMPLATE = (
    "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}"
    "{% generation %}{{ '</s>' }}{% endgeneration %}{% else %}{{ '<s>' }}{% endif %}{% endfor %}"
)


@pytest.mark.parametrize(
    ("scheme", "tokens"),
    [
        ("first", ["▁a", "<", "s", ">", "b", "<s>", "a", "</s>"]),
        ("always", ["▁a", "<", "s", ">", "b", "<s>", "▁a", "</s>"]),
        ("never", ["a", "<", "s", ">", "b", "<s>", "a", "</s>"]),
    ],
)
def test_only_the_first_word_gets_what_stands_before_the_first(scheme: str, tokens: list[str]) -> None:
    made = sentencepiece(scheme)
    own = ChatEncoder(made)
    messages = [{"role": "user", "content": "a<s>b"}, {"role": "assistant", "content": "a"}]
    conversation = read_conversation({"messages": messages})
    row = supervise(conversation, compile_template(SENTENCEPIECE_TEMPLATE, "T"), "assistant", own.specials)
    encoded = own.encode(row)
    assert [made.id_to_token(number) for number in encoded.ids] == tokens
    assert encoded.supervised == (*[False] * (len(tokens) - 1), True)


def test_an_unknown_character_is_not_taken_for_a_special_token_of_the_template() -> None:
    own = ChatEncoder(sentencepiece("never"))
    row = Supervised("é<s>a</s>", "é\ufdd2s>a</s>", ((5, 9),), spoken=True)
    assert own.encode(row).ids == (0, 6, 7, 8, 4, 2)


def test_blanks_that_a_special_token_takes_belong_to_it() -> None:
    made = Tokenizer.from_str(tokenizer().to_str())
    made.add_special_tokens([AddedToken("<|end|>", rstrip=True, special=True)])
    own = ChatEncoder(made)
    row = Supervised("a <s><|end|>\n b", "a \ufdd2s><|end|>\n b", ((0, 15),), spoken=False)
    tokens = [made.id_to_token(number) for number in own.encode(row).ids]
    assert tokens == ["a", "Ġ", "<", "s", ">", "<|end|>", "b"]


def test_a_tokenizer_that_cuts_pads_and_adds_is_copied_without_that() -> None:
    made = Tokenizer.from_str(tokenizer().to_str())
    made.enable_truncation(3)
    made.enable_padding(length=99)
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    made.normalizer = normalizers.NFC()
    row = row_of("e\u0301 and more", "b")
    encoded = ChatEncoder(made).encode(row)
    assert text_of(encoded.ids) == row.text.replace("e\u0301", "é")
    assert json.loads(made.to_str())["truncation"] is not None  # what was given is not changed


@pytest.mark.parametrize(
    ("token", "control", "times"),
    [("<stop>", ["<stop>"], 1), ("<stop>", [], 2), ("<｜stop｜>", [], 1), ("<|stop|>", [], 1)],
)
def test_a_token_that_its_file_calls_ordinary_may_be_special(token: str, control: list[str], times: int) -> None:
    made = Tokenizer.from_str(tokenizer().to_str())
    made.add_tokens([token])
    template = compile_template(f"{{% for m in messages %}}{{{{ m.content }}}}{token}{{% endfor %}}", "T")
    conversation = read_conversation({"messages": [{"role": "assistant", "content": f"a{token}b"}]})
    own = ChatEncoder(made, control)
    row = supervise(conversation, template, "all", own.specials)
    assert own.encode(row).ids.count(made.token_to_id(token)) == times


ANSWER = "{% for m in messages %}{% generation %}{{ m.content }}</s>{% endgeneration %}{% endfor %}"


@pytest.mark.parametrize(
    ("kind", "text"), [("unigram", "a </s>"), ("word_piece", "a </s>"), ("word_piece", "a </S> b")]
)
def test_a_tokenizer_that_finds_special_tokens_in_any_text_is_not_given_such_text(kind: str, text: str) -> None:
    own = ChatEncoder(KINDS[kind](), ["</s>"])
    template = compile_template(ANSWER, "T")

    def encoded(content: str) -> Encoded:
        conversation = read_conversation({"messages": [{"role": "assistant", "content": content}]})
        return own.encode(supervise(conversation, template, "assistant", own.specials))

    assert encoded("the cat").ids[-1] == KINDS[kind]().token_to_id("</s>")
    with pytest.raises(ValueError, match=r"^this tokenizer makes its special token </s> of a text in it; change that"):
        encoded(text)
