/* Copies of memory: large and small, aligned and not, overlapping, and fills. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 1 << 20 };

int main(void) {
  unsigned char *from = malloc(SIZE + 64), *to = malloc(SIZE + 64);
  for (int i = 0; i < SIZE + 64; i++) from[i] = (unsigned char)(i * 7 + (i >> 8));
  uint32_t sum = 0;
  for (int round = 0; round < 400; round++) {
    memcpy(to, from, SIZE);
    memcpy(to + 3, from + (round & 15), SIZE - 32);
    memmove(to + 1, to, 1 << 16);
    sum = sum * 31 + to[(round * 4099) & (SIZE - 1)];
  }
  for (int round = 0; round < 4000000; round++) {
    uint32_t at = (uint32_t)(round * 2654435761u) >> 13, size = 1 + (at & 63);
    memcpy(to + (at & 0xffff), from + ((at >> 3) & 0xffff), size);
    sum += to[at & 0xffff];
  }
  for (int round = 0; round < 300; round++) {
    memset(to, round, SIZE);
    sum += (uint32_t)memcmp(to, to + 1, SIZE);
    sum += to[round];
  }
  printf("%08x\n", sum);
  return 0;
}
