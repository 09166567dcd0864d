"""Feed-forward blocks, one form for each `schema.families.Options.feed_forward`."""

from __future__ import annotations

import flax.linen as nn
import jax

from runner.models._projection import LoRAScale, Projection
from schema.families import Options


class FeedForward(nn.Module):
    """down(gelu(up(x))), GELU in its tanh form as in GPT-2; or SwiGLU, down(silu(gate(x)) · up(x)) (Shazeer 2020)."""

    options: Options
    lora: LoRAScale

    @nn.compact
    def __call__(self, x: jax.Array, deterministic: bool) -> jax.Array:
        """Map (b·t, d) to (b·t, d)."""
        o = self.options

        def project(name: str, features: int, axes: tuple[str, str], std: float) -> Projection:
            return Projection(features, axes, o.mlp_bias, std, o.param_dtype, self.lora, name=name)

        # (b·t, d) → (b·t, f) → (b·t, d); down starts smaller, since every layer adds its output to the residual stream
        up = project("up_proj", o.intermediate_size, ("embed", "mlp"), 0.02)
        down = project("down_proj", o.n_embd, ("mlp", "embed"), 0.02 / (2 * o.n_layers) ** 0.5)
        if o.feed_forward == "gelu":
            return down(jax.nn.gelu(up(x, deterministic), approximate=True), deterministic)
        gate = project("gate_proj", o.intermediate_size, ("embed", "mlp"), 0.02)
        return down(jax.nn.silu(gate(x, deterministic)) * up(x, deterministic), deterministic)
