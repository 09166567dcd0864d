"""What `--format json` writes on success, of each command: its keys after `version`, and what they hold.

Tests compare the keys with what the commands write.
"""

from __future__ import annotations

FINDING = (
    "file (or an option with its value, such as --run-dir runs/a), line, column, end_line, end_column (from 1, end "
    "exclusive), code, slug, severity (error, warning, info), message, remedy, related (places with a message), fix "
    "(null, or safe and edits: places with the text to write), fingerprint (the same wherever its line moves)"
)
ERROR = {
    "code": "of a rule (LR201), usage, unexpected, or of the exit code: invalid, storage, preempted, resume, …",
    "message": "what is wrong, in one sentence",
    "where": "null, or file (with line, column; of a finding also an option with its value), key, option or argument",
    "remedy": "what to do",
    "exit_code": "that of the process",
}
SHAPES: dict[str, dict[str, str]] = {
    "data": {  # one object a row
        "source": "dataset",
        "number": "of the row",
        "tokens": "ids",
        "supervised": "whether each token is trained on",
        "text": "the row as text",
    },
    "exec": {
        "run_dir": "folder of the run",
        "exported": "folders of the export, such as runs/NAME/export/adapter",
        "summary": "steps, tokens, losses by phase (train_loss: first and last; validation_loss by dataset), datasets",
    },
    "explain": {"markdown": "the page"},
    "generate": {"answers": "list of adapters (whether they are on), text, remark (why it ended early, or null)"},
    "guide": {"markdown": "this page"},
    "init": {"file": "what was written, null for -", "spec": "its text", "findings": "as validate has them"},
    "plan": {
        "budget": "what budgets count: tokens or supervised_tokens",
        "rates_by": "what rates share out: rows or tokens",
        "tokens_per_step": "batch_size × block_size",
        "steps": "of the run",
        "tokens": "of the run",
        "mesh": "devices on each axis",
        "tokenizer": "backend, name, facts",
        "chat": "template and train_on, or null",
        "phases": "list: name, first_step, last_step, steps, tokens, learning_rate, bytes_per_device, stages, …",
        "adapters": "list: pattern, path, shape, parameters",
        "unadapted": "matrices without an adapter",
        "init": "folder of the adapters to start from, or null",
        "export": "folders, dtype, bytes, gguf, gguf_bytes",
        "unknown": "list of sentences: what follows from token stores that are not made yet",
        "digest": "of all that decides rows and weights",
        "ledger": "rows and tokens of each dataset by stage, as far as stores are made",
    },
    "prepare": {
        "stores": "list: name, suffix, folder, digest, documents, tokens, supervised, left_out (entries by reason), "
        "bytes, seconds (null where it was there before)",
    },
    "rules": {"rules": "list: code, slug, severity, summary, needs_environment"},
    "runs": {
        "runs": "list: name, state (running, finished, stopped, damaged), phase, step, steps, checkpoints",
    },
    "validate": {
        "files": "number of specs that were read",
        "findings": f"list: {FINDING}",
        "errors": "of specs that could not be read: list of errors as above, without version",
    },
    "verify": {"run": "its path", "parts": "list: name, facts, damage (empty where intact), proven"},
}
