/* Indirect jumps: an interpreter of a small byte code with a switch, a table of functions, and comparisons by pointer in qsort. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define KEEP __attribute__((noinline))
KEEP static uint64_t add(uint64_t a) { return a + 17; }
KEEP static uint64_t twist(uint64_t a) { return a ^ (a >> 5); }
KEEP static uint64_t turn(uint64_t a) { return a << 9 | a >> 55; }
KEEP static uint64_t scale(uint64_t a) { return a * 5; }
static uint64_t (*const table[4])(uint64_t) = {add, twist, turn, scale};

static int compare(const void *a, const void *b) {
  uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return (left > right) - (left < right);
}

static uint64_t interpret(const uint8_t *code, uint32_t rounds) {
  uint64_t registers[4] = {1, 2, 3, 4};
  uint32_t at = 0;
  for (;;) {
    uint8_t op = code[at++];
    uint64_t *to = &registers[op >> 6];
    switch (op & 15) {
      case 0: *to += registers[(op >> 4) & 3]; break;
      case 1: *to -= registers[(op >> 4) & 3]; break;
      case 2: *to ^= registers[(op >> 4) & 3]; break;
      case 3: *to *= 3; break;
      case 4: *to >>= 1; break;
      case 5: *to |= 1; break;
      case 6: *to = ~*to; break;
      case 7: if (*to & 1) at++; break;
      case 8: *to += code[at]; break;
      case 9: *to = *to << 7 | *to >> 57; break;
      case 10: registers[0] = *to; break;
      case 11: registers[1] ^= *to; break;
      case 12: *to += 1000; break;
      case 13: *to &= 0xffffffffffffu; break;
      case 14: registers[3] += *to >> 9; break;
      default: break;
    }
    if (at >= 250) {
      at = 0;
      if (--rounds == 0) return registers[0] ^ registers[1] ^ registers[2] ^ registers[3];
    }
  }
}

int main(void) {
  static uint8_t code[256];
  static uint32_t numbers[200000];
  uint32_t seed = 99;
  for (int i = 0; i < 256; i++) code[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 13);
  uint64_t sum = interpret(code, 120000);
  for (uint32_t i = 0; i < 20000000; i++) sum = table[(sum >> 7) & 3](sum);
  for (int i = 0; i < 200000; i++) numbers[i] = seed = seed * 1664525 + 1013904223;
  qsort(numbers, 200000, sizeof *numbers, compare);
  for (int i = 0; i < 200000; i += 997) sum = sum * 31 + numbers[i];
  printf("%016llx\n", (unsigned long long)sum);
  return 0;
}
