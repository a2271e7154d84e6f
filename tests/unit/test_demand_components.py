"""Peak growth from the components of demand."""

from __future__ import annotations

import numpy as np
import pytest
from grid_factory import tiny_grid
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity import adequacy, demand, supply
from capacity import demand_components as components
from capacity.draws import Draws
from capacity.fleet import Fleet
from scenarios import load

YEARS = np.arange(2025, 2031)


def drawn(tmp_path, share, pre="us"):
    page = tmp_path / "asked.yaml"
    page.write_text(
        "name: asked\ntitle: Asked\nrationale: To compare.\nsources: [Own.]\noverrides:\n"
        f"  {pre}.component_peak_share: {{value: {share}, label: J, fixed_because: Asked., source: Own question.}}\n",
        encoding="utf-8",
    )
    return Draws(4, np.arange(12), YEARS, load([str(page)])[0])


def balances(draws):
    grid = tiny_grid()
    fleet = Fleet.of(grid, "US")
    path = demand.project("US", fleet.base_year, draws)
    return adequacy.balances(grid, fleet, supply.project(fleet, draws).nameplate_mw, path, draws), path


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), ratio=st.floats(0.8, 2.0))
def test_the_hours_that_nothing_beats_give_the_peak_of_all_hours(seed, ratio):
    rng = np.random.default_rng(seed)
    by_component = rng.uniform(0.2, 2.0, (4, 60)).round(1)
    by_component[3] = 1.0
    shares = rng.dirichlet(np.ones(4), 3)[:, :3]
    energy = np.full((3, 2), ratio)
    added = np.maximum(energy - 1.0, 0.0)[..., None] * shares[:, None, :]
    whole = (energy - added.sum(-1))[..., None] * by_component[0] + added @ by_component[1:]
    expected = whole.max(axis=-1) / energy / by_component[0].max()
    np.testing.assert_allclose(components.component_peak_ratio(by_component, shares, energy), expected, rtol=1e-12)


def test_growth_without_components_or_without_growth_leaves_the_peak_as_it_is():
    by_component = components.shapes(tiny_grid(), "us.ercot")
    np.testing.assert_allclose(by_component.mean(axis=1), 1.0, rtol=1e-2)
    nothing, some = np.zeros((2, 3)), np.full((2, 3), 0.2)
    energy = np.array([[1.0, 1.5], [0.9, 1.2]])
    np.testing.assert_allclose(components.component_peak_ratio(by_component, nothing, energy), 1.0)
    np.testing.assert_allclose(components.component_peak_ratio(by_component, some, energy)[:, 0], 1.0)


def test_flat_industry_lowers_the_peak_to_mean_ratio():
    by_component = components.shapes(tiny_grid(), "us.ercot")
    found = components.component_peak_ratio(by_component, np.array([[0.0, 0.0, 1.0]]), np.array([[1.5]]))
    peak = by_component[0].max()
    assert found[0, 0] == pytest.approx((peak + 0.5) / 1.5 / peak)


def test_cars_are_charged_by_the_local_clock():
    grid = tiny_grid()
    for area, offset in (("us.ercot", -6), ("cn.jiangsu", 8)):
        charging = components.shapes(grid, area)[1]
        assert (int(charging[:24].argmax()) + offset) % 24 == int(np.argmax(components.CHARGING))


def test_shares_never_exceed_the_growth(tmp_path):
    fleet = Fleet.of(tiny_grid(), "US")
    shares = components.added_shares(fleet, drawn(tmp_path, 1))
    assert (shares > 0.0).all()
    assert (shares.sum(axis=1) <= 1.0 + 1e-12).all()


def test_off_it_changes_no_bit_and_half_lies_between(tmp_path):
    plain, path = balances(Draws(4, np.arange(12), YEARS, load(["reference"])[0]))
    off, half, whole = (balances(drawn(tmp_path, share))[0] for share in (0, 0.5, 1))
    for one, other in zip(plain, off, strict=True):
        np.testing.assert_array_equal(one.stretch, other.stretch)
        np.testing.assert_array_equal(one.load_mw, other.load_mw)
    for a, b, c in zip(plain, half, whole, strict=True):
        assert ((b.stretch - a.stretch) * (c.stretch - b.stretch) >= -1e-12).all()
        np.testing.assert_array_equal(a.load_mw, c.load_mw)
        assert not np.array_equal(a.stretch, c.stretch)
    assert path.energy_ratio.shape == (12, len(YEARS))
