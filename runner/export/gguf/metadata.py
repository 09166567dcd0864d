"""The facts at the head of a GGUF file: the shape of the model, its positions, its tokenizer."""

from __future__ import annotations

from typing import NamedTuple

from gguf import GGML_QUANT_VERSION, GGUFWriter, LlamaFileType, RopeScalingType

from runner.data.chat.own_template import own_template, turn_end
from runner.data.chat.template import ChatTemplate
from runner.data.gguf_vocabulary import read_vocabulary
from runner.data.tokenizer_files import TokenizerFiles
from schema.families import GgufKind, Options


class Facts(NamedTuple):
    """What no architecture says: the longest sequence, the tokenizer and its chat template, the end of a turn."""

    context: int
    tokenizer: TokenizerFiles
    template: str | None = None
    turn_end: int | None = None  # the token that ends an answer


FILE_TYPES = {"f16": LlamaFileType.MOSTLY_F16, "q8_0": LlamaFileType.MOSTLY_Q8_0}


def facts_of(tokenizer: TokenizerFiles, context: int, template: ChatTemplate | None = None) -> Facts:
    """Return the facts of a model with a tokenizer; its chat template is the given one, or that of its folder.

    Raises Failure INVALID for a text that is no template, STORAGE when a file can't be read.
    """
    template = template or own_template(tokenizer.folder)
    return Facts(context, tokenizer, template.source if template else None, turn_end(tokenizer.folder, template))


def add_model(writer: GGUFWriter, o: Options, kind: GgufKind, context: int) -> None:
    """Add what llama.cpp builds the model from."""
    writer.add_type("model")
    writer.add_file_type(FILE_TYPES[kind])
    writer.add_quantization_version(GGML_QUANT_VERSION)
    writer.add_context_length(context)
    writer.add_embedding_length(o.n_embd)
    writer.add_block_count(o.n_layers)
    writer.add_feed_forward_length(o.intermediate_size)
    writer.add_head_count(o.n_head)
    writer.add_head_count_kv(o.n_kv_head)
    writer.add_layer_norm_rms_eps(o.norm_eps)
    writer.add_vocab_size(o.vocab_size)
    if o.head_dim * o.n_head != o.n_embd:
        writer.add_key_length(o.head_dim)
        writer.add_value_length(o.head_dim)
    writer.add_rope_dimension_count(o.head_dim)
    if o.rope is None:
        return
    writer.add_rope_freq_base(o.rope.theta)
    if o.rope.rope_type == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(o.rope.factor)


def add_tokenizer(writer: GGUFWriter, given: Facts, rows: int) -> None:
    """Add the tokenizer, with a token for each row of the embedding. Raises Unfit."""
    vocabulary, facts = read_vocabulary(given.tokenizer, rows), given.tokenizer.facts
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.pre_tokenizer)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types([int(kind) for kind in vocabulary.types])
    writer.add_token_merges(vocabulary.merges)
    if facts.bos:
        writer.add_bos_token_id(facts.bos.id)
    writer.add_eos_token_id(facts.eos.id)
    writer.add_pad_token_id(facts.pad.id)
    writer.add_add_bos_token(facts.add_bos)
    writer.add_add_eos_token(False)
    if given.turn_end is not None:
        writer.add_eot_token_id(given.turn_end)
    if given.template:
        writer.add_chat_template(given.template)
