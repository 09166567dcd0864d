"""`lorarun lsp`: the linter in an editor. What is found, known and fixed comes from `schema`; here it is translated."""

from runner.commands.lsp.command import command

__all__ = ["command"]
