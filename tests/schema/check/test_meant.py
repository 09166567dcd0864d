"""One cause is one finding: keys written flat, sections under another name, keys that say a thing otherwise.

The instances: flat `training/batch_size`, `model:`, `max_seq_len`, `epochs: 3`; siblings beside each.
"""

from __future__ import annotations

import re
from functools import partial

import pytest

from schema.check.declared import Declared
from schema.check.meant import SECTIONS
from schema.check.otherwise import OTHERWISE
from schema.check.renamed import RENAMED
from schema.document import load_schema
from schema.fixes.apply import fix_text
from schema.lint import lint_text
from schema.text.diagnostic import Diagnostic

PARTS = {
    "tokenizer": "tokenizer: {backend: byte}\n",
    "architecture": "architecture: {n_layers: 2, n_embd: 64, n_head: 4, block_size: 512}\n",
    "training": """\
training:
  batch_size: 8
  pre_lora_tokens: [4_096_000]
  pre_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]
  post_lora_tokens: [819_200]
  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED}]]
""",
    "optimization": "optimization: {lr: 0.001, lora: {rank: 4, target_modules: [attn, mlp]}}\n",
    "logging": "logging: {report_interval: 10}\n",
}
SPEC = "".join(PARTS.values())
MIXTURE = "tokenizer: {backend: byte}\ntraining:\n  batch_size: 8\n  dataset: [{name: web, rate: 1.0, style: PMD}]\n"


def one(text: str) -> Diagnostic:
    """The only finding of a spec."""
    found = lint_text(text, "s").diagnostics
    assert len(found) == 1, [f"{each.code} {each.message}" for each in found]
    return found[0]


def test_the_spec_itself_is_silent() -> None:
    assert lint_text(SPEC, "s").diagnostics == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("training:\n  batch_size: 8\n", "training/batch_size: 8\ntraining:\n", "write batch_size in training"),
        ("training:\n  batch_size: 8\n", "training.batch_size: 8\ntraining:\n", "write batch_size in training"),
        (PARTS["tokenizer"], "tokenizer/backend: byte\n", "tokenizer: {backend: …}"),
        (
            PARTS["optimization"],
            "optimization/lora/rank: 4\noptimization/lora/target_modules: [attn, mlp]\n",
            "optimization: {lora: {rank: …}}",
        ),
        (PARTS["logging"], "logging.report_interval: 10  # steps\n", "logging: {report_interval: …}"),
    ],
)
def test_keys_in_one_word_are_one_finding_and_are_nested_safely(old: str, new: str, says: str) -> None:
    assert old in SPEC
    text = SPEC.replace(old, new)
    assert says in one(text).remedy
    after = fix_text(text, partial(lint_text, name="s"))
    assert after.verdict.diagnostics == ()
    assert sorted(after.text.split()) != sorted(text.split())
    assert ("# steps" in after.text) == ("# steps" in new)


def test_a_whole_spec_of_keys_in_one_word_is_one_finding() -> None:
    lines = [
        "tokenizer/backend: byte",
        "training/batch_size: 8",
        "training/pre_lora_tokens: [4_096_000]",
        "training/pre_lora_dataset:\n- - {name: web, rate: 1.0, style: PMD}  # text\n",
        "training.post_lora_tokens: [819_200]",
        "training.post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED}]]",
        "optimization/lora/target_modules: [attn, mlp]",
    ]
    assert "5 more" in one("\n".join(lines)).message
    assert fix_text("\n".join(lines), partial(lint_text, name="s")).verdict.diagnostics == ()


STYLES = ("{lr: 0.001, lora: {alpha: 8}}", "\n  lora:\n    alpha: 8 # as usual\n  lr: 0.001")


@pytest.mark.parametrize("optimization", STYLES)
def test_keys_in_one_word_go_into_sections_of_any_style_and_depth(optimization: str) -> None:
    flat = "optimization/lora/rank: 4\noptimization/weight_decay: 0.2\noptimization/lora/target_modules: [attn, mlp]\n"
    text = SPEC.replace(PARTS["optimization"], f"{flat}optimization: {optimization}\n")
    after = fix_text(text, partial(lint_text, name="s"))
    assert after.verdict.diagnostics == ()
    assert after.verdict.document is not None
    assert after.verdict.document.written["optimization"] == {
        "lr": 0.001,
        "weight_decay": 0.2,
        "lora": {"alpha": 8, "rank": 4, "target_modules": ["attn", "mlp"]},
    }
    assert ("# as usual" in after.text) == ("#" in optimization)


