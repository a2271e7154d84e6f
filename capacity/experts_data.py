"""What the hindcast earned, as the supply projection reads it: expert weights, spreads and paths by country.

`data/experts.json` is written by `gridflops hindcast --write-weights`; nothing in it is typed by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capacity.errors import CapacityError

Floats = NDArray[np.float64]

FILE = "experts.json"
TAILS: tuple[tuple[tuple[float, float], ...], ...] = (
    ((1.0, 1.0),),
    ((0.8, 0.7), (0.2, 1.9)),
    ((0.7, 0.55), (0.3, 1.6)),
)
"""Shapes of one expert's error, as (weight, spread) of normals: one normal, and two with fatter tails. No claim: the
hindcast picks, series by series, the one that scores best."""


COMPLIES, WIDENED, WORSE, WIDE, UNTESTED = VERDICTS = (
    "complies", "widened_until_it_complies", "worse_than_naive_drift", "wide_bands", "not_tested"
)  # fmt: skip
"""What the shipping rule of the hindcast can say; a technology for which no series stands is not tested."""


@dataclass(frozen=True)
class ExpertRecord:
    """What is known of one series of generation in one country.

    second : name of the expert beside the trend (diffusion, displacement), or None
    weight : (horizon,)        Share of the second expert in what does not follow the pipeline; the last holds on. [1]
    kappa, tail : by expert    Factor on the unit spread, and index into TAILS.
    own : by expert            Weight of the series' own spread against what its size lets expect, in logs. [1]
    widening : (horizon,)      Factor on every spread, that of the shipping rule for all countries and that for this
        one included; the last holds on. [1]
    size_spread                Yearly log spread that the size lets expect. [log points]
    path : (horizon,)          Mean log level of the second expert over that of the base year; zeros without one.
    later_paths : by origin    The same from later years on that the record has; the settings are those of the path.
    verdict                    What the shipping rule says of the country's own series, or of all where it complies.
    flags : by whom            What a user must be told: of "all countries", of the country by its code, of its areas
        by the name of their scope; those that comply are left out.
    """

    series: str
    second: str | None
    weight: Floats
    kappa: Mapping[str, float]
    tail: Mapping[str, int]
    own: Mapping[str, float]
    widening: Floats
    size_spread: float
    path: Floats
    later_paths: Mapping[int, Floats]
    verdict: str
    flags: Mapping[str, str]

    def growth(self, years: int, origin: int = 0) -> Floats:
        """Yearly log growth (year,) of the second expert; beyond its path the last year's growth fades by a tenth.

        `origin` is the last known year; without a path from it, that of the base year is used from its start.
        """
        steps = np.diff(self.later_paths.get(origin, self.path), prepend=0.0)
        fading = steps[-1] * 0.9 ** np.arange(1, max(years - len(steps), 0) + 1)
        return np.concatenate([steps, fading])[:years]


@cache
def read_experts() -> Mapping[tuple[str, str], ExpertRecord]:
    """Records by (country, series), country US or CN. Raises CapacityError for a file that is not whole."""
    raw: dict[str, Any] = json.loads(files("capacity").joinpath("data", FILE).read_text(encoding="utf-8"))
    records = {}
    for series, entry in raw["series"].items():
        for country, own in entry["countries"].items():
            rules = {"all countries": entry["rule"], country: own["rule"]}
            weight = np.asarray(entry["weight_of_second"])
            widening = np.asarray(entry["widening"]) * np.prod([rule["factor"] for rule in rules.values()])
            if not ((weight >= 0.0) & (weight <= 1.0)).all() or not (widening > 0.0).all():
                raise CapacityError(f"{FILE}: {series}: weights must be shares and widenings positive; write it anew")
            records[country, series] = ExpertRecord(
                series=series,
                second=entry["second"],
                weight=weight,
                kappa=entry["kappa"],
                tail=entry["tail"],
                own=entry["own_weight"],
                widening=widening,
                size_spread=float(own["size_spread"]),
                path=np.asarray(own["path_of_second"]),
                later_paths={int(year): np.asarray(path) for year, path in own["later_paths_of_second"].items()},
                verdict=next((r["verdict"] for r in reversed(rules.values()) if r["flag"]), COMPLIES),
                flags={who: rule["flag"] for who, rule in {**rules, **own["areas"]}.items() if rule["flag"]},
            )
    return records


def held(values: Floats, years: int) -> Floats:
    """First `years` of a table by horizon whose last value holds on."""
    index = np.minimum(np.arange(years), len(values) - 1)
    return np.asarray(values)[index]
