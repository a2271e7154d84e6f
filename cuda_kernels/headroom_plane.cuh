// The plane above the answers of a block's cases, and bounds on margins over the box of their coefficients.
#pragma once

#include "headroom_input.cuh"

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
__device__ inline void measure(const Input& input, Box<K>& box) {
    const int* order = input.order;
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

// The profiles at one hour, read where they lie: a copy would take registers, and with them resident threads.
struct Hour {
    const double* first;
    int stride;
    __device__ double operator[](int k) const { return first[static_cast<size_t>(k) * stride]; }
};

__device__ inline Hour hour_at(const Input& input, int hour) {
    int stride = input.hours;
    asm volatile("" : "+r"(stride));   // addresses are made anew for every hour rather than kept in registers
    return {input.profiles + hour, stride};
}

template <int K>
__device__ inline Bounds bounds_at(const Hour& p, const Box<K>& box, const double* plane) {
    Bounds bounds{plane == nullptr ? 0.0 : -plane[K], plane == nullptr ? 0.0 : -plane[K]};
#pragma unroll 2
    for (int k = 0; k < K; ++k) {
        const double value = p[k];
        const double d = plane == nullptr ? value : value - plane[k];
        bounds.low += fmin(box.low[k] * d, box.high[k] * d);
        bounds.high += fmax(box.low[k] * d, box.high[k] * d);
    }
    return bounds;
}

template <int K>
__device__ inline double margin_at_centre(const Input& input, const Hour& p, const Box<K>& box) {
    double margin = box.centre[0] * p[0];
#pragma unroll 2
    for (int k = 1; k < K; ++k) margin += box.centre[k] * p[k];
    return fmax(margin, input.lowest);
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
            read_again();
            const Hour p = hour_at(input, h);
            const double margin = margin_at_centre<K>(input, p, box);
            if (margin < load) {
                total += margin;
                below += 1.0;
            }
        }
        total = block_sum(total, scratch);
        below = block_sum(below, scratch);
        // A set hardly larger than what may be curtailed makes a steep plane, which says little away from the centre.
        if (below <= 1.25 * box.allowed) break;
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
        read_again();
        const Hour p = hour_at(input, h);
        if (margin_at_centre<K>(input, p, box) >= threshold) continue;
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
        for (int k = 0; k < K; ++k) {
            if (k % 4 == 0) read_again();   // few values on their way at a time
            sums[k] += slope * p[k];
        }
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
