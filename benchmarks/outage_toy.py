"""A toy of three areas whose units fail, and how PyPSA and assetra judge it; `outage_check` compares them with ours.

PyPSA gets every combination of units in and out, in every hour, as a snapshot of its own and leaves as little load
unserved as it can (HiGHS): exact. assetra draws unit states hour by hour, one area at a time: a Monte Carlo. Neither
shares a line with the outage tables.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY = 24
SHORT_MW = 1e-6
"""Unserved load below this is what a solver leaves over."""
SCALE = 1e6
"""Rare states weigh too little for a solver's tolerances unless the bound on their energy is multiplied by this."""


class Area(NamedTuple):
    """unit_mw (unit,); rate (day, unit), the probability that a unit is out; net_load_mw (hour,)."""

    unit_mw: Floats
    rate: Floats
    net_load_mw: Floats

    @property
    def day(self) -> NDArray[np.int64]:
        """Day (hour,)."""
        return np.arange(self.net_load_mw.size) // DAY


class Judged(NamedTuple):
    """Expected unserved energy [MWh], hours [h] and days [d] of shortage, and the standard error of each."""

    eue: float
    lolh: float
    lole: float
    error: tuple[float, float, float] = (0.0, 0.0, 0.0)


HIGHS = {"solver_name": "highs", "io_api": "direct", "output_flag": False}
LINKS = np.array([[0.0, 40.0, 0.0], [30.0, 0.0, 35.0], [0.0, 50.0, 0.0]])
"""Limits of the lines between the areas, from and to. [MW]"""
SUN = np.tile(np.maximum(np.sin(2 * np.pi * (np.arange(DAY) - 6) / DAY), 0.0), 2)
"""Output (hour,) of one MW of what is added to an area. [1]"""


def areas() -> list[Area]:
    """Three areas of three units each, in a mild and a cold day."""
    sizes = ([150.0, 100.0, 80.0], [200.0, 120.0, 60.0], [90.0, 90.0, 70.0])
    rates = ([0.05, 0.08, 0.1], [0.04, 0.07, 0.12], [0.06, 0.06, 0.09])
    hour = np.arange(2 * DAY)
    made = []
    for number, (size, rate) in enumerate(zip(sizes, rates, strict=True)):
        unit_mw, out = np.array(size), np.array(rate)
        wave = 1.0 + 0.25 * np.sin(2 * np.pi * (hour - 9 - number) / DAY) + 0.05 * (hour >= DAY)
        made.append(Area(unit_mw, np.stack([out, 1.8 * out]), 0.531 * unit_mw.sum() * wave))
    return made


class Enumerated(NamedTuple):
    """works (state, unit), 0 or 1, and weight (state, hour), the probability of each state on the hour's day."""

    works: Floats
    weight: Floats


def every_state(among: Sequence[Area]) -> Enumerated:
    """All combinations of the units of some areas; a unit's state lasts the day."""
    rates = np.concatenate([area.rate for area in among], axis=1)
    works = np.array(list(itertools.product((0.0, 1.0), repeat=rates.shape[1])))
    chance = np.where(works[:, None, :] > 0.0, 1.0 - rates, rates).prod(axis=2)
    return Enumerated(works, chance[:, among[0].day])


def by_pypsa(among: Sequence[Area], added_mw: Sequence[float], links: Floats | None = None) -> Judged:
    """Areas with constant loads beside their own; without links each stands alone, and any that is short counts."""
    known = every_state(among)
    network = _network(among, known, added_mw, links)
    network.optimize(**HIGHS)
    short = network.generators_t.p.filter(like="short").to_numpy().sum(axis=1).reshape(known.weight.shape)
    lacking = short > SHORT_MW
    by_day = lacking.reshape(len(lacking), -1, DAY).any(axis=2)
    days = float((by_day * known.weight[:, ::DAY]).sum())
    return Judged(float((short * known.weight).sum()), float((lacking * known.weight).sum()), days)


def headroom_by_pypsa(area: Area, share: float, *, firm: bool = False, more: Floats | None = None) -> float:
    """Largest constant load of one area whose expected unserved energy keeps within a share. [MW]

    firm : of all energy, rather than of the new load's, natives first
    more : (hour,) output that is added, for natives as well. [MW]
    """
    known = every_state([area])
    lowered = area if more is None else area._replace(net_load_mw=area.net_load_mw - more)
    hours, allowed = area.net_load_mw.size, share * float(area.net_load_mw.sum())
    if not firm:
        allowed = by_pypsa([lowered], [0.0]).eue
    network = _network([lowered], known, [0.0], None)
    network.add(
        "Generator", "new", bus="area 0", sign=-1.0, p_nom_extendable=True, p_min_pu=1.0, p_max_pu=1.0, p_nom_max=1e5
    )

    def bound(network: Any, snapshots: Any) -> None:
        import xarray as xr

        model = network.model
        load, output = model["Generator-p_nom"].loc["new"], model["Generator-p"].loc[:, "short 0"]
        weight = xr.DataArray(SCALE * known.weight.ravel(), coords={"snapshot": snapshots}, dims="snapshot")
        lost = (output * weight).sum()
        model.add_constraints(lost - SCALE * share * hours * load <= SCALE * allowed, name="energy")
        model.add_objective(-1.0 * load, overwrite=True)

    network.optimize(**HIGHS, extra_functionality=bound)
    return float(network.generators.p_nom_opt["new"])


