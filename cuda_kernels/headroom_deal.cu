// Which cases share a block of the headroom kernels; contract and twin in headroom_deal.py.
//
// headroom_keys gives every case a number such that neighbours in it are neighbours in all coefficients that matter: one
// thread a case. headroom_deal halves groups of neighbours, each by the coefficient of its widest effect, until a block
// holds them: one block of threads a group, which lies in shared memory, sorted anew for every halving.

constexpr int THREADS = 512;     // of headroom_deal, as launched by headroom_deal.py
constexpr int MOST_CASES = 2048; // of a group
constexpr int MOST_PARTS = 8;    // of a group that are halved
constexpr int WARPS = THREADS / 32;

// means, spreads, effects (set, K): of the coefficients of a set's cases, and of a profile. keys (set, case): the set, then
// `bits` halvings in turn of the coefficient whose effect is widest by then, as a Gray code, so that the next number is
// the next box.
template <int K>
__global__ void __launch_bounds__(128, 7)
headroom_keys(const double* coefficients, const double* means, const double* spreads, const double* effects,
              long long* keys, int cases, int sets, int bits) {
    const size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (at >= static_cast<size_t>(cases) * sets) return;
    const size_t set = at / cases;
    double rank[K];    // about what share of the set's cases lies below this one
    float width[K];    // of the box so far
    for (int k = 0; k < K; ++k) {
        const double spread = spreads[set * K + k];
        const double far = spread > 0.0 ? (coefficients[at * K + k] - means[set * K + k]) / spread : 0.0;
        const double below = 0.5 + 0.5 * far / sqrt(far * far + 1.5707963267948966);
        rank[k] = fmin(fmax(below, 0.0), 1.0 - 0x1p-53);   // of a NaN 0
        width[k] = static_cast<float>(effects[set * K + k] * spread);
    }
    long long key = static_cast<long long>(set);
    long long parity = 0;
    for (int bit = 0; bit < bits; ++bit) {
        float widest = width[0];
        for (int k = 1; k < K; ++k) widest = fmaxf(widest, width[k]);
        bool done = false;
        for (int k = 0; k < K; ++k) {   // the first of the widest
            if (done || width[k] < widest) continue;
            done = true;
            width[k] *= 0.5f;
            rank[k] *= 2.0;
            if (rank[k] >= 1.0) {
                rank[k] -= 1.0;
                parity ^= 1;
            }
        }
        key = 2 * key + parity;
    }
    keys[at] = key;
}

// One group: cases [first, first + size) of its set's, in shared memory (capacity, a power of two), -1 behind them.
struct Group {
    double* key;
    int* mine;
    int* other;
    int* chosen;   // the coefficient that a part is halved by
    int size, capacity;
};

// Cases in a part after so many halvings; the left half has one more where they are odd.
__device__ inline int cases_in(int size, int part, int halvings) {
    for (int bit = halvings - 1; bit >= 0; --bit) size = (part >> bit & 1) != 0 ? size / 2 : (size + 1) / 2;
    return size;
}

__device__ inline double largest_of_warp(double value) {
    for (int by = 16; by > 0; by /= 2) value = fmax(value, __shfl_xor_sync(0xFFFFFFFFu, value, by));
    return value;
}

// chosen[part]: the coefficient with the widest effect among the part's cases. spans (MOST_PARTS, K) is scratch.
template <int K>
__device__ inline void choose(const Group& group, int halvings, const double* coefficients, const double* effects,
                              double (*spans)[K]) {
    const double infinity = __longlong_as_double(0x7FF0000000000000ll);
    const int length = group.capacity >> halvings;
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    for (int pair = warp; pair < K << halvings; pair += WARPS) {
        const int part = pair / K;
        const int k = pair % K;
        double high = -infinity;
        double low = -infinity;   // with its sign changed
        const int count = cases_in(group.size, part, halvings);
        for (int i = lane; i < count; i += 32) {
            const double value = coefficients[static_cast<size_t>(group.mine[part * length + i]) * K + k];
            high = fmax(high, value);
            low = fmax(low, -value);
        }
        high = largest_of_warp(high);
        low = largest_of_warp(low);
        if (lane == 0) spans[part][k] = (high + low) * effects[k];
    }
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < 1 << halvings) {
        int widest = 0;
        for (int k = 1; k < K; ++k) widest = spans[threadIdx.x][k] > spans[threadIdx.x][widest] ? k : widest;
        group.chosen[threadIdx.x] = widest;
    }
    __syncthreads();
}

