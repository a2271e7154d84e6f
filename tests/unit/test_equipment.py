"""New plants and new loads share the equipment there is; who waits comes later."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from grid_factory import tiny_grid
from scenario_factory import YEARS
from scenario_factory import drawn as draws_with

from capacity import deployment
from capacity.draws import Draws
from capacity.supply import projection
from capacity.supply.equipment import Equipment
from capacity.supply.fleet import Fleet


def drawn(limit: float | dict[int, float]) -> tuple[Fleet, Draws]:
    """The tiny US under a shared limit in 2026 [GW]."""
    return Fleet.of(tiny_grid(), "US"), draws_with(us__equipment_shared_gw=limit)


def test_all_get_the_same_part_and_no_more_than_there_is():
    fleet, draws = drawn(40)
    equipment = Equipment(fleet, draws)
    before = equipment._connected.copy()
    for y in range(len(YEARS)):
        plants = np.linspace(0.0, 90_000.0, len(draws))
        part = equipment.share(y, plants)
        load = equipment._connected - before
        before = equipment._connected.copy()
        assert ((part > 0.0) & (part <= 1.0)).all()
        used = part * plants + equipment.weight * load
        assert (used <= equipment.limit_mw[:, y] * (1.0 + 1e-12)).all()
        scarce = part < 1.0
        np.testing.assert_allclose(used[scarce], equipment.limit_mw[scarce, y])
    assert np.isinf(equipment.limit_mw[:, 0]).all(), "2025 is given"


def test_more_equipment_never_lowers_supply_and_less_keeps_the_limit():
    supplies = {}
    for limit in (0.5, 2.0, 50.0):
        fleet, draws = drawn(limit)
        supplies[limit] = projection.project(fleet, draws)
    totals = [one.nameplate_mw.sum(axis=(1, 2)) for one in supplies.values()]
    for less, more in pairwise(totals):
        assert (more.mean(axis=0) >= less.mean(axis=0) - 1e-6).all()
    assert (supplies[0.5].equipped[:, 1:] < 1.0).any()
    assert (supplies[0.5].equipped[:, 0] == 1.0).all()
    added = (supplies[0.5].pipeline_mw + supplies[0.5].trend_mw).sum(axis=(1, 2))
    limits = Equipment(*drawn(0.5)).limit_mw[:, 1:]
    assert (np.diff(added, axis=1) <= limits * (1.0 + 1e-9)).all()


def test_plants_that_waited_come_later():
    fleet, scarce = drawn({2026: 3.0, 2027: 3.0, 2028: 1000.0})
    few, all_of_them = projection.project(fleet, scarce), projection.project(*drawn(1000.0))
    assert (few.equipped[:, 1:3] < 0.9).any(axis=1).mean() > 0.5
    added = [(one.pipeline_mw + one.trend_mw).mean(axis=0).sum(axis=0) for one in (few, all_of_them)]
    by_technology = added[1] - added[0]
    # Of fast ones the growth limit, which counts from what was built, keeps some away for good.
    for technology in ("oil", "hydro", "pumped_storage", "biomass"):
        lack = by_technology[fleet.technologies.index(technology)]
        assert lack[2] > 10.0
        assert lack[3] < 0.5 * lack[2], technology
    assert (by_technology.sum(axis=0)[1:] > 0.0).all()


def test_a_part_of_the_equipment_connects_that_part_of_the_load():
    want = np.full((1, 2, 3), 100.0)
    endless = np.full((1, 3), np.inf)
    connected, short = deployment.connect(want, endless, endless, np.array([[0.5, 1.0, 1.0]]))
    np.testing.assert_allclose(connected[0, :, 0], 50.0)
    np.testing.assert_allclose(connected[0, :, 1], 100.0)
    assert short[0, :, 0].all()
    assert not short[0, :, 1:].any()
    whole, _ = deployment.connect(want, endless, endless)
    np.testing.assert_array_equal(whole, want)
