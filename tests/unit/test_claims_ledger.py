"""The ledger of the commentary's figures: arithmetic holds, labels and verdicts are there, faults are refused."""

from __future__ import annotations

import pytest

import grids
from capacity.claims import ledger
from capacity.errors import CapacityError

ENTRIES = {entry.id: entry for entry in ledger.entries()}


@pytest.fixture(scope="module")
def grid():
    return grids.open_grid()


@pytest.mark.parametrize("name", list(ENTRIES))
def test_arithmetic_holds(name, grid):
    for found in ledger.check(ENTRIES[name], grid):
        assert found.holds, f"{found.arithmetic.says}: {found.computed} is not {found.arithmetic.gives}"


def test_every_figure_of_the_commentary_is_there():
    stated = {value for e in ENTRIES.values() for value in (e.value, e.low, e.high) if value is not None}
    assert {14, 16, 0.1, 4.3, 13.5, 7.77, 1400, 13, 20} <= stated
    assert "flat_grid" in ENTRIES


def test_a_consistent_figure_is_near_what_its_arithmetic_or_source_says(grid):
    near = {"gdp_share": 16, "growth_without_data_centres": 0.1}
    for name, stated in near.items():
        (found,) = ledger.check(ENTRIES[name], grid)
        assert found.computed == pytest.approx(stated, rel=0.35)
    assert not any(abs(c.computed - 7.77) < 0.5 for c in ledger.check(ENTRIES["cost_per_revenue"], grid)[:3])


def test_wrong_arithmetic_is_seen(grid):
    piece = ENTRIES["gdp_share"].arithmetic[0].model_copy(update={"gives": 20.0})
    (found,) = ledger.check(ENTRIES["gdp_share"].model_copy(update={"arithmetic": (piece,)}), grid)
    assert not found.holds


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("  label: F\n", "", "label"),
        ("verdict: consistent", "verdict: proven", "verdict"),
        ("  value: 1\n", "", "either value"),
        ("op: ratio", "op: magic", "magic"),
        ("of: [1, 2]", "of: [1]", "takes 2"),
    ],
)
def test_faults_are_refused(tmp_path, old, new, word):
    good = (
        "- id: a\n  stated: s\n  value: 1\n  unit: u\n  says: x\n  verdict: consistent\n  label: F\n  source: s\n"
        '  arithmetic:\n    - {op: ratio, of: [1, 2], gives: 0.5, tolerance: 0.1, unit: "1", says: half}\n'
    )
    file = tmp_path / "ledger.yaml"
    file.write_text(good)
    assert len(ledger.read(file)) == 1
    file.write_text(good.replace(old, new))
    with pytest.raises(CapacityError, match=word):
        ledger.read(file)
