// Largest constant load at a curtailable share; contract in headroom.py, twin in _headroom_numpy.py.
//
// headroom_search finds the roots to rounding: one thread one case, SHARES shares at once. headroom_finish brings them to
// the twin's bits: one thread one case and share. A block streams the profiles of its hours through shared memory in tiles,
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

constexpr int TILE = BLOCK;      // hours in shared memory at a time, one a thread
constexpr double NEAR = 1e-9;
constexpr double ROOTLESS = 1e-12;

// What one block works on; the pointers are to shared memory.
template <int K>
struct Problem {
    const double* profiles;   // (K, all_hours), global
    const int* list;          // the hours to look at, ascending, global; null: all of them
    const double* anchor;     // (K)
    double* tile;             // (TILE, K)
    int all_hours;
    int hours;                // in the list
    double lowest;
};

// Calls visit(profile values of the hour, margin) for all hours in ascending order. Every thread of the block must
// call it: the tiles are shared.
template <int K, class Visit>
__device__ inline void for_each_hour(const Problem<K>& problem, const double (&c)[K], Visit visit) {
    for (int first = 0; first < problem.hours; first += TILE) {
        const int width = min(TILE, problem.hours - first);
        __syncthreads();   // nobody still reads the previous tile
        const int mine = threadIdx.x;
        if (mine < width) {
            const int h = problem.list == nullptr ? first + mine : problem.list[first + mine];
            const double* from = problem.profiles + h;
#pragma unroll 2
            for (int k = 0; k < K; ++k) problem.tile[mine * K + k] = from[static_cast<size_t>(k) * problem.all_hours];
        }
        __syncthreads();
        for (int h = 0; h < width; ++h) {
            read_again();
            const double* hour = problem.tile + h * K;
            visit(hour, margin_at<K>(hour, c, problem.lowest));
        }
    }
}

// Newton from the right, all shares (SHARES) together, until no case of the block moves. Roots to rounding; also the least
// margin. Shares and the like are read from memory where they are needed, rather than kept in registers through the passes.
template <int K, int SHARES>
__device__ inline double search(const Problem<K>& problem, const double (&c)[K], const double* shares,
                                double (&load)[SHARES]) {
    double least = __longlong_as_double(0x7FF0000000000000ll);
    for (int step = 0; step < MAX_STEPS; ++step) {
        double total[SHARES] = {};
        int below[SHARES] = {};
        for_each_hour<K>(problem, c, [&](const double*, double margin) {
            least = fmin(least, margin);
            for (int s = 0; s < SHARES; ++s) {
                if (margin < load[s]) {
                    total[s] += margin;
                    ++below[s];
                }
            }
        });
        bool moved = false;
        for (int s = 0; s < SHARES; ++s) {
            const double allowed = shares[s] * problem.all_hours;
            const double lower = total[s] / (below[s] - allowed);
            if (below[s] > allowed && lower < load[s]) {
                load[s] = lower;
                moved = true;
            }
        }
        if (!__syncthreads_or(moved)) break;
    }
    return least;
}

// The spacing of float64 numbers about an anchor, which is 1.5 * 2**52 times it: a power of two.
__device__ inline double grid_of(double anchor) {
    return __longlong_as_double(__double_as_longlong(anchor) & 0x7FF0000000000000ll) * 0x1p-52;
}

struct Answer {
    double load;
    long long hours;
};