// Whether a case comes behind another: by its key, then its number; places without a case come last.
__device__ inline bool behind(const Group& group, int i, int j) {
    if (group.key[i] != group.key[j]) return group.key[i] > group.key[j];
    return static_cast<unsigned>(group.mine[i]) > static_cast<unsigned>(group.mine[j]);
}

// Sorts every part of a length (a power of two) by a bitonic network.
__device__ inline void sort_parts(const Group& group, int length) {
    for (int size = 2; size <= length; size *= 2) {
        for (int stride = size / 2; stride > 0; stride /= 2) {
            for (int pair = threadIdx.x; pair < group.capacity / 2; pair += THREADS) {
                const int i = 2 * pair - (pair & (stride - 1));
                const int j = i + stride;
                const bool rising = (i & (length - 1) & size) == 0;
                if (behind(group, i, j) != rising) continue;
                const double key = group.key[i];
                group.key[i] = group.key[j];
                group.key[j] = key;
                const int number = group.mine[i];
                group.mine[i] = group.mine[j];
                group.mine[j] = number;
            }
            __syncthreads();
        }
    }
}

// Moves the upper half of each part's cases to where the upper half of its places begins.
__device__ inline void halve_parts(const Group& group, int halvings) {
    const int length = group.capacity >> halvings;
    for (int i = threadIdx.x; i < group.capacity; i += THREADS) group.other[i] = -1;
    __syncthreads();
    for (int i = threadIdx.x; i < group.capacity; i += THREADS) {
        const int part = i / length;
        const int place = i % length;
        const int count = cases_in(group.size, part, halvings);
        const int left = (count + 1) / 2;
        if (place < count) group.other[part * length + (place < left ? place : length / 2 + place - left)] = group.mine[i];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < group.capacity; i += THREADS) group.mine[i] = group.other[i];
    __syncthreads();
}

// members (set, case): the cases of a set, by their key. peaks, effects (set, K): the largest value of a profile, and its
// mean effect. order (set, group, part, width): the cases of a block, -1 behind them. reaches (set, case): the largest
// margin there can be, summed in ascending k as in the twin.
template <int K>
__global__ void __launch_bounds__(THREADS, 2)
headroom_deal(const int* members, const double* coefficients, const double* effects, const double* peaks, int* order,
              double* reaches, int cases, int groups, int capacity, int halvings, int width) {
    __shared__ double key[MOST_CASES];
    __shared__ int mine[MOST_CASES];
    __shared__ int other[MOST_CASES];
    __shared__ int chosen[MOST_PARTS];
    __shared__ double spans[MOST_PARTS][K];
    const size_t set = blockIdx.x / groups;
    const long long number = blockIdx.x % groups;
    const int first = static_cast<int>(cases * number / groups);
    const int size = static_cast<int>(cases * (number + 1) / groups) - first;
    const Group group{key, mine, other, chosen, size, capacity};
    for (int i = threadIdx.x; i < capacity; i += THREADS) {
        const int at = i < size ? members[set * cases + first + i] : -1;
        mine[i] = at;
        if (at < 0) continue;
        double reach = 0.0;
        for (int k = 0; k < K; ++k) reach += fabs(coefficients[static_cast<size_t>(at) * K + k]) * peaks[set * K + k];
        reaches[at] = reach;
    }
    __syncthreads();
    for (int done = 0; done < halvings; ++done) {
        const int length = capacity >> done;
        choose<K>(group, done, coefficients, effects + set * K, spans);
        for (int i = threadIdx.x; i < capacity; i += THREADS) {
            const int at = mine[i];
            key[i] = at < 0 ? __longlong_as_double(0x7FF0000000000000ll)
                            : coefficients[static_cast<size_t>(at) * K + chosen[i / length]];
        }
        __syncthreads();
        sort_parts(group, length);
        halve_parts(group, done);
    }
    const int length = capacity >> halvings;
    int* out = order + static_cast<size_t>(blockIdx.x) * (width << halvings);
    for (int i = threadIdx.x; i < width << halvings; i += THREADS) {
        const int place = i % width;
        out[i] = place < length ? mine[i / width * length + place] : -1;
    }
}
