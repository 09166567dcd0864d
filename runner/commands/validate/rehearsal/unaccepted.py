"""What `exec` would say of a spec that has no plan yet: its records are read, and the hub's offline mode is honoured.

A spec has none while a finding is an error, and while the model that decides its shape is not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from runner.commands.validate.rehearsal.data import Name
from runner.commands.validate.rehearsal.refusals import obstacle, refusal
from runner.data.sources.files import Files
from runner.data.survey import FIRST_RECORDS, declared_sources
from runner.failure import ExitCode, Failure
from runner.weights.hub import refuse_offline
from schema.document import Document
from schema.document.hub import hub_name
from schema.environment import Dataset, Environment, Refusal
from schema.rules.record_kinds import contradiction

MODEL = "architecture/pretrained"


def rehearse_unaccepted(document: Document, facts: Environment) -> Environment:
    """Return the facts of a machine with what `exec` would refuse of the first records, and of a model to fetch."""
    return facts._replace(
        refused=(*facts.refused, *_unfetched(document, facts)),
        datasets=MappingProxyType({**facts.datasets, **dict(_unreadable(document, facts))}),
    )


def _unfetched(document: Document, facts: Environment) -> Iterator[Refusal]:
    """Yield why the model that a run starts from can't be fetched, as far as that is known without asking."""
    name = hub_name(document.value(MODEL)) if facts.start and facts.start.on_hub else None
    if name is None:
        return
    try:
        refuse_offline(name, weights=True)
    except Failure as failure:
        yield refusal(failure, MODEL, document.value(MODEL))


def _unreadable(document: Document, facts: Environment) -> Iterator[tuple[Name, Dataset]]:
    """Yield the datasets of files whose first records a run would refuse."""
    for name, source in declared_sources(document):
        known = facts.datasets.get(name, Dataset())
        if not isinstance(source, Files) or known.fields is not None or known.obstacle is not None:
            continue  # they have been read
        named = [key for key in source.section.model_fields_set if getattr(source.section, key) is not None]
        if contradiction(name[0], named):
            continue  # which the linter has said
        try:
            source.first_records(lambda number, _: number >= FIRST_RECORDS)
        except Failure as failure:
            if failure.exit_code is ExitCode.INVALID:
                yield name, known._replace(source=True, obstacle=obstacle(failure))
