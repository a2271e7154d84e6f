// Events of curtailment of constant loads; contract in event_figures.py, twins there and in _event_figures_numba.py.
//
// One block counts one case. Its threads take the hours of a tile side by side, so that profiles are read coalesced, and
// leave a bit for each hour with curtailment; one thread then walks the bits of the tile, 32 hours a word, for the runs.
// Counts are integers and the deepest cut is a maximum, so that no order of threads shows. A row of blocks serves one set
// of profiles.

constexpr int BLOCK = 128;             // threads, as launched by _event_figures_cuda.py
constexpr int TILE = 8 * BLOCK;        // hours
constexpr int KINDS = 4;               // seasons, and parts of the day
constexpr int COLUMNS = 4 + 2 * KINDS;

// Runs of hours with curtailment, up to the hour looked at.
struct Runs {
    int number;
    int longest;
    int now;   // length of the run that is not over
};

__device__ inline void walk(unsigned bits, Runs& runs) {
    if (bits == 0u) {
        runs.now = 0;
        return;
    }
    for (int bit = 0; bit < 32; ++bit) {
        runs.now = bits >> bit & 1u ? runs.now + 1 : 0;
        if (runs.now == 1) ++runs.number;
        runs.longest = max(runs.longest, runs.now);
    }
}

// profiles (set, term, hour); coefficients (set, case, term); load (set, case); kinds (2, hour), 0 to 3;
// figures (set, case, COLUMNS).
extern "C" __global__ void __launch_bounds__(BLOCK)
event_figures(const double* profiles, const double* coefficients, const double* loads, const long long* kinds,
              double* figures, int terms, int hours, int cases) {
    __shared__ unsigned words[TILE / 32];
    __shared__ int counts[2 * KINDS];
    __shared__ double depths[BLOCK];
    const size_t at = static_cast<size_t>(blockIdx.y) * cases + blockIdx.x;
    const double load = loads[at];
    const double* c = coefficients + at * terms;
    const double* rows = profiles + static_cast<size_t>(blockIdx.y) * terms * hours;
    const int warp = threadIdx.x / 32;
    int mine[2 * KINDS] = {};
    double deepest = 0.0;
    Runs runs{0, 0, 0};
    if (threadIdx.x < 2 * KINDS) counts[threadIdx.x] = 0;
    for (int first = 0; load > 0.0 && first < hours; first += TILE) {
        __syncthreads();   // the words of the previous tile are read
        for (int part = 0; part < TILE / BLOCK; ++part) {
            const int h = first + part * BLOCK + threadIdx.x;
            double cut = 0.0;
            if (h < hours) {
                double margin = c[0] * rows[h];
                for (int k = 1; k < terms; ++k) margin += c[k] * rows[static_cast<size_t>(k) * hours + h];
                cut = load - fmax(margin, 0.0);
            }
            const bool short_here = cut > 0.0;
            if (short_here) {
                deepest = fmax(deepest, cut);
                for (int kind = 0; kind < KINDS; ++kind) {
                    mine[kind] += kinds[h] == kind;
                    mine[KINDS + kind] += kinds[static_cast<size_t>(hours) + h] == kind;
                }
            }
            const unsigned bits = __ballot_sync(0xFFFFFFFFu, short_here);
            if (threadIdx.x % 32 == 0) words[part * (BLOCK / 32) + warp] = bits;
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            for (int word = 0; word < TILE / 32; ++word) walk(words[word], runs);
        }
    }
    depths[threadIdx.x] = deepest;
    __syncthreads();
    for (int kind = 0; kind < 2 * KINDS; ++kind) {
        if (mine[kind] > 0) atomicAdd(counts + kind, mine[kind]);
    }
    __syncthreads();
    double* to = figures + at * COLUMNS;
    if (threadIdx.x < 2 * KINDS) to[4 + threadIdx.x] = counts[threadIdx.x];
    if (threadIdx.x != 0) return;
    for (int i = 1; i < BLOCK; ++i) deepest = fmax(deepest, depths[i]);
    int total = 0;
    for (int kind = 0; kind < KINDS; ++kind) total += counts[kind];
    to[0] = total;
    to[1] = runs.number;
    to[2] = runs.longest;
    to[3] = total > 0 ? deepest / load : 0.0;
}
