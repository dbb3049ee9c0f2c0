#include "abi.h"
#include <sys/mman.h>
/* Memory that is locked and unlocked in parts is one area again afterwards (/proc/self/maps). */
static char *map;
static void areas(const char *what) {
  FILE *f = fopen("/proc/self/maps", "r"); char line[512]; int n = 0;
  while (fgets(line, sizeof line, f)) {
    unsigned long from, to; sscanf(line, "%lx-%lx", &from, &to);
    if (from < (unsigned long)map + 6 * 4096 && to > (unsigned long)map) n++;
  }
  fclose(f); printf("%s: %d\n", what, n);
}
int main(void) {
  char *all = mmap(0, 8 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  map = all + 4096; mprotect(map, 6 * 4096, PROT_READ | PROT_WRITE);
  memset(map, 1, 6 * 4096); /* what is written apart stays apart in Linux */
  areas("fresh");
  mlock(map + 4096, 4096); areas("one locked");
  mlock(map + 3 * 4096, 4096); areas("two locked");
  mlock(map + 2 * 4096, 4096); areas("and the one between");
  munlock(map + 2 * 4096, 4096); areas("that one unlocked");
  munlock(map, 6 * 4096); areas("all unlocked");
  mlock(map + 4096, 4096); mlock(map + 3 * 4096, 2 * 4096); areas("locked again");
  printf("mlockall %d\n", mlockall(MCL_CURRENT)); areas("mlockall");
  munlock(map + 2 * 4096, 4096); areas("one unlocked");
  munlockall(); areas("munlockall");
  for (int prot = 0; prot < 4; prot++) {
    mprotect(map, 6 * 4096, prot);
    int r = madvise(map, 6 * 4096, 22 /* MADV_POPULATE_READ */); printf("protection %d: read %s", prot, r < 0 ? strerror(errno) : "fine");
    r = madvise(map, 6 * 4096, 23 /* MADV_POPULATE_WRITE */); printf(", write %s\n", r < 0 ? strerror(errno) : "fine");
  }
  return 0;
}
