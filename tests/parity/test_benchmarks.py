"""Each benchmark body runs once, small, and gives the right numbers, so that it cannot rot."""

from __future__ import annotations

import json

import numpy as np

from benchmarks import headroom, over_draws, problem, solvers


def test_every_solver_agrees(monkeypatch):
    shapes, coefficients = problem.profiles(500), problem.draws(20)
    answers = {name: solve(shapes, coefficients, 0.01) for name, solve in solvers.available().items()}
    want = answers["gridflops NumPy"]
    for name, got in answers.items():
        np.testing.assert_allclose(got, want, rtol=headroom.TOLERANCE.get(name, 1e-9), err_msg=name)


def test_the_table_is_written_between_its_markers(tmp_path, capsys, monkeypatch):
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{headroom.BEGIN}\nold\n{headroom.END}\nafter\n")
    monkeypatch.setattr(headroom, "SHARES", (0.01, 0.05))
    figure = tmp_path / "headroom.png"
    tiny = ["--cases", "5", "--hours", "100", "--repetitions", "1", "--areas", "us.ercot", "--json"]
    assert headroom.main([*tiny, "--write", str(page), "--figure", str(figure)]) == 0
    assert figure.read_bytes().startswith(b"\x89PNG")
    result = json.loads(capsys.readouterr().out)
    assert {"hours", "cases", "peak memory, MB"} <= {row["varied"] for row in result["scaling"]}
    assert {(row["problem"], row["share"]) for row in result["rows"]} == {
        (name, share) for name in (headroom.MADE_UP, "us.ercot") for share in (0.01, 0.05)
    }
    assert all(row["difference"] < 1e-3 for row in result["rows"])
    assert [row["share"] for row in result["scaling"] if "share" in row] == [0.01, 0.05]
    cases = {row["value"].split(", ")[1] for row in result["scaling"] if "cores" in row}
    assert cases in ({"5 cases", "100 cases"}, set())  # none where a process may not choose its cores
    text = page.read_text()
    assert "gridflops NumPy" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")


def test_work_over_draws_is_compared_with_what_gives_the_same_numbers():
    for ours, peer in over_draws.cases(12).values():
        for one, other in zip(ours(), peer(), strict=True):
            np.testing.assert_array_equal(one, other)
    found = over_draws.measure(5, repetitions=1)
    assert all(found[name]["gridflops_ms"] > 0.0 for name in ("quantiles", "water_fill"))
