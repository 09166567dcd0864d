"""Variables of terminals, shells, schedulers and other programs change no word of what a command says."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runner.cli import main
from tests.runner.workplace import fill

HOSTILE: dict[str, dict[str, str | None]] = {
    "no home": {"HOME": None, "USER": None, "LOGNAME": None},
    "a home that is a file": {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"},
    "a home that is nowhere": {"HOME": "nowhere"},
    "no room for temporary files": {"TMPDIR": "/nowhere", "TEMP": "/nowhere"},
    "no columns": {"COLUMNS": "0", "LINES": "0"},
    "columns that are no number": {"COLUMNS": "x", "LINES": "-1", "JUPYTER_COLUMNS": "x"},
    "no terminal to speak of": {"TERM": "dumb", "NO_COLOR": "1"},
    "an unknown terminal": {"TERM": "", "TERMINFO": "/dev/null"},
    "an unknown locale": {"LANG": "xx_YY.UTF-8", "LC_ALL": "xx_YY.UTF-8", "LANGUAGE": "xx"},
    "an unknown time zone": {"TZ": "Nowhere/Else"},
    "halves of a scheduler": {
        "SLURM_JOB_ID": "1",
        "SLURM_NTASKS": "x",
        "SLURM_PROCID": "",
        "OMPI_COMM_WORLD_SIZE": "2",
    },
    "threads that are no number": {"OMP_NUM_THREADS": "x", "MKL_NUM_THREADS": "-1", "RAYON_NUM_THREADS": "x"},
    "settings of other libraries": {"TF_CPP_MIN_LOG_LEVEL": "x", "HF_HOME": "/dev/null", "TOKENIZERS_PARALLELISM": "x"},
    "settings of jax": {"JAX_PLATFORMS": "foo", "JAX_ENABLE_X64": "maybe", "XLA_FLAGS": "--no-such-flag"},
    "warnings that are errors": {"PYTHONWARNINGS": "error"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    fill(folder)
    return folder


def ask(folder: Path, variables: dict[str, str | None]) -> list[tuple[int, str, str]]:
    """Read the spec, look at the machine, and plan."""
    spec = str(folder / "spec.yaml")
    runs = ["--run-dir", str(folder / "run")]
    asked = (["validate", "--env", spec, *runs], ["plan", spec], ["runs", str(folder)])
    done: list[Result] = [CliRunner().invoke(main, command, env=variables) for command in asked]
    return [(each.exit_code, each.stdout, each.stderr) for each in done]


@pytest.mark.parametrize("name", HOSTILE)
def test_an_environment_changes_no_word_of_what_a_command_says(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert ask(folder, HOSTILE[name]) == ask(folder, {})
