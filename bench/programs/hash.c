/* Hashing: FNV and CRC over bytes, and a table with open addressing that grows. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t crc_table[256];

int main(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    crc_table[i] = crc;
  }
  static uint8_t bytes[65536];
  for (int i = 0; i < 65536; i++) bytes[i] = (uint8_t)(i * 31 ^ i >> 5);
  uint64_t fnv = 0xcbf29ce484222325u;
  uint32_t crc = ~0u;
  for (int round = 0; round < 1200; round++) {
    for (int i = 0; i < 65536; i++) fnv = (fnv ^ bytes[i]) * 0x100000001b3u;
    for (int i = 0; i < 65536; i++) crc = crc_table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
  }
  uint64_t capacity = 1024, used = 0, hits = 0, seed = 88172645463325252u;
  uint64_t *keys = calloc(capacity, sizeof *keys);
  for (int insert = 0; insert < 8000000; insert++) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    uint64_t key = (seed % 500000) + 1, at = key * 0x9e3779b97f4a7c15u >> 20 & (capacity - 1);
    while (keys[at] != 0 && keys[at] != key) at = (at + 1) & (capacity - 1);
    if (keys[at] == key) {
      hits++;
      continue;
    }
    keys[at] = key;
    if (++used * 2 > capacity) {
      uint64_t *larger = calloc(capacity * 2, sizeof *larger);
      for (uint64_t i = 0; i < capacity; i++) {
        if (keys[i] == 0) continue;
        uint64_t to = keys[i] * 0x9e3779b97f4a7c15u >> 20 & (capacity * 2 - 1);
        while (larger[to] != 0) to = (to + 1) & (capacity * 2 - 1);
        larger[to] = keys[i];
      }
      free(keys);
      keys = larger;
      capacity *= 2;
    }
  }
  printf("%016llx %08x %llu %llu\n", (unsigned long long)fnv, crc, (unsigned long long)used, (unsigned long long)hits);
  return 0;
}
