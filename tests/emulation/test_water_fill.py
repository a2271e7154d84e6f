"""water_fill.cu, run on the CPU through the product's own launcher."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cuda_kernels import KernelError
from cuda_kernels.water_fill import Table, Tables, water_fill, water_fill_of_areas


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


def areas(cells: tuple[int, ...], years: int, draws: int) -> tuple[Tables, tuple[np.ndarray, ...]]:
    """Areas of so many cells together; temperatures and scales of the first."""
    made = [made_up(count, years, draws, seed) for seed, count in enumerate(cells)]
    temperatures, levels = (np.stack([table[field] for table, _ in made]) for field in (0, 1))
    temperatures[1:] += 0.5
    split, weight = np.concatenate([table[2] for table, _ in made]), np.concatenate([loads[3] for _, loads in made])
    load, (_, temperature, scale, _) = np.stack([loads[0] for _, loads in made]), made[0][1]
    ends = np.cumsum([0, *cells], dtype=np.int32)
    return Tables(temperatures, levels, split, ends), (load, temperature, scale, weight)


def on(cupy, table, loads):
    return type(table)(*map(cupy.asarray, table)), tuple(map(cupy.asarray, loads))


@pytest.mark.parametrize(("cells", "years", "draws"), [(1, 1, 1), (5, 3, 43), (3, 4, 32), (9, 2, 65)])
def test_bits_of_the_twin_in_any_thread_order(cupy, order, cells, years, draws):
    table, loads = made_up(cells, years, draws)
    there, moved = on(cupy, table, loads)
    for got, want in zip(water_fill(there, *moved), water_fill(table, *loads), strict=True):
        assert_array_equal(got.get(), want)


@pytest.mark.parametrize(("cells", "years", "draws"), [((5,), 2, 9), ((1, 6, 2), 3, 43), ((3, 4), 4, 64)])
def test_areas_in_one_launch_are_areas_one_by_one(cupy, order, cells, years, draws):
    from . import stand_in

    tables, loads = areas(cells, years, draws)
    there, moved = on(cupy, tables, loads)
    stand_in.transfers.clear()
    stand_in.launches.clear()
    got = water_fill_of_areas(there, *moved)
    assert (len(stand_in.launches), dict(stand_in.transfers)) == (1, {})
    for one, other in zip(got, water_fill_of_areas(tables, *loads), strict=True):
        assert_array_equal(one.get(), other)
    load, temperature, scale, weight = loads
    for a, start in enumerate(tables.ends[:-1]):
        part = slice(int(start), int(tables.ends[a + 1]))
        table = Table(tables.temperatures[a], tables.levels_mw[a], tables.split_mw[part])
        alone = water_fill(table, load[a], temperature, scale, weight[part])
        assert_array_equal(got.split_mw.get()[part], alone.split_mw)
        assert_array_equal(got.total_mw.get()[a], alone.total_mw)
        assert_array_equal(got.weighted.get()[a], alone.weighted)


def test_areas_that_do_not_fit_together_are_refused(cupy):
    tables, (load, *rest) = areas((3, 4), 2, 9)
    with pytest.raises(KernelError, match="2 areas in temperatures, but not in"):
        water_fill_of_areas(tables, load[:1], *rest)
    with pytest.raises(KernelError, match="ends must be int32, got int64"):
        water_fill_of_areas(tables._replace(ends=tables.ends.astype(np.int64)), load, *rest)


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
