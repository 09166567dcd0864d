"""Models of the Hugging Face hub: fetched into the hub's own cache by huggingface_hub, and pinned to one commit.

Tokens and offline mode are that library's business: HF_TOKEN or `hf auth login`, HF_HUB_OFFLINE. Everything else reads
the cache (`schema.document.hub`), so that a run whose model lies there needs no network.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from runner.data.tokenizer_files import BESIDE, GENERATION, TOKENIZER
from runner.failure import ExitCode, Failure
from runner.files.hub import endpoint, is_offline
from schema.document import Recorded
from schema.document.hub import HubName, cache_folder, cached_snapshot, hub_name

CONFIG, WHOLE, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
TEXTS = (CONFIG, GENERATION, INDEX, TOKENIZER, *BESIDE)

Say = Callable[[str], None]


def pin(names: Iterable[str | None], recorded: Recorded, weights: str | None, say: Say) -> Recorded:
    """Fetch the models of the hub among the names of a spec, and return `recorded` with the commit of each.

    Those that a run pinned stay what they are. `weights` names the model whose weights are needed; of the others config
    and tokenizer are fetched. Raises Failure as `fetch` does.
    """
    pins = dict(recorded.pins)
    for name in dict.fromkeys(each for each in names if each and each not in recorded.local):
        found = hub_name(pins.get(name, name))
        if found:
            snapshot = fetch(found, name == weights, say)
            pins[name] = found.at(snapshot.name)
    return recorded._replace(pins=pins)


def fetch(name: HubName, weights: bool, say: Say) -> Path:
    """Return the snapshot of a model in the cache, fetched where a part is missing or a branch may have moved.

    Without `weights` it holds config, index and tokenizer. Raises Failure: INVALID for what the hub does not have or
    does not give, PREEMPTED where it can't be reached and the cache does not do, STORAGE where that can't be written.
    """
    cached = cached_snapshot(name)
    if cached is not None and not _suffices(cached, weights):
        cached = None
    if cached is not None and name.is_pinned and (cached / CONFIG).is_file() and (cached / TOKENIZER).is_file():
        return cached
    say(f"{name.model} is no folder here: looking for revision {name.revision} of it on the hub")
    try:
        _look_up(name)
    except Failure as failure:
        if cached is None or (failure.exit_code is not ExitCode.PREEMPTED and not is_offline()):
            raise
        say(f"the hub is not reached, and its cache has revision {name.revision} at commit {cached.name}")
        return cached
    snapshot = _download(name, TEXTS)
    if not _suffices(snapshot, weights=False):
        raise Failure(f"{name.model} on the hub has neither {CONFIG} nor {TOKENIZER}", ExitCode.INVALID)
    if weights:
        shards = _shards(snapshot)
        _download(HubName(name.model, snapshot.name), shards)
        if missing := [shard for shard in shards if not (snapshot / shard).is_file()]:
            raise Failure(
                f"{name.model} on the hub has no {missing[0]}; name a model that is saved whole as safetensors, for "
                ".bin files are pickles and never read",
                ExitCode.INVALID,
            )
    say(f"{name.model}: revision {name.revision} is commit {snapshot.name}")
    return snapshot


def refuse_offline(name: HubName, weights: bool) -> None:
    """Raise Failure INVALID where the user forbade the network, and the cache lacks a model that is needed.

    `weights` says whether all of it is needed. Nothing is asked or fetched.
    """
    if is_offline() and ((cached := cached_snapshot(name)) is None or not _suffices(cached, weights)):
        raise _failure(name, ConnectionError())


def is_whole(name: HubName) -> bool:
    """Whether the cache has a model with its weights."""
    cached = cached_snapshot(name)
    return cached is not None and _suffices(cached, weights=True)


def _suffices(snapshot: Path, weights: bool) -> bool:
    """Whether a snapshot is of some use where no more can be had: a model may have no tokenizer.json."""
    has_text = any((snapshot / name).is_file() for name in (CONFIG, TOKENIZER))
    return has_text and all((snapshot / name).is_file() for name in (_shards(snapshot) if weights else ()))


def _shards(snapshot: Path) -> list[str]:
    """Name the files of weights: those of the index, or the whole."""
    try:
        places = json.loads((snapshot / INDEX).read_text(encoding="utf-8"))["weight_map"]
        return sorted({str(file) for file in places.values()})
    except FileNotFoundError:
        return [WHOLE]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failure(f"{snapshot / INDEX} can't be read: {error!r}", ExitCode.STORAGE) from error


def _look_up(name: HubName) -> None:
    """Ask the hub for a revision of a model, for downloads fall back to the cache without a word."""
    from huggingface_hub import HfApi

    if is_offline():
        raise _failure(name, ConnectionError())
    try:
        HfApi(endpoint=endpoint(), library_name="lorarun").model_info(name.model, revision=name.revision)
    except Exception as error:
        raise _failure(name, error) from error


def _download(name: HubName, files: Iterable[str]) -> Path:
    """Bring files of a model into the cache; those that it does not have are passed over."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        found: Any = snapshot_download(
            name.model,
            revision=name.revision,
            allow_patterns=list(files),
            library_name="lorarun",
            cache_dir=cache_folder(),
            endpoint=endpoint(),
        )
    except Exception as error:
        raise _failure(name, error) from error
    return Path(found)


def _failure(name: HubName, error: Exception) -> Failure:
    """Say in one sentence why the hub gave nothing; nothing of the request is repeated."""
    from huggingface_hub import errors

    answers = (getattr(each, "response", None) for each in (error, error.__cause__))
    status = next((answer.status_code for answer in answers if answer is not None), None)
    what = f"{name.model} is no folder here"
    if isinstance(error, errors.GatedRepoError):
        return Failure(
            f"{name.model} is gated: accept its terms at {endpoint()}/{name.model}, and give your token by "
            "`hf auth login` or HF_TOKEN",
            ExitCode.INVALID,
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return Failure(f"{name.model} has no revision {name.revision} on the hub; name another one", ExitCode.INVALID)
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 403):
        return Failure(
            f"{what}, and the hub shows no model of that name; write its name as it stands there, or, where it is "
            "private, give your token by `hf auth login` or HF_TOKEN",
            ExitCode.INVALID,
        )
    if isinstance(error, errors.HFValidationError):
        return Failure(f"{what}, and no name of the hub: {error}", ExitCode.INVALID)
    if is_offline():
        return Failure(
            f"{what}, HF_HUB_OFFLINE is set, and the cache of the hub does not have revision {name.revision} of it "
            f"whole; unset it, or run `{name.command}` where there is a network",
            ExitCode.INVALID,
        )
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError | TimeoutError):
        return Failure(f"the cache of the hub can't be written: {error.strerror or error}", ExitCode.STORAGE)
    why = f"it answered with {status}" if status else "it can't be reached"
    return Failure(
        f"{what}, and the hub can't give it now ({why}); run the same command again, or name a folder that holds the "
        "model",
        ExitCode.PREEMPTED,
    )