def _network(among: Sequence[Area], known: Enumerated, added_mw: Sequence[float], links: Floats | None) -> Any:
    """A PyPSA network: a bus, load, units and shortage at cost 1 an area, and directed links."""
    import pypsa

    network = pypsa.Network()
    network.set_snapshots(range(known.weight.size))
    states, hours = known.weight.shape
    unit = 0
    for i, (area, added) in enumerate(zip(among, added_mw, strict=True)):
        network.add("Bus", f"area {i}")
        load = np.tile(area.net_load_mw + added, states)
        network.add("Load", f"load {i}", bus=f"area {i}", p_set=load)
        network.add("Generator", f"short {i}", bus=f"area {i}", p_nom=1e5, marginal_cost=1.0)
        for size in area.unit_mw:
            stands = np.repeat(known.works[:, unit], hours)
            network.add("Generator", f"unit {unit}", bus=f"area {i}", p_nom=size, p_max_pu=stands)
            unit += 1
    for i, j in np.argwhere(links > 0.0) if links is not None else ():
        network.add("Link", f"{i} to {j}", bus0=f"area {i}", bus1=f"area {j}", p_nom=float(links[i, j]))
    return network


def by_assetra(area: Area, added_mw: float, trials: int, seed: int) -> Judged:
    """One area with a constant load beside its own; each unit's state is drawn anew every hour."""
    from assetra import metrics

    simulation = _simulation(area, trials)
    np.random.seed(seed)  # noqa: NPY002  assetra draws from NumPy's global generator
    simulation.assign_energy_system(_system(area, added_mw))
    simulation.run()
    kinds = (metrics.ExpectedUnservedEnergy, metrics.LossOfLoadHours, metrics.LossOfLoadDays)
    eue, lolh, lole = (kind(simulation).evaluate() for kind in kinds)
    short = -np.minimum(simulation.net_hourly_capacity_matrix.to_numpy(), 0.0)
    by_day = (short > 0.0).reshape(trials, -1, DAY).any(axis=2)
    samples = (short.sum(axis=1), (short > 0.0).sum(axis=1), by_day.sum(axis=1))
    spread = [float(values.std(ddof=1) / np.sqrt(trials)) for values in samples]
    return Judged(eue, lolh, lole, (spread[0], spread[1], spread[2]))


def elcc_by_assetra(area: Area, added: Floats, metric: str, trials: int, seed: int) -> float:
    """Load that output (hour,) carries at the same unserved energy ("eue") or hours of shortage ("lolh"). [MW]"""
    from assetra import contribution, metrics
    from assetra.system import EnergySystemBuilder
    from assetra.units import StaticUnit

    kind = {"eue": metrics.ExpectedUnservedEnergy, "lolh": metrics.LossOfLoadHours}[metric]
    np.random.seed(seed)  # noqa: NPY002
    known = contribution.EffectiveLoadCarryingCapability(_system(area, 0.0), _simulation(area, trials), kind)
    builder = EnergySystemBuilder()
    builder.add_unit(StaticUnit(0, float(added.max()), _hourly(added)))
    return float(known.evaluate(builder.build(), additional_demand_resolution_pct=2e-4))


def _simulation(area: Area, trials: int) -> Any:
    from assetra.simulation import ProbabilisticSimulation

    time = _hourly(area.net_load_mw).time.to_numpy()
    return ProbabilisticSimulation(time[0], time[-1], trials)


def _system(area: Area, added_mw: float) -> Any:
    from assetra.system import EnergySystemBuilder
    from assetra.units import DemandUnit, StochasticUnit

    builder = EnergySystemBuilder()
    builder.add_unit(DemandUnit(0, _hourly(area.net_load_mw + added_mw)))
    for number, (size, rate) in enumerate(zip(area.unit_mw, area.rate.T, strict=True), start=1):
        stands = _hourly(np.full(area.net_load_mw.size, size))
        builder.add_unit(StochasticUnit(number, float(size), stands, _hourly(rate[area.day])))
    return builder.build()


def _hourly(values: Floats) -> Any:
    from assetra.utils import get_hourly_time_series_xr

    return get_hourly_time_series_xr(values.tolist())
