"""The commands that teach, one a file: what a rule or a key means, the JSON Schema, a spec to start from."""

from __future__ import annotations

from runner.commands.explain import explain
from runner.commands.init import init
from runner.commands.rules import rules
from runner.commands.schema import schema

COMMANDS = (explain, rules, schema, init)
