"""`lorarun validate`: the command, and the spec files that it reads, fixes and reports."""

from runner.commands.validate.command import command

__all__ = ["command"]
