"""The golden views of data: beside each `specs/*.yaml` stands an `.out` with all that `lorarun data` prints of it.

A first line that begins with `# --` passes options. The command runs in an empty folder beside `sources`, where the
texts are, and `letters`, a tokenizer; it prepares them there.
"""

from __future__ import annotations

import shlex
import shutil
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from runner.cli import main
from tests.runner.data.tokenizer_folders import folder as save

FOLDER = Path(__file__).resolve().parent


def cases() -> list[Path]:
    """Every golden view."""
    return sorted((FOLDER / "specs").glob("*.yaml"))


def outputs() -> list[Path]:
    """Every output that lies there, with or without its spec."""
    return sorted((FOLDER / "specs").glob("*.out"))


def options(path: Path) -> list[str]:
    """What the first line passes to the command."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return shlex.split(first.removeprefix("# ")) if first.startswith("# --") else []


def fill(folder: Path) -> None:
    """Put into an empty folder what specs name: texts, and a tokenizer."""
    shutil.copytree(FOLDER / "sources", folder / "sources")
    save(folder / "letters", letters(), tokenizer_config={"eos_token": "<|im_end|>", "pad_token": "<|pad|>"})


def letters() -> Tokenizer:
    """A tokenizer of bytes, as the library has them, with the special tokens of chatml."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<|im_start|>", "<|im_end|>", "<|pad|>"])
    return made


def printed(path: Path) -> str:
    """Everything that is printed for one golden."""
    with TemporaryDirectory() as empty, chdir(empty):
        fill(Path())
        shutil.copy(path, path.name)
        result = CliRunner(env={"NO_COLOR": "1"}).invoke(main, ["data", path.name, *options(path)])
    assert result.exit_code == 0, result.stderr
    return result.stdout
