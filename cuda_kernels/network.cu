// Headroom of areas that exchange power; contract in network.py, twins in _network_numpy.py and _network_numba.py.
//
// A block solves a case, its shares from the largest to the smallest. Hours are looked at by warps (network_flow.cuh), all
// of them at a load right of the root, then those that were curtailed, at lower and lower loads. Newton's steps on the
// cuts at hand lie between: a cut bounds the shortage of its hour from below at any load. Threads add up every so manieth
// hour and sums are joined in a fixed order, so that a case has the same bits in any company.

#include "network_flow.cuh"

constexpr int STEPS = 200;              // this and what follows as in _network_numpy.py
constexpr double NEGLIGIBLE = 1e-12;
constexpr double LEAST_START = 1e-3;
constexpr double SETTLED = 0.1;
constexpr double BEYOND = 1e-9;
constexpr double CLOSE = 1e-13;

struct Joint {
    double tolerance;   // lack of less is rounding
    const double* may;  // hours of the load that may be curtailed, by share
    double* loads;      // answers
    long long* told;
    double by_warp[2][WARPS];
    unsigned long long best[WARPS];
    int kept[WARPS];
};

// Sums of a and b over the block, in every thread.
__device__ void add_up(double& a, double& b, Joint& joint) {
    a = sum_of_lanes(a);
    b = sum_of_lanes(b);
    const int warp = threadIdx.x / WARP;
    if (lane_of() == 0) {
        joint.by_warp[0][warp] = a;
        joint.by_warp[1][warp] = b;
    }
    __syncthreads();
    a = 0.0;
    b = 0.0;
    for (int w = 0; w < WARPS; ++w) {
        a += joint.by_warp[0][w];
        b += joint.by_warp[1][w];
    }
    __syncthreads();   // nobody still reads what the next call overwrites
}

__device__ double largest(double value, Joint& joint) {
    for (int by = WARP / 2; by > 0; by /= 2) value = fmax(value, __shfl_xor_sync(ALL, value, by));
    if (lane_of() == 0) joint.by_warp[0][threadIdx.x / WARP] = value;
    __syncthreads();
    for (int w = 0; w < WARPS; ++w) value = fmax(value, joint.by_warp[0][w]);
    __syncthreads();
    return value;
}

__device__ double sum_of(const double* values, int count) {
    double sum = 0.0;
#pragma unroll 1   // areas at a time spill registers
    for (int i = 0; i < count; ++i) sum += values[i];
    return sum;
}

// An hour that is looked at: what natives lack, and the cut.
struct Hour {
    double native, value, slope;
    int number;
    unsigned side;
};

__device__ double margin_of(const Case& all, int hour) {
    const int lane = lane_of();
    if (lane >= all.areas) return 0.0;
    const double* profile = all.hourly + static_cast<size_t>(hour) * all.terms * all.areas + lane;
    const double* weight = all.weights + lane;
    double margin = *weight;
#pragma unroll 1   // terms at a time spill registers
    for (int k = 0; k < all.terms; ++k) {
        weight += all.areas;
        margin += *weight * *profile;
        profile += all.areas;
    }
    return margin;
}

// Coefficients and links of the case; firm capacity beside them comes later.
__device__ void fetch(Case& all, const double* coefficients, const unsigned char* slots) {
    for (int i = threadIdx.x; i < (all.terms + 1) * all.areas; i += BLOCK) {
        all.weights[i] = i < all.areas ? 0.0 : coefficients[i - all.areas];
    }
    for (int i = threadIdx.x; i < MOST_AREAS * MOST_AREAS; i += BLOCK) all.slot[i] = slots[i];
    __syncthreads();
    if (threadIdx.x < WARP) join(all);
    __syncthreads();
}

// Sums of margins over areas, into `total`; the least load that the search begins at.
__device__ double totals(const Case& all, double* total, Joint& joint) {
    double reach = 0.0, size = 0.0;
    for (int h = threadIdx.x / WARP; h < all.hours; h += WARPS) {
        const double margin = margin_of(all, h);
        const double sum = sum_of_lanes(margin), absolute = sum_of_lanes(fabs(margin));
        reach = fmax(reach, fabs(sum));
        size = fmax(size, absolute);
        if (lane_of() == 0) total[h] = sum;
    }
    reach = largest(reach, joint);   // and every total is there
    size = NEGLIGIBLE * largest(size, joint);
    if (threadIdx.x == 0) joint.tolerance = size;
    return fmax(LEAST_START * reach, size);
}

