"""Outage tables beside PyPSA and assetra, where these are installed, on two of the areas; and the toy itself."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import outage_check, outage_toy

AREAS = outage_toy.areas()[:2]
LOAD = [outage_check.headroom(area, "eue_flexible", outage_check.SHARE) for area in AREAS]


def test_the_toy_is_every_combination_of_units():
    for area, added in zip(AREAS, LOAD, strict=True):
        known = outage_toy.every_state([area])
        np.testing.assert_allclose(known.weight.sum(axis=0), 1.0)
        missing = np.maximum(area.net_load_mw + added - (known.works @ area.unit_mw)[:, None], 0.0)
        found = outage_check.judge(area, added)
        assert found.eue == pytest.approx((missing * known.weight).sum(), rel=1e-12)
        assert found.lolh == pytest.approx(((missing > 0.0) * known.weight).sum(), rel=1e-12)
        assert added > 0.0
    alone = sum(outage_check.judge(*one).eue for one in zip(AREAS, LOAD, strict=True))
    assert outage_check.judge_lined(AREAS, LOAD, outage_toy.LINKS[:2, :2]).eue < 0.8 * alone


def test_sampled_states_find_what_all_states_say():
    for row in outage_check.with_every_state(AREAS, LOAD):
        assert row.off < outage_check.TOLERANCE, row


@pytest.mark.filterwarnings("ignore")  # PyPSA's own announcements
def test_pypsa_finds_the_same():
    pytest.importorskip("pypsa")
    for row in outage_check.with_pypsa(AREAS, LOAD):
        assert row.off < 1e-6, row


@pytest.mark.filterwarnings("ignore")
def test_assetra_finds_the_same():
    pytest.importorskip("assetra")
    for row in outage_check.with_assetra(AREAS, LOAD, 20_000, 1):
        assert row.off < outage_check.TOLERANCE, row
