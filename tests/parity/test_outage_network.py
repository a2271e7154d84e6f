"""Headroom of areas with lines while units fail: islands, areas as one, every hour, more transfer, engines, company.

The exact answer of all states of a toy stands in `test_outage_check.py`.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from network_reference import total_unserved_lp
from numpy.testing import assert_allclose, assert_array_equal

from benchmarks import outage_check, outage_toy
from cuda_kernels import KernelError
from cuda_kernels.outage_headroom import CRITERIA, outage_headroom_mw
from cuda_kernels.outage_network import Units, network_outage_headroom
from cuda_kernels.outage_states import deeper_mw, sampled_mw, stratified
from cuda_kernels.outage_table import look_up, outage_table

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
engines = pytest.mark.parametrize("engine", ["numpy", pytest.param("numba", marks=needs_numba)])

AREAS = outage_toy.areas()
TABLES = [outage_check.table_of(area) for area in AREAS]
NET = np.stack([area.net_load_mw for area in AREAS])
LIMITS = {"eue_firm": outage_check.FIRM_SHARE, "lolh": outage_check.HOURS, "lole": outage_check.DAYS}
DIRECTION = np.array([0.3, 0.5, 0.2])
ROOM = np.full((3, 3), np.inf)


STREAMS = [(table, area.day, 10 * i) for i, (table, area) in enumerate(zip(TABLES, AREAS, strict=True))]


def units(count, criterion="lolh", among=STREAMS):
    """Sampled capacity of the toy's areas."""
    flexible = np.stack([sampled_mw(table, day, count, (1, stream)) for table, day, stream in among])
    firm = deeper_mw(among, count, 2, lasting=24 if criterion == "lole" else 1)
    return Units(flexible, firm, np.ones((1, len(among))))


def all_units():
    """Table of the areas as one."""
    sizes, rates = ([getattr(area, name) for area in AREAS] for name in ("unit_mw", "rate"))
    return outage_table(np.concatenate(sizes), np.concatenate(rates, axis=1))


def solve(criterion, count=1024, lines=outage_toy.LINKS, direction=DIRECTION, engine="auto", cases=None, **capped):
    """The toy, or areas with `cases` (case, area) times its net load. capped : caps on imports"""
    cases = np.ones((1, 3)) if cases is None else cases
    every = len(cases)
    given = -NET[:, None], cases[:, :, None]
    sampled = units(count, criterion)._replace(scale=np.ones((every, 3)))
    linked = np.broadcast_to(lines, (every, 3, 3)), np.broadcast_to(direction, (every, 3))
    terms = criterion, LIMITS[criterion], np.full(every, outage_check.SHARE)
    energy = (cases @ NET).sum(axis=1)
    return network_outage_headroom(given, sampled, linked, terms, energy, engine=engine, **capped)


def test_states_lie_once_in_every_part_of_the_distribution():
    found = stratified(50, 8, (7, 3))
    assert_array_equal(np.sort(np.floor(found * 8), axis=1), np.tile(np.arange(8.0), (50, 1)))
    assert not (found[0] == found[1]).any()
    assert not (found == stratified(50, 8, (7, 4))).any()
    assert_array_equal(found[:20], stratified(20, 8, (7, 3)))
    table, area = TABLES[0], AREAS[0]
    capacity = sampled_mw(table, area.day, 20_000, (7, 3))
    for day in range(2):
        nodes, count = np.unique(capacity[24 * day] / table.step_mw, return_counts=True)
        assert_allclose(count / 20_000, table.probability[day, nodes.astype(int)], atol=1e-4)


@pytest.mark.parametrize("lasting", [1, 24])
def test_deep_states_count_as_often_as_they_are(lasting):
    """Any mean over weighted states is that over the distribution; many more of them are deep."""
    found = deeper_mw(STREAMS, 8000, 3, lasting=lasting)
    total, weight = found.capacity_mw.sum(axis=0), found.weight
    assert weight.max() <= 2.0
    assert (total.reshape(-1, lasting, 8000) == total.reshape(-1, lasting, 8000)[:, :1]).all()
    together = all_units()
    for day in range(2):
        hours = np.arange(24 * day, 24 * day + 24)
        for level in (600.0, 500.0, 400.0):
            want = together.short[day, int(level / together.step_mw)]
            deep = total[hours] <= level
            assert (weight[hours] * deep).mean() == pytest.approx(want, rel=0.1)
            assert deep.mean() > 3.0 * want
        assert weight[hours].mean() == pytest.approx(1.0, rel=0.01)


