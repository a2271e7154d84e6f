"""Runs beside each other: differences draw by draw, with the standard error that common random numbers allow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from capacity.errors import CapacityError
from capacity.output.writing import RUN_MARK
from capacity.result.netcdf import open_result
from capacity.supply import hindcast_flags

Floats = NDArray[np.float64]

COMPARED: Mapping[str, tuple[str, str, float]] = {
    "hostable_mw": ("hostable load", "GW", 1e-3),
    "deployed_mw": ("deployed load", "GW", 1e-3),
    "h100e": ("hostable compute", "million H100e", 1e-6),
    "deployed_h100e": ("compute in use", "million H100e", 1e-6),
}
"""Variables of a result that are compared where both runs have them: words, unit shown and factor to it."""
SETTINGS = ("adequacy", "exchange", "storage", "grid_sha256", "gridflops_version")
"""What runs can differ in besides their scenario and still be compared; told beside the table."""
SELECT = "::"
"""Between a run's folder and one of its scenarios: runs/latest::us-flexible-load."""


@dataclass(frozen=True)
class Sample:
    """One scenario of one run.

    name : str                       As the user can name it.
    run : str                        Its folder.
    seed, draws : int, (draw,)       Equal in two samples whose draws are pairs.
    values : DataArray by variable   (draw, country, year), in the unit of COMPARED.
    settings : by SETTINGS
    flags : what the hindcast says against the supply in the run
    """

    name: str
    run: str
    scenario: str
    seed: int
    draws: NDArray[np.int64]
    values: Mapping[str, xr.DataArray]
    settings: Mapping[str, str]
    flags: tuple[str, ...] = ()


def read(text: str) -> list[Sample]:
    """The scenarios of a run's folder, or the one that FOLDER::SCENARIO names.

    Raises CapacityError for a folder that `gridflops run` did not write, or a scenario that it does not hold.
    """
    place, _, scenario = text.partition(SELECT)
    folder = Path(place)
    path = next((folder / name for name in ("result.nc", "result.zarr") if (folder / name).exists()), None)
    if path is None or not (folder / RUN_MARK).is_file():
        raise CapacityError(f"{place}: is no folder that gridflops run wrote (no {RUN_MARK} beside a result)")
    try:
        manifest = json.loads((folder / RUN_MARK).read_text(encoding="utf-8"))
        with open_result(path) as data:
            return _samples(text, scenario, data, str(manifest["grid_sha256"]))
    except CapacityError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CapacityError(f"{path}: cannot be read ({error}); run it again") from error


def _samples(text: str, asked: str, data: xr.Dataset, grid: str) -> list[Sample]:
    place = text.partition(SELECT)[0]
    held = [str(name) for name in data["scenario"].to_numpy()]
    if asked and asked not in held:
        raise CapacityError(f"{text}: the run holds no scenario {asked!r}; it holds {', '.join(held)}")
    settings = {"grid_sha256": grid} | {name: str(data.attrs[name]) for name in SETTINGS if name in data.attrs}
    result = []
    for name in [asked] if asked else held:
        part = data.sel(scenario=name)
        values = {
            variable: (part[variable] * factor).transpose("draw", "country", "year").load()
            for variable, (*_, factor) in COMPARED.items()
            if variable in part
        }
        title = place if len(held) == 1 else f"{place}{SELECT}{name}"
        draws = data["draw"].to_numpy().astype(np.int64)
        seed, flags = int(data.attrs["seed"]), tuple(hindcast_flags.of_result(data))
        result.append(Sample(title, place, name, seed, draws, values, settings, flags))
    return result


def pairs(runs: Sequence[Sequence[Sample]]) -> Iterator[tuple[Sample, Sample]]:
    """The first run's samples with those of each other run: single scenarios whatever their names, else by name.

    Raises CapacityError for two runs that have no scenario in common, naming both and the way out.
    """
    first, *others = runs
    for other in others:
        if len(first) == len(other) == 1:
            yield first[0], other[0]
            continue
        by_name = {sample.scenario: sample for sample in other}
        common = [(sample, by_name[sample.scenario]) for sample in first if sample.scenario in by_name]
        if not common:
            held = ["/".join(sample.scenario for sample in run) for run in (first, other)]
            raise CapacityError(
                f"{first[0].run} holds {held[0]} and {other[0].run} holds {held[1]}: none in common; "
                f"name one scenario of each as FOLDER{SELECT}SCENARIO"
            )
        yield from common


