"""From headroom to hosted load and compute: composes grids, scenarios and cuda_kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capacity.errors import CapacityError

if TYPE_CHECKING:
    from capacity.estimation import estimate
    from capacity.result.netcdf import open_result

__all__ = ["CapacityError", "estimate", "open_result"]


def __getattr__(name: str) -> Any:
    """Load the functions on first use, so that the command line starts without xarray and scipy."""
    if name == "estimate":
        from capacity.estimation import estimate

        return estimate
    if name == "open_result":
        from capacity.result.netcdf import open_result

        return open_result
    raise AttributeError(f"module 'capacity' has no attribute {name!r}")
