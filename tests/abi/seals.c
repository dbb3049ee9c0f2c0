#include "abi.h"

/* Seals of files (fcntl(2), "File Sealing") and of memory (mseal(2)). */

#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#define PAGE 4096
/* The address of a mapping differs; whether there is one doesn't. */
#define MAPS(e) do { errno = 0; map = (e); int e_ = errno; printf("%s: %s\n", #e, map == MAP_FAILED ? name_of(e_) : "mapped"); fflush(stdout); } while (0)

static void *map;
static char page[PAGE];

static int memfd(unsigned flags) {
  int fd = syscall(SYS_memfd_create, "sealed", flags);
  if (fd < 0 || ftruncate(fd, 2 * PAGE)) exit(1);
  return fd;
}

static void write_seals(int seal) {
  int fd = memfd(2);
  SHOW(fcntl(fd, F_GET_SEALS)); MAPS(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)); SHOW(fcntl(fd, F_ADD_SEALS, seal)); char *writable = map; if (seal == F_SEAL_WRITE) munmap(writable, PAGE);
  /* A mapping that may be made writable counts; one through a descriptor for reading doesn't. */
  char name[64]; sprintf(name, "/proc/self/fd/%d", fd); int reader = open(name, O_RDONLY); MAPS(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0)); SHOW(mprotect(map, PAGE, PROT_READ | PROT_WRITE)); munmap(map, PAGE);
  if (seal == F_SEAL_WRITE) { MAPS(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0)); SHOW(fcntl(fd, F_ADD_SEALS, seal)); munmap(map, PAGE); SHOW(fcntl(fd, F_ADD_SEALS, seal)); }
  SHOW(fcntl(fd, F_GET_SEALS)); MAPS(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)); MAPS(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0)); SHOW(mprotect(map, PAGE, PROT_READ | PROT_WRITE)); SHOW(mprotect(map, PAGE, PROT_NONE)); SHOW(mprotect(map, PAGE, PROT_READ));
  void *moved = mremap(map, PAGE, 2 * PAGE, MREMAP_MAYMOVE); SHOW(mprotect(moved, PAGE, PROT_WRITE)); void *copy = mremap(moved, 0, PAGE, MREMAP_MAYMOVE); HOLDS(copy != MAP_FAILED); SHOW(mprotect(copy, PAGE, PROT_WRITE));
  int child = fork(); if (child == 0) { SHOW(mprotect(moved, PAGE, PROT_WRITE)); _exit(0); } waitpid(child, NULL, 0);
  MAPS(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0)); *(char *)map = 1;
  SHOW(write(fd, "x", 1)); SHOW(pwrite(fd, "x", 1, 0)); SHOW(ftruncate(fd, PAGE)); SHOW(ftruncate(fd, 3 * PAGE)); SHOW(fallocate(fd, 0, 0, 4 * PAGE)); SHOW(fallocate(fd, 3, 0, PAGE)); int other = memfd(0); SHOW(copy_file_range(other, NULL, fd, NULL, PAGE, 0));
  if (seal == F_SEAL_FUTURE_WRITE) { *writable = 'A'; SHOW(pread(fd, page, 1, 0)); SHOW(*page); SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); munmap(writable, PAGE); SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); }
  close(fd); close(other); close(reader);
}

