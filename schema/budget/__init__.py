"""The arithmetic of a run: stages, steps, learning rates, events, retention, bytes. Nothing else computes them."""
