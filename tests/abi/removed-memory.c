/* madvise(2), MADV_REMOVE: holes punched into shared memory and into files below it, and who may not. */
#include "abi.h"
#define P 4096L
static int sum(const char *at, long n) { int s = 0; while (n--) s += *at++ != 0; return s; }
int main(void) {
  int status; pid_t pid;
  char *m = mmap(NULL, 8 * P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); memset(m, 1, 8 * P);
  SHOW(madvise(m + P, 2 * P, MADV_REMOVE)); SHOW(sum(m, 8 * P)); SHOW(madvise(m + P + 1, P, MADV_REMOVE)); SHOW(madvise(m, 0, MADV_REMOVE)); m[P] = 7; SHOW(sum(m, 8 * P));
  /* Another process sees the same, whether it has the pages or not; and the one that is read only may not. */
  int p[2], q[2]; char c; if (pipe(p) || pipe(q)) return 1;
  pid = fork(); if (pid == 0) { int before = sum(m, 8 * P); if (write(q[1], "r", 1) != 1 || read(p[0], &c, 1) != 1) _exit(1); SHOW(before); SHOW(sum(m, 8 * P)); SHOW(madvise(m + 7 * P, P, MADV_REMOVE)); _exit(0); }
  if (read(q[0], &c, 1) != 1) return 1; SHOW(madvise(m + 4 * P, 2 * P, MADV_REMOVE)); if (write(p[1], "x", 1) != 1) return 1; waitpid(pid, &status, 0); SHOW(sum(m, 8 * P)); SHOW(mprotect(m, 8 * P, PROT_READ)); SHOW(madvise(m, P, MADV_REMOVE)); SHOW(sum(m, 8 * P));
  SHOW(munmap(m + 2 * P, P)); SHOW(madvise(m, 8 * P, MADV_REMOVE)); SHOW(sum(m, 2 * P)); SHOW(sum(m + 3 * P, 5 * P));
  char *private = mmap(NULL, 2 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); memset(private, 1, P); SHOW(madvise(private, P, MADV_REMOVE)); SHOW(sum(private, P));
  int fd = memfd_create("holes", MFD_ALLOW_SEALING); SHOW(ftruncate(fd, 16 * P)); char *f = mmap(NULL, 16 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); memset(f, 3, 16 * P);
  char *late = mmap(NULL, 4 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 8 * P); SHOW(madvise(late, 4 * P, MADV_REMOVE)); SHOW(sum(f, 16 * P)); SHOW(madvise(f + 2 * P, 2 * P, MADV_REMOVE)); SHOW(lseek(fd, 0, SEEK_END)); SHOW(sum(f, 16 * P));
  SHOW(madvise(f, 2 * P, MADV_REMOVE)); SHOW(munmap(late, 4 * P));
  char *copy = mmap(NULL, 16 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0); SHOW(madvise(copy, P, MADV_REMOVE)); copy[5 * P] = 9; SHOW(madvise(f + 5 * P, P, MADV_REMOVE)); SHOW(sum(copy + 5 * P, P)); SHOW(f[5 * P]);
  char name[64]; snprintf(name, sizeof name, "/proc/self/fd/%d", fd); int ro = open(name, O_RDONLY); char *r = mmap(NULL, P, PROT_READ, MAP_SHARED, ro, 6 * P); SHOW(madvise(r, P, MADV_REMOVE)); SHOW(*r);
  SHOW(mlock(f + 6 * P, P)); SHOW(madvise(f + 6 * P, P, MADV_REMOVE)); SHOW(munlock(f + 6 * P, P)); SHOW(madvise(f + 6 * P, P, MADV_REMOVE)); SHOW(*r);
  SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE)); SHOW(madvise(f + 7 * P, P, MADV_REMOVE)); SHOW(f[7 * P]);
  return 0;
}
