// Largest constant load at a curtailable share of weighted hours; contract in headroom.py, twin in _headroom_weighted.py.
//
// One thread one case, SHARES shares at once, on every hour. The weight of an hour comes behind its profiles and passes
// through shared memory with them. All sums run over hours in their order (--fmad=false), so that the twins have the same
// bits without a finish of their own. A row of blocks serves one set of profiles.

#include "headroom_tiles.cuh"

// A thread's case and where it is to be found; spare threads repeat the first of their set, so that barriers match.
template <int K>
struct Case {
    bool mine;
    size_t at;
    double c[K];
};

template <int K>
__device__ inline void read_case(const double* coefficients, int cases, Case<K>& my) {
    const int index = blockIdx.x * BLOCK + threadIdx.x;
    my.mine = index < cases;
    my.at = static_cast<size_t>(blockIdx.y) * cases + (my.mine ? index : 0);
    for (int k = 0; k < K; ++k) my.c[k] = coefficients[my.at * K + k];
}

// Headroom without curtailment: the least margin of an hour that counts.
template <int K>
__device__ inline double firm_load(const Hours* hours, double* tile, const double (&c)[K], double lowest) {
    double least = __longlong_as_double(0x7FF0000000000000ll);
    for_each_hour<K + 1>(hours, tile, [&](const double* hour) {
        if (hour[K] > 0.0) least = fmin(least, margin_at<K>(hour, c, lowest));
    });
    return fmax(least, 0.0);
}

// rows (set, K + 1, hours): profiles, then weights; coefficients (set, case, K); allowed (set, case, share): weight that may
// be curtailed; starts, reaches (set, case): a load right of every root, and the largest margin there can be; load, curtailed
// (set, case, share): answers, for SHARES shares from first_share on.
template <int K, int SHARES>
__global__ void __launch_bounds__(BLOCK, blocks_wanted())
headroom_weighted(const double* rows, const double* coefficients, const double* allowed, const double* starts,
                  const double* reaches, double* load, double* curtailed, int hours, int cases, int share_count,
                  int first_share, double lowest) {
    __shared__ double tile[tile_hours<K + 1>() * (K + 1)];
    __shared__ Hours all;
    if (threadIdx.x == 0) {
        all.rows = rows + static_cast<size_t>(blockIdx.y) * (K + 1) * hours;
        all.list = nullptr;
        all.all = hours;
        all.count = hours;
    }
    __syncthreads();
    Case<K> my;
    read_case<K>(coefficients, cases, my);
    const size_t to = my.at * share_count + first_share;
    double found[SHARES], total[SHARES], below[SHARES];
    for (int s = 0; s < SHARES; ++s) found[s] = starts[my.at];
    for (int step = 0; step < MAX_STEPS; ++step) {
        for (int s = 0; s < SHARES; ++s) total[s] = below[s] = 0.0;
        for_each_hour<K + 1>(&all, tile, [&](const double* hour) {
            const double margin = margin_at<K>(hour, my.c, lowest);
            for (int s = 0; s < SHARES; ++s) {
                if (margin < found[s]) {
                    total[s] += hour[K] * margin;
                    below[s] += hour[K];
                }
            }
        });
        bool moved = false;
        for (int s = 0; s < SHARES; ++s) {
            const double excess = below[s] - allowed[to + s];
            const double lower = total[s] / excess;
            if (excess > 0.0 && lower < found[s]) {
                found[s] = lower;
                moved = true;
            }
        }
        if (!__syncthreads_or(moved)) break;
    }
    bool firm = false;   // at any of the shares
    for (int s = 0; s < SHARES; ++s) {
        const double may = allowed[to + s];
        const double cost = (below[s] - may) * found[s] - total[s];
        const bool rootless = lowest < 0.0 && below[s] <= may && cost > ROOTLESS * (may + below[s]) * reaches[my.at];
        const bool none = found[s] <= 0.0 || rootless || may == 0.0;
        firm = firm || may == 0.0;
        if (!my.mine) continue;
        load[to + s] = none ? 0.0 : found[s];
        curtailed[to + s] = none ? 0.0 : below[s];
    }
    if (!__syncthreads_or(firm)) return;
    const double least = firm_load<K>(&all, tile, my.c, lowest);
    for (int s = 0; s < SHARES; ++s) {
        if (my.mine && allowed[to + s] == 0.0) load[to + s] = least;
    }
}
