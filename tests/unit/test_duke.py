"""Cleaning rule, season rules, no-root cases and the command, on small made-up series with known answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from capacity.errors import CapacityError
from capacity.validate import duke
from capacity.validate.cli import CLOCK_NAMES, SEASON_RULE_NAMES, validate
from grids.sources.eia930_22 import AUTHORITIES, CLEANING_RULE, clean_series, read_eia930_22
from grids.variables import GridDataError

YEAR = pd.date_range("2021-01-01", "2021-12-31 23:00", freq="h", tz="UTC", name="time_utc")


def flat_year(summer: float = 1000.0, winter: float = 800.0) -> pd.Series:
    """A year with one load in Apr-Oct and another in Nov-Mar."""
    month = YEAR.month
    return pd.Series(np.where((month >= 4) & (month <= 10), summer, winter), index=YEAR)


def demand_table() -> pd.DataFrame:
    """All 22 authorities with a daily and a yearly wave, each a little larger than the last."""
    turn = 2.0 * np.pi * np.arange(YEAR.size)
    wave = 1000.0 + 200.0 * np.sin(turn / 24.0) + 150.0 * np.cos(2.0 * turn / YEAR.size)
    return pd.DataFrame({name: wave * (2.0 + 0.1 * n) for n, name in enumerate(AUTHORITIES)}, index=YEAR)


class TestCleaning:
    def base(self) -> np.ndarray:
        return 1000.0 + 100.0 * np.sin(2.0 * np.pi * np.arange(24 * 60) / 24.0)

    def test_plausible_hours_stay_untouched(self) -> None:
        cleaned, counts = clean_series(self.base())
        np.testing.assert_array_equal(cleaned, self.base())
        assert set(counts.values()) == {0} | {counts["replaced"]}

    def test_missing_and_low_hours_are_interpolated(self) -> None:
        given = self.base()
        given[100:103] = np.nan
        given[200] = 0.0
        given[300] = 249.0
        cleaned, counts = clean_series(given)
        want = np.interp([100, 101, 102], [99, 103], [given[99], given[103]])
        np.testing.assert_allclose(cleaned[100:103], want)
        assert cleaned[200] == pytest.approx((given[199] + given[201]) / 2)
        assert (counts["missing"], counts["low"], counts["zero"]) == (3, 2, 1)
        assert (counts["spike"], counts["replaced"], counts["longest_gap"]) == (0, 5, 3)

    @pytest.mark.parametrize("infinity", [np.inf, -np.inf])
    def test_infinite_hours_count_as_missing(self, infinity: float) -> None:
        given = self.base()
        given[50] = infinity
        cleaned, counts = clean_series(given)
        assert counts["missing"] == 1
        assert np.isfinite(cleaned).all()

    @pytest.mark.parametrize("width", [1, 2])
    @pytest.mark.parametrize("factor", [100.0, 1.6, 0.45])
    def test_short_spikes_and_dips_go(self, width: int, factor: float) -> None:
        given = np.full(500, 1000.0)
        given[250 : 250 + width] *= factor
        cleaned, counts = clean_series(given)
        np.testing.assert_allclose(cleaned, 1000.0)
        assert counts["spike"] == width

    def test_three_hours_in_a_row_are_believed(self) -> None:
        given = np.full(500, 1000.0)
        given[250:253] = 1600.0
        cleaned, counts = clean_series(given)
        np.testing.assert_array_equal(cleaned, given)
        assert counts["spike"] == 0

    def test_top_hours_face_the_stricter_limit(self) -> None:
        given = self.base()
        top, ordinary = int(np.argmax(given)), int(np.argmin(given))
        given[top] = 1.15 * max(given[top - 1], given[top + 1])
        given[ordinary] = 1.15 * max(given[ordinary - 1], given[ordinary + 1])
        cleaned, counts = clean_series(given)
        assert counts["spike"] == 1
        assert cleaned[top] < given[top]
        assert cleaned[ordinary] == given[ordinary]

    def test_a_lower_spike_hidden_by_a_higher_one_goes_in_the_next_pass(self) -> None:
        given = np.full(500, 1000.0)
        given[250:253] = 1600.0, 90_000.0, 1600.0
        cleaned, counts = clean_series(given)
        assert cleaned[251] == 1600.0
        assert counts["spike"] == 1
        given[250:253] = 1600.0, 90_000.0, 1000.0
        cleaned, counts = clean_series(given)
        np.testing.assert_allclose(cleaned, 1000.0)
        assert counts["spike"] == 2

    def test_gaps_at_the_ends_take_the_nearest_value(self) -> None:
        given = self.base()
        given[[0, -1]] = np.nan
        cleaned, _ = clean_series(given)
        assert (cleaned[0], cleaned[-1]) == (given[1], given[-2])

    def test_repeated_values_are_counted_and_kept(self) -> None:
        given = self.base()
        given[100:110] = given[100]
        given[200:205] = given[200]
        cleaned, counts = clean_series(given)
        assert counts["repeated"] == 10
        np.testing.assert_array_equal(cleaned, given)

    def test_input_is_not_changed(self) -> None:
        given = self.base()
        given[3] = np.nan
        before = given.copy()
        clean_series(given)
        np.testing.assert_array_equal(given, before)


class TestReading:
    def test_parquet_and_csv_agree(self, tmp_path: Path) -> None:
        table = demand_table()
        table.to_parquet(tmp_path / "d.parquet")
        table.to_csv(tmp_path / "d.csv")
        first, second = read_eia930_22(tmp_path / "d.parquet"), read_eia930_22(tmp_path / "d.csv")
        np.testing.assert_allclose(first.demand.to_numpy(), second.demand.to_numpy())
        assert first.demand.index.equals(second.demand.index.as_unit(first.demand.index.unit))
        assert first.rule == CLEANING_RULE
        assert (first.report["replaced"] == 0).all()

    def test_time_may_be_a_plain_column_without_zone(self, tmp_path: Path) -> None:
        table = demand_table().tz_localize(None).reset_index()
        table.to_parquet(tmp_path / "d.parquet")
        assert str(read_eia930_22(tmp_path / "d.parquet").demand.index.tz) == "UTC"

    def test_every_problem_is_listed_at_once(self, tmp_path: Path) -> None:
        table = demand_table().rename(columns={"PGE": "PGX"})
        table["PJM"] /= 1000.0
        table.loc[YEAR[:900], "TVA"] = np.nan
        table.loc[YEAR[5], "SC"] = -1.0
        table = table.drop(index=YEAR[10])
        table.to_parquet(tmp_path / "d.parquet")
        with pytest.raises(GridDataError) as caught:
            read_eia930_22(tmp_path / "d.parquet")
        text = str(caught.value)
        for expected in (
            "PGX",
            "absent: ['PGE']",
            "PJM: median",
            "TVA: 10.3 %",
            "SC: 1 negative",
            "not hourly: 1",
        ):
            assert expected in text
        assert "d.parquet" in text
        assert len(caught.value.problems) == 6

    def test_declared_unit_must_be_mw(self, tmp_path: Path) -> None:
        table = demand_table()
        table.attrs["units"] = "GW"
        table.to_parquet(tmp_path / "d.parquet")
        with pytest.raises(GridDataError, match="unit as 'GW'"):
            read_eia930_22(tmp_path / "d.parquet")

    def test_text_among_numbers_is_counted(self, tmp_path: Path) -> None:
        table = demand_table().astype(object)
        table.iloc[3, 0] = "n/a?"
        table.to_csv(tmp_path / "d.csv")
        with pytest.raises(GridDataError, match="PJM: 1 values are not numbers"):
            read_eia930_22(tmp_path / "d.csv")

    def test_an_empty_column_is_an_error(self, tmp_path: Path) -> None:
        table = demand_table()
        table["SRP"] = np.nan
        table.to_parquet(tmp_path / "d.parquet")
        with pytest.raises(GridDataError, match="SRP: no hour has a value"):
            read_eia930_22(tmp_path / "d.parquet")

    def test_half_a_year_is_refused(self, tmp_path: Path) -> None:
        demand_table().iloc[:4000].to_parquet(tmp_path / "d.parquet")
        with pytest.raises(GridDataError, match="not whole calendar years"):
            read_eia930_22(tmp_path / "d.parquet")

    def test_an_index_without_times_is_refused(self, tmp_path: Path) -> None:
        demand_table().reset_index(drop=True).to_parquet(tmp_path / "d.parquet")
        with pytest.raises(GridDataError, match="does not hold times"):
            read_eia930_22(tmp_path / "d.parquet")

    def test_truncated_file(self, tmp_path: Path) -> None:
        demand_table().to_parquet(tmp_path / "whole.parquet")
        content = (tmp_path / "whole.parquet").read_bytes()
        (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
        with pytest.raises(GridDataError, match="unreadable or truncated"):
            read_eia930_22(tmp_path / "cut.parquet")

    @pytest.mark.parametrize(("name", "message"), [("d.xlsx", "cannot read '.xlsx'"), ("d.csv", "unreadable")])
    def test_wrong_kind_of_file(self, tmp_path: Path, name: str, message: str) -> None:
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(GridDataError, match=message):
            read_eia930_22(tmp_path / name)


class TestHeadroom:
    def test_known_answer_of_one_peak_day(self) -> None:
        # 24 summer hours at 1000 MW, all else 400 MW lower (winter keeps its own peak of one hour).
        load = flat_year(600.0, 600.0)
        load.loc["2021-07-01"] = 1000.0
        load.loc["2021-01-10 12:00"] = 1000.0
        result = duke.curtailment_enabled_headroom(load.to_frame("X"), [0.001])
        # Up to L = 400 only the 25 peak hours are cut: share 25/8760 = 0.285 % whatever L is, above 0.1 %.
        assert float(result["headroom_mw"].sel(period="pooled").item()) == 0.0
        result = duke.curtailment_enabled_headroom(load.to_frame("X"), [0.01])
        # Beyond 400 MW every hour is cut: 25 L + 8735 (L - 400) = 87.6 L.
        wanted = 8735 * 400.0 / (8760 - 87.6)
        assert result["headroom_mw"].sel(period="pooled").item() == pytest.approx(wanted)
        assert result["curtailed_hours_per_year"].sel(period="pooled").item() == 8760

    def test_share_zero_gives_the_smallest_margin(self) -> None:
        load = flat_year()
        result = duke.curtailment_enabled_headroom(load.to_frame("X"), [0.0])
        assert result["headroom_mw"].max() == 0.0

    def test_one_year_pooled_is_that_year(self) -> None:
        result = duke.curtailment_enabled_headroom(demand_table()[["PJM", "SC"]], [0.005, 0.02])
        pooled, alone = result.sel(period="pooled"), result.sel(period="2021")
        for name in ("headroom_mw", "curtailed_hours_per_year", "curtailed_share_of_pooled"):
            np.testing.assert_array_equal(pooled[name], alone[name])
        np.testing.assert_allclose(pooled["curtailed_share_of_pooled"].sel(authority="SC"), [0.005, 0.02])
        np.testing.assert_array_equal(pooled["headroom_mw"], pooled["native_first_headroom_mw"])

    def test_leap_year_still_counts_8760_hours(self) -> None:
        index = pd.date_range("2020-01-01", "2020-12-31 23:00", freq="h", tz="UTC")
        load = pd.DataFrame({"X": 1000.0 - np.arange(index.size) % 100}, index=index)
        result = duke.curtailment_enabled_headroom(load, [0.05])
        found = result["headroom_mw"].sel(period="pooled").item()
        peak = np.where((index.month >= 4) & (index.month <= 10), 1000.0, 1000.0)
        over = np.maximum(0.0, load["X"].to_numpy() + found - peak).sum()
        assert over / (8760 * found) == pytest.approx(0.05)

    @pytest.mark.parametrize(
        ("rule", "peaks"),
        [
            ("apr_oct_nov_mar", [1300.0, 900.0]),
            ("may_sep_nov_mar", [1200.0, 900.0]),
            ("strict_jun_aug_dec_feb", [1000.0, 800.0]),
        ],
    )
    def test_season_rules_pick_their_peaks(self, rule: str, peaks: list[float]) -> None:
        load = flat_year()
        load.loc["2021-04-20 10:00"] = 1300.0
        load.loc["2021-09-20 10:00"] = 1200.0
        load.loc["2021-11-20 10:00"] = 900.0
        result = duke.curtailment_enabled_headroom(load.to_frame("X"), [0.01], season_rule=rule)
        assert result["seasonal_peak_mw"].sel(authority="X").to_numpy().tolist() == peaks
        assert result.attrs["season_rule"] == rule

    def test_no_root_is_reported_and_native_first_has_an_answer(self) -> None:
        load = flat_year(600.0, 600.0)
        load.loc["2021-09-01":"2021-09-20"] = 2000.0
        load.loc["2021-07-01 12:00"] = 1000.0
        load.loc["2021-01-10 12:00"] = 1000.0
        result = duke.curtailment_enabled_headroom(
            load.to_frame("X"), [0.001, 0.5], season_rule="strict_jun_aug_dec_feb"
        ).sel(period="pooled", authority="X")
        assert result["has_root"].to_numpy().tolist() == [False, True]
        assert float(result["headroom_mw"][0]) == 0.0
        # 480 hours are short already, 5.5 % of the year: a newcomer would be cut in all of them.
        assert float(result["native_first_headroom_mw"][0]) == 0.0
        assert float(result["native_first_headroom_mw"][1]) > float(result["headroom_mw"][1]) > 0.0

    def test_local_clock_moves_hours_across_the_season_edge(self) -> None:
        load = flat_year()
        load.loc["2021-11-01 02:00"] = 1500.0  # still 31 October at standard time in New York
        table = load.to_frame("NYIS")
        utc = duke.curtailment_enabled_headroom(table, [0.01])
        local = duke.curtailment_enabled_headroom(table, [0.01], clock="local_standard")
        assert utc["seasonal_peak_mw"].to_numpy().tolist() == [[1000.0, 1500.0]]
        assert local["seasonal_peak_mw"].to_numpy().tolist() == [[1500.0, 1000.0]]

    def test_every_authority_has_a_standard_time(self) -> None:
        assert set(duke.STANDARD_TIME_OFFSET) == set(AUTHORITIES)

    @pytest.mark.parametrize(
        ("shares", "message"),
        [
            ([], "no curtailed share"),
            ([0.5, 1.0], r"\[1.0\]"),
            ([-0.1], "-0.1"),
            ([np.nan], "nan"),
            ([0.1, 0.1], "twice"),
        ],
    )
    def test_bad_shares(self, shares: list[float], message: str) -> None:
        with pytest.raises(CapacityError, match=message):
            duke.curtailment_enabled_headroom(flat_year().to_frame("X"), shares)

    def test_bad_names_and_tables(self) -> None:
        table = flat_year().to_frame("X")
        with pytest.raises(CapacityError, match="apr_oct_nov_mar"):
            duke.curtailment_enabled_headroom(table, [0.01], season_rule="summer")
        with pytest.raises(CapacityError, match="local_standard"):
            duke.curtailment_enabled_headroom(table, [0.01], clock="sundial")
        with pytest.raises(CapacityError, match="no standard time on record for 'X'"):
            duke.curtailment_enabled_headroom(table, [0.01], clock="local_standard")
        with pytest.raises(CapacityError, match="whole calendar years"):
            duke.curtailment_enabled_headroom(table.iloc[:-1], [0.01])
        with pytest.raises(CapacityError, match="time index"):
            duke.curtailment_enabled_headroom(table.reset_index(drop=True), [0.01])
        table.iloc[7] = np.nan
        with pytest.raises(CapacityError, match=r"missing hours for \['X'\]"):
            duke.curtailment_enabled_headroom(table, [0.01])


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        table = demand_table()
        table.loc[YEAR[40], "NYIS"] = 0.0
        table.to_parquet(tmp_path / "demand.parquet")
        return tmp_path / "demand.parquet"

    def test_names_offered_are_the_names_known(self) -> None:
        assert set(SEASON_RULE_NAMES) == set(duke.SEASON_RULES)
        assert SEASON_RULE_NAMES[0] == duke.DEFAULT_SEASON_RULE
        assert list(duke.CLOCKS) == list(CLOCK_NAMES)

    def test_report(self, file: Path) -> None:
        done = CliRunner().invoke(validate, ["duke", str(file), "--curtailment", "0.005"])
        assert done.exit_code == 0, done.output
        for expected in (
            CLEANING_RULE,
            "apr_oct_nov_mar",
            "Norris",
            "PacifiCorp West",
            "other 21 authorities",
            "98",
        ):
            assert expected in done.output
        assert "covers other years" in done.output
        none = CliRunner().invoke(validate, ["duke", str(file), "--curtailment", "0"])
        assert none.exit_code == 0, none.output
        assert "share of the pooled load" not in none.output
        assert max(map(len, done.output.splitlines())) <= 110

    def test_json_agrees_with_the_library(self, file: Path) -> None:
        done = CliRunner().invoke(validate, ["duke", str(file), "--curtailment", "0.01", "--json"])
        record = json.loads(done.output)
        clean = read_eia930_22(file)
        result = duke.curtailment_enabled_headroom(clean.demand, [0.01])
        found = record["results"][0]["authorities"]["PSCO"]["2021"]["headroom_mw"]
        assert found == result["headroom_mw"].sel(authority="PSCO", period="2021").item()
        assert record["results"][0]["published_gw"] == 126.0
        assert record["cleaning"]["NYIS"]["zero"] == 1
        assert record["cleaning_rule"] == CLEANING_RULE

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["nowhere.parquet"], "no such file"),
            (["{file}", "--curtailment", "1.5"], "1.5"),
            (["{file}", "--season-rule", "always"], "always"),
            (["{file}", "--curtailment", "0.1", "--curtailment", "0.1"], "twice"),
        ],
    )
    def test_mistakes_end_in_one_clear_line(self, file: Path, arguments: list[str], message: str) -> None:
        done = CliRunner().invoke(validate, ["duke", *(item.format(file=file) for item in arguments)])
        assert done.exit_code != 0
        assert message in done.output
        assert "Traceback" not in done.output
        assert len([line for line in done.output.splitlines() if line.startswith("Error")]) == 1
