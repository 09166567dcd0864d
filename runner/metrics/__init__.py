"""Where a run's numbers go. A sink is one file here; every sink gets every record."""

from __future__ import annotations

from runner.metrics._sink import Record, Sink, open_sinks

__all__ = ["Record", "Sink", "open_sinks"]
