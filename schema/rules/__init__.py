"""The rules, one a file; this table is the only place that lists them, in the order of their codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from schema.diagnostic import Diagnostic, Severity
from schema.document import Document
from schema.rules import (
    adapters_on_random_weights,
    duplicate_key,
    empty_mixture,
    empty_run,
    evaluation_unknown,
    heads_divide_width,
    invalid_choice,
    kv_heads_divide,
    missing_key,
    number_as_text,
    odd_rotary,
    out_of_range,
    override_without_target,
    partial_batch_stage,
    rate_not_positive,
    rates_not_one,
    schedule_over_one,
    stage_count,
    stage_under_one_step,
    style_case,
    style_unknown,
    target_list_empty,
    target_matches_nothing,
    two_budget_families,
    unknown_key,
    unsafe_yaml,
    vocab_too_small,
    wrong_type,
    yaml_syntax,
)


class Rule(Protocol):
    """What a rule module offers; its docstring is its documentation."""

    CODE: str
    SLUG: str
    SEVERITY: Severity

    def check(self, document: Document) -> Iterator[Diagnostic]:
        """Yield what this rule finds; Unavailable may escape and means nothing more can be said."""
        ...


RULES: tuple[Rule, ...] = (
    yaml_syntax,
    duplicate_key,
    unknown_key,
    wrong_type,
    number_as_text,
    missing_key,
    out_of_range,
    invalid_choice,
    override_without_target,
    stage_count,
    partial_batch_stage,
    stage_under_one_step,
    empty_run,
    adapters_on_random_weights,
    two_budget_families,
    rates_not_one,
    rate_not_positive,
    style_unknown,
    empty_mixture,
    evaluation_unknown,
    target_matches_nothing,
    target_list_empty,
    schedule_over_one,
    heads_divide_width,
    kv_heads_divide,
    odd_rotary,
    vocab_too_small,
    unsafe_yaml,
    style_case,
)
