"""What a trainer is given, and what every trainer can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from schema.spec import Spec


@dataclass(frozen=True, slots=True)
class ExecutionSpec:
    """What `exec` is given: the spec, the run directory, and another run to start from, if any."""

    spec: Spec
    run_dir: Path
    restore: Path | None = None

    @property
    def starting_point(self) -> Path | None:
        """Run or checkpoint whose weights this run starts from: `--restore`, else architecture/pretrained."""
        pretrained = self.spec.architecture.pretrained
        return self.restore or (Path(pretrained) if pretrained else None)


class RestoreableJob(ABC):
    """A job that can be killed at any instant and started again by the same command."""

    @abstractmethod
    def run(self) -> None:
        """Run to the end of the plan from wherever the run directory says it stands."""

    @abstractmethod
    def restore_from_path(self, rel_path: str) -> None:
        """Restore the checkpoint at this path, relative to the run directory."""
