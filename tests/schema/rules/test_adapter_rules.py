"""The rules over adapters: what they count, and when they have nothing to say."""

from __future__ import annotations

import pytest

from schema.lint import lint_text
from tests.schema.goldens import SPECS

BASE = (SPECS / "ok" / "base.yaml").read_text(encoding="utf-8")
KEYS = ("rank", "alpha", "target_modules", "scaling")


def codes(*overrides: str) -> set[str]:
    """The codes of LR3xx that a changed base spec has."""
    found = lint_text(
        BASE, "s.yaml", [f"optimization/lora/{each}" if each.split("=")[0] in KEYS else each for each in overrides]
    )
    return {each.code for each in found.diagnostics if each.code.startswith("LR3")}


@pytest.mark.parametrize(
    "change",
    ["rank=64", "target_modules=[kernel]", "target_modules=[attn, q_proj]", "alpha=256", "target_modules=[lm_head]"],
)
def test_without_a_phase_lora_advice_about_adapters_is_not_given(change: str) -> None:
    assert codes(change)
    assert not codes(change, "training/post_lora_tokens=[]", "training/post_lora_dataset=[]")


def test_where_heads_do_not_divide_shapes_mean_nothing() -> None:
    assert codes("rank=128", "alpha=128", "target_modules=[lm_head]") == {"LR304", "LR310"}
    assert codes("rank=128", "alpha=128", "target_modules=[lm_head]", "architecture/n_head=3") == set()


def test_a_target_that_reaches_nothing_is_the_only_cause() -> None:
    assert codes("target_modules=[q_proj, v_prj]") == {"LR301"}
    assert codes("target_modules=[q_proj, bias]") == {"LR302"}


@pytest.mark.parametrize(
    ("targets", "found"),
    [
        ("[attn, mlp]", set()),
        ("all-linear", set()),
        ("[all-linear, lm_head]", set()),
        ("[all-linear, q_proj]", {"LR306"}),
        ("[attn, mlp, lm_head]", set()),
        # Adapters on none of the blocks are a mistake; on few of them they are somebody's choice.
        ("[lm_head]", {"LR310"}),
        ("[wte]", {"LR310"}),
        ("[wte, lm_head]", {"LR310"}),
        ("[wte, q_proj]", {"LR312"}),
        ("[q_proj]", {"LR312"}),
        ("[k_proj]", {"LR312"}),
        ("[attn]", {"LR312"}),
        ("[q_proj, lm_head]", {"LR312"}),
        ("[down_proj]", set()),
        ("[q_proj, up_proj]", set()),
        ("[proj]", set()),
        ("[kernel]", {"LR305"}),
        ("[k]", {"LR305"}),
        # The broad one is to be changed; that the others are inside it is no second finding.
        ("[kernel, attn, mlp]", {"LR305"}),
        ("[attn, attn, mlp]", {"LR306"}),
        ("[attn/q_proj, q_proj, mlp]", {"LR306"}),
        ("[q_proj, v_proj]", {"LR312"}),
        ("[]", {"LR307"}),
    ],
)
def test_targets_are_judged_by_what_they_reach(targets: str, found: set[str]) -> None:
    assert codes(f"target_modules={targets}") == found


def test_a_tied_embedding_leaves_no_head_for_kernel() -> None:
    assert codes("target_modules=[kernel]", "architecture/tie_embeddings=true") == set()


@pytest.mark.parametrize(
    ("rank", "alpha", "scaling", "found"),
    [
        (64, 16, "standard", {"LR313"}),
        (64, 63, "standard", {"LR313"}),
        (64, 64, "standard", set()),
        (128, 256, "standard", set()),
        (256, 16, "standard", {"LR313"}),  # and not LR309 too
        (63, 16, "standard", set()),
        (256, 16, "rslora", set()),
    ],
)
def test_a_high_rank_wants_rslora_or_a_high_alpha(rank: int, alpha: int, scaling: str, found: set[str]) -> None:
    assert codes(f"rank={rank}", f"alpha={alpha}", f"scaling={scaling}", "architecture/n_embd=1024") == found


def test_an_adapter_that_is_gone_on_with_keeps_its_targets() -> None:
    init = "optimization/lora/init=tests/spec/adapters/llama"
    assert "LR312" not in codes("target_modules=[attn]", init)


@pytest.mark.parametrize(
    ("rank", "alpha", "scaling", "told"),
    [
        (16, 4, "standard", False),
        (16, 3.9, "standard", True),
        (16, 128, "standard", False),
        (16, 128.1, "standard", True),
        (16, 32, "rslora", False),
        (16, 33, "rslora", True),
        (16, 0.9, "rslora", True),
    ],
)
def test_the_scale_is_the_one_that_the_run_uses(rank: int, alpha: float, scaling: str, told: bool) -> None:
    found = codes(f"rank={rank}", f"alpha={alpha}", f"scaling={scaling}")
    assert found == ({"LR309"} if told else set())


def test_a_default_alone_is_no_mistake() -> None:
    verdict = lint_text("architecture: {n_embd: 768}", "s.yaml")
    assert not {each.code for each in verdict.diagnostics if each.code.startswith("LR3")}


@pytest.mark.parametrize(
    ("architecture", "target", "remedy"),
    [
        ("{tie_embeddings: true}", "lm_head", "remove it: the output head is the embedding, wte, for"),
        ("{family: llama, tie_embeddings: true}", "lm_head/kernel", "remove it: the output head is the embedding"),
        ("{family: gpt}", "gate_proj", "remove it: family gpt has no gate"),  # of a list for Llama
        ("{family: gpt}", "gates", "write a part of a path: "),
    ],
)
def test_a_part_that_this_model_lacks_is_to_be_removed(architecture: str, target: str, remedy: str) -> None:
    text = f"architecture: {architecture}\noptimization: {{lora: {{target_modules: [attn, {target}]}}}}\n"
    told = [each.remedy or "" for each in lint_text(text).diagnostics if each.code == "LR301"]
    assert [each[: len(remedy)] for each in told] == [remedy]
