/* Integer arithmetic: mixing of 64-bit words, divisions, bit counts, data-dependent branches. */
#include <stdint.h>
#include <stdio.h>

int main(void) {
  uint64_t state = 0x9e3779b97f4a7c15u, sum = 0;
  for (uint32_t round = 0; round < 60000000; round++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    uint32_t low = (uint32_t)state;
    if (low & 1) sum += state * 0xff51afd7ed558ccdu;
    else sum ^= (state >> 29) + low;
    if ((low & 0xff) == 7) sum += state / (low | 1) + state % ((low >> 3) | 1);
    int32_t narrow = (int32_t)(sum >> 11);
    sum += (uint32_t)(narrow * 31 + (narrow >> 5));
  }
  printf("%016llx\n", (unsigned long long)sum);
  return 0;
}
