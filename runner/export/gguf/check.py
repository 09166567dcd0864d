"""Whether this machine can write a spec's GGUF file, and llama.cpp read the same model from it: asked before training.

The linter asks the same by its rule gguf-unfit.
"""

from __future__ import annotations

from runner.data.chat.own_template import own_template
from runner.data.gguf_vocabulary import OTHERWISE, gguf_obstacle, remarks
from runner.data.tokenizer_files import read_tokenizer_files
from runner.failure import ExitCode, Failure
from schema.families import gguf_refusals
from schema.spec import Spec


def check_gguf(spec: Spec) -> list[str]:
    """Refuse a spec that asks for a GGUF file which can't be written; return what is to be remarked.

    Raises Failure INVALID, and STORAGE when a file can't be read.
    """
    if spec.export.gguf is None:
        return []
    for refused in gguf_refusals(spec.architecture):
        raise Failure(f"{refused.reason}; {refused.remedy}", ExitCode.INVALID)
    section = spec.tokenizer
    if section.backend != "huggingface":
        raise Failure(f"export/gguf can't write the tokenizer {section.backend}; {OTHERWISE}", ExitCode.INVALID)
    files = read_tokenizer_files(str(section.name), section.add_bos)
    if found := gguf_obstacle(files, spec.architecture.vocab_size):
        raise Failure(f"{found.message}; {found.remedy}", ExitCode.INVALID)
    if spec.chat.template is None:
        own_template(files.folder)  # one that is no template would be found out when the training is over
    return list(remarks(files))
