"""Trainers whose keys stand at the top of one mapping, and the configurations of models and adapters."""

from __future__ import annotations

from schema.check.programs.program import Program

_HUGGING_FACE = (
    *("adam_beta1", "bf16", "eval_steps", "eval_strategy", "evaluation_strategy", "fp16", "gradient_checkpointing"),
    *("gradient_accumulation_steps", "learning_rate", "logging_steps", "logging_strategy", "lr_scheduler_type"),
    *("max_grad_norm", "num_train_epochs", "optim", "output_dir", "per_device_eval_batch_size", "push_to_hub"),
    *("per_device_train_batch_size", "report_to", "save_steps", "save_strategy", "save_total_limit", "warmup_ratio"),
    *("warmup_steps", "weight_decay"),
)
_CONFIG = {
    "model_type": "architecture/family",
    "max_position_embeddings": "architecture/block_size",
    "n_layer": "architecture/n_layers",
    "torch_dtype": "architecture/dtype/param",
}
FLAT: tuple[Program, ...] = (
    Program(
        "axolotl",
        ("base_model",),
        (
            *("adapter", "base_model_config", "chat_template", "datasets", "dataset_prepared_path", "flash_attention"),
            *("gradient_accumulation_steps", "load_in_4bit", "load_in_8bit", "lora_alpha", "lora_r"),
            *("micro_batch_size", "num_epochs", "optimizer", "output_dir", "sample_packing", "sequence_len"),
            *("lora_target_linear", "pad_to_sequence_len", "special_tokens", "train_on_inputs", "val_set_size"),
            *("wandb_project",),
        ),
        3,
        {
            "datasets/*/path": "data/sources/NAME/path",
            "datasets/*/type": "the fields of data/sources/NAME",
            "lora_target_linear": "optimization/lora/target_modules",
            "lr_scheduler": "optimization/schedule",
            "optimizer": "optimization/optimizer",
            "saves_per_epoch": "logging/checkpoint_interval",
            "evals_per_epoch": "logging/validation_interval",
        },
    ),
    Program(
        "LLaMA-Factory",
        ("model_name_or_path", "stage|finetuning_type|template|cutoff_len"),
        (
            *("adapter_name_or_path", "cutoff_len", "dataset", "dataset_dir", "do_predict", "do_train", "eval_dataset"),
            *("finetuning_type", "lora_rank", "lora_target", "max_samples", "overwrite_cache", "overwrite_output_dir"),
            *("export_dir", "image_max_pixels", "infer_backend", "plot_loss", "preprocessing_num_workers", "stage"),
            *("quantization_bit", "template", "trust_remote_code", "val_size"),
        ),
        2,
        {
            "dataset": "data/sources and a mixture",
            "template": "chat/template",
        },
    ),
    Program(
        "TRL",
        ("model_name_or_path|model_name",),
        (
            *("assistant_only_loss", "attn_implementation", "chat_template", "chat_template_path", "dataset_config"),
            *("dataset_mixer", "dataset_mixture", "dataset_name", "dataset_text_field", "dataset_train_split"),
            *("load_in_4bit", "lora_alpha", "lora_r", "lora_target_modules", "max_length", "max_seq_length", "packing"),
            *("use_peft", *_HUGGING_FACE),
        ),
        4,
        {"optim": "optimization/optimizer"},
    ),
    Program(
        "the TrainingArguments of transformers",
        ("per_device_train_batch_size|num_train_epochs|max_steps|output_dir",),
        _HUGGING_FACE,
        4,
        {"optim": "optimization/optimizer"},
    ),
    Program(
        "PEFT (an adapter_config.json)",
        ("peft_type|r", "base_model_name_or_path|task_type"),
        ("bias", "inference_mode", "lora_alpha", "lora_dropout", "modules_to_save", "r", "target_modules", "task_type"),
        3,
        {
            "r": "optimization/lora/rank",
            "target_modules": "optimization/lora/target_modules",
            "use_rslora": "optimization/lora/scaling",
        },
    ),
    Program(
        "MaxText",
        (
            "base_emb_dim|base_num_decoder_layers|base_output_directory|base_config|load_parameters_path|"
            "enable_checkpointing|max_target_length",
        ),
        (
            *("base_config", "base_emb_dim", "base_mlp_dim", "base_num_decoder_layers", "base_num_kv_heads"),
            *("base_num_query_heads", "base_output_directory", "dataset_type", "dcn_data_parallelism", "decoder_block"),
            *("enable_checkpointing", "hardware", "ici_fsdp_parallelism", "load_parameters_path", "max_target_length"),
            *("mlp_activations", "model_name", "per_device_batch_size", "remat_policy", "run_name", "scan_layers"),
            *("steps", "tokenizer_path", "attention", "quantization", "learning_rate", "sharding_tolerance"),
        ),
        4,
        {
            "base_emb_dim": "architecture/n_embd",
            "base_mlp_dim": "architecture/intermediate_size",
            "base_num_decoder_layers": "architecture/n_layers",
            "base_num_kv_heads": "architecture/n_kv_head",
            "base_num_query_heads": "architecture/n_head",
            "decoder_block": "architecture/family",
            "ici_fsdp_parallelism": "mesh/fsdp",
            "ici_tensor_parallelism": "mesh/tensor",
            "load_parameters_path": "architecture/pretrained",
            "per_device_batch_size": "training/per_device_batch_size",
            "steps": "training/pre_lora_tokens and training/post_lora_tokens",
            "tokenizer_path": "tokenizer/name",
            "remat_policy": "architecture/remat",
        },
    ),
    Program(
        "mlx-lm",
        ("model", "lora_parameters|fine_tune_type|adapter_path"),
        (
            *("adapter_path", "batch_size", "data", "fine_tune_type", "grad_checkpoint", "iters", "learning_rate"),
            *(
                "lora_parameters",
                "mask_prompt",
                "num_layers",
                "save_every",
                "steps_per_eval",
                "steps_per_report",
                "train",
            ),
        ),
        4,
        {
            "batch_size": "training/batch_size",
            "data": "data/sources/NAME/path",
            "iters": "training/post_lora_tokens",
            "lora_parameters/alpha": "optimization/lora/alpha",
            "lora_parameters/dropout": "optimization/lora/dropout",
            "lora_parameters/keys": "optimization/lora/target_modules",
            "lora_parameters/rank": "optimization/lora/rank",
            "mask_prompt": "chat/train_on",
            "model": "architecture/pretrained",
            "save_every": "logging/checkpoint_interval",
            "steps_per_eval": "logging/validation_interval",
            "steps_per_report": "logging/report_interval",
        },
    ),
    Program("mergekit", ("merge_method",), ("base_model", "dtype", "models", "parameters", "slices"), 1),
    Program(
        "accelerate",
        ("distributed_type", "compute_environment|num_processes"),
        (),
        0,
        {"num_processes": "mesh", "mixed_precision": "architecture/dtype/activation"},
    ),
    Program(
        "transformers (a model's config.json)",
        ("model_type|architectures",),
        (
            *("attention_bias", "bos_token_id", "eos_token_id", "hidden_act", "hidden_size", "initializer_range"),
            *("intermediate_size", "max_position_embeddings", "n_ctx", "n_embd", "n_head", "n_layer", "n_positions"),
            *("num_attention_heads", "num_hidden_layers", "num_key_value_heads", "rms_norm_eps", "rope_theta"),
            *("tie_word_embeddings", "torch_dtype", "transformers_version", "use_cache", "vocab_size"),
        ),
        4,
        _CONFIG,
    ),
)
