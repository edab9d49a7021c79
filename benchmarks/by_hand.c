/* One training step of the 1-50-5-1 network by hand: sigmoids, full batch, mean squared error, Adam.
 *
 * Samples lie along the lanes of vectors. The forward goes through a tile of samples and keeps the hidden values; the backward then takes
 * the hidden units one after the other, so that their gradients are summed in registers. Compile with -DREAL=double or -DREAL=float;
 * vectors are GCC's and Clang's, 64 bytes wide, which the compiler splits where registers are narrower. */

#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#ifdef DOUBLE
typedef double real;
typedef int64_t integer;
#define LANES 8
#else
typedef float real;
typedef int32_t integer;
#define LANES 16
#endif

typedef real vector __attribute__((vector_size(64)));
typedef integer mask __attribute__((vector_size(64)));

enum { H1 = 50, H2 = 5, COUNT = H1 + H1 + H2 * H1 + H2 + H2 + 1 }; /* 361 parameters */
enum { PADDED = (COUNT + LANES - 1) / LANES * LANES };
enum { TILE = 64 / LANES }; /* vectors of samples whose hidden values stay in the cache */

/* Everything a step needs. Parameters are in PyTorch's order: w1 b1 w2 b2 w3 b3, then zeros up to whole vectors. */
typedef struct {
    int64_t n, vectors; /* samples, and vectors of them */
    const vector *x, *y;
    vector *parameters, *m, *v;
    double lr, beta1, beta2, eps, power1, power2; /* power1 = beta1^t */
} State;

static inline vector splat(real a) { return a - (vector){0}; }

/* a where the mask is set, else b. */
static inline vector choose(mask m, vector a, vector b) { return (vector)((m & (mask)a) | (~m & (mask)b)); }

/* 1 / d for d in [1, 1e308): an approximation and Newton's iteration, where dividing takes longer than everything else. */
static inline vector reciprocal(vector d) {
#ifdef __AVX512F__
#ifdef DOUBLE
    vector r = (vector)_mm512_rcp14_pd((__m512d)d);
    r += r * (1 - d * r);
#else
    vector r = (vector)_mm512_rcp14_ps((__m512)d);
#endif
    return r + r * (1 - d * r);
#else
    return 1 / d;
#endif
}

/* 1 / (1 + e^-z), within 3 ulp; nan stays nan. e^a = 2^k e^r with |r| <= log(2) / 2, and e^r by its series. */
static inline vector sigmoid(vector z) {
#ifdef DOUBLE
    const real limit = 708, shifter = 0x1.8p52, ln2_high = 0x1.62e42fefa0000p-1, ln2_low = 0x1.cf79abc9e3b39p-40;
    const int bits = 52;
#else
    const real limit = 87, shifter = 0x1.8p23f, ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    const int bits = 23;
#endif
    vector a = -z;
    a = choose(a > limit, splat(limit), a);
    a = choose(a < -limit, splat(-limit), a);
    vector shifted = a * (real)1.4426950408889634 + shifter; /* its last bits are k */
    vector k = shifted - shifter;
    vector r = a - k * ln2_high - k * ln2_low, r2 = r * r, r4 = r2 * r2;
#ifdef DOUBLE
    vector low = (1 + r) + r2 * ((real)(1 / 2.) + r * (real)(1 / 6.));
    vector middle = ((real)(1 / 24.) + r * (real)(1 / 120.)) + r2 * ((real)(1 / 720.) + r * (real)(1 / 5040.));
    vector high = ((real)(1 / 40320.) + r * (real)(1 / 362880.)) + r2 * ((real)(1 / 3628800.) + r * (real)(1 / 39916800.));
    vector e = low + r4 * (middle + r4 * (high + r4 * (real)(1 / 479001600.)));
#else
    vector low = (1 + r) + r2 * ((real)(1 / 2.) + r * (real)(1 / 6.));
    vector e = low + r4 * (((real)(1 / 24.) + r * (real)(1 / 120.)) + r2 * (real)(1 / 720.));
#endif
    e = (vector)((mask)e + ((mask)shifted << bits)); /* times 2^k */
    return reciprocal(1 + e);
}

#ifdef DOUBLE
#define SWAPPED(a, d) __builtin_shufflevector(a, a, 0 ^ d, 1 ^ d, 2 ^ d, 3 ^ d, 4 ^ d, 5 ^ d, 6 ^ d, 7 ^ d)
static const mask LANE = {0, 1, 2, 3, 4, 5, 6, 7};
#else
#define SWAPPED(a, d)                                                                                                                    \
    __builtin_shufflevector(a, a, 0 ^ d, 1 ^ d, 2 ^ d, 3 ^ d, 4 ^ d, 5 ^ d, 6 ^ d, 7 ^ d, 8 ^ d, 9 ^ d, 10 ^ d, 11 ^ d, 12 ^ d, 13 ^ d,  \
                            14 ^ d, 15 ^ d)
static const mask LANE = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#endif

