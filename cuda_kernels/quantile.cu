// Order statistics of columns and quantiles between them; contract and twin in quantile.py.
//
// One block finds the wanted ranks of one column. Floats become integers of the same order; eight passes each settle eight
// bits of the answers: a histogram of the next byte over the values that share the bits settled so far tells in which bin
// the rank lies. Ranks that still share all their bits share one histogram. Counts are integers, so that no order of
// threads shows in the result. A NaN anywhere makes the column's answers NaN.

constexpr int BLOCK = 256;       // as launched by _quantile_cuda.py
constexpr int WARPS = BLOCK / 32;
constexpr int MOST = 16;         // ranks: two for each of eight quantiles
constexpr int BINS = 256;
constexpr int BINS_A_LANE = BINS / 32;
constexpr unsigned ALL = 0xFFFFFFFFu;

typedef unsigned long long Key;

// Ascending integers for ascending floats; minus zero comes before zero.
__device__ inline Key key_of(double value) {
    const Key bits = static_cast<Key>(__double_as_longlong(value));
    return bits >> 63 ? ~bits : bits | 0x8000000000000000ull;
}

__device__ inline double value_of(Key key) {
    return __longlong_as_double(static_cast<long long>(key >> 63 ? key & 0x7FFFFFFFFFFFFFFFull : ~key));
}

// Where one rank stands: bits settled so far, its place among the values that share them, and whose histogram it reads.
struct Search {
    Key prefix[MOST];
    int place[MOST];
    int leader[MOST];
};

// Count the byte above `shift` of the lanes that `match`. Most often all have the same: then one lane counts for all.
__device__ inline void count_byte(int* bins, bool match, int byte) {
    const unsigned votes = __ballot_sync(ALL, match);
    if (votes == 0u) return;
    const int first = __ffs(static_cast<int>(votes)) - 1;
    const int common = __shfl_sync(ALL, byte, first);
    const unsigned same = __ballot_sync(ALL, match && byte == common);
    if (static_cast<int>(threadIdx.x % 32) == first) atomicAdd(bins + common, __popc(same));
    if (match && byte != common) atomicAdd(bins + byte, 1);
}

// One warp: the bin in which the place lies, and the place within it.
__device__ inline void settle(const int* bins, Key* prefix, int* place, int shift) {
    const int lane = threadIdx.x % 32;
    int own = 0;
    for (int b = 0; b < BINS_A_LANE; ++b) own += bins[lane * BINS_A_LANE + b];
    int upto = own;
    for (int by = 1; by < 32; by *= 2) {
        const int before = __shfl_up_sync(ALL, upto, by);
        if (lane >= by) upto += before;
    }
    const int wanted = *place;
    const int found = __ffs(static_cast<int>(__ballot_sync(ALL, upto > wanted))) - 1;
    __syncwarp();   // all have read the place
    if (lane == found) {
        int below = upto - own;
        int bin = lane * BINS_A_LANE;
        while (below + bins[bin] <= wanted) below += bins[bin++];
        *place = wanted - below;
        *prefix |= static_cast<Key>(bin) << shift;
    }
}

// columns (column, draws); ranks (2 * count): lower and upper rank of each quantile; weights (count) of the upper one;
// out (count, column).
extern "C" __global__ void __launch_bounds__(BLOCK)
quantile_select(const double* columns, const int* ranks, const double* weights, double* out, int draws, int count,
                int column_count) {
    __shared__ int bins[MOST][BINS];
    __shared__ Search search;
    const double* column = columns + static_cast<size_t>(blockIdx.x) * draws;
    const int asked = 2 * count;
    const int warp = threadIdx.x / 32;
    if (static_cast<int>(threadIdx.x) < asked) {
        search.prefix[threadIdx.x] = 0;
        search.place[threadIdx.x] = ranks[threadIdx.x];
        search.leader[threadIdx.x] = 0;
    }
    bool missing = false;
    for (int shift = 56; shift >= 0; shift -= 8) {
        for (int i = threadIdx.x; i < asked * BINS; i += BLOCK) bins[i / BINS][i % BINS] = 0;
        __syncthreads();
        for (int first = 0; first < draws; first += BLOCK) {
            const int i = first + threadIdx.x;
            const double value = i < draws ? column[i] : 0.0;
            if (value != value) missing = true;
            const Key key = key_of(value);
            const int byte = static_cast<int>(key >> shift & (BINS - 1));
            for (int r = 0; r < asked; ++r) {
                if (search.leader[r] != r) continue;
                const bool match = i < draws && (shift == 56 || key >> (shift + 8) == search.prefix[r] >> (shift + 8));
                count_byte(bins[r], match, byte);
            }
        }
        __syncthreads();
        for (int r = warp; r < asked; r += WARPS) {
            settle(bins[search.leader[r]], search.prefix + r, search.place + r, shift);
        }
        __syncthreads();
        if (static_cast<int>(threadIdx.x) < asked) {
            int leader = threadIdx.x;
            while (leader > 0 && search.prefix[leader - 1] == search.prefix[threadIdx.x]) --leader;
            search.leader[threadIdx.x] = leader;
        }
        // The next round's first barrier comes before anyone reads the leaders.
    }
    const bool none = __syncthreads_or(missing);
    if (static_cast<int>(threadIdx.x) < count) {
        const int q = threadIdx.x;
        const double low = value_of(search.prefix[2 * q]);
        const double high = value_of(search.prefix[2 * q + 1]);
        const double weight = weights[q];
        const double step = high - low;
        double between = weight >= 0.5 ? high - step * (1.0 - weight) : low + step * weight;
        if (ranks[2 * q] == ranks[2 * q + 1]) between = low;
        if (none) between = __longlong_as_double(0x7FF8000000000000ll);
        out[static_cast<size_t>(q) * column_count + blockIdx.x] = between;
    }
}
