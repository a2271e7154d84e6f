"""`--gpus` of a sweep as far as a machine without a GPU goes: how dask-cuda is asked, and tasks under emulated kernels.

What this cannot show: that a real device gives these bits, how fast it is, and that dask-cuda finds devices.
"""

from __future__ import annotations

import inspect
import pickle
import sys
from types import ModuleType

import numpy as np
import pytest
import sweep_gpu
from click.testing import CliRunner
from sweep_factory import PLAN, prepared, write_inputs, write_plan

from capacity.cli import main
from capacity.errors import CapacityError
from capacity.sweep import engine, orders, plan, prepare, session, tasks
from cuda_kernels import KernelError

from . import stand_in


@pytest.fixture
def plan_file(tmp_path):
    write_inputs(tmp_path)
    return write_plan(tmp_path, PLAN, years="'2025'", draws=4, block=2, outputs="[country, area, fleet]")


@pytest.fixture
def on_gpu(plan_file):
    return prepare.prepare(
        plan.read(plan_file), folder=plan_file.parent, grid_file=plan_file.parent / "tiny.nc", device="gpu"
    )


@pytest.fixture
def on_cpu(plan_file):
    opened = made(prepared(plan_file, plan_file.parent / "tiny.nc"), plan_file.parent / "cpu")
    assert session.execute(opened, orders.Pool("threads", workers=1), orders.Limits()).done == 4
    return opened


def made(ready, out):
    return session.make_or_open(str(out), ready, resume=False, allow_code_change=False)


def arrays(opened):
    import zarr

    group = zarr.open_group(opened.url, mode="r")
    return {name: group[name][...] for name in opened.shapes}


def assert_same(found, wanted):
    assert set(arrays(found)) == set(arrays(wanted))
    for name, values in arrays(found).items():
        np.testing.assert_array_equal(values, arrays(wanted)[name], err_msg=name)


@pytest.fixture
def dask_cuda(monkeypatch):
    """A dask-cuda that starts plain processes."""
    module = ModuleType("dask_cuda")
    module.LocalCUDACluster = sweep_gpu.LocalCUDACluster
    monkeypatch.setitem(sys.modules, "dask_cuda", module)
    sweep_gpu.LocalCUDACluster.asked.clear()
    return sweep_gpu.LocalCUDACluster


@pytest.fixture
def real_dask_cuda(monkeypatch):
    """dask-cuda itself, where it is installed, told to leave out what only a device can answer."""
    module = pytest.importorskip("dask_cuda.local_cuda_cluster", exc_type=ImportError)
    for name, value in {
        "CUDA_VISIBLE_DEVICES": ",".join(sweep_gpu.GPUS),
        "DASK_CUDA_TEST_DISABLE_DEVICE_SPECIFIC": "1",
        "DASK_CUDA_TEST_SINGLE_GPU": "1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(module, "parse_device_memory_limit", lambda *_, **__: None)


def test_a_task_runs_its_kernels_on_the_device_and_gives_the_numbers_of_the_cpu(cupy, on_gpu, on_cpu, tmp_path):
    opened = made(on_gpu, tmp_path / "gpu")
    assert stand_in.launches == [], "making the store needs no device"
    for task in opened.layout:
        before = len(stand_in.launches)
        outcome = tasks.run(tasks.Job(opened.url, task, on_gpu.identity["code"]["source_sha256"]))
        assert outcome.error == ""
        assert len(stand_in.launches) > before
        assert len(pickle.dumps(outcome)) < 1000, "no array crosses the border of a task"
    assert_same(opened, on_cpu)


@pytest.mark.slow
def test_one_process_a_gpu_through_dask_cuda(cupy, dask_cuda, on_gpu, on_cpu, tmp_path):
    """The real engine, real processes, a store; dask-cuda, devices and CuPy are stand-ins."""
    devices = run_on_gpus(on_gpu, on_cpu, tmp_path)
    assert devices <= set(sweep_gpu.GPUS)
    [asked] = dask_cuda.asked
    assert (asked["threads_per_worker"], asked["host"]) == (1, "127.0.0.1")
    assert asked["dashboard_address"].startswith("127.0.0.1:")


@pytest.mark.slow
def test_dask_cuda_itself_starts_the_processes(cupy, real_dask_cuda, on_gpu, on_cpu, tmp_path):
    """Only devices and CuPy are stand-ins. Skipped where dask-cuda is not installed."""
    assert run_on_gpus(on_gpu, on_cpu, tmp_path) == set(sweep_gpu.GPUS)


def run_on_gpus(on_gpu, on_cpu, folder):
    """The devices that the processes saw first, after a whole sweep with the numbers of the CPU."""
    opened = made(on_gpu, folder / "gpu")
    tally = session.execute(opened, orders.Pool(gpus=True), orders.Limits(retries=0), work=sweep_gpu.emulated)
    assert (tally.done, tally.failed) == (4, 0), [opened.failure(task) for task in opened.failed()]
    marks = [path.name.split("-") for path in folder.glob("task-*")]
    assert all(int(mark[3]) > 0 for mark in marks), "every task launched kernels in its own process"
    assert_same(opened, on_cpu)
    return {mark[2] for mark in marks}


def test_workers_and_memory_are_passed_on(monkeypatch, dask_cuda):
    monkeypatch.setattr(sys.modules["dask_cuda"], "LocalCUDACluster", dict)
    asked = engine._cuda_cluster(orders.Pool(gpus=True, workers=1, memory=2**30))
    assert (asked["n_workers"], asked["memory_limit"]) == (1, 2**30)


def test_the_options_are_dask_cudas():
    cluster = pytest.importorskip("dask_cuda").LocalCUDACluster
    known = {*inspect.signature(cluster.__init__).parameters, *inspect.signature(cluster.__mro__[1]).parameters}
    assert {"threads_per_worker", "host", "dashboard_address", "n_workers", "memory_limit"} <= known


def refused(plan_file, *more):
    arguments = ["--grid", str(plan_file.parent / "tiny.nc"), "--out", str(plan_file.parent / "s"), "--gpus"]
    done = CliRunner().invoke(main, ["sweep", str(plan_file), *arguments, *more])
    assert done.exit_code == 1, done.output
    assert done.output.count("\n") == 1
    assert not (plan_file.parent / "s").exists(), "nothing is written where nothing can run"
    return done.output


def test_no_dask_cuda_is_one_line(plan_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_cuda", None)
    assert "gridflops[sweep-cuda12]" in refused(plan_file)
    assert "--scheduler threads" in refused(plan_file, "--scheduler", "threads")


def test_no_device_is_one_line(plan_file, dask_cuda, monkeypatch):
    def none_there(name):
        raise KernelError("device='gpu': no CUDA device found")

    monkeypatch.setattr(engine, "resolve_device", none_there)
    assert "no CUDA device" in refused(plan_file)


def test_a_cluster_that_cannot_start_is_one_line(dask_cuda, monkeypatch):
    def broken(**options):
        raise RuntimeError("NVML not found")

    monkeypatch.setattr(sys.modules["dask_cuda"], "LocalCUDACluster", broken)
    with pytest.raises(CapacityError, match="--gpus: no usable NVIDIA GPU"):
        engine._cuda_cluster(orders.Pool(gpus=True))
