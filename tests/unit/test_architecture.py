"""Importing a package must not start CUDA, load numba, or cost the second that --help should not cost."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["capacity", "grids", "scenarios", "cuda_kernels"])
def test_import_loads_no_accelerator(package):
    code = f"import sys, {package}; print([m for m in ('cupy', 'numba', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_command_line_loads_no_arrays():
    code = (
        "import sys, capacity.cli; "
        "print([m for m in ('pandas', 'xarray', 'scipy', 'cupy', 'matplotlib', 'pvlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