@engines
@pytest.mark.parametrize("criterion", CRITERIA)
def test_areas_without_limits_are_one_area_of_all_units(engine, criterion):
    found = solve(criterion, 1024, lines=ROOM, engine=engine)
    want = outage_headroom_mw(
        (NET.sum(axis=0)[None], np.ones((1, 1))),
        (all_units(), AREAS[0].day),
        (criterion, LIMITS[criterion]),
        [outage_check.SHARE],
        [NET.sum()],
    )
    assert found.flexible_mw[0] == pytest.approx(want.flexible_mw[0], rel=0.005)
    if criterion == "lole":  # rises in steps
        loads = [NET.sum(axis=0) + found.firm_mw[0] * part for part in (0.98, 1.02)]
        short = (look_up(all_units(), load, AREAS[0].day)[1] for load in loads)
        below, above = (one.reshape(2, 24).max(axis=1).sum() for one in short)
        assert below <= 1.03 * LIMITS[criterion]
        assert above >= 0.97 * LIMITS[criterion]
    else:
        assert found.firm_mw[0] == pytest.approx(want.firm_mw[0], rel=0.02)
    assert found.curtailed_hours[0] == pytest.approx(want.short_hours[0], rel=0.02)
    assert_allclose(found.copper_flexible_mw, found.flexible_mw, rtol=1e-9)
    assert_allclose(found.copper_firm_mw, found.firm_mw, rtol=1e-9)
    assert found.binding_cut.all()


@pytest.mark.parametrize("criterion", CRITERIA)
def test_areas_without_lines_are_islands(criterion):
    """Flexible load in one of three areas, and all of one area alone, as its own table has it."""
    for i, area in enumerate(AREAS):
        given = (area.net_load_mw[None], np.ones((1, 1))), (TABLES[i], area.day), (criterion, LIMITS[criterion])
        want = outage_headroom_mw(*given, [outage_check.SHARE], [area.net_load_mw.sum()])
        apart = solve(criterion, 512, lines=np.zeros((3, 3)), direction=np.eye(3)[i])
        assert apart.flexible_mw[0] == pytest.approx(want.flexible_mw[0], rel=0.02)
        assert_array_equal(apart.binding_cut[0], np.eye(3)[i].astype(bool))
        margins = -area.net_load_mw[None, None], np.ones((1, 1, 1))
        alone = network_outage_headroom(
            margins,
            units(512, criterion, STREAMS[i : i + 1]),
            (np.zeros((1, 1, 1)), np.ones((1, 1))),
            (criterion, LIMITS[criterion], [outage_check.SHARE]),
            [area.net_load_mw.sum()],
        )
        assert alone.flexible_mw[0] == pytest.approx(apart.flexible_mw[0], rel=1e-9)
        assert alone.firm_mw[0] == pytest.approx(want.firm_mw[0], rel=0.02)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_more_transfer_never_lowers_firm_load_nor_what_areas_serve(criterion):
    firm, unserved = [], []
    for times in (0.0, 0.3, 1.0, 2.0, 8.0):
        found = solve(criterion, 64, lines=times * outage_toy.LINKS)
        firm.append(found.firm_mw[0])
        unserved.append(found.native_unserved_mwh[0])
        assert found.firm_mw[0] <= found.copper_firm_mw[0] * (1.0 + 1e-12)
    assert (np.diff(firm) >= -1e-9).all()
    assert (np.diff(unserved) <= 1e-9).all()
    assert firm[-1] > firm[0]
    assert unserved[-1] < unserved[0]


@pytest.mark.parametrize("criterion", CRITERIA)
def test_flexible_load_keeps_its_share_hour_by_hour(criterion):
    """The states that are left out of a search add nothing: an oracle that looks at all of them, cut by cut."""
    cases = np.array([[0.8, 0.9, 0.7], [1.0, 1.0, 1.0], [1.6, 0.4, 0.9]])
    found, capacity = solve(criterion, 16, cases=cases), units(16).flexible_mw
    inside = (np.arange(8)[:, None] >> np.arange(3)) & 1
    into = np.array([((1 - s) @ outage_toy.LINKS) @ s for s in inside])

    def unserved(case, load):
        need = (cases[case, :, None] * NET + load * DIRECTION[:, None])[:, :, None] - capacity
        return (np.tensordot(inside, need, axes=1) - into[:, None, None]).max(axis=0)

    for case in range(3):
        native = unserved(case, 0.0)
        load = found.flexible_mw[case]
        lost = (unserved(case, load) - native).sum() / 16
        assert found.native_unserved_mwh[case] == pytest.approx(native.sum() / 16, rel=1e-9)
        assert load > 0.0
        assert lost == pytest.approx(outage_check.SHARE * 48 * load, rel=1e-8)
        assert found.curtailed_hours[case] == np.count_nonzero(unserved(case, load) - native > 1e-6) / 16


