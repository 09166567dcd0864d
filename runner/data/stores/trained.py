"""The token stores that a run was trained on, by the digests in its newest checkpoint: it resumes with no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.failure import ExitCode, Failure

if TYPE_CHECKING:  # numpy
    from runner.data.stores.store import Store


@dataclass(frozen=True, slots=True)
class Trained:
    """Digests of stores by the names of their folders, as of a step of the run in `run_dir`."""

    run_dir: Path
    step: int
    stores: Mapping[str, str]

    def knows(self, store: Store) -> bool:
        """Whether the run was trained on this store."""
        return self.stores.get(store.folder.name) == store.digest

    def refuse_others(self, stores: Mapping[str, str]) -> None:
        """Raise Failure RESUME where a store of the run has another digest now."""
        changed = [name for name, digest in stores.items() if self.stores.get(name, digest) != digest]
        if changed:
            raise self.refusal(changed)

    def refusal(self, names: Iterable[str]) -> Failure:
        """Return the refusal of stores that hold something else now."""
        return Failure(
            f"the data of {', '.join(sorted(names))} changed since step {self.step:,} of {self.run_dir} was saved; "
            "bring it back, or start a new run with another --run-dir",
            ExitCode.RESUME,
        )
