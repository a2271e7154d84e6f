// Largest constant load at a curtailable share; contract in headroom.py, twin in _headroom_numpy.py.
//
// headroom_solve: one thread solves one case for SHARES shares at once. A block streams the profiles of its hours through
// shared memory in tiles, so that a value is read from global memory once per pass and block; the K coefficients stay in
// registers. Margins are K multiplications and K - 1 additions in ascending k (--fmad=false), as in the twin; the last
// steps use integer sums (_exact.py), which makes the results the twin's bits.
//
// headroom_prune: one block lists, for the cases of one solving block, the hours that can be curtailed in any of them.
// For a set A of more than `allowed` hours, sum_A margin / (|A| - allowed) is at or above the root and linear in the
// coefficients: a plane. The block takes A from the case at the centre of its cases' box and drops each hour whose margin
// stays above the plane over the whole box. Without a list, headroom_solve reads every hour: the direct form.

constexpr int BLOCK = 128;       // threads, as launched by _headroom_cuda.py
constexpr int TILE = 128;        // hours in shared memory at a time
constexpr int MAX_STEPS = 400;   // as in the twin; Newton needs about ten
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

template <int K>
__device__ inline double margin_at(const double* hour, const double (&c)[K], double lowest) {
    double margin = c[0] * hour[0];
    for (int k = 1; k < K; ++k) margin += c[k] * hour[k];
    return fmax(margin, lowest);
}

// Calls visit(profile values of the hour, margin) for all hours in ascending order. Every thread of the block must
// call it: the tiles are shared.
template <int K, class Visit>
__device__ inline void for_each_hour(const Problem<K>& problem, const double (&c)[K], Visit visit) {
    for (int first = 0; first < problem.hours; first += TILE) {
        const int width = min(TILE, problem.hours - first);
        __syncthreads();   // nobody still reads the previous tile
        for (int i = threadIdx.x; i < K * TILE; i += blockDim.x) {
            const int k = i / TILE;
            const int h = i % TILE;
            if (h < width) {
                const int hour = problem.list == nullptr ? first + h : problem.list[first + h];
                problem.tile[h * K + k] = problem.profiles[static_cast<size_t>(k) * problem.all_hours + hour];
            }
        }
        __syncthreads();
        for (int h = 0; h < width; ++h) {
            const double* hour = problem.tile + h * K;
            visit(hour, margin_at<K>(hour, c, problem.lowest));
        }
    }
}

// Newton from the right, all shares together, until no case of the block moves. Roots to rounding; also the least margin.
template <int K, int SHARES>
__device__ inline double search(const Problem<K>& problem, const double (&c)[K], const double (&allowed)[SHARES],
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
            const double lower = total[s] / (below[s] - allowed[s]);
            if (below[s] > allowed[s] && lower < load[s]) {
                load[s] = lower;
                moved = true;
            }
        }
        if (!__syncthreads_or(moved)) break;
    }
    return least;
}

struct Answer {
    double load;
    long long hours;
};

// The twin's finish: from a found root the same bits, whatever way it was found.
template <int K>
__device__ inline Answer finish(const Problem<K>& problem, const double (&c)[K], double allowed, double found,
                                double reach) {
    double load = found + NEAR * fmax(fabs(found), 1e-3 * reach);
    double total = 0.0;
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
            total = 0.0;
            for (int k = 0; k < K; ++k) {
                const double grid = problem.anchor[k] / 6755399441055744.0;   // 1.5 * 2**52
                total += c[k] * (static_cast<double>(steps[k]) * grid);
            }
            const double lower = total / (count - allowed);
            open = count > allowed && lower < load;
            if (open) load = lower;
        }
        if (!__syncthreads_or(open)) break;
    }
    const double cost = (count - allowed) * load - total;
    const bool rootless =
        problem.lowest < 0.0 && count <= allowed && cost > ROOTLESS * (allowed + count) * reach;
    if (load <= 0.0 || rootless) return {0.0, 0};
    return {load, count};
}

// Inputs that both kernels read. Cases are dealt to blocks by `order`: width entries a block, -1 where there is none.
struct Input {
    const double* profiles;       // (K, hours)
    const double* anchors;        // (K)
    const double* coefficients;   // (case, K)
    const double* shares;         // (case, row)
    const double* reaches;        // (case): largest margin there can be
    const int* order;             // (block, width)
    int hours;
    int width;
    int row;
    double lowest;
};

// What headroom_prune leaves for one block.
struct Pruned {
    double* planes;   // (block, K + 1): weights and a constant, with a guard for rounding in it
    int* counts;      // (block)
    int* lists;       // (block, hours)
};

