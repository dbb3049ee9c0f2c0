/* Random calls on memory: maps, protections, moves, advice, and what lies in it afterwards. */
#include "random-calls.h"
#include <sys/uio.h>

/* A window of our own, of which nothing else is a part. */
#define BASE 0x40000000ul
#define PAGES 24
static char *at(long page) { return (char *)BASE + page * 4096; }
static int fds[5], output[2];
static const int protections[] = {0, 1, 3, 3, 3, 5, 7, 11, 9, 1 << 24, 1 << 25};
static const unsigned long flags[] = {MAP_NORESERVE, MAP_POPULATE, MAP_LOCKED, MAP_STACK, MAP_DENYWRITE, MAP_GROWSDOWN, MAP_NONBLOCK, MAP_SYNC};
static long length(void) {
  static const long odd[] = {0, 1, 4095, 4097, -1, 1L << 47, -4096};
  return one_in(8) ? ANY(odd) : (1 + below(8)) * 4096;
}
static long place(void) { return below(PAGES) * 4096 + (one_in(12) ? below(4096) : 0); }
/* Page by page: can it be read, written, and what begins it. */
static void show(void) {
  printf(" ");
  for (long i = 0; i < PAGES; i++) {
    char first = 0;
    if (write(output[1], at(i), 1) != 1) { printf(" -"); continue; }
    read(output[0], &first, 1);
    printf(" %02x", (unsigned char)first);
    /* Reading a pipe into it tells whether it can be written; it keeps what it had. */
    write(output[1], &first, 1);
    if (read(output[0], at(i), 1) == 1) printf("w");
    else read(output[0], &first, 1);
  }
  printf("\n");
}
/* What /proc/self/maps says of the window; what lies beside each other and is alike may be one area or several. */
static void show_maps(void) {
  unsigned long shown_start = 0, shown_end = 0, shown_offset = 0;
  char shown[64] = "";
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[400];
  while (maps && fgets(line, sizeof line, maps)) {
    unsigned long start, end, offset, inode;
    char mode[8], name[200] = "";
    int count = sscanf(line, "%lx-%lx %7s %lx %*s %lu %199[^\n]", &start, &end, mode, &offset, &inode, name);
    if (count < 5 || end <= BASE || start >= BASE + (PAGES + 16) * 4096) continue;
    int is_file = strstr(name, "/tmp/") || strstr(name, "memfd");
    char kind[64];
    sprintf(kind, "%s %s", mode, is_file ? strstr(name, "/") : "");
    if (start == shown_end && strcmp(kind, shown) == 0 && (!is_file || offset == shown_offset + (start - shown_start))) {
      shown_end = end;
      continue;
    }
    if (shown[0]) printf("  %lx-%lx %s at %lx\n", shown_start - BASE, shown_end - BASE, shown, shown_offset);
    strcpy(shown, kind);
    shown_start = start; shown_end = end; shown_offset = is_file ? offset : 0;
  }
  if (shown[0]) printf("  %lx-%lx %s at %lx\n", shown_start - BASE, shown_end - BASE, shown, shown_offset);
  if (maps) fclose(maps);
}

