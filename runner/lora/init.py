"""`optimization/lora/init`: adapters that PEFT or an earlier run wrote, as the first ones of phase lora."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from runner.failure import ExitCode, Failure
from runner.files.contents import changed_files, contents_of
from runner.files.digested_json import read_json
from runner.files.errors import storage_failures
from runner.huggingface.adapter import FILE
from runner.huggingface.adapter_import import OtherAdapterError, import_adapter
from runner.lora.adapters import written_path
from schema.document import ADAPTER_CONFIG, read_adapter_config
from schema.families import ConfigError, adapted, adapter_refusals, load_family, parameters
from schema.spec import Spec
from schema.text.paths import at_home

REMEDY = "name another adapter in optimization/lora/init"


def read_init(spec: Spec) -> dict[str, npt.NDArray[Any]]:
    """Read the adapters that phase lora starts from: lora_A/PATH (…, in, rank), lora_B/PATH (…, rank, out), float32.

    Raises Failure INVALID where the folder holds no adapter, or one that this spec does not train, naming the keys or
    the tensors; STORAGE where a file can't be read.
    """
    lora, architecture = spec.optimization.lora, spec.architecture
    folder, every = at_home(str(lora.init)), parameters(spec.architecture)
    own, files = adapted(every, lora.target_modules), load_family(architecture.family).hugging_face(architecture)
    if lost := next((name for name in (ADAPTER_CONFIG, FILE) if not (folder / name).is_file()), None):
        raise Failure(f"optimization/lora/init: '{folder}' holds no {lost}; {REMEDY}", ExitCode.INVALID)
    cannot = f"phase lora can't start from '{folder}'"
    try:
        refused = [*adapter_refusals(read_adapter_config(folder), lora, files, own, every)]
        if refused:
            listed = "; ".join(f"{each.reason}: {each.remedy}" for each in refused)
            raise Failure(f"{cannot}: {listed}", ExitCode.INVALID)
        return import_adapter(folder, files, tuple(own), lora.rank)
    except (ConfigError, OtherAdapterError) as error:
        raise Failure(f"{cannot}: {error}; {REMEDY}", ExitCode.INVALID) from error
    except OSError as error:
        raise Failure(f"{cannot}: {error}; get the whole adapter again", ExitCode.STORAGE) from error


def place_init(spec: Spec, like: Any) -> Any:
    """Put these adapters where the leaves of `like`, a {lora_A, lora_B}, lie. Raises Failure as `read_init`."""
    found = read_init(spec)

    def put(path: Any, leaf: jax.Array) -> jax.Array:
        array = found[written_path(path)]
        return jax.make_array_from_callback(leaf.shape, leaf.sharding, lambda part: np.asarray(array[part]))

    return jax.tree_util.tree_map_with_path(put, like)


def pin_init(spec: Spec) -> dict[str, Any] | None:
    """Say which adapters a run starts from, so that it starts from no others; None without, or where they are not here.

    Raises Failure STORAGE.
    """
    folder, names = at_home(spec.optimization.lora.init or "").absolute(), (ADAPTER_CONFIG, FILE)
    if spec.optimization.lora.init is None or not all((folder / name).is_file() for name in names):
        return None
    with storage_failures(folder, "read"):
        return {"path": str(folder), "files": contents_of(folder, names)}


def refuse_other_init(spec: Spec, run_dir: Path) -> None:
    """Raise Failure RESUME where the adapters that phase lora is about to read are not those that the run began with.

    The folder is looked for from the working directory, which may be another one than then.
    """
    noted = read_json(run_dir / "run.json").get("init")
    if spec.optimization.lora.init is None or noted is None:
        return
    folder = at_home(spec.optimization.lora.init).absolute()
    with storage_failures(folder, "read"):
        others = [str(folder / name) for name in changed_files(folder, noted["files"])]
    if others:
        raise Failure(
            f"{run_dir} began with other adapters than lie there now ({'; '.join(others)}); bring them back, or start "
            "a new run with another --run-dir",
            ExitCode.RESUME,
        )
