"""Accelerator vintages: what shipped when, at which dense peak, and what IT power each takes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from scenarios import checks, yaml_text
from scenarios.distributions import Positive
from scenarios.errors import ScenarioError
from scenarios.schema import Closed, Label, Text

FILE = Path(__file__).parent / "data" / "accelerators.yaml"


class Spread(Closed):
    """Median with 5 % and 95 % quantiles."""

    median: Positive
    p5: Positive
    p95: Positive


class Vintage(Closed):
    """One accelerator product."""

    name: Text
    vendor: Text
    first_ship_year: int
    bf16_flop_per_s: Positive
    """Dense BF16 (or FP16) peak. [FLOP/s]"""
    fp8_flop_per_s: Positive | None
    """Dense FP8 peak; None if the chip has no FP8 or none is published. [FLOP/s]"""
    h100e: Positive
    """H100-equivalents of one accelerator. [1]"""
    h100e_basis: Literal["8-bit", "bf16"]
    """Precision at which h100e compares: bf16 only where no 8-bit peak is published."""
    accelerator_tdp_w: Positive
    """Rating of the chip or module, never to be used as its share of server power. [W]"""
    it_power_per_accelerator_w: Spread
    """Share of server, network and storage power. [W]"""
    label: Label
    source: Text

    @property
    def it_power_per_h100e_w(self) -> float:
        """Median IT power of one H100-equivalent. [W]"""
        return self.it_power_per_accelerator_w.median / self.h100e


@cache
def vintages() -> tuple[Vintage, ...]:
    """All accelerators of the table, in its order. Raises ScenarioError with every fault of the file."""
    document = yaml_text.read(FILE)
    found = [checks.checked(Vintage, raw, document, (i,)) for i, raw in enumerate(document.content or ())]
    if document.problems:
        raise ScenarioError(document.problems)
    return tuple(vintage for vintage in found if vintage is not None)
