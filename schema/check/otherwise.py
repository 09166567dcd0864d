"""Keys of other programs that say a thing otherwise than a spec does: which keys to write here, and how.

Names that mean exactly what a key of ours does are in `renamed`, and are read. These here are told, and not read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from schema.text.wording import join

_FULL, _LORA = "training/pre_lora_tokens", "training/post_lora_tokens"
_MIXTURES = ("training/dataset", "training/pre_lora_dataset", "training/post_lora_dataset")


class Otherwise(NamedTuple):
    """The keys to write, none where there is no such thing here; how, or why; what else is undecided; the value."""

    keys: tuple[str, ...]
    how: str = ""
    undecided: tuple[str, ...] = ()
    value: str = ""

    def remedy(self, section: str) -> str:
        """What to write instead, as a sentence for who wrote it in a section: its own keys go by their names."""
        if not self.keys:
            return self.how
        keys = [key.removeprefix(f"{section}/") for key in self.keys]
        value = f": {self.value}" if self.value else ""
        return f"write {join(keys, 'and')}{value}{f', {self.how}' if self.how else ''}"


_BUDGETS = ("training/tokens", *_MIXTURES)
_TABLE: tuple[tuple[tuple[str, ...], Otherwise], ...] = (
    (
        ("epochs", "num_epochs", "num_train_epochs", "n_epochs", "max_epochs", "train_epochs"),
        Otherwise((_FULL, _LORA), "or training/tokens without adapters: budgets are tokens here, not epochs", _BUDGETS),
    ),
    (
        (
            *("max_iters", "max_steps", "num_iterations", "num_steps", "num_train_steps", "steps", "total_steps"),
            *("train_steps",),
        ),
        Otherwise((_FULL, _LORA), "steps × batch_size × block_size: budgets are tokens here", _BUDGETS),
    ),
    (("max_tokens", "total_tokens", "train_tokens", "num_tokens"), Otherwise((_FULL, _LORA), "", _BUDGETS)),
    (
        (
            "gradient_accumulation_steps",
            "gradient_accumulation",
            "grad_accum",
            "grad_accum_steps",
            "accumulation_steps",
        ),
        Otherwise(("training/batch_size",), "the rows of a whole step, and per_device_batch_size for the micro-batch"),
    ),
    (
        ("warmup_steps", "warmup_ratio", "warmup_iters", "warmup", "num_warmup_steps", "warmup_steps_fraction"),
        Otherwise(("training/warmup_pct",), "a share of each phase's steps"),
    ),
    (
        ("lr_scheduler", "lr_scheduler_type", "lr_schedule", "lr_schedule_type", "scheduler", "decay_lr"),
        Otherwise(("optimization/schedule",), "wsd, cosine, linear or constant"),
    ),
    (("optim", "opt_type", "optimizer_name", "optimizer_type"), Otherwise(("optimization/optimizer",))),
    (("betas", "adam_betas"), Otherwise(("optimization/adamw/beta1", "optimization/adamw/beta2"), "two numbers")),
    (
        ("bf16", "fp16", "tf32", "precision", "mixed_precision", "torch_dtype", "compute_dtype", "weight_dtype"),
        Otherwise(("architecture/dtype/param", "architecture/dtype/activation"), "float32 or bfloat16"),
    ),
    (
        (
            *("base_model", "model_name_or_path", "model_name", "model_id", "pretrained_model_name_or_path"),
            *("base_model_name_or_path", "pretrained_model", "model_path", "initialize_from_hf"),
        ),
        Otherwise(("architecture/pretrained",), "a folder or OWNER/NAME", ("architecture",)),
    ),
    (
        ("model", "llm", "checkpoint_path"),
        Otherwise(("architecture/pretrained",), "a model to start from, or family, one to build", ("architecture",)),
    ),
    (
        ("model_max_length", "max_position_embeddings", "n_positions"),
        Otherwise(("architecture/block_size",), "the tokens of a row"),
    ),
    (("model_type", "model_family", "model_arch"), Otherwise(("architecture/family",), "gpt, llama or qwen3")),
    (("vocab", "padded_vocab_size"), Otherwise(("architecture/vocab_size",))),
    (("lora_target_modules", "lora_target", "lora_modules"), Otherwise(("optimization/lora/target_modules",))),
    (("lora_attn_modules",), Otherwise(("optimization/lora/target_modules",), "such as q_proj and v_proj")),
    (("use_rslora",), Otherwise(("optimization/lora/scaling",), value="rslora")),
    (("loraplus_lr_ratio", "lora_lr"), Otherwise(("optimization/lora/lr",), "a rate of phase lora")),
    (
        ("adapter", "use_lora", "use_peft", "enable_lora", "finetuning_type", "peft_type"),
        Otherwise((_LORA, "training/post_lora_dataset"), "which make phase lora"),
    ),
    (
        (
            *("datasets", "dataset_path", "dataset_dir", "data_path", "data_files", "train_file"),
            *("train_data", "train_files", "train_urls", "train_dataset", "dataset_mixer"),
        ),
        Otherwise(("data/sources/NAME/path",), "and NAME in a mixture", _MIXTURES),
    ),
    (
        ("dataset_name", "hf_path", "dataset_id", "hf_dataset", "hub_id", "repo_id"),
        Otherwise(("data/sources/NAME/hub",), "and NAME in a mixture", _MIXTURES),
    ),
    (
        ("sample_packing", "packing", "packed", "pack_sequences"),
        Otherwise(_MIXTURES[1:], "each entry with its style, such as PACKED"),
    ),
    (
        ("dataset_exact_deduplication", "deduplication", "dedup", "dedupe"),
        Otherwise(("data/deduplicate",), value="exact"),
    ),
    (("chat_template", "conversation_template"), Otherwise(("chat/template",))),
    (("train_on_inputs", "train_on_prompt", "assistant_only_loss"), Otherwise(("chat/train_on",))),
    (
        ("output_dir", "run_name", "base_output_directory", "save_dir", "out_dir"),
        Otherwise((), "remove it: exec --run-dir names the folder of a run"),
    ),
    (("resume_from_checkpoint", "auto_resume"), Otherwise((), "remove it: exec of the same run directory resumes")),
    (("wandb_project", "wandb_name", "report_to", "use_wandb"), Otherwise(("logging/wandb",), value="true")),
    (("num_gpus", "num_devices", "fsdp_config", "deepspeed", "strategy", "devices"), Otherwise(("mesh",))),
    (
        ("load_in_4bit", "load_in_8bit", "quantization", "quantization_bit", "quantize_base"),
        Otherwise((), "remove it: lorarun does not quantize the base"),
    ),
    (("use_dora", "lora_use_dora"), Otherwise((), "remove it: lorarun has no DoRA")),
    (
        ("flash_attention", "use_flash_attention", "flash_attn", "attn_implementation", "attention"),
        Otherwise((), "remove it: lorarun chooses the implementation of attention"),
    ),
    (("trust_remote_code", "use_remote_code"), Otherwise((), "remove it: lorarun runs no code of models")),
)
OTHERWISE: dict[str, Otherwise] = {name: row for names, row in _TABLE for name in names}

_PHASES = {
    "pre_lora": ("base", "full", "pretrain", "pretraining"),
    "post_lora": ("adapter", "finetune", "finetuning", "lora"),
}
# What others call a key of the same mapping, in whose place it may be written.
WORDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("weight", "ratio", "proportion", "probability", "prob", "share", "sampling_rate"), ("rate",)),
    **dict.fromkeys(("dataset", "source", "dataset_name"), ("name",)),
    **dict.fromkeys(("targets", "target", "modules"), ("target_modules",)),
    # Of a source: its files, and what others call the fields of its records.
    **dict.fromkeys(("data_files", "data_path", "dataset_path", "file", "file_path", "files", "folder"), ("path",)),
    **dict.fromkeys(("train_file", "train_files"), ("path",)),
    **dict.fromkeys(("body", "content", "dataset_text_field", "document", "text_column", "text_field"), ("text",)),
    **dict.fromkeys(("problem", "prompt_column", "prompt_field", "q", "query", "question", "questions"), ("prompt",)),
    **dict.fromkeys(("a", "answer", "answers", "completion_field", "reply", "response", "solution"), ("completion",)),
    **dict.fromkeys(("chat", "conversation", "conversations", "dialogue", "messages_field"), ("messages",)),
    **{
        f"{word}_{what}": (f"{phase}_{what.removesuffix('s') if what == 'datasets' else what}",)
        for phase, words in _PHASES.items()
        for word in words
        for what in ("tokens", "dataset", "datasets")
    },
}
_PREFIXES = ("global", "model", "my", "num", "total", "train", "training")  # that say nothing
_LEAST_LETTERS = 4


def by_parts(name: str, names: Iterable[str]) -> list[str]:
    """Return the names, at most three, that a name is a part of, or is but for a word that says nothing.

    So batch and train_batch_size are batch_size.
    """
    bare = next((name.removeprefix(f"{word}_") for word in _PREFIXES if name.startswith(f"{word}_")), name)
    known = sorted(names)
    if bare in known:
        return [bare]
    parts = set(bare.split("_"))
    longer = {other: len(set(other.split("_")) - parts) for other in known if parts < set(other.split("_"))}
    least = [other for other, more in longer.items() if more == min(longer.values())]
    return least if len(bare) >= _LEAST_LETTERS and len(least) <= 3 else []