static void step(void) {
  long p = place(), l = length(), r;
  errno = 0;
  switch (below(24)) {
  case 0: case 1: case 2: case 3: case 4: {
    static const int kinds[] = {MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE, 0, MAP_PRIVATE | MAP_SHARED};
    int fd = one_in(2) ? -1 : ANY(fds), protection = ANY(protections) & 7;
    int how = ANY(kinds) | (one_in(5) ? MAP_FIXED_NOREPLACE : MAP_FIXED) | (fd == -1 || one_in(8) ? MAP_ANONYMOUS : 0);
    /* Pages that lie behind each other grow into another's place. */
    if (one_in(3)) how |= (int)SOME(flags) & ~MAP_GROWSDOWN;
    long offset = one_in(8) ? below(9000) : below(4) * 4096;
    if (l > PAGES * 4096 && l < 1L << 47) l = 4096;
    r = (long)mmap((void *)(BASE + p), (size_t)l, protection, how, fd, offset);
    told(r == -1 ? -1 : r - (long)BASE, "mmap(%lx, %lx, %d, %#x, %d, %ld)", p, l, protection, how, fd, offset);
    break;
  }
  case 5: case 6: if (l < 0 || l > 1 << 20) l = one_in(2) ? 0 : -4096; told(munmap((void *)(BASE + p), (size_t)l), "munmap(%lx, %lx)", p, l); break;
  case 7: case 8: case 9: { int protection = ANY(protections); if (protection > 15 && (l < 0 || l > 1 << 20)) l = 4096; told(mprotect((void *)(BASE + p), (size_t)l, protection), "mprotect(%lx, %lx, %#x)", p, l, protection); break; }
  case 10: case 11: {
    int how = one_in(3) ? (int)below(9) : MREMAP_MAYMOVE | MREMAP_FIXED;
    long to = place(), n = length();
    if (n > 1 << 20) n = 4096;
    /* What lies beside each other and is alike may be one area or several. */
    if (l != 0) l = 4096;
    /* Where the system puts it is its own business: only to places that are named, or in place. */
    if ((how & MREMAP_MAYMOVE) && !(how & MREMAP_FIXED)) how |= MREMAP_FIXED;
    r = (long)mremap((void *)(BASE + p), (size_t)l, (size_t)n, how, (void *)(BASE + to));
    told(r == -1 ? -1 : r - (long)BASE, "mremap(%lx, %lx, %lx, %d, %lx)", p, l, n, how, to);
    break;
  }
  case 12: case 13: {
    static const int advices[] = {MADV_NORMAL, MADV_DONTNEED, MADV_DONTNEED, MADV_WILLNEED, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_POPULATE_READ, MADV_POPULATE_WRITE, 24, 99, MADV_DONTDUMP, MADV_DODUMP};
    int advice = ANY(advices);
    if (l < 0 || l > 1 << 20) l = 4096;
    told(madvise((void *)(BASE + p), (size_t)l, advice), "madvise(%lx, %lx, %d)", p, l, advice);
    break;
  }
  case 14: { int how = (int)below(9); told(msync((void *)(BASE + p), (size_t)l, how), "msync(%lx, %lx, %d)", p, l, how); break; }
  case 15: case 16: {
    char byte = (char)('a' + below(26));
    write(output[1], &byte, 1);
    r = read(output[0], (void *)(BASE + p), 1);
    told(r, "store(%lx, %c)", p, byte);
    if (r == -1) read(output[0], &byte, 1);
    break;
  }
  case 17: {
    unsigned char there[PAGES];
    if (l < 0 || l > PAGES * 4096) l = 4096;
    r = mincore((void *)(BASE + p), (size_t)l, there);
    told(r, "mincore(%lx, %lx)", p, l);
    break;
  }
  case 18: { int how = (int)below(4); if (one_in(2)) told(mlock2((void *)(BASE + p), (size_t)l, how), "mlock2(%lx, %lx, %d)", p, l, how); else told(munlock((void *)(BASE + p), (size_t)l), "munlock(%lx, %lx)", p, l); break; }
  case 19: { int fd = ANY(fds); long n = below(5) * 4096 + (one_in(3) ? below(4096) : 0); told(ftruncate(fd, n), "ftruncate(%d, %ld)", fd, n); break; }
  case 20: { int fd = ANY(fds); char byte = (char)('A' + below(26)); r = below(4) * 4096; told(pwrite(fd, &byte, 1, r), "pwrite(%d, %c, %ld)", fd, byte, r); break; }
  case 21: {
    int child = fork(), status = 0;
    if (child == 0) { char byte = 'F'; write(output[1], &byte, 1); read(output[0], (void *)(BASE + p), 1); _exit(0); }
    waitpid(child, &status, 0);
    char byte;
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    read(output[0], &byte, 1);
    fcntl(output[0], F_SETFL, 0);
    printf("%ld fork %d store %lx\n", call_number, status, p);
    break;
  }
  case 22: show(); break;
  case 23: show_maps(); break;
  }
}

int main(int argc, char **argv) {
  begin(argc, argv);
  must(pipe(output) == 0, "pipe");
  must(mkdir("/proc", 0755) == 0 && mount("proc", "/proc", "proc", 0, 0) == 0, "proc");
  fds[0] = open("a", O_RDWR | O_CREAT, 0600);
  fds[1] = open("a", O_RDONLY);
  fds[2] = memfd_create("m", MFD_ALLOW_SEALING);
  fds[3] = open("b", O_RDWR | O_CREAT | O_APPEND, 0600);
  fds[4] = open("a", O_WRONLY);
  for (int i = 0; i < 4; i++) must(i == 1 || ftruncate(fds[i], 10000) == 0, "ftruncate");
  for (call_number = 0; call_number < calls_of(argc, argv); call_number++) { step(); fflush(stdout); }
  show();
  show_maps();
  return 0;
}