// The twin's finish: from a found root the same bits, whatever way it was found. `slot` holds the root, later the total.
template <int K>
__device__ inline Answer finish(const Problem<K>& problem, const double (&c)[K], const double* share, double* slot,
                                const double* reach) {
    double load = *slot + NEAR * fmax(fabs(*slot), 1e-3 * *reach);
    int count = -1;
    bool open = true;
    for (int step = 0; step < MAX_STEPS; ++step) {
        long long steps[K] = {};
        int below = 0;
        for_each_hour<K>(problem, c, [&](const double* hour, double margin) {
            if (margin >= load) return;
            ++below;
            if (problem.lowest == 0.0 && margin <= 0.0) return;   // floored: adds nothing
            for (int k = 0; k < K; ++k) {
                const double anchor = problem.anchor[k];
                steps[k] += __double_as_longlong(hour[k] + anchor) - __double_as_longlong(anchor);
            }
        });
        open = open && below != count;
        if (open) {
            count = below;
            double total = 0.0;
            for (int k = 0; k < K; ++k) total += c[k] * (static_cast<double>(steps[k]) * grid_of(problem.anchor[k]));
            *slot = total;
            const double allowed = *share * problem.all_hours;
            const double lower = total / (count - allowed);
            open = count > allowed && lower < load;
            if (open) load = lower;
        }
        if (!__syncthreads_or(open)) break;
    }
    const double allowed = *share * problem.all_hours;
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

__device__ inline Seat seat(const Input& input) {
    const int mine = static_cast<int>(threadIdx.x) < input.width ? input.order[threadIdx.x] : -1;
    return {mine, mine < 0 ? input.order[0] : mine};
}

// listed = 0: the direct form, which reads no plane, count or list.
template <int K>
__device__ inline Problem<K> problem_of(const Input& input, const Pruned& pruned, int listed, double* tile,
                                        double* anchor) {
    if (threadIdx.x < K) anchor[threadIdx.x] = input.anchors[threadIdx.x];   // seen by all after the first barrier
    return {input.profiles,
            listed ? pruned.lists + static_cast<size_t>(blockIdx.x) * input.hours : nullptr,
            anchor,
            tile,
            input.hours,
            listed ? pruned.counts[blockIdx.x] : input.hours,
            input.lowest};
}

template <int K>
__device__ inline void read_case(const Input& input, int at, double (&c)[K]) {
    for (int k = 0; k < K; ++k) c[k] = input.coefficients[static_cast<size_t>(at) * K + k];
}

// roots (case, row), leasts (case): to rounding, for SHARES shares from first_share on.
template <int K, int SHARES>
__global__ void __launch_bounds__(BLOCK, blocks_wanted(K))
headroom_search(const double* profiles, const double* anchors, const double* coefficients, const double* shares,
                const double* reaches, const int* orders, double* planes, int* counts, int* lists, double* roots,
                double* leasts, int hours, int width, int row, int cases, int listed, double lowest, int first_share) {
    const Input input = input_of<K>(profiles, anchors, coefficients, shares, reaches, orders,
                                    {hours, width, row, cases}, lowest);
    if (input.order[0] < 0) return;   // a block without cases
    __shared__ double tile[TILE * K];
    __shared__ double anchor[K];
    const Pruned pruned{planes, counts, lists};
    const Problem<K> problem = problem_of<K>(input, pruned, listed, tile, anchor);
    const Seat my = seat(input);
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
    double found[SHARES];
    for (int s = 0; s < SHARES; ++s) found[s] = start;
    const double least = search<K, SHARES>(problem, c, input.shares + to, found);
    if (my.mine < 0) return;
    for (int s = 0; s < SHARES; ++s) roots[to + s] = found[s];
    // An empty list: every margin lies above a load that is no longer positive.
    if (first_share == 0) leasts[my.mine] = problem.hours == 0 ? 0.0 : least;
}

// load (case, row): the roots of headroom_search come in, the answers go out; curtailed (case, row). A row of blocks a
// share.
template <int K>
__global__ void __launch_bounds__(BLOCK, blocks_wanted(K))
headroom_finish(const double* profiles, const double* anchors, const double* coefficients, const double* shares,
                const double* reaches, const int* orders, double* planes, int* counts, int* lists, double* load,
                double* leasts, int hours, int width, int row, int cases, int listed, double lowest,
                long long* curtailed) {
    const Input input = input_of<K>(profiles, anchors, coefficients, shares, reaches, orders,
                                    {hours, width, row, cases}, lowest);
    if (input.order[0] < 0) return;
    __shared__ double tile[TILE * K];
    __shared__ double anchor[K];
    __shared__ double slots[BLOCK];   // in registers they would cost resident threads
    const Pruned pruned{planes, counts, lists};
    const Problem<K> problem = problem_of<K>(input, pruned, listed, tile, anchor);
    const Seat my = seat(input);
    double c[K];
    read_case<K>(input, my.at, c);
    const size_t to = static_cast<size_t>(my.at) * input.row + blockIdx.y;
    double* slot = slots + threadIdx.x;
    *slot = load[to];
    Answer answer = finish<K>(problem, c, input.shares + to, slot, input.reaches + my.at);
    if (input.shares[to] == 0.0) answer = {fmax(leasts[my.at], 0.0), 0};
    if (my.mine < 0) return;
    load[to] = answer.load;
    curtailed[to] = answer.hours;
}

template <int K>
__global__ void __launch_bounds__(BLOCK)
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
            double p[K];
            read_hour<K>(input, h, p);
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
