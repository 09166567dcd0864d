"""Which keys may change once a run has started: every key declares its class, and started stages hold theirs."""

from __future__ import annotations

from typing import Any

import pytest

from schema.changes import change_classes, compare, current_values
from schema.document import load_schema

FREE = """
architecture/remat checkpoint/best checkpoint/every_minutes checkpoint/keep data/root data/workers eval/evaluations
data/sources/NAME/streaming export/accept_lossy export/adapter export/dtype export/gguf export/merged
checkpoint/verify logging/checkpoint_interval logging/report_interval logging/validation_interval logging/wandb
training/evaluate training/max_skipped_steps training/on_nonfinite training/validation training/validation_steps
"""
FREE_WITHOUT_DROPOUT = "mesh/data mesh/fsdp mesh/tensor training/per_device_batch_size"
SAME_CONTENT = """
architecture/pretrained chat/template data/sources/NAME/path data/sources/NAME/tokens data/sources/NAME/validation
optimization/lora/init
tokenizer/name
"""
FORWARD_ONLY = """
training/dataset training/post_lora_dataset training/post_lora_tokens training/pre_lora_dataset
training/pre_lora_tokens training/tokens
training/dataset[]/name training/dataset[]/rate training/dataset[]/style training/dataset[]/suffix
training/dataset[]/document_mask training/pre_lora_dataset[][]/document_mask
training/post_lora_dataset[][]/document_mask
training/post_lora_dataset[][]/name training/post_lora_dataset[][]/rate training/post_lora_dataset[][]/style
training/post_lora_dataset[][]/suffix training/pre_lora_dataset[][]/name training/pre_lora_dataset[][]/rate
training/pre_lora_dataset[][]/style training/pre_lora_dataset[][]/suffix
"""
BREAKING = """
architecture/attention_bias architecture/bias architecture/block_size architecture/dropout architecture/dtype
architecture/dtype/activation architecture/dtype/param architecture/family architecture/intermediate_size
architecture/n_embd architecture/n_head architecture/head_dim architecture/mlp_bias architecture/n_kv_head
architecture/n_layers architecture/norm_eps architecture/rope architecture/rope_scaling
architecture/rope_scaling/factor architecture/rope_scaling/high_freq_factor
architecture/rope_scaling/low_freq_factor architecture/rope_scaling/original_max_position_embeddings
architecture/rope_scaling/rope_type architecture/rope_theta architecture/tie_embeddings architecture/vocab_size
data/deduplicate data/on_exhausted data/rates_by training/budget data/on_too_long data/sources
data/sources/NAME/completion
data/sources/NAME/prompt data/sources/NAME/text data/sources/NAME/messages data/sources/NAME/instruction
data/sources/NAME/numbers_as_text data/sources/NAME/input data/sources/NAME/output data/sources/NAME/hub
data/sources/NAME/chosen data/sources/NAME/rejected data/sources/NAME/config data/sources/NAME/split
data/sources/NAME/dtype chat/train_on
optimization/adafactor optimization/adafactor/clipping_threshold optimization/adafactor/decay_rate
optimization/adafactor/eps optimization/adafactor/min_dim_size_to_factor
optimization/adafactor/multiply_by_parameter_scale optimization/adamw optimization/adamw/beta1 optimization/adamw/beta2
optimization/adamw/eps optimization/grad_clip optimization/lora optimization/lora/alpha optimization/lora/dropout
optimization/lora/lr optimization/lora/optimizer optimization/lora/rank optimization/lora/scaling
optimization/muon optimization/muon/beta optimization/muon/consistent_rms optimization/muon/eps
optimization/muon/nesterov optimization/muon/ns_steps optimization/lora/target_modules optimization/lr
optimization/optimizer
optimization/schedule optimization/weight_decay tokenizer/add_bos
tokenizer/backend training/batch_size training/seed training/decay_pct training/warmup_pct
"""


def test_every_key_has_the_class_that_was_decided() -> None:
    decided = {
        key: name
        for name, keys in {
            "free": FREE,
            "free without dropout": FREE_WITHOUT_DROPOUT,
            "free with the same content": SAME_CONTENT,
            "forward-only": FORWARD_ONLY,
            "breaking": BREAKING,
        }.items()
        for key in keys.split()
    }
    assert change_classes(load_schema()) == decided


def web(rate: float = 1.0) -> list[dict[str, Any]]:
    return [{"name": "web", "rate": rate, "style": "PMD", "suffix": ""}]