// Headroom of the areas as one, native load first.
__device__ double copper_plate(const double* total, int hours, double allowed, double firmer, Joint& joint) {
    double extreme = -ENDLESS;   // of what is lacking where nothing may be, else of what is there
#pragma unroll 1   // hours at a time spill registers, here and below
    for (int h = threadIdx.x; h < hours; h += BLOCK) extreme = fmax(extreme, allowed == 0.0 ? -total[h] : total[h]);
    extreme = largest(extreme, joint);
    if (allowed == 0.0) return fmax(firmer - extreme, 0.0);
    double load = fmax(extreme, 0.0) / (1.0 - allowed / hours);
    for (int i = 0; i < STEPS; ++i) {
        double sum = 0.0, below = 0.0;
#pragma unroll 1
        for (int h = threadIdx.x; h < hours; h += BLOCK) {
            const double floored = fmax(total[h], 0.0);
            if (floored >= load) continue;
            sum += floored;
            below += 1.0;
        }
        add_up(sum, below, joint);
        if (below <= allowed) break;
        const double lower = sum / (below - allowed);
        if (lower >= load) break;
        load = lower;
    }
    return load;
}

// The same at every share, and told; that at the largest. `more`: firm capacity where nothing may be curtailed.
__device__ double copper_plates(const double* total, int hours, int shares, double more, Joint& joint) {
    double first = 0.0, before = 0.0;
    for (int s = 0; s < shares; ++s) {
        const bool held = s > 0 && joint.may[s] == 0.0 && more > 0.0;
        double load = copper_plate(total, hours, joint.may[s], held ? more : 0.0, joint);
        if (held) load = fmin(load, before);
        if (s == 0) first = load;
        if (threadIdx.x == 0) joint.loads[shares + s] = load;
        before = load;
    }
    return first;
}

// Cuts of hours at a load, of the first so many or of those listed; with what natives lack, or as that was found before.
__device__ void look(const Case& all, Flow& flow, double load, int count, bool listed, bool natives, Hour* at) {
    for (int i = threadIdx.x / WARP; i < count; i += WARPS) {
        const int number = listed ? at[i].number : i;
        const double margin = margin_of(all, number);
        double wanted = load;
#pragma unroll 1   // one search for the tightest set in the program, not two
        for (int turn = 0; turn < 2; ++turn) {
            const Cut cut = cut_of(all, flow, wanted, margin);
            if (lane_of() == 0 && turn == 1) at[i].native = cut.value;
            if (lane_of() == 0 && turn == 0) {
                at[i].value = cut.value;
                at[i].slope = cut.slope;
                at[i].side = cut.side;
                if (!listed) at[i].number = i;
                if (natives) at[i].native = 0.0;
            }
            if (!natives || cut.value == 0.0) break;
            wanted = 0.0;
        }
    }
    __syncthreads();
}

// Moves the hours to the front that lack anything, or, beside what natives lack, more than rounding; how many.
__device__ int keep(Hour* at, int count, bool beside_natives, Joint& joint) {
    int kept = 0;
    for (int first = 0; first < count; first += BLOCK) {
        const int i = first + threadIdx.x, warp = threadIdx.x / WARP;
        Hour hour = {0.0, 0.0, 0.0, 0, 0};
        if (i < count) hour = at[i];
        const bool stays = beside_natives ? hour.value - hour.native > joint.tolerance : hour.value > 0.0;
        const unsigned staying = __ballot_sync(ALL, stays);
        if (lane_of() == 0) joint.kept[warp] = __popc(staying);
        __syncthreads();   // these hours have been read, and may be overwritten
        int to = kept + __popc(staying & (bit_of(lane_of()) - 1u));
        for (int w = 0; w < WARPS; ++w) {
            if (w < warp) to += joint.kept[w];
            kept += joint.kept[w];
        }
        if (stays) at[to] = hour;
        __syncthreads();
    }
    return kept;
}

