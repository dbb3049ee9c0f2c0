/* mmap(2) of /dev/zero as /proc shows it; personality(2), ADDR_COMPAT_LAYOUT: mappings go upwards. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>

#define PAGE 4096UL

/* The line of /proc/self/maps for an address, without addresses, and the link of /proc/self/map_files. */
static void show(const char *what, char *at, unsigned long length) {
  char line[512], name[128], target[256], permissions[8], path[256];
  FILE *maps = fopen("/proc/self/maps", "r");
  int found = 0;
  while (fgets(line, sizeof line, maps)) {
    unsigned long start, end, offset;
    path[0] = 0;
    sscanf(line, "%lx-%lx %7s %lx %*s %*s %255s", &start, &end, permissions, &offset, path);
    if (start > (unsigned long)at || end <= (unsigned long)at) continue;
    found = 1;
    printf("%s: %lu pages %s offset %lx name \"%s\"\n", what, (end - start) / PAGE, permissions, offset, path);
  }
  fclose(maps);
  if (!found) printf("%s: no line\n", what);
  snprintf(name, sizeof name, "/proc/self/map_files/%lx-%lx", (unsigned long)at, (unsigned long)at + length);
  ssize_t size = readlink(name, target, sizeof target - 1);
  target[size < 0 ? 0 : size] = 0;
  printf("%s: link %s\n", what, size < 0 ? strerror(errno) : target);
}

static void zeroes(void) {
  int fd = open("/dev/zero", O_RDWR);
  int reads = open("/dev/zero", O_RDONLY);
  /* Room of its own, so that nothing is beside it. */
  char *room = mmap(0, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *one = mmap(room + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
  char *other = mmap(room + 3 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 5 * PAGE);
  char *closed = mmap(room + 6 * PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_FIXED, reads, 0);
  char *beside = mmap(room + 8 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  char *above = mmap(room + 9 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
  close(fd);
  one[5] = 1;
  other[PAGE + 1] = 1;
  printf("zeroes: %d %d %d %d\n", one[5], one[6], other[PAGE], above[0]);
  show("private", one, PAGE);
  show("with an offset", other, 2 * PAGE);
  show("no access", closed, PAGE);
  show("anonymous", beside, PAGE);
  show("beside it", above, PAGE);
  printf("protect: %d\n", mprotect(closed, PAGE, PROT_READ | PROT_WRITE));
  closed[0] = 1;
  int wiped = madvise(one, PAGE, MADV_WIPEONFORK);
  printf("wipe: %d %s\n", wiped, strerror(errno));
  printf("wipe: %d\n", madvise(beside, PAGE, MADV_WIPEONFORK));
  int dropped = madvise(one, PAGE, MADV_DONTNEED);
  printf("drop: %d, %d\n", dropped, one[5]);
  char *moved = mremap(other, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
  printf("moved: %d %d\n", moved != MAP_FAILED, moved[2 * PAGE]);
  show("moved", moved, 3 * PAGE);
  munmap(above, PAGE);
  show("gone", above, PAGE);
}

static void layout(const char *what) {
  char *first = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *second = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *third = mmap(0, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("%s: %s, %s\n", what, second > first ? "upwards" : "downwards", third > second ? "upwards" : "downwards");
  munmap(first, PAGE);
  char *again = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("%s: the hole is %s\n", what, again == first ? "used" : "left");
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IONBF, 0);
  if (argc > 1) {
    layout(argv[1]);
    return 0;
  }
  zeroes();
  layout("as usual");
  printf("personality: %d\n", personality(ADDR_COMPAT_LAYOUT) >= 0);
  layout("until exec");
  execl("/proc/self/exe", "program", "afterwards", (char *)0);
  printf("exec: %s\n", strerror(errno));
  return 1;
}
