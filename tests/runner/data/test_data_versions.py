"""Stores that another version of lorarun wrote: made again where their source is known, else refused and kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runner.data.stores.display import Silent
from runner.data.stores.prepare import prepare_store
from runner.data.tokenizers.byte import ByteTokenizer
from runner.failure import ExitCode, Failure
from runner.files.digested_json import with_digest
from schema.sections.data import Data, Source
from tests.runner.data.conversation_files import write_lines
from tests.runner.data.listener import Listener


@pytest.fixture
def data(tmp_path: Path) -> Data:
    path = write_lines(tmp_path / "sums.jsonl", [{"text": f"{number} + 1"} for number in range(9)])
    return Data(root=str(tmp_path / "stores"), sources={"sums": Source(path=str(path))})


def prepare(data: Data, suffix: str = "", progress: Silent | None = None) -> str:
    tokenizer = ByteTokenizer()
    return prepare_store("sums", suffix, data=data, tokenizer=tokenizer, progress=progress or Silent()).digest


def in_format(data: Data, number: int) -> Path:
    """Rewrite meta.json of the store as one of another format."""
    folder = Path(data.root) / "sums"
    facts = json.loads((folder / "meta.json").read_text())
    del facts["sha256"]
    (folder / "meta.json").write_text(with_digest(json.dumps(facts | {"format": number}, indent=1)))
    return folder


def test_the_store_of_an_older_version_is_made_again_from_its_source(data: Data) -> None:
    made, listener = prepare(data), Listener()
    folder = in_format(data, 2)
    assert prepare(data, progress=listener) == made
    assert listener.sentences[0] == f"dataset 'sums': an older version of lorarun made '{folder}'; it is made again"


@pytest.mark.parametrize(
    ("number", "has_source", "sentence"),
    [
        (2, False, "was made by an older version of lorarun; name the files of its text under data/sources"),
        (9, True, "was made by a newer version of lorarun; use that one, or another data/root"),
        (9, False, "was made by a newer version of lorarun; use that one, or another data/root"),
    ],
)
def test_other_stores_of_other_versions_are_refused(data: Data, number: int, has_source: bool, sentence: str) -> None:
    prepare(data)
    folder = in_format(data, number)
    before = sorted(folder.iterdir())
    with pytest.raises(Failure, match=sentence) as refused:
        prepare(data if has_source else Data(root=data.root))
    assert (refused.value.exit_code, sorted(folder.iterdir())) == (ExitCode.STORAGE, before)


def test_the_older_store_of_another_dataset_is_not_replaced(data: Data) -> None:
    prepare(data, suffix="x")
    shutil.move(Path(data.root) / "sums_x", Path(data.root) / "sums")
    in_format(data, 2)
    with pytest.raises(Failure, match="is the store of dataset 'sums' with suffix 'x'"):
        prepare(data)
