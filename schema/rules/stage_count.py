"""A phase has another number of budgets than of mixtures.

*Why it is bad.* The two lists are read in parallel, so one stage would have no data or one mixture would never be
used.

*Bad*

```yaml
training:
  post_lora_tokens: [102400, 102400]
```

*Good*

```yaml
training:
  post_lora_tokens: [204800]
```

*Fix.* Give every stage its tokens and its mixture.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.budget.stages import DATASET_KEY, TOKENS_KEY
from schema.check.shorthand import joined_budgets
from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Related, Severity
from schema.text.source import Sequence
from schema.text.wording import count

CODE = "LR101"
SLUG = "stage-count"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the lengths of the two lists of each phase."""
    for phase in TOKENS_KEY:
        tokens_key, dataset_key = f"training/{TOKENS_KEY[phase]}", f"training/{DATASET_KEY[phase]}"
        if not (document.listed(tokens_key) and document.listed(dataset_key)) or document.budget.one_budget:
            continue
        tokens, mixtures = document.length(tokens_key), document.length(dataset_key)
        if tokens == mixtures or (phase == "full" and document.budget.displaced):
            continue
        sources = "".join(f"; {key} is the default" for key in (tokens_key, dataset_key) if not document.given(key))
        message = f"phase {phase} has {count(tokens, 'budget')} and {count(mixtures, 'mixture')}{sources}"
        written = tokens_key if document.given(tokens_key) else dataset_key
        other = dataset_key if written == tokens_key else tokens_key
        related = (Related(document.span(other), "the other list"),) if document.given(other) else ()
        remedy = f"give {tokens_key} and {dataset_key} one entry a stage"
        node = document.found.nodes.get(parse(tokens_key))
        joined = joined_budgets(node.items) if isinstance(node, Sequence) else ""
        if joined.count(",") + 1 == mixtures and joined:
            remedy = f"write {joined}: a comma separates two budgets"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(written), message, remedy, related)
