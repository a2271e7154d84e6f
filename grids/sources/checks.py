"""Checks that every table reader applies at its door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from grids.variables import GridDataError

# A pandas table and one column of it. The type stubs of pandas cannot follow tables with several index levels,
# so the names say what is meant and are not checked.
Frame: TypeAlias = Any
Column: TypeAlias = Any


def original(originals: Path, relative: str) -> Path:
    """Path of one original file; `GridDataError` when it is not there."""
    path = Path(originals) / relative
    if not path.is_file():
        raise GridDataError(f"{path}: no such original; `gridflops grids fetch` lists and downloads them")
    return path


def require_columns(frame: Frame, columns: Iterable[str], place: object) -> None:
    """Refuse a table without the columns we know; names all that are missing."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise GridDataError(
            f"{place}: missing column(s) {missing}; the table has {[str(c) for c in frame.columns][:20]}"
        )


def translated(values: Column, lexicon: Mapping[str, str], place: object) -> Column:
    """Our word for each foreign word; `GridDataError` lists every word without a rule."""
    unknown = sorted({str(value) for value in values.unique() if value not in lexicon})
    if unknown:
        raise GridDataError(f"{place}: no rule for {unknown}; known: {sorted(lexicon)}")
    return values.map(dict(lexicon))
