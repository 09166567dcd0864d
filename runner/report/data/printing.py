"""Datasets and rows as text, for people. Where there is no colour, signs stand for it; nothing is cut or wrapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from io import StringIO

from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from runner.data.lessons import skipped_sentence
from runner.data.sources import fields_sentence
from runner.data.sources.tokens import UNCHECKED
from runner.data.styles import Part
from runner.data.tokenizers import Tokenizer
from runner.report.data.lengths import histogram
from runner.report.data.padding import padding_sentence
from runner.report.data.pieces import Piece
from runner.report.data.rows import ShownRow
from runner.report.data.sources import SourceRows
from runner.report.data.step import StepRows
from runner.report.data.totals import Totals
from schema.text.wording import count, join

WIDTH = 10_000  # a line is as long as its content
BAR_WIDTH = 40
SUPERVISED, SPECIAL, QUIET = "green", "cyan", "dim"
COLUMNS = ("split", "rows", "tokens", "supervised", "padding", "cut", "left out", "tokens in no row")


def render_heading(name: str, block_size: int, *, colour: bool) -> str:
    """Return what precedes all datasets: how long rows are, and how their tokens are shown."""
    if colour:
        supervised, special = ("supervised", f"{SUPERVISED} underline"), ("special", SPECIAL)
        signs = Text.assemble("tokens: ", supervised, ", ", special)
    else:
        signs = Text("⟦supervised tokens⟧, ‹special tokens›")
    rows = f"rows of {block_size + 1:,} tokens, of which {block_size:,} are inputs"
    return _drawn([Text(f"Data of {name}: {rows}"), signs.append("; ↵ is the end of a line")], colour)


def render_source(source: SourceRows, totals: Mapping[str, Totals], *, colour: bool) -> str:
    """Return a dataset: what a pass over each split takes, what is not in its rows and why, its documents' lengths."""
    meta = source.store.meta
    documents = sum(split.documents for split in meta.splits.values())
    facts = f" ({source.style}): {count(documents, 'document')} in {source.store.folder}"
    heading = Text.assemble((source.name, "bold"), facts)
    table = _table(COLUMNS)
    for split, found in totals.items():
        taken, lost = found.taken, source.rows[split].lost
        counts = (taken.rows, taken.tokens_seen, taken.tokens_supervised, found.padding)
        table.add_row(split, *(f"{number:,}" for number in (*counts, lost.cut, lost.documents, lost.tokens)))
    remarks = [remark for rows in source.rows.values() for remark in rows.remarks]
    if sentence := padding_sentence(source, totals["train"]):
        remarks.append(sentence)
    if meta.skipped:
        remarks.append(skipped_sentence(meta.name, meta.skipped))
    lengths: dict[int, int] = {}
    for stored in meta.splits.values():
        for length, number in stored.lengths.items():
            lengths[length] = lengths.get(length, 0) + number
    if meta.fields is not None and meta.fields.first:
        remarks.append(fields_sentence(meta.fields))
    if meta.believed:
        remarks.append(UNCHECKED)
    below: list[RenderableType] = [table, *map(Text, remarks), Text(), _lengths(lengths)]
    return _drawn([heading, *(Padding(part, (0, 0, 0, 2)) for part in below)], colour)


def render_step(batch: StepRows, *, colour: bool) -> str:
    """Return where in the run a step is, and how many rows it takes of each dataset."""
    taken = [f"{count(rows, 'row')} of {name}" for name, rows in Counter(name for name, *_ in batch.rows).items()]
    place = f" (phase {batch.phase}, stage {batch.stage}): {join(taken, 'and')}"
    return _drawn([Text.assemble((f"step {batch.step:,}", "bold"), place)], colour)


def render_row(row: ShownRow, tokenizer: Tokenizer, *, colour: bool) -> str:
    """Return a row: its counts, then its text by documents, with their numbers where they are not the row's."""
    place = f"{row.source} row {row.number}" if row.split == "train" else f"{row.source} ({row.split}) row {row.number}"
    facts = f": {count(len(row.tokens), 'token')}, {sum(row.supervised):,} supervised"
    lines = [Text.assemble((place, "bold"), facts)]
    for part, pieces in zip(row.documents, row.pieces(tokenizer), strict=True):
        label = _label(part, len(row.tokens))
        if label != f"document {row.number}":
            lines.append(Text(f"  ├ {label}", QUIET))
        lines += [Text.assemble(("  │ ", QUIET), line) for line in _text(pieces, colour).split("\n")]
    if row.padding:
        pad = Piece(tokenizer.special.get(tokenizer.pad, str(tokenizer.pad)), True, False)
        lines[-1].append_text(_text([pad], colour)).append(f" × {row.padding:,}")
    return _drawn(lines, colour)


def _label(part: Part, tokens: int) -> str:
    """Which document stands in a row, and which of its tokens where those are not all."""
    first, last = max(0, -part.column), min(part.length, tokens - part.column)
    named = f"document {part.document}"
    return named if last - first == part.length else f"{named}, tokens {first + 1:,} to {last:,} of {part.length:,}"


def _text(pieces: Sequence[Piece], colour: bool) -> Text:
    """Pieces in colours, or between signs."""
    text, supervised = Text(), False
    for piece in (*pieces, Piece("", False, False)):
        if piece.supervised != supervised and not colour:
            text.append("⟦" if piece.supervised else "⟧")
        supervised = piece.supervised
        style = SPECIAL if piece.special else SUPERVISED if supervised else ""
        shown = "".join(map(_visible, piece.text))
        text.append(
            shown if colour or not piece.special else f"‹{shown}›", f"{style} underline" if supervised else style
        )
    return text


def _visible(letter: str) -> str:
    """A letter, or the escape of what a terminal would act on or not show."""
    if letter == "\n":
        return "↵\n"
    return letter if letter.isprintable() else repr(letter)[1:-1]


def _lengths(lengths: Mapping[int, int]) -> Table:
    """How many documents have how many tokens."""
    table = _table(("length in tokens", "documents"))
    table.add_column()
    bins = histogram(lengths)
    most = max(each.documents for each in bins)
    for first, last, documents in bins:
        span = f"{first:,}" if first == last else f"{first:,} to {last:,}"
        table.add_row(span, f"{documents:,}", Bar(most, 0, documents, width=BAR_WIDTH))
    return table


def _table(titles: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, justify="left" if title == "split" else "right", no_wrap=True)
    return table


def _drawn(parts: Sequence[RenderableType], colour: bool) -> str:
    """Draw parts one below the other."""
    file = StringIO()
    console = Console(
        file=file,
        width=WIDTH,
        color_system="standard" if colour else None,
        force_terminal=colour,
        soft_wrap=True,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for part in parts:
        console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())
