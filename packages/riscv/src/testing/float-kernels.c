/* Loops of floating point for float.bench.ts: freestanding, one kernel per build (-DKERNEL=n); prints a checksum. */
typedef unsigned long u64;

static long ecall3(long n, long a, long b, long c) {
  register long a0 asm("a0") = a, a1 asm("a1") = b, a2 asm("a2") = c, a7 asm("a7") = n;
  asm volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
  return a0;
}

static void print(u64 bits) {
  char text[17];
  for (int i = 0; i < 16; i++) text[i] = "0123456789abcdef"[(bits >> (60 - 4 * i)) & 15];
  text[16] = '\n';
  ecall3(64, 1, (long)text, 17);
}

static u64 bits(double x) { u64 r; __builtin_memcpy(&r, &x, 8); return r; }

#if KERNEL == 0 /* matrix product, double: fld, fmadd.d */
#define N 64
static double A[N][N], B[N][N], C[N][N];
static double kernel(void) {
  for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) { A[i][j] = (i * 7 + j) / 13.0; B[i][j] = (i - j * 3) / 11.0; }
  for (int round = 0; round < 400; round++)
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        double sum = C[i][j] * 0.5;
        for (int k = 0; k < N; k++) sum += A[i][k] * B[k][j];
        C[i][j] = sum;
      }
  return C[3][5] + C[17][40];
}
#elif KERNEL == 1 /* gravitation: fdiv.d, fsqrt.d, everything mixed */
static double p[5][3] = {{0, 0, 0}, {4.84, -1.16, -0.10}, {8.34, 4.12, -0.4}, {12.8, -15.1, -0.22}, {15.3, -25.9, 0.17}};
static double v[5][3] = {{0, 0, 0}, {0.6, 2.8, -0.02}, {-1.01, 1.8, 0.008}, {1.08, 0.86, -0.01}, {0.97, 0.59, -0.03}};
static double m[5] = {39.4, 0.037, 0.011, 0.0017, 0.002};
static double kernel(void) {
  for (int step = 0; step < 1000000; step++) {
    for (int i = 0; i < 5; i++)
      for (int j = i + 1; j < 5; j++) {
        double dx = p[i][0] - p[j][0], dy = p[i][1] - p[j][1], dz = p[i][2] - p[j][2];
        double d2 = dx * dx + dy * dy + dz * dz, mag = 0.001 / (d2 * __builtin_sqrt(d2));
        v[i][0] -= dx * m[j] * mag; v[i][1] -= dy * m[j] * mag; v[i][2] -= dz * m[j] * mag;
        v[j][0] += dx * m[i] * mag; v[j][1] += dy * m[i] * mag; v[j][2] += dz * m[i] * mag;
      }
    for (int i = 0; i < 5; i++) for (int k = 0; k < 3; k++) p[i][k] += 0.001 * v[i][k];
  }
  return p[1][0] + v[4][2];
}
#elif KERNEL == 2 /* Mandelbrot set: a dependent chain and a comparison */
static double kernel(void) {
  long inside = 0;
  for (int y = 0; y < 200; y++)
    for (int x = 0; x < 200; x++) {
      double cr = x / 100.0 - 1.5, ci = y / 100.0 - 1.0, zr = 0, zi = 0;
      int n = 0;
      while (n < 2000 && zr * zr + zi * zi < 4.0) { double t = zr * zr - zi * zi + cr; zi = 2 * zr * zi + ci; zr = t; n++; }
      inside += n;
    }
  return inside;
}
#elif KERNEL == 3 /* single precision: dot products and a filter */
static float a[4096], b[4096];
static double kernel(void) {
  float total = 0;
  for (int i = 0; i < 4096; i++) { a[i] = i * 0.25f; b[i] = 3.0f / (i + 1); }
  for (int round = 0; round < 10000; round++) {
    float sum = 0;
    for (int i = 0; i < 4096; i++) sum += a[i] * b[i];
    total += sum * 0.001f;
  }
  return total;
}
#else /* conversions: random integers to doubles and back */
static double kernel(void) {
  u64 state = 1;
  double sum = 0;
  long count = 0;
  for (int i = 0; i < 40000000; i++) {
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    double x = (double)(long)(state >> 11) * 0x1p-53;
    sum += x;
    count += (int)(x * 100.0);
  }
  return sum + count;
}
#endif

void _start(void) {
  print(bits(kernel()));
  ecall3(93, 0, 0, 0);
}
