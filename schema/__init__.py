"""The spec of a run: its declaration, its linter, and typed views of it.

Names are loaded when they are first used, so that linting a file does not load pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schema.config import LoRAConfig, LoRATrainerConfig, configure, field
    from schema.environment import Environment
    from schema.formats import render_json, render_text
    from schema.lint import Verdict, lint_file, lint_text, load_spec
    from schema.sampling import DatasetStyle, Sampling
    from schema.spec import Spec
    from schema.text.diagnostic import Diagnostic, Severity, SpecError, UnreadableSpec

__all__ = [
    "DatasetStyle",
    "Diagnostic",
    "Environment",
    "LoRAConfig",
    "LoRATrainerConfig",
    "Sampling",
    "Severity",
    "Spec",
    "SpecError",
    "UnreadableSpec",
    "Verdict",
    "configure",
    "field",
    "lint_file",
    "lint_text",
    "load_spec",
    "render_json",
    "render_text",
]

_HOMES = {
    "schema.text.diagnostic": ("Diagnostic", "Severity", "SpecError", "UnreadableSpec"),
    "schema.environment": ("Environment",),
    "schema.lint": ("Verdict", "lint_file", "lint_text", "load_spec"),
    "schema.formats": ("render_json", "render_text"),
    "schema.sampling": ("DatasetStyle", "Sampling"),
    "schema.spec": ("Spec",),
    "schema.config": ("LoRAConfig", "LoRATrainerConfig", "configure", "field"),
}


def __getattr__(name: str) -> Any:
    """Load a public name from the module that defines it."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'schema' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return __all__
