"""One scenario out of several: `us-flexible-load+us-transmission-surge`."""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.correlation_file import default_correlation
from scenarios.document import value_text
from scenarios.errors import Problem, ScenarioError
from scenarios.schema import Parameter, Scenario

JOINT = "+"
"""Between the names of a composition's members; no scenario's own name may hold it."""


def compose(members: Sequence[Scenario]) -> Scenario:
    """The scenario in which every override of every member holds.

    members : each with the documented defaults merged in; the order names the result and changes no number, label or
        source. A parameter that several members set to the same value keeps the label and source of the first of
        them in alphabetical order.

    Raises ScenarioError naming every member given twice, and for every parameter that two members set to different
    values the two scenarios, the parameter and both values.
    """
    problems = [
        Problem(f"{_joined(members)}: {name!r} is composed with itself; name it once")
        for name in sorted({m.name for m in members if [n.name for n in members].count(m.name) > 1})
    ]
    taken: dict[str, tuple[Parameter, Scenario]] = {}
    for member in sorted(members, key=lambda scenario: scenario.name):
        for parameter_id in member.overridden:
            asked = member.parameter(parameter_id)
            first, owner = taken.setdefault(parameter_id, (asked, member))
            if first.value != asked.value:
                problems.append(_conflict(members, owner, first, member, asked))
    correlations = {m.correlation for m in members} - {default_correlation()}
    if len(correlations) > 1:
        text = "these scenarios correlate parameters differently; one of them only may say how"
        problems.append(Problem(text, _joined(members), None, "correlation"))
    if problems:
        raise ScenarioError(problems)
    return Scenario(
        name=_joined(members),
        title="; ".join(member.title for member in members),
        rationale=" ".join(f"{member.name}: {member.rationale}" for member in members),
        sources=tuple(dict.fromkeys(source for member in members for source in member.sources)),
        overridden=tuple(sorted(taken)),
        parameters=tuple(taken[p.id][0] if p.id in taken else p for p in members[0].parameters),
        correlation=correlations.pop() if correlations else default_correlation(),
    )


def _joined(members: Sequence[Scenario]) -> str:
    return JOINT.join(member.name for member in members)


def _conflict(
    members: Sequence[Scenario], owner: Scenario, first: Parameter, other: Scenario, own: Parameter
) -> Problem:
    return Problem(
        f"{owner.name} sets {value_text(first.value)} [{first.unit}] and {other.name} sets {value_text(own.value)}; "
        "one parameter cannot be both, so leave one scenario out or write a file that says which",
        _joined(members),
        None,
        first.id,
    )
