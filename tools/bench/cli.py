#!/usr/bin/env python3
"""Time the start of `lorarun validate` and `lorarun plan` against the imports that they cannot do without.

    python tools/bench/cli.py                                   15 rounds on specs/quickstart.yaml
    python tools/bench/cli.py --rounds 31 --spec my.yaml
    python tools/bench/cli.py --script                          through the installed console script

Every round runs each command once, in turns, so that a slow moment of the machine meets all of them. Medians
of wall time; the ratios are to `import pydantic, ruamel.yaml, click, rich`, the libraries of the commands. The last
line is what each further spec costs in one call of `validate` on 200 of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = "import pydantic, ruamel.yaml, click, rich"
MANY = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--spec", type=Path, default=ROOT / "specs" / "quickstart.yaml")
    parser.add_argument("--script", action="store_true", help="run the console script beside this interpreter")
    arguments = parser.parse_args()
    lorarun = (
        [str(Path(sys.executable).parent / "lorarun")] if arguments.script else [sys.executable, "-m", "runner.cli"]
    )
    spec = str(arguments.spec.resolve())
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "imports": [sys.executable, "-c", IMPORTS],
        "lorarun --help": [*lorarun, "--help"],
        "lorarun validate": [*lorarun, "validate", spec],
        "lorarun plan": [*lorarun, "plan", spec],
    }
    with TemporaryDirectory() as folder:
        fill(Path(folder), arguments.spec.read_text(encoding="utf-8"))
        commands[f"validate × {MANY}"] = [*lorarun, "validate", folder]
        seconds = measure(commands, arguments.rounds)
    imports = median(seconds["imports"])
    print(f"{arguments.rounds} rounds in turns, {arguments.spec.name}, Python {sys.version.split()[0]}")
    print(f"{'command':<18}  {'median ms':>9}  {'best ms':>8}  {'× imports':>9}")
    for name, times in seconds.items():
        print(f"{name:<18}  {median(times) * 1e3:>9.0f}  {min(times) * 1e3:>8.0f}  {median(times) / imports:>9.2f}")
    further = (median(seconds[f"validate × {MANY}"]) - median(seconds["lorarun validate"])) / (MANY - 1)
    print(f"each further spec: {further * 1e3:.1f} ms")


def fill(folder: Path, text: str) -> None:
    """Write specs that differ, so that none is a copy of another."""
    for seed in range(MANY):
        (folder / f"{seed:03}.yaml").write_text(
            text.replace("\ntraining:\n", f"\ntraining:\n  seed: {seed}\n"), encoding="utf-8"
        )


def measure(commands: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Return the wall seconds of each command in each round, after one round that fills the bytecode cache."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for index in range(rounds + 1):
        for name, command in commands.items():
            taken = run(command)
            if index:
                seconds[name].append(taken)
    return seconds


def run(command: list[str]) -> float:
    """Run one command to its end. Exits with its output when it fails: a refusal is no measurement."""
    # Without cached bytecode every start would compile the project's sources, which no user's start does.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)} left with {done.returncode}:\n{done.stdout}{done.stderr}")
    return taken


if __name__ == "__main__":
    main()
