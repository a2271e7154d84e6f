"""National and provincial figures for China that no original table here holds, each with its source.

Labels: F found in the page named, R recalled and still to be re-sourced, J judgement.
"""

from __future__ import annotations

from typing import Final

# New-type (battery) storage, MW. End of 2024, F: National Energy Administration press conference,
# 23 January 2025: 73.76 GW / 168 GWh; five provinces by name, shares of the six regional grids.
BATTERY_2024_MW: Final = 73_760.0
# End of 2025. R: National Energy Administration, January 2026.
BATTERY_2025_MW: Final = 136_000.0
BATTERY_NAMED_MW: Final = {
    "Inner Mongolia": 10_230.0,
    "Xinjiang": 8_570.0,
    "Shandong": 7_170.0,
    "Jiangsu": 5_620.0,
    "Ningxia": 4_430.0,
}
BATTERY_REGION_SHARE: Final = {
    "north": 0.301,
    "northwest": 0.254,
    "east": 0.169,
    "central": 0.147,
    "south": 0.124,
    "northeast": 0.005,
}
# The same conference: these ten hold more than 2 GW each. F.
BATTERY_ABOVE_2_GW: Final = (
    "Hebei", "Zhejiang", "Gansu", "Guangdong", "Hunan", "Guangxi", "Henan", "Anhui", "Hubei", "Guizhou",
)  # fmt: skip
BATTERY_NAMED_FLOOR_MW: Final = 2_000.0
REGION: Final = {
    "north": ("Beijing", "Tianjin", "Hebei", "Shanxi", "Shandong", "Inner Mongolia"),
    "northeast": ("Liaoning", "Jilin", "Heilongjiang"),
    "northwest": ("Shaanxi", "Gansu", "Qinghai", "Ningxia", "Xinjiang"),
    "east": ("Shanghai", "Jiangsu", "Zhejiang", "Anhui", "Fujian"),
    "central": ("Jiangxi", "Henan", "Hubei", "Hunan", "Chongqing", "Sichuan", "Tibet"),
    "south": ("Guangdong", "Guangxi", "Hainan", "Guizhou", "Yunnan"),
}
# National battery storage at year ends before 2024, MW. R: China Energy Storage Alliance to 2021,
# National Energy Administration for 2022 (8.7 GW) and 2023 (31.39 GW).
BATTERY_HISTORY_MW: Final = {
    2010: 10.0, 2011: 40.0, 2012: 60.0, 2013: 70.0, 2014: 90.0, 2015: 140.0, 2016: 240.0, 2017: 390.0,
    2018: 1_020.0, 2019: 1_710.0, 2020: 3_280.0, 2021: 5_730.0, 2022: 8_700.0, 2023: 31_390.0,
    2024: BATTERY_2024_MW,
}  # fmt: skip

# Pumped storage, MW: national end of 2023 and 2024 (R: National Energy Administration; to 2022 the EIA
# international series is used), and provincial sums of the plants in operation at the end of 2024
# (R: plant lists; they add up to the national figure).
PUMPED_STORAGE_MW: Final = {2023: 50_940.0, 2024: 58_690.0}
PUMPED_STORAGE_2024_MW: Final = {
    "Beijing": 800.0, "Hebei": 4_870.0, "Shanxi": 1_200.0, "Inner Mongolia": 1_200.0, "Liaoning": 3_000.0,
    "Jilin": 1_700.0, "Heilongjiang": 1_200.0, "Jiangsu": 2_600.0, "Zhejiang": 6_680.0, "Anhui": 4_680.0,
    "Fujian": 5_000.0, "Jiangxi": 1_200.0, "Shandong": 4_000.0, "Henan": 3_920.0, "Hubei": 1_270.0,
    "Hunan": 1_200.0, "Guangdong": 9_680.0, "Hainan": 600.0, "Chongqing": 1_200.0, "Tibet": 90.0,
    "Shaanxi": 1_400.0, "Xinjiang": 1_200.0,
}  # fmt: skip

# Commissioning of the reactors that ran at the end of 2009, as shares by five-year bin. R: Daya Bay 1994,
# Qinshan 1991 and 2002-04, Ling Ao 2002-03, Tianwan 2007.
NUCLEAR_BEFORE_2010: Final = {
    "Guangdong": {1990: 0.5, 2000: 0.5},
    "Zhejiang": {1990: 0.1, 2000: 0.9},
    "Jiangsu": {2005: 1.0},
}

# Hainan's reactors, MW at year ends (R: Changjiang 1 in December 2015, 2 in August 2016); no series lists them.
HAINAN_NUCLEAR_MW: Final = {2015: 650.0, 2016: 1_300.0}
# The other province whose reactors no series lists: it holds what is left of the national figure.
UNLISTED_NUCLEAR: Final = "Shandong"

# Offshore wind at year ends, MW. R: National Energy Administration (grid-connected); provincial
# figures of end-2024 from provincial announcements, scaled to the national figure.
OFFSHORE_WIND_MW: Final = {
    2010: 100.0, 2011: 210.0, 2012: 320.0, 2013: 390.0, 2014: 440.0, 2015: 750.0, 2016: 1_480.0, 2017: 2_020.0,
    2018: 3_630.0, 2019: 5_930.0, 2020: 8_990.0, 2021: 26_390.0, 2022: 30_460.0, 2023: 37_290.0, 2024: 41_270.0,
}  # fmt: skip
OFFSHORE_2024_MW: Final = {
    "Tianjin": 120.0, "Hebei": 300.0, "Liaoning": 1_050.0, "Shanghai": 620.0, "Jiangsu": 11_870.0,
    "Zhejiang": 4_900.0, "Fujian": 3_800.0, "Shandong": 5_970.0, "Guangdong": 12_510.0, "Guangxi": 900.0,
    "Hainan": 300.0,
}  # fmt: skip

# Wind connected in 2025, MW: 119 GW in all (F: National Energy Administration, January 2026, through press
# reports), of which at sea about 6 GW (J).
WIND_2025_MW: Final = 119_000.0
OFFSHORE_2025_MW: Final = 6_000.0

# China publishes gross nameplate. Summer capability over nameplate, J: thermal units lose a little to
# heat and cooling water; the rest keep their rating. Own use is part of consumption in Chinese statistics.
SUMMER_CAPABILITY: Final = {"coal": 0.97, "gas": 0.90, "oil": 0.90, "nuclear": 0.98, "biomass": 0.97}
