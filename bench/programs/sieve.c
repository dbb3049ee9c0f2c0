/* Bytes: the sieve of Eratosthenes, and a histogram. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LIMIT = 2000000 };
static uint8_t composite[LIMIT];
static uint32_t histogram[256];

int main(void) {
  uint32_t count = 0, sum = 0;
  for (int round = 0; round < 50; round++) {
    memset(composite, 0, LIMIT);
    for (uint32_t i = 2; i * i < LIMIT; i++)
      if (!composite[i])
        for (uint32_t j = i * i; j < LIMIT; j += i) composite[j] = 1;
    count = 0;
    for (uint32_t i = 2; i < LIMIT; i++)
      if (!composite[i]) {
        count++;
        histogram[i & 255]++;
      }
  }
  for (int i = 0; i < 256; i++) sum = sum * 31 + histogram[i];
  printf("%u %08x\n", count, sum);
  return 0;
}
