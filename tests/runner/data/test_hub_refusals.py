"""What the hub does not have or give: one sentence each, with the exit code that says whether to ask again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.failure import ExitCode, Failure
from tests.runner.data.hub_sets import hub_of, read, write_set
from tests.runner.weights.fake_hub import FakeHub


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("hub") / "web")


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    yield from hub_of(folder, tmp_path, monkeypatch)


RESOLVE = "/datasets/acme/web/resolve"
REFUSED: dict[str, tuple[dict[str, Any], dict[str, tuple[int, str]], ExitCode, str]] = {
    "gated": (
        {},
        {RESOLVE: (401, "GatedRepo")},
        ExitCode.INVALID,
        r"is gated: accept its terms at \S+/datasets/acme/web,",
    ),
    "absent": ({"hub": "acme/no"}, {}, ExitCode.INVALID, r"web/hub: acme/no is no dataset that the hub shows; write"),
    "private": ({}, {"/api": (401, "")}, ExitCode.INVALID, r"where it is private, give your token by `hf auth login`"),
    "revision": ({"hub": "acme/web@v9"}, {}, ExitCode.INVALID, r"web/hub: acme/web has no revision v9 on the hub"),
    "config": ({"config": "en"}, {}, ExitCode.INVALID, r"web/config: acme/web has no configuration en; write default"),
    "split": (
        {"split": "tst"},
        {},
        ExitCode.INVALID,
        r"web/split: acme/web has no split tst; write train or validation",
    ),
    "validation": (
        {"validation": "dev[:9]"},
        {},
        ExitCode.INVALID,
        r"web/validation: acme/web has no split dev; write train",
    ),
    "down": (
        {},
        {"/api": (500, "")},
        ExitCode.PREEMPTED,
        r"the server answered with 500, 3 times in a row; run the same",
    ),
    "limit": ({}, {RESOLVE: (429, "")}, ExitCode.PREEMPTED, r"the server answered with 429, 3 times in a row; run the"),
    "field": ({"text": "body"}, {}, ExitCode.INVALID, r"acme/web, train: a record needs field 'body'; it has 'text',"),
    "pair": (
        {"prompt": "q", "completion": "a"},
        {},
        ExitCode.INVALID,
        r"needs fields 'q' and 'a'; it has 'text', 'url'",
    ),
}


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_the_hub_does_not_give_is_one_sentence(case: str, streaming: bool, hub: FakeHub) -> None:
    keys, hub.trouble, code, says = REFUSED[case]
    keys = {"split": "train[:200]", **keys} | ({"split": f"{keys['split']}[:9]"} if "split" in keys else {})
    with pytest.raises(Failure, match=says) as caught:
        read(**keys, streaming=streaming)
    assert caught.value.exit_code is code
    assert "\n" not in str(caught.value)


def test_a_script_is_not_run_even_where_another_commit_is_in_the_cache(
    hub: FakeHub, folder: Path, tmp_path: Path
) -> None:
    read()
    scripted = tmp_path / "scripted"
    shutil.copytree(folder, scripted)
    (scripted / "web.py").write_text("raise SystemExit('it was run')\n")
    hub.push(scripted)
    with pytest.raises(Failure, match=r"by a script \(web.py\), .* write acme/web@refs/convert/parquet") as caught:
        read()
    assert caught.value.exit_code is ExitCode.INVALID
    hub.trouble[RESOLVE] = (500, "")  # nor is the other commit taken where the hub fails
    with pytest.raises(Failure, match="the server answered with 500") as caught:
        read()
    assert caught.value.exit_code is ExitCode.PREEMPTED


def test_forms_that_stand_for_nothing_are_refused_where_no_linter_was_asked() -> None:
    for keys, says in (
        ({"hub": "web"}, "'web' is no dataset's name"),
        ({"split": "train[:1%]"}, "neither a split nor rows of one"),
        ({"streaming": True}, "streams all of split 'train'"),
        ({"split": "train[:9]", "streaming": True, "validation": "test"}, "streams all of split 'test'"),
        ({"validation": "train[5:6]"}, r"'train\[5:6\]' has rows that are trained on"),
        ({"validation": ["a", "b"]}, "'a, b' is neither a split nor rows of one"),
    ):
        with pytest.raises(Failure, match=says):
            read(**keys)
