"""`lorarun init`: the command, its questions, the answers that flags and questions give, and what it finds in data."""

from runner.commands.init.command import command

__all__ = ["command"]
