"""Files of other programs, known by their keys: trainers, whose keys have counterparts in a spec, and others.

A path is written with slashes; `*` is any key or item, `|` stands between alternatives. A file is of a program when it
has all of `must` and as many of `some` as `least` says. Only names are compared, never values.
"""

from __future__ import annotations

from schema.check.programs.flat import FLAT
from schema.check.programs.nested import NESTED
from schema.check.programs.others import OTHERS
from schema.check.programs.program import Program as Program

PROGRAMS = (*FLAT, *NESTED, *OTHERS)
