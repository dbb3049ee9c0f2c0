/* Memory policies where there is one node. */
#include "abi.h"
static long set(int mode, unsigned long *mask, unsigned long bits) { return syscall(SYS_set_mempolicy, mode, mask, bits); }
static long get(int *mode, unsigned long *mask, unsigned long bits, void *at, int flags) { return syscall(SYS_get_mempolicy, mode, mask, bits, at, flags); }
static long bind_to(void *at, long size, int mode, unsigned long *mask, unsigned long bits, int flags) { return syscall(SYS_mbind, at, size, mode, mask, bits, flags); }
/* Mappings of the range. */
static int areas(char *from, char *to) {
  char line[512], *start, *end; int found = 0; FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps)) if (sscanf(line, "%p-%p", (void **)&start, (void **)&end) == 2) found += start < to && end > from;
  fclose(maps); return found;
}
int main(void) {
  int mode = 9; unsigned long mask = 7, one = 1, none = 0, other = 2; char *m = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); m[0] = 1;
  SHOW(get(&mode, &mask, 64, NULL, 0)); SHOW(mode); SHOW(mask); SHOW(get(NULL, &mask, 64, NULL, 4)); SHOW(mask); SHOW(get(&mode, NULL, 0, m, 3)); SHOW(mode); SHOW(get(&mode, NULL, 0, m, 2)); SHOW(mode); SHOW(get(&mode, NULL, 0, NULL, 3)); SHOW(get(&mode, NULL, 0, m, 0)); SHOW(get(&mode, NULL, 0, NULL, 1)); SHOW(get(&mode, &mask, 64, NULL, 5)); SHOW(get(&mode, &mask, 64, NULL, 8)); SHOW(get((void *)8, NULL, 0, NULL, 0));
  SHOW(set(2, &one, 64)); SHOW(get(&mode, &mask, 64, NULL, 0)); SHOW(mode); SHOW(mask); pid_t pid = fork(); if (pid == 0) { SHOW(get(&mode, NULL, 0, NULL, 0)); SHOW(mode); _exit(0); } waitpid(pid, NULL, 0); SHOW(set(0, NULL, 0)); SHOW(get(&mode, NULL, 0, NULL, 0)); SHOW(mode);
  SHOW(set(2, &none, 64)); SHOW(set(2, NULL, 0)); SHOW(set(2, &other, 64)); SHOW(set(0, &one, 64)); SHOW(set(4, &one, 64)); SHOW(set(4, NULL, 0)); SHOW(set(1, NULL, 0)); SHOW(get(&mode, NULL, 0, NULL, 0)); SHOW(mode); SHOW(set(3, &one, 64)); SHOW(set(5, &one, 64)); SHOW(set(99, &one, 64)); SHOW(set(-1, &one, 64)); SHOW(set(2, (void *)8, 64)); SHOW(set(2, &one, 1 << 20)); SHOW(set(2 | 0xc000, &one, 64)); SHOW(set(2 | 0x8000, &one, 64)); SHOW(get(&mode, NULL, 0, NULL, 0)); SHOW(mode); SHOW(set(0, NULL, 0));
  SHOW(bind_to(m, 3 * 4096, 2, &one, 64, 0)); SHOW(bind_to(m + 1, 4096, 2, &one, 64, 0)); SHOW(bind_to(m, 4096, 2, &other, 64, 0)); SHOW(bind_to(m, 4096, 2, &one, 64, 64)); munmap(m + 4096, 4096); SHOW(bind_to(m, 3 * 4096, 2, &one, 64, 0)); SHOW(bind_to(m, 4096, 0, NULL, 0, 0));
  void *pages[3] = {m, m + 8192, m + 4096}; int nodes[3] = {0, 0, 0}, status[3] = {9, 9, 9}; SHOW(syscall(SYS_move_pages, 0, 3, pages, NULL, status, 0)); SHOW(status[0]); SHOW(status[1]); SHOW(status[2]); SHOW(syscall(SYS_move_pages, 0, 1, pages, nodes, status, 2)); SHOW(status[0]); nodes[0] = 1; SHOW(syscall(SYS_move_pages, 0, 1, pages, nodes, status, 2)); SHOW(syscall(SYS_move_pages, 0, 1, pages, NULL, status, 64)); SHOW(syscall(SYS_move_pages, 999999, 1, pages, NULL, status, 0)); SHOW(syscall(SYS_move_pages, 0, 1, (void *)8, NULL, status, 0));
  SHOW(syscall(SYS_migrate_pages, 0, 64, &one, &one)); SHOW(syscall(SYS_migrate_pages, 999999, 64, &one, &one));
  /* What mbind(2) says is told back for its range, and a mask of no possible size is refused. */
  char *bound = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); int told = -1; SHOW(syscall(SYS_mbind, bound + 4096, 4096, 2, &one, 64, 0)); SHOW(syscall(SYS_get_mempolicy, &told, NULL, 0, bound + 4096, 2)); SHOW(told); SHOW(syscall(SYS_get_mempolicy, &told, NULL, 0, bound, 2)); SHOW(told); SHOW(syscall(SYS_mbind, bound, 3 * 4096, 1 | 0x8000, &one, 64, 0)); SHOW(syscall(SYS_get_mempolicy, &told, NULL, 0, bound + 8192, 2)); SHOW(told); SHOW(syscall(SYS_mbind, bound, 4096, 0, NULL, 0, 0)); SHOW(syscall(SYS_get_mempolicy, &told, NULL, 0, bound, 2)); SHOW(told);
  /* Neighbours that have become alike are one. */
  char *alike = mmap(NULL, 5 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096; mprotect(alike, 3 * 4096, PROT_READ | PROT_WRITE); memset(alike, 0, 3 * 4096);
  SHOW(bind_to(alike + 4096, 4096, 2, &one, 64, 0)); SHOW(areas(alike, alike + 3 * 4096)); SHOW(bind_to(alike, 3 * 4096, 0, NULL, 0, 0)); SHOW(areas(alike, alike + 3 * 4096)); SHOW(bind_to(alike + 4096, 8192, 2, &one, 64, 0)); SHOW(bind_to(alike, 4096, 2, &one, 64, 0)); SHOW(areas(alike, alike + 3 * 4096));
  /* The next node to take in turn. */
  for (int i = 0; i < 4; i++) { SHOW(set((int[]){3, 6, 3 | 0x8000, 2}[i], &one, 64)); mode = 9; SHOW(get(&mode, NULL, 0, NULL, 1)); SHOW(mode); SHOW(get(&mode, NULL, 0, m, 1)); }
  SHOW(set(0, NULL, 0));
  SHOW(syscall(SYS_migrate_pages, 0, -1L, &one, &one)); SHOW(syscall(SYS_migrate_pages, 0, 0, NULL, NULL)); SHOW(syscall(SYS_migrate_pages, 0, 0, &one, &one));
  return 0;
}
