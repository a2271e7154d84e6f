"""From headroom to hosted load and compute: composes grids, scenarios and cuda_kernels."""

from capacity.errors import CapacityError
from capacity.estimate import estimate

__all__ = ["CapacityError", "estimate"]
