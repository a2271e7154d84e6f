"""A scenario with a flexible-load policy on the real grid, as a user runs it."""

import numpy as np
import pandas as pd
from click.testing import CliRunner

from capacity import open_result
from capacity.cli import main

NAME = "us-flexible-load+us-power-capping"


def test_a_policy_on_the_real_grid(tmp_path):
    out = tmp_path / "run"
    asked = ["run", "reference", NAME, "--years", "2025", "--draws", "2", "--event-draws", "2", "--out", str(out)]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    assert "Curtailment of the hosted load, first 2 draws" in done.output
    with open_result(out / "result.nc") as result:
        us = result.sel(country="US")
        reference, capped = (us["grid_headroom_mw"].sel(scenario=s).to_numpy() for s in ("reference", NAME))
        firm = us["firm_headroom_mw"].sel(scenario=NAME).to_numpy()
        # Cuts of a quarter make at most a third more of what is served in every hour.
        assert (firm < capped).all()
        assert (capped <= firm / 0.75 + 1e-6).all()
        assert (capped < reference).all()
        china = result["grid_headroom_mw"].sel(country="CN")
        np.testing.assert_array_equal(china.sel(scenario=NAME), china.sel(scenario="reference"))
    table = pd.read_csv(out / "events.csv")
    areas = pd.read_csv(out / "areas.csv")
    same = ["scenario", "year", "area_country", "area", "area_name"]
    pd.testing.assert_frame_equal(table[same], areas[same])
    events = table.query("scenario == @NAME and area_country == 'US'")
    assert len(events) == 18
    assert (events["event_longest_hours_p90"] <= 3).all()
    assert (events["event_deepest_share_p90"] <= 0.25 + 1e-6).all()
    assert (events["event_hours_p50"] > 0).any()
