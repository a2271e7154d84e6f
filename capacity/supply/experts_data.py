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
TREND, SMOOTHING = "trend", "smoothing"
"""Names of the statistical experts."""
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

    second : name of the structural expert beside the statistical ones (diffusion, displacement), or None
    weight : by expert, (horizon,)  Share in what does not follow the pipeline, this country's own record included;
        the last holds on, and they sum to 1. [1]
    trust : Weighted powers of the likelihood that tell settings of the smoothing apart (`capacity.supply.smoothing`).
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
    weight: Mapping[str, Floats]
    trust: tuple[tuple[float, float], ...]
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
        return faded(np.diff(self.later_paths.get(origin, self.path), prepend=0.0), years)


@cache
def read_experts() -> Mapping[tuple[str, str], ExpertRecord]:
    """Records by (country, series), country US or CN. Raises CapacityError for a file that is not whole."""
    raw: dict[str, Any] = json.loads(files("capacity").joinpath("data", FILE).read_text(encoding="utf-8"))
    records = {}
    for series, entry in raw["series"].items():
        for country, own in entry["countries"].items():
            rules = {"all countries": entry["rule"], country: own["rule"]}
            weight = _weights(entry["weight"], own["own_factor"])
            widening = np.asarray(entry["widening"]) * np.prod([rule["factor"] for rule in rules.values()])
            if not all((w >= 0.0).all() for w in weight.values()) or not (widening > 0.0).all():
                raise CapacityError(f"{FILE}: {series}: weights must be shares and widenings positive; write it anew")
            records[country, series] = ExpertRecord(
                series=series,
                second=entry["second"],
                weight=weight,
                trust=tuple((float(share), float(trust[0])) for share, trust in entry["settings"][SMOOTHING]),
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


def _weights(of_all: Mapping[str, list[float]], own_factor: Mapping[str, float]) -> dict[str, Floats]:
    """Weights of all countries times what the country's own record makes of them, scaled to sum to 1."""
    found = {name: np.asarray(weight) * own_factor[name] for name, weight in of_all.items()}
    total = np.sum(list(found.values()), axis=0)
    return {name: weight / total for name, weight in found.items()}


def faded(steps: Floats, years: int) -> Floats:
    """First `years` of yearly growth (..., year), the last of which fades by a tenth a year where there is no more."""
    more = max(years - steps.shape[-1], 0)
    return np.concatenate([steps, steps[..., -1:] * 0.9 ** np.arange(1, more + 1)], axis=-1)[..., :years]


def held(values: Floats, years: int) -> Floats:
    """First `years` of a table by horizon whose last value holds on."""
    index = np.minimum(np.arange(years), len(values) - 1)
    return np.asarray(values)[index]
