// Largest constant load at a curtailable share; contract in headroom.py, twin in _headroom_numpy.py.
//
// headroom_search finds the roots to rounding: LANES threads one case, SHARES shares at once, since one thread at a time
// would leave the card waiting for the block with the longest list. headroom_finish brings them to the twin's bits: one
// thread one case and share. A block streams the profiles of its hours through shared memory in tiles,
// so that a value is read from global memory once per pass and block; the K coefficients stay in registers. Margins are K
// multiplications and K - 1 additions in ascending k (--fmad=false), as in the twin; the finish uses integer sums
// (_exact.py). Two kernels, because registers decide how many threads a multiprocessor holds and neither needs what the
// other keeps.
//
// headroom_prune: one block lists, for the cases of one such block, the hours that can be curtailed in any of them.
// For a set A of more than `allowed` hours, sum_A margin / (|A| - allowed) is at or above the root and linear in the
// coefficients: a plane. The block takes A from the case at the centre of its cases' box and drops each hour whose margin
// stays above the plane over the whole box. Without a list, the others read every hour: the direct form.
//
// Several sets of profiles, each with as many cases as the others, are solved in one launch; a block serves one set.

#include "headroom_input.cuh"
#include "headroom_plane.cuh"
#include "headroom_tiles.cuh"

// Sums of the finish that a thread keeps in registers, beside its K coefficients; the others lie in shared memory.
template <int K>
constexpr int sums_kept() {
    return K <= 6 ? K : K < 10 ? 11 - K : 1;
}

constexpr double NEAR = 1e-9;

// What one block works on; the pointers are to shared memory.
struct Problem {
    const Hours* hours;
    double* tile;
    double lowest;
};

// Newton from the right, all shares (SHARES) together, until no case of the block moves; roots to rounding. Shares and the
// like are read from memory where they are needed, rather than kept in registers through the passes.
template <int K, int SHARES>
__device__ inline void search(const Problem& problem, const double (&c)[K], const double* shares,
                              double (&load)[SHARES]) {
    for (int step = 0; step < MAX_STEPS; ++step) {
        double total[SHARES] = {};
        int below[SHARES] = {};
        for_each_hour<K, LANES>(problem.hours, problem.tile, [&](const double* hour) {
            const double margin = margin_at<K>(hour, c, problem.lowest);
            for (int s = 0; s < SHARES; ++s) {
                if (margin < load[s]) {
                    total[s] += margin;
                    ++below[s];
                }
            }
        });
        bool moved = false;
        for (int s = 0; s < SHARES; ++s) {
            for (int by = LANES / 2; by > 0; by /= 2) {   // each lane of a case ends with the same sums
                total[s] += __shfl_xor_sync(0xFFFFFFFFu, total[s], by);
                below[s] += __shfl_xor_sync(0xFFFFFFFFu, below[s], by);
            }
            const double allowed = shares[s] * problem.hours->all;
            const double lower = total[s] / (below[s] - allowed);
            if (below[s] > allowed && lower < load[s]) {
                load[s] = lower;
                moved = true;
            }
        }
        if (!__syncthreads_or(moved)) break;
    }
}

// Headroom without curtailment: the least margin. An empty list: every margin lies above a load that is no longer positive.
template <int K>
__device__ inline double firm_load(const Problem& problem, const double (&c)[K]) {
    double least = __longlong_as_double(0x7FF0000000000000ll);
    for_each_hour<K>(problem.hours, problem.tile,
                     [&](const double* hour) { least = fmin(least, margin_at<K>(hour, c, problem.lowest)); });
    return problem.hours->count == 0 ? 0.0 : fmax(least, 0.0);
}

// The spacing of float64 numbers about an anchor, which is 1.5 * 2**52 times it: a power of two.
__device__ inline double grid_of(double anchor) {
    return __longlong_as_double(__double_as_longlong(anchor) & 0x7FF0000000000000ll) * 0x1p-52;
}

struct Answer {
    double load;
    long long hours;
};

// What the finish reads and keeps in shared memory.
struct Scratch {
    const double* anchor;        // (K)
    double* slot;                // a thread's own: its root, later the total of its case
    long long (*apart)[BLOCK];   // (K - sums_kept, BLOCK)
};

