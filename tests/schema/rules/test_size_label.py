"""Sizes in the names of files and folders."""

from __future__ import annotations

import pytest

from schema.lint import lint_text

# 124 M parameters with tied embeddings, 162 M without, 85 M of them in the blocks.
SPEC = "architecture: {n_layers: 12, n_embd: 768, n_head: 12}\ntraining: {pre_lora_tokens: [10B]}"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpt_162m.yaml", ""),
        ("gpt-130M.yaml", ""),
        ("gpt-85m.yaml", ""),
        ("runs/160m/spec.yaml", ""),
        ("gpt_162m_10b.yaml", ""),
        ("fineweb_10b.yaml", ""),
        ("v2.yaml", ""),
        ("3bit.yaml", ""),
        ("sha8b1m.yaml", ""),
        ("<stdin>", ""),
        # A number of tokens, whatever the budget of this spec; beside the name of a dataset; far from any size.
        ("tokens_300M_run.yaml", ""),
        ("gpt_500M-tokens.yaml", ""),
        ("batch_1M/spec.yaml", ""),
        ("fineweb_1b.yaml", ""),
        ("ablation_300B.yaml", ""),
        ("gpt_0_16b.yaml", ""),
        # The size of a teacher.
        ("teacher_1b.yaml", ""),
        ("student_from_700m.yaml", ""),
        ("distilled-1b-traces.yaml", ""),
        ("distilled_1b.yaml", "distilled_1b.yaml says 1b, and the model has 162 M parameters"),
        ("gpt_1_3b.yaml", "gpt_1_3b.yaml says 1_3b, and the model has 162 M parameters"),
        ("labs_500m.yaml", "labs_500m.yaml says 500m, and the model has 162 M parameters"),
        ("gpt-1.5b.yaml", "gpt-1.5b.yaml says 1.5b, and the model has 162 M parameters"),
        ("gpt_60m.yaml", "gpt_60m.yaml says 60m, and the model has 162 M parameters"),
        ("runs/1b/spec.yaml", "spec.yaml lies under the name 1b, and the model has 162 M parameters"),
        ("1b/gpt_700m_10b.yaml", "gpt_700m_10b.yaml says 700m, and the model has 162 M parameters"),
    ],
)
def test_a_name_is_compared_with_the_parameters_unless_it_means_the_tokens(name: str, message: str) -> None:
    found = [each.message for each in lint_text(SPEC, name).diagnostics if each.slug == "size-label"]
    assert found == ([message] if message else [])
