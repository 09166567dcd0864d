#!/usr/bin/env python3
"""Time `lorarun validate` and `lorarun plan` against the imports that they can't do without, and against other linters.

    python tools/bench/cli.py                                   15 rounds on specs/quickstart.yaml
    python tools/bench/cli.py --rounds 31 --spec my.yaml
    python tools/bench/cli.py --peers .venv-linters/bin         beside yamllint and check-jsonschema
    python tools/bench/cli.py --corpus configs                  and on a folder of specs, whatever is found in them
    python tools/bench/cli.py --script                          through the installed console script

Every round runs each command once, in turns, so that a slow moment of the machine meets all of them. CPU seconds of
the process, user and system; the ratios are of medians, to `import pydantic, ruamel.yaml, click, rich`, the libraries
of the commands. `3,000 unknown keys` is the spec with as many keys in its training section that nothing declares.

The other linters are those of `pip install yamllint check-jsonschema`: yamllint reads YAML alone, check-jsonschema
checks the same spec against the JSON Schema that editors use. The ratios to them stand in the last columns.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import string
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = "import pydantic, ruamel.yaml, click, rich"
MANY = 200
UNKNOWN = 3000
FINDINGS = (0, 1)  # what every linter here leaves with, without findings and with


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--spec", type=Path, default=ROOT / "specs" / "quickstart.yaml")
    parser.add_argument("--corpus", type=Path, help="a folder of specs to validate in one call")
    parser.add_argument("--peers", type=Path, help="the folder that holds yamllint and check-jsonschema")
    parser.add_argument("--script", action="store_true", help="run the console script beside this interpreter")
    arguments = parser.parse_args()
    lorarun = (
        [str(Path(sys.executable).parent / "lorarun")] if arguments.script else [sys.executable, "-m", "runner.cli"]
    )
    spec, text = str(arguments.spec.resolve()), arguments.spec.read_text(encoding="utf-8")
    peers = {name: linter(name, arguments.peers) for name in ("yamllint", "check-jsonschema")}
    with TemporaryDirectory() as scratch:
        folder, unknown = Path(scratch) / "many", Path(scratch) / "unknown.yaml"
        folder.mkdir()
        fill(folder, text)
        unknown.write_text(with_unknown_keys(text), encoding="utf-8")
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "imports": [sys.executable, "-c", IMPORTS],
            "lorarun --help": [*lorarun, "--help"],
            "lorarun validate": [*lorarun, "validate", spec],
            "lorarun plan": [*lorarun, "plan", spec],
            f"validate × {MANY}": [*lorarun, "validate", str(folder)],
            f"{UNKNOWN:,} unknown keys": [*lorarun, "validate", str(unknown)],
        }
        if arguments.corpus:
            commands["validate CORPUS"] = [*lorarun, "validate", str(arguments.corpus.resolve())]
        schema = ["--schemafile", str(ROOT / "schema" / "spec.schema.json")]
        options = {"yamllint": ["-d", "relaxed"], "check-jsonschema": schema}
        commands |= {name: [path, *options[name], spec] for name, path in peers.items() if path}
        seconds = measure(commands, arguments.rounds)
    report(seconds, arguments.rounds, arguments.spec.name, [name for name in peers if name in seconds])


def linter(name: str, folder: Path | None) -> str | None:
    """Find another linter; None where there is none. Exits where a named folder has none."""
    found = shutil.which(name, path=str(folder) if folder else None)
    if folder and not found:
        sys.exit(f"there is no {name} in {folder}")
    return found


def fill(folder: Path, text: str) -> None:
    """Write specs that differ, so that none is a copy of another."""
    for seed in range(MANY):
        (folder / f"{seed:03}.yaml").write_text(
            text.replace("\ntraining:\n", f"\ntraining:\n  seed: {seed}\n"), encoding="utf-8"
        )


def with_unknown_keys(text: str) -> str:
    """Return a spec whose training section has as many random keys as asked for, the same in each call."""
    chance = random.Random(0)
    names = ("".join(chance.choices(string.ascii_lowercase + "_", k=chance.randint(3, 14))) for _ in range(UNKNOWN))
    keys = "".join(f"  {name}{index}: 1\n" for index, name in enumerate(names))
    return text.replace("\ntraining:\n", f"\ntraining:\n{keys}", 1)


def measure(commands: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each command in each round, after one round that fills the bytecode cache."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for index in range(rounds + 1):
        for name, command in commands.items():
            taken = run(command)
            if index:
                seconds[name].append(taken)
    return seconds


def run(command: list[str]) -> float:
    """Run one command to its end; return its CPU seconds. Exits with its output when it fails."""
    # Without cached bytecode every start would compile the project's sources, which no user's start does.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in FINDINGS:
            output.seek(0)
            sys.exit(f"{' '.join(command)} left with {process.returncode}:\n{output.read().decode()}")
    return used.ru_utime + used.ru_stime


def report(seconds: dict[str, list[float]], rounds: int, spec: str, peers: list[str]) -> None:
    """Print a line for each command, with its ratio to the imports and to each of the other linters."""
    medians = {name: median(times) for name, times in seconds.items()}
    bases = ["imports", *peers]
    print(f"{rounds} rounds in turns, {spec}, Python {sys.version.split()[0]}, CPU time")
    print(f"{'command':<20}  {'median ms':>9}  {'best ms':>8}" + "".join(f"  {f'× {name}':>18}" for name in bases))
    for name, times in seconds.items():
        ratios = "".join(f"  {medians[name] / medians[base]:>18.2f}" for base in bases)
        print(f"{name:<20}  {medians[name] * 1e3:>9.0f}  {min(times) * 1e3:>8.0f}{ratios}")
    further = (medians[f"validate × {MANY}"] - medians["lorarun validate"]) / (MANY - 1)
    print(f"each further spec: {further * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
