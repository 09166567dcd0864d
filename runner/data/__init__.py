"""Everything between text and batches of token ids: sources, tokenizers, token stores, styles, mixture, loader.

No module here imports jax, and nothing here knows about devices.
"""
