"""Headroom of areas that exchange power for several sets of profiles, such as the years of a group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._namespace import Array, DeviceName, resolve_device
from .errors import KernelError
from .headroom import Engine
from .network import NetworkHeadroom, network_headroom, prepared


def fits_device(areas: int, terms: int, limits_mw: Array, *, import_sets: bool = False) -> bool:
    """Whether a GPU takes networks: 32 areas, 12 profiles an area, 96 links, no caps on what sets of areas import.

    limits_mw : (..., area, area), of all cases that are to be solved together
    """
    from ._network_cuda import problems

    return not problems(areas, terms, np.asarray(limits_mw), import_sets)


def network_headroom_of_sets(
    sets: Sequence[tuple[Array, Array, Array, Array, Array]],
    *,
    firm_extra_mw: Sequence[Array | None] | None = None,
    import_cap_mw: Sequence[Array | None] | None = None,
    engine: Engine = "auto",
    device: DeviceName = "cpu",
) -> list[NetworkHeadroom]:
    """network.network_headroom of each set, all of them in one launch on a GPU.

    sets : of profiles, coefficients, limits_mw, direction and curtailable_fraction; all with the same sizes
    firm_extra_mw, import_cap_mw : of each set, or None for none

    Raises KernelError as network_headroom does, and for sets of other sizes than the first.
    """
    nothing = [None] * len(sets)
    beside = list(zip(import_cap_mw or nothing, firm_extra_mw or nothing, strict=True))
    if resolve_device(device) != "gpu":
        each = zip(sets, beside, strict=True)
        return [
            network_headroom(*one, import_cap_mw=cap, firm_extra_mw=extra, engine=engine) for one, (cap, extra) in each
        ]
    from ._network_cuda import headroom

    ready = [prepared(*one, more) for one, more in zip(sets, beside, strict=True)]
    shapes = {(one.profiles.shape, one.coefficients.shape, one.shares.shape) for one in ready}
    if len(shapes) > 1:
        raise KernelError(f"sets must all have the same sizes, got {sorted(shapes)}")
    if not ready:
        return []
    cases = len(ready[0].coefficients)
    found = headroom(ready)
    parts = [slice(s * cases, (s + 1) * cases) for s in range(len(ready))]
    return [NetworkHeadroom(*(values[part] for values in found)) for part in parts]
