"""Checks that every table reader applies at its door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from grids.variables import GridDataError

if TYPE_CHECKING:
    import pandas as pd


def original(originals: Path, relative: str) -> Path:
    """Path of one original file; `GridDataError` when it is not there."""
    path = Path(originals) / relative
    if not path.is_file():
        raise GridDataError(f"{path}: no such original; `gridflops grids fetch` lists and downloads them")
    return path


def require_columns(frame: pd.DataFrame, columns: Iterable[str], place: object) -> None:
    """Refuse a table without the columns we know; names all that are missing."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise GridDataError(
            f"{place}: missing column(s) {missing}; the table has {[str(c) for c in frame.columns][:20]}"
        )


def translated(values: pd.Series, lexicon: Mapping[str, str], place: object) -> pd.Series:
    """Our word for each foreign word; `GridDataError` lists every word without a rule."""
    unknown = sorted({str(value) for value in values.unique() if value not in lexicon})
    if unknown:
        raise GridDataError(f"{place}: no rule for {unknown}; known: {sorted(lexicon)}")
    return values.map(dict(lexicon))
