/* What programs that measure need: an end with words, and the clock. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void need(int ok, const char *what) {
  if (!ok) { fprintf(stderr, "%s: %s\n", what, strerror(errno)); exit(1); }
}

/* Nanoseconds. */
static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
