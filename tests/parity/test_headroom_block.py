"""The NumPy headroom engine in blocks: what they call proven is right whatever they guessed; nearly all is proven."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from benchmarks import problem
from cuda_kernels import _exact, headroom_mw
from cuda_kernels import _headroom_block as block
from cuda_kernels import _headroom_frame as frame

SHARES = np.array([0.0, 0.0025, 0.01, 0.05])


def _hours(profiles: np.ndarray, coefficients: np.ndarray, rule: str) -> block.Hours:
    peaks = np.abs(profiles).max(axis=1)
    anchor = _exact.anchors(np, peaks, profiles.shape[1])
    hours = block.Hours(
        _exact.rounded(profiles, anchor), None, anchor, peaks, 0.0 if rule == "native_first" else -np.inf
    )
    return hours._replace(floor=block.floor_of(hours, coefficients))


def _plane(hours: block.Hours, coefficients: np.ndarray, times: float) -> np.ndarray:
    plane = np.zeros(len(hours.peaks) + 1)
    plane[-1] = times * (np.abs(coefficients) @ hours.peaks).max()
    return plane


@pytest.mark.parametrize("rule", ["native_first", "plain"])
@pytest.mark.parametrize("spread", [0.3, 2.0])
@pytest.mark.parametrize("times", [2.0, 0.1, 0.01, -1.0])  # only the first lies above the roots
def test_what_is_proven_is_right_whatever_the_start(rule, spread, times):
    profiles, coefficients = problem.profiles(2000), problem.draws(150)
    coefficients = coefficients.mean(axis=0) * (coefficients / coefficients.mean(axis=0)) ** spread
    shares = np.broadcast_to(SHARES, (150, len(SHARES)))
    hours = _hours(profiles, coefficients, rule)
    space = frame.space_for(profiles.shape[1])
    load, count, proven = block.solve(hours, (coefficients, shares * 2000), _plane(hours, coefficients, times), space)
    want = headroom_mw(profiles, coefficients, shares, rule=rule, engine="numpy")
    assert_array_equal(load[proven], want.headroom_mw[proven])
    assert_array_equal(count[proven], want.curtailed_hours[proven])
    assert times < 1.0 or proven.mean() > 0.9


@pytest.mark.parametrize("gap", [0.0, 0.1, 1.0])
def test_hours_taken_for_certain_too_early_are_noticed(gap, monkeypatch):
    profiles, coefficients = problem.profiles(3000), problem.draws(300)
    shares = np.broadcast_to(SHARES[1:], (300, 3))
    want = headroom_mw(profiles, coefficients, shares, engine="numpy").headroom_mw
    monkeypatch.setattr(block, "_GAP", gap)
    hours = _hours(profiles, coefficients, "native_first")
    space = frame.space_for(profiles.shape[1])
    found = block.solve(hours, (coefficients, shares * 3000), _plane(hours, coefficients, 2.0), space)
    assert not found[2].all()
    assert_array_equal(found[0][found[2]], want[found[2]])


def test_nearly_all_is_proven_in_tight_blocks():
    profiles, coefficients = problem.profiles(), problem.draws(400)
    hours = _hours(profiles, coefficients, "native_first")
    shares = np.broadcast_to(SHARES, (400, len(SHARES)))
    space = frame.space_for(profiles.shape[1])
    found = block.solve(hours, (coefficients, shares * 8760), _plane(hours, coefficients, 2.0), space)
    assert found[2].mean() > 0.95


def test_what_float32_rounds_off_is_within_the_guard():
    """Margins less loads, near the loads, beside the same in float64; hours far away may be told less well."""
    profiles, coefficients = problem.profiles(4000), problem.draws(200)
    margin = coefficients @ profiles
    load = np.quantile(margin, 0.02, axis=1)
    point = profiles[:, margin.mean(axis=0) < load.mean()].mean(axis=1)
    view = frame.framed(profiles, coefficients, point, np.zeros(len(load)), True)
    assert view.rows.dtype == np.float32
    view.weights[:, -1] = view.origin - load
    near = np.abs(margin - load[:, None]) < 1000.0
    off = np.abs(view.weights @ view.rows - (margin - load[:, None]))
    guard = frame.rounding(view)[:, None]
    assert (off <= guard)[near].all()
    assert guard.max() < 1.0  # MW, of margins of 100 GW
    assert off[near].max() > 1e-3 * guard.max()  # a guard of a sensible size


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_roots_bend_off_a_plane_as_margins_part(share):
    profiles, coefficients = problem.profiles(), problem.draws(300)
    hours, reach = _hours(profiles, coefficients, "native_first"), np.full(300, 2e5)
    cases = block._Cases(coefficients, np.full(300, share * 8760), 1e-12 * reach, reach)
    _, near, (bound, room) = block._start(hours, cases, reach, frame.space_for(8760))
    root = headroom_mw(profiles, coefficients, share, engine="numpy").headroom_mw
    assert np.abs(near - root).mean() < 0.4 * np.abs(bound - root).mean()
    assert (bound > root - 1e-6).all()
    assert (np.abs(near - root) < room).all()


@pytest.mark.parametrize("hours", [1, 2, 7, 8, 9, 300])
def test_marks_are_counted_in_rows_of_any_length(hours):
    gap = np.random.default_rng(hours).normal(size=(40, hours)).astype(np.float32)
    marks = frame.below_of(gap, np.ones((40, frame.width_of(hours)), dtype=bool))
    assert_array_equal(frame.per_row(marks), (gap < 0.0).sum(axis=1))
    assert_array_equal(frame.nearest_of(np.abs(gap)), np.abs(gap).min(axis=1))


def test_no_guess_of_one_case_is_proven_for_another():
    """Cases whose loads lie far apart, so that the centre's plane and hours say nothing of most of them."""
    rng = np.random.default_rng(3)
    profiles = np.stack([np.ones(500), rng.normal(size=500), rng.random(500)])
    coefficients = np.stack([10.0 ** rng.uniform(-3, 3, 200) for _ in range(3)], axis=1)
    alone = [headroom_mw(profiles, one[None], SHARES, engine="numpy").headroom_mw[0] for one in coefficients]
    assert_array_equal(headroom_mw(profiles, coefficients, SHARES, engine="numpy").headroom_mw, np.stack(alone))


def test_equal_cases_that_no_cut_parts():
    profiles = problem.profiles(300)
    coefficients = np.repeat(problem.draws(1), 1500, axis=0)
    load = headroom_mw(profiles, coefficients, 0.01, engine="numpy").headroom_mw
    assert load.min() == load.max() == headroom_mw(profiles, coefficients[:1], 0.01, engine="numpy").headroom_mw[0]
