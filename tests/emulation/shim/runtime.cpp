// Scheduler of the fibers declared in cuda_shim.h.
#undef _FORTIFY_SOURCE   // its longjmp refuses to go to another stack
#include "cuda_shim.h"

#include <csetjmp>
#include <cstdarg>
#include <cstdlib>
#include <link.h>
#include <random>
#include <sys/mman.h>
#include <ucontext.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(EMU_THREAD)
#include <sanitizer/tsan_interface.h>
#endif

namespace emu {

uint3 thread_index, block_index;
dim3 block_size, grid_size;

namespace {

constexpr std::size_t STACK = 256 * 1024;
constexpr unsigned char CANARY = 0xA5;
constexpr std::size_t CANARY_BYTES = 64;

enum class State { ready, block_wait, warp_wait, done };

// swapcontext asks the kernel for the signal mask every time. Without a sanitizer, which would have to be told, fibers
// change places by jumps once they have begun.
#if !defined(__SANITIZE_ADDRESS__) && !defined(EMU_THREAD)
#define EMU_JUMPS
jmp_buf scheduler_place;
#else
ucontext_t scheduler;
#endif

struct Fiber {
    ucontext_t context;
#if defined(EMU_JUMPS)
    jmp_buf place;
    bool begun;
#endif
    State state;
    int line;                  // where it waits
    int predicate;             // what it votes
    int vote_kind;             // -1: plain barrier
    unsigned mask;             // warp operations
    bool sends;                // a shuffle, not a vote
    std::uint64_t value;
    std::uint64_t received[32];
    unsigned ballot;
    int vote;
    uint3 index;
    char* stack;
#if defined(__SANITIZE_ADDRESS__)
    void* fake_stack;
#endif
#if defined(EMU_THREAD)
    void* tsan;
    unsigned barriers;   // of the block that it has come to
#endif
};

std::vector<Fiber> fibers;
std::vector<char*> stacks;
Fiber* current;
Body kernel_body;
void* kernel_function;
void** kernel_arguments;
char message[512];
bool failed;
#if defined(EMU_THREAD)
void* scheduler_tsan;
// Addresses that stand for what orders the threads. Barriers of a block take turns: a thread that wakes up late must not
// seem to come after what others did between this barrier and the next.
char block_sync[2], warp_sync[64], start_sync, end_sync;
#endif
#if defined(__SANITIZE_ADDRESS__)
void* scheduler_fake_stack;
const void* scheduler_stack;
std::size_t scheduler_stack_size;
#endif

void to_scheduler() {
    Fiber* self = current;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(self->state == State::done ? nullptr : &self->fake_stack, scheduler_stack,
                                   scheduler_stack_size);
#endif
#if defined(EMU_THREAD)
    __tsan_switch_to_fiber(scheduler_tsan, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(EMU_JUMPS)
    if (_setjmp(self->place) == 0) _longjmp(scheduler_place, 1);
#else
    swapcontext(&self->context, &scheduler);
#endif
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(self->fake_stack, &scheduler_stack, &scheduler_stack_size);
#endif
}

void entry() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_stack_size);
#endif
#if defined(EMU_THREAD)
    __tsan_acquire(&start_sync);
#endif
    kernel_body(kernel_function, kernel_arguments);
#if defined(EMU_THREAD)
    __tsan_release(&end_sync);
#endif
    current->state = State::done;
    to_scheduler();
}

void resume(Fiber& fiber) {
    current = &fiber;
    thread_index = fiber.index;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&scheduler_fake_stack, fiber.stack, STACK);
#endif
#if defined(EMU_THREAD)
    __tsan_switch_to_fiber(fiber.tsan, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(EMU_JUMPS)
    if (_setjmp(scheduler_place) == 0) {
        if (fiber.begun) _longjmp(fiber.place, 1);
        fiber.begun = true;
        setcontext(&fiber.context);
    }
#else
    swapcontext(&scheduler, &fiber.context);
#endif
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(scheduler_fake_stack, nullptr, nullptr);
#endif
}

int number_of(const Fiber& fiber) { return static_cast<int>(&fiber - fibers.data()); }

// Where all living threads of the block wait at one barrier, let them go.
bool release_block() {
    Fiber* first = nullptr;
    int any = 0, count = 0, living = 0;
    for (Fiber& f : fibers) {
        if (f.state == State::done) continue;
        if (f.state != State::block_wait) return false;
        if (first == nullptr) first = &f;
        if (f.line != first->line || f.vote_kind != first->vote_kind) {
            std::snprintf(message, sizeof message, "threads %d and %d of a block wait at different barriers, lines %d and %d",
                          number_of(*first), number_of(f), first->line, f.line);
            failed = true;
            return false;
        }
        any |= f.predicate != 0;
        count += f.predicate != 0;
        ++living;
    }
    if (first == nullptr) return false;
    if (living != static_cast<int>(fibers.size())) {
        std::snprintf(message, sizeof message, "barrier at line %d: %d of %zu threads have exited", first->line,
                      static_cast<int>(fibers.size()) - living, fibers.size());
        failed = true;
        return false;
    }
    const int votes[] = {any, count == living, count};
    const int kind = first->vote_kind;
    for (Fiber& f : fibers) {
        f.vote = kind < 0 ? 0 : votes[kind];
        f.state = State::ready;
    }
    return true;
}

// Complete the warp operation that `fiber` waits for, when every lane of its mask is there.
bool release_warp(Fiber& fiber) {
    const int first = number_of(fiber) / 32 * 32;
    const int width = std::min(32, static_cast<int>(fibers.size()) - first);
    unsigned mask = fiber.mask, ballot = 0;
    if (width < 32 && mask == ~0u) mask = (1u << width) - 1;   // a short last warp; the full mask is customary
    for (int lane = 0; lane < 32; ++lane) {
        if (!(mask >> lane & 1)) continue;
        if (lane >= width || fibers[first + lane].state == State::done) {
            std::snprintf(message, sizeof message, "warp operation at line %d names lane %d, which %s", fiber.line, lane,
                          lane >= width ? "does not exist" : "has exited");
            failed = true;
            return false;
        }
        Fiber& other = fibers[first + lane];
        if (other.state != State::warp_wait) return false;
        if (other.line != fiber.line || other.mask != fiber.mask) {
            std::snprintf(message, sizeof message, "lanes %d and %d disagree about a warp operation: lines %d and %d",
                          number_of(fiber) % 32, lane, fiber.line, other.line);
            failed = true;
            return false;
        }
        if (other.predicate) ballot |= 1u << lane;
    }
    std::uint64_t sent[32];
    for (int from = 0; from < 32; ++from) {   // what an unnamed lane would send is undefined: make it show
        sent[from] = from < width && (mask >> from & 1) ? fibers[first + from].value : ~0ull;
    }
    for (int lane = 0; lane < width; ++lane) {
        if (!(mask >> lane & 1)) continue;
        Fiber& to = fibers[first + lane];
        if (fiber.sends) std::memcpy(to.received, sent, sizeof sent);
        to.ballot = ballot;
        to.state = State::ready;
    }
    return true;
}

bool release_warps() {
    bool any = false;
    for (std::size_t i = 0; i < fibers.size() && !failed; ++i) {
        if (fibers[i].state == State::warp_wait) any = release_warp(fibers[i]) || any;
    }
    return any;
}

void arrange(std::vector<int>& turn, int order, std::mt19937& random) {
    const int n = static_cast<int>(turn.size());
    for (int i = 0; i < n; ++i) turn[i] = order == 1 ? n - 1 - i : i;
    if (order == 2) std::shuffle(turn.begin(), turn.end(), random);
    if (order == 3) {   // lane 0 of every warp, then lane 1, ...
        std::stable_sort(turn.begin(), turn.end(), [](int a, int b) { return a % 32 < b % 32; });
    }
}

int poison_one(dl_phdr_info* info, std::size_t, void* own) {
    if (info->dlpi_addr != reinterpret_cast<ElfW(Addr)>(own) || info->dlpi_tls_data == nullptr) return 0;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        if (info->dlpi_phdr[i].p_type == PT_TLS) std::memset(info->dlpi_tls_data, 0xFF, info->dlpi_phdr[i].p_memsz);
    }
    return 1;
}

