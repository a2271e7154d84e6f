// Launchable forms of philox.cuh; contracts and NumPy twins are in philox.py. One thread makes one value.
#include "philox.cuh"

__device__ inline size_t flat_index() {
    return static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

extern "C" __global__ void philox4x32_blocks(const unsigned int* counter, unsigned int* out, unsigned int k0,
                                             unsigned int k1, size_t count) {
    const size_t i = flat_index();
    if (i >= count) return;
    PhiloxBlock block;
    for (int w = 0; w < 4; ++w) block.word[w] = counter[4 * i + w];
    block = philox4x32(block, k0, k1);
    for (int w = 0; w < 4; ++w) out[4 * i + w] = block.word[w];
}

// out[draw, year, lane]; four lanes share one counter and take one word each.
extern "C" __global__ void philox_uniform(const unsigned int* draws, const unsigned int* years,
                                          const unsigned int* lanes, double* out, unsigned int parameter,
                                          unsigned int k0, unsigned int k1, size_t year_count, size_t lane_count,
                                          size_t count) {
    const size_t i = flat_index();
    if (i >= count) return;
    const unsigned int lane = lanes[i % lane_count];
    const unsigned int year = years[i / lane_count % year_count];
    const unsigned int draw = draws[i / lane_count / year_count];
    const PhiloxBlock block = philox4x32({{draw, parameter, year, lane >> 2}}, k0, k1);
    // Chosen by comparison: an index known only at run time would push the block out of the registers.
    const unsigned int low = lane & 1 ? block.word[1] : block.word[0];
    const unsigned int high = lane & 1 ? block.word[3] : block.word[2];
    out[i] = uniform_from_word(lane & 2 ? high : low);
}

extern "C" __global__ void normal_quantile(const double* u, double* out, size_t count) {
    const size_t i = flat_index();
    if (i >= count) return;
    out[i] = normal_from_uniform(u[i]);
}
