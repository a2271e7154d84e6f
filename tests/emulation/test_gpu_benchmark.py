"""The benchmark of solvers on a card, tiny and under emulation, so that it cannot rot."""

from __future__ import annotations

import numpy as np

from benchmarks import headroom, headroom_gpu, problem, solvers_gpu
from cuda_kernels import KernelError, devices


def test_every_solver_that_needs_no_card_of_its_own_agrees(cupy):
    shapes, coefficients = problem.profiles(96), problem.draws(5)
    want = headroom.available()["gridflops NumPy"](shapes, coefficients, 0.01)
    for name, solver in solvers_gpu.available().items():
        if name != "torch.compile":  # asks for a card by itself
            rtol = headroom_gpu.TOLERANCE.get(name, 1e-8)
            np.testing.assert_allclose(solver(shapes, coefficients)(0.01), want, rtol=rtol, err_msg=name)


def test_the_table_names_cases_solvers_and_ratios(cupy, monkeypatch):
    monkeypatch.setattr(headroom_gpu, "available", lambda: {"gridflops CUDA": solvers_gpu.ours})
    monkeypatch.setattr(headroom_gpu, "SHARES", (0.01,))
    assert "| 3 | gridflops CUDA | " in headroom_gpu.table(headroom_gpu.measure(3, 48, 1))


def test_without_a_card_it_says_so(capsys, monkeypatch):
    def none():
        raise KernelError("no CUDA device")

    monkeypatch.setattr(devices, "survey", none)
    assert headroom_gpu.main([]) == 3
    assert capsys.readouterr().err == "nothing was measured: no CUDA device\n"
