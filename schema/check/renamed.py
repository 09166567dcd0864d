"""Keys that have another name here than before or elsewhere: read under their own one, with a word.

The tree is changed before it is checked, so that the rest of the linter knows one name for each thing.
"""

from __future__ import annotations

from typing import NamedTuple

from schema.check.findings import Findings, Problem, show
from schema.text.diagnostic import Related, Span
from schema.text.source import Mapping, Node, Path, Scalar, same


class Renamed(NamedTuple):
    """The key that is read, and the version of lorarun since when; empty where other programs have the other name."""

    key: str
    since: str = ""


# Key → what axolotl, LLaMA-Factory, MaxText, PEFT, torchtune, torchtitan, nanoGPT and Hugging Face call it. Only names
# whose meaning and unit are exactly those of the key: no warmup_ratio (of the run, not of each phase), no PEFT
# target_modules under another name (no substrings), no gradient_accumulation_steps (there is no such key).
ELSEWHERE: dict[str, tuple[str, ...]] = {
    "architecture/block_size": (
        *("context_length", "cutoff_len", "max_context_length", "max_length", "max_seq_len", "max_seq_length"),
        *("max_sequence_length", "max_target_length", "n_ctx", "seq_len", "seq_length", "sequence_len"),
        *("sequence_length",),
    ),
    "architecture/intermediate_size": ("intermediate_dim", "n_inner"),
    "architecture/n_embd": ("d_model", "embed_dim", "hidden_size"),
    "architecture/n_head": ("num_attention_heads", "num_heads"),
    "architecture/n_kv_head": ("num_key_value_heads", "num_kv_heads"),
    "architecture/n_layers": ("num_hidden_layers", "num_layers"),
    "architecture/norm_eps": ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "rms_norm_eps"),
    "architecture/remat": ("enable_activation_checkpointing", "gradient_checkpointing"),
    "architecture/rope_theta": ("rope_base",),
    "architecture/tie_embeddings": ("tie_word_embeddings",),
    "checkpoint/keep": ("max_to_keep", "save_total_limit"),
    "logging/checkpoint_interval": ("checkpoint_period", "save_steps"),
    "logging/report_interval": ("log_every_n_steps", "log_period", "logging_steps"),
    "logging/validation_interval": ("eval_interval", "eval_steps", "run_val_every_n_steps"),
    "optimization/adamw/beta1": ("adam_b1", "adam_beta1"),
    "optimization/adamw/beta2": ("adam_b2", "adam_beta2"),
    "optimization/adamw/eps": ("adam_eps", "adam_epsilon"),
    "optimization/grad_clip": ("clip_grad_norm", "gradient_clipping_threshold", "max_grad_norm"),
    "optimization/lora/alpha": ("lora_alpha",),
    "optimization/lora/dropout": ("lora_dropout",),
    "optimization/lora/rank": ("lora_r", "lora_rank"),
    "optimization/lr": ("learning_rate",),
    "training/batch_size": ("global_batch_size",),
    "training/per_device_batch_size": ("micro_batch_size", "per_device_train_batch_size"),
}

# Old path → the path that is read. Old and new stand in mappings, not in lists. A name of other programs is known
# beside the key, at the top of the spec, where flat configurations have it, and in its section, where keys of one
# optimizer once stood; PEFT's r is, alone, too short for that.
RENAMED = {
    **{name: Renamed(key) for key, names in ELSEWHERE.items() for name in names},
    **{f"{key.partition('/')[0]}/{name}": Renamed(key) for key, names in ELSEWHERE.items() for name in names},
    **{f"{key.rpartition('/')[0]}/{name}": Renamed(key) for key, names in ELSEWHERE.items() for name in names},
    **{f"optimization/{name}": Renamed(f"optimization/adamw/{name}", "0.1") for name in ("beta1", "beta2", "eps")},
    "optimization/lora/learning_rate": Renamed("optimization/lora/lr"),
    "optimization/lora/r": Renamed("optimization/lora/rank"),
    "training/pre_lora_datasets": Renamed("training/pre_lora_dataset", "0.1"),
    "training/post_lora_datasets": Renamed("training/post_lora_dataset", "0.1"),
    "optimization/warmup_pct": Renamed("training/warmup_pct", "0.1"),
    "optimization/decay_pct": Renamed("training/decay_pct", "0.1"),
}


