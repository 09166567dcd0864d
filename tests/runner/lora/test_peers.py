"""Torch, PEFT and AdamW train the same adapters on the same rows with the same losses; for machines that have torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from runner.lora.transition import transition_to_lora
from runner.mesh import put_batch
from runner.state import Stream, stream_key
from runner.train.compiled import compile_phase
from schema.spec import Spec
from tests.runner.export.test_export import exported, trained
from tests.runner.tiny_run import Trainer, make_spec, random_batch, start

torch = pytest.importorskip("torch", reason="pip install '.[peers]' to train beside PEFT")
peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of those libraries' own
STEPS = 20
SHAPES: dict[str, dict[str, Any]] = {
    "gpt": {},
    "llama": {"family": "llama", "n_embd": 36, "n_head": 3, "n_kv_head": 1, "head_dim": 8, "tie_embeddings": True},
    "qwen3": {"family": "qwen3", "n_head": 4, "n_kv_head": 2, "head_dim": 10},
}


def rates() -> list[float]:
    """A short warm-up, then a decay."""
    return [5e-4 * min((step + 1) / 4, 1 - step / (2 * STEPS)) for step in range(STEPS)]


@pytest.mark.parametrize("family", SHAPES)
def test_twenty_steps_have_the_losses_of_torch_and_peft(family: str, tmp_path: Path) -> None:
    lora = {"target_modules": ["attn", "mlp"], "rank": 4, "alpha": 8.0}
    # With a smaller eps Adam makes full steps of entries whose gradients are what two libraries round differently.
    spec = make_spec({**SHAPES[family], "n_layers": 3}, optimization={"adamw": {"eps": 1e-6}}, lora=lora)
    _, variables = trained(spec)
    exported(tmp_path, spec, variables, random_batch(spec, 3)["tokens"])
    batches = [batch_of(spec, step) for step in range(STEPS)]
    trainer = start(spec)
    trainer.state = trainer.state.replace(params=variables["params"])
    transition_to_lora(trainer)
    adapters = {name: variables[name] for name in ("lora_A", "lora_B")}
    trainer.state = trainer.state.replace(params=jax.tree.map(jnp.array, adapters))  # copies: a step deletes its input
    base = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "export" / "base")
    model = peft.PeftModel.from_pretrained(base, tmp_path / "export" / "adapter", is_trainable=True)
    ours = our_losses(trainer, batches)
    assert len(set(ours)) == STEPS
    np.testing.assert_allclose(ours, their_losses(model, spec, batches), rtol=0, atol=2e-6)


def batch_of(spec: Spec, step: int) -> dict[str, Any]:
    """Random tokens, of which all but the first two of a row are supervised: a mean of many is rounded less."""
    batch = random_batch(spec, step)
    mask = np.ones_like(batch["mask"])
    mask[:, :2] = 0
    return {**batch, "mask": mask}


def our_losses(trainer: Trainer, batches: list[dict[str, Any]]) -> list[float]:
    """Take a step of phase lora for each batch."""
    spec = trainer.spec.spec
    phase = compile_phase(spec, trainer.mesh, trainer.state, spec.training.batch_size // 2)
    key, losses = stream_key(spec.training.seed, Stream.DROPOUT_LORA), []
    for arrays, rate in zip(batches, rates(), strict=True):
        trainer.state, metrics = phase.train(trainer.state, put_batch(trainer.mesh, arrays), rate, key)
        losses.append(float(metrics["loss"]))
    return losses


def their_losses(model: Any, spec: Spec, batches: list[dict[str, Any]]) -> list[float]:
    """Take the same steps with torch's AdamW and the adapters of a PEFT model."""
    weights = [each for each in model.parameters() if each.requires_grad]
    o = spec.optimization
    optimizer = torch.optim.AdamW(
        weights, betas=(o.adamw.beta1, o.adamw.beta2), eps=o.adamw.eps, weight_decay=o.weight_decay
    )
    losses = []
    for arrays, rate in zip(batches, rates(), strict=True):
        tokens, targets = (torch.from_numpy(arrays[name].astype(np.int64)) for name in ("tokens", "targets"))
        mask = torch.from_numpy(arrays["mask"])
        logits = model(tokens).logits.double()  # torch's float32 rounds a mean over many words by more than we compare
        each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        loss = (each * mask).sum() / mask.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, o.grad_clip)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        losses.append(loss.item())
    return losses
