// Greedy storage dispatch with the slope of unserved energy; contract in storage_dispatch.py, twin in _storage_numba.py.
//
// A warp runs one case, a tile of its hours at a time, a few hours in a row to each lane. What an hour does to the
// charge is a shift held between two ends, and one such map after another is a third: a scan over the lanes tells each
// what charge it begins with, but for rounding. Each lane then goes through its hours as the twin does, and again where
// the lane before it ends with another charge than it began with. When none does, all charges are the twin's to the
// bit; sums over the hours are not, as they are taken lane by lane.

constexpr int WARP = 32;
constexpr int BLOCK = 128;
constexpr int HOURS = 12;           // of a lane in a tile
constexpr int STRIDE = HOURS + 1;   // odd, so that lanes read from different banks
constexpr int TILE = WARP * HOURS;
constexpr unsigned ALL = 0xFFFFFFFFu;

struct Store {
    double power, energy, efficiency, load;
};

// charge -> min(max(charge + shift, low), high)
struct Map {
    double shift, low, high;
};

// What some hours in a row did. Where `reset`, the tangent (of the charge in the load) no longer depends on that before
// them, else it is to be added to it; `owing` hours have yet to take that from the rise of what is unserved.
struct Walk {
    double charge, tangent, missed, rise;
    int short_hours;
    bool reset, owing;
};

__device__ double held(const Map& map, double charge) { return fmin(fmax(charge + map.shift, map.low), map.high); }

__device__ Map map_of(const double* margin, int count, const Store& store) {
    Map map = {0.0, 0.0, store.energy};
    for (int i = 0; i < count; ++i) {
        const double surplus = margin[i] - store.load;
        const double moved = surplus >= 0.0 ? store.efficiency * fmin(surplus, store.power) : fmax(surplus, -store.power);
        map.shift += moved;
        map.low = fmin(fmax(map.low + moved, 0.0), store.energy);
        map.high = fmin(fmax(map.high + moved, 0.0), store.energy);
    }
    return map;
}

// The charge that each lane begins with, given that of the first.
__device__ double charge_before(Map map, double charge) {
    const int lane = threadIdx.x % WARP;
    for (int by = 1; by < WARP; by *= 2) {
        const Map before = {__shfl_up_sync(ALL, map.shift, by), __shfl_up_sync(ALL, map.low, by),
                            __shfl_up_sync(ALL, map.high, by)};
        if (lane >= by) map = {before.shift + map.shift, held(map, before.low), held(map, before.high)};
    }
    const double before = __shfl_up_sync(ALL, held(map, charge), 1);
    return lane == 0 ? charge : before;
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

// The tangent after the hours of all lanes; each lane's rise takes what it owes of the tangent before it.
__device__ double tangent_after(Walk& walk, double tangent) {
    const int lane = threadIdx.x % WARP;
    double upto = walk.tangent;
    int reset = walk.reset;
    for (int by = 1; by < WARP; by *= 2) {
        const double before = __shfl_up_sync(ALL, upto, by);
        const int known = __shfl_up_sync(ALL, reset, by);
        if (lane >= by && !reset) {
            upto += before;
            reset = known;
        }
    }
    if (!reset) upto += tangent;
    const double before = __shfl_up_sync(ALL, upto, 1);
    if (walk.owing) walk.rise -= lane == 0 ? tangent : before;
    return __shfl_sync(ALL, upto, WARP - 1);
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
    int count = 0;
    for (int first = 0; first < hours; first += TILE) {
        bool lacking = false;
        __syncwarp();   // nobody still reads the previous tile
        for (int i = lane; i < TILE && first + i < hours; i += WARP) {
            const double value = mine[first + i];
            lacking = lacking || value < store.load;
            tile[i / HOURS * STRIDE + i % HOURS] = value;
        }
        __syncwarp();
        if (!__any_sync(ALL, lacking) && charge >= store.energy) {   // a full store stays full
            charge = store.energy;
            tangent = 0.0;
            continue;
        }
        const int left = min(HOURS, hours - first - lane * HOURS);
        const double* own = tile + lane * STRIDE;
        Walk walk = walked(own, left, store, charge_before(map_of(own, left, store), charge));
        charge = __shfl_sync(ALL, walk.charge, WARP - 1);
        tangent = tangent_after(walk, tangent);
        missed += walk.missed;
        rise += walk.rise;
        count += walk.short_hours;
    }
    for (int by = WARP / 2; by > 0; by /= 2) {
        missed += __shfl_xor_sync(ALL, missed, by);
        rise += __shfl_xor_sync(ALL, rise, by);
        count += __shfl_xor_sync(ALL, count, by);
    }
    if (lane > 0) return;
    unserved[at] = missed;
    slope[at] = rise;
    short_hours[at] = count;
}
