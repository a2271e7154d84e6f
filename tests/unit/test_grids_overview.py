"""The page on the data is made from the grid, and says first what to doubt."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr

from grids import open_grid
from grids.overview import page
from grids.variables import REGISTRY

DOCS = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.fixture(scope="module")
def grid() -> xr.Dataset:
    return open_grid()


def test_page_is_current(grid: xr.Dataset) -> None:
    if not DOCS.parent.is_dir():
        pytest.skip("no docs beside an installed package")
    assert DOCS.read_text(encoding="utf-8") == page(grid), "run: python -m grids.overview > docs/data.md"


def test_page_tells_every_variable_and_counts_the_grid(grid: xr.Dataset) -> None:
    text = page(grid)
    assert [name for name, v in REGISTRY.items() if not v.coordinate and f"**`{name}`**" not in text] == []
    assert text.index("## Weak spots first") < text.index("## Variables")
    changed = grid.copy()
    changed["wind_record"] = xr.full_like(grid["wind_record"], "borrowed from a neighbour", dtype=object)
    assert f"| hourly wind | 0 | 0 | {int((grid['profile_area'].str.startswith('us.')).sum())} |" in page(changed)
    assert "{" not in text.replace("{a,b}", "")
