"""Spec: one field per section, in YAML order, nothing else."""

from __future__ import annotations

from pydantic import Field

from schema.section import Section
from schema.sections.architecture import Architecture
from schema.sections.chat import Chat
from schema.sections.checkpoint import Checkpoint
from schema.sections.data import Data
from schema.sections.eval import Eval
from schema.sections.export import Export
from schema.sections.logging import Logging
from schema.sections.mesh import Mesh
from schema.sections.optimization import Optimization
from schema.sections.tokenizer import Tokenizer
from schema.sections.training import Training


class Spec(Section):
    """A whole run as the user declared it; immutable, hydrated with every default."""

    architecture: Architecture = Field(default_factory=Architecture)
    tokenizer: Tokenizer = Field(default_factory=Tokenizer)
    data: Data = Field(default_factory=Data)
    chat: Chat = Field(default_factory=Chat)
    training: Training = Field(default_factory=Training)
    optimization: Optimization = Field(default_factory=Optimization)
    eval: Eval = Field(default_factory=Eval)
    logging: Logging = Field(default_factory=Logging)
    checkpoint: Checkpoint = Field(default_factory=Checkpoint)
    export: Export = Field(default_factory=Export)
    mesh: Mesh = Field(default_factory=Mesh)