@pytest.mark.parametrize(
    "text",
    [
        "training/batch_size: &b 8\nlogging/report_interval: *b\n",
        "{training/batch_size: 8}\n",
        "training/batch_size:\n  8\ntraining: {seed: 1}\n",
        "optimization/lora/rank: 8 # few\noptimization:\n  lora: {alpha: 8}\n",
    ],
)
def test_keys_in_one_word_that_no_line_can_move_have_no_fix(text: str) -> None:
    told = [found for found in lint_text(text, "s").diagnostics if found.code == "LR003"]
    assert [found.fix for found in told] == [None]


@pytest.mark.parametrize(
    ("section", "name"), [(section, name) for section in PARTS for name in SECTIONS.get(section, ())]
)
def test_a_section_of_another_name_is_one_finding_and_its_keys_are_read(section: str, name: str) -> None:
    text = SPEC.replace(f"{section}:", f"{name}:", 1)
    assert one(text).remedy == f"write '{section}'"
    verdict = lint_text(text.replace("n_head: 4", "n_head: 5"), "s")
    assert {found.code for found in verdict.diagnostics} == {"LR003", "LR501"}
    assert fix_text(text, partial(lint_text, name="s"), unsafe=True).text == SPEC


@pytest.mark.parametrize("slip", ["trainin", "Training", "training_", "my_run"])
def test_a_section_whose_keys_say_which_it_is_needs_no_known_name(slip: str) -> None:
    assert one(SPEC.replace("training:", f"{slip}:")).remedy == "write 'training'"


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("lora: {rank: 4, target_modules: [attn, mlp]}\noptimization: {lr: 0.001}\n", "write 'optimization/lora'"),
        ("optim: {weight_decay: 0.0, grad_clip: 1.0}\n" + PARTS["optimization"], "write its keys into 'optimization'"),
        ("optimizer: {kind: sophia, gamma: 1}\n", "write its keys as those of 'optimization'"),
    ],
)
def test_a_section_that_stands_elsewhere_or_is_written_too_is_one_finding(new: str, says: str) -> None:
    assert one(SPEC.replace(PARTS["optimization"], new)).remedy == says


@pytest.mark.parametrize("name", ["max_seq_len", "max_seq_length", "cutoff_len", "n_ctx"])
def test_the_length_of_a_row_by_another_name_is_one_finding(name: str) -> None:
    assert one(SPEC.replace("block_size", name)).remedy == "write block_size"
    at_the_top = f"{name}: 512\n{SPEC.replace(', block_size: 512', '')}"
    assert one(at_the_top).remedy == "write architecture/block_size"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MIXTURE + "  epochs: 3\n", "write pre_lora_tokens and"),
        ("epochs: 3\n" + MIXTURE, "budgets are tokens here, not epochs"),
        ("num_train_epochs: 3\n" + MIXTURE, "budgets are tokens here, not epochs"),
        (MIXTURE + "  max_steps: 1000\n", "steps × batch_size × block_size"),
        (SPEC.replace("  batch_size: 8\n", "  gradient_accumulation_steps: 4\n"), "write batch_size"),
        (SPEC.replace("  batch_size: 8\n", "  batch_size: 8\n  warmup_ratio: 0.1\n"), "write warmup_pct"),
        (SPEC.replace("rate: 1.0, style: PMD", "weight: 1.0, style: PMD"), "'rate'"),
        ("model_type: llama\n" + SPEC, "architecture/family"),
        ("model: llama\n" + SPEC.replace(PARTS["architecture"], ""), "architecture/pretrained"),
        ("lr_scheduler: cosine\n" + SPEC, "optimization/schedule"),
        (SPEC.replace("post_lora_tokens:", "post_lora_tokns:"), "'post_lora_tokens'"),
        (SPEC.replace("  batch_size:", "  batch:"), "'batch_size'"),
        (SPEC.replace("  batch_size:", "  train_batch_size:"), "'batch_size'"),
        (SPEC.replace("pre_lora_tokens:", "full_tokens:"), "'pre_lora_tokens'"),
        (SPEC.replace("post_lora_dataset:", "lora_datasets:"), "'post_lora_dataset'"),
        ("spec:\n" + "".join(f"  {line}\n" for line in SPEC.splitlines()), "at the top of the spec"),
        (SPEC.replace("post_lora_", "postlora_").replace("_dataset: [[{name: chat", "_dataset: [[{name: c"), ""),
    ],
)
def test_what_is_said_otherwise_is_told_once(text: str, says: str) -> None:
    if says:
        assert says in one(text).remedy
    else:  # two keys, two causes, and no word about a phase lora that is missing
        assert [found.code for found in lint_text(text, "s").diagnostics] == ["LR003", "LR003"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("batch_size:", "rows:"), ("block_size:", "window:"), ("n_embd:", "size:"), ("pre_lora_tokens:", "lengths:")],
)
def test_no_finding_counts_with_the_default_of_a_size_that_an_unknown_key_may_be(old: str, new: str) -> None:
    assert one(SPEC.replace(old, new)).code == "LR003"


