// A block's walk over hours: their profiles pass through shared memory in tiles, read once for all cases of the block.
#pragma once

#include "headroom_input.cuh"

constexpr double ROOTLESS = 1e-12;   // as in the twins

// Hours in shared memory at a time: with many rows fewer, so that enough blocks fit.
template <int ROWS>
constexpr int tile_hours() {
    return ROWS <= 7 ? BLOCK : BLOCK / 2;
}

// The hours that a block looks at. It lies in shared memory: in registers it would cost resident threads.
struct Hours {
    const double* rows;   // (ROWS, all), global: profiles, and what else goes with an hour
    const int* list;      // the hours to look at, ascending, global; null: all of them
    int all;
    int count;            // of those to look at
};

// Calls visit(values of the hour (ROWS)) for all hours in ascending order; with LANES threads a case, neighbours in their
// warp, for every so-manyth hour. Every thread of the block, BLOCK * LANES, must call it: the tile (tile_hours, ROWS) is
// shared.
template <int ROWS, int LANES = 1, class Visit>
__device__ inline void for_each_hour(const Hours* hours, double* tile, Visit visit) {
    constexpr int TILE = tile_hours<ROWS>();
    for (int first = 0; first < hours->count; first += TILE) {
        const int width = min(TILE, hours->count - first);
        __syncthreads();   // nobody still reads the previous tile
        const int mine = threadIdx.x % TILE;
        if (mine < width) {
            const int h = hours->list == nullptr ? first + mine : hours->list[first + mine];
            const double* from = hours->rows + h;
#pragma unroll 2
            for (int row = threadIdx.x / TILE; row < ROWS; row += BLOCK * LANES / TILE) {
                tile[mine * ROWS + row] = from[static_cast<size_t>(row) * hours->all];
            }
        }
        __syncthreads();
#pragma unroll 1   // several hours at a time would cost resident threads
        for (int h = threadIdx.x % LANES; h < width; h += LANES) {
            read_again();
            visit(tile + h * ROWS);
        }
    }
}
