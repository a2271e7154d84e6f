"""Real supply and demand of the US and Chinese grids, gridded and labelled."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grids.areas import AREAS, TECHNOLOGIES
    from grids.store import grid_hash, open_grid, write_grid
    from grids.variables import GridDataError, validate

__all__ = ["AREAS", "TECHNOLOGIES", "GridDataError", "grid_hash", "open_grid", "validate", "write_grid"]

# The command line imports this package to print a help text; NumPy and the tables load on first use.
_HOMES = {
    "AREAS": "areas",
    "TECHNOLOGIES": "areas",
    "GridDataError": "variables",
    "grid_hash": "store",
    "open_grid": "store",
    "validate": "variables",
    "write_grid": "store",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
