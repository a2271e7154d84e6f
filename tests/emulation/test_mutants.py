"""Seeded bugs in the .cu files: each must be noticed by parity with the NumPy twins, the emulation, or a sanitizer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cuda_kernels import _headroom_cuda, _launch, _quantile_cuda

from . import build, sanitizer, test_sanitizers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(build.compiler is None, reason="g++ is not installed: kernels cannot run on the CPU"),
]

# What stands in headroom.cu, and what the mutant puts there.
HEADROOM = {
    "tail of the last tile read": ("if (mine < width) {", "if (mine <= width) {"),
    "tile not waited for": ("        __syncthreads();\n#pragma unroll 1", "#pragma unroll 1"),
    "tile overwritten too early": ("        __syncthreads();   // nobody still reads the previous tile\n", ""),
    "tile one row short": ("double tile[tile_hours<K>() * K];", "double tile[tile_hours<K>() * K - K];"),
    "tile strided by the wrong size": ("tile[mine * ROWS + row] =", "tile[mine * (ROWS - 1) + row] ="),
    "last hours left out": ("first < hours->count; first += TILE", "first + TILE < hours->count; first += TILE"),
    "list ignored": ("hours->list == nullptr ? first + mine", "true ? first + mine"),
    "last profile left out": ("for (int k = 1; k < K; ++k) margin", "for (int k = 1; k < K - 1; ++k) margin"),
    "floor forgotten": ("return fmax(margin, lowest);", "return margin;"),
    "at the load instead of below": ("if (margin >= load) return;", "if (margin > load) return;"),
    "floored hours charged": ("problem.lowest == 0.0 && margin <= 0.0", "problem.lowest == 1.0 && margin <= 0.0"),
    "finish started left of the root": ("*slot + NEAR * fmax", "*slot - NEAR * fmax"),
    "allowance forgotten": ("total / (count - allowed)", "total / count"),
    "search: some cases stop with the first": ("if (!__syncthreads_or(moved)) break;", "if (!moved) break;"),
    "finish: some cases stop with the first": ("if (!__syncthreads_or(open)) break;", "if (!open) break;"),
    "lanes visit every hour": ("for (int h = threadIdx.x % LANES;", "for (int h = 0;"),
    "lanes do not add up": ("total[s] += __shfl_xor_sync(0xFFFFFFFFu, total[s], by);", ""),
    "hours of one lane": ("below[s] += __shfl_xor_sync(0xFFFFFFFFu, below[s], by);", ""),
    "half the lanes add up": ("for (int by = LANES / 2;", "for (int by = LANES / 4;"),
    "half of a tile loaded by many threads": ("row += BLOCK * LANES / TILE", "row += 2 * BLOCK * LANES / TILE"),
    "share of the neighbour": ("input.row + first_share;", "input.row;"),
    "every row of blocks takes the first share": ("input.row + blockIdx.y;", "input.row;"),
    "set of the neighbour": ("order[0] / sizes[3]", "order[0] / sizes[1]"),
    "anchors of the first set": ("anchors + set * K", "anchors"),
    "firm loads of a block whose first case curtails": ("if (__syncthreads_or(*share == 0.0))", "if (*share == 0.0)"),
    "cases that curtail beside a firm one": ("if (__syncthreads_or(*share > 0.0)) answer", "if (*share > 0.0) answer"),
    "every case firm": ("if (*share == 0.0) answer = {least, 0};", "answer = {least, 0};"),
    "hours read before they are there": ("    __syncthreads();\n    return {hours, tile", "    return {hours, tile"),
    "spare threads write too": ("    if (my.mine < 0) return;\n    load[to]", "    load[to]"),
    "spare threads leave early": (
        "    double c[K];\n    read_case<K>(input, my.at, c);",
        "    if (my.mine < 0) return;\n    double c[K];\n    read_case<K>(input, my.at, c);",
    ),
    "grid steps not scaled": (" * grid_of(scratch.anchor[k])", ""),
    "grid twice as wide": ("* 0x1p-52;", "* 0x1p-51;"),
    "root kept when there is none": ("if (load <= 0.0 || rootless)", "if (load <= 0.0 || (rootless && load < 0.0))"),
    "firm load not floored": ("0.0 : fmax(least, 0.0);", "0.0 : least;"),
    "anchor of one profile only": ("if (threadIdx.x < K) anchor[", "if (threadIdx.x < 1) anchor["),
    "block sum without its barrier": (
        "scratch[threadIdx.x + half];\n        __syncthreads();",
        "scratch[threadIdx.x + half];",
    ),
    "block sum reuses its scratch at once": (
        "    __syncthreads();\n    scratch[threadIdx.x] = value;",
        "    scratch[threadIdx.x] = value;",
    ),
    "box without its upper end": ("high = fmax(high, value);", "high = fmin(high, value);"),
    "plane used as if it were a lower bound": ("box, plane).low <= 0.0", "box, plane).high <= 0.0"),
    "chord left out": ("sums[K] -= slope * bounds.low;", "sums[K] -= 0.0;"),
    "allowance left out of the plane": ("block_sum(below, scratch) - box.allowed;", "block_sum(below, scratch);"),
    "list in the order of lanes": ("(1u << lane) - 1u)", "(2u << lane) - 1u)"),
    "counts overwritten too early": (
        "        __syncthreads();   // everyone has read the counts of the previous round\n",
        "",
    ),
    "length forgets the last warp": ("length += kept[w];", "length += w < BLOCK / 32 - 1 ? kept[w] : 0;"),
}
INCLUDED = re.compile(r'#include "(\w+\.cuh)"\n')
# With more than six profiles sums lie in shared memory, with more than seven tiles are half as long: what stands in the
# headers so that three profiles go that way too, and mutants of it.
MANY_PROFILES = (
    ("return K <= 6 ? K", "return K <= 2 ? K"),
    ("return ROWS <= 7 ?", "return ROWS <= 2 ?"),
    ("11 - K", "1"),
)
HEADROOM_MANY = {
    "sums of the neighbour": ("scratch.apart[k - KEPT][threadIdx.x] += more", "scratch.apart[k - KEPT][0] += more"),
    "sums not cleared": ("scratch.apart[k - KEPT][threadIdx.x] = 0;", "scratch.apart[k - KEPT][threadIdx.x] += 0;"),
    "sums one row short": ("? K - sums_kept<K>() : 1][BLOCK]", "? K - sums_kept<K>() - 1 : 1][BLOCK]"),
    "half the rows of a tile": ("row < ROWS; row += BLOCK", "row < ROWS - 1; row += BLOCK"),
    "tile as if it were whole": ("threadIdx.x % TILE;", "threadIdx.x;"),
}
DEAL = {
    "tail guard broken": (
        ">= static_cast<size_t>(cases) * sets) return;",
        "> static_cast<size_t>(cases) * sets) return;",
    ),
    "moments of the first set": ("means[set * K + k]", "means[k]"),
    "cells in plain order, not Gray's": ("parity ^= 1;", "parity = 1;"),
    "one coefficient for all halvings": ("width[k] *= 0.5f;", ""),
    "all of the widest halved": ("done = true;\n            width", "width"),
    "left halves one short": ("size / 2 : (size + 1) / 2;", "(size + 1) / 2 : size / 2;"),
    "lanes do not see each other": ("__shfl_xor_sync(0xFFFFFFFFu, value, by)", "value"),
    "effects ignored": ("(high + low) * effects[k];", "(high + low);"),
    "effects of the first set": ("effects + set * K, spans", "effects, spans"),
    "cases of other parts measured": ("group.mine[part * length + i]", "group.mine[0 * part * length + i]"),
    "choice read before it is made": ("widest;\n    }\n    __syncthreads();", "widest;\n    }"),
    "spans read before they are there": ("effects[k];\n    }\n    __syncthreads();", "effects[k];\n    }"),
    "ties in any order": (
        "return static_cast<unsigned>(group.mine[i]) >",
        "return false && static_cast<unsigned>(group.mine[i]) >",
    ),
    "parts sorted in turns": ("(i & (length - 1) & size)", "(i & size)"),
    "exchange not waited for": ("            }\n            __syncthreads();", "            }"),
    "halves side by side": ("length / 2 + place - left", "place"),
    "fillers kept": ("group.other[i] = -1;", "group.other[i] = group.mine[i];"),
    "copied before it is complete": ("= group.mine[i];\n    }\n    __syncthreads();", "= group.mine[i];\n    }"),
    "group of the first": ("first + i]", "i]"),
    "members of the first set": ("members[set * cases + first", "members[first"),
    "reach without signs dropped": ("fabs(coefficients", "(coefficients"),
    "peaks of the first set": ("* peaks[set * K + k]", "* peaks[k]"),
    "keys of one part": ("chosen[i / length]", "chosen[0]"),
    "width of the places": ("const int place = i % width;", "const int place = i % length;"),
}
WEIGHTED = {
    "weights of one": ("total[s] += hour[K] * margin;", "total[s] += margin;"),
    "hours counted, not weights": ("below[s] += hour[K];", "below[s] += 1.0;"),
    "weight of the neighbour": ("tile + h * ROWS);", "tile + (h ^ 1) * ROWS);"),
    "allowance of the first share": (
        "const double excess = below[s] - allowed[to + s];",
        "const double excess = below[s] - allowed[to];",
    ),
    "some cases stop with the first": ("if (!__syncthreads_or(moved)) break;", "if (!moved) break;"),
    "hours without weight count for firm loads": ("if (hour[K] > 0.0) least", "if (hour[K] >= 0.0) least"),
    "firm loads of the first case only": ("if (!__syncthreads_or(firm)) return;", "if (!firm) return;"),
    "every case firm": ("if (my.mine && allowed[to + s] == 0.0) load", "if (my.mine) load"),
    "firm load not floored": ("return fmax(least, 0.0);", "return least;"),
    "set of the first": ("rows + static_cast<size_t>(blockIdx.y)", "rows + 0 * static_cast<size_t>(blockIdx.y)"),
    "cases of the first set": ("static_cast<size_t>(blockIdx.y) * cases + (my", "static_cast<size_t>(0) * cases + (my"),
    "hours not waited for": (
        "        all.count = hours;\n    }\n    __syncthreads();",
        "        all.count = hours;\n    }",
    ),
    "tile one row short": ("tile[tile_hours<K + 1>() * (K + 1)];", "tile[tile_hours<K + 1>() * K];"),
    "root kept when there is none": ("rootless || may == 0.0;", "(rootless && found[s] < 0.0) || may == 0.0;"),
}
PHILOX = {
    "nine rounds": ("round < 10", "round < 9"),
    "key words swapped": ("c.word[1] ^ k0", "c.word[1] ^ k1"),
    "wrong increment": ("k1 += 0xBB67AE85u", "k1 += 0xBB67AE86u"),
    "wrong multiplier": ("0xCD9E8D57ull", "0xCD9E8D59ull"),
    "uniform may be zero": ("(static_cast<double>(word) + 0.5)", "static_cast<double>(word)"),
    "tail guard broken": (
        "    if (i >= count) return;\n    out[i] = normal",
        "    if (i > count) return;\n    out[i] = normal",
    ),
    "words two and three swapped": ("lane & 2 ? high : low", "lane & 2 ? low : high"),
    "years and draws mixed": ("draws[i / lane_count / year_count]", "draws[i / lane_count % year_count]"),
    "tail sign lost": ("return copysign(size, q);", "return size;"),
    "far tail like the shoulder": ("r <= 5.0", "r <= 50.0"),
}

QUANTILE = {
    "negative numbers in the wrong order": ("bits >> 63 ? ~bits", "bits >> 63 ? bits"),
    "seven passes": ("shift >= 0; shift -= 8", "shift > 0; shift -= 8"),
    "last draws left out": ("first < draws; first += BLOCK", "first + BLOCK <= draws; first += BLOCK"),
    "filler counted": ("const bool match = i < draws && (", "const bool match = ("),
    "common lanes counted one short": (
        "atomicAdd(bins + common, __popc(same));",
        "atomicAdd(bins + common, __popc(same) - 1);",
    ),
    "odd lanes lost": ("if (match && byte != common)", "if (match && byte > common)"),
    "every rank counts the values of the first": (
        "search.prefix[r] >> (shift + 8));",
        "search.prefix[0] >> (shift + 8));",
    ),
    "histogram of the neighbour": ("settle(bins[search.leader[r]],", "settle(bins[r],"),
    "leader of other bits": (
        "search.prefix[leader - 1] == search.prefix[threadIdx.x]",
        "search.prefix[leader - 1] <= search.prefix[threadIdx.x]",
    ),
    "rank within the bin not taken": ("*place = wanted - below;", "*place = wanted;"),
    "bin one too far": ("below + bins[bin] <= wanted", "below + bins[bin] < wanted"),
    "lanes do not see those before": ("if (lane >= by) upto += before;", "if (lane > by) upto += before;"),
    "histograms not cleared": ("bins[i / BINS][i % BINS] = 0;", "if (shift == 56) bins[i / BINS][i % BINS] = 0;"),
    "histogram read before it is full": (
        "        __syncthreads();\n        for (int r = warp;",
        "        for (int r = warp;",
    ),
    "missing values skipped": ("if (value != value) missing = true;", ""),
    "upper neighbour from below": ("high - step * (1.0 - weight)", "low - step * (1.0 - weight)"),
    "one form of interpolation": ("weight >= 0.5 ?", "weight >= 1.5 ?"),
    "columns of another number": ("static_cast<size_t>(q) * column_count", "static_cast<size_t>(q) * draws"),
}
EVENTS = {
    "tail guard broken": ("if (h < hours) {", "if (h <= hours) {"),
    "native shortage charged": ("load - fmax(margin, 0.0)", "load - margin"),
    "last term left out": ("k < terms; ++k) margin", "k < terms - 1; ++k) margin"),
    "hours of a margin equal to the load": ("= cut > 0.0;", "= cut >= 0.0;"),
    "runs end with a word": ("    for (int bit = 0; bit < 32", "    runs.now = 0;\n    for (int bit = 0; bit < 32"),
    "runs go on over quiet words": ("        runs.now = 0;\n        return;", "        return;"),
    "runs counted by hours": ("if (runs.now == 1) ++runs.number;", "if (runs.now > 0) ++runs.number;"),
    "bits from the far end": ("bits >> bit & 1u", "bits >> (31 - bit) & 1u"),
    "words of the neighbour warp": ("words[part * (BLOCK / 32) + warp]", "words[part * (BLOCK / 32) + (warp ^ 1)]"),
    "words read before they are there": (
        "        __syncthreads();\n        if (threadIdx.x == 0) {",
        "        if (threadIdx.x == 0) {",
    ),
    "words overwritten too early": ("        __syncthreads();   // the words of the previous tile are read\n", ""),
    "counts not cleared": ("if (threadIdx.x < 2 * KINDS) counts[threadIdx.x] = 0;", ""),
    "counts not added atomically": ("atomicAdd(counts + kind, mine[kind]);", "counts[kind] += mine[kind];"),
    "counts read before they are there": ("    __syncthreads();\n    double* to", "    double* to"),
    "parts of the day like seasons": ("kinds[static_cast<size_t>(hours) + h]", "kinds[h]"),
    "deepest of one thread": ("deepest = fmax(deepest, depths[i]);", "deepest = fmax(deepest, depths[0]);"),
    "depth in MW": ("deepest / load : 0.0", "deepest : 0.0"),
    "set of the first": ("blockIdx.y) * terms * hours", "0) * terms * hours"),
    "loads of the first set": ("blockIdx.y) * cases + blockIdx.x", "0) * cases + blockIdx.x"),
}
WATER_FILL = {
    "tail guard broken": ("if (at >= loads) return;", "if (at > loads) return;"),
    "last node out of reach": ("count - 2);", "count - 3);"),
    "flat stretches divided": ("width > 0.0 ? (value", "width > -1.0 ? (value"),
    "loads beyond the table extrapolated": ("fraction > 1.0 ? 1.0 : fraction", "fraction"),
    "sites forgotten when the load falls": ("then > installed || then != then ? then : installed", "then"),
    "missing years forgotten": ("then > installed || then != then", "then > installed"),
    "first year left out": ("double installed = load[draw] / room;", "double installed = 0.0;"),
    "temperatures mixed up": (
        "heat.left + 1) * level_count, level_count, installed",
        "heat.left) * level_count, level_count, installed",
    ),
    "room forgotten": ("* running * room;", "* running;"),
    "running forgotten": ("* running * room;", "* (running < 0.0 ? running : room);"),
    "cells of the wrong width": (
        "next_row += table;",
        "next_row += level_count;",
    ),
    "weights of one cell": ("here * weight[cell];", "here * weight[0];"),
    "draw and year mixed": ("at % draws;", "at / years;"),
    "cells of the neighbour area": (
        "const int cells = first_cells[area + 1];",
        "const int cells = first_cells[gridDim.y];",
    ),
    "table of the first area": ("double* row = split + first_cells[area] * table +", "double* row = split +"),
    "levels of the first area": ("all_levels + area * node_count * level_count", "all_levels + 0 * area"),
    "temperatures of the first area": ("all_temperatures + area * node_count", "all_temperatures + 0 * area"),
    "loads of the first area": ("loads_of_areas + area * loads", "loads_of_areas + 0 * area"),
    "sums of the first area": ("total[area * loads + at]", "total[at]"),
}
STORAGE = {
    "tail guard broken": ("if (at >= cases) return;", "if (at > cases) return;"),
    "cases of the neighbour": ("static_cast<size_t>(at) * hours", "static_cast<size_t>(at ^ 1) * hours"),
    "last hours left out": ("first < hours; first += TILE", "first + TILE <= hours; first += TILE"),
    "last lane one hour short": ("min(HOURS, hours - first", "min(HOURS, hours - 1 - first"),
    "lanes of another width": ("i / HOURS * STRIDE + i % HOURS", "i / HOURS * STRIDE + i % STRIDE"),
    "tile of the first warp": ("tiles[threadIdx.x / WARP];", "tiles[0];"),
    "tile read before it is there": ("    __syncwarp();\n    return __any", "    return __any"),
    "tile overwritten too early": ("    __syncwarp();   // nobody still reads the previous tile\n", ""),
    "a store that is not full skips a tile": ("store.load) && charge >= store.energy)", "store.load))"),
    "hours of one lane decide for all": ("return __any_sync(ALL, lacking) != 0;", "return lacking;"),
    "first guess taken for the charge": ("if (moved) start = before;", "if (moved) break;"),
    "charge of the last lane lost": ("charge = __shfl_sync(ALL, walk.charge, WARP - 1)", "charge = walk.charge"),
    "tangent of the first lane": ("carried = __shfl_sync(ALL, own, WARP - 1);", "carried = __shfl_sync(ALL, own, 0);"),
    "tangents go on behind a full or empty store": ("if (lane >= by && !known) {", "if (lane >= by) {"),
    "nothing known of a reset before": ("known = there;", "known = known && there;"),
    "tangent before the tile left out": ("if (!known) own += carried;", ""),
    "tangent that an hour owes left out": ("if (walk.owing) walk.rise -=", "if (false) walk.rise -="),
    "every empty hour owes": ("walk.owing = walk.owing || !walk.reset;", "walk.owing = true;"),
    "a full store keeps its tangent": (
        "walk.charge = store.energy;\n            walk.tangent = 0.0;",
        "walk.charge = store.energy;",
    ),
    "losses twice": ("walk.charge += store.efficiency * surplus;", "walk.charge += 0.9 * store.efficiency * surplus;"),
    "half the lanes add up": ("for (int by = WARP / 2; by > 0;", "for (int by = WARP / 4; by > 0;"),
    "hours of one lane": ("sum_of_lanes(short_count);", "short_count;"),
}
# With a few walks a tile instead of one for each lane: a wrong guess would only make the kernel slower.
FEW_WALKS = ("known < WARP; ++known", "known < 3; ++known")
NO_GUESS = ("state_before(map_of(own, count, store), charge)", "charge")
STORAGE_GUESS = {
    "losses left out of the guess": ("store.efficiency * fmin(surplus, store.power)", "fmin(surplus, store.power)"),
    "discharge without its limit": ("fmax(surplus, -store.power),", "surplus,"),
    "store without a bottom": ("map.high = fmin(fmax(map.high + moved, 0.0), most);", "map.high += moved;"),
    "store without a top": ("map.low = fmin(fmax(map.low + moved, 0.0), most);", "map.low += moved;"),
    "maps in the wrong order": (
        "held(map, before.low), held(map, before.high)",
        "held(before, map.low), held(before, map.high)",
    ),
    "lanes do not see those before": ("if (lane >= by) map =", "if (lane > by) map ="),
    "guess of the lane itself": ("__shfl_up_sync(ALL, held(map, state), 1)", "held(map, state)"),
}
STORAGE_FIRM = {
    "tail guard broken": ("if (at >= cases) return;", "if (at > cases) return;"),
    "store of the neighbour": ("static_cast<size_t>(at) * 5", "static_cast<size_t>(at ^ 1) * 5"),
    "losses forgotten": ("rint(-need * store.efficiency)", "-need"),
    "full power without losses": ("? store.charged :", "? store.power :"),
    "a tile skipped beside a store in use": ("hours, load) && missing == 0.0) continue;", "hours, load)) continue;"),
    "hours of unmet power have no slope": ("walk.slope += 1.0;", ""),
    "slope forgets hours before": ("walk.slope + before", "walk.slope + 0.0 * before"),
    "slope taken twice": ("walk.owing = walk.owing || !walk.reset;", "walk.owing = true;"),
    "empty store goes on": ("            walk.missing = store.energy;\n", ""),
    "losses out of the slope": ("walk.run += store.efficiency;", "walk.run += 1.0;"),
    "what was asked before the tile": ("{start, asked_before, run_before,", "{start, 0.0 * asked_before, run_before,"),
    "hours before the tile": ("{start, asked_before, run_before,", "{start, asked_before, 0.0 * run_before,"),
    "asked of one lane": ("most = fmax(most, __shfl_xor_sync(ALL, most, by));", "break;"),
    "sample as large as the year": ("(series.hours + SAMPLED - 1) / SAMPLED;", "series.hours;"),
    "no half of the power at the start": ("half = floor(0.5 * power);\n    const int", "half = 0.0;\n    const int"),
    "native shortage charged": ("found.energy - native", "found.energy"),
    "steps down beyond the root": ("if (cost <= 0.0) break;\n    }\n    return load;", "}\n    return load;"),
    "no search stops early": ("if (close || load == 0.0) break;", "if ((close && false) || load == 0.0) break;"),
    "firm load beside natives that miss something": ("native == 0.0 && load > 0.0;", "load > 0.0;"),
    "levels without a limit": ("load == 0.0 ? ENDLESS : load;", "ENDLESS;"),
    "natives miss what loads may": ("load == 0.0 ? native : series.allowed * load", "series.allowed * load"),
    "halves where Newton would do": ("low < wish && wish < high ?", "low < wish && wish < low ?"),
    "room left for a load": ("return load > 0.0 ? firm : leaving_nothing(series, firm);", "return firm;"),
    "lowest margin of one lane": ("lowest = fmin(lowest, __shfl_xor_sync(ALL, lowest, by));", "break;"),
}


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


def differs(kind: str, text: str, folder) -> bool:
    """Whether the changed source gives other results than NumPy, is objected to, or brings its process down."""
    file = folder / "mutant.cu"
    file.write_text(text)
    command = [sys.executable, "-m", "emulation.judge", kind, str(file)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3) or done.returncode < 0, done.stderr
    return done.returncode != 0


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
    assert differs("headroom", text, tmp_path) or race_found(text, tmp_path)


def many_profiles() -> str:
    """headroom.cu such that three profiles are many."""
    text = inlined(_launch.source("headroom"))
    for old, new in MANY_PROFILES:
        text = mutate(text, old, new)
    return text


@pytest.mark.parametrize("name", HEADROOM_MANY)
def test_headroom_mutant_of_many_profiles_is_killed(tmp_path, name):
    text = mutate(many_profiles(), *HEADROOM_MANY[name])
    assert differs("headroom", text, tmp_path) or race_found(text, tmp_path)


def test_the_unchanged_kernels_survive(tmp_path):
    assert not differs("headroom", many_profiles(), tmp_path)
    assert not race_found(many_profiles(), tmp_path)
    assert not differs("headroom", _launch.source("headroom"), tmp_path)
    assert not race_found(_launch.source("headroom"), tmp_path)
    for kind in (
        "event_figures",
        "headroom_deal",
        "headroom_weighted",
        "philox",
        "quantile",
        "storage",
        "storage_firm",
        "water_fill",
    ):
        assert not differs(kind, _launch.source(kind), tmp_path)
    for change in (FEW_WALKS, NO_GUESS):
        assert not differs("storage", mutate(inlined(_launch.source("storage")), *change), tmp_path)


@pytest.mark.parametrize("name", DEAL)
def test_deal_mutant_is_killed(tmp_path, name):
    text = mutate(_launch.source("headroom_deal"), *DEAL[name])
    _, kernel, arguments, grid, block = test_sanitizers.LAUNCHES["deal"]
    assert differs("headroom_deal", text, tmp_path) or races(text, kernel, arguments, (grid, block), tmp_path)


@pytest.mark.parametrize("name", WEIGHTED)
def test_weighted_mutant_is_killed(tmp_path, name):
    text = mutate(inlined(_launch.source("headroom_weighted")), *WEIGHTED[name])
    _, kernel, arguments, grid, block = test_sanitizers.LAUNCHES["weighted"]
    assert differs("headroom_weighted", text, tmp_path) or races(text, kernel, arguments, (grid, block), tmp_path)


@pytest.mark.parametrize("name", PHILOX)
def test_philox_mutant_is_killed(tmp_path, name):
    assert differs("philox", mutate(inlined(_launch.source("philox")), *PHILOX[name]), tmp_path)


@pytest.mark.parametrize("name", QUANTILE)
def test_quantile_mutant_is_killed(tmp_path, name):
    text = mutate(_launch.source("quantile"), *QUANTILE[name])
    arguments = test_sanitizers.quantile_arguments()
    assert differs("quantile", text, tmp_path) or races(text, _quantile_cuda.KERNEL.name, arguments, (2, 256), tmp_path)


@pytest.mark.parametrize("name", EVENTS)
def test_events_mutant_is_killed(tmp_path, name):
    text = mutate(_launch.source("event_figures"), *EVENTS[name])
    _, kernel, arguments, grid, block = test_sanitizers.LAUNCHES["event_figures"]
    assert differs("event_figures", text, tmp_path) or races(text, kernel, arguments, (grid, block), tmp_path)


@pytest.mark.parametrize("name", WATER_FILL)
def test_water_fill_mutant_is_killed(tmp_path, name):
    text = mutate(_launch.source("water_fill"), *WATER_FILL[name])
    _, kernel, arguments, grid, block = test_sanitizers.LAUNCHES["water_fill"]
    assert differs("water_fill", text, tmp_path) or races(text, kernel, arguments, (grid, block), tmp_path)


@pytest.mark.parametrize("name", STORAGE)
def test_storage_mutant_is_killed(tmp_path, name):
    text = mutate(inlined(_launch.source("storage")), *STORAGE[name])
    _, kernel, arguments, grid, block = test_sanitizers.LAUNCHES["storage"]
    assert differs("storage", text, tmp_path) or races(text, kernel, arguments, (grid, block), tmp_path)


@pytest.mark.parametrize("name", STORAGE_GUESS)
def test_mutant_of_the_guessed_charge_is_killed(tmp_path, name):
    text = mutate(mutate(inlined(_launch.source("storage")), *FEW_WALKS), *STORAGE_GUESS[name])
    assert differs("storage", text, tmp_path)


def test_without_a_guess_all_lanes_must_be_put_right(tmp_path):
    text = mutate(inlined(_launch.source("storage")), *NO_GUESS)
    assert differs("storage", mutate(text, "if (!__any_sync(ALL, moved)) break;", "if (known > 2) break;"), tmp_path)


@pytest.mark.parametrize("name", STORAGE_FIRM)
def test_storage_firm_mutant_is_killed(tmp_path, name):
    text = mutate(inlined(_launch.source("storage_firm")), *STORAGE_FIRM[name])
    assert differs("storage_firm", text, tmp_path)
