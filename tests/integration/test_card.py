"""What can only be tested on a card: the kernels' parity there. Skipped on machines without one."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from capacity.cli import main
from cuda_kernels import KernelError, devices

pytestmark = pytest.mark.gpu


def test_every_kernel_gives_its_twins_numbers():
    try:
        devices.survey()
    except KernelError as error:
        pytest.skip(str(error))
    done = CliRunner().invoke(main, ["verify-gpu", "--cases", "16", "--hours", "240"])
    assert done.exit_code == 0, done.output
    assert "parity OK" in done.output
