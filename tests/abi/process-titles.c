/* How a process names itself: arguments written over, into the environment too (setproctitle), and PR_SET_MM. */
#include "abi.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#define ROOM 4096
static char text[3 * ROOM];
static void show(const char *file) {
  int fd = open(file, O_RDONLY), n = read(fd, text, sizeof text - 1);
  close(fd); printf("%s %d:", file, n);
  for (int i = 0; i < n && i < 120; i++) putchar(text[i] ? text[i] : '|');
  putchar('\n'); fflush(stdout);
}
static int set(int what, const void *to) { return prctl(PR_SET_MM, what, to, 0, 0); }
int main(int argc, char **argv) {
  if (argc == 1) { char *const own[] = {"first", "second", NULL}, *const environment[] = {"LONG=0123456789012345678901234567890123456789", "B=2", NULL}; execve("/proc/self/exe", own, environment); return 1; }
  char *end = strchr(argv[1], 0) + 1;
  show("/proc/self/cmdline"); show("/proc/self/environ");
  strcpy(argv[0], "short"); show("/proc/self/cmdline");
  memset(argv[0], 'x', end - argv[0] - 1); show("/proc/self/cmdline");
  strcpy(argv[0], "a title that goes on in the environment"); show("/proc/self/cmdline"); show("/proc/self/environ");
  memset(argv[0], 'y', 60); argv[0][60] = 0; argv[0][60 + 2] = 'z'; show("/proc/self/cmdline");
  char *page = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(page, 'p', 2 * ROOM); strcpy(page, "another place");
  unsigned size = 0; SHOW(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0)); SHOW(size); SHOW(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, NULL, 0, 0));
  struct prctl_mm_map map = {0}; SHOW(prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map - 1, 0)); SHOW(prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0)); SHOW(prctl(PR_SET_MM, PR_SET_MM_MAP, (void *)8, sizeof map, 0));
  unsigned long code = (unsigned long)main, here = (unsigned long)page, heap = (unsigned long)sbrk(0), vector[] = {6, 4096, 99, 1, 0, 0};
  map = (struct prctl_mm_map){.start_code = code, .end_code = code + 8, .start_data = code, .end_data = code, .start_brk = heap, .brk = heap, .start_stack = here, .arg_start = here, .arg_end = here + 14, .env_start = here + 1, .env_end = here + 2, .auxv = (void *)vector, .auxv_size = sizeof vector, .exe_fd = -1};
  SHOW(prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0)); show("/proc/self/cmdline"); show("/proc/self/environ"); HOLDS(sbrk(0) == (void *)heap);
  int fd = open("/proc/self/auxv", O_RDONLY); unsigned long seen[200]; SHOW(read(fd, seen, sizeof seen) >= 48); SHOW(memcmp(seen, vector, 48)); close(fd);
  map.end_code = code - 1; SHOW(prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0)); map.end_code = code + 8; map.auxv_size = 8000; SHOW(prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0)); map.auxv_size = 0; SHOW(prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0)); map.auxv = NULL; SHOW(prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0));
  if (setuid(65534)) return 1; SHOW(set(PR_SET_MM_ARG_START, page)); SHOW(prctl(PR_SET_MM, PR_SET_MM_ARG_START, page, 1, 0)); SHOW(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0));
  return 0;
}
