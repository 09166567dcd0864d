"""The direction of imports, read from the source and, for start-up, from an interpreter."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NUMERICAL = {"numpy", "jax", "jaxlib", "flax", "optax", "orbax"}
# Folders and files of the two packages, from the lowest up: each may import what stands before it, and nothing else.
LAYERS = [
    "schema.text",
    "schema.environment",
    "schema.section",
    "schema.families",
    "schema.optimizers",
    "schema.check",
    "schema.sampling",
    "schema.sections",
    "schema.spec",
    "schema.tokenizers",
    "schema.budget",
    "schema.document",
    "schema.rules",
    "schema.settings",
    "schema.lint",
    "schema.config",
    "schema.docs",
    "schema.changes",
    "schema.starter",
    "schema.editor",
    "schema.fixes",
    "schema.formats",
    "runner.failure",
    "runner.distributed",
    "runner.files",
    "runner.process",
    "runner.run",
    "runner.plan",
    "runner.data",
    "runner.mesh",
    "runner.models",
    "runner.optimizers",
    "runner.state",
    "runner.huggingface",
    "runner.lora",
    "runner.metrics",
    "runner.checkpoint",
    "runner.report",
    "runner.weights",
    "runner.environment",
    "runner.generation",
    "runner.export",
    "runner.train",
    "runner.commands",
    "runner.cli",
]


@dataclass(frozen=True, slots=True)
class Imports:
    """Dotted names that a module imports: when it is loaded, and anywhere (functions, type checking)."""

    on_load: set[str] = field(default_factory=set)
    anywhere: set[str] = field(default_factory=set)


@cache
def project() -> dict[str, Imports]:
    """Read the imports of every module of the two packages."""
    paths = {module_name(path): path for folder in ("schema", "runner") for path in (ROOT / folder).rglob("*.py")}
    found = {}
    for module, path in paths.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        on_load = {name for node in loaded_nodes(tree) for name in imported(node, package, set(paths))}
        anywhere = {name for node in ast.walk(tree) for name in imported(node, package, set(paths))}
        found[module] = Imports(on_load, anywhere)
    return found


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def loaded_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when a module is loaded: no function bodies, nothing under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from loaded_nodes(other)
            continue
        yield child
        yield from loaded_nodes(child)


def imported(node: ast.AST, package: str, modules: set[str]) -> Iterator[str]:
    """Yield the modules that one import statement names; `from a import b` is a.b where that is a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = package.split(".")
            above = ".".join(parts[: len(parts) - node.level + 1])
            base = f"{above}.{base}" if base else above
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if inner in modules else base


def loaded_with(module: str) -> set[str]:
    """Everything that loading a module loads through modules of the project, their packages included."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in project():
            waiting += project()[name].on_load
            waiting += [name.rpartition(".")[0]] if "." in name else []
    return seen - {module}


def top(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def test_no_imports_go_round_in_a_circle() -> None:
    graph = {module: {name for name in found.on_load if name in project()} for module, found in project().items()}
    while free := [module for module, needs in graph.items() if not needs & graph.keys()]:
        for module in free:
            del graph[module]
    # What is left stands on a circle or above one.
    assert {module: sorted(needs & graph.keys()) for module, needs in graph.items()} == {}


@pytest.mark.parametrize("module", sorted(name for name in project() if name.startswith("schema")))
def test_schema_knows_neither_the_runner_nor_numerical_libraries(module: str) -> None:
    assert top(project()[module].anywhere) & (NUMERICAL | {"runner"}) == set()


@pytest.mark.parametrize("module", ["runner.cli", "runner.plan.compile", "runner.environment", "runner.report.verify"])
def test_the_command_line_and_the_plan_load_without_numerical_libraries(module: str) -> None:
    assert module in project()
    assert top(loaded_with(module)) & NUMERICAL == set()


def test_the_linter_loads_without_pydantic() -> None:
    assert "pydantic" not in top(loaded_with("schema.lint"))


@pytest.mark.parametrize("module", sorted(name for name in project() if name.endswith(".slots")))
def test_the_slots_of_optimizers_load_without_pydantic(module: str) -> None:
    assert "pydantic" not in top(loaded_with(module))


@pytest.mark.parametrize("module", sorted(name for name in project() if name.startswith("runner.data")))
def test_data_is_read_without_jax(module: str) -> None:
    assert top(project()[module].anywhere | loaded_with(module)) & {"jax", "jaxlib", "flax"} == set()


def test_stores_are_prepared_without_jax() -> None:
    needed = project()["runner.commands.prepare"].anywhere & project().keys()
    assert {module for module in needed if top(loaded_with(module)) & {"jax", "jaxlib", "flax"}} == set()


def place(module: str) -> str:
    """The entry of LAYERS that a module belongs to: its folder or file below the package."""
    return ".".join(module.split(".")[:2])


def test_every_folder_and_file_has_its_place_among_the_layers() -> None:
    assert sorted({place(module) for module in project()} - {"schema", "runner"}) == sorted(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_down(layer: str) -> None:
    below = {*LAYERS[: LAYERS.index(layer) + 1]}
    modules = {name: found for name, found in project().items() if place(name) == layer}
    upward = {
        (name, other)
        for name, found in modules.items()
        for other in found.anywhere
        if other in project() and place(other) not in below | {"schema", "runner"}
    }
    assert sorted(upward) == []


def test_names_with_an_underscore_stay_in_their_folder() -> None:
    crossing = {
        (module, other)
        for module, found in project().items()
        for other in found.anywhere
        if any(part.startswith("_") for part in other.split("."))
        and other in project()
        and other.rpartition(".")[0] not in (module, module.rpartition(".")[0])
    }
    assert sorted(crossing) == []


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("schema.lint", NUMERICAL | {"pydantic"}),
        ("runner.plan.compile", NUMERICAL),
        ("runner.cli", NUMERICAL),
        ("runner.environment", NUMERICAL | {"runner.data.sources"}),  # of which `plan` needs none
        ("runner.report.verify", NUMERICAL),
    ],
    ids=["lint", "plan", "cli", "environment", "verify"],
)
def test_a_fresh_interpreter_agrees(module: str, absent: set[str]) -> None:
    code = f"import sys, {module}; print(*sorted({absent!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
