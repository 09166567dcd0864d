"""A phase's decay is longer than its last stage, so that it starts inside an earlier one.

*Why it is bad.* The last stage is mostly there for the data that the decay is to see; here a part of the decay is spent
on the stage before.

*Bad*

```yaml
training:
  decay_pct: 0.3
  pre_lora_tokens: [921600, 102400]
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PMD}]
  - [{name: books, rate: 1.0, style: PMD}]
```

*Good*

```yaml
training:
  decay_pct: 0.1
  pre_lora_tokens: [921600, 102400]
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PMD}]
  - [{name: books, rate: 1.0, style: PMD}]
```

*Fix.* Shorten the decay to the last stage, which `--unsafe-fixes` does, or lengthen that stage.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.diagnostic import Diagnostic, Severity, fix
from schema.document import Document, parse
from schema.rules._stages import phases, schedule, stage_path
from schema.wording import count

CODE = "LR105"
SLUG = "decay-crosses-boundary"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the decay of each phase of several stages with the last of them."""
    for name, stages in phases(document).items():
        steps, last = sum(stage.steps for stage in stages), stages[-1]
        decay = schedule(document, steps)[1]
        if len(stages) < 2 or decay <= last.steps or last.steps == 0:
            continue
        share = int(10_000 * last.steps / steps) / 10_000
        message = (
            f"the decay of phase {name} takes {count(decay, 'step')} and starts before its last stage, "
            f"{stage_path(last)}, which has {last.steps:,}"
        )
        given = document.given("training/decay_pct")
        where = document.span("training/decay_pct" if given else stage_path(last))
        written = fix(document.edits.replace(parse("training/decay_pct"), f"{share:g}"), safe=False)
        remedy = f"write training/decay_pct: {share:g} at most, or lengthen the stage"
        yield Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy, fix=written)
