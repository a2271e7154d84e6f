"""Who waits for kernels to be compiled is told so, once, and only where a progress bar is shown."""

import logging

import pytest

from capacity.run_cli import progress_bar

SAID = "compiling kernels"


def test_compiling_is_said_once(caplog):
    numba = pytest.importorskip("numba")
    from numba.core import event

    from cuda_kernels._jit import Announcer

    with caplog.at_level(logging.INFO, "gridflops"), event.install_listener("numba:run_pass", Announcer()):
        for number in range(2):
            assert numba.njit(lambda x, more=number: x + more)(1) == 1 + number
    lines = [record.getMessage() for record in caplog.records if SAID in record.getMessage()]
    assert 1 <= len(lines) <= 2, "one of the test's own and at most one of the package's"


@pytest.mark.parametrize(("terminal", "quiet", "shown"), [("1", False, True), ("1", True, False), ("", False, False)])
def test_it_is_shown_above_the_bar_only(monkeypatch, capsys, terminal, quiet, shown):
    monkeypatch.setenv("FORCE_COLOR", terminal)
    monkeypatch.setenv("TTY_COMPATIBLE", terminal or "0")
    with progress_bar(quiet=quiet):
        logging.getLogger("gridflops").info(SAID)
    caught = capsys.readouterr()
    assert (SAID in caught.err) == shown
    assert caught.out == ""
    logging.getLogger("gridflops").info("afterwards")
    assert "afterwards" not in capsys.readouterr().err
