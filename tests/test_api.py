"""The public names of the two packages, and what the commands say of themselves."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.cli import main

ROOT = Path(__file__).resolve().parents[1]
PROMISED = (
    ("schema", "Sampling DatasetStyle Spec LoRAConfig LoRATrainerConfig field configure"),
    ("runner", "LoRAConfig LoRATrainerConfig param_filter inject_lora_params merge_lora_params count_lora_params"),
    ("runner", "generate SamplingParams load_pretrained"),
    ("runner", "LoRATrainState transition_to_lora BaseTrainer LoRATrainer ExecutionSpec RestoreableJob"),
)
VALIDATE_OPTIONS = {
    *("--set", "--format", "--fail-on", "--select", "--ignore", "--show-skipped", "--fix", "--unsafe-fixes", "--diff"),
    *("--baseline", "--write-baseline"),
    *("--stdin-filename", "--env", "--devices", "--device-memory", "--run-dir", "--restore"),
    *("--traceback", "-h, --help"),
}
DATA_OPTIONS = {
    *("--set", "--show", "--from", "--source", "--split", "--step", "--format", "--traceback", "-h, --help"),
}
INIT_OPTIONS = {
    *("--family", "--size", "--n-layers", "--n-embd", "--n-head", "--block-size", "--batch-size", "--tokenizer"),
    *("--pretrained", "--data", "--lora-data", "--full-tokens", "--lora-tokens", "--rank", "--yes", "--force"),
    *("--format", "--traceback", "-h, --help"),
}
GENERATE_OPTIONS = {
    *(
        "--message",
        "--prompt",
        "--chat",
        "--system",
        "--base",
        "--adapter-scale",
        "--max-tokens",
        "--temperature",
        "--top-k",
    ),
    *("--top-p", "--seed", "--dtype", "--template", "--format", "--traceback", "-h, --help"),
}
NUMERICAL = ("numpy", "jax", "flax", "optax", "orbax")
HELP = {
    "": """\
Usage: main [OPTIONS] COMMAND [ARGS]...

  Train a language model in two phases, all parameters and then LoRA adapters,
  from one YAML spec.

  lorarun validate spec.yaml    find every mistake that can be known before the run
  lorarun plan spec.yaml        show steps, tokens, learning rates, adapters and bytes
  lorarun exec spec.yaml        run the plan; type the same line again to resume
  lorarun generate RUN          write what the model of a run says to a prompt

  lorarun init spec.yaml        write a commented spec to start from
  lorarun prepare spec.yaml     make its token stores, without an accelerator
  lorarun data spec.yaml        show rows as the model will see them
  lorarun explain RULE|KEY      say what a rule reports, or what a key is
  lorarun rules                 list all rules
  lorarun schema                print the JSON Schema of a spec, for editors
  lorarun runs [DIR]            list runs with their state, step and checkpoints
  lorarun verify RUN            read a run again and say what is damaged
  lorarun lsp                   lint in an editor, while a spec is written
  lorarun guide                 print all that is needed to use this, for agents too

  Exit codes:
      0  done
      1  validate found something as bad as --fail-on, or something unexpected happened
      2  the spec or the command line is wrong
     74  a disk or a file failed
     75  preempted (Ctrl-C, SIGTERM, SIGHUP, SIGUSR1 …), or the hub failed: work is saved, run the same command again
     76  a loss or a gradient is not finite
     77  adapters that learned nothing, or an export that is not the trained model
     78  resume refused: the run directory or the data belong to something else
    130  stopped at once by a second Ctrl-C, generate and init by the first; checkpoints are whole
""",
    "validate": """\
Usage: main validate [OPTIONS] SPEC...

  Check specs and print every finding, with place, reason and remedy.

  SPEC is a file, a folder of .yaml and .yml files, a pattern such as
  'specs/**/*.yaml', or - for standard input. Settings are read from
  [tool.lorarun] of the nearest pyproject.toml above a spec.

  Exits with 0 when no finding is as bad as --fail-on, 1 when one is, 2 when a
  file cannot be read. With --diff: 0 when nothing would change, 1 when
  something would.
""",
    "data": """\
Usage: main data [OPTIONS] SPEC

  Show the rows of each dataset as the model will see them, and what one pass
  over them takes.

  A table says, for each split of a dataset:
    rows              as the style of the dataset cuts them
    tokens            inputs that are no padding
    supervised        tokens that the model is trained to predict
    padding           inputs that fill rows up
    cut               rows that end before their document does
    left out          documents that are no row, or pairs; why stands below the table
    tokens in no row  of what is cut and left out

  Then come the lengths of documents, and rows. Supervised tokens are
  highlighted, and stand between ⟦ and ⟧ where there is no colour; special
  tokens are shown by name, between ‹ and ›. Rows are numbered from 0, as a
  run does it.

  With --step come the rows of that step of the run, of all datasets in the
  order of its batch, in place of the above.

  Data that is not prepared yet is prepared as exec does it. No accelerator is
  needed, and nothing is trained.

  Of a CONTRASTIVE row the prompt, the chosen and the rejected answer stand
  apart; tokens are those of both sides.

  With --format json a row is one object on one line: version, source, number,
  tokens (ids), supervised (of each token), text; of a pair, chosen and
  rejected have these three.
""",
    "plan": """\
Usage: main plan [OPTIONS] SPEC

  Show what exec would do: phases, stages, steps, tokens, learning rates,
  adapters, bytes, FLOPs.

  Warns when the disk of the working directory has less room than the
  checkpoints take, and, with --memory, when a phase does not fit a device.
""",
    "exec": """\
