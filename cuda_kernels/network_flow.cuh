// One hour of areas that exchange power, by a warp: a lane is an area, a set of areas is a word of its lanes.
//
// Surplus moves towards short areas, from the farthest level to the nearest, each area by its own lane: what it sends
// along a link nobody else touches, since levels send one after another. What reaches an area on the way and finds no
// way on stays there, which no limit forbids. When no surplus reaches a short area any more, the areas from which one can
// still be reached are the tightest set.
//
// Each round fills a link, empties an area of its surplus or ends a shortage, exactly: amounts are taken from what they
// are the least of. A round that ends no shortage and leaves all distances as they are brings all surplus in reach to short
// areas, and distances only grow, so that rounds end whatever the rounding.
#pragma once

constexpr int WARP = 32;
constexpr int BLOCK = 128;
constexpr int WARPS = BLOCK / WARP;
constexpr int MOST_AREAS = WARP;
constexpr int MOST_LINKS = 96;
constexpr int MOST_TERMS = 12;
constexpr unsigned char NO_LINK = 255;
constexpr unsigned ALL = 0xFFFFFFFFu;
constexpr double ENDLESS = 0x1p1000;   // more than any load or cap

// Values are fetched from memory once more rather than held in registers.
__device__ inline void read_again() { asm volatile("" ::: "memory"); }

__device__ inline int lane_of() { return threadIdx.x % WARP; }

__device__ inline unsigned bit_of(int area) { return 1u << area; }

// Takes the lowest area out of a set.
__device__ inline int take(unsigned& areas) {
    const int area = __ffs(areas) - 1;
    areas &= areas - 1u;
    return area;
}

__device__ inline double sum_of_lanes(double value) {
    for (int by = WARP / 2; by > 0; by /= 2) value += __shfl_xor_sync(ALL, value, by);
    return value;
}

// What the hours of a case share, in shared memory. hourly: profiles (hour, term, area); limits of links there, then back;
// own: (2, area), share of the new load and cap on net imports.
struct Case {
    const double* hourly;
    const double* limits;
    const double* own;
    int hours, terms, areas, links;
    unsigned everybody;
    unsigned out[MOST_AREAS], into[MOST_AREAS];   // areas that each may send to, and that may send to it
    unsigned char slot[MOST_AREAS * MOST_AREAS];  // of the link by areas from and to, among the limits
    double weights[(MOST_TERMS + 1) * MOST_AREAS];   // (term + 1, area): firm capacity, then coefficients
};

// A warp's own: what links may still carry, what they carried last, and what areas have left.
struct Flow {
    double residual[2 * MOST_LINKS];
    double moved[MOST_LINKS];
    double left[MOST_AREAS];
};

__device__ inline int slot_of(const Case& all, int from, int to) { return all.slot[from * MOST_AREAS + to]; }

__device__ inline int link_of(const Case& all, int slot) { return slot < all.links ? slot : slot - all.links; }

__device__ inline int back_of(const Case& all, int slot) {
    return slot < all.links ? slot + all.links : slot - all.links;
}

// Which areas each may send to, and get from; by one warp.
__device__ inline void join(Case& all) {
    const int lane = lane_of();
    all.out[lane] = 0;
    all.into[lane] = 0;
    for (int other = 0; other < all.areas && lane < all.areas; ++other) {
        const int slot = slot_of(all, lane, other);
        if (slot == NO_LINK) continue;
        if (all.limits[slot] > 0.0) all.out[lane] |= bit_of(other);
        if (all.limits[back_of(all, slot)] > 0.0) all.into[lane] |= bit_of(other);
    }
}

// What this lane's area can send, on to some areas. To short ones no more than they need, or than evens out the two.
__device__ inline void send(const Case& all, Flow& flow, unsigned takers, bool to_short, double& balance,
                            unsigned& out, unsigned& into) {
    const int lane = lane_of();
    unsigned to = out & takers;
    while (to != 0) {
        const int area = take(to), slot = slot_of(all, lane, area);
        const double room = flow.residual[slot];
        double amount = fmin(balance, room);
        if (to_short) amount = fmin(amount, fmax(-flow.left[area], 0.5 * (balance - flow.left[area])));
        balance -= amount;
        flow.residual[slot] = room - amount;
        flow.residual[back_of(all, slot)] += amount;
        flow.moved[link_of(all, slot)] = amount;
        if (room - amount <= 0.0) out &= ~bit_of(area);
        if (amount > 0.0) into |= bit_of(area);
    }
}