static void other_seals(void) {
  int fd = memfd(2);
  SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)); SHOW(ftruncate(fd, 3 * PAGE)); SHOW(pwrite(fd, "xy", 2, 2 * PAGE - 1)); SHOW(pwrite(fd, "x", 1, 2 * PAGE)); SHOW(fallocate(fd, 0, PAGE, 2 * PAGE)); SHOW(ftruncate(fd, PAGE));
  SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)); SHOW(ftruncate(fd, 1)); SHOW(ftruncate(fd, PAGE)); SHOW(fcntl(fd, F_ADD_SEALS, 0x100)); SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL)); SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); SHOW(fcntl(fd, F_GET_SEALS)); close(fd);
  fd = memfd(0); SHOW(fcntl(fd, F_GET_SEALS)); SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); close(fd);
  fd = memfd(2); fchmod(fd, 0777); SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC)); SHOW(fcntl(fd, F_GET_SEALS)); SHOW(fchmod(fd, 0666)); SHOW(fchmod(fd, 0711)); SHOW(fchmod(fd, 0777)); close(fd);
  fd = memfd(8); SHOW(fcntl(fd, F_GET_SEALS)); SHOW(fchmod(fd, 0777)); SHOW(fchmod(fd, 0600)); close(fd);
  fd = open("/dev/shm/seal-test", O_RDWR | O_CREAT, 0600); unlink("/dev/shm/seal-test"); SHOW(fcntl(fd, F_GET_SEALS)); SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)); close(fd);
  int p[2]; if (pipe(p)) exit(1); SHOW(fcntl(p[0], F_GET_SEALS)); SHOW(fcntl(p[1], F_ADD_SEALS, F_SEAL_GROW)); SHOW(fcntl(p[0], F_ADD_SEALS, F_SEAL_GROW));
}

static void memory(void) {
  char *a; MAPS(mmap(NULL, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); a = map;
  SHOW(syscall(SYS_mseal, a + 1, PAGE, 0)); SHOW(syscall(SYS_mseal, a, PAGE, 1)); SHOW(syscall(SYS_mseal, a, 0, 0)); munmap(a + 7 * PAGE, PAGE); SHOW(syscall(SYS_mseal, a + 6 * PAGE, 2 * PAGE, 0)); SHOW(syscall(SYS_mseal, a + 2 * PAGE, PAGE + 1, 0));
  SHOW(mprotect(a + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE)); SHOW(mprotect(a + 3 * PAGE, PAGE, PROT_NONE)); SHOW(mprotect(a, PAGE, PROT_READ | PROT_WRITE)); SHOW(munmap(a, 4 * PAGE)); *a = 1; SHOW(munmap(a + 3 * PAGE, PAGE)); SHOW(munmap(a + 4 * PAGE, PAGE));
  MAPS(mremap(a + 2 * PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE)); MAPS(mremap(a + 2 * PAGE, 2 * PAGE, PAGE, 0)); MAPS(mremap(a, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, a + 2 * PAGE)); MAPS(mmap(a + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  /* What is given up of the old place is sealed. */
  MAPS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); MAPS(mremap(a, 4 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, map)); SHOW(msync(a, PAGE, MS_ASYNC));
  SHOW(madvise(a + 2 * PAGE, PAGE, MADV_DONTNEED)); SHOW(madvise(a + 2 * PAGE, PAGE, MADV_WILLNEED)); SHOW(madvise(a, PAGE, MADV_DONTNEED)); SHOW(syscall(SYS_mseal, a, PAGE, 0)); SHOW(madvise(a, PAGE, MADV_DONTNEED)); SHOW(*a); *a = 2; SHOW(*a); SHOW(syscall(SYS_mseal, a, PAGE, 0));
  int child = fork(); if (child == 0) { SHOW(munmap(a + 2 * PAGE, PAGE)); _exit(0); } waitpid(child, NULL, 0);
  char *top = sbrk(PAGE); SHOW(syscall(SYS_mseal, (char *)((long)sbrk(0) - 1 & -PAGE), PAGE, 0)); SHOW(brk(top));
}

static void advice(void) {
  char *a; MAPS(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); a = map; memset(a, 1, 4 * PAGE);
  SHOW(mlock(a, PAGE)); SHOW(madvise(a, PAGE, MADV_DONTNEED)); SHOW(madvise(a, PAGE, MADV_FREE)); SHOW(madvise(a, PAGE, 24)); SHOW(*a); SHOW(madvise(a, PAGE, 20)); SHOW(madvise(a, PAGE, 21)); SHOW(madvise(a + PAGE, PAGE, MADV_DONTNEED)); SHOW(a[PAGE]); SHOW(madvise(a, PAGE, 1000)); SHOW(madvise(a + 1, PAGE, MADV_NORMAL)); munlock(a, PAGE); SHOW(madvise(a, PAGE, MADV_DONTNEED));
}

int main(void) {
  write_seals(F_SEAL_WRITE); write_seals(F_SEAL_FUTURE_WRITE); other_seals(); memory(); advice();
  return 0;
}
