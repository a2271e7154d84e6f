// Lets g++ compile an unmodified .cu file and run it on the CPU with CUDA's meaning.
//
// Every CUDA thread is a fiber; the fibers of a block share one OS thread, and blocks run one after another.
// A fiber runs until it reaches a barrier or a warp operation and then waits for the others, so barriers and
// shuffles are real, in whatever order the scheduler is told to run the threads. __shared__ becomes
// thread_local, which at block scope means static: one copy per OS thread, that is per block.
//
// Reported as errors: barriers not reached by all threads, or reached at different lines; warp operations
// whose mask names a lane that has exited or is outside the warp, or that omits the caller; too large
// launches; writes behind dynamic shared memory. Shared memory starts as 0xFF bytes in every block.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#define __device__
#define __host__
#define __global__
#define __constant__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __shared__ thread_local
#define __launch_bounds__(...)

struct uint3 { unsigned int x, y, z; };
struct dim3 {
    unsigned int x, y, z;
    constexpr dim3(unsigned int a = 1, unsigned int b = 1, unsigned int c = 1) : x(a), y(b), z(c) {}
};

namespace emu {
extern uint3 thread_index, block_index;   // of the fiber that runs now
extern dim3 block_size, grid_size;

void block_barrier(int line);
int block_vote(int line, int predicate, int kind);                          // kind: 0 or, 1 and, 2 count
std::uint64_t warp_exchange(int line, unsigned mask, std::uint64_t value, int source_lane);
unsigned warp_ballot(int line, unsigned mask, int predicate);
void warp_barrier(int line, unsigned mask);
int lane();
int warp_width();                     // threads in this warp, 32 but for the last one
[[noreturn]] void fail(const char* format, ...);
}  // namespace emu

#define threadIdx (::emu::thread_index)
#define blockIdx (::emu::block_index)
#define blockDim (::emu::block_size)
#define gridDim (::emu::grid_size)
constexpr int warpSize = 32;

// ---- barriers and warp operations; the line of the call identifies the barrier
inline void __syncthreads(int line = __builtin_LINE()) { emu::block_barrier(line); }
inline int __syncthreads_or(int p, int line = __builtin_LINE()) { return emu::block_vote(line, p, 0); }
inline int __syncthreads_and(int p, int line = __builtin_LINE()) { return emu::block_vote(line, p, 1); }
inline int __syncthreads_count(int p, int line = __builtin_LINE()) { return emu::block_vote(line, p, 2); }
inline void __syncwarp(unsigned mask = ~0u, int line = __builtin_LINE()) { emu::warp_barrier(line, mask); }
inline unsigned __ballot_sync(unsigned mask, int p, int line = __builtin_LINE()) {
    return emu::warp_ballot(line, mask, p);
}
inline int __any_sync(unsigned mask, int p, int line = __builtin_LINE()) {
    return emu::warp_ballot(line, mask, p) != 0;
}
inline int __all_sync(unsigned mask, int p, int line = __builtin_LINE()) {
    return emu::warp_ballot(line, mask, !p) == 0;
}

namespace emu {
template <class T>
T exchange(int line, unsigned mask, T value, int source) {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable<T>::value, "shuffles move at most eight bytes");
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    bits = warp_exchange(line, mask, bits, source);
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}
}  // namespace emu

template <class T>
T __shfl_sync(unsigned mask, T v, int source, int width = 32, int line = __builtin_LINE()) {
    const int base = emu::lane() / width * width;
    return emu::exchange(line, mask, v, base + (source & (width - 1)));
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32, int line = __builtin_LINE()) {
    const int at = emu::lane() % width - static_cast<int>(by);
    return emu::exchange(line, mask, v, at < 0 ? emu::lane() : emu::lane() - static_cast<int>(by));
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32, int line = __builtin_LINE()) {
    const int at = emu::lane() % width + static_cast<int>(by);
    return emu::exchange(line, mask, v, at >= width ? emu::lane() : emu::lane() + static_cast<int>(by));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int by, int width = 32, int line = __builtin_LINE()) {
    const int at = (emu::lane() % width) ^ by;
    return emu::exchange(line, mask, v, at >= width ? emu::lane() : emu::lane() / width * width + at);
}

