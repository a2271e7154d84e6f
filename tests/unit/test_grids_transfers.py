"""Transfer limits: rules on made-up tables, and the tables built from the originals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from grids.areas import AREAS
from grids.build import transfers
from grids.sources import transfer_limits
from grids.sources.transfer_limits import DirectedLimit
from grids.variables import GridDataError

IDS = frozenset(area.id for area in AREAS)


@pytest.fixture(scope="module")
def links(originals: Path) -> xr.Dataset:
    return transfers.build(originals)


def _tables(monkeypatch: pytest.MonkeyPatch, groups: list[DirectedLimit], ties: dict[tuple[str, str], float]) -> None:
    monkeypatch.setattr(transfer_limits, "reeds_group_limits", lambda _: groups)
    monkeypatch.setattr(transfer_limits, "reeds_direct_current", lambda _: ties)


def test_a_missing_contingency_figure_takes_the_median_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = [
        DirectedLimit("us.nyiso", "us.isone", 1000.0, 800.0),
        DirectedLimit("us.isone", "us.nyiso", 1000.0, 600.0),
        DirectedLimit("us.frcc", "us.sertp", 2000.0, 1400.0),
        DirectedLimit("us.sertp", "us.frcc", 500.0, None),
    ]
    _tables(monkeypatch, groups, {})
    limits = transfers.us_limits(Path())
    assert limits["us.sertp", "us.frcc"].low_mw == pytest.approx(350.0)
    assert "J" in limits["us.sertp", "us.frcc"].record
    assert limits["us.isone", "us.nyiso"][:2] == (600.0, 1000.0)


def test_direct_current_ties_add_to_both_figures_and_can_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = [
        DirectedLimit("us.nyiso", "us.isone", 1000.0, 1200.0),
        DirectedLimit("us.isone", "us.nyiso", 900.0, 450.0),
    ]
    pair = ("us.nyiso", "us.isone")
    _tables(monkeypatch, groups, {pair: 100.0, ("us.ercot", "us.spp_south"): 820.0})
    limits = transfers.us_limits(Path())
    assert limits[pair][:2] == (1100.0, 1300.0), "the lower figure comes first even where N-1 exceeds N-0"
    assert limits["us.ercot", "us.spp_south"][:2] == (820.0, 820.0)


def test_two_chinese_sources_span_and_one_alone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = "cn.sichuan", "cn.zhejiang", "cn.tibet"
    monkeypatch.setattr(transfer_limits, "pik_edges", lambda _: {(a, b): 16000.0, (b, a): 16000.0})
    gtd = {(a, b): 8000.0, (b, a): 0.0, (a, c): 0.0, (c, a): 0.0, (b, c): 5.0, (c, b): 0.0}
    monkeypatch.setattr(transfer_limits, "gtd_china", lambda _: gtd)
    limits = transfers.china_limits(Path())
    assert limits[a, b][:2] == (8000.0, 16000.0)
    assert limits[b, a][:2] == (0.0, 16000.0)
    assert (a, c) not in limits, "no capacity either way is no link"
    assert limits[c, b].high_mw == 0.0, "a one-way line keeps its empty way back"
    assert "only source" in limits[b, c].record


def test_every_fault_of_the_links_is_named_at_once() -> None:
    bad = {
        ("us.nyiso", "us.nowhere"): transfers.Limit(1.0, 2.0, ""),
        ("us.frcc", "us.frcc"): transfers.Limit(1.0, 2.0, ""),
        ("us.isone", "us.nyiso"): transfers.Limit(3.0, 2.0, ""),
        ("us.nyiso", "us.isone"): transfers.Limit(float("nan"), 2.0, ""),
    }
    with pytest.raises(GridDataError) as caught:
        transfers.check(bad, IDS)
    text = str(caught.value)
    for fault in ("us.nowhere", "to itself", "no link back", "low 3.0 MW", "low nan MW"):
        assert fault in text


def test_links_join_known_areas_of_one_country_both_ways(links: xr.Dataset) -> None:
    pairs = list(zip(links["link_from"].values.tolist(), links["link_to"].values.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs) == links.sizes["link"]
    assert {area for pair in pairs for area in pair} == IDS, "no area is an island on record"
    assert all((b, a) in set(pairs) and a != b and a[:3] == b[:3] for a, b in pairs)
    assert links["link"].values.tolist() == [f"{a}->{b}" for a, b in pairs]
    low, high = links["link_limit_low_mw"].values, links["link_limit_high_mw"].values
    assert np.all((low >= 0.0) & (low <= high) & np.isfinite(high))


def test_known_interfaces(links: xr.Dataset) -> None:
    high = dict(zip(links["link"].values.tolist(), links["link_limit_high_mw"].values.tolist(), strict=True))
    low = dict(zip(links["link"].values.tolist(), links["link_limit_low_mw"].values.tolist(), strict=True))
    assert high["us.ercot->us.spp_south"] == low["us.ercot->us.spp_south"] == 820.0, "two back-to-back ties"
    assert high["us.caiso->us.northerngrid_west"] == pytest.approx(4800.0 + 2780.0), "AC interties and the Pacific DC"
    assert high["cn.guangdong->cn.guangxi"] == 41690.0
    assert low["cn.guangdong->cn.guangxi"] == 2500.0
    assert "us.pjm_east->us.pjm_west" not in high, "their zones share no interface in the source"
