"""What one more megawatt is worth where units fail: derivatives against differences of the headroom itself."""

from __future__ import annotations

import numpy as np
import pytest

from cuda_kernels import KernelError
from cuda_kernels.outage_table import expected_headroom_mw, look_up, outage_table
from cuda_kernels.outage_worth import evened, worth_at

HOURS = 24 * 40
RNG = np.random.default_rng(7)
UNITS = RNG.uniform(20.0, 160.0, 40)
RATE = np.stack([np.full(40, 0.06), np.full(40, 0.14)])
TABLE = outage_table(UNITS, RATE)
ROWS = (np.arange(HOURS) // 24 % 2).astype(np.int64)
LOAD = 1700.0 + 700.0 * RNG.random(HOURS)
OUTPUT = RNG.random(HOURS)
NATIVE = [LOAD.sum()]


def headroom(load, notion, limit, table=TABLE):
    return float(expected_headroom_mw(load, table, ROWS, notion, limit, native_mwh=NATIVE).headroom_mw[0])


@pytest.mark.parametrize(("notion", "limit"), [("eue_flexible", 0.02), ("eue_firm", 1e-3)])
def test_energy_moves_by_the_exact_derivative(notion, limit):
    found = headroom(LOAD, notion, limit)
    worth = worth_at(LOAD, (TABLE, ROWS), (notion, limit), found)
    assert found > 50.0
    for output in (OUTPUT, np.ones(HOURS)):
        more = (headroom(LOAD - 1e-4 * output, notion, limit) - found) / 1e-4
        assert float(worth.adds(output)) == pytest.approx(more, rel=1e-6)
    assert worth.adds(np.stack([OUTPUT, 0.0 * OUTPUT]))[1] == 0.0
    # fleets to scale are the same problem with everything divided
    scale, mean = 1.0 + 1e-7, float(UNITS.sum())
    by_hand = expected_headroom_mw(LOAD / scale, TABLE, ROWS, notion, limit, native_mwh=[NATIVE[0] / scale])
    more = (scale * float(by_hand.headroom_mw[0]) - found) / ((scale - 1.0) * mean)
    assert worth.unit_adds(mean) == pytest.approx(more, rel=1e-4)


def even_root(load, notion, limit):
    """Load at the bound by the evened-out probability, by bisection."""
    low, high = 0.0, 5000.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        short = evened(TABLE, load + middle, ROWS)[0]
        risk = short.sum() if notion == "lolh" else short.reshape(-1, 24).max(axis=1).sum()
        low, high = (middle, high) if risk <= limit else (low, middle)
    return low


@pytest.mark.parametrize(("notion", "limit"), [("lolh", 4.0), ("lole", 1.0)])
def test_hours_and_days_move_by_the_derivative_of_the_evened_out_probability(notion, limit):
    found, even = headroom(LOAD, notion, limit), even_root(LOAD, notion, limit)
    assert abs(found - even) <= TABLE.step_mw
    worth = worth_at(LOAD, (TABLE, ROWS), (notion, limit), even)
    more = (even_root(LOAD - 1e-4 * OUTPUT, notion, limit) - even) / 1e-4
    assert float(worth.adds(OUTPUT)) == pytest.approx(more, rel=1e-4)
    assert float(worth.adds(np.ones(HOURS))) == pytest.approx(1.0, rel=1e-12)
    wide = (headroom(LOAD - 60.0 * OUTPUT, notion, limit) - headroom(LOAD + 60.0 * OUTPUT, notion, limit)) / 120.0
    assert float(worth.adds(OUTPUT)) == pytest.approx(wide, rel=0.05)
    assert 0.0 < worth.unit_adds(float(UNITS.sum())) < 1.0
    if notion == "lole":
        assert np.count_nonzero(worth.weight.reshape(-1, 24).astype(bool).sum(axis=1) > 1) == 0


def test_evened_out_probability_is_the_mean_over_a_step():
    load = np.concatenate([np.linspace(-30.0, TABLE.most_mw + 40.0, HOURS)])
    around = np.stack([look_up(TABLE, load + shift, ROWS)[0] for shift in (-5.0, 5.0)])
    short, slope = evened(TABLE, load, ROWS)
    np.testing.assert_allclose(short, (around[1] - around[0]) / 10.0, atol=1e-12)
    later = evened(TABLE, load + 1e-5, ROWS)[0]
    np.testing.assert_allclose((later - short) / 1e-5, slope, atol=1e-6)


def test_nothing_fits_and_wrong_requests():
    nothing = worth_at(LOAD, (TABLE, ROWS), ("eue_flexible", 0.02), 0.0)
    assert nothing.rise == float(nothing.adds(OUTPUT)) == nothing.unit_adds(100.0) == 0.0
    assert worth_at(LOAD, (TABLE, ROWS), ("eue_flexible", 0.02), 10.0).unit_adds(0.0) == 0.0
    with pytest.raises(KernelError, match="row of each hour"):
        worth_at(LOAD, (TABLE, ROWS[1:]), ("lolh", 2.4), 1.0)
    with pytest.raises(KernelError, match="choose eue_flexible"):
        worth_at(LOAD, (TABLE, ROWS), ("lolp", 2.4), 1.0)  # type: ignore[arg-type]
    with pytest.raises(KernelError, match="whole days"):
        worth_at(LOAD[:30], (TABLE, ROWS[:30]), ("lole", 0.1), 1.0)
