"""What Transformers' own `generate` says, greedily, with the small models of `tests.runner.weights`, kept as a golden.

    PYTHONPATH=. python -m tests.runner.generation.transformers_greedy

writes `goldens/greedy.json`, the ids by the name of the model, where torch and Transformers are installed.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.runner.weights import transformers_models as theirs

GOLDEN = Path(__file__).parent / "goldens" / "greedy.json"
PROMPT, NEW = 7, 40  # tokens; what follows reaches beyond the original length of each scaling


def prompt_of(name: str) -> list[int]:
    found: list[int] = theirs.tokens_of(PROMPT + len(name))[0, :PROMPT].tolist()
    return found


def generated(name: str) -> list[int]:
    """The ids that follow the prompt; nothing ends them."""
    import torch

    model = theirs.model_of(theirs.CASES[name])
    model.generation_config.eos_token_id = None
    with torch.no_grad():
        ids = torch.tensor([prompt_of(name)])
        made = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW)
    found: list[int] = made[0, PROMPT:].tolist()
    return found


def main() -> None:
    GOLDEN.parent.mkdir(exist_ok=True)
    ids = {name: generated(name) for name in theirs.CASES}
    GOLDEN.write_text("{\n" + ",\n".join(f"{json.dumps(name)}: {each}" for name, each in ids.items()) + "\n}\n")


if __name__ == "__main__":
    main()
