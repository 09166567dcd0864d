"""eval: evaluations that run at the end of each phase."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schema.section import Section, key


class Eval(Section):
    """eval: an evaluation is named DATASET_ppl: the perplexity of that dataset's validation split."""

    evaluations: list[Annotated[str, Field(pattern=r"^.+_ppl$")]] = key(list, "Names of evaluations.", change="free")
