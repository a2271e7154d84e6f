"""Real supply and demand of the US and Chinese grids, gridded and labelled."""

from grids.areas import AREAS, TECHNOLOGIES
from grids.store import grid_hash, open_grid, write_grid
from grids.variables import GridDataError, validate

__all__ = ["AREAS", "TECHNOLOGIES", "GridDataError", "grid_hash", "open_grid", "validate", "write_grid"]
