"""The 49 areas, and the table of American demand series."""

from __future__ import annotations

import zoneinfo
from collections import defaultdict

import pytest

from grids.areas import AREA_IDS, AREAS, COUNTRIES, TECHNOLOGIES, area
from grids.sources.eia930 import REGIONS, series_rules
from grids.tables import read_table
from grids.variables import GridDataError

US = [item for item in AREAS if item.country == "US"]
CN = [item for item in AREAS if item.country == "CN"]


def test_order_and_number():
    assert (len(US), len(CN)) == (18, 31)
    assert list(AREAS) == US + CN
    assert AREA_IDS[:3] == ("us.nyiso", "us.isone", "us.pjm_east")
    assert AREA_IDS[17:20] == ("us.westconnect_south", "cn.beijing", "cn.tianjin")
    assert AREA_IDS[-1] == "cn.xinjiang"
    assert len(set(AREA_IDS)) == 49
    assert COUNTRIES == ("US", "CN")
    assert len(TECHNOLOGIES) == 12


def test_every_area_is_described():
    for item in AREAS:
        assert item.id == item.country.lower() + "." + item.id.split(".")[1]
        assert item.name
        assert any("一" <= letter <= "鿿" for letter in item.name_zh)
        zoneinfo.ZoneInfo(item.timezone)
        assert item.members
    assert {item.interconnection for item in US} == {"eastern", "western", "ercot"}
    grids = {"north", "northeast", "east", "central", "southwest", "south", "northwest"}
    assert {item.interconnection for item in CN} == grids
    assert {item.timezone for item in CN} == {"Asia/Shanghai"}


def test_regional_grids_of_note():
    assert {item.id for item in CN if item.interconnection == "southwest"} == {"cn.chongqing", "cn.sichuan", "cn.tibet"}
    southern = {"cn.guangdong", "cn.guangxi", "cn.hainan", "cn.guizhou", "cn.yunnan"}
    assert {item.id for item in CN if item.interconnection == "south"} == southern


def test_lower_48_and_dc_are_shared_out_completely():
    total: dict[str, float] = defaultdict(float)
    for item in US:
        for state, share in item.state_shares.items():
            assert 0 < share <= 1
            total[state] += share
    assert len(total) == 49
    assert {state: share for state, share in total.items() if share != pytest.approx(1.0)} == {}
    assert not {"AK", "HI"} & set(total)


def test_lookup():
    assert area("us.ercot").name == "Texas (ERCOT)"
    assert area("cn.jiangsu").name_zh == "江苏"
    assert area("us.nyiso").members == "NYIS; NY"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("us.ercott", "us.ercot"),
        ("Jiangsu", "cn.jiangsu"),
        ("ercot", "us.ercot"),
        ("cn.inner mongolia", "cn.inner_mongolia"),
    ],
)
def test_lookup_error_names_the_nearest(wrong, right):
    with pytest.raises(GridDataError, match=f"did you mean '{right}'"):
        area(wrong)


def test_lookup_error_without_a_near_name():
    with pytest.raises(GridDataError, match=r"no area 'zzzzzz'; ids look like 'us.nyiso'"):
        area("zzzzzz")


def test_every_series_goes_to_known_areas_in_full():
    rules = series_rules()
    assert len(rules) == 119
    table = read_table("us_series_to_area.yaml")
    covered = set()
    for code, rule in rules.items():
        assert set(rule.shares) <= {item.id for item in US}, code
        assert sum(rule.shares.values()) == pytest.approx(1.0)
        assert rule.region in REGIONS
        covered |= set(rule.shares)
        entry = table["series"][code]
        assert entry["name"]
        # A split and a doubt are explained where the table says so.
        assert entry.get("why", "aep") in table["shares_explained"]
        assert ("why" in entry) == (len(rule.shares) > 1)
        assert rule.doubt is None or rule.doubt in table["doubts"]
    assert covered == {item.id for item in US}
    assert table["left_out"]
    assert table["covers"]


def test_authorities_of_the_areas_are_those_of_the_series():
    rules = series_rules()
    by_area: dict[str, set[str]] = defaultdict(set)
    areas_of: dict[str, set[str]] = defaultdict(set)
    for code, rule in rules.items():
        authority = code.split("-")[0]
        for identifier in rule.shares:
            by_area[identifier].add(authority)
            areas_of[authority].add(identifier)
    for item in US:
        stated = {name.rstrip("*") for name in item.authorities}
        assert stated == by_area[item.id], item.id
        for name in item.authorities:
            assert name.endswith("*") == (len(areas_of[name.rstrip("*")]) > 1), (item.id, name)
