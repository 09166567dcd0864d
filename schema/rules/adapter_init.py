"""The adapter that phase lora is to start from is not there, or is none that this spec can train on.

*Why it is bad.* A and B of another rank, or on other modules, are other arrays; under another scale the same arrays
are another model than the one that was trained.

*Bad*

```yaml
optimization:
  lora: {init: tests/spec/adapters/llama, rank: 16}
```

*Good*

```yaml
architecture: {family: llama}
optimization:
  lora: {init: tests/spec/adapters/llama, rank: 8, alpha: 16, target_modules: [q_proj, v_proj]}
```

*Fix.* Write what its adapter_config.json says, or name another folder; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import ADAPTER_CONFIG, Document, read_adapter_config
from schema.families import ConfigError, adapter_refusals, load_family
from schema.rules._adapters import TARGETS, matrices, shaped
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR311"
SLUG = "adapter-init"
SEVERITY = Severity.ERROR
INIT = "optimization/lora/init"


def check(document: Document) -> Iterator[Diagnostic]:
    """Read its adapter_config.json, and compare it with the keys of optimization/lora."""
    named = document.value(INIT)
    if named is None:
        return
    try:
        found = read_adapter_config(named)
    except (FileNotFoundError, NotADirectoryError):
        if document.environment is not None and not _has_begun(document):
            message = f"{quote(named)} holds no {ADAPTER_CONFIG}"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(INIT), message, "name the folder of an adapter")
        return
    except (OSError, ValueError) as error:
        reason = str(error) if isinstance(error, ConfigError) else "it can't be read"
        message = f"phase lora can't start from {quote(named)}: {reason}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(INIT), message, "name another adapter, or remove init")
        return
    every, architecture = shaped(document), document.view("architecture")
    files = load_family(architecture.family).hugging_face(architecture)
    own = matrices(every, *document.value(TARGETS))
    for refused in adapter_refusals(found, document.view("optimization/lora"), files, own, every):
        message = f"phase lora can't start from {quote(named)}: {refused.reason}"
        where = document.span(f"optimization/lora/{refused.key}")
        yield Diagnostic(CODE, SLUG, SEVERITY, where, message, refused.remedy)


def _has_begun(document: Document) -> bool:
    """Whether a run has a checkpoint, and may need the folder no more."""
    run = document.environment.run if document.environment else None
    return run is not None and run.step is not None
