/* Products of matrices, of doubles and of 32-bit integers, and one elimination. */
#include <stdint.h>
#include <stdio.h>

enum { N = 160 };
static double a[N][N], b[N][N], c[N][N];
static int32_t p[N][N], q[N][N], r[N][N];

int main(void) {
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) {
      a[i][j] = (i * 7 + j * 3) % 11 - 5 + (i == j ? 20 : 0);
      b[i][j] = (i + j * 5) % 13 - 6;
      p[i][j] = i * 31 ^ j;
      q[i][j] = j * 17 - i;
    }
  }
  uint32_t bits = 0;
  double trace = 0;
  for (int round = 0; round < 6; round++) {
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        double sum = 0;
        int32_t whole = 0;
        for (int k = 0; k < N; k++) {
          sum += a[i][k] * b[k][j];
          whole += p[i][k] * q[k][j];
        }
        c[i][j] = sum;
        r[i][j] = whole;
      }
    for (int i = 0; i < N; i++) {
      trace += c[i][i];
      bits = bits * 33 + (uint32_t)r[i][N - 1 - i];
      p[i][round] ^= (int32_t)bits;
    }
  }
  for (int k = 0; k < N; k++)
    for (int i = k + 1; i < N; i++) {
      double factor = a[i][k] / a[k][k];
      for (int j = k; j < N; j++) a[i][j] -= factor * a[k][j];
    }
  for (int k = 0; k < N; k++) trace += a[k][k];
  printf("%.12g %08x\n", trace, bits);
  return 0;
}