def test_the_tables_name_declared_keys_and_none_that_is_read() -> None:
    schema: Declared = load_schema()
    rows = [*OTHERWISE.values()]
    keys = {key for row in rows for key in (*row.keys, *row.undecided) if "NAME" not in key} | set(SECTIONS)
    assert keys <= set(schema.paths)
    assert not set(OTHERWISE) & set(RENAMED)
    assert set(OTHERWISE) & set(schema.named) == {"adapter"}  # of axolotl, and of export
    assert not {name for names in SECTIONS.values() for name in names} & set(schema["properties"])


@pytest.mark.parametrize("key", sorted({match[1] for match in re.finditer(r"\b([a-z_]+):", SPEC)}))
def test_a_slip_in_any_key_is_one_finding_of_the_whole_linter(key: str) -> None:
    for slip in {key[1:], key[:2] + key[3:], key + key[-1]} - {key}:
        assert one(re.sub(rf"\b{key}:", f"{slip}:", SPEC, count=1)).code == "LR003"


def test_a_mapping_that_is_there_for_its_aliases_is_told_to_be_a_note() -> None:
    text = "shape: &shape {n_layers: 2, n_embd: 64, n_head: 4}\n" + SPEC.replace(
        "n_layers: 2, n_embd: 64", "<<: *shape"
    )
    assert "'x-shape'" in one(text).remedy
    assert fix_text(text, partial(lint_text, name="s")).text == f"x-{text}"


CHATS = """\
architecture: {pretrained: models/smol, n_layers: 2, n_embd: 64, n_head: 4, block_size: 512}
data: {sources: {chat: {path: c.jsonl, messages: messages}}}
chat: {template: chatml}
training:
  batch_size: 8
  pre_lora_tokens: []
  post_lora_tokens: [819_200]
  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED}]]
optimization: {lr: 0.02, optimizer: muon, muon: {consistent_rms: null}, lora: {rank: 4, target_modules: [attn, mlp]}}
"""
ROPE = SPEC.replace("block_size: 512", "block_size: 512, family: llama, rope_scaling: {rope_type: linear, factor: 2.0}")


@pytest.mark.parametrize(
    ("spec", "old", "new"),
    [
        (CHATS, "pretrained:", "pretraind:"),  # whose tokenizer applies where none is written
        (CHATS, "pretrained:", "base_model:"),
        (CHATS, "n_layers:", "n_layes:"),  # without which nothing is known of a model that is not here
        (CHATS, "post_lora_dataset:", "post_lora_datset:"),  # which names the dataset of conversations
        (CHATS, "style:", "stle:"),
        (CHATS, "optimizer:", "optimizr:"),  # which makes a rate usual
        (CHATS, "consistent_rms:", "consistnt_rms:"),
        (ROPE, "rope_type:", "rope_tpe:"),
        (MIXTURE + "  tokens: 1_024_000\noptimization: {lr: 0.001}\n", "optimization:", "OPTIMIZATION:"),
        (MIXTURE + "  tokens: 1_024_000\noptimization: {lr: 0.001}\n", "optimization:", "optimisation_of_mine:"),
    ],
)
def test_a_slip_in_a_key_that_others_depend_on_is_one_finding(spec: str, old: str, new: str) -> None:
    assert old in spec
    before = {found.code for found in lint_text(spec, "s").diagnostics}
    after = [found.code for found in lint_text(spec.replace(old, new, 1), "s").diagnostics]
    assert [code for code in after if code not in before] in (["LR003"], ["LR013"])
