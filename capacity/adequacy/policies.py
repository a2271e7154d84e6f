"""Flexible-load policies: on what terms an area's new load is curtailed, and the headroom that they leave.

In every hour the site uses what it has in this order: backup where permitted, batteries, curtailment. The cut over the
load never falls as the load rises, in any hour, so that the loads a policy allows are an interval from 0. The headroom
is its end: read off the margins where nothing carries over from hour to hour, found by search where something does.
See docs/adequacy.md, Flexible load.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws
from capacity.errors import CapacityError
from cuda_kernels import Engine
from cuda_kernels.storage_dispatch import ramp_envelope_mw
from cuda_kernels.storage_trace import Backup, site_unserved_mw

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

HOURS = 8760
DAY = 24
NO_CUT = 1e-9
"""A cut below this part of the load counts as none: what rounding leaves behind a store or a ramp."""
PRECISION = 1e-10
"""Width, over the load, at which a search ends; its lower end is taken, so that the terms hold."""


@dataclass(frozen=True)
class Policy:
    """Terms of one country's new load; all (draw, year), or (case,) after `at`. Units as of the parameters."""

    curtailable_fraction: Floats
    flexible_load_share: Floats
    sustained_depth: Floats
    longest_event_hours: Floats
    events_a_year: Floats
    ramp_share_an_hour: Floats
    notice_hours: Floats
    payback_share: Floats
    site_battery_share: Floats
    site_battery_hours: Floats
    backup_share: Floats
    backup_permit_hours: Floats
    site_battery_efficiency: Floats
    day_ahead_forecast_error: Floats

    @classmethod
    def of(cls, prefix: str, draws: Draws | CentralPath) -> Policy:
        """The policy of a country, "us" or "cn", in a scenario."""
        names = [field.name for field in fields(cls)]
        both = ("site_battery_efficiency", "day_ahead_forecast_error")
        return cls(*(draws.parameter(name if name in both else f"{prefix}.{name}") for name in names))

    @property
    def only_energy(self) -> bool:
        """True where the curtailed share of energy is the only term."""
        return bool(self.energy_alone.all())

    @property
    def energy_alone(self) -> Booleans:
        """The same, for each draw and year."""
        limited = (self.longest_event_hours < HOURS) | (self.events_a_year < HOURS) | (self.ramp_share_an_hour < 1.0)
        asked = limited | (self.flexible_load_share < 1.0) | (self.sustained_depth < 1.0) | (self.notice_hours != 0.0)
        return ~(asked | self.supplied | (self.payback_share != 0.0))

    @property
    def local(self) -> bool:
        """True where the cut of an hour follows from the margin of that hour alone."""
        return not bool((self.ramped | self.supplied).any())

    @property
    def by_hours(self) -> bool:
        """True where the headroom of areas that exchange power rests on hours that can be named: local, no notice."""
        return self.local and not bool(self.notice_hours.any())

    @property
    def ramped(self) -> Booleans:
        """True for each that has a limit on ramps."""
        return self.ramp_share_an_hour < 1.0

    @property
    def supplied(self) -> Booleans:
        """True for each whose site has power of its own."""
        return (self.site_battery_share > 0.0) | (self.backup_share > 0.0)

    def at(self, members: NDArray[np.int64], y: int) -> Policy:
        """Terms (case,) of some draws in one year."""
        return Policy(*(getattr(self, field.name)[members, y] for field in fields(self)))

    def of_years(self, years: NDArray[np.int64]) -> Policy:
        """Terms (draw, year) of some years."""
        return Policy(*(getattr(self, field.name)[:, years] for field in fields(self)))

    def rows(self, rows: slice | NDArray[np.int64]) -> Policy:
        """Terms of some cases, or of some draws in all years."""
        return Policy(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def energy(self) -> Floats:
        """Part of the energy of all new load that may be curtailed."""
        return self.curtailable_fraction * self.flexible_load_share

    @property
    def depth(self) -> Floats:
        """Part of all new load that may be cut in an hour."""
        return self.flexible_load_share * self.sustained_depth

    @property
    def call_error(self) -> Floats:
        """Forecast error that a call covers, over native load."""
        lead = np.minimum(self.notice_hours, DAY) / DAY
        return self.day_ahead_forecast_error * np.sqrt(lead)


def require_only_energy(draws: Draws, prefix: str) -> None:
    """Raise CapacityError where a country's policy has terms that need an hourly margin of each area."""
    asked = [p for p in draws.scenario.overridden if p.removeprefix(f"{prefix}.") in _TERMS]
    if not Policy.of(prefix, draws).only_energy:
        raise CapacityError(
            f"scenario {draws.scenario.name!r}: {', '.join(asked)} need an hourly margin, firm_capacity or "
            "historic_peak, and storage that counts as firm; leave the others out, or keep to curtailable_fraction"
        )


class Site(NamedTuple):
    """What the grid has for new load, hour by hour, in some cases; all (case, hour).

    margin_mw : left beside native load, not below 0. [MW]
    called_mw : the same as known when a cut has to be called. [MW]
    backed : the hours in which backup may run: those with the lowest margins, which suit every load
    """

    margin_mw: Floats
    called_mw: Floats
    backed: Booleans

    @classmethod
    def of(cls, margin_mw: Floats, native_mw: Floats | None, terms: Policy) -> Site:
        """From margins and native load (case, hour); the latter only where there is notice. [MW]"""
        margin = np.maximum(margin_mw, 0.0)
        called = margin
        if native_mw is not None and terms.notice_hours.any():
            called = np.maximum(margin_mw - terms.call_error[:, None] * native_mw, 0.0)
        return cls.served(margin, called, terms)

    @classmethod
    def served(cls, margin_mw: Floats, called_mw: Floats, terms: Policy) -> Site:
        """From what is left, not below 0, and the same as known at the call, one object without notice."""
        return cls(margin_mw, called_mw, _backed(called_mw, terms))

    @property
    def known(self) -> Site:
        """The site if all were known in time."""
        return Site(self.margin_mw, self.margin_mw, self.backed)

    def rows(self, rows: NDArray[np.int64]) -> Site:
        called = self.called_mw[rows]
        margin = called if self.called_mw is self.margin_mw else self.margin_mw[rows]
        return Site(margin, called, self.backed[rows])


_TERMS = frozenset(field.name for field in fields(Policy)) - {"curtailable_fraction"}


def headroom(site: Site, terms: Policy, ceiling_mw: Floats, engine: Engine) -> Floats:
    """Largest constant new load (case,) that the terms allow. [MW]

    ceiling_mw : (case,)  Headroom by the energy share alone, without notice, ramps or supply at the site.
    """
    if terms.local:
        load = ceiling_mw if site.called_mw is site.margin_mw else _by_energy(site, terms, ceiling_mw, engine)
        return by_calls(site.called_mw, terms, np.minimum(load, _depth_limit(site, terms)))
    most = most_mw(site.called_mw.sum(axis=1), site.called_mw.shape[1], terms)
    top = most if terms.supplied.any() else ceiling_mw
    return _shrunk(site, terms, _by_energy(site, terms, top, engine), engine)


def cuts_mw(site: Site, terms: Policy, load_mw: Floats, engine: Engine) -> Floats:
    """Curtailment (case, hour) of a load (case,). [MW]"""
    if terms.supplied.any():
        power = terms.site_battery_share * load_mw
        store = power, power * terms.site_battery_hours, terms.site_battery_efficiency
        backup = Backup(terms.backup_share * load_mw, site.backed)
        cut = site_unserved_mw(site.called_mw, load_mw, backup, store, engine=engine)
    else:
        cut = np.maximum(load_mw[:, None] - site.called_mw, 0.0)
    if (terms.ramp_share_an_hour < 1.0).any():
        cut = ramp_envelope_mw(cut, terms.ramp_share_an_hour * terms.flexible_load_share * load_mw, engine=engine)
    if not terms.local:
        cut[cut <= NO_CUT * load_mw[:, None]] = 0.0
    return cut


def lost_mwh(site: Site, terms: Policy, load_mw: Floats, cut_mw: Floats) -> Floats:
    """Energy (case,) that a load forgoes in the end: what is cut less what is made up in the next 24 hours. [MWh]"""
    total = cut_mw.sum(axis=1)
    if not terms.payback_share.any():
        return total
    so_far = np.cumsum(np.pad(cut_mw, ((0, 0), (1, 0))), axis=1)
    before = np.concatenate([np.zeros((len(cut_mw), DAY)), so_far[:, :-1]], axis=1)[:, : cut_mw.shape[1]]
    owed = terms.payback_share[:, None] * (so_far[:, :-1] - before) / DAY
    room = np.where(cut_mw > 0.0, 0.0, np.maximum(site.margin_mw - load_mw[:, None], 0.0))
    return total - np.minimum(owed, room).sum(axis=1)


def _depth_limit(site: Site, terms: Policy) -> Floats:
    """Largest load (case,) whose deepest cut is within the depth: the rest is served in every hour."""
    served = 1.0 - terms.depth
    worst = site.margin_mw.min(axis=1)
    return np.divide(worst, served, out=np.full(len(served), np.inf), where=served > 0.0)


def by_calls(margin_mw: Floats, terms: Policy, load_mw: Floats) -> Floats:
    """Largest load (case,), at most load_mw, whose curtailed hours keep length and number of events. [MW]

    margin_mw : (case, hour)  Largest load that is not curtailed in the hour.
    """
    load = np.minimum(load_mw, length_limit(margin_mw, terms.longest_event_hours))
    return events_limit(margin_mw, load, terms)


def length_limit(margin_mw: Floats, longest_h: Floats) -> Floats:
    """Largest load (case,) without more curtailed hours in a row: every longer window has an hour that serves all."""
    from scipy.ndimage import maximum_filter1d  # takes a while to load

    limit = np.full(len(margin_mw), np.inf)
    whole = np.floor(longest_h).astype(np.int64)
    for hours in np.unique(whole[whole < margin_mw.shape[1]]):
        rows = np.flatnonzero(whole == hours)
        best = maximum_filter1d(margin_mw[rows], int(hours) + 1, axis=1, mode="constant", cval=np.inf)
        limit[rows] = best.min(axis=1)
    return limit


def events_limit(margin_mw: Floats, load_mw: Floats, terms: Policy) -> Floats:
    """Largest load (case,), at most load_mw, whose curtailed hours fit into the calls of a year."""
    limit = load_mw.copy()
    for case in np.flatnonzero(terms.events_a_year < HOURS):
        row, most, length = margin_mw[case], int(terms.events_a_year[case]), int(terms.longest_event_hours[case])
        (hours,) = np.nonzero(row < load_mw[case])
        if fits(hours, most, length):
            continue
        levels = np.unique(row[hours])
        # The load may rise to the margin of the first hour whose curtailment asks for one call too many.
        low, high = 0, len(levels)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(hours[row[hours] < levels[middle]], most, length) else (low, middle)
        limit[case] = levels[low]
    return limit


def fits(hours: NDArray[np.int64], most: int, length: int) -> bool:
    """Whether hours, ascending, lie in at most `most` windows of `length` hours; windows opened late are the fewest."""
    listed, at = hours.tolist(), 0
    for _ in range(most):
        if at >= len(listed):
            return True
        at = bisect_left(listed, listed[at] + length, at)
    return at >= len(listed)


def longest_run(cut: Booleans) -> NDArray[np.int64]:
    """Longest run (case,) of hours (case, hour) that hold."""
    return np.array([max((int(n) for _, n in runs(row)), default=0) for row in cut], dtype=np.int64)


def runs(cut: Booleans) -> Iterator[tuple[int, int]]:
    """First hour and length of every run of hours (hour,) that hold."""
    edges = np.flatnonzero(np.diff(np.r_[0, cut.astype(np.int8), 0]))
    yield from zip(edges[::2].tolist(), (edges[1::2] - edges[::2]).tolist(), strict=True)


def _backed(margin_mw: Floats, terms: Policy) -> Booleans:
    """The hours (case, hour) with the lowest margins, as many as the permit has where there is backup."""
    found = np.zeros(margin_mw.shape, dtype=bool)
    for case in np.flatnonzero((terms.backup_share > 0.0) & (terms.backup_permit_hours >= 1.0)):
        count = min(int(terms.backup_permit_hours[case]), margin_mw.shape[1])
        found[case, np.argpartition(margin_mw[case], count - 1)[:count]] = True
    return found


def most_mw(served_mwh: Floats, hours: int, terms: Policy) -> Floats:
    """A load (case,) beyond which a year's energy does not go round, whatever the site does. [MW]

    served_mwh : (case,) what the grid can give at most. [MWh]
    """
    own_h = terms.backup_share * terms.backup_permit_hours + terms.site_battery_share * terms.site_battery_hours
    return served_mwh / (hours * (1.0 - terms.energy) - own_h)


def _by_energy(site: Site, terms: Policy, top_mw: Floats, engine: Engine) -> Floats:
    """Largest load (case,), at most top_mw, whose curtailed share of energy is within the terms, by false position."""
    allowed = terms.energy * site.called_mw.shape[1]

    def excess(load: Floats) -> Floats:
        cut = cuts_mw(site, terms, load, engine).sum(axis=1)
        return np.divide(cut, load, out=np.zeros_like(cut), where=load > 0.0) - allowed

    return falling_root(excess, top_mw)


def _shrunk(site: Site, terms: Policy, load_mw: Floats, engine: Engine) -> Floats:
    """Largest load (case,), at most load_mw, that keeps all terms but that of energy, which it meets: by halving."""
    return halved(lambda rows, load: kept(site.rows(rows), terms.rows(rows), load, engine), load_mw)


def halved(keeps: Callable[[NDArray[np.int64], Floats], Booleans], load_mw: Floats) -> Floats:
    """Largest load (case,), at most load_mw, that keeps what every smaller one keeps: by halving.

    keeps : of the numbers of some cases and a load of each
    """
    low, high = np.zeros_like(load_mw), load_mw.copy()
    good = keeps(np.arange(len(load_mw)), load_mw)
    low[good] = load_mw[good]
    left = np.flatnonzero(~good)
    while left.size:
        middle = 0.5 * (low[left] + high[left])
        good = keeps(left, middle)
        low[left[good]], high[left[~good]] = middle[good], middle[~good]
        left = left[high[left] - low[left] > PRECISION * np.maximum(high[left], 1.0)]
    return low


def kept(site: Site, terms: Policy, load_mw: Floats, engine: Engine) -> Booleans:
    """Whether cuts at a load (case,) keep depth, length and number of events."""
    cut = cuts_mw(site, terms, load_mw, engine)
    needed = cut if site.called_mw is site.margin_mw else cuts_mw(site.known, terms, load_mw, engine)
    within = needed.max(axis=1) <= terms.depth * load_mw * (1.0 + NO_CUT)
    return within & calls_kept(cut, terms, within)


def calls_kept(cut_mw: Floats, terms: Policy, among: Booleans) -> Booleans:
    """Whether cuts (case, hour) keep length and number of events; only for some cases, the others being False."""
    good = among.copy()
    if (terms.longest_event_hours < HOURS).any():
        good &= longest_run(cut_mw > 0.0) <= terms.longest_event_hours
    for case in np.flatnonzero(good & (terms.events_a_year < HOURS)):
        most, length = int(terms.events_a_year[case]), int(terms.longest_event_hours[case])
        good[case] = fits(np.flatnonzero(cut_mw[case] > 0.0), most, length)
    return good


def falling_root(excess: Callable[[Floats], Floats], top: Floats) -> Floats:
    """Largest x (case,) in [0, top] with excess(x) <= 0, to a relative width; excess rises and is at most 0 at 0.

    False position with halved ends (Illinois), by halves after three poor steps; the lower end of the last bracket is
    returned.
    """
    low, high = np.zeros_like(top), top.copy()
    below, above = excess(low), excess(high)
    low = np.where(above <= 0.0, high, low)
    poor, last = np.zeros((2, len(top)), dtype=np.int64)
    while True:
        width = high - low
        wide = width > PRECISION * np.maximum(high, 1.0)  # a case that is done stays as it is beside others
        if not wide.any():
            return low
        slope = above - below
        part = np.divide(-below, slope, out=np.full_like(low, 0.5), where=(slope > 0.0) & (poor % 4 < 3))
        # A step inside each end, so that the other end comes as near once this one has the root.
        step = np.minimum(0.4 * PRECISION * np.maximum(high, 1.0), 0.5 * width)
        tried = np.clip(low + part * width, low + step, high - step)
        value = excess(tried)
        over = value > 0.0
        below = np.where(over, np.where(last > 0, 0.5 * below, below), value)
        above = np.where(over, value, np.where(last < 0, 0.5 * above, above))
        last = np.where(over, 1, -1)
        low, high = np.where(wide & ~over, tried, low), np.where(wide & over, tried, high)
        poor = np.where(high - low > 0.5 * width, poor + 1, 0)
