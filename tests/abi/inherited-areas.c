#include "abi.h"

/* What is mapped beside memory joins it, but not where a fork has inherited that, used. */
static char *at; static long page;
/* The areas that lie in the six pages, by how many pages each has. */
static void areas(const char *whose) {
  char line[300]; FILE *maps = fopen("/proc/self/maps", "r"); printf("%s:", whose);
  while (fgets(line, sizeof line, maps)) {
    unsigned long from, to; sscanf(line, "%lx-%lx", &from, &to);
    if (to <= (unsigned long)at || from >= (unsigned long)at + 6 * page) continue;
    printf(" %ld+%ld", (long)(from - (unsigned long)at) / page, (long)(to - from) / page);
  }
  printf("\n"); fclose(maps); fflush(stdout);
}
static void map(int first, int count) { mmap(at + first * page, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); }
int main(void) {
  page = sysconf(_SC_PAGESIZE); at = mmap(NULL, 16 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); at += 5 * page;
  for (int used = 0; used < 2; used++) {
    munmap(at - page, 8 * page); map(0, 3); if (used) memset(at, 1, page);
    if (fork() == 0) { map(3, 1); if (used) at[3 * page] = 2; areas(used ? "child of one that used it" : "child of one that did not"); map(4, 2); areas("then"); _exit(0); }
    wait(NULL); map(3, 3); areas("parent");
  }
  return 0;
}
