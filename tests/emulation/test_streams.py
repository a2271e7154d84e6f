"""Blocks staged for the device: right numbers, two slots, and copies that run ahead of the work without meeting it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cuda_kernels import _philox_cuda, headroom_mw
from cuda_kernels.philox import normal_from_uniform
from cuda_kernels.streams import staged

from . import stand_in, streams


def blocks(count: int, size: int = 40):
    rng = np.random.default_rng(count)
    return [(rng.uniform(0.01, 0.99, (size + 7 * n, 3)), np.arange(n, dtype=np.int32)) for n in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_every_block_arrives_whole_and_in_order(cupy, count):
    given = blocks(count)
    seen = []
    for values, numbers in staged(given, "gpu"):
        assert isinstance(values, cupy.ndarray)
        seen.append((normal_from_uniform(values).get(), numbers.get()))
    assert len(seen) == count
    for (values, numbers), (got, same) in zip(given, seen, strict=True):
        assert_array_equal(got, normal_from_uniform(values))
        assert_array_equal(same, numbers)


def test_the_cpu_gets_what_was_given():
    given = blocks(3)
    for got, want in zip(staged(given, "cpu"), given, strict=True):
        assert got[0] is want[0]


def test_a_block_is_one_copy(cupy):
    for _ in staged(blocks(5), "gpu"):
        pass
    assert stand_in.transfers["host to device"] == 5


def test_the_next_block_is_copied_before_this_one_is_worked_on_and_never_into_memory_in_use(cupy):
    same = [(np.full(30, 0.1 * (n + 1)),) for n in range(5)]
    for (values,) in staged(same, "gpu"):
        _philox_cuda.normal(values)
    what = [f"{who} {text.split(' ')[0]}" for who, text in streams.log]
    ahead, turn = ["host waits", "copying waits", "copying copies"], ["current waits", "current launches"]
    assert what == [*ahead, *(ahead + turn) * 4, *turn, "host waits"]
    # A copy writes where the work of two blocks before has been waited for, from memory whose last copy is over.
    launched = [at for at, (_, text) in enumerate(streams.log) if text.startswith("launches")]
    copied = [at for at, (_, text) in enumerate(streams.log) if text.startswith("copies")]
    for number, at in enumerate(copied[2:]):
        done = [
            sum(who == stream for who, _ in streams.log[: upto + 1])
            for stream, upto in (("current", launched[number]), ("copying", copied[number]))
        ]
        assert streams.log[at - 1] == ("copying", f"waits for work on current up to {done[0]}")
        assert streams.log[at - 2] == ("host", f"waits for work on copying up to {done[1]}")


def test_a_forgotten_wait_would_show(cupy, monkeypatch):
    from cuda_kernels import streams as product

    given = [(np.full(4, float(n)),) for n in range(5)]
    assert [float(values.get()[0]) for (values,) in staged(given, "gpu")] == [0.0, 1.0, 2.0, 3.0, 4.0]
    monkeypatch.setattr(product._Slot, "wait", lambda self: None)
    assert [float(values.get()[0]) for (values,) in staged(given, "gpu")] != [0.0, 1.0, 2.0, 3.0, 4.0]


def test_leaving_early_waits_for_what_is_on_its_way(cupy):
    for _ in staged(blocks(4), "gpu"):
        break
    ordered = sum(text.startswith("copies") for _, text in streams.log)
    assert ordered == 2


def test_memory_that_runs_out_is_halved_while_the_next_block_is_on_its_way(cupy, monkeypatch, caplog):
    rng = np.random.default_rng(1)
    given = [(rng.normal(1, 1, (3, 50)), rng.normal(1, 1, (300, 3))) for _ in range(3)]
    allocate = cupy.empty

    def scarce(shape, dtype=np.float64):
        if dtype == np.int32 and shape == (4, 50):
            raise cupy.cuda.memory.OutOfMemoryError("Out of memory")
        return allocate(shape, dtype)

    monkeypatch.setattr(cupy, "empty", scarce, raising=False)
    for (profiles, cases), want in zip(staged(given, "gpu"), given, strict=True):
        got = headroom_mw(profiles, cases, 0.05).headroom_mw
        assert_array_equal(got.get(), headroom_mw(*want, 0.05, engine="numpy").headroom_mw)
    assert caplog.text.count("trying 2") == 3