// Linked last, so that it lies behind the kernels' shared memory: what runs over lands here and is seen.
thread_local unsigned char behind_shared[16384];

// Every thread_local of this library is some kernel's shared memory.
void poison_shared() {
    *const_cast<volatile unsigned char*>(behind_shared) = 0xFF;
    Dl_info own;
    dladdr(reinterpret_cast<void*>(&poison_shared), &own);
    dl_iterate_phdr(poison_one, own.dli_fbase);
}

// Votes and shuffles bring lanes together but, other than barriers, promise nothing about what was written before them.
void wait(State state, int line, [[maybe_unused]] bool orders = true) {
    Fiber* self = current;
    self->state = state;
    self->line = line;
#if defined(EMU_THREAD)
    void* sync = state == State::block_wait ? &block_sync[self->barriers++ % 2] : &warp_sync[number_of(*self) / 32];
    if (orders) __tsan_release(sync);
#endif
    to_scheduler();
#if defined(EMU_THREAD)
    if (orders) __tsan_acquire(sync);
#endif
}

void prepare(Fiber& fiber, int number, char* stack) {
    fiber.state = State::ready;
    fiber.stack = stack;
    const unsigned n = static_cast<unsigned>(number);
    fiber.index = {n % block_size.x, n / block_size.x % block_size.y, n / block_size.x / block_size.y};
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = stack;
    fiber.context.uc_stack.ss_size = STACK;
    fiber.context.uc_link = nullptr;
#if defined(EMU_JUMPS)
    fiber.begun = false;
#endif
    makecontext(&fiber.context, entry, 0);
#if defined(__SANITIZE_ADDRESS__)
    fiber.fake_stack = nullptr;
#endif
#if defined(EMU_THREAD)
    fiber.tsan = __tsan_create_fiber(0);
    fiber.barriers = 0;
#endif
}