def rename(found: Findings, tree: Mapping) -> Mapping:
    """Return the tree with every old key under its new name; record a problem for each.

    Where both names are written, the new one counts.
    """
    for old, new in RENAMED.items():
        before, now = tuple(old.split("/")), tuple(new.key.split("/"))
        written = _entries(tree, before)
        if not written:
            continue
        key, value = written[0]
        for again, repeated in written[1:]:
            _repeated(found, before, key, again.span, same(value, repeated))
            found.failed.add(now)
        other = next(iter(_entries(tree, now)), None)
        tree = _without(tree, before)
        if other is None or other[0].span.origin is not key.span.origin:  # a `--set` argument overrides the file
            since = f"since version {new.since}" if new.since else "here"
            message = f"{old} is called {new.key} {since}"
            in_place = before[:-1] == now[:-1] and key.span.origin is tree.span.origin
            remedy = f"write {now[-1] if in_place else new.key}"
            found.problems.append(Problem("deprecated-key", before, key.span, message, remedy))
            if other is None:
                tree = with_entry(tree, now, (Scalar(key.span, now[-1], True, now[-1]), value))
            continue
        related = (Related(other[0].span, "read from here"),)
        if same(value, other[1]):
            message = f"{show(before)} says again what {new.key} says"
            found.problems.append(Problem("redundant-namespaces", before, key.span, message, "remove it", related))
        else:
            message = f"{show(before)} and {new.key} are one thing and differ"
            remedy = f"keep {new.key}, and remove this"
            found.problems.append(Problem("conflicting-namespaces", before, key.span, message, remedy, related))
    return tree


def _repeated(found: Findings, path: Path, first: Scalar, span: Span, equal: bool) -> None:
    related = (Related(first.span, "first written here"),)
    message, either = f"{show(path)} is written twice", "either" if equal else ""
    found.problems.append(Problem("duplicate-key", path, span, message, "keep one of the two", related, either))


def _entries(tree: Node, path: Path) -> list[tuple[Scalar, Node]]:
    """The entries of one name at a path; several where a key is repeated."""
    entries: list[tuple[Scalar, Node]] = []
    for part in path:
        entries = [entry for entry in tree.entries if entry[0].text == part] if isinstance(tree, Mapping) else []
        if not entries:
            return []
        tree = entries[0][1]
    return entries


def _without(tree: Mapping, path: Path) -> Mapping:
    kept = []
    for key, value in tree.entries:
        if key.text != path[0]:
            kept.append((key, value))
        elif len(path) > 1:
            kept.append((key, _without(value, path[1:]) if isinstance(value, Mapping) else value))
    return Mapping(tree.span, tuple(kept))


def with_entry(tree: Mapping, path: Path, entry: tuple[Scalar, Node]) -> Mapping:
    """Add an entry below a path; a section that is not there is made, one that is no mapping is left for the check."""
    if len(path) == 1:
        return Mapping(tree.span, (*tree.entries, entry))
    entries = list(tree.entries)
    for index, (key, value) in enumerate(entries):
        if key.text == path[0]:
            if isinstance(value, Mapping):
                entries[index] = (key, with_entry(value, path[1:], entry))
            return Mapping(tree.span, tuple(entries))
    section = Scalar(entry[0].span, str(path[0]), True, str(path[0]))
    return Mapping(tree.span, (*entries, (section, with_entry(Mapping(entry[0].span, ()), path[1:], entry))))
