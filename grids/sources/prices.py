"""Average price of electricity to industry by US state, 2023 (EIA, public domain)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.sources.checks import original, require_columns

USD_PER_MWH_PER_CENT_PER_KWH: Final = 10.0


def industrial_usd_per_mwh(originals: Path) -> dict[str, float]:
    """Price by postal code [usd_2023/MWh]. Wyoming is not in the stored table and so not in the result."""
    import pandas as pd

    path = original(originals, "eia_state/price_2023_industrial_commercial_cents_kwh.csv")
    table = pd.read_csv(path)
    require_columns(table, ["state", "industrial_cents_kwh"], path.name)
    known = table[table["industrial_cents_kwh"].notna()]
    return {
        str(state): float(cents) * USD_PER_MWH_PER_CENT_PER_KWH
        for state, cents in zip(known["state"], known["industrial_cents_kwh"], strict=True)
    }