void run_block(const Launch& launch, std::mt19937& random) {
    for (std::size_t i = 0; i < fibers.size(); ++i) prepare(fibers[i], static_cast<int>(i), stacks[i]);
    poison_shared();
    if (launch.dynamic_capacity > 0) {
        std::memset(launch.dynamic_shared + launch.shared_bytes, CANARY, CANARY_BYTES);
    }
#if defined(EMU_THREAD)
    __tsan_release(&start_sync);   // blocks follow one another in the same shared memory, so they are ordered here
#endif
    std::vector<int> turn(fibers.size());
    while (!failed) {
        arrange(turn, launch.order, random);
        bool ran = false;
        for (int i : turn) {
            if (fibers[i].state != State::ready) continue;
            resume(fibers[i]);
            ran = true;
        }
        if (release_warps() || failed || release_block() || failed) continue;
        if (!ran) break;
    }
#if defined(EMU_THREAD)
    __tsan_acquire(&end_sync);
#endif
    for (Fiber& f : fibers) {
        if (!failed && f.state != State::done) {
            std::snprintf(message, sizeof message, "thread %d waits for ever at line %d", number_of(f), f.line);
            failed = true;
        }
#if defined(EMU_THREAD)
        __tsan_destroy_fiber(f.tsan);
#endif
    }
    for (std::size_t i = 0; i < sizeof behind_shared && !failed; ++i) {
        if (behind_shared[i] != 0xFF) {
            std::snprintf(message, sizeof message, "write behind the static shared memory");
            failed = true;
        }
    }
    for (std::size_t i = 0; launch.dynamic_capacity > 0 && i < CANARY_BYTES && !failed; ++i) {
        if (launch.dynamic_shared[launch.shared_bytes + i] != CANARY) {
            std::snprintf(message, sizeof message, "write %zu bytes behind the dynamic shared memory", i);
            failed = true;
        }
    }
}

