"""Models of the hub in the hub's cache: what is fetched, when nothing is asked, and each refusal in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest

from runner.failure import ExitCode, Failure
from runner.weights.hub import fetch
from runner.weights.pretrained import load_pretrained
from schema.document.hub import HubName, cached_snapshot, hub_name, located
from tests.runner.weights.fake_hub import MODEL, FakeHub, in_its_place
from tests.runner.weights.model_folders import LLAMA_4, write_folder

TEXTS = {"config.json", "model.safetensors.index.json", "tokenizer.json"}
NAME = HubName(MODEL)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with a model of two shards, a tokenizer and a pickle; the cache is empty."""
    folder = write_folder(tmp_path / "source", LLAMA_4, shards=2)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "consolidated.safetensors").write_bytes(b"the same again")
    found = FakeHub()
    found.push(folder)
    monkeypatch.chdir(tmp_path)
    with in_its_place(found, tmp_path / "cache", monkeypatch):
        yield found


def fetched(name: str = MODEL, weights: bool = True) -> tuple[Path, list[str]]:
    """Fetch a model; return its snapshot and what was said."""
    said: list[str] = []
    found = hub_name(name)
    assert found
    return fetch(found, weights, said.append), said


def test_config_and_tokenizer_come_first_and_then_the_weights_that_the_index_names(hub: FakeHub) -> None:
    commit = hub.branches["main"]
    snapshot, said = fetched(weights=False)
    assert {path.name for path in snapshot.iterdir()} == TEXTS
    assert said[-1] == f"acme/tiny: revision main is commit {commit}"
    assert located(MODEL) == cached_snapshot(NAME) == snapshot == fetched()[0]
    shards = {f"model-0000{number}-of-00002.safetensors" for number in (1, 2)}
    assert {path.name for path in snapshot.iterdir()} == TEXTS | shards
    with pytest.raises(Failure, match="the hub shows no model of that name"):
        load_pretrained("acme/none")


def test_a_commit_that_is_whole_needs_no_hub(hub: FakeHub) -> None:
    commit = hub.branches["main"]
    snapshot, _ = fetched(f"{MODEL}@{commit}")
    hub.asked.clear()
    assert fetched(f"{MODEL}@{commit}") == (snapshot, [])
    assert fetched(f"{MODEL}@{commit}", weights=False) == (snapshot, [])
    assert hub.asked == []
    (snapshot / "model-00002-of-00002.safetensors").unlink()
    fetched(f"{MODEL}@{commit}")
    assert (snapshot / "model-00002-of-00002.safetensors").is_file()


def test_a_branch_that_moved_is_another_commit_and_without_the_hub_the_cached_one(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _ = fetched()
    moved = write_folder(tmp_path / "moved", {**LLAMA_4, "rope_theta": 501.0})
    (moved / "tokenizer.json").write_text("{}")
    hub.push(moved)
    after, _ = fetched()
    assert before.name != after.name == hub.branches["main"]
    hub.trouble["/api"] = (503, "")
    assert fetched() == (
        after,
        [
            "acme/tiny is no folder here: looking for revision main of it on the hub",
            f"the hub is not reached, and its cache has revision main at commit {after.name}",
        ],
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    hub.asked.clear()
    assert fetched()[0] == after
    assert hub.asked == []


REFUSED: dict[str, tuple[str, dict[str, tuple[int, str]], ExitCode, str]] = {
    "gated": (MODEL, {"/api": (401, "GatedRepo")}, ExitCode.INVALID, r"is gated: accept its terms at http.*/acme/tiny"),
    "absent": ("acme/none", {}, ExitCode.INVALID, r"no folder here, and the hub shows no model of that name"),
    "private": (MODEL, {"/api": (401, "")}, ExitCode.INVALID, r"where it is private, give your token by `hf auth"),
    "forbidden": (MODEL, {"/api": (403, "")}, ExitCode.INVALID, r"where it is private, give your token by `hf auth"),
    "no revision": (f"{MODEL}@v9", {}, ExitCode.INVALID, r"acme/tiny has no revision v9 on the hub"),
    "down": (
        MODEL,
        {"/api": (500, "")},
        ExitCode.PREEMPTED,
        r"can't give it now \(it answered with 500\); run",
    ),
    "too often": (MODEL, {"/api": (429, "")}, ExitCode.PREEMPTED, r"can't give it now \(it answered with 429\)"),
    "cut off": (MODEL, {f"/{MODEL}/resolve": (502, "")}, ExitCode.PREEMPTED, r"can't give it now .*; run the same"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_hub_does_not_give_is_one_sentence(case: str, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    name, hub.trouble, code, says = REFUSED[case]
    monkeypatch.setattr("time.sleep", lambda _: None)  # between attempts
    with pytest.raises(Failure, match=says) as caught:
        fetched(name)
    assert caught.value.exit_code is code
    assert "\n" not in str(caught.value)


def test_no_network_and_offline_mode_are_one_sentence_each(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Failure, match=r"can't give it now \(it can't be reached\)") as caught:
        fetched()
    assert caught.value.exit_code is ExitCode.PREEMPTED
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Failure, match=r"HF_HUB_OFFLINE is set, .* or run `hf download acme/tiny`") as caught:
        fetched()
    assert caught.value.exit_code is ExitCode.INVALID
    assert hub.asked == []


def test_a_model_of_pickles_and_a_full_disk_are_refused(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pickles = tmp_path / "pickles"
    pickles.mkdir()
    (pickles / "config.json").write_text("{}")
    (pickles / "pytorch_model.bin").write_bytes(b"pickle")
    hub.push(pickles)
    with pytest.raises(Failure, match=r"has no model.safetensors; name a model that is saved whole") as caught:
        fetched()
    assert caught.value.exit_code is ExitCode.INVALID

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(Failure, match=r"the cache of the hub can't be written: No space left") as caught:
        fetched()
    assert caught.value.exit_code is ExitCode.STORAGE


@pytest.mark.parametrize("name", ["tiny", "./a/b", "/a/b", "a/b/c", "../a", "a/..", "~/a", "a/b@", "a/b@../c", "a b/c"])
def test_what_is_written_as_a_path_is_one(name: str) -> None:
    assert hub_name(name) is None
    assert located(name) == Path(name).expanduser()


def test_a_path_that_exists_comes_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert hub_name("acme/tiny@v1.0") == HubName("acme/tiny", "v1.0")
    (tmp_path / "acme/tiny@v1.0").mkdir(parents=True)
    assert hub_name("acme/tiny@v1.0") is None


def test_the_cache_lies_where_the_hub_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from schema.document.hub import cache_folder

    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    assert cache_folder() == Path("~/.cache/huggingface/hub").expanduser()
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/huggingface/hub")
    monkeypatch.setenv("HF_HOME", "$HOME/y")
    assert cache_folder() == Path("~/y/hub").expanduser()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    (tmp_path / "models--acme--tiny/refs").mkdir(parents=True)
    (tmp_path / "models--acme--tiny/refs/main").write_text("../../..")  # no commit
    assert cached_snapshot(NAME) is None
