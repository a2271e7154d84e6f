"""Headroom by several threads: the same bits, whoever helps, late or not at all."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("numba")

from cuda_kernels import Headroom, _headroom_numba, headroom_mw

SHARES = np.array([0.005, 0.0, 0.05])
CASES = 1500


def cases_of(family: str) -> tuple[np.ndarray, np.ndarray]:
    """Profiles and coefficients."""
    rng = np.random.default_rng(5)
    profiles = np.stack([np.ones(300), rng.random(300), -1 - 0.2 * rng.random(300)])
    coefficients = np.array([60e3, 12e3, 50e3]) * np.exp(0.1 * rng.normal(size=(CASES, 3)))
    if family == "all alike":
        coefficients[:] = coefficients[0]
    if family == "two kinds":
        coefficients = coefficients[rng.integers(0, 2, CASES)]
    if family == "one far off":
        coefficients[700] *= 50.0
    if family == "float32 will not do":
        profiles *= 1e-270
    return profiles, coefficients


families = pytest.mark.parametrize("family", ["near", "all alike", "two kinds", "one far off", "float32 will not do"])


def helping(count: int, started: list[Thread]) -> Callable[[Callable[[], None], int], None]:
    """In the place of `ask`: threads of the test's own, as many as there are cores or not."""

    def ask(work: Callable[[], None], helpers: int) -> None:
        assert helpers == count
        started.extend(Thread(target=work) for _ in range(helpers))
        for thread in started[-helpers:]:
            thread.start()

    return ask


def same(one: Headroom, other: Headroom) -> None:
    assert_array_equal(one.headroom_mw, other.headroom_mw)
    assert_array_equal(one.curtailed_hours, other.curtailed_hours)


@families
@pytest.mark.parametrize("threads", [2, 5])
def test_threads_change_no_bit(family, threads, monkeypatch):
    profiles, coefficients = cases_of(family)
    expected = headroom_mw(profiles, coefficients, SHARES, engine="numpy")
    started: list[Thread] = []
    monkeypatch.setattr(_headroom_numba, "cores", lambda: threads)
    monkeypatch.setattr(_headroom_numba, "_CASES_PER_THREAD", 100)
    monkeypatch.setattr(_headroom_numba, "ask", helping(threads - 1, started))
    for _ in range(5):
        same(headroom_mw(profiles, coefficients, SHARES, engine="numba"), expected)
    for thread in started:
        thread.join()
    assert len(started) == 5 * (threads - 1)


@families
def test_helpers_that_do_not_come_are_not_waited_for_and_find_nothing_to_do_later(family, monkeypatch):
    profiles, coefficients = cases_of(family)
    late: list[Callable[[], None]] = []
    monkeypatch.setattr(_headroom_numba, "cores", lambda: 3)
    monkeypatch.setattr(_headroom_numba, "ask", lambda work, helpers: late.extend([work] * helpers))
    found = headroom_mw(profiles, coefficients, SHARES, engine="numba")
    before = [array.copy() for array in found]
    assert len(late) == 1  # two threads are enough for so few cases
    late[0]()
    same(found, Headroom(*before))
    same(found, headroom_mw(profiles, coefficients, SHARES, engine="numpy"))


def test_calls_at_the_same_time_ask_for_no_more_threads_than_there_are_cores(monkeypatch):
    profiles, coefficients = cases_of("near")
    asked: list[int] = []
    monkeypatch.setattr(_headroom_numba, "cores", lambda: 2)
    monkeypatch.setattr(_headroom_numba, "ask", lambda work, helpers: asked.append(helpers))
    headroom_mw(profiles, coefficients, 0.005, engine="numba")
    monkeypatch.setattr(_headroom_numba, "_at_work", [1])
    headroom_mw(profiles, coefficients, 0.005, engine="numba")
    assert asked == [1, 0]


def test_coefficients_that_are_no_numbers_end_a_call_for_its_helpers_too(monkeypatch):
    profiles, coefficients = cases_of("near")
    started: list[Thread] = []
    coefficients[1234, 1] = np.nan
    monkeypatch.setattr(_headroom_numba, "cores", lambda: 2)
    monkeypatch.setattr(_headroom_numba, "ask", helping(1, started))
    with pytest.warns(RuntimeWarning, match="1 of 1500 cases"):
        found = headroom_mw(profiles, coefficients, 0.005, engine="numba")
    for thread in started:
        thread.join()
    assert np.flatnonzero(np.isnan(found.headroom_mw)).tolist() == [1234]
