"""Water-filling over cells: sums, bounds and monotony as properties, and a slow oracle in rational numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from cuda_kernels import KernelError
from cuda_kernels.water_fill import Table, water_fill

SEEDS = st.integers(0, 2**32 - 1)


def area(seed: int, cells: int = 6) -> tuple[Table, np.random.Generator]:
    """A table whose cells rise from nothing to their caps at every temperature."""
    rng = np.random.default_rng(seed)
    caps = rng.uniform(1, 500, cells)
    steps = rng.uniform(0, 1, (cells, 3, 20)) ** 4
    steps[..., 0] = 0.0
    split = np.cumsum(steps, axis=2)
    split *= (caps[:, None] / split[..., -1])[..., None]
    return Table(np.array([2.0, 5.0, 11.0]), split.sum(axis=0), split), rng


def loads(table: Table, rng: np.random.Generator, years: int = 4, draws: int = 7) -> tuple[np.ndarray, ...]:
    scale = rng.uniform(0.5, 2, draws)
    load = rng.uniform(0, 1, (years, draws)) * table.levels_mw[0, -1] * scale
    load[0, 0] = 0.0
    return load, rng.uniform(1, 13, draws), scale, rng.uniform(0.6, 0.9, len(table.split_mw))


def between(nodes: list[Fraction], value: Fraction) -> tuple[int, Fraction]:
    at = max((i for i, node in enumerate(nodes[:-1]) if node <= value), default=0)
    width = nodes[at + 1] - nodes[at]
    part = (value - nodes[at]) / width if width > 0 else Fraction(0)
    return at, min(max(part, Fraction(0)), Fraction(1))


def exact(table: Table, load: np.ndarray, temperature: float, scale: float, year: int) -> list[float]:
    """One load in rational numbers, from the words of the contract."""
    wanted = [Fraction(value) / Fraction(scale) for value in load[: year + 1]]
    installed = max(wanted)
    node, heat = between([Fraction(t) for t in table.temperatures], Fraction(temperature))
    cells = [Fraction(0)] * len(table.split_mw)
    for number, share in ((node, 1 - heat), (node + 1, heat)):
        level, far = between([Fraction(v) for v in table.levels_mw[number]], installed)
        for c, row in enumerate(table.split_mw[:, number]):
            cells[c] += share * ((1 - far) * Fraction(row[level]) + far * Fraction(row[level + 1]))
    running = wanted[-1] / installed if installed > 0 else Fraction(0)
    return [float(cell * running * Fraction(scale)) for cell in cells]


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_values_of_the_oracle(seed):
    table, rng = area(seed)
    load, temperature, scale, weight = loads(table, rng)
    got = water_fill(table, load, temperature, scale, weight)
    for year, draw in np.ndindex(load.shape):
        want = exact(table, load[:, draw], temperature[draw], scale[draw], year)
        assert_allclose(got.split_mw[:, year, draw], want, rtol=1e-9, atol=1e-9)
    assert_allclose(got.weighted, np.einsum("cyd,c->yd", got.split_mw, weight), rtol=1e-13)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_cells_sum_to_the_load_within_their_room(seed):
    table, rng = area(seed)
    load, temperature, scale, weight = loads(table, rng)
    got = water_fill(table, load, temperature, scale, weight)
    assert_allclose(got.total_mw, load, rtol=1e-12, atol=1e-9)
    assert (got.split_mw >= 0.0).all()
    assert (got.split_mw <= table.split_mw[:, :1, -1:] * scale * (1 + 1e-12)).all()


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_every_cell_grows_with_the_load_and_keeps_its_part_when_it_falls(seed):
    table, rng = area(seed)
    load, temperature, scale, weight = loads(table, rng)
    rising = np.sort(load, axis=0)
    got = water_fill(table, rising, temperature, scale, weight).split_mw
    assert (np.diff(got, axis=1) >= -1e-9).all()
    falling = np.concatenate([rising, 0.3 * rising[-1:]])
    down = water_fill(table, falling, temperature, scale, weight).split_mw
    assert_allclose(down[:, -1], 0.3 * down[:, -2], rtol=1e-12)


def test_draws_do_not_see_each_other():
    table, rng = area(3)
    load, temperature, scale, weight = loads(table, rng, draws=50)
    whole = water_fill(table, load, temperature, scale, weight).split_mw
    some = np.array([3, 44, 17])
    part = water_fill(table, load[:, some], temperature[some], scale[some], weight).split_mw
    assert_array_equal(part, whole[..., some])


def test_all_faults_of_the_inputs_are_named():
    table, rng = area(1)
    load, temperature, scale, weight = loads(table, rng)
    with pytest.raises(KernelError, match=r"temperature must be \(7,\), got \(6,\); weight must be \(6,\)"):
        water_fill(table, load, temperature[:-1], scale, weight[:-1])
    with pytest.raises(KernelError, match="load_mw must be float64, got float32"):
        water_fill(table, load.astype(np.float32), temperature, scale, weight)
    with pytest.raises(KernelError, match="wrong number of dimensions"):
        water_fill(table, load[0], temperature, scale, weight)
    short = Table(table.temperatures[:1], table.levels_mw[:1], table.split_mw[:, :1])
    with pytest.raises(KernelError, match="two temperatures and two levels"):
        water_fill(short, load, temperature, scale, weight)
