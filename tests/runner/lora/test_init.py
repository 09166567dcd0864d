"""Phase lora starts from adapters of a folder: an earlier run's export, or what PEFT made; all others are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from runner.failure import ExitCode, Failure
from runner.huggingface import adapter_config, write_adapter
from runner.lora.init import pin_init, read_init, refuse_other_init
from runner.lora.transition import transition_to_lora
from runner.run.execution import ExecutionSpec
from runner.run.record import create_run_dir
from schema.families import adapted, load_family, parameters
from schema.spec import Spec
from tests.runner.tiny_run import make_spec, start

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"family": "llama", "n_kv_head": 2},
    "qwen3, tied, its embedding too": {"family": "qwen3", "tie_embeddings": True, "head_dim": 6, "n_head": 3},
    "gpt, learned positions, grouped queries": {"rope": False, "n_kv_head": 2},
}
Q = "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight"


def spec_of(name: str, folder: Path | None = None, **lora: Any) -> Spec:
    targets = ["wte", "attn"] if "embedding" in name else ["q_proj", "k_proj", "mlp"]
    asked = {"rank": 3, "alpha": 7.0, "scaling": "rslora", "target_modules": targets, **lora}
    return make_spec(FAMILIES[name], lora=asked if folder is None else {**asked, "init": str(folder)})


def written(folder: Path, name: str) -> dict[str, Any]:
    """An adapter of random numbers as an export writes it; returns what it holds, by path."""
    spec, random, found = spec_of(name), np.random.default_rng(4), {}
    every, lora = parameters(spec.architecture), spec.optimization.lora
    own = tuple(adapted(every, lora.target_modules))
    for parameter in own:
        *layers, inputs, outputs = parameter.shape
        found[f"lora_A/{parameter.path}"] = random.normal(size=(*layers, inputs, lora.rank)).astype(np.float32)
        found[f"lora_B/{parameter.path}"] = random.normal(size=(*layers, lora.rank, outputs)).astype(np.float32)

    def source(side: str) -> Callable[[str, int | None], Any]:
        return lambda path, at: found[f"{side}/{path}"] if at is None else found[f"{side}/{path}"][at]

    files, sources = load_family(spec.architecture.family).hugging_face(spec.architecture), {}
    sources = {side: source(side) for side in ("lora_A", "lora_B")}
    folder.mkdir()
    write_adapter(folder, files, every, own, sources, adapter_config(lora, "base"))
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_an_adapter_comes_back_as_it_was_written(name: str, tmp_path: Path) -> None:
    wanted, found = written(tmp_path / "mine", name), read_init(spec_of(name, tmp_path / "mine"))
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[path], wanted[path]) for path in wanted)


def test_the_first_state_of_phase_lora_has_it(tmp_path: Path) -> None:
    wanted = written(tmp_path / "mine", "llama")
    trainer = start(spec_of("llama", tmp_path / "mine"))
    transition_to_lora(trainer)
    for side in ("lora_A", "lora_B"):
        found, places = trainer.state.params[side], jax.tree.leaves(trainer.state_sharding.params[side])
        for (path, leaf), place in zip(jax.tree.leaves_with_path(found), places, strict=True):
            named = jax.tree_util.keystr(path, simple=True, separator="/")
            np.testing.assert_array_equal(leaf, wanted[f"{side}/{named}"])
            assert leaf.sharding == place
        assert len(places) == len(wanted) // 2


def test_sixteen_bits_are_widened(tmp_path: Path) -> None:
    wanted = written(tmp_path / "mine", "llama")
    tensors = load_file(tmp_path / "mine" / TENSORS)
    save_file({key: each.astype(ml_dtypes.bfloat16) for key, each in tensors.items()}, tmp_path / "mine" / TENSORS)
    for path, found in read_init(spec_of("llama", tmp_path / "mine")).items():
        np.testing.assert_array_equal(found, wanted[path].astype(ml_dtypes.bfloat16).astype(np.float32))


def of_config(**values: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text())
        (folder / CONFIG).write_text(json.dumps({**config, **values}))

    return change


def of_tensors(edit: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        tensors = load_file(folder / TENSORS)
        edit(tensors)
        save_file(tensors, folder / TENSORS)

    return change


def torn(folder: Path) -> None:
    (folder / TENSORS).write_bytes((folder / TENSORS).read_bytes()[:-9])


HARMS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no config": (lambda folder: (folder / CONFIG).unlink(), r"mine' holds no adapter_config.json; name another"),
    "no tensors": (lambda folder: (folder / TENSORS).unlink(), r"mine' holds no adapter_model.safetensors; name"),
    "no JSON": (lambda folder: (folder / CONFIG).write_text("{"), r"it is no JSON: .*; name another adapter"),
    "a list": (lambda folder: (folder / CONFIG).write_text("[]"), r"it holds no mapping"),
    "another method": (of_config(peft_type="LOHA"), r"peft_type is 'LOHA', and LORA is wanted"),
    "rank": (of_config(r=4), r"rank is 3 here and 4 there: write 4"),
    "no rank": (of_config(r="4"), r"r is '4', and a whole number from 1 is wanted"),
    "alpha": (of_config(lora_alpha=6.5), r"alpha is 7 here and 6.5 there: write 6.5"),
    "scaling": (of_config(use_rslora=False), r"scaling is rslora here and standard there: write standard"),
    "targets": (of_config(target_modules=["q_proj"]), r"match q_proj, .* here, and q_proj there: write \[q_proj\]"),
    "dora": (of_config(use_dora=True), r"use_dora is True, which phase lora does not have"),
    "ranks by name": (of_config(rank_pattern={"q_proj": 4}), r"rank_pattern is {'q_proj': 4}, which phase lora"),
    "pissa": (of_config(init_lora_weights="pissa"), r"init_lora_weights is 'pissa', which changes the base too"),
    "another base": (
        of_tensors(lambda t: t.update({Q: t[Q][:, :-1].copy()})),
        r"q_proj.lora_A.weight has the shape \(3",
    ),
    "missing": (of_tensors(lambda t: t.pop(Q)), r"the tensor base_model.*q_proj.lora_A.weight is missing"),
    "strange": (of_tensors(lambda t: t.update({f"{Q}.x": t[Q]})), r"lora_A.weight.x belongs to no adapter that target"),
    "no floats": (of_tensors(lambda t: t.update({Q: t[Q].astype(np.int8)})), r"q_proj.lora_A.weight has the type I8"),
    "not finite": (of_tensors(lambda t: t[Q].fill(np.nan)), r"lora_A/blocks/attn/q_proj/kernel is not finite"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_phase_lora_can_not_start_from_is_refused_in_one_sentence(harm: str, tmp_path: Path) -> None:
    written(tmp_path / "mine", "llama")
    change, says = HARMS[harm]
    change(tmp_path / "mine")
    with pytest.raises(Failure, match=says) as e:
        read_init(spec_of("llama", tmp_path / "mine"))
    assert (e.value.exit_code, "\n" in str(e.value)) == (ExitCode.INVALID, False)


def test_a_file_that_is_cut_is_one_sentence(tmp_path: Path) -> None:
    written(tmp_path / "mine", "llama")
    torn(tmp_path / "mine")
    with pytest.raises(Failure, match=r"adapter_model.safetensors: .*; get the whole adapter again") as e:
        read_init(spec_of("llama", tmp_path / "mine"))
    assert e.value.exit_code == ExitCode.STORAGE


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("qwen3, tied, its embedding too", "base_model.model.lm_head.lora_B.weight"),
        (
            "gpt, learned positions, grouped queries",
            "base_model.model.model.decoder.layers.0.self_attn.k_proj.lora_B.weight",
        ),
    ],
)
def test_adapters_of_their_own_on_what_is_one_array_here_are_refused(name: str, tensor: str, tmp_path: Path) -> None:
    written(tmp_path / "mine", name)
    of_tensors(lambda tensors: tensors[tensor].__setitem__((0, 0), 9.0))(tmp_path / "mine")
    with pytest.raises(Failure, match=rf"{tensor} is an adapter of its own, and what it sits on is a copy here"):
        read_init(spec_of(name, tmp_path / "mine"))


def test_an_adapter_on_learned_positions_has_no_a_and_b(tmp_path: Path) -> None:
    written(tmp_path / "mine", "gpt, learned positions, grouped queries")
    of_config(target_modules=["embed_positions"])(tmp_path / "mine")
    with pytest.raises(Failure, match="travels merged into their table"):
        read_init(spec_of("gpt, learned positions, grouped queries", tmp_path / "mine", target_modules=["wpe"]))


def test_other_adapters_than_a_run_began_with_are_refused_when_phase_lora_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same name may be another folder in another working directory."""
    spec, run = spec_of("llama", Path("mine")), tmp_path / "run"
    for place in ("one", "other", "none"):
        (tmp_path / place).mkdir()
    written(tmp_path / "one/mine", "llama")
    written(tmp_path / "other/mine", "llama")
    of_config(lora_dropout=0.5)(tmp_path / "other/mine")
    monkeypatch.chdir(tmp_path / "one")
    create_run_dir(ExecutionSpec(spec, run), init=pin_init(spec))
    refuse_other_init(spec, run)
    refuse_other_init(spec_of("llama"), run)
    monkeypatch.chdir(tmp_path / "none")  # whoever reads them says so
    assert pin_init(spec) is None
    refuse_other_init(spec, run)
    monkeypatch.chdir(tmp_path / "other")
    with pytest.raises(Failure, match=r"run began with other adapters .*other/mine/adapter_config.json\)") as e:
        refuse_other_init(spec, run)
    assert e.value.exit_code == ExitCode.RESUME
