"""data: where token stores live and what they are made from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schema.section import Section, key

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]


class Source(Section):
    """data/sources/NAME: local files of one dataset, and the fields that its records have."""

    path: str = Field(
        min_length=1,
        description="A .txt, .jsonl or .parquet file, a folder of them, or a glob, from the working directory.",
        json_schema_extra={"change": "breaking"},
    )
    text: str = key(
        "text",
        "Field of a record that holds the document (PMD, or PADDED without prompt).",
        min_length=1,
        change="breaking",
    )
    prompt: str = key(
        "prompt", "Field that holds the unsupervised first part of a PADDED row.", min_length=1, change="breaking"
    )
    completion: str = key(
        "completion", "Field that holds the supervised second part of a PADDED row.", min_length=1, change="breaking"
    )


class Data(Section):
    """data: token stores are made on first use under `root` and reused while their digest agrees."""

    root: str = key("data", "Folder of the token stores, from the working directory.", min_length=1, change="free")
    sources: dict[Name, Source] = key(dict, "Local files by dataset name.", change="breaking")
    on_exhausted: Literal["repeat", "error"] = key(
        "repeat",
        "When the plan asks more rows than a dataset has: repeat it in a new order, or refuse to run.",
        change="breaking",
    )
    on_too_long: Literal["truncate", "drop", "error"] = key(
        "truncate",
        "What becomes of PADDED examples longer than block_size; their number is reported.",
        change="breaking",
    )
