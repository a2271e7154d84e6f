"""Electricity sold in each US state and year: EIA State Energy Data System (SEDS), 1960-2023.

MSN code ESTCP: total consumption, that is sales to ultimate customers, in million kWh.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from grids.units import MWH_PER_MILLION_KWH
from grids.variables import GridDataError

if TYPE_CHECKING:
    import pandas as pd

SEDS: Final = "eia_state/seds_use_all_phy_electricity_1960_2023.parquet"
CODES: Final = {"ESTCP": ("sales_mwh", MWH_PER_MILLION_KWH)}
FIRST_YEAR, LAST_YEAR = 2010, 2023
STATES_AND_DC: Final = 51


def read_state_sales(originals: Path) -> pd.DataFrame:
    """Electricity sales in MWh; rows postal code of 50 states and DC, columns year 2010-2023.

    Raises GridDataError when a state or year is absent, repeated, not positive, or the states do not sum to the
    published national total within 0.1 %.
    """
    import pandas as pd

    from grids.sources.checks import original, require_columns

    raw = pd.read_parquet(original(originals, SEDS))
    years = [str(year) for year in range(FIRST_YEAR, LAST_YEAR + 1)]
    require_columns(raw, ["State", "MSN", *years], SEDS)
    code, (_, factor) = next(iter(CODES.items()))
    table = raw[raw["MSN"] == code].set_index("State")[years].astype(np.float64) * factor
    table.columns = pd.Index([int(year) for year in years], name="year")
    problems = []
    if table.index.has_duplicates:
        problems.append(f"{SEDS}: {code} of {sorted(set(table.index[table.index.duplicated()]))} occurs twice")
    if "US" not in table.index or len(table) != STATES_AND_DC + 1:
        problems.append(f"{SEDS}: {code} has {len(table)} rows; expected 50 states, DC and US")
    bad = ~(table > 0)
    for state in table.index[bad.any(axis=1)]:
        problems.append(f"{SEDS}: {code} of {state} in {table.columns[bad.loc[state]][0]} is missing or zero")
    if problems:
        raise GridDataError(problems)
    states = table.drop(index="US")
    gap = (states.sum() / table.loc["US"] - 1).abs()
    if (gap > 1e-3).any():
        raise GridDataError(f"{SEDS}: states miss the national {code} by {gap.max():.2%} in {gap.idxmax()}")
    return states
