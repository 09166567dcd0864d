"""LoRA: adapters, the state of phase lora, and the transition to it."""
