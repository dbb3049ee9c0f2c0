/* Keeps a page that a fork is to find wiped, and tells what it and the name of the boot are, whenever it is asked. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
  char line[8], boot[64];
  char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (madvise(page, 4096, MADV_WIPEONFORK) != 0) return 1;
  page[0] = 'x';
  setvbuf(stdin, NULL, _IONBF, 0);
  while (fgets(line, sizeof line, stdin) != NULL) {
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (file == NULL || fgets(boot, sizeof boot, file) == NULL) return 2;
    fclose(file);
    printf("%d %s", page[0], boot);
    fflush(stdout);
  }
  return 0;
}
