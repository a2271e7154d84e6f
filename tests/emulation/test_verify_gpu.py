"""`gridflops verify-gpu`, the check for hardware, run whole on the CPU emulation."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cuda_kernels
from capacity.cli import main
from capacity.verify_gpu import checks, fresh, report, speed
from cuda_kernels import devices

SMALL = ["verify-gpu", "--cases", "20", "--hours", "60", "--seed", "5"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One compilation of each kernel, small batches."""
    monkeypatch.setattr(checks, "PROFILE_COUNTS", (6,))
    monkeypatch.setattr(checks, "BATCHES", (1, 8))
    monkeypatch.setattr(checks, "REPETITIONS", 1)
    monkeypatch.setattr(speed, "REPETITIONS", 1)
    monkeypatch.setattr(speed, "COLUMNS", 3)
    monkeypatch.setattr(checks, "DRAWS_A_CASE", 1)
    monkeypatch.setattr(fresh, "NETWORK_AREAS", (6,))
    monkeypatch.setattr(devices, "_DRIVER_FILE", Path("nowhere"))


@pytest.fixture
def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)


def test_every_kernel_file_has_a_check():
    files = {file.stem for file in Path(cuda_kernels.__file__).parent.glob("*.cu")}
    assert files == set(checks.CHECKS)


