"""Commands and a run whose model is on the hub: fetched once, pinned to its commit, resumed without asking again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from runner.files.digested_json import read_json
from tests.runner.data.tokenizer_folders import byte_level, folder
from tests.runner.weights.fake_hub import MODEL, FakeHub, in_its_place
from tests.runner.weights.model_folders import LLAMA_4, write_folder
from tests.runner.weights.test_model_tokenizer import TOKENIZER
from tests.runner.weights.test_pretrained_run import LORA_ALONE
from tests.runner.workplace import RUN_EVERY_STEP, fill, lorarun

SPEC = LORA_ALONE.replace("pretrained: model", f"pretrained: {MODEL}").replace(TOKENIZER, "")
SECRET = "hf_abcdefghijklmnopqrstuvwxyz01234567"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with a model and its tokenizer, whose cache is empty; the working directory has a spec that names it."""
    here, found = tmp_path / "here", FakeHub()
    here.mkdir()
    fill(here)
    (here / "spec.yaml").write_text(SPEC)
    source = write_folder(tmp_path / "source", {**LLAMA_4, "vocab_size": 320}, shards=2)
    folder(source, byte_level())
    found.push(source)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.chdir(here)
    with in_its_place(found, tmp_path / "cache", monkeypatch):
        yield found


def here() -> Path:
    return Path.cwd()


def test_a_model_that_is_not_in_the_cache_is_told_and_not_looked_for(hub: FakeHub) -> None:
    done = lorarun(here(), "validate", "spec.yaml")
    assert (done.exit_code, done.stdout.count("LR513"), "LR216" in done.stdout) == (0, 1, False)
    assert f"spec.yaml:1:28: info[LR513 pretrained-not-here]: {MODEL} is no folder here, and not" in done.stdout
    assert f"= help: fetch it with plan --env, exec, or hf download {MODEL}\n" in done.stdout
    done = lorarun(here(), "plan", "spec.yaml")
    assert done.exit_code == 2
    assert "is not here, and the plan hangs on it; fetch it with plan --env, or write " in done.stderr
    done = lorarun(here(), "plan", "spec.yaml", "--set", f"tokenizer={{backend: huggingface, name: {MODEL}@v2}}")
    assert done.exit_code == 2
    assert f"tokenizer/name '{MODEL}@v2' is no folder, and not in the cache of the hub" in done.stderr
    assert f"or fetch it with plan --env or hf download {MODEL} --revision v2" in done.stderr
    assert hub.asked == []


