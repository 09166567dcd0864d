"""A stand-in for the module `wandb`, and a run that is logged to it."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from runner.metrics.wandb import WandbRun, WandbSink


class Library:
    """Stands for the module `wandb`: notes what it is told, and raises or waits where a test says so."""

    def __init__(self) -> None:
        self.begun: list[dict[str, Any]] = []
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.finished = 0
        self.in_use: set[str | None] = set()
        self.fails: dict[str, Exception] = {}
        self.waits = threading.Event()
        self.waits.set()

    class Settings(SimpleNamespace):
        """What of wandb's settings is read here."""

        model_fields = ("init_timeout", "silent")
        base_url = "http://127.0.0.1:9"  # where nobody listens

    def init(self, **options: Any) -> Library:
        self.begun.append(options)
        if options.get("id") in self.in_use:  # by a start that failed, as in wandb
            raise RuntimeError("run ID is in use")
        self.in_use = {options.get("id")} if self.fails else set()
        if options.get("mode") in self.fails or "init" in self.fails:
            raise self.fails.get(options.get("mode", ""), self.fails.get("init", Exception()))
        if "online" in self.fails and options.get("mode") != "offline":
            raise self.fails["online"]
        return self

    def log(self, numbers: dict[str, float], step: int) -> None:
        if "log" in self.fails and step > 3:
            raise self.fails["log"]
        self.logged.append((step, numbers))

    def teardown(self) -> None:
        self.in_use.clear()

    def finish(self) -> None:
        self.waits.wait(9)
        if "finish" in self.fails:
            raise self.fails["finish"]
        self.finished += 1


def begin(folder: Path, run_id: str = "an-id", **config: Any) -> tuple[WandbSink, list[str]]:
    said: list[str] = []
    return WandbSink(folder / "runs" / "mine", WandbRun(run_id, config, said.append)), said
