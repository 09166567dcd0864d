"""What a trainer is given, and what every trainer can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from schema.document.hub import located
from schema.spec import Spec


@dataclass(frozen=True, slots=True)
class ExecutionSpec:
    """What `exec` is given: the spec, the run directory, and another run to start from, if any.

    Folders may be given as text. `pins` are the names of models of the hub as the spec's text has them → those with a
    commit, which the spec has. Raises TypeError for a spec that is not loaded yet.
    """

    spec: Spec
    run_dir: Path
    restore: Path | None = None
    pins: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.spec, Spec):
            raise TypeError(f"spec is {self.spec!r}, not a Spec; give schema.load_spec(FILE)")
        object.__setattr__(self, "run_dir", Path(self.run_dir))
        object.__setattr__(self, "restore", Path(self.restore) if self.restore is not None else None)

    @property
    def starting_point(self) -> Path | None:
        """Where the weights lie that this run starts from: `--restore`, else architecture/pretrained."""
        pretrained = self.spec.architecture.pretrained
        return self.restore or (located(pretrained) if pretrained else None)


class RestoreableJob(ABC):
    """A job that can be killed at any instant and started again by the same command."""

    @abstractmethod
    def run(self) -> None:
        """Run to the end of the plan from wherever the run directory says it stands."""

    @abstractmethod
    def restore_from_path(self, rel_path: str) -> None:
        """Restore the checkpoint at this path, relative to the run directory."""