def check_paired(first: Sample, second: Sample) -> None:
    """Raises CapacityError, naming both, where draw n of one is not draw n of the other."""
    differ = []
    if first.seed != second.seed:
        differ.append(f"seeds {first.seed} and {second.seed}")
    if not np.array_equal(first.draws, second.draws):
        differ.append(f"draws {_range(first.draws)} and {_range(second.draws)}")
    if differ:
        raise CapacityError(
            f"{first.name} and {second.name} do not share their random numbers ({'; '.join(differ)}), so no draw of "
            "one belongs to a draw of the other; run them with the same seed and draws, or compare with --unpaired"
        )


def _range(draws: NDArray[np.int64]) -> str:
    whole = np.array_equal(draws, np.arange(draws[0], draws[0] + len(draws)))
    return f"{draws[0]} to {draws[-1]}" if whole else f"{len(draws)} from {draws.min()} to {draws.max()}, some left out"


def differences(first: Sample, second: Sample, *, paired: bool) -> pd.DataFrame:
    """One row per variable, country and year: `difference` is second minus first.

    Paired: the median and mean of the draws' differences, the standard error of that mean from their spread, and the
    share of draws in which the first is higher, and in which both are equal. Unpaired: the difference of the medians
    and means, the standard error of independent means, and the shares over all pairs of one draw of each.

    The standard error is NaN for a single draw. Raises CapacityError as `check_paired`, or where the two have no
    variable, country or year in common.
    """
    if paired:
        check_paired(first, second)
    rows = []
    for variable, (what, unit, _) in COMPARED.items():
        if variable not in first.values or variable not in second.values:
            continue
        a, b = xr.align(first.values[variable], second.values[variable], join="inner", exclude=["draw"])
        for country in a["country"].to_numpy():
            for year in a["year"].to_numpy():
                x, y = (part.sel(country=country, year=year).to_numpy() for part in (a, b))
                head = {"first": first.name, "second": second.name, "variable": variable, "what": what, "unit": unit}
                place = {"country": str(country), "year": int(year)}
                rows.append(head | place | (_paired(x, y) if paired else _unpaired(x, y)))
    if not rows:
        raise CapacityError(f"{first.name} and {second.name} have no variable, country and year in common")
    return pd.DataFrame(rows)


def _paired(x: Floats, y: Floats) -> dict[str, float]:
    difference = y - x
    return {
        "first_median": float(np.median(x)),
        "second_median": float(np.median(y)),
        "difference_median": float(np.median(difference)),
        "difference_mean": float(difference.mean()),
        "difference_mean_se": _standard_error(difference),
        "first_higher_share": float((x > y).mean()),
        "equal_share": float((x == y).mean()),
    }


def _unpaired(x: Floats, y: Floats) -> dict[str, float]:
    below, up_to = (np.searchsorted(np.sort(y), x, side=side) for side in ("left", "right"))
    count = len(x) * len(y)
    return {
        "first_median": float(np.median(x)),
        "second_median": float(np.median(y)),
        "difference_median": float(np.median(y) - np.median(x)),
        "difference_mean": float(y.mean() - x.mean()),
        "difference_mean_se": float(np.hypot(_standard_error(x), _standard_error(y))),
        "first_higher_share": float(below.sum() / count),
        "equal_share": float((up_to - below).sum() / count),
    }


def _standard_error(values: Floats) -> float:
    """Of the mean of independent draws; one draw has none."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def flags(samples: Sequence[Sample]) -> dict[str, list[str]]:
    """What the hindcast says against supply in the samples, each with the runs that say so."""
    said = list(dict.fromkeys(line for sample in samples for line in sample.flags))
    return {line: list(dict.fromkeys(s.run for s in samples if line in s.flags)) for line in said}


def other_settings(samples: Sequence[Sample]) -> dict[str, list[Any]]:
    """Settings in which the samples differ besides the scenario, each with its values."""
    found = {name: list(dict.fromkeys(s.settings.get(name, "unknown") for s in samples)) for name in SETTINGS}
    return {name: values for name, values in found.items() if len(values) > 1}