Usage: main exec [OPTIONS] SPEC

  Run the plan. The same command resumes a run that was stopped, at the step
  where it stood.

  A spec that changed since is refused where what was trained depends on the
  change, and accepted elsewhere, with its changes shown: `lorarun explain
  KEY` says which keys may. With --fork the changed spec makes a run of its
  own.

  Ctrl-C, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM and SIGXCPU finish the
  current step, save a checkpoint and exit with 75; under nohup SIGHUP does
  nothing. A second Ctrl-C stops at once, with 130.

  With --format json standard output has one object at the end, and the lines
  for people go to standard error.
""",
    "generate": """\
Usage: main generate [OPTIONS] RUN|FOLDER [-]

  Write what a model says, as it says it.

  RUN is a run directory, whose newest intact checkpoint is taken, or a
  checkpoint such as runs/NAME/checkpoints/STEP. FOLDER is a model of Hugging
  Face, also OWNER/NAME on the hub, or an adapter of PEFT that names its base.

  A model that was trained on conversations answers --message TEXT, or the
  conversation in --chat FILE: a list of messages {role, content}, or one
  record with messages. The chat template of the model renders them. Any model
  goes on from the text of --prompt, or, with -, from standard input without
  the end of its last line. With none of them a conversation is held on the
  terminal.
""",
    "explain": """\
Usage: main explain [OPTIONS] [RULE|KEY]

  Explain a rule or a key of the spec.

  A rule is named by its code or its name, as findings show them: LR201 or
  rates-not-one. A key is named by its path or the end of it:
  training/batch_size or batch_size; a section, such as training, lists its
  keys. Without a name the sections are listed.
""",
    "rules": """\
Usage: main rules [OPTIONS]

  List every rule: code, name, severity, what it reports.

  Rules marked --env need facts of the machine: validate --env looks for them,
  and exec always does.
""",
    "schema": """\
Usage: main schema [OPTIONS]

  Print the JSON Schema of a spec, draft 2020-12.

  Editors with a YAML language server check a spec by it as you type, when the
  first line of the spec names it:

  # yaml-language-server: $schema=spec.schema.json
""",
    "init": """\
Usage: main init [OPTIONS] [FILE]

  Write a commented spec to start from.

  FILE is spec.yaml, unless you name another; - is standard output. On a
  terminal, questions are asked for what no flag says. DATA is a built-in
  dataset, pystdlib or pydoc, or the path of files as .txt, .jsonl, .csv or
  .parquet, whose first record says by its fields what it holds: a text, a
  prompt and a completion, or a conversation.
""",
}


@pytest.mark.parametrize(("package", "name"), [(package, n) for package, names in PROMISED for n in names.split()])
def test_a_promised_name_is_importable_and_listed(package: str, name: str) -> None:
    module = import_module(package)
    assert getattr(module, name).__doc__
    assert name in module.__all__


@pytest.mark.parametrize("package", ["schema", "runner"])
def test_the_listed_names_are_those_that_have_a_home(package: str) -> None:
    module = import_module(package)
    homes = [name for names in module._HOMES.values() for name in names]
    assert sorted(homes) == sorted(module.__all__) == sorted(set(homes))
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", ["schema", "runner"])
def test_every_listed_name_is_importable(package: str) -> None:
    module = import_module(package)
    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []


@pytest.mark.parametrize("package", ["schema", "runner"])
def test_a_name_that_does_not_exist_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Nothing'"):
        import_module(package).Nothing  # noqa: B018


def test_restore_from_path_is_a_method_of_every_job() -> None:
    runner = import_module("runner")
    assert issubclass(runner.LoRATrainer, runner.BaseTrainer)
    assert issubclass(runner.BaseTrainer, runner.RestoreableJob)
    assert {"run", "restore_from_path"} <= runner.RestoreableJob.__abstractmethods__


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_a_command_that_reads_only_loads_no_numerical_library(command: str, tmp_path: Path) -> None:
    arguments = [command, "specs/quickstart.yaml", "--set", f"data/root={tmp_path}"]  # where no stores are counted
    script = (
        "import sys\nfrom runner.cli import main\n"
        f"main({arguments}, standalone_mode=False)\n"
        f"print('loaded', [name for name in {NUMERICAL} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


@pytest.mark.parametrize("command", HELP)
def test_the_help_of_a_command_is_what_was_reviewed(command: str) -> None:
    arguments = [*command.split(), "--help"]
    shown = CliRunner().invoke(main, arguments, terminal_width=78, prog_name="main").output
    assert shown.partition("\nOptions:")[0] == HELP[command]


@pytest.mark.parametrize(
    ("command", "listed"),
    [
        ("", {"--version", "-h, --help"}),
        ("validate", VALIDATE_OPTIONS),
        ("data", DATA_OPTIONS),
        ("plan", {"--set", "--format", "--devices", "--memory", "--env", "--traceback", "-h, --help"}),
        ("explain", {"--format", "--traceback", "-h, --help"}),
        ("rules", {"--format", "--traceback", "-h, --help"}),
        ("schema", {"--output", "--format", "--traceback", "-h, --help"}),
        ("init", INIT_OPTIONS),
        ("generate", GENERATE_OPTIONS),
        ("exec", {"--set", "--run-dir", "--restore", "--fork", "--format", "--traceback", "-h, --help"}),
    ],
)
def test_the_help_of_a_command_lists_its_options(command: str, listed: set[str]) -> None:
    shown = CliRunner().invoke(main, [*command.split(), "--help"]).output.partition("Options:\n")[2]
    lines = [line.strip() for line in shown.splitlines() if line.startswith("  -")]
    assert {
        line if line.startswith("-h") else line.split()[0] for line in (each.split("  ")[0] for each in lines)
    } == listed
