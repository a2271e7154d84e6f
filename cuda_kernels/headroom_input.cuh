// What the kernels of headroom.cu read, and the margin of an hour.
#pragma once

constexpr int BLOCK = 128;       // threads, as launched by _headroom_cuda.py
constexpr int LANES = 4;         // threads a case in headroom_search, likewise
constexpr int MAX_STEPS = 400;   // as in the twin; Newton needs about ten

// Blocks that a multiprocessor shall hold at least: two fifths of its threads (tests/emulation/test_compile.py).
constexpr int blocks_wanted() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ == 750
    return 4;   // of 8
#elif defined(__CUDA_ARCH__) && (__CUDA_ARCH__ == 860 || __CUDA_ARCH__ == 890 || __CUDA_ARCH__ >= 1200)
    return 5;   // of 12
#else
    return 7;   // of 16
#endif
}

// The same of headroom_search, whose blocks have LANES times the threads.
constexpr int wide_blocks_wanted() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ == 750
    return 1;
#else
    return 2;
#endif
}

// Makes the compiler read shared memory again instead of keeping it in registers from one hour to the next.
__device__ inline void read_again() { asm volatile("" ::: "memory"); }

// `hour` gives the value of profile k by [k].
template <int K, class Hour>
__device__ inline double margin_at(const Hour& hour, const double (&c)[K], double lowest) {
    double margin = c[0] * hour[0];
    for (int k = 1; k < K; ++k) margin += c[k] * hour[k];
    return fmax(margin, lowest);
}

// Inputs that all kernels read, of the set of profiles that the block serves. Cases of all sets are numbered through;
// `order` deals them to blocks: width entries a block, -1 where there is none.
struct Input {
    const double* profiles;       // (K, hours)
    const double* anchors;        // (K)
    const double* coefficients;   // (case, K)
    const double* shares;         // (case, row)
    const double* reaches;        // (case): largest margin there can be
    const int* order;             // (width)
    int hours;
    int width;
    int row;
    double lowest;
};

// Sizes: hours; width of `orders`; shares a case (row); cases of a set.
template <int K>
__device__ inline Input input_of(const double* profiles, const double* anchors, const double* coefficients,
                                 const double* shares, const double* reaches, const int* orders, const int (&sizes)[4],
                                 double lowest) {
    const int* order = orders + static_cast<size_t>(blockIdx.x) * sizes[1];
    const size_t set = order[0] < 0 ? 0 : order[0] / sizes[3];
    return {profiles + set * K * sizes[0], anchors + set * K, coefficients, shares, reaches, order,
            sizes[0], sizes[1], sizes[2], lowest};
}

// What headroom_prune leaves for one block.
struct Pruned {
    double* planes;   // (block, K + 1): weights and a constant, with a guard for rounding in it
    int* counts;      // (block)
    int* lists;       // (block, hours)
};
