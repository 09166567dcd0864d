"""Which of the two families of budgets decides, by the keys that the user wrote.

`written` holds their slash paths. Neither function reads a value.
"""

from __future__ import annotations

from collections.abc import Collection

from schema.budget.stages import DATASET_KEY, TOKENS_KEY, one_budget

PER_PHASE = (*TOKENS_KEY.values(), *DATASET_KEY.values())
# The keys of `training` that make the stages.
DECIDING = ("tokens", "dataset", *PER_PHASE)
# The keys of a run of one phase, and what phase full has in their place.
OF_PHASE_FULL = {"tokens": TOKENS_KEY["full"], "dataset": DATASET_KEY["full"]}
ADAPTERS = "optimization/lora"


def decides_alone(written: Collection[str]) -> bool:
    """Whether training/tokens and training/dataset decide."""
    return one_budget([key for key in DECIDING if f"training/{key}" in written])


def displaced(written: Collection[str]) -> dict[str, str]:
    """Return keys of a run of one phase, each with the key of phase full in whose place it stands: LR111 says so."""
    return {
        key: own
        for key, own in OF_PHASE_FULL.items()
        if not decides_alone(written) and f"training/{key}" in written and f"training/{own}" not in written
    }


def adapters_without_phase(written: Collection[str]) -> bool:
    """Whether optimization/lora is written, and nothing of phase lora: LR107 says so."""
    budgets = (f"training/{family['lora']}" for family in (TOKENS_KEY, DATASET_KEY))
    return ADAPTERS in written and not any(path in written for path in budgets)
