"""A plan as text, for people: the same for a terminal and a file, no colour, no timing."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.table import Table

from runner.plan.plan import AdapterPlan, ExportPlan, PhasePlan, Plan, TokenizerPlan
from schema.budget.dataset_names import folder_name
from schema.budget.event_steps import EventSteps
from schema.text.wording import count, in_words, join

SUPERVISED = {  # by chat/train_on
    "assistant": "every answer is supervised, with the token that ends its turn",
    "last": "the last answer of a conversation is supervised, with the token that ends its turn",
    "all": "all tokens of a conversation are supervised",
}
WIDTH = 10_000  # a table takes what its content needs; nothing of it is ever cut


def render_plan(plan: Plan, name: str) -> str:
    """Return the plan as text: an overview, each phase with its stages, then the adapters."""
    out = StringIO()
    console = Console(
        file=out, width=WIDTH, color_system=None, soft_wrap=True, highlight=False, markup=False, emoji=False
    )
    axes = " × ".join(f"{axis} {size}" for axis, size in plan.mesh.items())
    console.print(f"Plan of {name}: {plan.steps:,} steps × {plan.tokens_per_step:,} tokens = {plan.tokens:,} tokens")
    console.print(f"mesh {axes} · digest {plan.digest[:16]}")
    console.print(_tokenizer(plan.tokenizer))
    if believed := plan.tokenizer.believed:
        console.print(f"tokens of {join(believed, 'and')}: another program's, and nothing says by which tokenizer")
    if plan.chat:
        console.print(f"chat template {plan.chat.template} · {SUPERVISED[plan.chat.train_on]}")
    for sentence in plan.unknown:
        console.print(sentence)
    for phase in plan.phases:
        console.print()
        _print_phase(console, phase)
        console.print(_stages(phase, plan))
        for number, stage in enumerate(phase.stages, start=1):
            if stage.ended_by:
                console.print(f"  stage {number} ends where '{stage.ended_by}' runs out")
    if plan.adapters:
        console.print()
        _print_adapters(console, plan)
    console.print()
    console.print(f"Export: {_export(plan.export)}")
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def render_short_plan(plan: Plan) -> str:
    """Return the plan in one line a phase, as `exec` begins with."""
    return "\n".join(
        f"plan: phase {phase.name}, steps {phase.first_step:,} to {phase.last_step:,} "
        f"in {len(phase.stages)} stage{'s' if len(phase.stages) > 1 else ''}, {phase.tokens:,} tokens, "
        f"peak lr {phase.learning_rate.peak:.3g}, {phase.trainable_parameters:,} parameters trained, "
        f"{phase.frozen_parameters:,} frozen"
        for phase in plan.phases
    )


def _tokenizer(tokenizer: TokenizerPlan) -> str:
    """Say how many ids there are, and which of them frame a document and fill a row."""
    named = " ".join(part for part in (tokenizer.backend, tokenizer.name) if part)
    facts = tokenizer.facts
    if facts is None:
        return f"tokenizer {named}"
    frame = f"ends with {facts.eos}"
    if facts.bos:
        frame = f"begins with {facts.bos} and {frame}" if facts.add_bos else f"{frame} and begins without {facts.bos}"
    return f"tokenizer {named}: {facts.ids:,} ids · a document {frame} · padding is {facts.pad}, never trained"


def _print_phase(console: Console, phase: PhasePlan) -> None:
    rate, memory = phase.learning_rate, phase.bytes_per_device
    parts = {
        "parameters": memory.parameters,
        "gradients": memory.gradients,
        "optimizer": memory.optimizer,
        "base": memory.base,
    }
    sizes = " + ".join(f"{part} {in_words(size)}" for part, size in parts.items() if size)
    console.print(
        f"Phase {phase.name}: steps {phase.first_step:,} to {phase.last_step:,} ({phase.steps:,}), "
        f"{phase.tokens:,} tokens"
    )
    console.print(
        f"  learning rate  {rate.schedule}: first {rate.first:.3g}, peak {rate.peak:.3g}, last {rate.last:.3g}"
        f" (warm-up {rate.warmup_steps:,} steps, decay {rate.decay_steps:,})"
    )
    console.print(f"  optimizer      {phase.optimizer}")
    console.print(f"  parameters     {phase.trainable_parameters:,} trained, {phase.frozen_parameters:,} frozen")
    console.print(f"  per device     {sizes} = {in_words(sum(parts.values()))}")
    console.print(f"  activations    {_activations(phase)}")
    if phase.kernel_lost:
        console.print("  attention      by XLA's kernel on a GPU: cuDNN's can't keep the segments of a row apart")
    console.print(f"  per step       {phase.flops_per_step:.3g} FLOPs")
    console.print(f"  reports        {_steps(phase.report_steps)}")
    console.print(f"  validations    {_steps(phase.validation_steps)}")
    console.print(f"  checkpoints    {_steps(phase.checkpoint_steps)}, {in_words(memory.checkpoint)} each")


def _stages(phase: PhasePlan, plan: Plan) -> Table:
    """What each stage asks and takes, of all its tokens or of the supervised ones, and of which datasets."""
    supervised = plan.budget == "supervised_tokens"
    asked = ["supervised tokens asked", "planned", "tokens"] if supervised else ["tokens asked", "planned"]
    # What earlier stages read counts in the epochs so far.
    continued = any(entry.epochs != entry.stage_epochs for stage in phase.stages for entry in stage.mixture)
    rate = "rate by tokens" if plan.rates_by == "tokens" else "rate"
    titles = [
        "  stage",
        "steps",
        *asked,
        "dataset",
        "style",
        rate,
        "rows",
        "epochs",
        *(["so far"] if continued else []),
    ]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        left = title in ("  stage", "dataset", "style")
        table.add_column(title, justify="left" if left else "right", no_wrap=True)
    for number, stage in enumerate(phase.stages, start=1):
        head = [f"  {number}", f"{stage.first_step:,} to {stage.last_step:,}", f"{stage.tokens_asked:,}"]
        head += [f"{stage.supervised_planned:,}"] if stage.supervised_planned is not None else []
        head += [f"{stage.tokens_planned:,}"]
        for entry in stage.mixture:
            dataset = folder_name(entry.name, entry.suffix)
            rows = "not known yet" if entry.rows is None else f"{entry.rows:,}"
            epochs = ["no store yet" if entry.stage_epochs is None else f"{entry.stage_epochs:.2f}"]
            epochs += ["" if entry.epochs is None else f"{entry.epochs:.2f}"] if continued else []
            style = f"{entry.style} document_mask" if entry.document_mask else entry.style
            table.add_row(*head, dataset, style, f"{entry.rate:g}", rows, *epochs)
            head = [""] * len(head)
    return table


def _activations(phase: PhasePlan) -> str:
    """Say what a micro-batch takes beside the state: of the rows that are known, or of one."""
    rows, size = phase.micro_batch_rows, in_words(phase.bytes_per_device.activations)
    if rows is None:
        return f"{size} with 1 row at once; --memory SIZE shows how many rows fit a device"
    return f"{size} with {count(rows, 'row')} at once"


def _print_adapters(console: Console, plan: Plan) -> None:
    total = sum(adapter.parameters for adapter in _distinct(plan.adapters))
    console.print(f"Adapters: {total:,} parameters{f', begun as those of {plan.init}' if plan.init else ''}")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("  pattern", "parameter", "shape"):
        table.add_column(title, no_wrap=True)
    table.add_column("adapter parameters", justify="right", no_wrap=True)
    last = None
    for adapter in plan.adapters:
        pattern = "" if adapter.pattern == last else f"  {adapter.pattern}"
        table.add_row(pattern, adapter.path, " × ".join(map(str, adapter.shape)), f"{adapter.parameters:,}")
        last = adapter.pattern
    console.print(table)
    console.print(f"  without adapter: {', '.join(plan.unadapted) if plan.unadapted else 'none'}")


def _export(export: ExportPlan) -> str:
    found = []
    if export.folders:
        size = in_words(export.bytes - export.gguf_bytes)
        found.append(f"{', '.join(export.folders)}; weights {export.dtype}, {size}")
    if export.gguf:
        found.append(f"gguf {export.gguf}, {in_words(export.gguf_bytes)}")
    return " · ".join(found) or "none"


def _distinct(adapters: tuple[AdapterPlan, ...]) -> list[AdapterPlan]:
    return list({adapter.path: adapter for adapter in adapters}.values())


def _steps(steps: EventSteps) -> str:
    """Say when something happens: the first steps, the last, and how often in all."""
    if not len(steps):
        return "none"
    shown = range(len(steps)) if len(steps) <= 5 else (0, 1, 2, len(steps) - 1)
    named = [f"{steps[number]:,}" for number in shown]
    listed = ", ".join(named if len(steps) <= 5 else [*named[:3], "…", named[-1]])
    return f"{len(steps):,} at step{'s' if len(steps) > 1 else ''} {listed}"
