// Water-filling of an area's cells; contract and twin in water_fill.py.
//
// A row of blocks places the loads of one area, all areas in one launch. One thread places one load: the loads of all draws
// of a year lie side by side, so that what it reads and writes is coalesced. It finds its place in the table once, then walks the cells; a cell's table (temperature, level) is small and
// read by all threads at about the same time, from the cache. Sums run over cells in their order, as in the twin.

// Left node of a value among ascending nodes, and how far it is to the next; outside, the nearest end.
struct Place {
    int left;
    double far;
};

__device__ inline Place position(const double* nodes, int count, double value) {
    int low = 0;              // nodes[low - 1] <= value
    int high = count;         // nodes[high] > value, or the end; a NaN comes last, as in the twin
    while (low < high) {
        const int middle = (low + high) / 2;
        if (nodes[middle] > value) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    const int left = min(max(low - 1, 0), count - 2);
    const double width = nodes[left + 1] - nodes[left];
    const double fraction = width > 0.0 ? (value - nodes[left]) / width : 0.0;
    // A NaN stays a NaN.
    return {left, fraction < 0.0 ? 0.0 : fraction > 1.0 ? 1.0 : fraction};
}

// load, total, weighted (area, year, draw); temperatures (area, temperature); levels (area, temperature, level); split
// (cell, temperature, level) and out (cell, year, draw) of all areas' cells, those of an area from its first_cells on.
extern "C" __global__ void __launch_bounds__(128)
water_fill(const double* all_temperatures, const double* all_levels, const double* split, const int* first_cells,
           const double* loads_of_areas, const double* temperature, const double* scale, const double* weight,
           double* out, double* total, double* weighted, int node_count, int level_count, int years, int draws) {
    const size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const size_t loads = static_cast<size_t>(years) * draws;
    if (at >= loads) return;
    const size_t area = blockIdx.y;
    const double* temperatures = all_temperatures + area * node_count;
    const double* levels = all_levels + area * node_count * level_count;
    const double* load = loads_of_areas + area * loads;
    const size_t draw = at % draws;
    const double room = scale[draw];
    const double wanted = load[at] / room;
    double installed = load[draw] / room;   // the highest so far
    for (size_t earlier = draw + draws; earlier <= at; earlier += draws) {
        const double then = load[earlier] / room;
        installed = then > installed || then != then ? then : installed;
    }
    const double running = installed <= 0.0 ? 0.0 : wanted / installed;
    const Place heat = position(temperatures, node_count, temperature[draw]);
    const Place first = position(levels + static_cast<size_t>(heat.left) * level_count, level_count, installed);
    const Place second = position(levels + static_cast<size_t>(heat.left + 1) * level_count, level_count, installed);
    const double low = (1.0 - heat.far) * (1.0 - first.far), high = (1.0 - heat.far) * first.far;
    const double next_low = heat.far * (1.0 - second.far), next_high = heat.far * second.far;
    const size_t table = static_cast<size_t>(node_count) * level_count;   // of a cell
    const int cells = first_cells[area + 1];
    const double* row = split + first_cells[area] * table + static_cast<size_t>(heat.left) * level_count + first.left;
    const double* next_row =
        split + first_cells[area] * table + static_cast<size_t>(heat.left + 1) * level_count + second.left;
    double sum = 0.0;
    double with_weight = 0.0;
    for (int cell = first_cells[area]; cell < cells; ++cell) {
        const double near = low * row[0] + high * row[1];
        const double next_near = next_low * next_row[0] + next_high * next_row[1];
        const double here = (near + next_near) * running * room;
        out[static_cast<size_t>(cell) * loads + at] = here;
        sum += here;
        with_weight += here * weight[cell];
        row += table;
        next_row += table;
    }
    total[area * loads + at] = sum;
    weighted[area * loads + at] = with_weight;
}
