// A warp goes through the hours of a store, a tile at a time, a few hours in a row to each lane.
//
// What an hour does to the state of a store is a shift held between two ends, and one such map after another is a third:
// a scan over the lanes tells each what state its hours begin with.
#pragma once

constexpr int WARP = 32;
constexpr int BLOCK = 128;
constexpr int HOURS = 12;           // of a lane in a tile
constexpr int STRIDE = HOURS + 1;   // odd, so that lanes read from different banks
constexpr int TILE = WARP * HOURS;
constexpr unsigned ALL = 0xFFFFFFFFu;

// state -> min(max(state + shift, low), high)
struct Map {
    double shift, low, high;
};

__device__ inline double held(const Map& map, double state) { return fmin(fmax(state + map.shift, map.low), map.high); }

// Appends an hour to what some hours do to a state from 0 to `most`.
__device__ inline void append(Map& map, double moved, double most) {
    map.shift += moved;
    map.low = fmin(fmax(map.low + moved, 0.0), most);
    map.high = fmin(fmax(map.high + moved, 0.0), most);
}

// The state that each lane begins with, given that of the first.
__device__ inline double state_before(Map map, double state) {
    const int lane = threadIdx.x % WARP;
    for (int by = 1; by < WARP; by *= 2) {
        const Map before = {__shfl_up_sync(ALL, map.shift, by), __shfl_up_sync(ALL, map.low, by),
                            __shfl_up_sync(ALL, map.high, by)};
        if (lane >= by) map = {before.shift + map.shift, held(map, before.low), held(map, before.high)};
    }
    const double before = __shfl_up_sync(ALL, held(map, state), 1);
    return lane == 0 ? state : before;
}

// A sum that begins anew where a lane says `reset`, before the hours of each lane; `carried` is that before the first
// lane, and becomes that after the last.
__device__ inline double sum_before(double own, bool reset, double& carried) {
    const int lane = threadIdx.x % WARP;
    int known = reset;
    for (int by = 1; by < WARP; by *= 2) {
        const double before = __shfl_up_sync(ALL, own, by);
        const int there = __shfl_up_sync(ALL, known, by);
        if (lane >= by && !known) {
            own += before;
            known = there;
        }
    }
    if (!known) own += carried;
    const double above = __shfl_up_sync(ALL, own, 1);
    const double before = lane == 0 ? carried : above;
    carried = __shfl_sync(ALL, own, WARP - 1);
    return before;
}

__device__ inline double sum_of_lanes(double value) {
    for (int by = WARP / 2; by > 0; by /= 2) value += __shfl_xor_sync(ALL, value, by);
    return value;
}

// Fetches the hours from `first` on; whether any margin lies below the load.
__device__ inline bool fetch(double* tile, const double* margin, int first, int hours, double load) {
    bool lacking = false;
    __syncwarp();   // nobody still reads the previous tile
    for (int i = threadIdx.x % WARP; i < TILE && first + i < hours; i += WARP) {
        const double value = margin[first + i];
        lacking = lacking || value < load;
        tile[i / HOURS * STRIDE + i % HOURS] = value;
    }
    __syncwarp();
    return __any_sync(ALL, lacking) != 0;
}

// The first hour of this lane in a tile, and how many it has.
__device__ inline const double* own_hours(const double* tile, int first, int hours, int& count) {
    const int lane = threadIdx.x % WARP;
    count = min(HOURS, hours - first - lane * HOURS);
    return tile + lane * STRIDE;
}
