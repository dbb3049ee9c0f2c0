/* words N: about N bytes of made-up words of unequal frequency, with a space or a line end between: the same on every machine. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  long size = argc > 1 ? atol(argv[1]) : 1000;
  uint32_t seed = 42;
  for (long at = 0, column = 0; at < size;) {
    seed = seed * 1664525 + 1013904223;
    uint32_t rank = (seed >> 16) * ((seed >> 8) & 0xff) >> 8, word = rank * 2654435761u;
    int length = 2 + (int)(word >> 29);
    for (int i = 0; i < length; i++, word = word >> 4 | word << 28) putchar('a' + word % 23);
    column += length + 1;
    at += length + 1;
    if (column > 72) column = 0;
    putchar(column == 0 ? '\n' : ' ');
  }
  return 0;
}