ONE_AREA = {"import_cap_mw": np.array([np.inf, 15.0, np.inf])}
TWO_AREAS = {"import_sets": (np.array([[1.0, 1.0, 0.0]]), np.array([10.0]))}


@engines
@pytest.mark.parametrize("capped", [ONE_AREA, TWO_AREAS, ONE_AREA | TWO_AREAS], ids=["area", "set", "both"])
def test_caps_on_imports_hold_in_every_state(engine, capped):
    """Both loads beside linear programs of all hours and states."""
    count, caps, sets = 4, capped.get("import_cap_mw", np.inf), capped.get("import_sets")
    sampled = units(count)

    def unserved(capacity, load, weight=1.0):
        need = (NET + load * DIRECTION[:, None])[:, :, None] - capacity
        rows = np.moveaxis(need, 0, -1).reshape(-1, 3)
        return total_unserved_lp(rows, outage_toy.LINKS, caps, sets, weight) / count

    found = solve("eue_firm", count, engine=engine, **capped)
    load, firm = found.flexible_mw[0], found.firm_mw[0]
    lost = unserved(sampled.flexible_mw, load) - unserved(sampled.flexible_mw, 0.0)
    assert lost == pytest.approx(outage_check.SHARE * 48 * load, rel=1e-7)
    short = unserved(sampled.firm.capacity_mw, firm, sampled.firm.weight.ravel())
    assert short == pytest.approx(LIMITS["eue_firm"] * (NET.sum() + 48 * firm), rel=1e-6)
    assert found.flexible_mw[0] < solve("eue_firm", count).flexible_mw[0]


def test_caps_that_never_bind_change_nothing():
    free = solve("lolh", 32)
    for capped in ({"import_cap_mw": np.full(3, 1e6)}, {"import_sets": (np.eye(3)[:2] > 0.0, np.full(2, 1e6))}):
        found = solve("lolh", 32, **capped)
        for name in ("flexible_mw", "firm_mw", "curtailed_hours", "native_unserved_mwh"):
            assert_allclose(getattr(found, name), getattr(free, name), rtol=1e-9, err_msg=name)


@needs_numba
@pytest.mark.parametrize("criterion", CRITERIA)
def test_engines_agree_and_a_case_does_not_depend_on_its_company(criterion):
    cases = np.array([[0.9, 1.0, 0.8], [1.3, 0.6, 1.0], [0.5, 0.5, 0.5], [3.0, 3.0, 3.0]])
    one, other = (solve(criterion, 32, cases=cases, engine=engine) for engine in ("numba", "numpy"))
    for name in one._fields:
        assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-6, err_msg=name)
    few = solve(criterion, 32, cases=cases[[2, 0]])
    for name in one._fields:
        assert_array_equal(getattr(few, name), getattr(one, name)[[2, 0]], err_msg=name)
    assert one.firm_mw[3] == 0.0
    nothing = solve(criterion, 32, direction=np.zeros(3))
    assert nothing.flexible_mw[0] == nothing.firm_mw[0] == nothing.curtailed_hours[0] == 0.0
    assert nothing.native_unserved_mwh[0] == pytest.approx(solve(criterion, 32).native_unserved_mwh[0], rel=1e-9)


def test_what_cannot_be_solved_is_named():
    good = (-NET[:, None], np.ones((1, 3, 1))), units(2)
    linked = outage_toy.LINKS[None], DIRECTION[None]
    with pytest.raises(KernelError, match=r"direction must be \(1, 3\).*share must be 0 <= share < 1.*criterion is"):
        network_outage_headroom(*good, (linked[0], DIRECTION), ("lolp", 1.0, [1.5]), [1.0])
    firm = good[1].firm._replace(capacity_mw=good[1].firm.capacity_mw[:, :5])
    bad = Units(-good[1].flexible_mw, firm, np.ones((1, 3)))
    with pytest.raises(KernelError, match=r"weights of firm.*flexible_mw must be finite.*firm must be \(3, 48"):
        network_outage_headroom(good[0], bad, linked, ("lolh", 1.0, [0.1]), [1.0])
    with pytest.raises(KernelError, match="profiles must be"):
        network_outage_headroom((NET, np.ones((1, 3, 1))), good[1], linked, ("lolh", 1.0, [0.1]), [1.0])
    with pytest.raises(KernelError, match="states"):
        sampled_mw(TABLES[0], AREAS[0].day, 0, (1, 1))
    with pytest.raises(KernelError, match="rows outside"):
        sampled_mw(TABLES[0], AREAS[0].day + 5, 2, (1, 1))
    with pytest.raises(KernelError, match="must fit"):
        stratified(3, 2, (-1, 0))