// What this lane's area gets from some areas.
__device__ inline void receive(const Case& all, const Flow& flow, unsigned givers, double& balance, unsigned& out,
                               unsigned& into) {
    const int lane = lane_of();
    unsigned from = into & givers;
    while (from != 0) {
        const int area = take(from), slot = slot_of(all, area, lane);
        const double amount = flow.moved[link_of(all, slot)];
        balance += amount;
        if (amount > 0.0) out |= bit_of(area);
        if (flow.residual[slot] <= 0.0) into &= ~bit_of(area);
    }
}

// The tightest set of areas whose surplus, negative where short, lanes hold in `balance`; none where all are served.
__device__ inline unsigned short_side(const Case& all, Flow& flow, double balance) {
    const int lane = lane_of();
    if (__ballot_sync(ALL, balance < 0.0) == 0) return 0;
    unsigned out = all.out[lane], into = all.into[lane];
    for (int slot = lane; slot < 2 * all.links; slot += WARP) flow.residual[slot] = all.limits[slot];
    while (true) {
        flow.left[lane] = balance;
        __syncwarp();
        const unsigned lacking = __ballot_sync(ALL, balance < 0.0), giving = __ballot_sync(ALL, balance > 0.0);
        if (lacking == 0) return 0;
        if (giving == 0) return all.everybody;   // short or just served, all of them: no set is tighter
        int level = balance < 0.0 ? 0 : MOST_AREAS, farthest = 0;
        unsigned side = lacking, front = lacking;
        for (int step = 1; front != 0; ++step) {
            const bool joins = (side & bit_of(lane)) == 0 && (out & front) != 0;
            front = __ballot_sync(ALL, joins);
            side |= front;
            if (joins) level = step;
            if ((front & giving) != 0) farthest = step;
        }
        if (farthest == 0) return side;
        for (int step = farthest; step > 0; --step) {
            const bool gives = level == step && balance > 0.0;
            const unsigned givers = __ballot_sync(ALL, gives), takers = __ballot_sync(ALL, level == step - 1);
            if (gives) send(all, flow, takers, step == 1, balance, out, into);
            __syncwarp();
            if (level == step - 1) receive(all, flow, givers, balance, out, into);
            __syncwarp();
        }
    }
}

// Unserved load of an hour, its tightest set, and the share of the new load in that.
struct Cut {
    double value, slope;
    unsigned side;
};

__device__ inline double share_of(const Case& all) { return lane_of() < all.areas ? all.own[lane_of()] : 0.0; }

__device__ inline double cap_of(const Case& all) {
    return lane_of() < all.areas ? all.own[all.areas + lane_of()] : ENDLESS;
}

// The cut of an hour at a load, beside margins of this lane's area.
__device__ inline Cut cut_of(const Case& all, Flow& flow, double load, double margin) {
    unsigned capped, linked;
    {
        const double deficit = load * share_of(all) - margin, cap = cap_of(all);
        capped = __ballot_sync(ALL, deficit > cap);
        linked = short_side(all, flow, -fmin(deficit, cap));
    }
    if ((linked | capped) == 0) return {0.0, 0.0, 0};
    read_again();
    const double share = share_of(all);
    double lacks = 0.0, inside = 0.0;
    if (((linked | capped) & bit_of(lane_of())) != 0) {
        lacks = load * share - margin;
        inside = share;
    }
    if ((linked & bit_of(lane_of())) != 0) {
        unsigned outside = all.into[lane_of()] & ~linked;
        while (outside != 0) lacks -= all.limits[slot_of(all, take(outside), lane_of())];
    } else if (lacks != 0.0) {
        lacks -= cap_of(all);   // the area is short of what exceeds its cap
    }
    const double value = sum_of_lanes(lacks);
    inside = sum_of_lanes(inside);
    if (!(value > 0.0)) return {0.0, 0.0, linked | capped};
    return {value, inside, linked | capped};
}
