"""A stage is not a whole number of steps, so it runs more or fewer tokens than asked.

*Why it is bad.* A step always takes batch_size × block_size tokens. Stage ends are rounded to the nearest step, and
`plan` shows both numbers. A stage of so few steps that this moves its budget by 5 % is likely not what was meant. From
a thousandth on it is an info; below that only where the number is no round one, such as 10B. Steps differ in supervised
tokens, so of a budget of those only the 5 % are told; of a stage that its data end before, nothing.

*Bad*

```yaml
training:
  post_lora_tokens: [200000]
```

*Good*

```yaml
training:
  post_lora_tokens: [204800]
```

*Fix.* Write the planned number of tokens. From half a percent on `--unsafe-fixes` does so, for every stage at once, so
that no other boundary moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from schema.document import Document, parse
from schema.rules._edits import number
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import count

CODE = "LR102"
SLUG = "partial-batch-stage"
SEVERITY = Severity.WARNING

TOLD, FIXED, LIKELY_WRONG = Fraction(1, 1000), Fraction(1, 200), Fraction(1, 20)  # of the tokens that a stage asks
ROUND_DIGITS = 3


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the tokens asked with the tokens that the stage's steps take."""
    step, terms = document.budget.tokens_per_step, document.budget.terms
    least = 1 if terms.supervised else step
    partial = [
        (stage, stage.path, stage.planned)
        for stage in document.budget.stages
        if stage.tokens >= least * stage.sides and stage.tokens != stage.planned > 0 and not stage.ended_by
    ]
    edits = [
        document.edits.replace(parse(path), number(document, path, ran))
        for _, path, ran in partial
        if document.given(path)
    ]
    for stage, path, ran in partial:
        off = Fraction(abs(ran - stage.tokens), stage.tokens)
        severity = SEVERITY if off >= LIKELY_WRONG else Severity.INFO
        small = off < TOLD and len(str(stage.tokens).rstrip("0")) <= ROUND_DIGITS
        if small or (severity is Severity.INFO and (terms.supervised or not document.given(path))):
            continue
        percent = f"{float(100 * off):.2g} %" if 10_000 * off >= 1 else "under 0.01 %"
        message = (
            f"{path} asks {stage.tokens:,} {terms.unit} and runs {count(stage.steps, 'step')}"
            f"{'' if terms.supervised else f' of {step * stage.sides:,}'}, {ran:,} tokens: {percent} "
            f"{'more' if ran > stage.tokens else 'fewer'}"
        )
        remedy = f"write {number(document, path, ran)}, if the number matters"
        rounded = fix(*edits, safe=False) if off >= FIXED and document.given(path) else None
        yield Diagnostic(CODE, SLUG, severity, document.span(path), message, remedy, fix=rounded)
