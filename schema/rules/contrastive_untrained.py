"""A mixture of the run is CONTRASTIVE, and no loss of lorarun compares two answers yet.

*Why it is bad.* Pairs of a chosen and a rejected answer are read, checked, stored and shown, and that is all that
can be done with them so far: `lorarun prepare` and `lorarun data` take such a spec. No run could learn what sets the
two apart.

*Bad*

```yaml
data:
  sources:
    pairs: {path: pairs.jsonl, prompt: question}
training:
  post_lora_dataset:
  - [{name: pairs, rate: 1.0, style: CONTRASTIVE}]
```

*Good*

```yaml
data:
  sources:
    pairs: {path: pairs.jsonl, prompt: question, completion: chosen}
training:
  post_lora_dataset:
  - [{name: pairs, rate: 1.0, style: PADDED}]
```

*Fix.* Learn the chosen answers alone, by style PADDED: `completion: chosen` where they are texts, `messages: chosen`
where they are conversations; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import entries, mixed
from schema.rules import pairs_not_contrastive
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR240"
SLUG = "contrastive-untrained"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the style of each entry that would be trained on; of some, LR205 and LR241 say something else."""
    for entry in entries(document):
        if not entry.is_contrastive or mixed(document, entry) or pairs_not_contrastive.unfit(document, entry):
            continue
        name = entry.name
        chosen = document.value(f"data/sources/{name}/chosen") if document.given(f"data/sources/{name}") else "chosen"
        message = f"{quote(name)} is CONTRASTIVE, and lorarun has no loss yet that compares two answers"
        remedy = (
            f"write style: PADDED, and completion: {chosen} (messages: {chosen}, where these are conversations) under "
            f"data/sources/{name} to learn the better answers; `lorarun prepare` and `lorarun data` take the pairs"
        )
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(f"{entry.path}/style"), message, remedy)
