"""Photovoltaic output under a clear sky, from pvlib: the frame on which clouds are hung."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from grids.build.vre_sites import Place

Floats = npt.NDArray[np.float64]

LARGEST_TRACKER_ANGLE_DEG = 55.0
GROUND_COVER_RATIO = 0.38
DC_OVER_AC = 1.3
"""Tracker angle, row spacing and inverter loading of US utility plants, LBNL Utility-Scale Solar. [R]"""
SYSTEM_LOSS = 0.14
"""Soiling, wiring, mismatch, availability: the default of NREL PVWatts version 5. [R]"""
TEMPERATURE_COEFFICIENT_PER_C = -0.0037
"""Crystalline silicon, PVWatts standard module -0.0047, premium -0.0035. [R]"""
CELL_RISE_C_PER_W_M2 = 0.028
"""Cell over air temperature per irradiance on open racks. [R]"""
DAYTIME_RISE_C = 4.0
"""Daytime air over the monthly mean. [J]"""
SURFACE_AZIMUTH_DEG = 180.0
YEAR = 2019
"""The calendar whose sun serves every year: the sun repeats itself to some minutes."""


def hours_of_year() -> pd.DatetimeIndex:
    """The 8,760 hours on which the geometry is computed, UTC, hour-beginning."""
    return pd.date_range(f"{YEAR}-01-01", periods=8760, freq="h", tz="UTC")


def clear_sky(place: Place, tracker_share: float, air_c: Floats) -> tuple[Floats, Floats]:
    """Output and horizontal radiation of each hour under a clear sky (Ineichen-Perez, climatological turbidity).

    place : (lat, lon)       Degrees north and east.
    tracker_share : 0 to 1   Share of capacity on single-axis trackers with backtracking; the rest faces south, tilted
                             by three quarters of the latitude.
    air_c : array (12,)      Normal monthly air temperature. [degC]
    Returns (output over AC nameplate (8760,) within 0-1, global horizontal irradiance (8760,) [W/m2]); each the mean of
    two instants, a quarter past and a quarter to.
    """
    halves = [_instant(place, tracker_share, air_c, minutes) for minutes in (15, 45)]
    return 0.5 * (halves[0][0] + halves[1][0]), 0.5 * (halves[0][1] + halves[1][1])


def _instant(place: Place, tracker_share: float, air_c: Floats, minutes: int) -> tuple[Floats, Floats]:
    from pvlib import atmosphere, clearsky, irradiance, solarposition, tracking

    every = hours_of_year() + pd.Timedelta(minutes=minutes)
    up = solarposition.spa_python(every, *place)["apparent_zenith"].to_numpy() < 90.0
    time = every[up]
    sun = solarposition.spa_python(time, *place)
    zenith, azimuth = sun["apparent_zenith"].to_numpy(), sun["azimuth"].to_numpy()
    mass = atmosphere.get_absolute_airmass(atmosphere.get_relative_airmass(zenith))
    turbidity = clearsky.lookup_linke_turbidity(time, *place, interp_turbidity=False).to_numpy()
    sky = clearsky.ineichen(zenith, mass, turbidity)
    ghi, dni, dhi = (np.asarray(sky[name], dtype=np.float64) for name in ("ghi", "dni", "dhi"))
    turned = tracking.singleaxis(zenith, azimuth, max_angle=LARGEST_TRACKER_ANGLE_DEG, gcr=GROUND_COVER_RATIO)
    # Where the tracker has no answer (sun on the horizon) it lies flat.
    tilt = np.where(np.isfinite(turned["surface_tilt"]), turned["surface_tilt"], 0.0)
    facing = np.where(np.isfinite(turned["surface_azimuth"]), turned["surface_azimuth"], SURFACE_AZIMUTH_DEG)
    output, horizontal = np.zeros(len(every)), np.zeros(len(every))
    air = air_c[time.month - 1] + DAYTIME_RISE_C
    for share, (slope, direction) in (
        (tracker_share, (tilt, facing)),
        (1.0 - tracker_share, (0.75 * place[0], SURFACE_AZIMUTH_DEG)),
    ):
        plane = irradiance.get_total_irradiance(slope, direction, zenith, azimuth, dni, ghi, dhi)["poa_global"]
        output[up] += share * _ac_output(np.asarray(plane, dtype=np.float64), air)
    horizontal[up] = ghi
    return output, horizontal


def _ac_output(plane: Floats, air: Floats) -> Floats:
    """Plane irradiance [W/m2] and air temperature [degC] to output over AC nameplate, clipped by the inverter."""
    cell = air + CELL_RISE_C_PER_W_M2 * plane
    efficiency = 1.0 + TEMPERATURE_COEFFICIENT_PER_C * (cell - 25.0)
    return np.clip(DC_OVER_AC * (1.0 - SYSTEM_LOSS) * plane / 1000.0 * efficiency, 0.0, 1.0)
