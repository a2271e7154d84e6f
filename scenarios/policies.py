"""Flexible-load policy: on what terms new load of a country may be curtailed, as one object of a scenario file.

Each term stands for a parameter of `parameters/flexibility.yaml` (or `curtailable_fraction`) and becomes an override of
it, so that policies compose, differ, hash, sweep and are documented like everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from scenarios.correlation_file import Said
from scenarios.distributions import Constant, Path, Value
from scenarios.schema import Closed, Label, Override, ScenarioHeader, Text

Country = Literal["us", "cn"]
Term = Value | None


class FlexibleLoad(Closed):
    """Terms on which new load of one country takes power. A term left out keeps its parameter's default."""

    label: Label
    """F found in a source, P computed from found figures, R recalled, J judgement; holds for every term."""
    source: Text
    """Tariff, programme or paper the terms come from, or who judged them and from what."""
    fixed_because: Text | None = None
    """Why terms labelled R or J have no spread; needed where one of them is a number or a path."""
    flexible_share: Term = None
    """Part of the new load that may be curtailed; the rest is firm. [1]"""
    curtailment_share: Term = None
    """Largest part of its yearly energy that the flexible part may be asked to forgo. [1]"""
    sustained_depth: Term = None
    """Deepest cut of the flexible part that can be held hour after hour. [1]"""
    longest_event_h: Term = None
    """Most hours in a row with any curtailment. [h]"""
    events_a_year: Term = None
    """Most calls in a year, each of at most longest_event_h. [1/yr]"""
    ramp_share_an_hour: Term = None
    """Largest change of the flexible part from one hour to the next. [1]"""
    notice_h: Term = None
    """Hours ahead that a cut has to be called. [h]"""
    payback_share: Term = None
    """Part of the forgone energy that is made up within 24 hours where the grid has room. [1]"""
    battery_share: Term = None
    """Power of batteries at the site over the new load. [1]"""
    battery_h: Term = None
    """Hours that they last at that power. [h]"""
    backup_share: Term = None
    """Generators at the site that run only when the grid is short, over the new load. [1]"""
    backup_permit_h: Term = None
    """Hours a year for which they may run. [h/yr]"""

    def terms(self) -> Iterator[tuple[str, Value]]:
        """Terms that are given, with their values."""
        for name in PARAMETERS:
            value = getattr(self, name)
            if value is not None:
                yield name, value

    def reason(self, value: Value) -> str | None:
        """`fixed_because` of one term: only numbers and paths labelled R or J take one."""
        fixed = isinstance(value, Constant | Path)
        return self.fixed_because if fixed and self.label in ("R", "J") else None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Term and message of each rule that holds between terms."""
        given = dict(self.terms())
        if not given:
            yield "", f"needs at least one term of {', '.join(PARAMETERS)}"
        for name, needed in NEEDS.items():
            if name in given and needed not in given:
                yield name, f"means nothing without {needed}; give both"
        firm = given.get("flexible_share")
        if isinstance(firm, Constant) and firm.value == 0.0 and len(given) > 1:
            yield "flexible_share", "a load that is all firm takes no other term; leave them out"
        if self.fixed_because is not None and given and not any(map(self.reason, given.values())):
            yield "fixed_because", "only for a number or path labelled R or J; leave it out"


class ScenarioFile(ScenarioHeader):
    """A scenario as written: named overrides on the documented defaults."""

    overrides: Mapping[str, Override] = {}
    """Parameter id: override."""
    flexible_load: Mapping[Country, FlexibleLoad] = {}
    """Country, us or cn: terms on which its new load takes power."""
    correlation: Said | None = None
    """How parameters move together: `none`, or what differs from the documented default."""


PARAMETERS: Mapping[str, str] = {
    "flexible_share": "flexible_load_share",
    "curtailment_share": "curtailable_fraction",
    "sustained_depth": "sustained_depth",
    "longest_event_h": "longest_event_hours",
    "events_a_year": "events_a_year",
    "ramp_share_an_hour": "ramp_share_an_hour",
    "notice_h": "notice_hours",
    "payback_share": "payback_share",
    "battery_share": "site_battery_share",
    "battery_h": "site_battery_hours",
    "backup_share": "backup_share",
    "backup_permit_h": "backup_permit_hours",
}
"""Term of a policy and the parameter, without its country, that it sets."""
NEEDS: Mapping[str, str] = {
    "events_a_year": "longest_event_h",
    "battery_h": "battery_share",
    "battery_share": "battery_h",
    "backup_share": "backup_permit_h",
    "backup_permit_h": "backup_share",
}
"""Terms that only mean something beside another."""
COUNTRIES: tuple[str, ...] = get_args(Country)