const char* check(const Launch& launch) {
    const dim3 b = launch.block, g = launch.grid;
    const unsigned long long threads = 1ull * b.x * b.y * b.z;
    if (threads == 0 || threads > 1024 || b.x > 1024 || b.y > 1024 || b.z > 64) return "block size outside 1..1024";
    if (g.x == 0 || g.y == 0 || g.z == 0 || g.x > 2147483647u || g.y > 65535 || g.z > 65535) return "grid size out of range";
    if (launch.shared_bytes > 48 * 1024) return "more than 48 KiB of dynamic shared memory needs an attribute";
    if (launch.shared_bytes > 0 && launch.dynamic_capacity == 0) return "dynamic shared memory for a kernel that has none";
    return nullptr;
}

}  // namespace

[[noreturn]] void fail(const char* format, ...) {
    va_list values;
    va_start(values, format);
    std::vsnprintf(message, sizeof message, format, values);
    va_end(values);
    failed = true;
    current->state = State::done;
    to_scheduler();
    std::abort();
}

int lane() { return number_of(*current) % 32; }
int warp_width() { return std::min(32, static_cast<int>(fibers.size()) - number_of(*current) / 32 * 32); }

void block_barrier(int line) {
    current->vote_kind = -1;
    current->predicate = 0;
    wait(State::block_wait, line);
}

int block_vote(int line, int predicate, int kind) {
    current->vote_kind = kind;
    current->predicate = predicate;
    wait(State::block_wait, line);
    return current->vote;
}

std::uint64_t warp_exchange(int line, unsigned mask, std::uint64_t value, int source) {
    if (!(mask >> lane() & 1)) fail("warp operation at line %d: lane %d is not in its own mask", line, lane());
    current->mask = mask;
    current->value = value;
    current->sends = true;
    current->predicate = 0;
    wait(State::warp_wait, line, false);
    return current->received[source & 31];
}

static void meet(int line, unsigned mask, int predicate, bool orders) {
    if (!(mask >> lane() & 1)) fail("warp operation at line %d: lane %d is not in its own mask", line, lane());
    current->mask = mask;
    current->sends = false;
    current->predicate = predicate;
    wait(State::warp_wait, line, orders);
}

unsigned warp_ballot(int line, unsigned mask, int predicate) {
    meet(line, mask, predicate, false);
    return current->ballot;
}

void warp_barrier(int line, unsigned mask) { meet(line, mask, 0, true); }

const char* run(const Launch& launch, Body body, void* kernel, void** arguments) {
    if (const char* problem = check(launch)) return problem;
    failed = false;
    kernel_body = body;
    kernel_function = kernel;
    kernel_arguments = arguments;
    block_size = launch.block;
    grid_size = launch.grid;
    const std::size_t threads = 1ull * block_size.x * block_size.y * block_size.z;
    fibers.resize(threads);
    while (stacks.size() < threads) {
        void* stack = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        stacks.push_back(static_cast<char*>(stack));
    }
#if defined(EMU_THREAD)
    scheduler_tsan = __tsan_get_current_fiber();
#endif
    std::mt19937 random(launch.seed);
    const unsigned long long blocks = 1ull * grid_size.x * grid_size.y * grid_size.z;
    std::vector<unsigned long long> turn(blocks);
    for (unsigned long long i = 0; i < blocks; ++i) turn[i] = launch.order == 1 ? blocks - 1 - i : i;
    if (launch.order == 2) std::shuffle(turn.begin(), turn.end(), random);
    for (unsigned long long i : turn) {
        block_index = {static_cast<unsigned>(i % grid_size.x), static_cast<unsigned>(i / grid_size.x % grid_size.y),
                       static_cast<unsigned>(i / grid_size.x / grid_size.y)};
        run_block(launch, random);
        if (failed) return message;
    }
    return nullptr;
}

}  // namespace emu
