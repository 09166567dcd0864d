"""Weights & Biases: whose run it is, whose variables win, and a training that goes on whatever the upload does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import runner.metrics.wandb as module
from runner.failure import ExitCode, Failure
from runner.metrics.wandb import require_wandb, survey_wandb
from schema.document import read_document
from tests.runner.metrics.wandb_library import Library, begin

KEY = "0123456789abcdef" * 4
RECORD = {"event": "validation", "step": 3, "phase": "full", "dataset": "tales", "loss": 1.5}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A wandb that is online, on a machine with a key and no variables or files of its own."""
    for name in (
        "PROJECT",
        "NAME",
        "RUN_ID",
        "ENTITY",
        "DIR",
        "RESUME",
        "MODE",
        "DISABLED",
        "BASE_URL",
        "CONFIG_DIR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
    ):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    monkeypatch.delenv("WANDB_IDENTITY_TOKEN_FILE", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(module, "getproxies", lambda: {"https": "a proxy, so that no one knocks"})
    library = Library()
    monkeypatch.setitem(sys.modules, "wandb", library)  # type: ignore[arg-type]
    return library


def test_wandb_that_is_not_installed_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.metrics.wandb.find_spec", lambda _: None)
    with pytest.raises(Failure) as refused:
        require_wandb()
    assert refused.value.exit_code is ExitCode.INVALID
    assert str(refused.value) == (
        "logging/wandb is true, and wandb is not installed; pip install 'lorarun[wandb]', or set it to false"
    )


def test_a_new_run_at_an_old_path_is_another_run_there(library: Library, tmp_path: Path) -> None:
    for run_id in ("first", "first", "second"):
        sink, said = begin(tmp_path, run_id, spec={"training": {"seed": 1}}, plan={"steps": 4})
        sink.write(RECORD)
        sink.close()
        assert said == []
    assert [options["id"] for options in library.begun] == ["first", "first", "second"]
    assert {options["resume"] for options in library.begun} == {"allow"}
    assert library.begun[0]["config"] == {"spec": {"training": {"seed": 1}}, "plan": {"steps": 4}}
    assert library.begun[0]["project"] == "lorarun"
    assert library.begun[0]["name"] == "mine"
    assert vars(library.begun[0]["settings"]) == {"init_timeout": module.INIT_SECONDS}
    assert library.logged[0] == (3, {"validation/tales/loss": 1.5})
    assert library.finished == 3


@pytest.mark.parametrize(
    ("variable", "option"),
    [
        ("WANDB_PROJECT", "project"),
        ("WANDB_NAME", "name"),
        ("WANDB_RUN_ID", "id"),
        ("WANDB_DIR", "dir"),
        ("WANDB_RESUME", "resume"),
        ("WANDB_ENTITY", "entity"),
    ],
)
def test_the_variables_of_the_user_win(
    variable: str, option: str, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "mine")
    begin(tmp_path)
    (options,) = library.begun
    assert option not in options
    assert {"project", "name", "id", "dir", "resume"} - {option} <= set(options)


@pytest.mark.parametrize("mode", ["offline", "disabled", "dryrun"])
def test_a_mode_without_an_upload_needs_no_key(
    mode: str, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    monkeypatch.delenv("WANDB_API_KEY")
    _, said = begin(tmp_path)
    assert said == []
    assert [options.get("mode") for options in library.begun] == [None]  # wandb reads the variable


@pytest.mark.parametrize("key", [None, "", "short"])
def test_without_a_key_the_run_is_recorded_for_later(
    key: str | None, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    if key is not None:
        monkeypatch.setenv("WANDB_API_KEY", key)
    sink, said = begin(tmp_path)
    sink.write(RECORD)
    folder = tmp_path / "runs" / "mine" / "wandb"
    assert said == [
        f"logging/wandb: nothing is uploaded now (there is no API key here); `wandb sync` uploads it from {folder}"
    ]
    assert [options["mode"] for options in library.begun] == ["offline"]
    assert [step for step, _ in library.logged] == [3]


@pytest.mark.parametrize("failing", [True, False])
def test_its_service_writes_nothing_to_standard_output(
    failing: bool, library: Library, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    init = library.init

    def start(**options: Any) -> Library:
        subprocess.run("echo footer", shell=True, check=True)  # which inherits it, as the service does
        return init(**options)

    monkeypatch.setattr(library, "init", start)
    if failing:
        library.fails["online"] = TimeoutError()
    begin(tmp_path)
    os.write(1, b"{}")
    out, err = capfd.readouterr()
    assert (out, err.count("footer")) == ("{}", 1 + failing)


def test_without_a_network_nobody_waits(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "getproxies", dict)
    _, said = begin(tmp_path)
    assert [options["mode"] for options in library.begun] == ["offline"]
    assert len(said) == 1
    assert said[0].startswith("logging/wandb: nothing is uploaded now (127.0.0.1 can't be reached: ")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.2:9")
    assert begin(tmp_path)[1][0].startswith("logging/wandb: nothing is uploaded now (127.0.0.2 can't be reached: ")


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://wandb.corp", ("wandb.corp", 80)),
        ("https://wandb.corp", ("wandb.corp", 443)),
        ("http://wandb.corp:8080", ("wandb.corp", 8080)),
    ],
)
def test_the_port_that_is_asked_is_that_of_the_address(
    url: str, asked: tuple[str, int], library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], _: float) -> SimpleNamespace:
        heard.append(address)
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(module.socket, "create_connection", connect)
    monkeypatch.setenv("WANDB_BASE_URL", url)
    monkeypatch.setattr(module, "getproxies", lambda: {"no": "localhost"})  # no proxy at all
    assert begin(tmp_path)[1] == []
    monkeypatch.setenv("WANDB_HTTPS_PROXY", "http://proxy.corp:3128")
    assert begin(tmp_path)[1] == []
    assert heard == [asked]


@pytest.mark.parametrize("url", ["http://w.org:80a", "http://[::1", f"http://{'a' * 70}.org"])
def test_an_address_that_is_none_stops_no_training(
    url: str, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "getproxies", dict)
    monkeypatch.setenv("WANDB_BASE_URL", url)
    sink, _ = begin(tmp_path)
    sink.write(RECORD)
    assert [step for step, _ in library.logged] == [3]
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setattr(module, "find_spec", lambda _: object())
    assert survey_wandb(read_document(b"logging: {wandb: true}", "spec.yaml")) is not None


def test_a_wandb_that_does_not_load_stops_no_training(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # as with a protobuf that it can't use
    sink, (said,) = begin(tmp_path)
    sink.write(RECORD)
    sink.close()
    assert said.startswith("logging/wandb: it can't start (import of wandb halted")


@pytest.mark.parametrize("error", [TimeoutError(), ValueError("the server does not know this key\nand more")])
def test_a_server_that_refuses_stops_no_training(error: Exception, library: Library, tmp_path: Path) -> None:
    library.fails["online"] = error
    sink, said = begin(tmp_path)
    sink.write(RECORD)
    reason = str(error).partition("\n")[0] or "TimeoutError"
    assert len(said) == 1
    assert said[0].startswith(f"logging/wandb: nothing is uploaded now ({reason}); ")
    assert [options.get("mode") for options in library.begun] == [None, "offline"]
    assert [step for step, _ in library.logged] == [3]


def test_a_wandb_that_cannot_start_at_all_stops_no_training(library: Library, tmp_path: Path) -> None:
    library.fails["init"] = OSError("no room")
    sink, said = begin(tmp_path)
    sink.write(RECORD)
    sink.sync()
    sink.close()
    assert said == ["logging/wandb: it can't start (no room); training goes on, and metrics.jsonl has all"]


def test_an_outage_midway_is_said_once_and_stops_no_training(library: Library, tmp_path: Path) -> None:
    library.fails["log"] = BrokenPipeError(32, "Broken pipe")
    sink, said = begin(tmp_path)
    for step in (3, 4, 5):
        sink.write({**RECORD, "step": step})
    sink.close()
    assert said == [
        "logging/wandb: no more records are taken from step 4 on ([Errno 32] Broken pipe); training goes on, and "
        "metrics.jsonl has all"
    ]
    assert [step for step, _ in library.logged] == [3]


@pytest.mark.parametrize("failing", [True, False])
def test_an_upload_that_does_not_end_is_left_to_later(
    failing: bool, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FINISH_SECONDS", 9 if failing else 0.01)
    sink, said = begin(tmp_path)
    if failing:
        library.fails["finish"] = ConnectionError("gone")
    else:
        library.waits.clear()
    sink.close()
    library.waits.set()
    why = "gone" if failing else "it takes too long"
    assert said == [
        f"logging/wandb: the upload is not finished ({why}); `wandb sync` uploads it from "
        f"{tmp_path / 'runs' / 'mine' / 'wandb'}"
    ]


@pytest.mark.parametrize(
    ("variables", "files", "ready"),
    [
        ({"WANDB_API_KEY": KEY}, {}, True),
        ({"WANDB_API_KEY": "short"}, {}, False),
        ({"WANDB_IDENTITY_TOKEN_FILE": "token"}, {}, True),
        ({}, {}, False),
        ({}, {"netrc": "machine api.wandb.ai login user password key\n"}, True),
        ({}, {"netrc": "machine example.org login user password key\n"}, False),
        ({}, {"netrc": "machine"}, False),
        ({"WANDB_BASE_URL": "https://w.org"}, {"netrc": "machine w.org login user password key\n"}, True),
        ({"WANDB_BASE_URL": "https://w.org"}, {"netrc": "machine api.wandb.ai login user password key\n"}, False),
        (
            {"WANDB_CONFIG_DIR": "."},
            {"settings": "[default]\nbase_url = https://w.org\n", "netrc": "machine w.org login user password key\n"},
            True,
        ),
        ({"WANDB_CONFIG_DIR": "."}, {"settings": "[default]\nmode = offline\n"}, True),
        ({"WANDB_MODE": "disabled"}, {}, True),
        ({"WANDB_DISABLED": "true"}, {}, True),
    ],
)
def test_validate_with_env_looks_for_a_key(
    variables: dict[str, str],
    files: dict[str, str],
    ready: bool,
    library: Library,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WANDB_API_KEY")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    monkeypatch.setattr(module, "find_spec", lambda _: object())
    obstacle = survey_wandb(read_document(b"logging: {wandb: true}", "spec.yaml"))
    assert (obstacle is None) is ready
    assert survey_wandb(read_document(b"logging: {wandb: false}", "spec.yaml")) is None
    assert library.begun == []
