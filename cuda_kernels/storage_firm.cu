// The firm capacity that a store is worth; contract in storage_firm.py, twins in _storage_firm_numpy.py and
// _storage_firm_numba.py.
//
// A warp solves one case: a few passes over its hours (storage_tiles.cuh) for each step of a search. Margins, power, energy
// and what is taken and given are whole numbers, losses whole parts of 65,536, so that sums are exact: in any order they
// are the twins' to the bit, and with them every step.

#include "storage_tiles.cuh"

constexpr double CLOSE = 1.0 / 128.0;   // as in _storage_firm_numpy.py, and so the next two
constexpr int SAMPLED = 7;
constexpr int STEPS = 60;
constexpr double ENDLESS = 0x1p1000;   // more than any number of units

struct Store {
    double power, energy, efficiency, charged;   // the last: what an hour at full power charges
};

struct Series {
    const double* margin;
    double* tile;
    int hours;
    Store store;
    double allowed;   // hours of the load that may be curtailed
};

struct Unserved {
    double energy, slope;
};

struct Cut {
    double energy, count;
};

// What the store gives back when there is more than the load, as far as it has room.
__device__ double given(double need, const Store& store) {
    return need <= -store.power ? store.charged : rint(-need * store.efficiency);
}

// What hours do to what is missing from a full store.
__device__ Map map_of(const double* margin, int count, double load, const Store& store) {
    Map map = {0.0, 0.0, store.energy};
    for (int i = 0; i < count; ++i) {
        const double need = load - margin[i];
        append(map, need > 0.0 ? fmin(need, store.power) : -given(need, store), store.energy);
    }
    return map;
}

// Some hours in a row. `run`: hours, and parts of hours by losses, in which what is missing moved with the load since it
// was last nil or the store was empty; not so in these hours before `reset`, where `owing` lacks what was before them.
struct Walk {
    double missing, unserved, slope, run;
    bool reset, owing;
};

__device__ void step(Walk& walk, double need, const Store& store) {
    if (need > 0.0) {
        if (need > store.power) {
            walk.unserved += need - store.power;
            walk.slope += 1.0;
            walk.missing += store.power;
        } else {
            walk.missing += need;
            walk.run += 1.0;
        }
        if (walk.missing > store.energy) {
            walk.unserved += walk.missing - store.energy;
            walk.slope += walk.run;
            walk.owing = walk.owing || !walk.reset;
            walk.missing = store.energy;
            walk.run = 0.0;
            walk.reset = true;
        }
    } else if (walk.missing > 0.0) {
        if (need > -store.power) walk.run += store.efficiency;
        walk.missing -= given(need, store);
        if (walk.missing <= 0.0) {
            walk.missing = 0.0;
            walk.run = 0.0;
            walk.reset = true;
        }
    }
}

// Unserved energy at a load, and its slope.
__device__ Unserved discharged(const Series& series, double load) {
    double missing = 0.0, run = 0.0;
    Unserved found = {0.0, 0.0};
    for (int first = 0; first < series.hours; first += TILE) {
        if (!fetch(series.tile, series.margin, first, series.hours, load) && missing == 0.0) continue;
        int count;
        const double* own = own_hours(series.tile, first, series.hours, count);
        const double start = state_before(map_of(own, count, load, series.store), missing);
        Walk walk = {start, 0.0, 0.0, 0.0, false, false};
        for (int i = 0; i < count; ++i) step(walk, load - own[i], series.store);
        missing = __shfl_sync(ALL, walk.missing, WARP - 1);
        const double before = sum_before(walk.run, walk.reset, run);
        found.energy += walk.unserved;
        found.slope += walk.owing ? walk.slope + before : walk.slope;
    }
    return {sum_of_lanes(found.energy), sum_of_lanes(found.slope)};
}

// Some hours in a row: what was asked of the store since it was last full, whatever it has, over how many hours; and by
// how much the load has to fall so that the store has it.
struct Asking {
    double missing, asked, run, most;
    bool reset;
};