// What the load lacks beyond what it may if the hours' cuts, taken at another load, were the only ones; and its slope.
__device__ double cost_at(const Hour* at, int count, double beyond, double load, double allowed, double& rise,
                          Joint& joint) {
    double cost = 0.0;
    rise = 0.0;
#pragma unroll 1
    for (int i = threadIdx.x; i < count; i += BLOCK) {
        const double slope = at[i].slope, excess = at[i].value - at[i].native - beyond * slope;
        if (excess <= joint.tolerance) continue;
        cost += excess;
        rise += slope;
    }
    add_up(cost, rise, joint);
    cost -= allowed * load;
    rise -= allowed;
    return cost;
}

// Root right of the true one if the cuts at hand, taken at `load`, were the only ones.
__device__ double root_of_cuts(const Hour* at, int count, double load, double allowed, Joint& joint) {
    if (allowed == 0.0) {
        double most = 0.0;
#pragma unroll 1
        for (int i = threadIdx.x; i < count; i += BLOCK) {
            const double excess = at[i].value - at[i].native;
            if (excess > joint.tolerance) most = fmax(most, excess / at[i].slope);
        }
        return load - largest(most, joint);
    }
    const double taken_at = load;
    for (int i = 0; i < STEPS; ++i) {
        double rise;
        const double cost = cost_at(at, count, taken_at - load, load, allowed, rise, joint);
        if (rise <= 0.0 || cost <= SETTLED * joint.tolerance) break;
        const double lower = load - cost / rise;
        if (lower <= 0.0) return 0.0;
        const bool close = load - lower <= CLOSE * load;
        load = lower;
        if (close) break;
    }
    return load;
}

// Most frequent set of the hours, the first of its kind on ties, and its hours: those, and where it is first.
__device__ unsigned long long binding(const Hour* at, int count, Joint& joint) {
    unsigned long long best = 0;
    for (int first = threadIdx.x; first < count; first += BLOCK) {
        const unsigned side = at[first].side;
        unsigned long long same = 0;
#pragma unroll 1
        for (int i = 0; i < count; ++i) same += at[i].side == side;
        best = max(best, same << 32 | (0xFFFFFFFFu - static_cast<unsigned>(first)));
    }
    for (int by = WARP / 2; by > 0; by /= 2) best = max(best, __shfl_xor_sync(ALL, best, by));
    if (lane_of() == 0) joint.best[threadIdx.x / WARP] = best;
    __syncthreads();
    for (int w = 0; w < WARPS; ++w) best = max(best, joint.best[w]);
    __syncthreads();
    return best;
}

// Native load unserved, and the hours in which it lacks.
__device__ void tell_natives(const Hour* at, int count, int shares, int areas, Joint& joint) {
    double sum = 0.0, lacking = 0.0;
#pragma unroll 1
    for (int i = threadIdx.x; i < count; i += BLOCK) {
        const double native = at[i].native;
        sum += native;
        lacking += native > joint.tolerance ? 1.0 : 0.0;
    }
    add_up(sum, lacking, joint);
    if (threadIdx.x > 0) return;
    joint.loads[2 * shares] = sum;
    joint.told[shares * (3 + areas)] = static_cast<long long>(lacking);
}

// What is told of the hours that are curtailed: how many, those of the set that binds most often and that set, and in how
// many each area is short.
__device__ void tell(const Hour* at, int count, int areas, long long* told, Joint& joint) {
    const unsigned long long best = binding(at, count, joint);
    for (int area = threadIdx.x; area < areas; area += BLOCK) {
        long long lacking = 0;
#pragma unroll 1
        for (int i = 0; i < count; ++i) lacking += at[i].side >> area & 1u;
        told[3 + area] = lacking;
    }
    if (threadIdx.x > 0 || best == 0) return;
    told[0] = count;
    told[1] = static_cast<long long>(best >> 32);
    told[2] = at[0xFFFFFFFFu - static_cast<unsigned>(best)].side;
}

