"""Memory that threads give back is taken again by all of them."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

SCRIPT = """
import resource
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from capacity import heap

{share}


def work(_):
    return len([np.ones(1_000_000) for _ in range(20)])  # 160 MB, given back at once


with ThreadPoolExecutor(1) as pool:
    list(pool.map(work, range(2)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    list(pool.map(work, range(5)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="the C library is not glibc")
def test_a_thread_takes_pages_it_had_before():
    command = [sys.executable, "-c", SCRIPT.format(share="heap.share()")]
    faults = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert faults < 1_000  # of 195,000 pages in all; 11,000 with a heap of its own and large pages
