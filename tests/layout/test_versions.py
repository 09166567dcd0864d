"""The lowest environment that the tests run in is that of pyproject.toml's lower bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.versions import lower_bounds

PROJECT = """
[project]
dependencies = ["click>=8.1", "ruamel.yaml>=0.18,<0.20"]
[project.optional-dependencies]
dev = [{dev}]
"""


def test_every_dependency_is_pinned_at_its_lower_bound() -> None:
    assert lower_bounds(PROJECT.format(dev='"pytest-xdist>=3.7"')) == [
        "click==8.1",
        "ruamel.yaml==0.18",
        "pytest-xdist==3.7",
    ]


def test_a_dependency_without_a_lower_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="'ruff' is not name>=release"):
        lower_bounds(PROJECT.format(dev='"ruff"'))


def test_every_dependency_of_the_project_has_a_lower_bound() -> None:
    pyproject = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert "pytest" in {pin.partition("==")[0] for pin in lower_bounds(pyproject)}
