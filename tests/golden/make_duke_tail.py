"""Make `data/duke_tail.npz`: the upper end of each load duration curve, which is all the headroom depends on.

    python tests/golden/make_duke_tail.py ORIGINALS

An hour matters only if its margin is below the headroom. Kept are, for each authority, year and season, the
sorted loads (whole MW, descending) that lie within reach of the largest headroom up to a curtailed share of
5 %, so that results from the tail equal those from all hours; clock time is dropped. Derived from EIA-930
hourly demand as published by Ruggles et al. (doi 10.5281/zenodo.3517196) under CC BY 4.0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from capacity.validate.duke import SEASON_RULES, curtailment_enabled_headroom, season_hours
from grids.sources.eia930_22 import CLEANING_RULE, read_eia930_22

NAME = Path("truggles_eia930") / "hourly_demand_22ba_mw_utc_2016_2024.parquet"
LARGEST_SHARE = 0.05
RESERVE = 1.02
CREDIT = "EIA-930 cleaned hourly demand, Ruggles et al. 2025, doi 10.5281/zenodo.3517196, CC BY 4.0"


def make(originals: Path, target: Path) -> None:
    """Read the hourly table below `originals`, cut the tails and write them to `target`."""
    clean = read_eia930_22(originals / NAME)
    demand, times = clean.demand, clean.demand.index
    rules, names, years = sorted(SEASON_RULES), list(map(str, demand.columns)), np.unique(times.year)
    results = [curtailment_enabled_headroom(demand, [LARGEST_SHARE], season_rule=rule) for rule in rules]
    peaks = np.stack([result["seasonal_peak_mw"].to_numpy() for result in results])
    reach = RESERVE * np.stack([result["headroom_mw"].to_numpy()[0] for result in results])
    summer = season_hours(demand[names[0]].to_numpy(), times, rules[0]).summer
    counts = np.zeros((len(names), years.size, 2), dtype=np.int32)
    first = np.zeros_like(counts)
    steps = []
    for column, position, season in np.ndindex(counts.shape):
        needed = np.maximum(reach[:, column, 0], reach[:, column, position + 1])
        lowest = (peaks[:, column, season] - needed).min()
        load = demand[names[column]].to_numpy()
        chosen = (times.year == years[position]) & (summer == (season == 0)) & (load > lowest)
        tail = np.sort(np.rint(load[chosen]).astype(np.int64))[::-1]
        counts[column, position, season] = tail.size
        if tail.size:
            first[column, position, season] = tail[0]
            steps.append(-np.diff(tail))
    joined = np.concatenate(steps)
    if joined.max() >= 2**16:
        raise ValueError("a step between sorted loads does not fit 16 bits")
    np.savez_compressed(
        target, authority=names, year=years, season_rule=rules, peak_mw=peaks, count=counts, first_mw=first,
        step_mw=joined.astype(np.uint16), largest_share=LARGEST_SHARE, cleaning=CLEANING_RULE, credit=CREDIT,
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("originals", type=Path, help="folder that holds truggles_eia930/")
    make(parser.parse_args().originals, Path(__file__).parent / "data" / "duke_tail.npz")