def test_the_whole_command_reports_parity(cupy, few, tmp_path):
    from . import stand_in

    page = tmp_path / "gpu.md"
    done = CliRunner().invoke(main, [*SMALL, "--report", str(page), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["agrees"] is True
    assert document["device"]["name"] == "emulated on the CPU"
    assert document["device"]["operations_per_s"] == pytest.approx(34e12 / 2, rel=0.02)  # the data sheet of the H100
    assert document["device"]["bytes_per_s"] == pytest.approx(3.35e12, rel=0.01)
    assert {row["kernel"] for row in document["comparisons"]} == set(checks.CHECKS)
    assert [row["cases"] for row in document["throughput"]] == [20, 160]
    assert all(0 < row["floor_microseconds"] < row["microseconds"] for row in document["throughput"])
    timed = {row["kernel"] for row in document["other_kernels"]} | {"headroom"}
    assert timed == set(checks.CHECKS)
    assert all(0 < row["floor_milliseconds"] < row["milliseconds"] for row in document["other_kernels"])
    assert all(row["differing"] == 0 for row in document["comparisons"] if row["kernel"] == "headroom")
    launched = {name.split("<")[0] for name, _, _ in stand_in.launches}
    kernels = {
        "headroom_deal",
        "headroom_keys",
        "headroom_prune",
        "headroom_search",
        "headroom_finish",
        "headroom_weighted",
        "network_headroom",
        "storage_firm",
        "storage_scan",
        "normal_quantile",
        "philox_uniform",
    }
    assert launched == {*kernels, "philox4x32_blocks", "quantile_select", "water_fill", "event_figures"}
    assert {f"headroom_search<6, {shares}>" for shares in (1, 2)} <= {name for name, _, _ in stand_in.launches}
    text = page.read_text()
    assert "emulated on the CPU, driver for CUDA up to 13.0, CUDA 13.2, CuPy 0+stand.in, gridflops" in text
    assert "parity OK" in text
    assert "FAILED" not in text
    assert len(text.splitlines()) < 66  # one page


def test_a_wrong_kernel_is_reported_and_fails(cupy, few, monkeypatch):
    def wrong(rng, sizes):
        yield checks.Pair("load", cupy.asarray(np.array([1.0, 2.0])), np.array([1.0, 2.1]), 1e-8)
        raise cupy.cuda.runtime.CUDARuntimeError("cudaErrorIllegalAddress:\nan illegal memory access")

    monkeypatch.setattr(checks, "CHECKS", {"headroom": wrong})
    monkeypatch.setattr(checks, "BATCHES", ())
    done = CliRunner().invoke(main, SMALL)
    assert done.exit_code == 1
    assert "parity FAILED (2 of 2 comparisons)" in done.stdout
    assert "- headroom, load: 1 of 2 values differ, by up to 4.8e-02" in done.stdout
    assert "- headroom, stopped: after 1 comparisons: cudaErrorIllegalAddress: an illegal memory access" in done.stdout
    document = json.loads(CliRunner().invoke(main, [*SMALL, "--json"]).stdout)
    assert [row["worst"] for row in document["comparisons"]] == [pytest.approx(0.1 / 2.1), None]


def test_a_batch_the_device_cannot_hold_does_not_lose_the_report(cupy, few, monkeypatch):
    def spent(*arguments):
        raise cupy.cuda.memory.OutOfMemoryError("Out of memory")

    monkeypatch.setattr(checks, "CHECKS", {})
    monkeypatch.setattr(checks, "throughput", spent)
    found = checks.verify(20, 60, 1)
    assert not found.agrees
    assert "headroom, stopped: 20 cases: Out of memory" in report.markdown(found)
    assert report.summary(found).endswith("headroom not timed")


@pytest.mark.parametrize(
    ("got", "want", "tolerance", "of_largest", "agrees"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0, False, True),
        ([1.0, 2.0 + 1e-9], [1.0, 2.0], 1e-8, False, True),
        ([1.0, 2.0 + 1e-9], [1.0, 2.0], 0.0, False, False),
        ([1e-12, 2.0], [0.0, 2.0], 1e-8, False, False),
        ([1e-12, 2.0], [0.0, 2.0], 1e-8, True, True),
        ([np.nan, 2.0], [1.0, 2.0], 1.0, False, False),
        ([np.nan, 2.0], [np.nan, 2.0], 1.0, True, False),
        ([1.0], [1.0, 2.0], 1.0, False, False),
        ([1, 2], [1.0, 2.0], 1.0, False, False),
    ],
)
def test_agreement(got, want, tolerance, of_largest, agrees):
    pair = checks.Pair("x", np.array(got), np.array(want), tolerance, of_largest)
    assert checks.compare("k", pair).agrees is agrees


def test_without_a_card_one_line_and_exit_code_3(no_cupy):
    done = CliRunner().invoke(main, ["verify-gpu"])
    assert done.exit_code == 3
    assert done.stderr.startswith("nothing was verified: device 'gpu' needs CuPy")
    assert done.output.count("\n") == 1


def test_work_counts_every_hour_once_a_pass():
    whole, _ = checks.work_per_case((6, 100), cases=1, blocks=0, listed=100.0)
    assert whole == 4 * 2 * 6 * 100  # four passes of six products and sums
    pruned, moved = checks.work_per_case((6, 100), cases=64, blocks=1, listed=5.0)
    assert pruned == 4 * 2 * 6 * 5 + 100 * (3 * 12 + 5 * 6) / 64
    assert moved == (8 * 6 * 100 + 2 * 4 * 5) / 64 + 84


def test_a_device_that_does_not_answer_is_told_in_one_line(cupy, monkeypatch):
    def lost(number):
        raise cupy.cuda.runtime.CUDARuntimeError("cudaErrorDevicesUnavailable: busy\nmore")

    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceProperties", lost)
    with pytest.raises(cuda_kernels.KernelError, match=r"does not answer \(cudaErrorDevicesUnavailable: busy\)$"):
        devices.survey()


def test_the_driver_names_itself_where_the_system_tells(tmp_path, monkeypatch):
    file = tmp_path / "version"
    file.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC 12")
    monkeypatch.setattr(devices, "_DRIVER_FILE", file)
    assert devices._kernel_module() == "550.54.15"


def test_the_real_cupy_has_what_is_asked_of_the_stand_in():
    cupy = pytest.importorskip("cupy")
    from . import stand_in

    runtime, pool = cupy.cuda.runtime, cupy.cuda.MemoryPool
    assert {name: getattr(runtime, name) for name in stand_in.ATTRIBUTES} == stand_in.ATTRIBUTES
    asked = vars(stand_in.make_module().cuda.runtime)
    assert [name for name in asked if not hasattr(runtime, name)] == []
    assert issubclass(cupy.cuda.memory.OutOfMemoryError, MemoryError)
    assert callable(cupy.get_default_memory_pool)
    assert callable(pool.free_all_blocks)
    assert callable(pool.total_bytes)
    assert devices._version(runtime.runtimeGetVersion()).count(".") == 1
