"""What targets of adapters mean that are written as PEFT users write them: names of other models, patterns, all."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schema.families import ALL_LINEAR, Parameter, matches
from schema.rules._adapters import matrices

EVERYTHING = ("all", "any", "every", "everything", "linear", "all_linear", "all linear", "all-linears", "*", ".*")
_QUERIES, _OUTPUTS = ("q_proj", "k_proj", "v_proj"), ("o_proj", "down_proj")
# What other models call a part of ours.
NAMES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("attention", "self_attn", "self_attention", "self-attn", "selfattention", "attn_proj"), ("attn",)),
    **dict.fromkeys(("ffn", "feed_forward", "feedforward", "feed-forward"), ("mlp",)),
    **dict.fromkeys(("q", "query", "query_proj", "q_lin", "wq", "to_q"), ("q_proj",)),
    **dict.fromkeys(("k", "key", "key_proj", "k_lin", "wk", "to_k"), ("k_proj",)),
    **dict.fromkeys(("v", "value", "value_proj", "v_lin", "wv", "to_v"), ("v_proj",)),
    **dict.fromkeys(("o", "out_proj", "output_proj", "out_lin", "wo", "to_out", "dense"), ("o_proj",)),
    **dict.fromkeys(("qkv", "qkv_proj", "query_key_value", "c_attn", "wqkv", "in_proj", "attn_qkv"), _QUERIES),
    **dict.fromkeys(("c_proj",), _OUTPUTS),
    **dict.fromkeys(("gate", "w1"), ("gate_proj",)),
    **dict.fromkeys(("up", "w3", "c_fc", "fc1", "fc_in", "dense_h_to_4h"), ("up_proj",)),
    **dict.fromkeys(("down", "w2", "fc2", "fc_out", "dense_4h_to_h"), ("down_proj",)),
    **dict.fromkeys(("gate_up_proj",), ("gate_proj", "up_proj")),
    **dict.fromkeys(("embed_tokens", "word_embeddings", "tok_embeddings", "embed_in"), ("wte",)),
    **dict.fromkeys(("embed_out", "output_layer"), ("lm_head",)),
}
WORD = re.compile(r"[A-Za-z][\w-]*")
GENERIC = ("blocks", "kernel", "embedding", "layers", "model", "weight")  # parts of a path that say nothing alone


def meant_targets(text: str, every: Sequence[Parameter]) -> list[str]:
    """Return the targets that a name of another model, a dotted path or a pattern means here; none where that is open.

    Of a whole and its parts, attn and q_proj, the parts count.
    """
    if text.strip().lower() in EVERYTHING:
        return [ALL_LINEAR]
    own = {segment for parameter in matrices(every, "") for segment in parameter.path.split("/")} - set(GENERIC)
    found: list[str] = []
    for word in WORD.findall(text):
        found += (word,) if word in own else NAMES.get(word.lower(), ())
    known = [name for name in dict.fromkeys(found) if name in own]
    reach = {name: {parameter.path for parameter in matrices(every, name)} for name in known}
    return [name for name in known if not any(reach[other] < reach[name] for other in known)]


def is_a_letter(text: str, every: Sequence[Parameter]) -> bool:
    """Whether a target is a single letter that stands in the path of every matrix of the blocks."""
    blocks = matrices(every, "blocks/")
    return len(text) == 1 and all(matches(parameter.path, [text]) for parameter in blocks)
