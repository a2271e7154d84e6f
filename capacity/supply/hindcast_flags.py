"""What the hindcast's shipping rule says of the supply in a result: carried along so that no reader misses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import xarray as xr

from capacity.supply.experts import TREND_OF
from capacity.supply.experts_data import COMPLIES, UNTESTED, VERDICTS, read_experts

VARIABLE: Final = "supply_hindcast"
ATTRIBUTE: Final = "hindcast_flags"
SEPARATOR: Final = "\n"


def lines(countries: Iterable[str]) -> list[str]:
    """One line a flagged series that the supply of these countries rests on, e.g. `US coal: ...`."""
    return [f"{country} {series}: {text}" for country in countries for series, text in told(country).items()]


def told(country: str) -> dict[str, str]:
    """Words for a user by series, of the flagged series that stand for a technology."""
    found = {series: read_experts().get((country, series)) for series in dict.fromkeys(TREND_OF.values())}
    return {
        series: "; ".join(text if who == country else f"{who}: {text}" for who, text in record.flags.items())
        for series, record in found.items()
        if record is not None and record.flags
    }


def verdict(country: str, technology: str) -> str:
    """A name in `experts_data.VERDICTS`."""
    record = read_experts().get((country, TREND_OF.get(technology, "")))
    return UNTESTED if record is None else record.verdict


def variable(countries: Sequence[str], technologies: Sequence[str]) -> xr.Variable:
    """Number (country, technology) of each verdict, described in the way of CF."""
    codes = [[VERDICTS.index(verdict(country, name)) for name in technologies] for country in countries]
    attrs = {
        "units": "1",
        "long_name": "What a hindcast says of the series that the projection of a technology rests on",
        "flag_values": np.arange(len(VERDICTS), dtype=np.int32),
        "flag_meanings": " ".join(VERDICTS),
    }
    return xr.Variable(("country", "technology"), np.array(codes, dtype=np.int32), attrs)


def flagged(result: xr.Dataset, country: str) -> str:
    """Technologies of a country in a result that the rule has something to say about, e.g. `coal gas`."""
    if VARIABLE not in result:
        return ""
    codes = result[VARIABLE].sel(country=country).to_numpy()
    silent = [VERDICTS.index(name) for name in (COMPLIES, UNTESTED)]
    names = result["technology"].to_numpy()
    return " ".join(str(name) for name, code in zip(names, codes, strict=True) if code not in silent)


def attribute(countries: Iterable[str]) -> dict[str, str]:
    """The lines as an attribute of a result."""
    return {ATTRIBUTE: SEPARATOR.join(lines(countries))}


def of_result(result: xr.Dataset) -> list[str]:
    """The lines that a result carries; none for a result from before it carried any."""
    return [line for line in str(result.attrs.get(ATTRIBUTE, "")).split(SEPARATOR) if line]
