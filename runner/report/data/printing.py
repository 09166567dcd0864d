"""Datasets and rows as text, for people. Where there is no colour, signs stand for it; nothing is cut or wrapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
from runner.report.data.rows import ShownPair, ShownRow
from runner.report.data.sources import SourceRows
from runner.report.data.step import StepRows
from runner.report.data.totals import Totals
from schema.text.wording import count, join

WIDTH = 10_000  # a line is as long as its content
BAR_WIDTH = 40
SUPERVISED, REJECTED, SPECIAL, QUIET = "green", "red", "cyan", "dim"
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
    held = count(documents // 2, "pair") if meta.holds_pairs else count(documents, "document")
    facts = f" ({source.style}): {held} in {source.store.folder}"
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
    bars = _lengths(lengths, "sides" if meta.holds_pairs else "documents")
    below: list[RenderableType] = [table, *map(Text, remarks), Text(), bars]
    return _drawn([heading, *(Padding(part, (0, 0, 0, 2)) for part in below)], colour)


def render_step(batch: StepRows, shown: int, *, colour: bool) -> str:
    """Return where in the run a step is, how many rows it takes of each dataset, and how many are `shown` of all."""
    taken = [f"{count(rows, 'row')} of {name}" for name, rows in Counter(name for name, *_ in batch.rows).items()]
    place = f" (phase {batch.phase}, stage {batch.stage}): {join(taken, 'and')}"
    if shown < len(batch.rows):
        place += f"; shown {'is' if shown == 1 else 'are'} {shown:,}"
    return _drawn([Text.assemble((f"step {batch.step:,}", "bold"), place)], colour)


def render_row(row: ShownRow | ShownPair, tokenizer: Tokenizer, *, colour: bool) -> str:
    """Return a row: its counts, then its text by documents, with their numbers where they are not the row's.

    Of a pair, what both sides begin with stands apart, once.
    """
    if isinstance(row, ShownPair):
        return _drawn(list(_pair(row, tokenizer, colour)), colour)
    lines = [Text.assemble((_place(row), "bold"), f": {_counts(row)}")]
    for part, pieces in zip(row.documents, row.pieces(tokenizer), strict=True):
        label = _label(part, len(row.tokens))
        if label != f"document {row.number}":
            lines.append(_heading(label))
        lines += _lines(_text(pieces, colour))
    return _drawn([*lines[:-1], lines[-1].append_text(_padding(row, tokenizer, colour))], colour)


def _pair(row: ShownPair, tokenizer: Tokenizer, colour: bool) -> Iterator[Text]:
    """The lines of a pair: the prompt, where there is one, then each answer."""
    begin = row.prompt_tokens
    yield Text.assemble(
        (_place(row.chosen), "bold"), ": ", "; ".join(f"{side} {_counts(shown)}" for side, shown in _sides(row))
    )
    if begin:
        yield _heading("prompt")
        yield from _lines(_text(row.chosen.between(tokenizer, 0, begin), colour))
    for side, shown in _sides(row):
        held, whole = len(shown.tokens), shown.documents[0].length
        yield _heading(side if held == whole else f"{side}, cut to {held:,} of {whole:,} tokens")
        text = _text(shown.between(tokenizer, begin, held), colour, REJECTED if side == "rejected" else SUPERVISED)
        *lines, last = _lines(text)
        yield from (*lines, last.append_text(_padding(shown, tokenizer, colour)))


def _sides(row: ShownPair) -> tuple[tuple[str, ShownRow], ...]:
    return ("chosen", row.chosen), ("rejected", row.rejected)


def _place(row: ShownRow) -> str:
    return f"{row.source} row {row.number}" if row.split == "train" else f"{row.source} ({row.split}) row {row.number}"


def _counts(row: ShownRow) -> str:
    return f"{count(len(row.tokens), 'token')}, {sum(row.supervised):,} supervised"


def _heading(label: str) -> Text:
    return Text(f"  ├ {label}", QUIET)


def _lines(text: Text) -> list[Text]:
    return [Text.assemble(("  │ ", QUIET), line) for line in text.split("\n")]


def _padding(row: ShownRow, tokenizer: Tokenizer, colour: bool) -> Text:
    """What fills a row up; nothing where it is full."""
    if not row.padding:
        return Text()
    pad = Piece(tokenizer.special.get(tokenizer.pad, str(tokenizer.pad)), True, False)
    return _text([pad], colour).append(f" × {row.padding:,}")


def _label(part: Part, tokens: int) -> str:
    """Which document stands in a row, and which of its tokens where those are not all."""
    first, last = max(0, -part.column), min(part.length, tokens - part.column)
    named = f"document {part.document}"
    return named if last - first == part.length else f"{named}, tokens {first + 1:,} to {last:,} of {part.length:,}"


def _text(pieces: Sequence[Piece], colour: bool, learned: str = SUPERVISED) -> Text:
    """Pieces in colours, or between signs; what is supervised in the colour `learned`."""
    text, supervised = Text(), False
    for piece in (*pieces, Piece("", False, False)):
        if piece.supervised != supervised and not colour:
            text.append("⟦" if piece.supervised else "⟧")
        supervised = piece.supervised
        style = SPECIAL if piece.special else learned if supervised else ""
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


def _lengths(lengths: Mapping[int, int], what: str) -> Table:
    """How many documents, or sides of pairs, have how many tokens."""
    table = _table(("length in tokens", what))
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