template <bool TOLD>
__device__ void ask(Asking& asking, double need, const Store& store) {
    if (need > 0.0) {
        asking.missing = fmin(asking.missing + fmin(need, store.power), store.energy);
        asking.asked += need;
        asking.run += 1.0;
        if (!TOLD) return;
        if (asking.asked > store.energy) {
            asking.most = fmax(asking.most, (asking.asked - store.energy) / asking.run);
        }
        return;
    }
    if (asking.missing > 0.0) {
        const double back = given(need, store);
        if (need > -store.power) asking.run += store.efficiency;
        asking.missing -= back;
        asking.asked -= back;
        if (asking.missing > 0.0) return;
    }
    asking.missing = 0.0;
    asking.asked = 0.0;
    asking.run = 0.0;
    asking.reset = true;
}

// By how much the load falls at least before nothing goes unserved; no hour needs more than the power.
__device__ double overload(const Series& series, double load) {
    double missing = 0.0, asked = 0.0, run = 0.0, most = 0.0;
    for (int first = 0; first < series.hours; first += TILE) {
        if (!fetch(series.tile, series.margin, first, series.hours, load) && missing == 0.0) {
            asked = 0.0;
            run = 0.0;
            continue;
        }
        int count;
        const double* own = own_hours(series.tile, first, series.hours, count);
        const double start = state_before(map_of(own, count, load, series.store), missing);
        Asking asking = {start, 0.0, 0.0, 0.0, false};
        for (int i = 0; i < count; ++i) ask<false>(asking, load - own[i], series.store);
        missing = __shfl_sync(ALL, asking.missing, WARP - 1);
        const double asked_before = sum_before(asking.asked, asking.reset, asked);
        const double run_before = sum_before(asking.run, asking.reset, run);
        asking = {start, asked_before, run_before, most, false};
        for (int i = 0; i < count; ++i) ask<true>(asking, load - own[i], series.store);
        most = asking.most;
    }
    for (int by = WARP / 2; by > 0; by /= 2) most = fmax(most, __shfl_xor_sync(ALL, most, by));
    return most;
}

// What every so manieth margin lacks to a level, at most so much each, and how many lack something, but less than that.
__device__ Cut below(const Series& series, double level, double most, int every) {
    Cut cut = {0.0, 0.0};
#pragma unroll 1   // hours at a time spill registers
    for (int h = threadIdx.x % WARP * every; h < series.hours; h += WARP * every) {
        const double left = fmax(level - series.margin[h], 0.0);
        cut.count += left > 0.0 && left < most ? 1.0 : 0.0;
        cut.energy += fmin(left, most);
    }
    return {sum_of_lanes(cut.energy), sum_of_lanes(cut.count)};
}

// Headroom in a sample of the hours with half of the power as firm: where the search begins.
__device__ double start_of(const Series& series) {
    const double power = series.store.power, half = floor(0.5 * power);
    const int size = (series.hours + SAMPLED - 1) / SAMPLED;
    const double allowed = series.allowed * (static_cast<double>(size) / series.hours);
    double total = 0.0;
#pragma unroll 1   // hours at a time spill registers
    for (int h = threadIdx.x % WARP * SAMPLED; h < series.hours; h += WARP * SAMPLED) total += series.margin[h];
    const double native = below(series, -half, ENDLESS, SAMPLED).energy;
    double load = floor((sum_of_lanes(total) + half * size + native) / (size - allowed)) + 1.0;
    for (int i = 0; i < STEPS; ++i) {
        const Cut cut = below(series, load - half, ENDLESS, SAMPLED);
        const double cost = cut.energy - native - allowed * load, rise = cut.count - allowed;
        if (cost <= 0.0 || rise <= 0.0) break;
        const double lower = fmax(floor(load - cost / rise), 0.0);
        if (load - lower <= CLOSE * load) break;
        load = lower;
    }
    return fmax(load, floor(0.125 * power) + 1.0);
}

// Largest load but for the share, by Newton on unserved energy: up until the root is passed, then down.
__device__ double headroom_of(const Series& series, double native) {
    const double allowed = series.allowed, power = series.store.power;
    double load = start_of(series);
    Unserved found = discharged(series, load);
    double cost = found.energy - native - allowed * load, rise = found.slope - allowed;
    for (int i = 0; i < STEPS - 1 && cost <= 0.0; ++i) {
        double higher = 2.0 * load + power + 1.0;
        if (rise > 0.0) higher = fmin(higher, floor(load - cost / rise) + 1.0);
        load = higher;
        found = discharged(series, load);
        cost = found.energy - native - allowed * load;
        rise = found.slope - allowed;
    }
    for (int i = 0; i < STEPS; ++i) {
        const double lower = rise > 0.0 ? fmax(floor(load - cost / rise), 0.0) : 0.0;
        const bool close = load - lower <= fmax(CLOSE * fmin(load, power), 1.0);
        load = lower;
        if (close || load == 0.0) break;
        found = discharged(series, load);
        cost = found.energy - native - allowed * load;
        rise = found.slope - allowed;
        if (cost <= 0.0) break;
    }
    return load;
}

