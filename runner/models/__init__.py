"""The models that can be trained: one decoder, one module for each family's own parts."""

from __future__ import annotations

from runner.models._cache import Cache, empty_cache
from runner.models._cross_entropy import chunk_positions, cross_entropy
from runner.models._decoder import Decoder, build_model
from runner.models._projection import LoRAScale

__all__ = ["Cache", "Decoder", "LoRAScale", "build_model", "chunk_positions", "cross_entropy", "empty_cache"]
