"""Variables of the environment that decide numbers and that no spec has: those that libraries read by themselves.

XLA, cuBLAS, cuDNN, oneDNN and NCCL take them when they are loaded, so that nobody can set them later: a run records
them in its `run.json`, and none resumes with others. Which settings of jax and flax a run has is listed here too, so
that only variables which nobody sets are recorded.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schema.environment import Change

# Settings of jax that decide numbers → what a run computes with.
NUMBERS: Mapping[str, Any] = {
    "jax_enable_x64": False,
    "jax_explicit_x64_dtypes": "warn",
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_threefry_gpu_kernel_lowering": False,
    "jax_enable_custom_prng": False,
    "jax_random_seed_offset": 0,
    "jax_high_dynamic_range_gumbel": False,
    "jax_default_matmul_precision": None,
    "jax_numpy_dtype_promotion": "standard",
    "jax_softmax_custom_jvp": False,
}
# Those that decide which program jax makes of a step, and how the compiler rewrites it.
PROGRAMS: Mapping[str, Any] = {
    "eager_constant_folding": False,
    "jax_auto_pcast": True,
    "jax_compiler_enable_remat_pass": True,
    "jax_custom_vjp3": False,
    "jax_disable_most_optimizations": False,
    "jax_embedded_constants_max_bytes": 32,
    "jax_enable_pgle": False,
    "jax_exec_time_optimization_effort": 0.0,
    "jax_memory_fitting_effort": 0.0,
    "jax_memory_fitting_level": "O2",
    "jax_optimization_level": "UNKNOWN",
    "jax_remat3": False,
    "jax_remove_size_one_mesh_axis_from_type": False,
    "jax_scan3": False,
    "jax_use_direct_linearize": True,
    "jax_use_shardy_partitioner": True,
    "jax_use_simplified_jaxpr_constants": False,
    "jax_xla_profile_version": 0,
}
# Those with which jax refuses a program that is right, or computes none; the loop sets its own transfer guard.
OFF: Mapping[str, Any] = {
    "jax_allow_f16_reductions": True,
    "jax_array_garbage_collection_guard": None,
    "jax_check_static_indices": False,
    "jax_check_tracer_leaks": False,
    "jax_debug_infs": False,
    "jax_debug_key_reuse": False,
    "jax_debug_nans": False,
    "jax_default_device": None,
    "jax_disable_jit": False,
    "jax_enable_checks": False,
    "jax_error_checking_behavior_divide": "ignore",
    "jax_error_checking_behavior_nan": "ignore",
    "jax_error_checking_behavior_oob": "ignore",
    "jax_experimental_unsafe_xla_runtime_errors": False,
    "jax_legacy_prng_key": "allow",
    "jax_no_execution": False,
    "jax_no_tracing": False,
    "jax_numpy_rank_promotion": "allow",
    "jax_raise_persistent_cache_errors": False,
    "jax_thread_guard": False,
    "jax_transfer_guard": None,  # sets the three that follow
    "jax_transfer_guard_device_to_device": None,
    "jax_transfer_guard_device_to_host": None,
    "jax_transfer_guard_host_to_device": None,
}
FLAX: Mapping[str, bool] = {
    "flax_fix_rng_separator": False,
    "flax_preserve_adopted_names": False,
    "flax_return_frozendict": False,
}

# Variables of jax and flax that say where to compute, what to keep and what to log, as regular expressions.
ELSEWHERE = (
    r"JAX_(PLATFORM|PLATFORMS|PLATFORM_NAME|XLA_BACKEND|BACKEND_TARGET|NUM_CPU_DEVICES|MOCK_\w+)",
    r"JAX_(CUDA|ROCM|ONEAPI)_VISIBLE_DEVICES",
    r"JAX_(PERSISTENT_CACHE|COMPILATION_CACHE)_\w+|JAX_ENABLE_COMPILATION_CACHE",
    r"JAX_(DUMP|LOG|LOGGING|TRACEBACK|TRACER|EXPLAIN|PPRINT|HLO_SOURCE|INCLUDE|COMPILER_DETAILED|SOURCE)_\w+",
    r"JAX_(CAPTURED_CONSTANTS|SEND_TRACEBACK|DEBUG_LOG|DEBUG_LEAKED|PGLE|PALLAS|MOSAIC|RAGGED|BCOO|USE_MAGMA)\w*",
    r"JAX_(COORDINATOR|PROCESS|NUM_PROCESSES|LOCAL|CROSS_HOST|DISTRIBUTED|SHARE_BINARY|ENABLE_PREEMPTION)\w*",
    r"JAX_(ENABLE_RECOVERABILITY|FORCE_DCN\w+|CPU_\w+|SORT_DEVICES\w*|CHECK_PROXY_ENVS|PJRT_\w+|EXPORT_\w+|SERIALI\w+)",
    r"JAX_(DISALLOW_MESH\w+|DISABLE_(VMAP|BWD)\w+|MUTABLE_ARRAY\w+|REFS_TO_PINS|REMOVE_CUSTOM\w+|USE_EMIT\w+)",
    r"FLAX_(FILTER_FRAMES|PROFILE|USE_\w+|ARRAY_REF|PYTREE_MODULE|MAX_REPR\w+|ALWAYS_SHARD\w+|HIJAX\w+)",
)
# Variables that the libraries below jax read and that decide numbers. NPROC is the number of XLA's threads on a CPU.
DECIDING = (
    r"NVIDIA_TF32_OVERRIDE|LIBTPU_INIT_ARGS|(PJRT_)?NPROC|(JAX|FLAX)_\w+",
    r"NCCL_(ALGO|PROTO|NVLS_ENABLE|COLLNET_ENABLE|NTHREADS|BUFFSIZE|(MIN|MAX)_N?CHANNELS)",
    r"OPENBLAS_CORETYPE|MKL_CBWR|NPY_(DISABLE|ENABLE)_CPU_FEATURES",  # of numpy, which merges adapters in an export
    r"(CUBLAS|CUBLASLT|CUDNN|TF_CUDNN|TF_CUBLAS|ONEDNN|DNNL|MIOPEN|ROCBLAS|HIPBLASLT)_\w+",
)
LOGS = re.compile(r"\w*_(LOG|LOGS|LOGGING|VERBOSE|LOGINFO|LOGDEST|LOGLEVEL|PROFILE|DUMP|TRACE|DEBUG)(_\w+)?")
# Where libraries lie and keep things, and which these are: other on each machine, and in each job of a scheduler.
PLACES = re.compile(r"\w+_(LIB)?(PATH|DIR|ROOT|HOME|PREFIX|VERSION|LIB|LIBRARY|LIBRARIES|INCLUDE)")
HARMLESS = r"dump|force_host_platform_device_count|hlo_profile|gpu_cuda_data_dir|gpu_dump|gpu_\w*cache_|\w*timeout"
NOTED_FLAG = re.compile(rf"--xla_(?!{HARMLESS})")
XLA_FLAGS = "XLA_FLAGS"


def deciding_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what of an environment decides numbers and is not set by a run: by name, a flag of XLA as `XLA_FLAGS --x`.

    A variable of jax or flax that this version of lorarun does not know is taken for one.
    """
    known = "|".join((*(name.upper() for name in (*NUMBERS, *PROGRAMS, *OFF, *FLAX)), *ELSEWHERE))
    found = {
        name: text
        for name, text in environment.items()
        if re.fullmatch("|".join(DECIDING), name)
        and not re.fullmatch(known, name)
        and not any(harmless.fullmatch(name) for harmless in (LOGS, PLACES))
    }
    return dict(sorted({**found, **dict(_xla_flags(environment.get(XLA_FLAGS, "")))}.items()))


def changed_variables(noted: Mapping[str, str] | None, environment: Mapping[str, str]) -> tuple[Change, ...]:
    """Say which variables are not what a run noted when it began; a run of an older version noted nothing: None."""
    if noted is None:
        return ()
    now = deciding_variables(environment)
    names = sorted(name for name in {*noted, *now} if noted.get(name) != now.get(name))
    return tuple(Change(name, noted.get(name, "not set"), now.get(name, "not set")) for name in names)


def _xla_flags(text: str) -> Iterator[tuple[str, str]]:
    """Yield each flag of XLA_FLAGS that may decide numbers, with its value; the last of several counts.

    XLA reads a file where the text begins with no flag.
    """
    if text and not text.lstrip().startswith("-"):
        try:
            text = Path(text.strip()).read_text(encoding="utf-8", errors="replace")
        except OSError:  # XLA says so
            return
    try:
        flags = shlex.split(text, comments=False)
    except ValueError:  # a quotation mark too many
        flags = text.split()
    for flag in flags:
        if NOTED_FLAG.match(flag):
            name, _, value = flag.partition("=")
            yield f"{XLA_FLAGS} {name}", value or "true"
