"""Water-filling: how growing loads of an area lie on its cells.

An area's table gives the split of loads over cells at rising levels, for several siting temperatures. Between levels
the split is linear in the load, between temperatures linear in the temperature, so that the cells of a row sum to the
load to rounding, and every cell grows with the load as it does in the table. What was once built stays: the installed
split follows the highest load of the years so far, and where the load falls all cells run at the same lower share.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._namespace import Array, array_namespace
from .errors import KernelError


class Table(NamedTuple):
    """One area's split. All float64, on one device.

    temperatures : (temperature,)        Ascending, at least two. [usd/MWh]
    levels_mw : (temperature, level)     Ascending from 0, at least two; what a row of cells sums to. [MW]
    split_mw : (cell, temperature, level) [MW]
    """

    temperatures: Array
    levels_mw: Array
    split_mw: Array


class Fill(NamedTuple):
    """Result of water_fill.

    split_mw : (cell, year, draw)   Load that runs in each cell. [MW]
    total_mw : (year, draw)         Its sum over cells, in their order. [MW]
    weighted : (year, draw)         The same sum with each cell's weight.
    """

    split_mw: Array
    total_mw: Array
    weighted: Array


def water_fill(table: Table, load_mw: Array, temperature: Array, scale: Array, weight: Array) -> Fill:
    """Split loads over the cells of an area.

    load_mw : float64 (year, draw)      >= 0; more than the highest level is placed like the highest. [MW]
    temperature : float64 (draw,)       Beyond the table's ends it acts like the end. [usd/MWh]
    scale : float64 (draw,)             Times which the room of all cells is the table's: a load of L is split as the
                                        table splits L / scale, times scale. > 0. [1]
    weight : float64 (cell,)            Of the cells in `Fill.weighted`.

    Returns Fill, on the device of the inputs. Raises KernelError for shapes and dtypes that do not fit together. Values
    are not looked at: a NaN in a load makes its draw NaN from that year on, none other.
    """
    xp = array_namespace(*table, load_mw, temperature, scale, weight)
    arrays = (*table, load_mw, temperature, scale, weight)
    problems = _problems(arrays)
    if problems:
        raise KernelError("; ".join(problems))
    arrays = tuple(xp.ascontiguousarray(array) for array in arrays)
    if xp is np:
        return Fill(*_numpy(*arrays))
    from ._water_fill_cuda import fill

    return Fill(*fill(*arrays))


def _problems(arrays: tuple[Array, ...]) -> list[str]:
    names = ("temperatures", "levels_mw", "split_mw", "load_mw", "temperature", "scale", "weight")
    problems = [
        f"{name} must be float64, got {a.dtype}" for name, a in zip(names, arrays, strict=True) if a.dtype != np.float64
    ]
    shapes = dict(zip(names, (array.shape for array in arrays), strict=True))
    if tuple(map(len, shapes.values())) != (1, 2, 3, 2, 1, 1, 1):
        return [*problems, f"wrong number of dimensions: {shapes}"]
    nodes, levels, cells = shapes["temperatures"][0], shapes["levels_mw"][1], shapes["split_mw"][0]
    draws = shapes["load_mw"][1]
    wanted = {
        "levels_mw": (nodes, levels),
        "split_mw": (cells, nodes, levels),
        "temperature": (draws,),
        "scale": (draws,),
        "weight": (cells,),
    }
    problems += [
        f"{name} must be {shape}, got {shapes[name]}" for name, shape in wanted.items() if shapes[name] != shape
    ]
    if min(nodes, levels) < 2:
        problems.append(f"a table needs two temperatures and two levels at least, got {nodes} and {levels}")
    return problems


def _numpy(
    temperatures: Any, levels: Any, split: Any, load: Any, temperature: Any, scale: Any, weight: Any
) -> tuple[Any, Any, Any]:
    """The twin: places and weights of all loads at once, then cell by cell."""
    wanted = load / scale
    installed = np.maximum.accumulate(wanted, axis=0)
    running = np.divide(wanted, installed, out=np.zeros_like(wanted), where=~(installed <= 0.0))
    node, nearness = _position(temperature, temperatures)
    corners = []  # flat places in a cell's table, and their parts
    for step, part in ((0, 1.0 - nearness), (1, nearness)):
        level, far = _in_row(levels, node + step, installed)
        flat = (node + step) * levels.shape[1] + level
        corners.append((flat, flat + 1, part * (1.0 - far), part * far))
    (at, after, low, high), (next_at, next_after, next_low, next_high) = corners
    result = np.empty((len(split), *load.shape))
    total, weighted = np.zeros_like(load), np.zeros_like(load)
    for cell, row in enumerate(split.reshape(len(split), -1)):
        near = low * row.take(at) + high * row.take(after)
        next_near = next_low * row.take(next_at) + next_high * row.take(next_after)
        here = (near + next_near) * running * scale
        result[cell] = here
        total += here
        weighted += here * weight[cell]
    return result, total, weighted


def _position(values: Any, nodes: Any) -> tuple[Any, Any]:
    """Left node and fraction of each value between nodes; outside, the nearest end."""
    left = np.clip(np.searchsorted(nodes, values, side="right") - 1, 0, len(nodes) - 2)
    return left, _fraction(values, nodes[left], nodes[left + 1])


def _in_row(levels: Any, row: Any, values: Any) -> tuple[Any, Any]:
    """The same for values (year, draw), each in the row (draw,) of a table of levels."""
    left, fraction = np.empty(values.shape, dtype=np.int64), np.empty_like(values)
    for number, nodes in enumerate(levels):
        (members,) = np.nonzero(row == number)
        if members.size:
            left[:, members], fraction[:, members] = _position(values[:, members], nodes)
    return left, fraction


def _fraction(values: Any, low: Any, high: Any) -> Any:
    width = high - low
    return np.clip(np.divide(values - low, width, out=np.zeros_like(values), where=width > 0.0), 0.0, 1.0)
