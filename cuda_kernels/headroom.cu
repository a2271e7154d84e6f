// Largest constant load at a curtailable share; contract in headroom.py, twin in _headroom_numpy.py.
//
// The direct form: every hour of every case, no pruning. One thread solves one case for SHARES shares at once. A block
// streams the profiles through shared memory in tiles, so that a value is read from global memory once per pass and
// block; the K coefficients stay in registers. Margins are K multiplications and K - 1 additions in ascending k
// (--fmad=false), as in the twin; the last steps use integer sums (_exact.py), which makes the results the twin's bits.

constexpr int BLOCK = 128;       // threads, as launched by _headroom_cuda.py
constexpr int TILE = 128;        // hours in shared memory at a time
constexpr int MAX_STEPS = 400;   // as in the twin; Newton needs about ten
constexpr double NEAR = 1e-9;
constexpr double ROOTLESS = 1e-12;

// What one block works on; the pointers are to shared memory.
template <int K>
struct Problem {
    const double* profiles;   // (K, hours), global
    const double* anchor;     // (K)
    double* tile;             // (TILE, K)
    int hours;
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
                problem.tile[h * K + k] = problem.profiles[static_cast<size_t>(k) * problem.hours + first + h];
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

template <int K, int SHARES>
__global__ void headroom_direct(const double* profiles, const double* anchors, const double* coefficients,
                                const double* shares, const double* reaches, const double* start, double* load,
                                long long* curtailed, int hours, int cases, int row, int first_share, double lowest) {
    __shared__ double tile[TILE * K];
    __shared__ double anchor[K];
    __shared__ double root[SHARES][BLOCK];   // a column each; in registers, the loop over shares could not index it
    const Problem<K> problem{profiles, anchor, tile, hours, lowest};
    const int mine = blockIdx.x * blockDim.x + threadIdx.x;
    const int at = min(mine, cases - 1);   // spare threads repeat the last case, so that barriers match
    if (threadIdx.x < K) anchor[threadIdx.x] = anchors[threadIdx.x];   // seen by all after the first tile's barrier
    double c[K];
    for (int k = 0; k < K; ++k) c[k] = coefficients[static_cast<size_t>(at) * K + k];
    const size_t to = static_cast<size_t>(at) * row + first_share;
    double least;
    {
        double allowed[SHARES];
        double found[SHARES];
        for (int s = 0; s < SHARES; ++s) {
            allowed[s] = shares[to + s] * hours;
            found[s] = start[at];
        }
        least = search<K, SHARES>(problem, c, allowed, found);
        for (int s = 0; s < SHARES; ++s) root[s][threadIdx.x] = found[s];
    }
    for (int s = 0; s < SHARES; ++s) {
        const double allowed = shares[to + s] * hours;
        Answer answer = finish<K>(problem, c, allowed, root[s][threadIdx.x], reaches[at]);
        if (allowed == 0.0) answer = {fmax(least, 0.0), 0};
        if (mine < cases) {
            load[to + s] = answer.load;
            curtailed[to + s] = answer.hours;
        }
    }
}
