"""One page of Markdown about a run of the checks on a device."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from capacity.verify_gpu.checks import SHARE, Comparison, Verification

_SHOWN = 10  # disagreements listed one by one


def summary(run: Verification) -> str:
    """One line: date, device, driver, CUDA, CuPy, commit, result."""
    wrong = sum(not comparison.agrees for comparison in run.comparisons)
    result = "parity OK" if run.agrees else f"parity FAILED ({wrong} of {len(run.comparisons)} comparisons)"
    times = [row.microseconds for row in run.throughput]
    return ", ".join(
        [
            run.date,
            run.device.name,
            f"driver {driver(run)}",
            f"CUDA {run.cuda.runtime}",
            f"CuPy {run.cuda.cupy}",
            f"gridflops {run.gridflops} ({run.commit or 'installed copy'})",
            result,
            f"headroom {min(times):.3g} us a case at best" if times else "headroom not timed",
        ]
    )


def driver(run: Verification) -> str:
    """The driver's own version where known, and the newest CUDA it serves."""
    serves = f"for CUDA up to {run.cuda.driver}"
    return f"{run.cuda.kernel_module} {serves}" if run.cuda.kernel_module else serves


def markdown(run: Verification) -> str:
    """The whole page."""
    return "\n".join([*_head(run), *_parity(run), *_speed(run), *_other_kernels(run)]) + "\n"


def _head(run: Verification) -> Iterator[str]:
    device = run.device
    yield f"## {run.date}: {device.name}"
    yield ""
    yield summary(run) + "."
    yield ""
    yield (
        f"Device {device.number}, compute capability {device.capability}, {device.memory_bytes / 2**30:.1f} GiB. "
        f"{run.cases:,} cases of {run.hours:,} hours per comparison, seed {run.seed}."
    )
    yield ""


def _parity(run: Verification) -> Iterator[str]:
    yield "### Parity with the NumPy twins"
    yield ""
    yield "| kernel | comparisons | values | other bits | largest difference | tolerance | verdict |"
    yield "|---|---|---|---|---|---|---|"
    key = "{0.kernel} {1}".format
    rows = sorted(run.comparisons, key=lambda row: (row.kernel, _kind(row)))
    for name, group in groupby(rows, key=lambda row: key(row, _kind(row))):
        some = list(group)
        worst = max((row.worst for row in some), key=lambda value: (value != value, value))  # NaN is the worst
        yield (
            f"| {name} | {len(some)} | {sum(row.values for row in some):,} | {sum(row.differing for row in some):,} "
            f"| {worst:.1e} | {max(row.tolerance for row in some):.0e} "
            f"| {'OK' if all(row.agrees for row in some) else 'FAILED'} |"
        )
    wrong = [row for row in run.comparisons if not row.agrees]
    if wrong:
        yield ""
    for row in wrong[:_SHOWN]:
        reason = row.problem or f"{row.differing:,} of {row.values:,} values differ, by up to {row.worst:.1e}"
        yield f"- {row.kernel}, {row.what}: {reason}"
    if len(wrong) > _SHOWN:
        yield f"- and {len(wrong) - _SHOWN} more"
    yield ""
    yield "Differences are relative; a tolerance of 0 asks for equal bits."
    yield ""


def _kind(row: Comparison) -> str:
    return row.what.split(":")[0]


def _speed(run: Verification) -> Iterator[str]:
    yield f"### Headroom, one share of {SHARE:.1%}, native load first"
    yield ""
    yield "| cases | measured, us a case | floor (estimate) | ratio | operations a case | bytes a case | hours left |"
    yield "|---|---|---|---|---|---|---|"
    for row in run.throughput:
        yield (
            f"| {row.cases:,} | {row.microseconds:.3g} | {row.floor_microseconds:.3g} "
            f"| {row.microseconds / row.floor_microseconds:.3g} | {row.operations:,.0f} | {row.bytes:,.0f} "
            f"| {row.listed_hours:,.0f} |"
        )
    device = run.device
    yield ""
    yield (
        f"The floor is an estimate: the fewest operations and bytes the algorithm can do, at "
        f"{device.operations_per_s / 1e12:.3g}e12 float64 operations (none fused) and "
        f"{device.bytes_per_s / 1e12:.3g}e12 bytes a second, which the device's clocks, cores and bus allow. "
        f"Measured: wall clock, median, arrays on the device. Hours left: by pruning, of {run.hours:,}. "
        f"Most device memory held by CuPy's pool: {run.pool_bytes / 2**20:,.0f} MiB."
    )


def _other_kernels(run: Verification) -> Iterator[str]:
    yield ""
    yield "### Other kernels"
    yield ""
    yield "| kernel | work | measured, ms | floor (estimate) | ratio | operations | bytes |"
    yield "|---|---|---|---|---|---|---|"
    for row in run.other_kernels:
        yield (
            f"| {row.kernel} | {row.what} | {row.milliseconds:.3g} | {row.floor_milliseconds:.3g} "
            f"| {row.milliseconds / row.floor_milliseconds:.3g} | {row.operations:,.0f} | {row.bytes:,.0f} |"
        )