// ---- atomics: fibers of one OS thread cannot interleave inside one, relaxed order is CUDA's promise
template <class T, class F>
T emu_atomic(T* at, F change) {
    T old = __atomic_load_n(at, __ATOMIC_RELAXED);
    T next = change(old);
    while (!__atomic_compare_exchange(at, &old, &next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) next = change(old);
    return old;
}
inline int atomicAdd(int* at, int v) { return __atomic_fetch_add(at, v, __ATOMIC_RELAXED); }
inline unsigned atomicAdd(unsigned* at, unsigned v) { return __atomic_fetch_add(at, v, __ATOMIC_RELAXED); }
inline unsigned long long atomicAdd(unsigned long long* at, unsigned long long v) {
    return __atomic_fetch_add(at, v, __ATOMIC_RELAXED);
}
template <class T>
T atomicMax(T* at, T v) {
    return emu_atomic(at, [v](T old) { return std::max(old, v); });
}
template <class T>
T atomicMin(T* at, T v) {
    return emu_atomic(at, [v](T old) { return std::min(old, v); });
}
template <class T>
T atomicExch(T* at, T v) {
    return emu_atomic(at, [v](T) { return v; });
}
template <class T>
T atomicCAS(T* at, T expected, T v) {
    return emu_atomic(at, [=](T old) { return old == expected ? v : old; });
}

// ---- intrinsics
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline int __ffs(int v) { return __builtin_ffs(v); }
inline int __clz(int v) { return v == 0 ? 32 : __builtin_clz(static_cast<unsigned>(v)); }
inline double __longlong_as_double(long long v) {
    double d;
    std::memcpy(&d, &v, 8);
    return d;
}
inline long long __double_as_longlong(double d) {
    long long v;
    std::memcpy(&v, &d, 8);
    return v;
}
template <class T>
T __ldg(const T* at) {
    return *at;
}
using std::max;
using std::min;
using std::abs;

// ---- launching: one generated function per kernel calls emu::launch
namespace emu {
struct Launch {
    dim3 grid, block;
    std::size_t shared_bytes;
    int order;              // 0 ascending, 1 descending, 2 random, 3 interleaved across warps
    unsigned seed;
    unsigned char* dynamic_shared;
    std::size_t dynamic_capacity;
};
using Body = void (*)(void* kernel, void** arguments);
const char* run(const Launch& launch, Body body, void* kernel, void** arguments);   // nullptr, or what went wrong

template <class F, class... A, std::size_t... I>
void call(void (*kernel)(A...), [[maybe_unused]] void** arguments, std::index_sequence<I...>) {
    kernel(*static_cast<std::remove_reference_t<A>*>(arguments[I])...);
}
template <class... A>
void invoke(void* kernel, void** arguments) {
    call<void>(reinterpret_cast<void (*)(A...)>(kernel), arguments, std::index_sequence_for<A...>{});
}
template <class T>
constexpr char kind() {
    return std::is_pointer<T>::value ? 'p' : std::is_floating_point<T>::value ? 'f' : std::is_signed<T>::value ? 'i' : 'u';
}
// "p8 i4 ...": kind and size of the value, or of what a pointer points to.
template <class... A>
const char* signature(void (*)(A...)) {
    static char text[512];
    [[maybe_unused]] char* end = text;
    ((end += std::snprintf(end, 16, "%s%c%zu ", std::is_pointer<A>::value ? "*" : "",
                           kind<std::remove_cv_t<std::remove_pointer_t<A>>>(),
                           sizeof(std::remove_pointer_t<A>))), ...);
    return text;
}
template <class... A>
const char* start(const Launch& launch, void (*kernel)(A...), void** arguments) {
    return run(launch, invoke<A...>, reinterpret_cast<void*>(kernel), arguments);
}
}  // namespace emu
