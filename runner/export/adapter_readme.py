"""README.md of exported adapters: how they are loaded, here and where their base lies at another place."""

from __future__ import annotations

NAME = "README.md"
HERE = """\
# Adapters

LoRA adapters as PEFT loads them, made by lorarun. PEFT finds their base, which `adapter_config.json` names, from any
working directory: {base}.

```python
from peft import AutoPeftModelForCausalLM

model = AutoPeftModelForCausalLM.from_pretrained("{adapter}")
```
"""
MOVED = """
That is the path where the base was written. After a move, or on another machine, load the base from where it is now,
the folder `base` beside this one, and put the adapters on it:

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM

base = AutoModelForCausalLM.from_pretrained("NEW/PLACE/export/base")
model = PeftModel.from_pretrained(base, "NEW/PLACE/export/adapter")
```
"""


def adapter_readme(adapter: str, base: str, revision: str | None) -> str:
    """Return the text for the folder `adapter`, whose base is a folder, or with a revision a model of the hub."""
    if revision is None:
        return HERE.format(adapter=adapter, base=f"`{base}`") + MOVED
    return HERE.format(adapter=adapter, base=f"`{base}` of the hub at `{revision}`")
