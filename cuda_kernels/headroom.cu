// Largest constant load at a curtailable share; contract in headroom.py, twin in _headroom_numpy.py.
//
// One thread solves one case for SHARES shares at once. A block streams the profiles through shared memory
// in tiles, so that every value is read from global memory once per pass and block; the K coefficients stay
// in registers. Compiled with --fmad=false: each margin is K multiplications and K - 1 additions in
// ascending k, and sums run over ascending hours, which makes the bits those of the NumPy body.

constexpr int TILE = 256;        // hours in shared memory at a time
constexpr int MAX_STEPS = 400;   // as in the twins; Newton needs about ten
constexpr double NEAR = 1e-9;

template <int SHARES>
struct Descent {
    double load[SHARES];
    double total[SHARES];   // sum of the margins below load
    double size[SHARES];    // sum of their absolute values
    int below[SHARES];      // number of them
    double least;           // lowest margin of all hours
};

// Sums over the hours below each load. Every thread of the block must call it: the tiles are shared.
template <int K, int SHARES>
__device__ void pass(const double* profiles, const double (&c)[K], int hours, double lowest, double* tile,
                     Descent<SHARES>& d) {
    for (int s = 0; s < SHARES; ++s) {
        d.total[s] = 0.0;
        d.size[s] = 0.0;
        d.below[s] = 0;
    }
    for (int first = 0; first < hours; first += TILE) {
        const int width = min(TILE, hours - first);
        __syncthreads();   // nobody still reads the previous tile
        for (int i = threadIdx.x; i < K * TILE; i += blockDim.x) {
            const int k = i / TILE;
            const int h = i % TILE;
            if (h < width) tile[h * K + k] = profiles[static_cast<size_t>(k) * hours + first + h];
        }
        __syncthreads();
        for (int h = 0; h < width; ++h) {
            double margin = c[0] * tile[h * K];
            for (int k = 1; k < K; ++k) margin += c[k] * tile[h * K + k];
            margin = fmax(margin, lowest);
            d.least = fmin(d.least, margin);
            for (int s = 0; s < SHARES; ++s) {
                if (margin < d.load[s]) {
                    d.total[s] += margin;
                    d.size[s] += fabs(margin);
                    ++d.below[s];
                }
            }
        }
    }
}

// Newton from the right until no share of any case in the block moves.
template <int K, int SHARES>
__device__ void descend(const double* profiles, const double (&c)[K], const double (&allowed)[SHARES], int hours,
                        double lowest, double* tile, Descent<SHARES>& d) {
    for (int step = 0; step < MAX_STEPS; ++step) {
        pass<K, SHARES>(profiles, c, hours, lowest, tile, d);
        bool moved = false;
        for (int s = 0; s < SHARES; ++s) {
            const double excess = d.below[s] - allowed[s];
            if (excess > 0.0) {
                const double lower = d.total[s] / excess;
                if (lower < d.load[s]) {
                    d.load[s] = lower;
                    moved = true;
                }
            }
        }
        if (!__syncthreads_or(moved)) return;
    }
}

template <int K, int SHARES>
__global__ void headroom_direct(const double* profiles, const double* coefficients, const double* shares,
                                const double* start, double* load, long long* curtailed, int hours, int cases,
                                int row, int first_share, double lowest) {
    __shared__ double tile[K * TILE];
    const int mine = blockIdx.x * blockDim.x + threadIdx.x;
    const int at = min(mine, cases - 1);   // spare threads repeat the last case, so that barriers match
    double c[K];
    for (int k = 0; k < K; ++k) c[k] = coefficients[static_cast<size_t>(at) * K + k];
    double allowed[SHARES];
    Descent<SHARES> d;
    d.least = __longlong_as_double(0x7FF0000000000000ll);
    for (int s = 0; s < SHARES; ++s) {
        allowed[s] = shares[static_cast<size_t>(at) * row + first_share + s] * hours;
        d.load[s] = start[at];
    }
    descend<K, SHARES>(profiles, c, allowed, hours, lowest, tile, d);
    // As in the twin: once more from a hair to the right, so that ties fall the same way on every path.
    for (int s = 0; s < SHARES; ++s) d.load[s] += NEAR * fabs(d.load[s]);
    descend<K, SHARES>(profiles, c, allowed, hours, lowest, tile, d);
    if (mine >= cases) return;
    for (int s = 0; s < SHARES; ++s) {
        const double cost = (d.below[s] - allowed[s]) * d.load[s] - d.total[s];
        const bool rootless = d.below[s] <= allowed[s] && lowest < 0.0
                              && cost > NEAR * (allowed[s] * d.load[s] + d.size[s]);
        const bool firm = allowed[s] == 0.0;
        const double answer = firm ? fmax(d.least, 0.0) : (d.load[s] <= 0.0 || rootless ? 0.0 : d.load[s]);
        const size_t to = static_cast<size_t>(mine) * row + first_share + s;
        load[to] = answer;
        curtailed[to] = firm || answer == 0.0 ? 0 : d.below[s];
    }
}
