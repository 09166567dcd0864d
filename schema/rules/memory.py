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

*Fix.* Split the model with mesh/fsdp, use more devices, set architecture/remat: full, or take a smaller model or
micro-batch; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count, in_words

CODE = "LR508"
SLUG = "memory"
SEVERITY = Severity.ERROR

# What takes less memory than each value of architecture/remat.
LESS = {
    "none": "set architecture/remat: names",
    "names": "set architecture/remat: full",
    "full": "take a shorter block_size, or more devices with mesh/fsdp: -1",
}


def check(document: Document) -> Iterator[Diagnostic]:
    """Add up each phase on one device of the mesh."""
    memory = document.environment.device_bytes if document.environment else None
    if memory is None:
        return
    for name, phase in document.budget.phases.items():
        parts = {part: size for part, size in phase.state_bytes.items() if size}
        state = sum(parts.values())
        if not phase.steps or state + phase.activation_bytes <= memory:
            continue
        if state <= memory:
            parts[f"activations of {count(phase.micro_batch_rows or 1, 'row')}"] = phase.activation_bytes
        listed = ", ".join(f"{part} {in_words(size)}" for part, size in parts.items())
        message = f"phase {name} needs {in_words(sum(parts.values()))} on a device of {in_words(memory)}: {listed}"
        yield _finding(document, message, state > memory)


def _finding(document: Document, message: str, certain: bool) -> Diagnostic:
    where = document.span("architecture")
    if certain:
        remedy = "use more devices with mesh/fsdp: -1, or a smaller model"
        return Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy)
    lower, remedy = document.value("training/per_device_batch_size") > 1, LESS[document.value("architecture/remat")]
    if lower:
        where, remedy = document.span("training/per_device_batch_size"), f"lower per_device_batch_size, or {remedy}"
    return Diagnostic(CODE, SLUG, Severity.WARNING, where, message, remedy)
