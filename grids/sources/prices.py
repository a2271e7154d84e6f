"""Average price of electricity to industry by US state, 2023 (EIA, public domain)."""

from __future__ import annotations

import importlib.resources
from typing import Final

USD_PER_MWH_PER_CENT_PER_KWH: Final = 10.0


def industrial_usd_per_mwh() -> dict[str, float]:
    """Price by postal code [usd_2023/MWh], from `grids/data/us_prices.yaml`. Wyoming is not known."""
    from ruamel.yaml import YAML

    text = importlib.resources.files("grids").joinpath("data", "us_prices.yaml").read_text(encoding="utf-8")
    cents: dict[str, float] = YAML(typ="safe").load(text)["industrial_cents_per_kwh"]
    return {state: price * USD_PER_MWH_PER_CENT_PER_KWH for state, price in cents.items()}
