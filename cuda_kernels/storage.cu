// Greedy storage dispatch with the slope of unserved energy; contract in storage_dispatch.py, twin in _storage_numba.py.
//
// The scan is serial in the hour, so that one thread runs one case; margins lie hour by hour, so that neighbouring
// threads read neighbouring words.

__global__ void storage_scan(const double* margin, const double* power, const double* energy, const double* efficiency,
                             const double* load, double* unserved, double* slope, long long* short_hours, int hours,
                             int cases) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= cases) return;
    const double p = power[at];
    const double e = energy[at];
    const double eta = efficiency[at];
    const double mine = load[at];
    double charge = e;
    double tangent = 0.0;   // of the charge in the load
    double missed = 0.0;
    double rise = 0.0;
    long long count = 0;
    for (int h = 0; h < hours; ++h) {
        const double surplus = margin[static_cast<size_t>(h) * cases + at] - mine;
        if (surplus >= 0.0) {
            const double room = (e - charge) / eta;
            if (surplus < room && surplus <= p) {
                charge += eta * surplus;
                tangent -= eta;
            } else if (p < room) {
                charge += eta * p;
            } else {
                charge = e;
                tangent = 0.0;
            }
            continue;
        }
        const double need = -surplus;
        if (need <= p && need <= charge) {
            charge -= need;
            tangent -= 1.0;
            continue;
        }
        ++count;
        if (p <= charge) {
            charge -= p;
            missed += need - p;
            rise += 1.0;
        } else {
            missed += need - charge;
            rise += 1.0 - tangent;
            charge = 0.0;
            tangent = 0.0;
        }
    }
    unserved[at] = missed;
    slope[at] = rise;
    short_hours[at] = count;
}