// Largest load of which nothing goes unserved, by Newton on the constraint that asks it to fall most.
__device__ double firm_of(const Series& series, double load) {
    for (int i = 0; i < STEPS; ++i) {
        const double most = overload(series, load);
        if (most <= 0.0 || load == 0.0) break;
        load = fmax(floor(load - most), 0.0);
    }
    return load;
}

// The most firm capacity, up to one, that leaves no room for a load.
__device__ double leaving_nothing(const Series& series, double firm) {
    if (below(series, -firm, ENDLESS, 1).count >= series.allowed) return firm;
    double low = 0.0, high = firm;
    for (int i = 0; i < STEPS && high - low > 0.01 * CLOSE * series.store.power; ++i) {
        const double middle = floor(0.5 * (low + high));
        if (below(series, -middle, ENDLESS, 1).count >= series.allowed) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

// Firm capacity beside which the same load fits; without a load, beside which natives miss as much.
__device__ double equivalent_of(const Series& series, double load, double native) {
    const double power = series.store.power;
    const double wanted = load == 0.0 ? native : series.allowed * load;
    const double most = load == 0.0 ? ENDLESS : load;
    double low = 0.0, high = power, firm = floor(0.5 * power);
    for (int i = 0; i < STEPS; ++i) {
        const Cut cut = below(series, load - firm, most, 1);
        if (cut.energy > wanted) {
            low = firm;
        } else {
            high = firm;
        }
        const double wish = cut.count > 0.0 ? firm + (cut.energy - wanted) / cut.count : firm;
        const double after = low < wish && wish < high ? floor(wish) : floor(0.5 * (low + high));
        const bool close = fabs(after - firm) <= 0.01 * CLOSE * power;
        firm = after;
        if (close) break;
    }
    return load > 0.0 ? firm : leaving_nothing(series, firm);
}

__global__ void __launch_bounds__(BLOCK, 7)
    storage_firm(const double* margin, const double* store, double* found, int hours, int cases) {
    __shared__ double tiles[BLOCK / WARP][WARP * STRIDE];
    const int lane = threadIdx.x % WARP;
    const int at = blockIdx.x * (BLOCK / WARP) + threadIdx.x / WARP;
    if (at >= cases) return;   // the whole warp
    const double* own = store + static_cast<size_t>(at) * 5;
    const Series series = {margin + static_cast<size_t>(at) * hours,
                           tiles[threadIdx.x / WARP],
                           hours,
                           {own[0], own[1], own[2], own[3]},
                           own[4]};
    double lowest = ENDLESS, worse = 0.0;
#pragma unroll 1   // hours at a time spill registers
    for (int h = lane; h < hours; h += WARP) {
        lowest = fmin(lowest, series.margin[h]);
        worse += series.margin[h] < -series.store.power ? 1.0 : 0.0;   // the store cannot serve natives, whatever it holds
    }
    for (int by = WARP / 2; by > 0; by /= 2) lowest = fmin(lowest, __shfl_xor_sync(ALL, lowest, by));
    const double native = lowest < 0.0 ? discharged(series, 0.0).energy : 0.0;
    const double load = sum_of_lanes(worse) <= series.allowed ? headroom_of(series, native) : 0.0;
    lowest = fmin(lowest, load);
    const bool served = native == 0.0 && load > 0.0;
    const double firm = served ? firm_of(series, fmin(load, lowest + series.store.power)) : 0.0;
    const double equivalent = equivalent_of(series, load, native);
    if (lane > 0) return;
    double* to = found + static_cast<size_t>(at) * 4;
    to[0] = load;
    to[1] = firm;
    to[2] = equivalent;
    to[3] = lowest;
}
