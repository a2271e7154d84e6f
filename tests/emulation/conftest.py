from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from . import build, stand_in, streams


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """The stand-in as `cupy`; kernels run on the CPU."""
    if build.compiler is None:
        pytest.skip("g++ is not installed: kernels cannot run on the CPU")
    from cuda_kernels import _launch

    module = stand_in.make_module()
    monkeypatch.setitem(sys.modules, "cupy", module)
    _launch._function.cache_clear()
    stand_in.transfers.clear()
    stand_in.launches.clear()
    streams.log.clear()
    yield module
    _launch._function.cache_clear()


@pytest.fixture(params=sorted(stand_in.ORDERS))
def order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Order in which the threads of a block and the blocks of a grid run."""
    monkeypatch.setattr(stand_in.settings, "order", request.param)
    return str(request.param)


@pytest.fixture(scope="session")
def nvrtc() -> None:
    """Skips where CuPy's own compiler path cannot run."""
    if find_spec("cupy") is None or find_spec("nvidia") is None:
        pytest.skip("cupy-cuda13x and cuda-toolkit[nvrtc,cudart] are not installed")
