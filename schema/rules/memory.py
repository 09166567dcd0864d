"""What a device must hold is more than its memory.

*Why it is bad.* Parameters, gradients and optimizer state have no smaller form: a run that can't hold them dies in its
first step, an error. The activations of a micro-batch are an estimate, and a warning.

*On*

```json
{"devices": 1, "device_bytes": 17179869184}
```

*Bad*

```yaml
architecture:
  n_embd: 8192
  n_layers: 64
```

*Good*

```yaml
architecture:
  n_embd: 128
  n_layers: 4
```

*Fix.* Split the model with mesh/fsdp, use more devices, set architecture/remat, or take a smaller model or micro-batch;
nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.budget.bytes import CHUNK_TOKENS, state_bytes
from schema.budget.stages import Phase
from schema.document import Document
from schema.families import activation_bytes
from schema.rules._machine import axes, in_words
from schema.rules._stages import planned
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count

CODE = "LR508"
SLUG = "memory"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Add up each phase on one device of the mesh."""
    memory = document.environment.device_bytes if document.environment else None
    if memory is None:
        return
    mesh, lora = axes(document), document.view("optimization/lora")
    architecture, block_size = document.view("architecture"), document.value("architecture/block_size")
    lora.target_modules = list(lora.target_modules)
    rows = _micro_rows(document, mesh["data"] * mesh["fsdp"])
    activations = activation_bytes(architecture, rows, -(-CHUNK_TOKENS // block_size))
    phases: list[Phase] = list(dict.fromkeys(stage.phase for stage in planned(document) if stage.steps))
    for phase in phases:
        parts = {name: size for name, size in state_bytes(architecture, lora, mesh, phase).items() if size}
        state = sum(parts.values())
        if state + activations <= memory:
            continue
        if state <= memory:
            parts[f"activations of {count(rows, 'row')}"] = activations
        listed = ", ".join(f"{name} {in_words(size)}" for name, size in parts.items())
        message = f"phase {phase} needs {in_words(sum(parts.values()))} on a device of {in_words(memory)}: {listed}"
        yield _finding(document, message, state > memory)


def _micro_rows(document: Document, devices: int) -> int:
    """Rows that a device takes at once: as asked, or one where the run chooses what fits."""
    asked, share = document.value("training/per_device_batch_size"), document.value("training/batch_size") // devices
    return max((rows for rows in range(1, min(share, asked) + 1) if share % rows == 0), default=1)


def _finding(document: Document, message: str, certain: bool) -> Diagnostic:
    where = document.span("architecture")
    if certain:
        remedy = "use more devices with mesh/fsdp: -1, or a smaller model"
        return Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy)
    lower, remedy = document.value("training/per_device_batch_size") > 1, "set architecture/remat: true"
    if lower:
        where, remedy = document.span("training/per_device_batch_size"), f"lower per_device_batch_size, or {remedy}"
    return Diagnostic(CODE, SLUG, Severity.WARNING, where, message, remedy)
