"""Headroom of areas with lines while units fail: exact toys, islands, areas as one, more transfer, engines, company."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from benchmarks import outage_check, outage_toy
from cuda_kernels import KernelError
from cuda_kernels.outage_headroom import CRITERIA, outage_headroom_mw
from cuda_kernels.outage_network import Units, network_outage_headroom
from cuda_kernels.outage_states import sampled_mw, stratified
from cuda_kernels.outage_table import outage_table

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
engines = pytest.mark.parametrize("engine", ["numpy", pytest.param("numba", marks=needs_numba)])

AREAS = outage_toy.areas()
TABLES = [outage_check.table_of(area) for area in AREAS]
NET = np.stack([area.net_load_mw for area in AREAS])
LIMITS = {"eue_firm": outage_check.FIRM_SHARE, "lolh": outage_check.HOURS, "lole": outage_check.DAYS}
DIRECTION = np.array([0.3, 0.5, 0.2])
ROOM = np.full((3, 3), np.inf)


def states(count, lasting=1, seed=1):
    """Sampled capacity (area, hour, state) of the toy's areas."""
    each = zip(TABLES, AREAS, strict=True)
    return np.stack(
        [sampled_mw(t, a.day, count, (seed, 10 * i + lasting), lasting=lasting) for i, (t, a) in enumerate(each)]
    )


def solve(criterion, count=1024, lines=outage_toy.LINKS, direction=DIRECTION, engine="auto", cases=None):
    """The toy, or areas with `cases` (case, area) times its net load."""
    cases = np.ones((1, 3)) if cases is None else cases
    every = len(cases)
    given = -NET[:, None], cases[:, :, None]
    units = Units(states(count), states(count, 24 if criterion == "lole" else 1), np.ones((every, 3)))
    linked = np.broadcast_to(lines, (every, 3, 3)), np.broadcast_to(direction, (every, 3))
    terms = criterion, LIMITS[criterion], np.full(every, outage_check.SHARE)
    return network_outage_headroom(given, units, linked, terms, (cases @ NET).sum(axis=1), engine=engine)


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
    lasting = sampled_mw(table, area.day, 16, (7, 3), lasting=24)
    assert (lasting == lasting[np.r_[np.zeros(24, int), np.full(24, 24)]]).all()


@pytest.mark.parametrize("criterion", CRITERIA)
def test_many_states_give_the_exact_answer_of_all_combinations_of_units(criterion):
    """Within 2 % of what every state of every unit of the toy with lines says."""
    found = solve(criterion, 4096)

    def judged(load):
        return outage_check.judge_lined(AREAS, load * DIRECTION, outage_toy.LINKS)

    limit, firm = LIMITS[criterion], found.firm_mw[0]
    if criterion == "eue_firm":
        native, flexible = judged(0.0).eue, found.flexible_mw[0]
        assert found.native_unserved_mwh[0] == pytest.approx(native, rel=0.02)
        assert (judged(flexible).eue - native) / (48 * flexible) == pytest.approx(outage_check.SHARE, rel=0.02)
        assert judged(firm).eue / (NET.sum() + 48 * firm) == pytest.approx(limit, rel=0.02)
    else:  # both rise in steps
        below, above = (getattr(judged(firm * part), criterion) for part in (0.98, 1.02))
        assert below <= 1.02 * limit
        assert above >= 0.98 * limit


@engines
@pytest.mark.parametrize("criterion", CRITERIA)
def test_areas_without_limits_are_one_area_of_all_units(engine, criterion):
    together = outage_table(
        np.concatenate([area.unit_mw for area in AREAS]), np.concatenate([area.rate for area in AREAS], axis=1)
    )
    found = solve(criterion, 1024, lines=ROOM, engine=engine)
    want = outage_headroom_mw(
        (NET.sum(axis=0)[None], np.ones((1, 1))),
        (together, AREAS[0].day),
        (criterion, LIMITS[criterion]),
        [outage_check.SHARE],
        [NET.sum()],
    )
    assert found.flexible_mw[0] == pytest.approx(want.flexible_mw[0], rel=0.005)
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
        units = Units(states(512)[i : i + 1], states(512, 24 if criterion == "lole" else 1)[i : i + 1], np.ones((1, 1)))
        margins = -area.net_load_mw[None, None], np.ones((1, 1, 1))
        alone = network_outage_headroom(
            margins,
            units,
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
    found, capacity = solve(criterion, 16, cases=cases), states(16)
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
    capacity = states(2)
    good = (-NET[:, None], np.ones((1, 3, 1))), Units(capacity, capacity, np.ones((1, 3)))
    linked = outage_toy.LINKS[None], DIRECTION[None]
    with pytest.raises(KernelError, match=r"direction must be \(1, 3\).*share must be 0 <= share < 1.*criterion is"):
        network_outage_headroom(*good, (linked[0], DIRECTION), ("lolp", 1.0, [1.5]), [1.0])
    bad = Units(-capacity, capacity[:, :5], np.ones((1, 3)))
    with pytest.raises(KernelError, match=r"flexible_mw must be finite.*firm_mw must be \(3, 48"):
        network_outage_headroom(good[0], bad, linked, ("lolh", 1.0, [0.1]), [1.0])
    with pytest.raises(KernelError, match="profiles must be"):
        network_outage_headroom((NET, np.ones((1, 3, 1))), good[1], linked, ("lolh", 1.0, [0.1]), [1.0])
    with pytest.raises(KernelError, match="states"):
        sampled_mw(TABLES[0], AREAS[0].day, 0, (1, 1))
    with pytest.raises(KernelError, match="rows outside"):
        sampled_mw(TABLES[0], AREAS[0].day + 5, 2, (1, 1))
    with pytest.raises(KernelError, match="must fit"):
        stratified(3, 2, (-1, 0))
