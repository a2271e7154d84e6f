"""Hourly load of the Chinese provinces at the level of 2018: load table of PyPSA-China-PIK.

The shape is partly synthetic: published typical days and monthly statistics, not meter readings. The clock is
Beijing time (UTC+8), hour 1 taken as the hour that begins at midnight [J]: the deepest hour then lies between 3 and 6
in the morning in every province but Ningxia.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from grids.hours import local_to_utc
from grids.tables import read_table
from grids.units import HOURS_PER_YEAR
from grids.variables import GridDataError

if TYPE_CHECKING:
    import pandas as pd

TABLE: Final = "pypsa_china_pik/hourly_demand_31_provinces_mwh.parquet"
BEIJING_OFFSET_HOURS: Final = 8


def read_hourly_load(originals: Path) -> pd.DataFrame:
    """Load in MW; rows hour 0-8759 UTC, columns area id in yearbook order.

    Raises GridDataError for an unknown or absent province, an hour that is absent, and a load that is not positive.
    """
    import pandas as pd

    from grids.sources.checks import original

    raw = pd.read_parquet(original(originals, TABLE))
    lexicon = {entry["code"]: area for area, entry in read_table("cn_areas.yaml")["areas"].items()}
    problems = [
        f"{TABLE}: no rule for province {code!r}; add it to cn_areas.yaml" for code in raw if code not in lexicon
    ]
    problems += [f"{TABLE}: province {code!r} ({area}) is absent" for code, area in lexicon.items() if code not in raw]
    if list(raw.index) != list(range(1, HOURS_PER_YEAR + 1)):
        problems.append(f"{TABLE}: expected hours 1 to {HOURS_PER_YEAR}, got {raw.index[0]} to {raw.index[-1]}")
    values = raw.to_numpy(dtype=np.float64)
    if not (values > 0).all():
        hour, column = np.argwhere(~(values > 0))[0]
        place = f"{raw.columns[column]} in hour {hour + 1}"
        problems.append(f"{TABLE}: {place} is {values[hour, column]}; zero is not a load")
    if problems:
        raise GridDataError(problems)
    utc = local_to_utc(values.T, BEIJING_OFFSET_HOURS).T
    return pd.DataFrame(utc, columns=[lexicon[code] for code in raw.columns])[list(lexicon.values())]
