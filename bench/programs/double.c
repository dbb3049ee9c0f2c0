/* Doubles: the motion of five bodies (additions, products, square roots), and a series with divisions and conversions. */
#include <math.h>
#include <stdio.h>

enum { BODIES = 5 };
static double x[BODIES] = {0, 4.84, 8.34, 12.89, 15.37}, y[BODIES] = {0, -1.16, 4.12, -15.11, -25.9}, z[BODIES] = {0, -0.1, -0.4, -0.22, 0.17};
static double vx[BODIES] = {0, 0.6, -1.01, 1.08, 0.97}, vy[BODIES] = {0, 2.81, 1.81, 0.86, 0.59}, vz[BODIES] = {0, -0.02, 0.008, -0.01, -0.03};
static const double mass[BODIES] = {39.47, 0.037, 0.011, 0.0017, 0.002};

int main(void) {
  for (int step = 0; step < 400000; step++) {
    for (int i = 0; i < BODIES; i++) {
      for (int j = i + 1; j < BODIES; j++) {
        double dx = x[i] - x[j], dy = y[i] - y[j], dz = z[i] - z[j];
        double square = dx * dx + dy * dy + dz * dz, pull = 0.001 / (square * sqrt(square));
        vx[i] -= dx * mass[j] * pull; vy[i] -= dy * mass[j] * pull; vz[i] -= dz * mass[j] * pull;
        vx[j] += dx * mass[i] * pull; vy[j] += dy * mass[i] * pull; vz[j] += dz * mass[i] * pull;
      }
    }
    for (int i = 0; i < BODIES; i++) { x[i] += 0.001 * vx[i]; y[i] += 0.001 * vy[i]; z[i] += 0.001 * vz[i]; }
  }
  double sum = 0;
  for (int k = 1; k < 5000000; k++) sum += (k & 1 ? 1.0 : -1.0) / k + (double)(long)(sum * 3.0) * 1e-12;
  printf("%.17g %.17g\n", x[0] + y[1] + z[2], sum);
  return 0;
}
