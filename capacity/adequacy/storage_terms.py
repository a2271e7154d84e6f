"""What storage is worth to new load that is cut on terms beyond a share of energy. See docs/adequacy.md, Storage.

Firm load, a share of energy and a policy each ask something else of a store. Here it is dispatched for load under a
policy (`cuda_kernels.storage_terms`), and the load that it lets the policy allow, at least that of firm load, is put
down to a constant capacity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy import parts, policies
from capacity.adequacy.notions import Margin
from capacity.adequacy.parts import AreaBalance, AreaWeather
from capacity.adequacy.policies import Policy, Site
from capacity.adequacy.storage import Store
from cuda_kernels import Engine, headroom_mw
from cuda_kernels.event_figures import margin_mw
from cuda_kernels.storage_terms import CutTerms, stored_headroom_mw
from cuda_kernels.storage_trace import storage_trace

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLOCK = 64
"""Cases worked on at a time; changes no bit."""


def equivalent_mw(
    conditions: AreaWeather, balance: AreaBalance, margin: Margin, policy: Policy, firm_mw: Floats, engine: Engine
) -> Floats:
    """Constant capacity (draw, year) that, in the place of the store, allows the same load under a policy. [MW]

    balance, policy : of these draws, with the store apart; only local terms
    margin : beside the store
    firm_mw : (draw, year)  Headroom without curtailment, with the store dispatched. [MW]

    From nothing to the store's power; NaN where the share of energy is the only term, or nothing fits, or is no store.
    """
    assert balance.store is not None
    found = np.full(firm_mw.shape, np.nan)
    asked = ~policy.energy_alone & (balance.store.power_mw > 0.0)
    for y, profiles in enumerate(margin.profiles):
        rows = np.flatnonzero(asked[:, y])
        for start in range(0, len(rows), BLOCK):
            few = rows[start : start + BLOCK]
            terms, store = policy.at(few, y), balance.store.at(few, y)
            native = parts.native_mw(conditions, balance, few, y) if terms.notice_hours.any() else None
            coefficients = margin.coefficients[few, y]
            hours = margin_mw(profiles, coefficients), native
            highest = _beside_power((profiles, coefficients, margin.terms), hours, terms, store.power_mw, engine)
            load = _headroom(hours, terms, store, (firm_mw[few, y], highest), engine)
            need = np.clip(least_capacity_mw(*hours, terms, load), 0.0, store.power_mw)
            found[few, y] = np.where(load > policies.NO_CUT * store.power_mw, need, np.nan)
    return found


def _beside_power(
    linear: tuple[Floats, Floats, tuple[str, ...]],
    hours: tuple[Floats, Floats | None],
    terms: Policy,
    power_mw: Floats,
    engine: Engine,
) -> Floats:
    """Headroom (case,) if the store's power stood in every hour, which no dispatch goes beyond. [MW]"""
    profiles, coefficients, names = linear
    more = coefficients.copy()
    more[:, names.index("constant")] += power_mw
    ceiling = headroom_mw(profiles, more, terms.energy[:, None], engine=engine).headroom_mw[:, 0]
    site = Site.of(hours[0] + power_mw[:, None], hours[1], terms)
    return policies.headroom(site, terms, ceiling, engine)


def _headroom(
    hours: tuple[Floats, Floats | None], terms: Policy, store: Store, between: tuple[Floats, Floats], engine: Engine
) -> Floats:
    """Headroom (case,) with the store dispatched, natives first. [MW]"""
    margin, native = hours
    if native is not None:
        margin = margin - terms.call_error[:, None] * native
    if (margin < 0.0).any():  # what natives lack with the store is theirs to lack
        margin = margin + storage_trace(margin, *store, engine=engine).unserved_mw
    cut = CutTerms(terms.energy, terms.depth, np.floor(terms.longest_event_hours), np.floor(terms.events_a_year))
    firm, highest = between
    return stored_headroom_mw(margin, store, cut, (firm, np.maximum(firm, highest)), engine=engine)


def least_capacity_mw(margin_mw: Floats, native_mw: Floats | None, terms: Policy, load_mw: Floats) -> Floats:
    """Least constant capacity (case,) with which a load keeps its terms, all local, beside a margin (case, hour). [MW]

    margin_mw, native_mw : as of Site.of
    """
    called = margin_mw
    if native_mw is not None and terms.notice_hours.any():
        called = margin_mw - terms.call_error[:, None] * native_mw
    need = np.maximum(load_mw - policies.length_limit(called, terms.longest_event_hours), 0.0)
    need = np.where(terms.depth < 1.0, np.maximum(need, (1.0 - terms.depth) * load_mw - margin_mw.min(axis=1)), need)
    need = load_mw - policies.events_limit(called, load_mw - need, terms)
    for case in np.flatnonzero(load_mw > 0.0):
        load, allowed = float(load_mw[case]), float(terms.energy[case]) * called.shape[1]
        short = called[case, called[case] + need[case] < load]
        if short.size:
            need[case] = _for_energy(short, load, float(need[case]), allowed * load)
    return need


def _for_energy(short_mw: Floats, load_mw: float, need_mw: float, allowed_mwh: float) -> float:
    """Least capacity, at least need_mw, beside margins (hour,) that leaves no more of a load to be cut, by halving."""
    low, high = need_mw, load_mw - float(short_mw.min())
    if np.clip(load_mw - short_mw - low, 0.0, load_mw).sum() <= allowed_mwh:
        return low
    while high - low > policies.PRECISION * max(high, 1.0):
        middle = 0.5 * (low + high)
        if np.clip(load_mw - short_mw - middle, 0.0, load_mw).sum() <= allowed_mwh:
            high = middle
        else:
            low = middle
    return high
