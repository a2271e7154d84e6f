"""Average price of electricity to industry by US state, 2023 (EIA, public domain)."""

from __future__ import annotations

from typing import Final

from grids.tables import read_table

USD_PER_MWH_PER_CENT_PER_KWH: Final = 10.0


def industrial_usd_per_mwh() -> dict[str, float]:
    """Price by postal code [usd_2023/MWh], from `grids/data/us_prices.yaml`. Wyoming is not known."""
    cents: dict[str, float] = read_table("us_prices.yaml")["industrial_cents_per_kwh"]
    return {state: price * USD_PER_MWH_PER_CENT_PER_KWH for state, price in cents.items()}
