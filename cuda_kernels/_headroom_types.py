"""What the parts of the numba headroom engine hand to each other, and its types: each part is compiled on its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numba import types


class Call(NamedTuple):
    """What all cases of a call share."""

    profiles: Any  # (K, H)
    grid: Any  # anchors, their bits, step sizes, each (K,)
    peaks: Any  # (K,)
    inverse: Any  # (K,): 1 / peaks, 0 for a profile of zeros
    lowest: float  # 0 when native customers come first, else -inf


class Axes(NamedTuple):
    """Axes along which cases differ (`_headroom_axes`), and scratch for choosing them."""

    turn: Any  # (K, K): coefficients @ turn are places along the axes
    basis: Any  # (K, K): row j along axis j, of profiles over their peaks; its sizes add up to 1
    spread: Any  # (K, K), scratch
    effect: Any
    vectors: Any
    peaks: Any  # (K,): a place times this times a row is a margin
    inverse: Any  # (K,)
    centre: Any  # (K,), scratch
    mean: Any
    size: Any
    singles: Any  # (K, K) float32: basis
    few: Any  # (K,) float32, scratch
    wide: Any  # flat: turn, its rows filled up with zeros to whole lines


class Lines(NamedTuple):
    """Places of cases along the axes (`_headroom_lines`)."""

    all: Any  # float32, flat, by case
    cases: Any  # int64, scratch: as many as there are
    width: int  # of a line
    few: Any  # float32, scratch: three vectors
    stack: Any  # scratch of `order`
    edges: Any
    centre: Any


class Frame(NamedTuple):
    """Coordinates of a leaf: margin = zero @ coefficients + unit * x."""

    zero: Any  # (K,), on the profiles' grids
    scale: Any  # (K,): coefficients times this weigh the rows
    swing: Any  # (K,): coefficients times this are the most that a profile adds to a margin there
    unit: float
    short: bool  # some margin may be negative


class Part(NamedTuple):
    """Some hours of a leaf, and what is known of the others that are curtailed."""

    rows: Any  # float32, flat
    steps: Any  # int64, flat: profiles in steps of their grids
    beside: Any  # int64, flat, or empty: hour by hour, all profiles of one side by side
    hours: Any  # int32
    base: Any  # (K,) int64: steps of hours that are curtailed in every case and not short
    certain: float  # number of hours curtailed in every case
    negative: float  # of them, short in every case


class Tree(NamedTuple):
    """Scratch of the tree: lists of hours one behind the other, and what is kept for each level."""

    rows: Any  # float32
    hours: Any  # int32
    planes: Any  # (level, K + 1)
    stack: Any  # (level, 5)
    effect: Any  # (K,)


class Box(NamedTuple):
    """Coefficients of the cases of a node."""

    edges: Any  # (2, K): lowest, highest
    centre: Any  # (K,)
    shares: Any  # (3, K) float32, scratch: the box in shares of its reach
    flat: Any  # (K + 1,) float32, scratch: a plane in those shares


class Bounds(NamedTuple):
    """Scratch by hour, float32, in shares of a box's reach."""

    x: Any
    weight: Any  # of those, in a plane
    low: Any  # distance from the plane
    high: Any
    floor: Any  # margin
    ceiling: Any
    places: Any  # int32, of hours that are curtailed at the centre


class Scratch(NamedTuple):
    """Scratch of a case."""

    weights: Any  # (K,) float32
    x: Any  # float32, by hour
    mask: Any  # int64, by hour
    flags: Any  # bytes by hour, and the same memory in words of eight
    found: Any  # int32, by hour
    sums: Any  # (K,) int64, filled up to whole vectors


class Group(NamedTuple):
    """Scratch of sixteen cases, one in each lane."""

    x: Any  # float32, by hour and lane
    weights: Any  # float32, by profile and lane
    c: Any  # float64, by profile and lane
    few: Any  # float32, five numbers by lane
    sums: Any  # int64, by profile and lane
    lanes: Any  # int64, by hour: the lanes in which it is curtailed
    every: Any  # int32, by hour
    mixed: Any
    kept: Any
    allowed: Any  # float64, by lane
    at_zero: Any
    reach: Any
    load: Any
    count: Any
    top: Any  # a load right of the root


class Leaf(NamedTuple):
    """Scratch of a leaf."""

    bounds: Bounds
    chosen: Any  # int32, by hour: places in a list
    sure: Any
    case: Scratch
    part: Any  # rows, hours and steps of the undecided ones
    active: Any  # rows, hours and steps side by side of those that any case needed
    double: Any  # float64 path: rows, margins, and a row as float64 and int64
    frame: Any  # zero, scale, swing, plane, sums of the certain hours
    group: Group
    axes: Axes
    turned: Any  # (K + 1,): the plane over places along the axes


single, double, long, place = types.float32[::1], types.float64[::1], types.int64[::1], types.int32[::1]
byte, word = types.uint8[::1], types.uint64[::1]
single_table, double_table, long_table = types.float32[:, ::1], types.float64[:, ::1], types.int64[:, ::1]
real, number, truth = types.float64, types.int64, types.boolean

together: Callable[..., Any] = types.BaseTuple.from_types  # types alike or not, for a tuple or a named one
grid = together([double, long, double])
CALL = together([double_table, grid, double, double, real], Call)
FRAME = together([double, double, double, real, truth], Frame)
PART = together([single, long, long, place, long, real, real], Part)
AXES = together([*[double_table] * 5, *[double] * 5, single_table, single, double], Axes)
BOX = together([double_table, double, single_table, single], Box)
BOUNDS = together([*[single] * 6, place], Bounds)
SCRATCH = together([single, single, long, together([byte, word]), place, long], Scratch)
GROUP = together([single, single, double, single, long, long, place, place, place, *[double] * 6], Group)
DOUBLE = together([double, double, double, long])
LEAF = together(
    [BOUNDS, place, place, SCRATCH, together([single, place, long]), together([single, place, long]), DOUBLE,
     together([*[double] * 4, long]), GROUP, AXES, double], Leaf,
)  # fmt: skip
LIMITS = together([real, real, double, double])  # allowed, lowest, peaks, their inverses
WANTED = together([real, real, real])  # allowed, a load right of the root, the largest margin there can be
LINES = together([single, long, number, single, long_table, double_table, double], Lines)
PROBLEM = together([double_table, double_table, long, LINES])  # coefficients, allowed, cases, their places
RESULT = together([double_table, long_table])  # load, hours
NODE = together([single, place, long, double])  # rows, hours, cases, plane
GIVEN = together([double_table, grid, double, double])  # profiles, grid, peaks, 1 / peaks
MEMORY = together(
    [together([single, place, long, double]), together([byte, word, double, long]),
     together([double_table, double_table, double]), long_table, single_table, AXES]
)  # fmt: skip
SHARED_MEMORY = together([single, place, double_table, double_table, double, double, double])
