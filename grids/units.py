"""The few factors used to bring publishers' units to MW and MWh, each with its derivation."""

from __future__ import annotations

HOURS_PER_YEAR = 8760  # 365 days x 24 h: the length of every hourly series here
HOURS_PER_LEAP_YEAR = 8784  # 366 days x 24 h: what a published leap-year energy covers

MWH_PER_GWH = 1e3  # 1 GWh = 10^9 Wh, 1 MWh = 10^6 Wh
MWH_PER_TWH = 1e6  # 1 TWh = 10^12 Wh
MWH_PER_MILLION_KWH = 1e3  # 10^6 kWh = 10^9 Wh (EIA State Energy Data System, series ending in P)
MWH_PER_WAN_KWH = 10.0  # 万千瓦时: 10^4 kWh = 10^7 Wh
MWH_PER_YI_KWH = 1e5  # 亿千瓦时: 10^8 kWh = 10^11 Wh, "100 million kwh" in English tables
MW_PER_WAN_KW = 10.0  # 万千瓦: 10^4 kW = 10 MW
MW_PER_GW = 1e3