// The twin's finish: from a found root the same bits, whatever way it was found.
template <int K>
__device__ inline Answer finish(const Problem& problem, const double (&c)[K], const double* share, const double* reach,
                                const Scratch& scratch) {
    constexpr int KEPT = sums_kept<K>();
    double* slot = scratch.slot;
    double load = *slot + NEAR * fmax(fabs(*slot), 1e-3 * *reach);
    int count = -1;
    bool open = true;
    for (int step = 0; step < MAX_STEPS; ++step) {
        long long steps[KEPT] = {};
        for (int k = KEPT; k < K; ++k) scratch.apart[k - KEPT][threadIdx.x] = 0;
        int below = 0;
        for_each_hour<K>(problem.hours, problem.tile, [&](const double* hour) {
            const double margin = margin_at<K>(hour, c, problem.lowest);
            if (margin >= load) return;
            ++below;
            if (problem.lowest == 0.0 && margin <= 0.0) return;   // floored: adds nothing
            for (int k = 0; k < K; ++k) {
                if (k % 2 == 0) read_again();
                const double anchor = scratch.anchor[k];
                const long long more = __double_as_longlong(hour[k] + anchor) - __double_as_longlong(anchor);
                if (k < KEPT) {
                    steps[k] += more;
                } else {
                    scratch.apart[k - KEPT][threadIdx.x] += more;
                }
            }
        });
        open = open && below != count;
        if (open) {
            count = below;
            double total = 0.0;
            for (int k = 0; k < K; ++k) {
                const long long sum = k < KEPT ? steps[k] : scratch.apart[k - KEPT][threadIdx.x];
                total += c[k] * (static_cast<double>(sum) * grid_of(scratch.anchor[k]));
            }
            *slot = total;
            const double allowed = *share * problem.hours->all;
            const double lower = total / (count - allowed);
            open = count > allowed && lower < load;
            if (open) load = lower;
        }
        if (!__syncthreads_or(open)) break;
    }
    const double allowed = *share * problem.hours->all;
    const double cost = (count - allowed) * load - *slot;
    const bool rootless =
        problem.lowest < 0.0 && count <= allowed && cost > ROOTLESS * (allowed + count) * *reach;
    if (load <= 0.0 || rootless) return {0.0, 0};
    return {load, count};
}

// A thread's case, -1 for a spare thread; and the case it computes: spare ones repeat the first, so that barriers match.
struct Seat {
    int mine;
    int at;
};

__device__ inline Seat seat(const Input& input, int place) {
    const int mine = place < input.width ? input.order[place] : -1;
    return {mine, mine < 0 ? input.order[0] : mine};
}

// listed = 0: the direct form, which reads no plane, count or list. Every thread of the block must call it.
__device__ inline Problem problem_of(const Input& input, const Pruned& pruned, int listed, Hours* hours, double* tile) {
    if (threadIdx.x == 0) {
        hours->rows = input.profiles;
        hours->list = listed ? pruned.lists + static_cast<size_t>(blockIdx.x) * input.hours : nullptr;
        hours->all = input.hours;
        hours->count = listed ? pruned.counts[blockIdx.x] : input.hours;
    }
    __syncthreads();
    return {hours, tile, input.lowest};
}

template <int K>
__device__ inline void read_case(const Input& input, int at, double (&c)[K]) {
    for (int k = 0; k < K; ++k) c[k] = input.coefficients[static_cast<size_t>(at) * K + k];
}

// roots (case, row): to rounding, for SHARES shares from first_share on.
template <int K, int SHARES>
__global__ void __launch_bounds__(BLOCK * LANES, wide_blocks_wanted())
headroom_search(const double* profiles, const double* anchors, const double* coefficients, const double* shares,
                const double* reaches, const int* orders, double* planes, int* counts, int* lists, double* roots,
                int hours, int width, int row, int cases, int listed, double lowest, int first_share) {
    const Input input = input_of<K>(profiles, anchors, coefficients, shares, reaches, orders,
                                    {hours, width, row, cases}, lowest);
    if (input.order[0] < 0) return;   // a block without cases
    __shared__ double tile[tile_hours<K>() * K];
    __shared__ Hours looked_at;
    const Pruned pruned{planes, counts, lists};
    const Problem problem = problem_of(input, pruned, listed, &looked_at, tile);
    const Seat my = seat(input, threadIdx.x / LANES);
    double c[K];
    read_case<K>(input, my.at, c);
    const size_t to = static_cast<size_t>(my.at) * input.row + first_share;
    double most = 0.0;
    for (int s = 0; s < SHARES; ++s) most = fmax(most, input.shares[to + s]);
    double start = input.reaches[my.at] / (1.0 - most);   // right of every root: all hours curtailed
    if (listed) {
        const double* plane = pruned.planes + static_cast<size_t>(blockIdx.x) * (K + 1);
        start = plane[K];
        for (int k = 0; k < K; ++k) start += c[k] * plane[k];
    }
    double found[SHARES];   // without curtailment nothing is searched for: no margin lies below the start
    for (int s = 0; s < SHARES; ++s) found[s] = input.shares[to + s] > 0.0 ? start : -input.reaches[my.at];
    search<K, SHARES>(problem, c, input.shares + to, found);
    const Seat still = seat(input, threadIdx.x / LANES);   // read again rather than kept in registers
    if (still.mine < 0 || threadIdx.x % LANES != 0) return;
    double* root = roots + static_cast<size_t>(still.mine) * input.row + first_share;
    for (int s = 0; s < SHARES; ++s) root[s] = found[s];
}