/* Of each pair of vectors d apart: in the lanes without bit d sums from the first, in those with it sums from the second. */
#define HALVE(a, d)                                                                                                                      \
    for (int i = 0; i < LANES; i++)                                                                                                      \
        if (!(i & d)) {                                                                                                                  \
            mask first = (LANE & d) == 0;                                                                                                \
            vector crossed = choose(first, a[i | d], a[i]);                                                                              \
            a[i] = choose(first, a[i], a[i | d]) + SWAPPED(crossed, d);                                                                  \
        }

/* The sums of so many vectors as lanes there are, in one vector. */
static inline vector totals(const vector *from) {
    vector a[LANES];
    memcpy(a, from, sizeof a);
    HALVE(a, 1)
    HALVE(a, 2)
    HALVE(a, 4)
#ifndef DOUBLE
    HALVE(a, 8)
#endif
    return a[0];
}

/* Forward and backward; returns the loss. `g` gets the gradients in the parameters' order, for each parameter one vector of partial sums. */
static double gradients(const State *s, vector *restrict g) {
    const real *p = (const real *)s->parameters;
    const real *w1 = p, *b1 = w1 + H1, *w2 = b1 + H1, *b2 = w2 + H2 * H1, *w3 = b2 + H2, b3 = w3[H2];
    vector *gw1 = g, *gb1 = gw1 + H1, *gw2 = gb1 + H1, *gb2 = gw2 + H2 * H1, *gw3 = gb2 + H2, *gb3 = gw3 + H2;
    vector h1[H1][TILE], d2[H2][TILE], loss = {0};
    const vector factor = splat((real)(2.0 / (double)s->n));

    for (int64_t start = 0; start < s->vectors; start += TILE) {
        const vector *x = s->x + start, *y = s->y + start;
        int count = s->vectors - start < TILE ? (int)(s->vectors - start) : TILE;
        for (int t = 0; t < count; t++) {
            vector z2[H2], out = splat(b3);
            for (int k = 0; k < H2; k++) z2[k] = splat(b2[k]);
            for (int j = 0; j < H1; j++) {
                vector h = sigmoid(w1[j] * x[t] + b1[j]);
                h1[j][t] = h;
                for (int k = 0; k < H2; k++) z2[k] += w2[k * H1 + j] * h;
            }
            for (int k = 0; k < H2; k++) {
                z2[k] = sigmoid(z2[k]);
                out += w3[k] * z2[k];
            }
            mask sample = LANE < (integer)(s->n - (start + t) * LANES); /* the last vector may be padded */
            vector error = (vector)(sample & (mask)(out - y[t])), d3 = factor * error;
            loss += error * error;
            *gb3 += d3;
            for (int k = 0; k < H2; k++) {
                gw3[k] += d3 * z2[k];
                d2[k][t] = (d3 * w3[k]) * (z2[k] * (1 - z2[k]));
                gb2[k] += d2[k][t];
            }
        }
        for (int j = 0; j < H1; j++) {
            vector of_w1 = gw1[j], of_b1 = gb1[j], of_w2[H2];
            for (int k = 0; k < H2; k++) of_w2[k] = gw2[k * H1 + j];
            for (int t = 0; t < count; t++) {
                vector h = h1[j][t], d1 = {0};
                for (int k = 0; k < H2; k++) {
                    d1 += d2[k][t] * w2[k * H1 + j];
                    of_w2[k] += d2[k][t] * h;
                }
                d1 *= h * (1 - h);
                of_b1 += d1;
                of_w1 += d1 * x[t];
            }
            gw1[j] = of_w1;
            gb1[j] = of_b1;
            for (int k = 0; k < H2; k++) gw2[k * H1 + j] = of_w2[k];
        }
    }
    double sum = 0;
    for (int i = 0; i < LANES; i++) sum += (double)loss[i];
    return sum / (double)s->n;
}

static inline vector square_root(vector a) {
#if defined __AVX512F__ && defined DOUBLE
    return (vector)_mm512_sqrt_pd((__m512d)a);
#elif defined __AVX512F__
    return (vector)_mm512_sqrt_ps((__m512)a);
#else
    for (int i = 0; i < LANES; i++) a[i] = (real)sqrt((double)a[i]);
    return a;
#endif
}

/* The whole step; the parameters change in place. Returns the loss before it. */
double step(State *s) {
    vector partial[PADDED] = {0};
    double loss = gradients(s, partial);
    s->power1 *= s->beta1;
    s->power2 *= s->beta2;
    const real rate = (real)(s->lr / (1 - s->power1)), scale = (real)(1 / sqrt(1 - s->power2));
    const real rest1 = (real)(1 - s->beta1), rest2 = (real)(1 - s->beta2), eps = (real)s->eps;
    for (int i = 0; i < PADDED / LANES; i++) {
        vector g = totals(partial + i * LANES);
        vector m = s->m[i] + rest1 * (g - s->m[i]), v = s->v[i] + rest2 * (g * g - s->v[i]);
        s->m[i] = m;
        s->v[i] = v;
        s->parameters[i] -= rate * m / (square_root(v) * scale + eps);
    }
    return loss;
}
