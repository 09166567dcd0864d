"""A mixture names a dataset that does not exist on this machine, or whose text can't be found.

*Why it is bad.* The run has nothing to read. A dataset is built in, an entry of data/sources with files that exist, one
of the catalogue, which is fetched from the Hugging Face hub, or a token store under data/root.

*On*

```json
{"known": ["code", "web"], "datasets": {"web": {"source": true}, "weeb": {}, "chat/128": {"source": true}}}
```

*Bad*

```yaml
training:
  pre_lora_dataset:
  - [{name: weeb, rate: 1.0, style: PMD}]
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PMD}]
```

*Fix.* `--unsafe-fixes` writes the nearest name, where there is one; of a mixture that is not written, whose default is
not here, one of the spec's only source.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.document.mixtures import Entry, entries
from schema.document.source_paths import written_paths
from schema.rules._mixtures import instead, is_here, is_sure
from schema.rules.source_format import unread
from schema.text.diagnostic import Diagnostic, Fix, Related, Severity, fix
from schema.text.wording import join, nearest, quote

CODE = "LR208"
SLUG = "dataset-not-found"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look every dataset up, and report each that is missing once, with every place that names it."""
    named: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries(document):
        key = entry.path.partition("[")[0]
        if not document.given(key) and is_here(document, entry.name) is False:
            yield from _by_default(document, key, entry.name)
            continue
        named.setdefault(entry.key[:2], []).append(entry)
    for places in named.values():
        dataset = places[0].dataset
        if dataset is None or dataset.source or dataset.store:
            continue
        where = document.span(f"{places[0].path}/name")
        others = tuple(
            Related(document.span(f"{place.path}/name"), "named here too")
            for place in places[1:]
            if document.given(place.path)
        )
        if dataset.obstacle:
            key = f"data/sources/{places[0].name}/path"
            if dataset.obstacle.key.startswith(key.removesuffix("path")) and any(
                unread(path) for _, path in written_paths(document, places[0].name)
            ):
                continue  # LR224 says it
            span = document.span(dataset.obstacle.key) if dataset.obstacle.key else where
            yield Diagnostic(CODE, SLUG, SEVERITY, span, dataset.obstacle.message, dataset.obstacle.remedy)
            continue
        name, root = places[0].name, document.value("data/root")
        message = (
            f"dataset {quote(name)} is neither built in, nor in data/sources or the catalogue, nor a store under "
            f"data/root {quote(root)}"
        )
        near = nearest(name, _known(document))
        yield Diagnostic(
            CODE,
            SLUG,
            SEVERITY,
            where,
            message,
            _remedy(document, name, near),
            others,
            _renamed(document, places, near),
        )


def _by_default(document: Document, key: str, name: str) -> Iterator[Diagnostic]:
    """Say that a default is not here, and what to write; an unknown key may be the mixture that is meant."""
    if not is_sure(document):
        return
    message, found, fixed = f"{key} is not written, and its default, {name}, is not here", instead(document, key), None
    shown = key.rpartition("/")[2] if document.given("training") else key
    remedy = f"name your files in data/sources, and write them in {shown}"
    if found:
        remedy = f"write {shown}: {found.remedy}"
        fixed = None if found.others else fix(document.edits.insert(parse(key), found.text), safe=False)
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(key), message, remedy, fix=fixed)


def _known(document: Document) -> tuple[str, ...]:
    return document.environment.known if document.environment else ()


def _remedy(document: Document, name: str, near: list[str]) -> str:
    if near:
        return f"write {join(near, 'or')}"
    known = f"write {join(_known(document), 'or')}, or " if _known(document) else ""
    return f"{known}name its files in data/sources/{name}"


def _renamed(document: Document, places: list[Entry], near: list[str]) -> Fix | None:
    if len(near) != 1:
        return None
    return fix(*(document.edits.replace((*parse(place.path), "name"), near[0]) for place in places), safe=False)
