// Philox4x32-10 (Salmon et al. 2011) and the normal quantile (Wichura 1988, AS 241), shared device code.
// The twins are in philox.py: the integers agree bit for bit.
#pragma once

struct PhiloxBlock {
    unsigned int word[4];
};

__device__ inline PhiloxBlock philox4x32(PhiloxBlock c, unsigned int k0, unsigned int k1) {
    for (int round = 0; round < 10; ++round) {
        const unsigned long long p0 = 0xD2511F53ull * c.word[0];
        const unsigned long long p1 = 0xCD9E8D57ull * c.word[2];
        const unsigned int next0 = static_cast<unsigned int>(p1 >> 32) ^ c.word[1] ^ k0;
        const unsigned int next2 = static_cast<unsigned int>(p0 >> 32) ^ c.word[3] ^ k1;
        c.word[1] = static_cast<unsigned int>(p1);
        c.word[3] = static_cast<unsigned int>(p0);
        c.word[0] = next0;
        c.word[2] = next2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

// The middle of the 2**32 equal cells of (0, 1): never 0, never 1, exact in float64.
__device__ inline double uniform_from_word(unsigned int word) {
    return (static_cast<double>(word) + 0.5) * (1.0 / 4294967296.0);
}

// top(x) / bottom(x), coefficients lowest power first.
__device__ inline double ratio8(const double (&top)[8], const double (&bottom)[8], double x) {
    double a = top[7];
    double b = bottom[7];
    for (int i = 6; i >= 0; --i) {
        a = a * x + top[i];
        b = b * x + bottom[i];
    }
    return a / b;
}

// Standard normal quantile of u in (0, 1).
__device__ inline double normal_from_uniform(double u) {
    constexpr double centre_top[8] = {
        3.3871328727963666080e0,  1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
        4.5921953931549871457e4,  6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3};
    constexpr double centre_bottom[8] = {
        1.0,                      4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
        2.1213794301586595867e4,  3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3};
    constexpr double shoulder_top[8] = {
        1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
        1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4};
    constexpr double shoulder_bottom[8] = {
        1.0,                      2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
        1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9};
    constexpr double tail_top[8] = {
        6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
        2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7};
    constexpr double tail_bottom[8] = {
        1.0,                      5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15};
    const double q = u - 0.5;
    if (fabs(q) <= 0.425) {
        return q * ratio8(centre_top, centre_bottom, 0.180625 - q * q);
    }
    const double r = sqrt(-log(fmin(u, 1.0 - u)));
    const double size = r <= 5.0 ? ratio8(shoulder_top, shoulder_bottom, r - 1.6) : ratio8(tail_top, tail_bottom, r - 5.0);
    return copysign(size, q);
}