// listed = 0: the direct form, which reads no plane, count or list.
template <int K, int SHARES>
__global__ void headroom_solve(const double* profiles, const double* anchors, const double* coefficients,
                               const double* shares, const double* reaches, const int* orders, double* planes,
                               int* counts, int* lists, double* load, long long* curtailed, int hours, int width, int row,
                               int first_share, int listed, double lowest) {
    const Input input{profiles, anchors, coefficients, shares, reaches, orders, hours, width, row, lowest};
    const Pruned pruned{planes, counts, lists};
    __shared__ double tile[TILE * K];
    __shared__ double anchor[K];
    __shared__ double root[SHARES][BLOCK];   // a column each; in registers, the loop over shares could not index it
    const int* order = input.order + static_cast<size_t>(blockIdx.x) * input.width;
    if (order[0] < 0) return;   // a block without cases
    const int thread = threadIdx.x;
    const int mine = thread < input.width ? order[thread] : -1;
    const int at = mine < 0 ? order[0] : mine;   // spare threads repeat a case, so that barriers match
    const Problem<K> problem{input.profiles,
                             listed ? pruned.lists + static_cast<size_t>(blockIdx.x) * input.hours : nullptr,
                             anchor,
                             tile,
                             input.hours,
                             listed ? pruned.counts[blockIdx.x] : input.hours,
                             input.lowest};
    if (threadIdx.x < K) anchor[threadIdx.x] = input.anchors[threadIdx.x];   // seen by all after the first barrier
    double c[K];
    for (int k = 0; k < K; ++k) c[k] = input.coefficients[static_cast<size_t>(at) * K + k];
    const size_t to = static_cast<size_t>(at) * input.row + first_share;
    double least;
    {
        double most = 0.0;
        double allowed[SHARES];
        double found[SHARES];
        for (int s = 0; s < SHARES; ++s) {
            allowed[s] = input.shares[to + s] * input.hours;
            most = fmax(most, input.shares[to + s]);
        }
        double start = input.reaches[at] / (1.0 - most);   // right of every root: all hours curtailed
        if (listed) {
            const double* plane = pruned.planes + static_cast<size_t>(blockIdx.x) * (K + 1);
            start = plane[K];
            for (int k = 0; k < K; ++k) start += c[k] * plane[k];
        }
        for (int s = 0; s < SHARES; ++s) found[s] = start;
        least = search<K, SHARES>(problem, c, allowed, found);
        for (int s = 0; s < SHARES; ++s) root[s][threadIdx.x] = found[s];
    }
    if (problem.hours == 0) least = 0.0;   // every margin lies above a load that is no longer positive
    for (int s = 0; s < SHARES; ++s) {
        const double allowed = input.shares[to + s] * input.hours;
        Answer answer = finish<K>(problem, c, allowed, root[s][threadIdx.x], input.reaches[at]);
        if (allowed == 0.0) answer = {fmax(least, 0.0), 0};
        if (mine >= 0) {
            load[to + s] = answer.load;
            curtailed[to + s] = answer.hours;
        }
    }
}

// Sum over the threads of a block, in a fixed order; every thread gets it.
__device__ inline double block_sum(double value, double* scratch) {
    __syncthreads();
    scratch[threadIdx.x] = value;
    __syncthreads();
    for (unsigned int half = BLOCK / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) scratch[threadIdx.x] += scratch[threadIdx.x + half];
        __syncthreads();
    }
    return scratch[0];
}

// The box of a block's cases, its centre, and the most hours any of them may curtail.
template <int K>
struct Box {
    double low[K], high[K], centre[K];
    double allowed, reach;
};

template <int K>
__device__ inline void measure(const Input& input, const int* order, Box<K>& box) {
    if (threadIdx.x < K) {
        const int k = threadIdx.x;
        double low = input.coefficients[static_cast<size_t>(order[0]) * K + k];
        double high = low;
        double sum = 0.0;
        int count = 0;
        for (; count < input.width && order[count] >= 0; ++count) {
            const double value = input.coefficients[static_cast<size_t>(order[count]) * K + k];
            low = fmin(low, value);
            high = fmax(high, value);
            sum += value;
        }
        box.low[k] = low;
        box.high[k] = high;
        box.centre[k] = fmin(fmax(sum / count, low), high);
    }
    if (threadIdx.x == K) {
        double most = 0.0;
        double reach = 0.0;
        for (int j = 0; j < input.width && order[j] >= 0; ++j) {
            reach = fmax(reach, input.reaches[order[j]]);
            for (int s = 0; s < input.row; ++s) {
                most = fmax(most, input.shares[static_cast<size_t>(order[j]) * input.row + s]);
            }
        }
        box.allowed = most * input.hours;
        box.reach = reach;
    }
    __syncthreads();
}

