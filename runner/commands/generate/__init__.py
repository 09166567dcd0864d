"""`lorarun generate`: text from a run or a model's folder."""

from __future__ import annotations

from runner.commands.generate.command import command

__all__ = ["command"]