// Headroom at all shares, from a load that is right of the largest or leads there. One search for cuts in the program: of all
// hours until the load is right of the root, then of those curtailed. hosting: whether there is new load at all; beside:
// whether there is firm capacity where nothing may be curtailed.
__device__ void search(Case& all, Flow& flow, double load, int shares, bool hosting, bool beside, Hour* at,
                       Joint& joint) {
    int count = all.hours, share = 0, steps = 0;
    bool right = false, natives = true, raised = false;
    while (true) {
        look(all, flow, load, count, right, natives, at);
        count = keep(at, count, right, joint);
        natives = false;
        if (!right) {
            double rise;
            const double cost = cost_at(at, count, 0.0, load, joint.may[0], rise, joint);
            right = !hosting || cost > (joint.may[0] == 0.0 ? 0.0 : joint.tolerance) || ++steps == STEPS;
            if (!right) {
                double beyond = BEYOND;
                for (int i = 0; i < steps; ++i) beyond *= 10.0;
                load = rise > 0.0 ? (load - cost / rise) * (1.0 + beyond) : 2.0 * load;
                count = all.hours;
                natives = true;
                continue;
            }
            tell_natives(at, count, shares, all.areas, joint);
            steps = 0;
        }
        bool settled = hosting;
        while (settled && share < shares) {
            if (share > 0 && joint.may[share] == 0.0 && beside && !raised) {
                raised = natives = true;
                for (int area = threadIdx.x; area < all.areas; area += BLOCK) {
                    all.weights[area] = all.own[2 * all.areas + area];
                }
                __syncthreads();
                break;
            }
            const double lower = count > 0 ? root_of_cuts(at, count, load, joint.may[share], joint) : load;
            if (lower <= 0.0) return;
            settled = load - lower <= CLOSE * load || ++steps == STEPS;
            load = lower;
            if (!settled) break;
            if (threadIdx.x == 0) joint.loads[share] = load;
            tell(at, count, all.areas, joint.told + share * (3 + all.areas), joint);
            ++share;
            steps = 0;
        }
        if (!hosting || share == shares) return;
    }
}

// Of all cases: profiles (set, hour, term, area), each of the sets for `cases` cases; coefficients (case, term, area);
// limits (case, link) there and then back; own (case, 3, area): share of the new load, cap on net imports, and firm
// capacity that is added where nothing may be curtailed beside a larger share; allowed (case, share) hours, the most first;
// slots (32, 32) of links by areas from and to. What is found (case, 2 shares + 1): loads, copper plates, natives' unserved
// load; and counted (case, shares (3 + area) + 1): of each share as `tell` has it, and the natives' short hours. Room for
// lists (case, hour, 4). `first`: number of the first case among those of all sets.
__global__ void __launch_bounds__(BLOCK, 7)
    network_headroom(const double* profiles, const double* coefficients, const double* limits, const double* own,
                     const double* allowed, const unsigned char* slots, double* found, long long* counted, double* lists,
                     int hours, int terms, int areas, int links, int shares, int cases, int first) {
    __shared__ Case all;
    __shared__ Flow flows[WARPS];
    __shared__ Joint joint;
    const size_t mine = blockIdx.x;
    if (threadIdx.x == 0) {
        joint.may = allowed + mine * shares;
        joint.loads = found + mine * (2 * shares + 1);
        joint.told = counted + mine * (shares * (3 + areas) + 1);
        all.hourly = profiles + (first + mine) / cases * hours * terms * areas;
        all.limits = limits + mine * 2 * links;
        all.own = own + mine * 3 * areas;
        all.hours = hours;
        all.terms = terms;
        all.areas = areas;
        all.links = links;
        all.everybody = areas < MOST_AREAS ? bit_of(areas) - 1u : ALL;
    }
    __syncthreads();
    fetch(all, coefficients + mine * terms * areas, slots);
    Flow& flow = flows[threadIdx.x / WARP];
    double* total = lists + mine * 4 * hours;
    Hour* at = reinterpret_cast<Hour*>(total);

    const double more = sum_of(all.own + 2 * areas, areas);
    const bool hosting = sum_of(all.own, areas) > 0.0;
    const double least = totals(all, total, joint);
    double load = 0.0;
    if (hosting) load = fmax(least, copper_plates(total, hours, shares, more, joint) * (1.0 + BEYOND));
    search(all, flow, load, shares, hosting, more > 0.0, at, joint);
}