// Bounds over the box of an hour's margin minus the plane.
struct Bounds {
    double low, high;
};

template <int K>
__device__ inline Bounds bounds_at(const double (&p)[K], const Box<K>& box, const double* plane) {
    Bounds bounds{plane == nullptr ? 0.0 : -plane[K], plane == nullptr ? 0.0 : -plane[K]};
    for (int k = 0; k < K; ++k) {
        const double d = plane == nullptr ? p[k] : p[k] - plane[k];
        bounds.low += fmin(box.low[k] * d, box.high[k] * d);
        bounds.high += fmax(box.low[k] * d, box.high[k] * d);
    }
    return bounds;
}

template <int K>
__device__ inline void read_hour(const Input& input, int hour, double (&p)[K]) {
    for (int k = 0; k < K; ++k) p[k] = input.profiles[static_cast<size_t>(k) * input.hours + hour];
}

// Newton at the centre of the box, from the load that curtails every hour; the load whose hours gave the root.
template <int K>
__device__ inline double threshold_at_centre(const Input& input, const Box<K>& box, double* scratch) {
    double load = box.reach / (1.0 - box.allowed / input.hours);
    double threshold = load;
    for (int step = 0; step < MAX_STEPS; ++step) {
        double total = 0.0;
        double below = 0.0;
    #pragma unroll 1   // registers are what limits the number of resident threads
    for (int h = threadIdx.x; h < input.hours; h += BLOCK) {
            double p[K];
            read_hour<K>(input, h, p);
            const double margin = margin_at<K>(p, box.centre, input.lowest);
            if (margin < load) {
                total += margin;
                below += 1.0;
            }
        }
        total = block_sum(total, scratch);
        below = block_sum(below, scratch);
        if (below <= box.allowed) break;
        threshold = load;
        const double lower = total / (below - box.allowed);
        if (lower >= load) break;
        load = lower;
    }
    return threshold;
}

// The plane of the hours below the threshold. A floored margin is followed by a chord where it changes sign in the box.
template <int K>
__device__ inline void fit_plane(const Input& input, const Box<K>& box, double threshold, double* plane,
                                 double* scratch) {
    double sums[K + 1] = {};
    double below = 0.0;
#pragma unroll 1
    for (int h = threadIdx.x; h < input.hours; h += BLOCK) {
        double p[K];
        read_hour<K>(input, h, p);
        if (margin_at<K>(p, box.centre, input.lowest) >= threshold) continue;
        below += 1.0;
        double slope = 1.0;
        if (input.lowest == 0.0) {
            const Bounds bounds = bounds_at<K>(p, box, nullptr);
            if (bounds.high <= 0.0) continue;
            if (bounds.low < 0.0) {
                slope = bounds.high / (bounds.high - bounds.low);
                sums[K] -= slope * bounds.low;
            }
        }
        for (int k = 0; k < K; ++k) sums[k] += slope * p[k];
    }
    const double excess = block_sum(below, scratch) - box.allowed;
    for (int k = 0; k <= K; ++k) {
        const double sum = block_sum(sums[k], scratch);
        if (threadIdx.x == 0) plane[k] = excess > 0.0 ? sum / excess : 0.0;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        double size = box.reach + fabs(plane[K]);
        for (int k = 0; k < K; ++k) size += fmax(fabs(box.low[k]), fabs(box.high[k])) * fabs(plane[k]);
        // Without a set to build it from, the plane is a constant right of every root: nothing is dropped.
        if (!(excess > 0.0)) plane[K] = box.reach / (1.0 - box.allowed / input.hours);
        plane[K] += 1e-12 * size;
    }
    __syncthreads();
}

template <int K>
__global__ void headroom_prune(const double* profiles, const double* coefficients, const double* shares,
                               const double* reaches, const int* orders, double* planes, int* counts, int* lists,
                               int hours, int width, int row, double lowest) {
    const Input input{profiles, nullptr, coefficients, shares, reaches, orders, hours, width, row, lowest};
    const Pruned pruned{planes, counts, lists};
    __shared__ Box<K> box;
    __shared__ double plane[K + 1];
    __shared__ double scratch[BLOCK];
    __shared__ int kept[BLOCK / 32];
    const int* order = input.order + static_cast<size_t>(blockIdx.x) * input.width;
    if (order[0] < 0) return;
    measure<K>(input, order, box);
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
