"""The base year as a network whose units fail: what a run of the same case finds, in order."""

from __future__ import annotations

import numpy as np
from grid_factory import tiny_grid
from numpy.testing import assert_allclose

from capacity.adequacy.reliability import DEFAULT_STATES
from capacity.base_year import areas as base_year
from capacity.base_year import outages as base_year_outages
from capacity.network.case import margin_of
from capacity.network.hours import NetworkHours
from capacity.network.outages import GroupOutages
from scenarios import load


def test_it_is_what_a_run_of_the_same_case_finds(monkeypatch):
    seen = []
    solve = base_year_outages.headrooms
    monkeypatch.setattr(base_year_outages, "headrooms", lambda *case: seen.append((case, solve(*case))) or seen[-1][1])
    table = base_year.compare(tiny_grid(), load(["reference"])[0])
    for (case, outages, alone), found in seen:
        states = GroupOutages(outages, alone, DEFAULT_STATES)
        want = {name: np.zeros(len(case.records)) for name in found}
        for g, group in enumerate(case.links.groups):
            most = max(len(case.records[a].weather) for a in group.areas)
            for number in range(most):
                one = np.zeros(1, np.int64)
                hours = NetworkHours.empty(1, case.links.groups, len(case.records), 1)
                margins = [margin_of(case, int(a), number, one) for a in group.areas]
                states.solve_year(case, g, 0, members=one, margins=margins, engine="auto", hours=hours)
                each = hours.isolated_mw, hours.flexible_mw, hours.copper_plate_mw
                for name, mw in zip(found, each, strict=True):
                    want[name] += mw[0, :, 0] / most
        for name, mw in found.items():
            assert_allclose(mw, want[name], rtol=1e-8, atol=1e-6)
    sums = base_year.national(table)
    isolated, networked, copper = (
        sums[f"expected_unserved_{name}_headroom_gw"] for name in ("isolated", "networked", "copper_plate")
    )
    assert (networked <= copper * (1.0 + 1e-9)).all()
    assert (isolated > 0.0).all()
