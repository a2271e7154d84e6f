"""Demand of the Chinese provinces: published energy, and a synthetic hourly shape held to published peaks.

The provincial shapes, added up, peak 5 % above the published national load, and the regional grids differ: the east
fits as it is, the north and north-west are too peaky. So the deviations of every shape from its mean are multiplied by
two factors: one of the regional grid, which meets that grid's peaks of 2018-2022 on average, and one of the year,
which meets the national peak of the year.

What this cannot mend: published peaks count the load that the grids dispatch, published energy also the load that
industry supplies itself, which is flat and large in Shandong, Inner Mongolia and Xinjiang. Held to the published peak,
the northern and north-western shapes come out too flat, Beijing and Shaanxi most of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from grids.areas import AREAS, Area
from grids.build.demand_history import History
from grids.hours import hours_in_year
from grids.sources import china_load, cn_consumption
from grids.tables import read_table
from grids.variables import GridDataError

if TYPE_CHECKING:
    import pandas as pd

STATE_YEAR: Final = 2024  # the year whose national peak the shapes of the profiles meet
REGION_YEARS: Final = (2018, 2019, 2020, 2021, 2022)  # last five years of the table of regional peaks
MOST_STRETCH: Final = 1.3  # a factor beyond this says that peak, energy and shape do not belong together [J]
# The table counts eastern Inner Mongolia with the north-east, we count it with the north; and self-supply distorts the
# north and north-west most, each in its own way: the three are taken together [J]. The south-west is not in the table
# and takes the factor of the whole country.
TABLE_REGIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "north": ("north", "northeast", "northwest"),
    "northeast": ("north", "northeast", "northwest"),
    "east": ("east",),
    "central": ("central",),
    "south": ("south",),
    "northwest": ("north", "northeast", "northwest"),
}
# Years from which a province's statistics count more than before (steps that growth does not explain) [J].
BREAKS: Final[Mapping[tuple[str, int], str]] = {
    ("cn.shandong", 2015): "break, 21 % above 2014, wider scope of self-generation",
    ("cn.xinjiang", 2019): "break, 34 % above 2018, wider scope",
    ("cn.shaanxi", 2022): "break, 21 % above 2021, wider scope",
}
PROVINCES: Final = tuple(area for area in AREAS if area.country == "CN")


def chinese_demand(originals: Path) -> tuple[pd.DataFrame, dict[str, str], History]:
    """Load shape (hour, area) with a mean of 1, load record of each area, and energy and peak 2010-2024.

    Raises GridDataError when a published peak cannot be met with a factor in (0, MOST_STRETCH].
    """
    import pandas as pd

    load = china_load.read_hourly_load(originals)
    deviation = load / load.mean() - 1.0
    energy = cn_consumption.read_consumption(originals)
    years = [int(year) for year in energy.columns]
    mean = energy / [hours_in_year(year) for year in years]
    peaks = cn_consumption.read_grid_peaks(originals)
    regional = _regional_factors(deviation, mean, peaks)
    deviation = deviation * [regional[area.interconnection] for area in PROVINCES]
    national = _national_peaks(peaks)
    yearly = _yearly_factors(deviation, mean, national)
    highest = deviation.max()
    peak = pd.DataFrame({year: mean[year] * (1.0 + yearly[year] * highest) for year in years})
    first = int(national.index.min())
    record = {
        year: [_history_record(area, year, yearly[year] * regional[area.interconnection], first) for area in PROVINCES]
        for year in years
    }
    state = yearly[STATE_YEAR]
    records = {area.id: _load_record(state * regional[area.interconnection]) for area in PROVINCES}
    return 1.0 + state * deviation, records, History(energy, peak, pd.DataFrame(record, index=energy.index))


def _regional_factors(deviation: pd.DataFrame, mean: pd.DataFrame, peaks: pd.DataFrame) -> dict[str, float]:
    """Factor of each regional grid: the mean over REGION_YEARS of the one that meets the grid's peak of the year."""
    provinces: dict[str, list[str]] = {}
    for area in PROVINCES:
        provinces.setdefault(area.interconnection, []).append(area.id)
    factors = {}
    for region in provinces:
        table = TABLE_REGIONS.get(region)
        groups = [provinces[name] for name in table] if table else [list(deviation.columns)]
        wanted = peaks[list(table)].sum(axis=1) if table else peaks["total"]
        each = [_factor(deviation, mean[year], float(wanted[year]), groups) for year in REGION_YEARS]
        factors[region] = sum(each) / len(each)
    _refuse_odd({f"regional grid {region}": factor for region, factor in factors.items()})
    return factors


def _factor(deviation: pd.DataFrame, mean: pd.Series[float], wanted: float, groups: list[list[str]]) -> float:
    """Factor on the deviations that makes the groups' coincident peaks add up to `wanted` MW.

    A coincident peak is linear in the factor, so one division solves it.
    """
    level = sum(float(mean[group].sum()) for group in groups)
    above = sum(float((deviation[group] * mean[group]).sum(axis=1).max()) for group in groups)
    return (wanted - level) / above


def _yearly_factors(deviation: pd.DataFrame, mean: pd.DataFrame, national: pd.Series[float]) -> dict[int, float]:
    """Factor of each year; years without a comparable national peak take that of the first year with one."""
    everyone = [list(deviation.columns)]
    factors = {int(y): _factor(deviation, mean[y], float(peak), everyone) for y, peak in national.items()}  # type: ignore[call-overload]
    _refuse_odd({f"year {year}": factor for year, factor in factors.items()})
    first = factors[min(factors)]
    return {int(year): factors.get(int(year), first) for year in mean.columns}


def _refuse_odd(factors: Mapping[str, float]) -> None:
    wrong = [f"{what} ({factor:.2f})" for what, factor in factors.items() if not 0.0 < factor <= MOST_STRETCH]
    if wrong:
        raise GridDataError(
            f"peaks of China do not fit energy and provincial shapes in {', '.join(wrong)}: the factor on the shapes' "
            f"deviations must lie in (0, {MOST_STRETCH}]; check cn_peak_load.yaml and the table of grid peaks"
        )


def _national_peaks(peaks: pd.DataFrame) -> pd.Series[float]:
    """Highest national load [MW], from the first year whose table counts all grids to 2024."""
    import pandas as pd

    table = read_table("cn_peak_load.yaml")
    known = peaks["total"][peaks.index >= int(table["first_year"])]
    later = pd.Series({int(year): 1e3 * float(gw) for year, gw in table["national_peak_gw"].items()})
    joined: pd.Series[float] = pd.concat([known, later[~later.index.isin(known.index)]])
    return joined


def _load_record(factor: float) -> str:
    return (
        "modelled: provincial series of PyPSA-China-PIK at the 2018 level, partly synthetic (typical days and monthly "
        f"figures); Beijing time moved to UTC; deviations from the mean times {factor:.3f} to meet published peaks of "
        f"the regional grid (2018-2022) and the country ({STATE_YEAR}) [J]; calendar of 2018, no weather year"
    )


def _history_record(area: Area, year: int, factor: float, first_peak: int) -> str:
    text = (
        "energy observed: consumption of the whole society (NBS, CEC); peak derived: 2018-level shape, deviations "
        f"times {factor:.3f} to meet regional peaks of 2018-2022 and the national peak of {max(year, first_peak)} [J]"
    )
    if (area.id, year) in BREAKS:
        text += f"; energy: {BREAKS[area.id, year]}"
    return text