def test_a_model_to_fetch_hides_neither_that_rules_can_not_look_nor_what_is_known_without_it(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = lorarun(here(), "validate", "--env", "--show-skipped", "--format", "concise", "spec.yaml")
    skipped = done.stdout.count("could not be applied; fetch the model first\n")
    assert (done.exit_code, skipped > 10, "LR216" in done.stdout) == (0, True, False)
    warning = f"warning[LR513 pretrained-not-here]: {MODEL} is no folder here, and not in the cache of the hub"
    advice = "run `lorarun plan --env spec.yaml`, and validate again"
    assert f"{warning}, so {skipped} rules could not look at the spec; {advice}\n" in done.stdout

    other = SPEC.replace("tales.jsonl}", "tales.jsonl, text: tale}")
    assert other != SPEC
    Path("other.yaml").write_text(other)
    done = lorarun(here(), "validate", "--env", "other.yaml")
    assert (done.exit_code, done.stdout.count("error["), done.stdout.count("LR513")) == (1, 1, 1)
    assert "error[LR227 data-refused]: tales.jsonl:1: a record needs field 'tale'; it has " in done.stdout

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    done = lorarun(here(), "validate", "--env", "other.yaml")
    assert (done.exit_code, done.stdout.count("error["), "LR513" in done.stdout) == (1, 2, False)
    assert f"error[LR517 exec-refuses]: {MODEL} is no folder here, HF_HUB_OFFLINE is set" in done.stdout
    assert hub.asked == []


def test_a_plan_fetches_what_it_reads_when_it_is_asked(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.branches["main"]
    done = lorarun(here(), "plan", "--env", "spec.yaml")
    assert done.exit_code == 0, done.stderr
    assert f"lorarun: {MODEL}: revision main is commit {commit}\n" in done.stderr
    assert "2,112 trained, 29,280 frozen" in done.stdout
    assert f"\ntokenizer huggingface {MODEL}@{commit}: 300 ids" in done.stdout
    assert not any("safetensors" in path and not path.endswith(".json") for path in hub.asked)
    hub.asked.clear()
    validated = lorarun(here(), "validate", "--env", "spec.yaml")
    assert validated.exit_code == 0, validated.stdout  # exec fetches the weights
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    validated, executed = lorarun(here(), "validate", "--env", "spec.yaml"), lorarun(here(), "exec", "spec.yaml")
    sentence = f"{MODEL} is no folder here, HF_HUB_OFFLINE is set, and the cache of the hub does not have revision main"
    assert f"error[LR517 exec-refuses]: {sentence}" in validated.stdout
    assert sentence in executed.stderr
    again = lorarun(here(), "plan", "spec.yaml")
    assert f"\ntokenizer huggingface {MODEL}: 300 ids" in again.stdout
    assert f"lorarun: {MODEL} is commit {commit} in the cache of the hub; exec looks again\n" in again.stderr
    differing = lorarun(here(), "validate", "spec.yaml", "--set", "architecture/n_layers=2")
    assert f"architecture/n_layers is 2, and the model in {MODEL} has 3" in differing.stdout
    assert f"/snapshots/{commit}/config.json:1:" in differing.stdout
    assert hub.asked == []


def test_a_refusal_of_the_hub_leaves_nothing_behind(hub: FakeHub) -> None:
    hub.trouble["/api"] = (401, "GatedRepo")
    done = lorarun(here(), *RUN_EVERY_STEP)
    assert (done.exit_code, done.changed, SECRET in done.stderr) == (2, set(), False)
    assert f"lorarun: {MODEL} is gated: accept its terms at " in done.stderr
    hub.trouble["/api"] = (503, "")
    done = lorarun(here(), *RUN_EVERY_STEP)
    assert (done.exit_code, done.changed) == (75, set())
    assert hub.tokens == {f"Bearer {SECRET}"}


def test_a_run_keeps_the_commit_that_it_began_with(hub: FakeHub, tmp_path: Path) -> None:
    commit = hub.branches["main"]
    done = lorarun(here(), *RUN_EVERY_STEP)
    assert done.exit_code == 0, done.stderr
    noted = read_json(Path("run/run.json"))
    pinned = f"{MODEL}@{commit}"
    assert noted["pins"] == {MODEL: pinned}
    assert {noted["spec"][key] for key in ("architecture/pretrained", "tokenizer/name")} == {pinned}
    assert noted["starting_point"] == pinned
    assert all(SECRET.encode() not in path.read_bytes() for path in Path("run").rglob("*") if path.is_file())
    assert SECRET not in done.stdout + done.stderr

    moved = write_folder(tmp_path / "moved", {**LLAMA_4, "vocab_size": 320, "rope_theta": 501.0})
    folder(moved, byte_level())
    other = hub.push(moved)
    done = lorarun(here(), *RUN_EVERY_STEP, "--set", f"architecture/pretrained={MODEL}@{other}")
    assert done.exit_code == 78
    assert f'architecture/pretrained was "{pinned}", is "{MODEL}@{other}"' in done.stderr

    shutil.rmtree(tmp_path / "cache")  # as on another machine
    hub.asked.clear()
    done = lorarun(here(), *RUN_EVERY_STEP, "--fork", "next", "--set", "architecture/n_layers=2")
    assert (done.exit_code, hub.asked) == (2, [])  # a fork knows the model of its run
    assert f"architecture/n_layers is 2, and the model in {pinned} has 3" in done.stderr

    # Of the model its tokenizer alone is needed.
    shutil.rmtree("run/checkpoints/2")
    Path("run/summary.json").unlink()
    hub.asked.clear()
    done = lorarun(here(), *RUN_EVERY_STEP)
    assert (done.exit_code, "resuming run after step 1 of 2" in done.stdout) == (0, True), done.stderr
    assert any(path.endswith(f"/resolve/{commit}/tokenizer.json") for path in hub.asked)
    assert not any(path.endswith(".safetensors") or "main" in path for path in hub.asked)
    hub.asked.clear()
    done = lorarun(here(), *RUN_EVERY_STEP)
    assert (done.exit_code, "run is finished" in done.stdout, hub.asked) == (0, True, [])
    found = lorarun(here(), "validate", "--env", "--run-dir", "run", "spec.yaml", *RUN_EVERY_STEP[4:])
    assert (found.exit_code, "error[" in found.stdout) == (0, False)


def test_a_folder_of_that_name_comes_first(hub: FakeHub, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "source", MODEL)
    config = json.loads(Path(MODEL, "config.json").read_text())
    Path(MODEL, "config.json").write_text(json.dumps({**config, "num_hidden_layers": 2}))
    done = lorarun(here(), "plan", "--env", "spec.yaml")
    assert done.exit_code == 0, done.stderr
    assert "LR513" not in done.stderr
    assert hub.asked == []
