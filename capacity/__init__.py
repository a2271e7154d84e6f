"""From headroom to hosted load and compute: composes grids, scenarios and cuda_kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capacity.errors import CapacityError

if TYPE_CHECKING:
    from capacity.estimation import estimate

__all__ = ["CapacityError", "estimate"]


def __getattr__(name: str) -> Any:
    """Load `estimate` on first use, so that the command line starts without xarray and scipy."""
    if name == "estimate":
        from capacity.estimation import estimate

        return estimate
    raise AttributeError(f"module 'capacity' has no attribute {name!r}")
