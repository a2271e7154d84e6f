"""Planned lines between areas by name and year (`data/lines_planned.yaml`). See docs/network.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@cache
def planned() -> tuple[Mapping[str, Any], ...]:
    """Lines with `name`, `from`, `to`, `mw` and `back_mw` they add to the two directions, `year`, `label`, `source`.

    `zones` (US): the zones at both ends; lines with both ends in one area are known to zones only.
    """
    from ruamel.yaml import YAML

    text = files("capacity").joinpath("data", "lines_planned.yaml").read_text(encoding="utf-8")
    return tuple(YAML(typ="safe").load(text)["lines"])


def added_mw(
    areas: Sequence[str], years: NDArray[np.int64], base_year: int, delay_years: Floats, share: Floats
) -> Floats:
    """What planned lines add to the limits (draw, year, from, to) after the base year. [MW]

    delay_years, share : (draw, year)   A line counts with `share` of its capacity from its year and the delay on, but
                                        not in the base year: limits on record are older.
    """
    number = {area: i for i, area in enumerate(areas)}
    added = np.zeros((*delay_years.shape, len(areas), len(areas)))
    for line in planned():
        ends = _ends(line, number)
        if ends is None:
            continue
        start, end = ends
        ready = years >= np.maximum(np.rint(line["year"] + delay_years), base_year + 1)
        added[:, :, start, end] += np.where(ready, share * line["mw"], 0.0)
        added[:, :, end, start] += np.where(ready, share * line["back_mw"], 0.0)
    return added


def _ends(line: Mapping[str, Any], number: Mapping[str, int]) -> tuple[int, int] | None:
    """Numbers of the areas or zones at both ends; None for a line that these areas do not have."""
    names = [line["from"], line["to"]]
    if "zones" in line and not set(names) <= set(number):
        names = [f"{area}.{zone}" for area, zone in zip(names, line["zones"], strict=True)]
    if names[0] == names[1] or not set(names) <= set(number):
        return None
    return number[names[0]], number[names[1]]
