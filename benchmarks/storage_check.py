"""What treating batteries and pumped storage as one store is worth: `python -m benchmarks.storage_check`.

Beside the headroom of the pooled store (a bound from above) stands that of two stores one after another, pumped storage
first (a dispatch that can be done, so a bound from below), for every area of both countries in one year.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

import grids
from capacity import country
from capacity.adequacy import notions
from capacity.adequacy.parts import STORAGE, weather_by_area
from capacity.adequacy.policies import falling_root
from capacity.adequacy.storage import Store, store_of
from capacity.adequacy.storage_headroom import solve
from capacity.draws import Draws
from capacity.supply import projection
from capacity.supply.fleet import Fleet
from cuda_kernels.event_figures import margin_mw
from cuda_kernels.storage_trace import storage_trace
from scenarios import load

SEED = 2025


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--year", type=int, default=2030)
    asked = parser.parse_args()
    print(json.dumps({name: measure(name, asked.draws, asked.year) for name in ("US", "CN")}, indent=2))


def measure(name: str, count: int, year: int) -> dict[str, float]:
    """Headroom of a country, mean over draws, with the pooled store and with two stores. [GW]"""
    grid = grids.open_grid()
    fleet = Fleet.of(grid, name)
    draws = Draws(SEED, np.arange(count), np.arange(2025, year + 1), load(["reference"])[0])
    nameplate = projection.project(fleet, draws).nameplate_mw
    balances = country.balances_of(grid, fleet, draws, projection.project(fleet, draws), "dispatch")
    central = country.balances_of(grid, fleet, draws.central, projection.project(fleet, draws.central), "dispatch")
    records = notions.area_records(grid, fleet, weather_by_area(grid), draws.central)
    share = draws.parameter(f"{fleet.prefix}.curtailable_fraction")
    reserve = 1.0 + draws.parameter(f"{fleet.prefix}.reserve_margin")
    pooled = apart = 0.0
    for a, record in enumerate(records):
        margin = notions.firm_capacity(record, record.weather[0], balances[a], central[a])
        margin = replace_last(margin)
        store = balances[a].store
        assert store is not None
        last = Store(*(values[:, -1:] for values in store))
        pooled += float(solve(margin, last, share[:, -1:], "auto").flexible_mw.mean())
        each = [
            store_of({t: nameplate[:, a, fleet.technologies.index(t)] / reserve * (t == one) for t in STORAGE},
                     fleet.prefix, draws)
            for one in ("pumped_storage", "battery")
        ]  # fmt: skip
        rows = np.arange(count)
        stores = [kind.at(rows, share.shape[1] - 1) for kind in each]
        hours = margin_mw(margin.profiles[0], margin.coefficients[:, 0])
        apart += float(one_after_another(hours, stores, share[:, -1]).mean())
    return {"pooled_gw": round(pooled / 1e3, 2), "one_after_another_gw": round(apart / 1e3, 2)}


def replace_last(margin: notions.Margin) -> notions.Margin:
    """The margin of the last year only."""
    return margin._replace(profiles=margin.profiles[-1:], coefficients=margin.coefficients[:, -1:])


def one_after_another(margin: np.ndarray, stores: list[Store], share: np.ndarray) -> np.ndarray:
    """Headroom (case,) behind stores in this order, of which each sees what those before it leave. [MW]"""

    def unserved(load: np.ndarray) -> np.ndarray:
        left = margin - load[:, None]
        for store in stores:
            found = storage_trace(left, *store)
            before = np.concatenate([store.energy_mwh[:, None], found.charge_mwh[:, :-1]], axis=1)
            taken = np.maximum(found.charge_mwh - before, 0.0) / store.efficiency[:, None]
            left = np.where(left >= 0.0, np.maximum(left - taken, 0.0), -found.unserved_mw)
        return np.maximum(-left, 0.0).sum(axis=1)

    native, hours = unserved(np.zeros(len(margin))), margin.shape[1]
    top = np.maximum(margin, 0.0).mean(axis=1) / (1.0 - share) + 1.0
    return falling_root(
        lambda load: (
            np.divide(unserved(load) - native, load, out=np.zeros_like(load), where=load > 0.0) - share * hours
        ),
        top,
    )


if __name__ == "__main__":
    main()
