"""Variables of the environment that decide numbers are recorded, and no run resumes with others."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json, write_facts
from runner.process.variables import changed_variables, deciding_variables
from runner.run.execution import ExecutionSpec
from runner.run.inspect import check_run_dir
from runner.run.record import create_run_dir
from schema.spec import Spec

HARMLESS = {
    "JAX_PLATFORMS": "cpu",
    "JAX_COMPILATION_CACHE_DIR": "/tmp/xla",
    "JAX_ENABLE_X64": "1",  # set by the run itself
    "FLAX_PROFILE": "0",
    "CUDNN_LOGINFO_DBG": "1",
    "ONEDNN_VERBOSE": "2",
    "NCCL_DEBUG": "INFO",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "OMP_NUM_THREADS": "4",
    "XLA_FLAGS": "--xla_dump_to=/tmp/x --xla_force_host_platform_device_count=8 --xla_gpu_dump_autotune_results_to=x "
    "--xla_cpu_collective_call_terminate_timeout_seconds=600",
    "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.5",
    "CUDNN_ROOT": "/opt/cudnn",  # of a module of a cluster
    "CUBLAS_VERSION": "12.9.1.4",  # of an image of a container
    "MIOPEN_USER_DB_PATH": "/tmp/miopen-1234",  # of one job
    "ROCBLAS_TENSILE_LIBPATH": "/opt/rocm/lib",
    "MIOPEN_ENABLE_LOGGING": "1",
    "HOME": "/root",
}
# A variable → what is noted of it.
DECIDING = {
    ("XLA_FLAGS", "--xla_cpu_enable_fast_math=true"): {"XLA_FLAGS --xla_cpu_enable_fast_math": "true"},
    ("XLA_FLAGS", "--xla_gpu_x=1 '--xla_gpu_x=2' --xla_y"): {"XLA_FLAGS --xla_gpu_x": "2", "XLA_FLAGS --xla_y": "true"},
    ("XLA_FLAGS", "--xla_y='"): {"XLA_FLAGS --xla_y": "'"},
    ("NVIDIA_TF32_OVERRIDE", "0"): {"NVIDIA_TF32_OVERRIDE": "0"},
    ("CUBLAS_WORKSPACE_CONFIG", ":4096:8"): {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"},
    ("ONEDNN_MAX_CPU_ISA", "AVX2"): {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    ("NPROC", "1"): {"NPROC": "1"},
    ("LIBTPU_INIT_ARGS", "--x"): {"LIBTPU_INIT_ARGS": "--x"},
    ("JAX_A_SETTING_TO_COME", "1"): {"JAX_A_SETTING_TO_COME": "1"},
}


@pytest.mark.parametrize(("name", "text"), DECIDING)
def test_a_variable_that_decides_numbers_is_recorded_and_refused_on_resume(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deciding_variables({**HARMLESS, name: text}) == DECIDING[name, text]
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    execution = ExecutionSpec(Spec(), tmp_path / "run")
    create_run_dir(execution)
    check_run_dir(execution)
    monkeypatch.setenv(name, text)
    with pytest.raises(Failure) as caught:
        check_run_dir(execution)
    assert caught.value.exit_code is ExitCode.RESUME
    for noted, value in DECIDING[name, text].items():
        assert f"{noted} was not set, is {value}" in str(caught.value)
    path = execution.run_dir / "run.json"
    write_facts(path, {key: value for key, value in read_json(path).items() if key != "variables"})
    check_run_dir(execution)  # an older version recorded none


def test_what_decides_nothing_is_not_recorded() -> None:
    assert deciding_variables(HARMLESS) == {}


def test_flags_of_xla_in_a_file_count_like_those_in_the_variable(tmp_path: Path) -> None:
    (tmp_path / "flags").write_text("--xla_cpu_enable_fast_math=true\n--xla_dump_to=x\n")
    noted = {"XLA_FLAGS --xla_cpu_enable_fast_math": "true"}
    assert deciding_variables({"XLA_FLAGS": str(tmp_path / "flags")}) == noted
    assert deciding_variables({"XLA_FLAGS": str(tmp_path / "missing")}) == {}
    (change,) = changed_variables(noted, {})
    assert str(change) == "XLA_FLAGS --xla_cpu_enable_fast_math was true, is not set"