// load (case, row): the roots of headroom_search come in, the answers go out; curtailed (case, row). A row of blocks a
// share.
template <int K>
__global__ void __launch_bounds__(BLOCK, blocks_wanted())
headroom_finish(const double* profiles, const double* anchors, const double* coefficients, const double* shares,
                const double* reaches, const int* orders, double* planes, int* counts, int* lists, double* load,
                int hours, int width, int row, int cases, int listed, double lowest,
                long long* curtailed) {
    const Input input = input_of<K>(profiles, anchors, coefficients, shares, reaches, orders,
                                    {hours, width, row, cases}, lowest);
    if (input.order[0] < 0) return;
    __shared__ double tile[tile_hours<K>() * K];
    __shared__ Hours looked_at;
    __shared__ double anchor[K];
    __shared__ double slots[BLOCK];   // in registers they would cost resident threads
    __shared__ long long apart[K > sums_kept<K>() ? K - sums_kept<K>() : 1][BLOCK];
    if (threadIdx.x < K) anchor[threadIdx.x] = input.anchors[threadIdx.x];   // seen by all after the next barrier
    const Pruned pruned{planes, counts, lists};
    const Problem problem = problem_of(input, pruned, listed, &looked_at, tile);
    const Seat my = seat(input, threadIdx.x);
    double c[K];
    read_case<K>(input, my.at, c);
    const size_t to = static_cast<size_t>(my.at) * input.row + blockIdx.y;
    const double* share = input.shares + to;
    const Scratch scratch{anchor, slots + threadIdx.x, apart};
    *scratch.slot = load[to];
    Answer answer{0.0, 0};
    if (__syncthreads_or(*share > 0.0)) answer = finish<K>(problem, c, share, input.reaches + my.at, scratch);
    if (__syncthreads_or(*share == 0.0)) {
        const double least = firm_load<K>(problem, c);
        if (*share == 0.0) answer = {least, 0};
    }
    if (my.mine < 0) return;
    load[to] = answer.load;
    curtailed[to] = answer.hours;
}

template <int K>
__global__ void __launch_bounds__(BLOCK, blocks_wanted())
headroom_prune(const double* profiles, const double* anchors, const double* coefficients, const double* shares,
               const double* reaches, const int* orders, double* planes, int* counts, int* lists, int hours, int width,
               int row, int cases, double lowest) {
    const Input input = input_of<K>(profiles, anchors, coefficients, shares, reaches, orders,
                                    {hours, width, row, cases}, lowest);
    if (input.order[0] < 0) return;
    const Pruned pruned{planes, counts, lists};
    __shared__ Box<K> box;
    __shared__ double plane[K + 1];
    __shared__ double scratch[BLOCK];
    __shared__ int kept[BLOCK / 32];
    measure<K>(input, box);
    fit_plane<K>(input, box, threshold_at_centre<K>(input, box, scratch), plane, scratch);
    if (threadIdx.x <= K) pruned.planes[static_cast<size_t>(blockIdx.x) * (K + 1) + threadIdx.x] = plane[threadIdx.x];
    int* list = pruned.lists + static_cast<size_t>(blockIdx.x) * input.hours;
    const int lane = threadIdx.x % 32;
    const int warp = threadIdx.x / 32;
    int length = 0;
#pragma unroll 1
    for (int first = 0; first < input.hours; first += BLOCK) {
        const int h = first + threadIdx.x;
        bool keep = false;
        if (h < input.hours) {
            read_again();
            const Hour p = hour_at(input, h);
            keep = bounds_at<K>(p, box, plane).low <= 0.0;
            // Plain rule: the plane of a larger share bounds the roots of smaller ones only where they are positive.
            // There, short hours are curtailed in any case; kept, they lead the other cases to their answer, 0.
            if (input.lowest < 0.0) keep = keep || bounds_at<K>(p, box, nullptr).low <= 1e-12 * box.reach;
        }
        const unsigned votes = __ballot_sync(0xFFFFFFFFu, keep);
        __syncthreads();   // everyone has read the counts of the previous round
        if (lane == 0) kept[warp] = __popc(votes);
        __syncthreads();
        int before = length + __popc(votes & ((1u << lane) - 1u));
        for (int w = 0; w < BLOCK / 32; ++w) {
            before += w < warp ? kept[w] : 0;
            length += kept[w];
        }
        if (keep) list[before] = h;
    }
    if (threadIdx.x == 0) pruned.counts[blockIdx.x] = length;
}