def masked(document_mask: bool = True) -> list[dict[str, Any]]:
    return [{**web()[0], "document_mask": document_mask}]


def identity(**changes: Any) -> dict[str, Any]:
    """A run of two stages of phase full, of 10 and 20 steps, and one of phase lora, of 5."""
    spec = {
        "architecture/block_size": 8,
        "architecture/dropout": 0.0,
        "architecture/n_layers": 2,
        "data/sources/web/path": "web.txt",
        "logging/report_interval": 4,
        "mesh/data": -1,
        "optimization/lora/dropout": 0.0,
        "training/batch_size": 4,
        "training/tokens": 320,
        "training/dataset": web(),
        "training/pre_lora_tokens": [320, 640],
        "training/pre_lora_dataset": [web(), web()],
        "training/post_lora_tokens": [160],
        "training/post_lora_dataset": [web()],
    }
    facts = {name: changes.pop(name, None) for name in ("starting_point", "one_budget")}
    return {"spec": spec | {name.replace("__", "/"): value for name, value in changes.items()}, **facts}


# What changes, the step after which the run goes on, and whether it may.
CASES: list[tuple[dict[str, Any], int, bool]] = [
    ({"logging__report_interval": 8}, 7, True),
    ({"architecture__n_layers": 3}, 0, False),
    ({"mesh__data": 2}, 7, True),
    ({"training__pre_lora_tokens": [320, 960]}, 10, True),  # the second stage begins after step 10
    ({"training__pre_lora_tokens": [320, 960]}, 11, False),
    ({"training__pre_lora_tokens": [640, 640]}, 0, True),
    ({"training__pre_lora_tokens": [640, 640]}, 1, False),
    ({"training__pre_lora_tokens": [330, 640]}, 5, False),  # the steps are the same, what was asked is not
    ({"training__pre_lora_dataset": [web(), web(0.5) * 2]}, 10, True),
    ({"training__pre_lora_dataset": [web(), web(0.5) * 2]}, 12, False),
    ({"training__pre_lora_dataset": [web(), masked()]}, 10, True),
    ({"training__pre_lora_dataset": [web(), masked()]}, 11, False),
    ({"training__post_lora_tokens": [320]}, 30, True),  # the boundary
    ({"training__post_lora_tokens": [320]}, 31, False),
    ({"training__pre_lora_tokens": [320], "training__pre_lora_dataset": [web()]}, 10, True),
    ({"training__pre_lora_tokens": [320], "training__pre_lora_dataset": [web()]}, 12, False),
    (
        {"training__pre_lora_tokens": [320, 640, 320], "training__pre_lora_dataset": [web(), web(), web()]},
        30,
        True,
    ),
    (
        {"training__pre_lora_tokens": [320, 640, 320], "training__pre_lora_dataset": [web(), web(), web()]},
        31,
        False,
    ),
    ({"training__post_lora_tokens": [160, 160], "training__post_lora_dataset": [web(), web()]}, 35, True),
    ({"training__tokens": 640}, 20, True),  # it decides nothing here
    ({"data__sources__more__path": "more.txt"}, 7, True),  # a dataset that no stage has read yet
    ({"data__sources__web__path": "other.txt"}, 7, True),  # digests say whether it holds the same
    ({"data__sources__web__text": "body"}, 7, False),
    ({"starting_point": "/runs/base"}, 0, False),
]


@pytest.mark.parametrize(("changes", "step", "goes_on"), CASES)
def test_a_change_is_accepted_where_nothing_that_was_trained_depends_on_it(
    changes: dict[str, Any], step: int, goes_on: bool
) -> None:
    found = [*compare(identity(), identity(**changes), step, load_schema())]
    assert {change.key for change, _ in found} == {name.replace("__", "/") for name in changes}
    assert {accepted for _, accepted in found} == {goes_on}


def test_an_entry_of_an_older_run_has_the_defaults_of_newer_keys() -> None:
    now = identity(training__pre_lora_dataset=[masked(False), masked(False)])
    assert [*compare(identity(), now, 12, load_schema())] == []


def test_each_change_has_its_own_verdict() -> None:
    changes = {
        "training__pre_lora_tokens": [320, 960],  # its second stage has started
        "training__post_lora_tokens": [320],
        "training__post_lora_dataset": [web(0.5) * 2],
        "training__batch_size": 2,  # which makes all steps others
        "logging__report_interval": 8,
    }
    found = {change.key: goes_on for change, goes_on in compare(identity(), identity(**changes), 12, load_schema())}
    assert found == {
        "training/pre_lora_tokens": False,
        "training/post_lora_tokens": True,
        "training/post_lora_dataset": True,
        "training/batch_size": False,
        "logging/report_interval": True,
    }


