"""Seeded bugs in the .cu files: each must be noticed by parity with the NumPy twins, the emulation, or a sanitizer."""

from __future__ import annotations

import re

import pytest

from cuda_kernels import _headroom_cuda, _launch

from . import build, sanitizer, test_sanitizers
from .judge import differs
from .mutants import (
    DEAL,
    EVENTS,
    FEW_WALKS,
    HEADROOM,
    HEADROOM_MANY,
    MANY_PROFILES,
    NETWORK,
    NO_GUESS,
    PHILOX,
    QUANTILE,
    STORAGE,
    STORAGE_FIRM,
    STORAGE_GUESS,
    WATER_FILL,
    WEIGHTED,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(build.compiler is None, reason="g++ is not installed: kernels cannot run on the CPU"),
]

INCLUDED = re.compile(r'#include "(\w+\.cuh)"\n')


def race_found(text: str, folder) -> bool:
    kernels = (_headroom_cuda.prune_kernel(3), _headroom_cuda.search_kernel(3, 2), _headroom_cuda.finish_kernel(3))
    names = [kernel.name for kernel in kernels]
    all_arguments = test_sanitizers.headroom_arguments(151, 300)
    threads = (128, 512, 128)
    launches = zip(names, all_arguments, threads, strict=True)
    return any(races(text, name, arguments, (2, block), folder) for name, arguments, block in launches)


def races(text: str, name: str, arguments, size, folder) -> bool:
    """Whether a sanitizer objects to a launch. size = (blocks, threads in each)."""
    grid, block = size
    return any(
        sanitizer.run(text, name, flags, arguments, grid=grid, block=block, folder=folder).code != 0
        for flags in (build.THREAD, build.ADDRESS)
    )


def mutate(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, f"the kernel no longer holds {old!r}: move the mutant along"
    return text.replace(old, new)


def inlined(text: str) -> str:
    """The text with the headers of this package in the place of their first #include."""
    placed: set[str] = set()

    def body(found: re.Match[str]) -> str:
        header = found[1]
        if header in placed:
            return ""
        placed.add(header)
        inside = (build.INCLUDE / header).read_text().replace("#pragma once\n", "")
        return INCLUDED.sub(body, inside)

    return INCLUDED.sub(body, text)


@pytest.mark.parametrize("name", HEADROOM)
def test_headroom_mutant_is_killed(tmp_path, name):
    text = mutate(inlined(_launch.source("headroom")), *HEADROOM[name])
    assert differs("headroom", text) or race_found(text, tmp_path)


def many_profiles() -> str:
    """headroom.cu such that three profiles are many."""
    text = inlined(_launch.source("headroom"))
    for old, new in MANY_PROFILES:
        text = mutate(text, old, new)
    return text


@pytest.mark.parametrize("name", HEADROOM_MANY)
def test_headroom_mutant_of_many_profiles_is_killed(tmp_path, name):
    text = mutate(many_profiles(), *HEADROOM_MANY[name])
    assert differs("headroom", text) or race_found(text, tmp_path)


def test_the_unchanged_kernels_survive(tmp_path):
    assert not differs("headroom", many_profiles())
    assert not race_found(many_profiles(), tmp_path)
    assert not differs("headroom", _launch.source("headroom"))
    assert not race_found(_launch.source("headroom"), tmp_path)
    for kind in (
        "event_figures",
        "headroom_deal",
        "headroom_weighted",
        "network",
        "philox",
        "quantile",
        "storage",
        "storage_firm",
        "water_fill",
    ):
        assert not differs(kind, _launch.source(kind))
    for change in (FEW_WALKS, NO_GUESS):
        assert not differs("storage", mutate(inlined(_launch.source("storage")), *change))


def test_a_judge_that_fails_has_found_nothing():
    with pytest.raises(AssertionError, match="the judge of no kernel failed: 1"):
        differs("no kernel", "")


def test_a_kernel_that_brings_its_process_down_differs():
    assert differs("philox", mutate(_launch.source("philox"), "if (i >= count) return;", "__builtin_trap();"))


OTHERS = {
    "headroom_deal": (DEAL, "deal"),
    "headroom_weighted": (WEIGHTED, "weighted"),
    "quantile": (QUANTILE, "quantile"),
    "event_figures": (EVENTS, "event_figures"),
    "water_fill": (WATER_FILL, "water_fill"),
    "storage": (STORAGE, "storage"),
    "network": (NETWORK, "network"),
}
"""Bugs by the stem of the file, and the launch that the sanitizers see."""


@pytest.mark.parametrize(("file", "name"), [(file, name) for file, (bugs, _) in OTHERS.items() for name in bugs])
def test_mutant_is_killed(tmp_path, file, name):
    bugs, launch = OTHERS[file]
    text = mutate(inlined(_launch.source(file)), *bugs[name])
    _, kernel, arguments, grid, block = test_sanitizers.LAUNCHES[launch]
    assert differs(file, text) or races(text, kernel, arguments, (grid, block), tmp_path)


@pytest.mark.parametrize("name", PHILOX)
def test_philox_mutant_is_killed(tmp_path, name):
    assert differs("philox", mutate(inlined(_launch.source("philox")), *PHILOX[name]))


@pytest.mark.parametrize("name", STORAGE_GUESS)
def test_mutant_of_the_guessed_charge_is_killed(tmp_path, name):
    text = mutate(mutate(inlined(_launch.source("storage")), *FEW_WALKS), *STORAGE_GUESS[name])
    assert differs("storage", text)


def test_without_a_guess_all_lanes_must_be_put_right(tmp_path):
    text = mutate(inlined(_launch.source("storage")), *NO_GUESS)
    assert differs("storage", mutate(text, "if (!__any_sync(ALL, moved)) break;", "if (known > 2) break;"))


@pytest.mark.parametrize("name", STORAGE_FIRM)
def test_storage_firm_mutant_is_killed(tmp_path, name):
    text = mutate(inlined(_launch.source("storage_firm")), *STORAGE_FIRM[name])
    assert differs("storage_firm", text)
