"""The page of `lorarun guide`: prose and specs from files beside this one, tables from what they are tables of."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import click

from runner.commands.guide.shapes import ERROR, SHAPES
from runner.failure import ExitCode
from schema.formats import VERSION

SPECS = ("scratch.yaml", "chat.yaml")
COMMON = ("--format", "--traceback", "--help")  # of every command: said once


def guide_page(root: click.Context) -> str:
    """Return the guide in Markdown; `root` is the context of `lorarun` itself, which knows its commands."""
    page = _own("guide.md")
    parts = {name: _own(name).rstrip() for name in SPECS}
    parts |= {"exit codes": _exit_codes(), "version": str(VERSION), "error": _fields(ERROR), "shapes": _shapes()}
    parts["commands"] = "\n".join(_commands(root))
    for name, text in parts.items():
        page = page.replace(f"<!-- {name} -->", text)
    return page


def _own(name: str) -> str:
    return files(__package__ or "").joinpath(name).read_text(encoding="utf-8")


def _exit_codes() -> str:
    rows = [f"| {int(code)} | {code.meaning} | {code.remedy} |" for code in ExitCode]
    return "\n".join(["| exit code | meaning | what to do |", "|---|---|---|", *rows])


def _fields(fields: dict[str, str]) -> str:
    return "\n".join(f"- `{name}`: {meaning}" for name, meaning in fields.items())


def _shapes() -> str:
    return "\n".join(
        f"- `{name}`: " + "; ".join(f"`{key}`: {meaning}" for key, meaning in shape.items())
        for name, shape in SHAPES.items()
    )


def _commands(root: click.Context) -> Iterator[str]:
    """Yield the lines that say of each command how it is called, what it does, and its options."""
    group = root.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(root):
        command = group.get_command(root, name)
        assert command is not None  # the group lists what it has
        context = click.Context(command, info_name=name, parent=root)
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"### lorarun {name}\n\n`lorarun {name} {usage}`\n\n{command.get_short_help_str(300)}\n"
        for parameter in command.get_params(context):
            if isinstance(parameter, click.Option) and parameter.opts[-1] not in COMMON:
                record = parameter.get_help_record(context)
                if record is not None:
                    yield f"- `{record[0]}`: {record[1]}"
        yield ""
