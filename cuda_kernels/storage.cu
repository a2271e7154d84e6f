// Greedy storage dispatch with the slope of unserved energy; contract in storage_dispatch.py, twin in _storage_numba.py.
//
// A warp runs one case. A scan over its lanes tells each what charge its hours begin with, but for rounding
// (storage_tiles.cuh). Each lane then goes through them as the twin does, and again where the lane before it ends with
// another charge than it began with. When none does, all charges are the twin's to the bit; sums over the hours are
// not, as they are taken lane by lane.

#include "storage_tiles.cuh"

struct Store {
    double power, energy, efficiency, load;
};

// What some hours in a row did. Where `reset`, the tangent (of the charge in the load) no longer depends on that before
// them, else it is to be added to it; `owing` hours have yet to take that from the rise of what is unserved.
struct Walk {
    double charge, tangent, missed, rise;
    int short_hours;
    bool reset, owing;
};

__device__ Map map_of(const double* margin, int count, const Store& store) {
    Map map = {0.0, 0.0, store.energy};
    for (int i = 0; i < count; ++i) {
        const double surplus = margin[i] - store.load;
        const double taken = store.efficiency * fmin(surplus, store.power);
        append(map, surplus >= 0.0 ? taken : fmax(surplus, -store.power), store.energy);
    }
    return map;
}

__device__ void step(Walk& walk, double surplus, const Store& store) {
    if (surplus >= 0.0) {
        const double room = (store.energy - walk.charge) / store.efficiency;
        if (surplus < room && surplus <= store.power) {
            walk.charge += store.efficiency * surplus;
            walk.tangent -= store.efficiency;
        } else if (store.power < room) {
            walk.charge += store.efficiency * store.power;
        } else {
            walk.charge = store.energy;
            walk.tangent = 0.0;
            walk.reset = true;
        }
        return;
    }
    const double need = -surplus;
    if (need <= store.power && need <= walk.charge) {
        walk.charge -= need;
        walk.tangent -= 1.0;
        return;
    }
    ++walk.short_hours;
    if (store.power <= walk.charge) {
        walk.charge -= store.power;
        walk.missed += need - store.power;
        walk.rise += 1.0;
        return;
    }
    walk.missed += need - walk.charge;
    walk.rise += 1.0 - walk.tangent;
    walk.owing = walk.owing || !walk.reset;
    walk.charge = 0.0;
    walk.tangent = 0.0;
    walk.reset = true;
}

// The hours of each lane from the charge that the lane before ends with.
__device__ Walk walked(const double* margin, int count, const Store& store, double start) {
    const int lane = threadIdx.x % WARP;
    Walk walk;
    for (int known = 0; known < WARP; ++known) {   // lanes up to this one begin as they should
        walk = {start, 0.0, 0.0, 0.0, 0, false, false};
        for (int i = 0; i < count; ++i) step(walk, margin[i] - store.load, store);
        const double before = __shfl_up_sync(ALL, walk.charge, 1);
        const bool moved = lane > 0 && before != start;
        if (!__any_sync(ALL, moved)) break;
        if (moved) start = before;
    }
    return walk;
}

__global__ void __launch_bounds__(BLOCK, 7)
    storage_scan(const double* margin, const double* power, const double* energy, const double* efficiency,
                 const double* load, double* unserved, double* slope, long long* short_hours, int hours, int cases) {
    __shared__ double tiles[BLOCK / WARP][WARP * STRIDE];
    const int lane = threadIdx.x % WARP;
    const int at = blockIdx.x * (BLOCK / WARP) + threadIdx.x / WARP;
    if (at >= cases) return;   // the whole warp
    const Store store = {power[at], energy[at], efficiency[at], load[at]};
    const double* mine = margin + static_cast<size_t>(at) * hours;
    double* tile = tiles[threadIdx.x / WARP];
    double charge = store.energy, tangent = 0.0, missed = 0.0, rise = 0.0;
    int short_count = 0;
    for (int first = 0; first < hours; first += TILE) {
        if (!fetch(tile, mine, first, hours, store.load) && charge >= store.energy) {   // a full store stays full
            charge = store.energy;
            tangent = 0.0;
            continue;
        }
        int count;
        const double* own = own_hours(tile, first, hours, count);
        Walk walk = walked(own, count, store, state_before(map_of(own, count, store), charge));
        charge = __shfl_sync(ALL, walk.charge, WARP - 1);
        const double before = sum_before(walk.tangent, walk.reset, tangent);
        if (walk.owing) walk.rise -= before;
        missed += walk.missed;
        rise += walk.rise;
        short_count += walk.short_hours;
    }
    missed = sum_of_lanes(missed);
    rise = sum_of_lanes(rise);
    const double counted = sum_of_lanes(short_count);
    if (lane > 0) return;
    unserved[at] = missed;
    slope[at] = rise;
    short_hours[at] = static_cast<long long>(counted);
}
