#include "abi.h"
#include <setjmp.h>
static sigjmp_buf jump; static void fault(int s) { siglongjmp(jump, s); }
#define FAULTS(e) ({ int s_ = sigsetjmp(jump, 1); if (!s_) { e; } s_; })
int main(void) {
  signal(SIGSEGV, fault); signal(SIGBUS, fault);
  char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int zero = 1; for (int i = 0; i < 16384; i++) zero &= p[i] == 0; SHOW(zero);
  memset(p, 7, 16384); SHOW(mprotect(p + 4096, 4096, PROT_READ)); SHOW(FAULTS(p[4096] = 1)); SHOW(p[4096]); SHOW(FAULTS(p[8192] = 2));
  SHOW(mprotect(p, 4096, PROT_NONE)); SHOW(FAULTS(p[0] = 1)); SHOW(FAULTS(zero = *(volatile char *)p)); SHOW(mprotect(p, 16384, PROT_READ | PROT_WRITE)); SHOW(p[0]);
  SHOW(munmap(p + 4096, 4096)); SHOW(FAULTS(p[4096] = 1)); SHOW(FAULTS(p[0] = 1)); SHOW(mprotect(p, 16384, PROT_READ)); SHOW(munmap(p + 1, 10)); SHOW(munmap(p, 0)); SHOW(munmap(p, 16384));
  SHOW((long)mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); SHOW((long)mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0)); SHOW((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 99, 0));
  /* Files: private and shared, coherent with read and write. */
  int fd = open("/tmp/mapped", O_CREAT | O_RDWR | O_TRUNC, 0600); char buffer[32] = {0};
  if (write(fd, "hello world", 11) != 11) return 1;
  char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  SHOW(memcmp(shared, "hello world", 11)); private[0] = 'J'; SHOW(shared[0] == 'h'); shared[1] = 'a'; SHOW(pread(fd, buffer, 5, 0)); puts(buffer);
  SHOW(pwrite(fd, "XY", 2, 3)); SHOW(shared[3] == 'X' && shared[4] == 'Y'); SHOW(private[3] == 'l'); SHOW(private[1] == 'e'); SHOW(shared[11]);
  pid_t pid = fork(); if (pid == 0) { shared[2] = 'Q'; private[2] = 'Z'; _exit(private[0]); } int status; waitpid(pid, &status, 0);
  SHOW(WEXITSTATUS(status) == 'J'); SHOW(shared[2] == 'Q'); SHOW(private[2] == 'l');
  SHOW(msync(shared, 4096, MS_SYNC)); SHOW(msync(shared + 1, 10, MS_SYNC)); SHOW(ftruncate(fd, 0)); SHOW(FAULTS(zero = *(volatile char *)shared)); close(fd);
  fd = open("/tmp/mapped", O_RDONLY); SHOW((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)); HOLDS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED); close(fd); unlink("/tmp/mapped");
  /* Shared anonymous memory and copy-on-write across fork. */
  int *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *own = 1; for (int i = 0; i < 4; i++) if (fork() == 0) { __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST); *own = 99; _exit(0); }
  while (wait(NULL) > 0) {} SHOW(*counter); SHOW(*own);
  /* mremap keeps content, grows, moves. */
  char *r = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); strcpy(r, "kept"); strcpy(r + 4096, "second");
  char *moved = mremap(r, 8192, 1 << 20, MREMAP_MAYMOVE); HOLDS(moved != MAP_FAILED); puts(moved); puts(moved + 4096); SHOW(moved[1 << 19]); moved[(1 << 20) - 1] = 5;
  SHOW((long)mremap(moved + 1, 4096, 8192, 0)); HOLDS(mremap(moved, 1 << 20, 4096, 0) == moved); SHOW(FAULTS(moved[4096] = 1));
  char *target = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); HOLDS(mremap(moved, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target); puts(target); SHOW(FAULTS(zero = *(volatile char *)moved));
  /* Fixed places. */
  char *fixed = mmap(target, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); HOLDS(fixed == target); SHOW(fixed[0]);
  SHOW((long)mmap(target, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)); SHOW((long)mmap(target + 1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  /* madvise drops, the heap grows and shrinks. */
  fixed[0] = 9; SHOW(madvise(fixed, 4096, MADV_DONTNEED)); SHOW(fixed[0]); SHOW(madvise(fixed + 1, 4096, MADV_DONTNEED)); SHOW(madvise(fixed, 4096, 12345));
  char *heap = sbrk(0); HOLDS(sbrk(1 << 20) == heap); heap[(1 << 20) - 1] = 1; HOLDS(sbrk(-(1 << 20)) != (void *)-1); HOLDS(sbrk(0) == heap);
  unsigned char vec[4]; char *inc = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); inc[0] = 1; SHOW(mincore(inc, 8192, vec)); SHOW(vec[0] & 1); SHOW(vec[1] & 1); munmap(inc, 8192); SHOW(mincore(inc, 8192, vec));
  /* The stack grows; unaligned accesses work, across pages too. */
  volatile char deep[1 << 20]; deep[0] = 1; deep[(1 << 20) - 1] = 2; SHOW(deep[0] + deep[(1 << 20) - 1]);
  char *u = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); *(volatile long *)(u + 4093) = 0x1122334455667788; SHOW(*(volatile long *)(u + 4093) == 0x1122334455667788); SHOW(u[4096] == 0x55); *(volatile double *)(u + 4091) = 1.5; SHOW(*(volatile double *)(u + 4091) == 1.5);
  /* Code written at run time, changed and run again. */
  unsigned *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); int sum = 0;
  for (int i = 0; i < 300; i++) { WRITE_RETURN(code, i % 7); __builtin___clear_cache((char *)code, (char *)(code + 2)); for (int k = 0; k < 10; k++) sum += ((int (*)(void))code)(); } SHOW(sum);
  SHOW(mprotect(code, 4096, PROT_READ | PROT_EXEC)); SHOW(((int (*)(void))code)()); SHOW(FAULTS(code[0] = 0)); SHOW(mprotect(code, 4096, PROT_READ | PROT_WRITE)); SHOW(FAULTS(((int (*)(void))code)()));
  /* A memfd mapped twice: one to write code, one to run it. */
  int m = memfd_create("code", 0); if (ftruncate(m, 4096)) return 1; unsigned *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0); int (*x)(void) = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, m, 0); sum = 0;
  for (int i = 0; i < 50; i++) { WRITE_RETURN(w, i); __builtin___clear_cache((char *)x, (char *)x + 8); sum += x(); } SHOW(sum);
  /* Code that writes over itself through its file. */
  const unsigned char self[] = PWRITE_RETURN_1; m = open("/tmp/self", O_CREAT | O_RDWR | O_TRUNC, 0700); if (pwrite(m, self, sizeof self, 0) != sizeof self) return 1;
  int (*rewrite)(int, const void *, long, long) = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, m, 0); unlink("/tmp/self"); unsigned char two[4]; memcpy(two, self + RETURNED_AT, 4); two[RETURNED_BYTE] = RETURNED_2; sum = 0;
  for (int i = 0; i < 200000; i++) sum += rewrite(m, two, 0, RETURNED_AT); SHOW(sum); SHOW(rewrite(m, two, 4, RETURNED_AT));
  /* Mapping a file is an access to it, when its content has changed since the last one. */
  struct stat before, after; int opened = open("/tmp/mapped", O_CREAT | O_RDWR | O_TRUNC, 0600); if (write(opened, "x", 1) != 1) return 1; fstat(opened, &before); usleep(20000);
  HOLDS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, opened, 0) != MAP_FAILED); fstat(opened, &after); HOLDS(after.st_atim.tv_sec > before.st_atim.tv_sec || after.st_atim.tv_nsec > before.st_atim.tv_nsec); unlink("/tmp/mapped");
  SHOW(munlock((void *)(0x7fffffffffffffff - 4095), 8192)); SHOW(mlock((void *)(0x7fffffffffffffff - 4095), 8192));
  /* Locks: what is seen of them. A forked child has none. */
  char *lk = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); unsigned char in[3]; SHOW(mlock(lk + 4096, 10)); SHOW(mincore(lk, 3 * 4096, in)); SHOW(in[1] & 1); SHOW(msync(lk, 4096, MS_SYNC | MS_INVALIDATE)); SHOW(msync(lk + 4096, 4096, MS_SYNC | MS_INVALIDATE)); SHOW(msync(lk + 4096, 4096, MS_SYNC)); pid_t lockless = fork(); if (lockless == 0) { SHOW(msync(lk + 4096, 4096, MS_SYNC | MS_INVALIDATE)); _exit(0); } waitpid(lockless, NULL, 0); SHOW(munlock(lk, 3 * 4096)); SHOW(msync(lk, 3 * 4096, MS_SYNC | MS_INVALIDATE));
  SHOW(mlock((void *)0x7ffffffffffff000, 8)); SHOW(mlock((void *)4096, 1)); SHOW(munlock((void *)4096, 1)); SHOW(mlock(lk, 0)); munmap(lk + 4096, 4096); SHOW(mlock(lk, 3 * 4096)); SHOW(syscall(SYS_mlock2, lk, 4096, 1)); SHOW(msync(lk, 4096, MS_INVALIDATE)); SHOW(syscall(SYS_mlock2, lk, 4096, 2)); SHOW(munlockall()); SHOW(msync(lk, 4096, MS_INVALIDATE)); SHOW(mlockall(0)); SHOW(mlockall(4)); SHOW(mlockall(8)); SHOW(mlockall(MCL_FUTURE)); char *fresh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); SHOW(msync(fresh, 4096, MS_INVALIDATE)); SHOW(msync(lk, 4096, MS_INVALIDATE)); SHOW(munlockall()); SHOW(msync(fresh, 4096, MS_INVALIDATE));
  /* Offsets and lengths beyond any file; a mapping's first write is a change of the file. */
  int big = open("/tmp/mapped", O_CREAT | O_RDWR | O_TRUNC, 0600); SHOW(mmap(NULL, -4096ul, PROT_READ, MAP_SHARED, big, -4096) == MAP_FAILED); SHOW(errno == ENOMEM || errno == EOVERFLOW); SHOW((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, big, -4096)); SHOW((long)mmap(NULL, -1ul, PROT_READ, MAP_SHARED, big, 0)); SHOW((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, big, 7));
  if (ftruncate(big, 8192)) return 1; struct timespec old[2] = {{1000, 0}, {1000, 0}}; futimens(big, old); char *mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, big, 0); mapped[0] = 1; msync(mapped, 8192, MS_SYNC); fstat(big, &after); SHOW(after.st_mtime > 1000); SHOW(after.st_atime > 1000); unlink("/tmp/mapped");
  return 0;
}
