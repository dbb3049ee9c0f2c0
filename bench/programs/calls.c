/* Calls: recursion in several shapes, small leaf functions, many arguments. */
#include <stdint.h>
#include <stdio.h>

#define KEEP __attribute__((noinline))

KEEP static uint32_t fibonacci(uint32_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
KEEP static uint32_t ackermann(uint32_t m, uint32_t n) { return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1)); }
KEEP static void hanoi(int n, int from, int to, int over, uint64_t *moves) {
  if (n == 0) return;
  hanoi(n - 1, from, over, to, moves);
  *moves += (uint64_t)from * 3 + (uint64_t)to;
  hanoi(n - 1, over, to, from, moves);
}
KEEP static uint64_t mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) { return (a + b) ^ (c - d) ^ (e * 3 + f); }

int main(void) {
  uint64_t moves = 0, sum = 0;
  hanoi(21, 1, 3, 2, &moves);
  for (uint32_t i = 0; i < 12000000; i++) sum = mix(sum, i, sum >> 3, i * 5, sum << 1, 9);
  printf("%u %u %llu %016llx\n", fibonacci(34), ackermann(2, 2000), (unsigned long long)moves, (unsigned long long)sum);
  return 0;
}
