"""Credentials: found by their form, and in no output of the linter."""

from __future__ import annotations

from time import perf_counter

import pytest

from schema.fixes.apply import fix_text
from schema.formats import FORMATS, Report, load_format
from schema.lint import Verdict, lint_text
from schema.text.secrets import HIDDEN, hide

MIXED = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"
HEX = "0123456789abcdef0123456789abcdef01234567"
SECRETS = {
    "hugging face": f"hf_{MIXED[:34]}",
    "github": f"ghp_{MIXED[:36]}",
    "github, fine": f"github_pat_{MIXED[:22]}_{MIXED}",
    "gitlab": f"glpat-{MIXED[:20]}",
    "openai": f"sk-proj-{MIXED}",
    "anthropic": f"sk-ant-api03-{MIXED}-{MIXED}_AA",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "google": f"AIza{MIXED[:35]}",
    "slack": f"xoxb-123456789012-{MIXED[:24]}",
    "web token": f"eyJ{MIXED[:20]}.eyJ{MIXED[:30]}.{MIXED}",
    "address": "s3://ann:correct-horse@bucket/data",
    "wandb": f"WANDB_API_KEY={HEX}",
    "quoted": f'"api_token": "{MIXED[:24]}"',
    "base64": "aws_secret_key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "key file": f"-----BEGIN RSA PRIVATE KEY-----\n{MIXED}\n{MIXED}\nAbC=\n-----END RSA PRIVATE KEY-----",
}
NONE = [
    "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "hf_your_token_here",
    f"commit: {HEX}",
    "sk-learn-pipeline-v2-baseline-2024",
    "tokens: 20240101120000123456",
    "key: fineweb_edu_10b_tokens_v2_shuffled",
    "monkey: corpora/fineweb/edu/2024/sample-10BT",
    "tokenizer: {backend: tiktoken, name: cl100k_base}",
    "s3://bucket/a:b@c",
    "s3://ann:${PASSWORD}@bucket",
    "AKIA",
    "-----BEGIN PUBLIC KEY-----",
]


def spec(secret: str) -> str:
    """A spec that holds a secret in a value, a key, a comment and a name that is quoted by a finding."""
    return (
        f"# {secret}\ntraining:\n  batch_size: {secret}\n  {secret}: 3\n  validation: yes # {secret}\n"
        f"  pre_lora_dataset: [[{{name: web, rate: 1.0, style: {secret}}}]]\n"
    )


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_a_credential_is_hidden_letter_by_letter(text: str) -> None:
    shown, found = hide(text)
    assert len(found) == 1
    assert len(shown) == len(text)
    assert shown.count("\n") == text.count("\n")
    assert HIDDEN * 8 in shown
    assert MIXED[:10] not in shown
    assert hide(shown) == (shown, ())


@pytest.mark.parametrize("text", NONE)
def test_what_only_looks_similar_is_left_alone(text: str) -> None:
    assert hide(text) == (text, ())


def test_places_count_from_one() -> None:
    _, found = hide(f"a: 1\r\nb: hf_{MIXED[:34]} # x\nwandb_key: {HEX}")
    assert [(each.line, each.column, each.end_column) for each in found] == [(2, 7, 41), (3, 12, 52)]


@pytest.mark.parametrize("layout", FORMATS)
def test_no_format_shows_a_credential(layout: str) -> None:
    secret = SECRETS["hugging face"]
    verdict = lint_text(spec(secret), "s.yaml", [f"logging/wandb_key={HEX}", f"data/root={secret}"])
    printed = load_format(layout).render(Report(verdict.diagnostics))
    assert "LR701" in printed
    assert secret not in printed
    assert secret[3:] not in printed
    assert HEX not in printed
    assert {found.code for found in verdict.diagnostics} >= {"LR003", "LR004", "LR014", "LR203", "LR701"}


def test_the_text_is_read_as_if_nothing_were_hidden() -> None:
    def codes(name: str) -> list[str]:
        text = f"training: {{dataset: [[{{name: {name}, rate: 0.5, style: pmd}}]]}}"
        return [found.code for found in lint_text(text, "s").diagnostics if found.code != "LR701"]

    assert codes(SECRETS["hugging face"]) == codes("hf_token")


def test_fixes_leave_a_credential_as_it_is() -> None:
    secret = f"AKIA{'1234567890' * 2}"[:20]
    text = f"training:\n  validation: yes # {secret}\n  pre_lora_dataset: [[{{name: web, rate: 1.0, style: pmd}}]]\n"

    def lint(changed: str) -> Verdict:
        return lint_text(changed, "s.yaml")

    fixed = fix_text(text, lint, unsafe=True)
    assert "style: PMD" in fixed.text
    assert fixed.text.count(secret) == 1


def test_a_fix_that_would_write_a_hidden_text_is_none() -> None:
    # Of the source text, which it would put in brackets, only the signs are known.
    verdict = lint_text(f"training: {{pre_lora_tokens: {SECRETS['hugging face']}}}", "s.yaml")
    assert [found.fix for found in verdict.diagnostics if found.code == "LR004"] == [None]


HOSTILE = {
    "starts": "eyJ" * 300_000,
    "keys": "key " * 250_000,
    "dots": "a.key-" * 170_000,
    "tokens": f"hf_{MIXED} " * 20_000,
    "letters": "é" * 500_000,
    "addresses": "x://" * 250_000,
    "heads": "-----BEGIN PRIVATE KEY-----\n" * 30_000,
    "bodies": f"-----BEGIN PRIVATE KEY-----\n{'A' * 16}" + f" {'A' * 16}" * 60_000,
    "dashes": "sk-" * 300_000,
    "spaces": "token:" + " " * 900_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_makes_the_search_slow(text: str) -> None:
    start = perf_counter()
    hide(text)
    assert perf_counter() - start < 2
