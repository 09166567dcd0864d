"""Keys that stand in another place, or under another name there: what a remedy says is obeyed where the key stands."""

from __future__ import annotations

from tests.schema.mistakes import ENDS, SAFE, UNSAFE, Mistake

PLACES = [
    Mistake("old name in its section", "post_lora_dataset:", "post_lora_datasets:", "write post_lora_dataset", SAFE),
    Mistake("other name in its section", "rank: 4", "r: 4", "write rank", SAFE),
    Mistake("path in its section", "rank: 4", "optimization/lora/rank: 4", "write rank", SAFE),
    Mistake("path in a section", "post_lora_dataset:", "training/post_lora_dataset:", "write post_lora_d", SAFE),
    Mistake(
        "path below a section", "lora: {", "lora/rank: 4\n  lora: {", "remove it: optimization/lora/rank", "lora: {"
    ),
    Mistake(
        "path from its section", "lora: {rank: 4,", "lora/rank: 4\n  lora: {", "in optimization/lora", "lora: {rank: 4,"
    ),
    Mistake("path beside its section", ENDS, f"training/seed: 1\n{ENDS}", "write seed in training", SAFE),
    Mistake("section in itself", "batch_size: 8", "training: {batch_size: 8}", "in training itself", "batch_size: 8"),
    Mistake("adapters in themselves", "rank: 4,", "lora: {rank: 4},", "in optimization/lora itself", "rank: 4,"),
    Mistake(
        "section in another too", "  lr:", "  logging: {wandb: false}\n  lr:", "its keys in logging, at the", "  lr:"
    ),
    Mistake(
        "path in its section of a source",
        ENDS,
        f"data: {{data/sources/q/path: q.txt}}\n{ENDS}",
        "sources: {q: {path: …",
        ENDS,
    ),
    Mistake("path of a source in sources", ENDS, f"data: {{sources: {{q/path: x}}}}\n{ENDS}", "q: {path: …}", ENDS),
    Mistake("section in another", ENDS, f"  {ENDS}", "write its keys in logging, at the top", ENDS),
]
UNUSED = " of a source that no mixture names"
SOURCES = [
    Mistake(f"{name}{UNUSED}", ENDS, f"data: {{sources: {{qa: {{{path}: q.jsonl, {name}: x}}}}}}\n{ENDS}", says, UNSAFE)
    for name, path, says in (
        ("question", "path", "write 'prompt'"),
        ("answer", "path", "write 'completion'"),
        ("conversations", "path", "write 'messages'"),
        ("prompt", "file", "write 'path'"),
        ("text_column", "path", "write 'text'"),
    )
]
MISPLACED = [*PLACES, *SOURCES]
