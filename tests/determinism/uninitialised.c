// Prints what lies in memory that was never written: of the stack, of the heap before and after it was used, and where
// all that is.
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t sum(const volatile unsigned char *bytes, size_t count) {
  uint64_t mark = 14695981039346656037u;
  for (size_t at = 0; at < count; at++) mark = (mark ^ bytes[at]) * 1099511628211u;
  return mark;
}

static void __attribute__((noinline)) look_at_stack(const char *when) {
  volatile unsigned char never_written[20000];
  printf("stack %s: %016lx at %p\n", when, sum(never_written, sizeof never_written), (void *)never_written);
}

static void __attribute__((noinline)) use_stack(void) {
  char text[8000];
  for (int i = 0; i < 200; i++) snprintf(text + 40 * i, 40, "%p %d %s", (void *)text, i, getenv("PATH"));
  volatile char last = text[7999];
  (void)last;
}

int main(void) {
  look_at_stack("at first");
  use_stack();
  look_at_stack("after use");
  for (size_t size = 16; size < 1 << 20; size *= 3) {
    unsigned char *first = malloc(size);
    printf("heap %zu: %016lx at %p\n", size, sum(first, size), (void *)first);
    memset(first, 7, size / 2);
    free(first);
    unsigned char *again = malloc(size);
    printf("again: %016lx at %p\n", sum(again, size), (void *)again);
  }
  printf("%zu\n", mallinfo2().uordblks);
}
