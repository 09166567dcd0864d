"""Files of programs that train nothing: they have no counterpart in a spec."""

from __future__ import annotations

from schema.check.programs.program import Program

_NAMES: tuple[Program, ...] = (
    Program("Docker Compose", ("services/*/image|services/*/build",)),
    Program("Kubernetes", ("apiVersion", "kind")),
    Program("Helm (a Chart.yaml)", ("apiVersion", "name", "version")),
    Program("GitHub Actions (a workflow)", ("jobs/*/runs-on|jobs/*/steps|jobs/*/uses",)),
    Program("GitHub Actions (an action)", ("runs/using",)),
    Program("GitLab CI", ("*/script", "stages|image|default|*/stage")),
    Program("pre-commit", ("repos/*/repo",)),
    Program("conda (an environment)", ("dependencies", "channels")),
    Program("SkyPilot", ("resources", "run|setup")),
    Program("DVC", ("stages/*/cmd",)),
    Program("MkDocs", ("site_name",)),
    Program("OpenAPI", ("openapi|swagger", "paths")),
    Program("Weights & Biases (a sweep)", ("method", "parameters", "metric|program|command")),
    Program("the Language Model Evaluation Harness", ("task", "dataset_path|doc_to_text|output_type")),
    Program("transformers (a tokenizer_config.json)", ("tokenizer_class",)),
    Program("transformers (a generation_config.json)", ("transformers_version",)),
    Program("npm (a package.json)", ("name", "version", "dependencies|devDependencies|scripts")),
)
OTHERS = tuple(program._replace(trains=False) for program in _NAMES)
