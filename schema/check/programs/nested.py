"""Trainers whose keys stand in sections."""

from __future__ import annotations

from schema.check.programs.program import Program

_TORCHTUNE = {
    "batch_size": "training/per_device_batch_size",
    "checkpointer/checkpoint_dir": "architecture/pretrained",
    "dataset/train_on_input": "chat/train_on",
    "dataset/packed": "the style of an entry of a mixture",
    "lr_scheduler/num_warmup_steps": "training/warmup_pct",
    "model/lora_attn_modules": "optimization/lora/target_modules",
    "optimizer/lr": "optimization/lr",
    "tokenizer/max_seq_len": "architecture/block_size",
    "tokenizer/path": "tokenizer/name",
}
_LEVANTER = {
    "data/tokenizer": "tokenizer/name",
    "initialize_from_hf": "architecture/pretrained",
    "model/hidden_dim": "architecture/n_embd",
    "model/seq_len": "architecture/block_size",
    "model/type": "architecture/family",
    "optimizer/min_lr_ratio": "optimization/schedule",
    "optimizer/warmup": "training/warmup_pct",
    "trainer/steps_per_eval": "logging/validation_interval",
    "trainer/train_batch_size": "training/batch_size",
}
_LITGPT = {
    "checkpoint_dir": "architecture/pretrained",
    "eval/interval": "logging/validation_interval",
    "optimizer/init_args/lr": "optimization/lr",
    "train/lr_warmup_steps": "training/warmup_pct",
    "train/save_interval": "logging/checkpoint_interval",
    "train/log_interval": "logging/report_interval",
}
NESTED: tuple[Program, ...] = (
    Program(
        "torchtune",
        ("*/_component_",),
        (
            *("model/_component_", "tokenizer/_component_", "checkpointer/_component_", "dataset/_component_"),
            *("optimizer/_component_", "loss/_component_", "lr_scheduler/_component_", "profiler/_component_"),
            *("metric_logger/_component_", "epochs", "max_steps_per_epoch", "resume_from_checkpoint"),
        ),
        2,
        _TORCHTUNE,
    ),
    Program(
        "Levanter",
        ("trainer",),
        (
            *("data/cache_dir", "data/configs", "data/id", "data/tokenizer", "data/train_urls", "data/train_weights"),
            *("data/validation_urls", "hf_save_path", "initialize_from_hf", "model/hidden_dim", "model/num_layers"),
            *("model/seq_len", "model/type", "optimizer/learning_rate", "optimizer/warmup", "trainer/checkpointer"),
            *("trainer/model_axis_size", "trainer/mp", "trainer/num_train_steps", "trainer/per_device_parallelism"),
            *("trainer/steps_per_eval", "trainer/tracker", "trainer/train_batch_size", "trainer/wandb"),
            *("trainer/tensor_parallel_axes", "use_hf_model_config", "trainer/fsdp_axis"),
        ),
        3,
        _LEVANTER,
    ),
    Program("Levanter (a data file)", ("cache_dir", "train_urls|configs|id"), (), 0, {"tokenizer": "tokenizer/name"}),
    Program(
        "litgpt",
        ("checkpoint_dir|model_name|model_config", "train|data|lora_r"),
        (
            *("data/class_path", "devices", "eval/interval", "eval/max_new_tokens", "logger_name", "lora_head"),
            *("lora_projection", "lora_query", "lora_r", "lora_value", "out_dir", "precision", "quantize"),
            *("optimizer/class_path", "tokenizer_dir", "train/epochs", "train/global_batch_size", "train/max_tokens"),
            *("train/lr_warmup_steps", "train/max_seq_length", "train/micro_batch_size", "train/save_interval"),
        ),
        4,
        _LITGPT,
    ),
    Program(
        "NeMo",
        ("trainer", "model|exp_manager"),
        (
            *("exp_manager", "model/data", "model/encoder_seq_length", "model/global_batch_size", "model/mcore_gpt"),
            *("model/micro_batch_size", "model/optim", "model/peft", "model/restore_from_path", "model/tokenizer"),
            *("trainer/accelerator", "trainer/devices", "trainer/max_steps", "trainer/num_nodes", "trainer/precision"),
        ),
        4,
        {
            "model/encoder_seq_length": "architecture/block_size",
            "model/optim/lr": "optimization/lr",
            "model/optim/name": "optimization/optimizer",
            "model/restore_from_path": "architecture/pretrained",
            "trainer/val_check_interval": "logging/validation_interval",
        },
    ),
    Program(
        "NeMo AutoModel",
        ("*/_target_",),
        (
            *(
                "checkpoint/checkpoint_dir",
                "dataloader/_target_",
                "dataset/_target_",
                "dist_env",
                "distributed/_target_",
            ),
            *("loss_fn/_target_", "model/_target_", "optimizer/_target_", "peft/_target_", "rng/_target_"),
            *("step_scheduler", "validation_dataset/_target_"),
        ),
        3,
        {
            "model/pretrained_model_name_or_path": "architecture/pretrained",
            "optimizer/lr": "optimization/lr",
            "peft/alpha": "optimization/lora/alpha",
            "peft/dim": "optimization/lora/rank",
            "peft/target_modules": "optimization/lora/target_modules",
            "step_scheduler/local_batch_size": "training/per_device_batch_size",
        },
    ),
    Program(
        "PyTorch Lightning",
        ("trainer", "model/class_path|data/class_path|seed_everything"),
        (
            "ckpt_path",
            "model/init_args",
            "data/init_args",
            "trainer/accelerator",
            "trainer/max_epochs",
            "trainer/logger",
        ),
        1,
    ),
    Program(
        "LLM Foundry",
        ("model/name", "train_loader|max_duration"),
        (
            *("callbacks", "device_train_microbatch_size", "eval_interval", "fsdp_config", "global_train_batch_size"),
            *("loggers", "max_duration", "max_seq_len", "save_folder", "save_interval", "train_loader", "variables"),
            *("optimizer/name", "scheduler/name"),
        ),
        4,
        {
            "device_train_microbatch_size": "training/per_device_batch_size",
            "global_train_batch_size": "training/batch_size",
            "max_duration": "training/pre_lora_tokens and training/post_lora_tokens",
            "model/pretrained_model_name_or_path": "architecture/pretrained",
            "optimizer/lr": "optimization/lr",
            "save_interval": "logging/checkpoint_interval",
            "tokenizer/name": "tokenizer/name",
        },
    ),
    Program(
        "Ludwig",
        ("input_features", "output_features"),
        (),
        0,
        {"base_model": "architecture/pretrained", "adapter/r": "optimization/lora/rank"},
    ),
    Program("verl", ("actor_rollout_ref",)),
    Program(
        "DeepSpeed",
        ("zero_optimization|train_micro_batch_size_per_gpu",),
        (),
        0,
        {
            "gradient_clipping": "optimization/grad_clip",
            "optimizer/params/lr": "optimization/lr",
            "train_batch_size": "training/batch_size",
            "train_micro_batch_size_per_gpu": "training/per_device_batch_size",
        },
    ),
)