def test_the_first_source_of_a_spec_may_come_later() -> None:
    none, one = identity(data__sources={}), identity(data__sources__more__path="more.txt")
    for each in (none, one):
        del each["spec"]["data/sources/web/path"]
    assert [goes_on for _, goes_on in compare(none, one, 7, load_schema())] == [True, True]
    assert [goes_on for _, goes_on in compare(one, none, 7, load_schema())] == [False, False]


def test_a_source_of_an_older_run_has_the_defaults_of_keys_that_are_newer() -> None:
    now = identity(data__sources__web__split="train", data__sources__web__hub=None)
    assert not list(compare(identity(), now, 7, load_schema()))
    now = identity(data__sources__web__split="test")
    assert [str(change) for change, _ in compare(identity(), now, 7, load_schema())] == [
        'data/sources/web/split was "train", is "test"'
    ]


def test_with_dropout_the_mesh_belongs_to_the_run() -> None:
    wet = {"architecture__dropout": 0.1}
    (found,) = compare(identity(**wet), identity(**wet, mesh__data=2), 7, load_schema())
    assert found[1] is False


def test_a_run_of_one_budget_has_one_stage() -> None:
    def goes_on(**changes: Any) -> set[bool]:
        return {accepted for _, accepted in compare(identity(one_budget=True), identity(**changes), 9, load_schema())}

    assert goes_on(one_budget=True, training__post_lora_tokens=[1]) == {True}
    assert goes_on(one_budget=True, training__tokens=640) == {False}
    assert goes_on(one_budget=False, training__pre_lora_tokens=[640, 640]) == {False}
    assert goes_on(one_budget=False, training__pre_lora_tokens=[320, 960]) == {True}


# The values of the two are the same; the one stage of training/tokens is the first of two of phase full.
@pytest.mark.parametrize(("step", "goes_on"), [(10, True), (11, False)])
def test_which_budgets_decide_is_a_change_though_no_value_is_another(step: int, goes_on: bool) -> None:
    names = ["training/tokens", "training/pre_lora_tokens and training/post_lora_tokens"]
    for before, now in ((True, False), (False, True)):
        old, new = (identity(one_budget=single) for single in (before, now))
        ((change, accepted),) = compare(old, new, step, load_schema())
        assert (change.before, change.now) == (names[not before], names[not now])
        assert accepted is goes_on


@pytest.mark.parametrize(("before", "now"), [(True, "full"), (False, "none"), ("names", "names"), (None, None)])
def test_a_value_under_its_former_name_is_no_change(before: Any, now: Any) -> None:
    old, new = identity(architecture__remat=before), identity(architecture__remat=now)
    assert not [*compare(old, new, 7, load_schema())]
    assert current_values(old["spec"], load_schema())["architecture/remat"] == now
    assert current_values({"architecture/bias": True, "gone/key": True}, load_schema()) == {
        "architecture/bias": True,
        "gone/key": True,
    }


@pytest.mark.parametrize("by_stores", [{"training__budget": "supervised_tokens"}, {"data__on_exhausted": "stop"}])
def test_where_steps_follow_from_stores_the_plan_of_the_run_says_which_stages_have_started(
    by_stores: dict[str, str],
) -> None:
    before, schema = identity(**by_stores), load_schema()
    for changes, step, resumes in CASES:
        now = identity(**changes, **by_stores)
        found = [each for change, each in compare(before, now, step, schema, (10, 30, 35)) if change.key]
        assert found == [resumes] * len(found), (changes, step)
    more = identity(**by_stores, training__post_lora_tokens=[160, 160], training__post_lora_dataset=[web(), web()])
    assert {each for _, each in compare(before, more, 35, schema, (10, 30, 35))} == {True}
    assert {each for _, each in compare(before, more, 35, schema)} == {False}  # nobody knows how far it came
    assert {each for _, each in compare(before, more, 0, schema)} == {True}


def test_a_key_of_a_newer_version_means_by_default_what_was_before() -> None:
    older, schema = identity(), load_schema()
    assert list(compare(older, identity(training__budget="tokens", data__rates_by="rows"), 7, schema)) == []
    changed = list(compare(older, identity(data__rates_by="tokens"), 7, schema))
    assert [(change.key, resumes) for change, resumes in changed] == [("data/rates_by", False)]
