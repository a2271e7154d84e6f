"""Water-filling: how growing loads of an area lie on its cells.

An area's table gives the split of loads over cells at rising levels, for several siting temperatures. Between levels
the split is linear in the load, between temperatures linear in the temperature, so that the cells of a row sum to the
load to rounding, and every cell grows with the load as it does in the table. What was once built stays: the installed
split follows the highest load of the years so far, and where the load falls all cells run at the same lower share.
"""

from __future__ import annotations

from itertools import pairwise
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
        return Fill(*_numpy(arrays[:3], *arrays[3:]))
    from ._water_fill_cuda import fill

    return Fill(*fill(arrays[:3], *arrays[3:]))


class Tables(NamedTuple):
    """The splits of several areas whose tables have equal sizes; cells of all areas one after the other.

    temperatures : (area, temperature)
    levels_mw : (area, temperature, level)
    split_mw : (cell, temperature, level)
    ends : int32 (area + 1,)   Each area's first cell, and the end of the last.
    """

    temperatures: Array
    levels_mw: Array
    split_mw: Array
    ends: Array


def water_fill_of_areas(tables: Tables, load_mw: Array, temperature: Array, scale: Array, weight: Array) -> Fill:
    """`water_fill` of several areas, on the device in one launch.

    load_mw : float64 (area, year, draw); temperature, scale, weight as there, of the cells of all areas.

    Returns Fill, its sums (area, year, draw). Raises KernelError for shapes and dtypes that do not fit together.
    """
    xp = array_namespace(*tables, load_mw, temperature, scale, weight)
    areas = tables.temperatures.shape[0]
    first = (tables.temperatures[0], tables.levels_mw[0], tables.split_mw, load_mw[0], temperature, scale, weight)
    problems = _problems(first)
    if (len(tables.levels_mw), len(load_mw), tables.ends.shape) != (areas, areas, (areas + 1,)):
        problems.append(f"{areas} areas in temperatures, but not in levels, loads or ends")
    if tables.ends.dtype != np.int32:
        problems.append(f"ends must be int32, got {tables.ends.dtype}")
    if problems:
        raise KernelError("; ".join(problems))
    if xp is not np:
        from ._water_fill_cuda import fill_areas

        ready = [xp.ascontiguousarray(array) for array in (*tables, load_mw, temperature, scale, weight)]
        return Fill(*fill_areas((ready[0], ready[1], ready[2], ready[3]), *ready[4:]))
    found = []
    for a, (start, end) in enumerate(pairwise(tables.ends)):
        cells = slice(int(start), int(end))
        table = Table(tables.temperatures[a], tables.levels_mw[a], tables.split_mw[cells])
        found.append(water_fill(table, load_mw[a], temperature, scale, weight[cells]))
    if areas == 1:  # a split is large: no copy
        return Fill(found[0].split_mw, found[0].total_mw[None], found[0].weighted[None])
    split, total, weighted = zip(*found, strict=True)
    return Fill(np.concatenate(split), np.stack(total), np.stack(weighted))


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


def _numpy(table: tuple[Any, ...], load: Any, temperature: Any, scale: Any, weight: Any) -> tuple[Any, Any, Any]:
    """The twin: places and weights of all loads at once, then cell by cell."""
    temperatures, levels, split = table
    wanted = load / scale
    installed = np.maximum.accumulate(wanted, axis=0)
    running = np.divide(wanted, installed, out=np.zeros_like(wanted), where=~(installed <= 0.0))
    node, nearness = _position(temperature, temperatures)
    corners = []  # flat places in a cell's table, and their parts
    for step, part in ((0, 1.0 - nearness), (1, nearness)):
        level, far = _in_row(levels, node + step, installed)
        flat = (node + step) * levels.shape[1] + level
        corners.append((flat, flat + 1, part * (1.0 - far), part * far))
    result = np.empty((len(split), *load.shape))
    total, weighted, part, other = (np.zeros_like(load) for _ in range(4))
    for here, row, worth in zip(result, split.reshape(len(split), -1), weight, strict=True):
        for into, (at, after, low, high) in zip((here, other), corners, strict=True):
            np.multiply(low, row.take(at, out=into, mode="clip"), out=into)  # no place is outside; "raise" would copy
            into += np.multiply(high, row.take(after, out=part, mode="clip"), out=part)
        here += other
        here *= running
        here *= scale
        total += here
        weighted += np.multiply(here, worth, out=part)
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
