// Arithmetic whose bits differ from processor to processor where nobody sees to it: the sign and the payload of a NaN,
// signalling NaNs, fused multiply-add, conversions out of range, minima of zeros of both signs, exception flags. Each
// operation is done with all pairs of corner values and prints a hash of what came out.
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const uint64_t doubles[] = {
    0, 1, 0x8000000000000000, 0x8000000000000001, 0x000fffffffffffff, 0x0010000000000000, 0x3cb0000000000000,
    0x3ff0000000000000, 0xbff0000000000000, 0x3ff0000000000001, 0x4000000000000000, 0x41e0000000000000,
    0xc1e0000000200000, 0x43e0000000000000, 0xc3e0000000000000, 0x43f0000000000000, 0x7fefffffffffffff,
    0x7ff0000000000000, 0xfff0000000000000, 0x7ff0000000000001, 0xfff0000000000001, 0x7ff8000000000000,
    0xfff8000000000000, 0x7ff8000000000123, 0xffffffffffffffff, 0x3fd5555555555555, 0xc00921fb54442d18,
};
static const uint32_t floats[] = {
    0, 1, 0x80000000, 0x80000001, 0x007fffff, 0x00800000, 0x3f800000, 0xbf800000, 0x3f800001, 0x4f000000, 0xcf000000,
    0x5f000000, 0xdf000000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7f800001, 0xff800001, 0x7fc00000, 0xffc00000,
    0x7fc00123, 0xffffffff, 0x3eaaaaab, 0xc0490fdb,
};
enum { DOUBLES = sizeof doubles / sizeof *doubles, FLOATS = sizeof floats / sizeof *floats };
static uint64_t hash;

static void mix(uint64_t bits) {
  hash = (hash ^ bits) * 0x9e3779b97f4a7c15;
  hash ^= hash >> 29;
}

// What one instruction makes of a and b, and the flags that it raises.
#define APPLY(type, text) \
  { \
    type result, x = a, y = b; \
    __asm__ volatile("fsflags x0\n\t" text : "=f"(result) : "f"(x), "f"(y)); \
    uint64_t bits = 0, flags; \
    __asm__ volatile("frflags %0" : "=r"(flags)); \
    memcpy(&bits, &result, sizeof result); \
    mix(bits), mix(flags); \
  }
#define TO_INTEGER(type, text) \
  { \
    uint64_t bits, flags; \
    __asm__ volatile("fsflags x0\n\t" text : "=r"(bits) : "f"(a), "f"(b)); \
    __asm__ volatile("frflags %0" : "=r"(flags)); \
    mix(bits), mix(flags); \
  }
#define ALL(type, values, count, name, body) \
  { \
    hash = 1; \
    for (int round = 0; round < 4; round++) \
      for (int i = 0; i < count; i++) \
        for (int j = 0; j < count; j++) { \
          type a, b; \
          memcpy(&a, &values[i], sizeof a), memcpy(&b, &values[j], sizeof b); \
          body \
        } \
    printf("%s %016lx\n", name, (unsigned long)hash); \
  }
#define BOTH(name, text) \
  ALL(double, doubles, DOUBLES, name ".d", APPLY(double, text(d))) \
  ALL(float, floats, FLOATS, name ".s", APPLY(float, text(s)))

#define ADD(w) "fadd." #w " %0, %1, %2"
#define SUB(w) "fsub." #w " %0, %1, %2"
#define MUL(w) "fmul." #w " %0, %1, %2"
#define DIV(w) "fdiv." #w " %0, %1, %2"
#define SQRT(w) "fsqrt." #w " %0, %1"
#define MIN(w) "fmin." #w " %0, %1, %2"
#define MAX(w) "fmax." #w " %0, %1, %2"
#define SIGN(w) "fsgnjx." #w " %0, %1, %2"
#define MADD(w) "fmadd." #w " %0, %1, %2, %1"
#define MSUB(w) "fmsub." #w " %0, %1, %2, %2"
#define NMADD(w) "fnmadd." #w " %0, %1, %2, %1"
#define NMSUB(w) "fnmsub." #w " %0, %1, %2, %2"
#define UP(w) "fadd." #w " %0, %1, %2, rup"
#define DOWN(w) "fmul." #w " %0, %1, %2, rdn"
#define ZERO(w) "fdiv." #w " %0, %1, %2, rtz"
#define AWAY(w) "fmadd." #w " %0, %1, %2, %2, rmm"

int main(void) {
  BOTH("fadd", ADD) BOTH("fsub", SUB) BOTH("fmul", MUL) BOTH("fdiv", DIV) BOTH("fsqrt", SQRT)
  BOTH("fmin", MIN) BOTH("fmax", MAX) BOTH("fsgnjx", SIGN) BOTH("fmadd", MADD) BOTH("fmsub", MSUB)
  BOTH("fnmadd", NMADD) BOTH("fnmsub", NMSUB) BOTH("fadd up", UP) BOTH("fmul down", DOWN)
  BOTH("fdiv to zero", ZERO) BOTH("fmadd away", AWAY)
  ALL(double, doubles, DOUBLES, "fcvt.w.d", TO_INTEGER(double, "fcvt.w.d %0, %1"))
  ALL(double, doubles, DOUBLES, "fcvt.lu.d", TO_INTEGER(double, "fcvt.lu.d %0, %1, rtz"))
  ALL(float, floats, FLOATS, "fcvt.l.s", TO_INTEGER(float, "fcvt.l.s %0, %1"))
  ALL(float, floats, FLOATS, "fcvt.wu.s", TO_INTEGER(float, "fcvt.wu.s %0, %1, rup"))
  ALL(double, doubles, DOUBLES, "feq.d", TO_INTEGER(double, "feq.d %0, %1, %2"))
  ALL(float, floats, FLOATS, "flt.s", TO_INTEGER(float, "flt.s %0, %1, %2"))
  ALL(double, doubles, DOUBLES, "fclass.d", TO_INTEGER(double, "fclass.d %0, %1"))
  ALL(double, doubles, DOUBLES, "fcvt.s.d", TO_INTEGER(double, "fcvt.s.d ft0, %1\n\tfmv.x.d %0, ft0"))
  ALL(float, floats, FLOATS, "fcvt.d.s", TO_INTEGER(float, "fcvt.d.s ft0, %1\n\tfmv.x.d %0, ft0"))
  // A long computation, which is translated, from the plain C operators.
  double x = 0.1, y = 0;
  for (int i = 0; i < 300000; i++) x = fma(x, 1.0000001, sqrt(x) / (i + 1)), y += x > 3 ? -x : 1 / x;
  printf("%a %a %a\n", x, y, (double)(float)(y / 3));
  hash = 1;
  for (int i = 0; i < 200; i++) {
    double results[] = {sin(i), exp(i / 7.0), log(i - 1), pow(i, 0.3), fmod(i, 0.7), tgamma(i / 9.0)};
    for (int k = 0; k < 6; k++) {
      uint64_t bits;
      memcpy(&bits, results + k, 8);
      mix(bits);
    }
  }
  printf("libm %016lx\n", (unsigned long)hash);
}
