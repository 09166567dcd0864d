"""`lorarun guide`: the command, and the page that it prints."""

from runner.commands.guide.command import command

__all__ = ["command"]
