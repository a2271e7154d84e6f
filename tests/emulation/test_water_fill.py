"""water_fill.cu, run on the CPU through the product's own launcher."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cuda_kernels.water_fill import Table, water_fill


def made_up(cells: int, years: int, draws: int, seed: int = 0) -> tuple[Table, tuple[np.ndarray, ...]]:
    """A table of some temperatures with flat stretches, and loads that rise, fall, stop and overflow."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0, 5, (cells, 4, 33)) * (rng.random((cells, 4, 33)) < 0.7)
    steps[..., 0] = 0.0
    steps[..., 7] = steps[..., -1] = 0.0
    split = np.cumsum(steps, axis=2)
    table = Table(np.array([1.0, 2.0, 4.0, 7.0]), split.sum(axis=0), split)
    load = np.maximum(np.cumsum(rng.normal(5, 40, (years, draws)), axis=0), 0.0)
    temperature, scale = rng.uniform(0, 9, draws), rng.uniform(0.5, 2, draws)
    load[:, 0], temperature[0], scale[0] = table.levels_mw[1, -1], 2.0, 1.0  # just full
    return table, (load, temperature, scale, rng.uniform(0.6, 0.9, cells))


def on(cupy, table, loads):
    return Table(*map(cupy.asarray, table)), tuple(map(cupy.asarray, loads))


@pytest.mark.parametrize(("cells", "years", "draws"), [(1, 1, 1), (5, 3, 43), (3, 4, 32), (9, 2, 65)])
def test_bits_of_the_twin_in_any_thread_order(cupy, order, cells, years, draws):
    table, loads = made_up(cells, years, draws)
    there, moved = on(cupy, table, loads)
    for got, want in zip(water_fill(there, *moved), water_fill(table, *loads), strict=True):
        assert_array_equal(got.get(), want)


def test_missing_loads_stay_missing_and_hurt_no_other_draw(cupy):
    table, (load, *rest) = made_up(4, 5, 9)
    load[2, 3] = np.nan
    there, moved = on(cupy, table, (load, *rest))
    got, want = water_fill(there, *moved), water_fill(table, load, *rest)
    for one, other in zip(got, want, strict=True):
        assert_array_equal(one.get(), other)
    assert np.isnan(want.total_mw[2:, 3]).all()
    assert np.isnan(want.total_mw).sum() == 3


def test_nothing_is_moved(cupy):
    from . import stand_in

    there, moved = on(cupy, *made_up(4, 2, 9))
    stand_in.transfers.clear()
    water_fill(there, *moved)
    assert not stand_in.transfers
