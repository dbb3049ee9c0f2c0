/* Takes 25 MiB of memory, more than a third of what its machine has, when it is asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
  char line[8];
  size_t size = 25 << 20;
  setvbuf(stdin, NULL, _IONBF, 0);
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *food = malloc(size);
    memset(food, 1, size);
    puts("has eaten");
    fflush(stdout);
  }
  return 0;
}
