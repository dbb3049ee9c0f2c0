/* Strings: building, comparing, searching, splitting and sorting words, with the C library's own functions. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 20000 };
static char text[WORDS * 12];
static char *words[WORDS];

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int main(void) {
  uint32_t seed = 7, sum = 0;
  for (int round = 0; round < 25; round++) {
    char *at = text;
    for (int i = 0; i < WORDS; i++) {
      int length = 3 + (seed >> 8) % 8;
      for (int j = 0; j < length; j++) {
        seed = seed * 1664525 + 1013904223;
        *at++ = 'a' + (seed >> 16) % 26;
      }
      *at++ = i == WORDS - 1 ? 0 : ' ';
    }
    sum = sum * 31 + (uint32_t)strlen(text);
    for (const char *found = text; (found = strstr(found, "qu")) != NULL; found++) sum += (uint32_t)(found - text);
    for (const char *found = text; (found = strchr(found, 'z')) != NULL; found++) sum++;
    int count = 0;
    char *saved = NULL;
    for (char *word = strtok_r(text, " ", &saved); word != NULL; word = strtok_r(NULL, " ", &saved)) words[count++] = word;
    qsort(words, count, sizeof *words, compare);
    char line[64];
    for (int i = 0; i < count; i += 3) {
      snprintf(line, sizeof line, "%s-%d-%s", words[i], i, words[count - 1 - i]);
      for (const char *c = line; *c; c++) sum = sum * 33 + (unsigned char)*c;
    }
  }
  printf("%08x\n", sum);
  return 0;
}
