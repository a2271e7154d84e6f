"""Scores that a hindcast has worked out already, kept beside its results so that an interrupted run goes on.

A part is one scope, series and group of models. It is taken from the folder only where record, request and the code
that made it are the same to the byte; otherwise it is worked out anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from capacity.hindcast.panel import Panel

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = "identity"
_ALL = ("hindcast/mixture", "hindcast/panel", "hindcast/rolling")
CODE_OF_EXPERTS = (
    *_ALL, "supply/experts_data", "supply/smoothing",
    *(f"hindcast/{name}" for name in ("tuning", "shares", "experts", "displacement", "baselines")),
)  # fmt: skip
CODE_OF_BASELINE = (*_ALL, "hindcast/statistical")
"""Modules of `capacity` that the scores of the experts depend on, and those of a slow baseline."""


def identity(modules: Sequence[str], panel: Panel, said: Mapping[str, object]) -> str:
    """Checksum of the source of some modules of `capacity`, of a record, and of what is asked of it."""
    found = hashlib.sha256(json.dumps([panel.entities, panel.series, panel.scope, said]).encode())
    for table in (panel.years, panel.level, panel.total, panel.renewables):
        found.update(np.ascontiguousarray(table).tobytes())
    for name in modules:
        found.update(files("capacity").joinpath(f"{name}.py").read_bytes())
    return found.hexdigest()


def read(path: Path, wanted: str) -> pd.DataFrame | None:
    """The part at `path` if it is whole and of this identity, bit for bit as it was written."""
    import pandas as pd

    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            if str(stored[IDENTITY]) == wanted:
                return pd.DataFrame({name: stored[name] for name in stored.files if name != IDENTITY})
    except (FileNotFoundError, EOFError, KeyError, ValueError, BadZipFile):
        pass  # none, or none that can be used: it is worked out
    return None


def write(table: pd.DataFrame, path: Path, wanted: str) -> None:
    """Write a part all at once, so that no reader ever finds half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {IDENTITY: np.array(wanted)}
    for name in map(str, table):
        values = table[name].to_numpy()
        columns[name] = values if values.dtype.kind in "if" else values.astype(str)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as stream:
        np.savez_compressed(stream, **columns)
    os.replace(unfinished, path)
