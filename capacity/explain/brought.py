"""What one more MW brings to a group of areas whose new load has terms that carry on from hour to hour, or notice.

There no hours can be named that the headroom rests on: it is searched again with one MW more of each thing, along the
same direction, all such cases side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy.policies import Policy
from capacity.network import terms as network_terms
from capacity.network.sites import Joined, Known
from cuda_kernels.network import network_headroom

Floats = NDArray[np.float64]


class More(NamedTuple):
    """One more MW: of a resource in an area, whose output (hour,) of one MW is given, or of a link from, to."""

    area: int
    output: Floats | None = None
    end: int = -1


def brought_mw(known: Known, direction: Floats, terms: Policy, extra_mw: Floats, more: Sequence[More]) -> Floats:
    """Group headroom (more,) that each adds. [MW]

    known : the group in one case; terms : of it. direction : (area,)
    extra_mw : (area,) what storage adds to load that is never cut
    """
    now = _with(known.now, more)
    both = Known(now, now if known.called is known.now else _with(known.called, more))
    cases = len(more) + 1
    along, policy = np.tile(direction, (cases, 1)), terms.rows(np.zeros(cases, np.int64))
    shares = np.stack([np.zeros(cases), policy.energy], axis=1)
    linear = now.profiles, now.coefficients, now.limits_mw
    by_energy = network_headroom(*linear, along, shares, **now.capped, firm_extra_mw=extra_mw).headroom_mw
    load = network_terms.headroom(both, along, policy, (by_energy[:, 0], by_energy[:, 1]), "auto").load_mw
    return load[1:] - load[0]


def _with(joined: Joined, more: Sequence[More]) -> Joined:
    """The group as it is, and with one more MW of each thing, as cases."""
    areas, _, hours = joined.profiles.shape
    outputs = np.zeros((areas, len(more), hours))
    coefficients = np.zeros((len(more) + 1, areas, len(more)))
    limits = np.repeat(joined.limits_mw, len(more) + 1, axis=0)
    for case, one in enumerate(more, start=1):
        if one.output is None:
            limits[case, one.area, one.end] += 1.0
        else:
            outputs[one.area, case - 1] = one.output
            coefficients[case, one.area, case - 1] = 1.0
    every = np.zeros(len(more) + 1, np.int64)
    same = joined.rows(every)
    return same._replace(
        profiles=np.concatenate([joined.profiles, outputs], axis=1),
        coefficients=np.concatenate([same.coefficients, coefficients], axis=2),
        limits_mw=limits,
    )
