/* Mappings above 4 GiB: reservations larger than any memory, sparse use, copy-on-write, faults, threads. */
#include "abi.h"
#include <pthread.h>
#include <spawn.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/uio.h>
#define GIB (1ul << 30)
#define RESERVED MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
static sigjmp_buf jump; static void *volatile where; static volatile int code_of;
static void fault(int s, siginfo_t *info, void *context) { where = info->si_addr; code_of = info->si_code; siglongjmp(jump, s); }
#define FAULTS(e) ({ int s_ = sigsetjmp(jump, 1); if (!s_) { e; } s_; })
#define FAULT_AT(e, place) do { int s_ = FAULTS(e); printf("%s: %d code %d%s\n", #e, s_, s_ ? code_of : 0, s_ && where == (void *)(place) ? " there" : ""); fflush(stdout); } while (0)

/* A table of 64-bit words all over a large reservation, as a garbage collector's heap. */
static uint64_t scatter(char *base, size_t size, int count) {
  uint64_t sum = 0, x = 88172645463325252ull;
  for (int pass = 0; pass < 2; pass++) {
    x = 88172645463325252ull;
    for (int i = 0; i < count; i++) {
      x ^= x << 13; x ^= x >> 7; x ^= x << 17;
      uint64_t *at = (uint64_t *)(base + 4096 * 3 + (x % (size / 4096 / 997 - 1)) * 997 * 4096 + (x >> 40) % 512 * 8);
      if (pass == 0) *at = x; else sum = sum * 31 + *at;
    }
  }
  return sum;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long *shared_counter;
static void *count(void *argument) {
  volatile char local[4096]; local[0] = 1;
  for (int i = 0; i < 2000; i++) {
    __atomic_fetch_add(&shared_counter[0], local[0], __ATOMIC_SEQ_CST);
    long seen = __atomic_load_n(&shared_counter[1], __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&shared_counter[1], &seen, seen + 2, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {}
    pthread_mutex_lock(&lock); shared_counter[2]++; pthread_mutex_unlock(&lock);
    if (i % 500 == 0) sched_yield();
  }
  return argument;
}

int main(int count_of_arguments, char **arguments) {
  if (count_of_arguments > 1) return strcmp(arguments[1], "a program of its own") == 0 ? 5 : 6;
  struct sigaction action = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO }; sigaction(SIGSEGV, &action, NULL); sigaction(SIGBUS, &action, NULL);
  int status; volatile long sink; struct iovec vector[2];
  char *before = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); strcpy(before, "below");

  /* Sparse use of 8 GiB. */
  char *big = mmap(NULL, 8 * GIB, PROT_READ | PROT_WRITE, RESERVED, -1, 0); HOLDS(big != MAP_FAILED); HOLDS((uintptr_t)big >> 47 == 0);
  for (int i = 0; i < 8; i++) { SHOW(big[i * GIB]); big[i * GIB] = i + 1; big[(i + 1) * GIB - 1] = i + 10; }
  long total = 0; for (int i = 0; i < 8; i++) total += big[i * GIB] * 100 + big[(i + 1) * GIB - 1]; SHOW(total); puts(before);
  SHOW(scatter(big, 8 * GIB, 3000)); FAULT_AT(big[8 * GIB] = 1, big + 8 * GIB);

  /* A reservation, of which pieces become usable and go again. */
  char *space = mmap(NULL, 64 * GIB, PROT_NONE, RESERVED, -1, 0); HOLDS(space != MAP_FAILED);
  FAULT_AT(sink = *(volatile char *)(space + 40 * GIB), space + 40 * GIB); SHOW(mprotect(space + 40 * GIB, 1 << 20, PROT_READ | PROT_WRITE));
  memset(space + 40 * GIB, 5, 1 << 20); SHOW(space[40 * GIB + 12345]); FAULT_AT(space[40 * GIB + (1 << 20)] = 1, space + 40 * GIB + (1 << 20));
  SHOW(mprotect(space + 40 * GIB, 4096, PROT_READ)); FAULT_AT(space[40 * GIB + 8] = 1, space + 40 * GIB + 8); SHOW(space[40 * GIB + 8]); space[40 * GIB + 4096] = 6;
  SHOW(madvise(space + 40 * GIB, 1 << 20, MADV_DONTNEED)); SHOW(space[40 * GIB + 4096]);
  HOLDS(mmap(space + 50 * GIB, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == space + 50 * GIB); space[50 * GIB] = 1;
  SHOW(munmap(space + 50 * GIB, 4096)); FAULT_AT(space[50 * GIB] = 1, space + 50 * GIB); SHOW(munmap(space, 64 * GIB)); FAULT_AT(sink = space[40 * GIB], space + 40 * GIB);

  /* Fixed places. */
  char *fixed = mmap((void *)0x1000000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); HOLDS(fixed == (void *)0x1000000000); strcpy(fixed + 4090, "across the pages"); puts(fixed + 4090);
  SHOW((long)mmap(fixed, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)); HOLDS(mmap(fixed + 8192, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == fixed + 8192);
  SHOW((long)mmap((void *)0x7ffffffff000, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)); SHOW((long)mmap(NULL, 1ul << 47, PROT_NONE, RESERVED, -1, 0)); SHOW((long)mmap(NULL, -4096ul, PROT_NONE, RESERVED, -1, 0));
  SHOW((long)mmap((void *)-4096l, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)); SHOW(munmap((void *)0x7ffffffff000, 1ul << 40)); SHOW(munmap(fixed + 8192, 4096)); SHOW((long)mmap(NULL, 1ul << 46, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

  /* Misaligned accesses in a page and across two; loads, stores, floating point; the second page missing. */
  for (int at = 4089; at < 4097; at++) { *(volatile uint64_t *)(fixed + at) = 0x1122334455667788; *(volatile uint32_t *)(fixed + at + 100) = 0xdeadbeef; *(volatile double *)(fixed + at + 200) = 2.5; *(volatile uint16_t *)(fixed + at + 301) = 0xfedc;
    SHOW(*(volatile uint64_t *)(fixed + at) == 0x1122334455667788); SHOW(*(volatile int32_t *)(fixed + at + 100)); SHOW(*(volatile double *)(fixed + at + 200) == 2.5); SHOW(*(volatile int16_t *)(fixed + at + 301)); }
  FAULT_AT(*(volatile uint64_t *)(fixed + 8190) = 1, fixed + 8192);

  /* Faults where nothing is, with all bits of the address, and system calls that are given such addresses. */
  FAULT_AT(sink = *(volatile char *)0x600000001230, 0x600000001230); FAULT_AT(*(volatile char *)0x100000000 = 1, 0x100000000); FAULT_AT(*(volatile int *)(0x100000000 + (uintptr_t)&status % 4096) = 1, 0x100000000 + (uintptr_t)&status % 4096); FAULT_AT(sink = *(volatile char *)8, 8);
  SHOW(write(1, (void *)0x600000001230, 4)); SHOW(getcwd((void *)0x600000001230, 100) != NULL); SHOW(mincore((void *)0x600000001000, 4096, (void *)fixed)); SHOW(msync((void *)0x600000001000, 4096, MS_SYNC)); SHOW(mprotect((void *)0x600000001000, 4096, PROT_READ));
  strcpy(big + 3 * GIB - 4099, "written from above 4 GiB\n"); SHOW(write(1, big + 3 * GIB - 4099, 25)); vector[0] = (struct iovec){ big + 3 * GIB - 4099, 8 }; vector[1] = (struct iovec){ fixed + 4094, 4 };
  int ends[2]; if (pipe(ends)) return 1; SHOW(writev(ends[1], vector, 2)); SHOW(read(ends[0], big + 5 * GIB - 4100, 100)); SHOW(memcmp(big + 5 * GIB - 4100, "written ", 8));

  /* Copy-on-write, and memory that is shared. */
  long *shared = mmap(NULL, 5 * GIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); HOLDS(shared != MAP_FAILED); long *far = shared + 4 * GIB / 8;
  for (int child = 0; child < 3; child++) if (fork() == 0) {
    for (int i = 0; i < 8; i++) if (big[i * GIB] != i + 1) _exit(1);
    for (int i = 0; i < 8; i++) big[i * GIB] = 100 + child;
    char *more = mmap(NULL, 6 * GIB, PROT_READ | PROT_WRITE, RESERVED, -1, 0); more[5 * GIB] = 1;
    __atomic_add_fetch(far, big[7 * GIB] + more[5 * GIB], __ATOMIC_SEQ_CST); _exit(fixed[0] + 3);
  }
  while (wait(&status) > 0) SHOW(WEXITSTATUS(status)); SHOW(*far); total = 0; for (int i = 0; i < 8; i++) total += big[i * GIB]; SHOW(total);
  big[2 * GIB] = 50; SHOW(big[2 * GIB]); strcpy(before, "still"); puts(before);
  pid_t spawned; char *again[] = { "program", "a program of its own", NULL }; SHOW(posix_spawn(&spawned, "/proc/self/exe", NULL, NULL, again, NULL)); waitpid(spawned, &status, 0); SHOW(WEXITSTATUS(status)); SHOW(big[2 * GIB]);
  pid_t pid = fork(); if (pid == 0) { signal(SIGSEGV, SIG_DFL); big[8 * GIB] = 1; _exit(0); } waitpid(pid, &status, 0); SHOW(WTERMSIG(status));

  /* Which pages are there; what is locked or populated. */
  unsigned char there[3]; char *few = mmap(NULL, 9 * GIB, PROT_READ | PROT_WRITE, RESERVED, -1, 0); few[8 * GIB + 4096] = 1; SHOW(mincore(few + 8 * GIB, 12288, there)); SHOW((there[0] & 1) * 4 + (there[1] & 1) * 2 + (there[2] & 1));
  SHOW(madvise(few + 7 * GIB, 8192, 23)); SHOW(mincore(few + 7 * GIB, 12288, there)); SHOW((there[0] & 1) * 4 + (there[1] & 1) * 2 + (there[2] & 1)); unsigned char *pages = mmap(NULL, 9 * GIB / 4096, PROT_READ | PROT_WRITE, RESERVED, -1, 0);
  SHOW(mincore(few, 9 * GIB, pages)); long resident = 0; for (size_t i = 0; i < 9 * GIB / 4096; i++) resident += pages[i] & 1; SHOW(resident); SHOW(munmap(few, 9 * GIB));
  HOLDS(mmap(NULL, 1ul << 45, PROT_NONE, RESERVED | MAP_POPULATE, -1, 0) != MAP_FAILED);

  /* mremap to above and back, in place, shrinking; page tables come and go. */
  strcpy(before, "moved"); char *target = big + 6 * GIB + 4096 * 7; char *moved = mremap(before, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, target); HOLDS(moved == target); puts(moved); FAULT_AT(sink = *(volatile char *)before, before);
  char *grown = mremap(moved, 4096, 9 * GIB, MREMAP_MAYMOVE); HOLDS(grown != MAP_FAILED && grown != moved); puts(grown); grown[8 * GIB] = 4; SHOW(grown[8 * GIB]); SHOW(mremap(grown, 9 * GIB, 8192, 0) == grown); FAULT_AT(grown[8192] = 1, grown + 8192);
  char *back = mremap(grown, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, before); SHOW(back == before ? 0 : -1); puts(back); SHOW(mremap(back, 8192, 4096, MREMAP_MAYMOVE) == back);
  for (int i = 0; i < 200; i++) { char *p = mmap((void *)(0x200000000000 + i * (GIB * 5)), 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); p[0] = i; if (p[0] != (char)i || munmap(p, 4096)) return 2; }

  /* A file, seen twice. */
  int fd = open("/tmp/wide", O_CREAT | O_RDWR | O_TRUNC, 0600); if (write(fd, "content of a file", 17) != 17) return 1;
  char *file = mmap((void *)0x300000000000, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0), *private = mmap((void *)0x300000100000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
  puts(private); file[0] = 'C'; puts(private); private[1] = 'O'; SHOW(pwrite(fd, "xx", 2, 3)); puts(file); puts(private); FAULT_AT(sink = *(volatile char *)(file + 4096), file + 4096); SHOW(ftruncate(fd, 0)); FAULT_AT(sink = *(volatile char *)file, file); unlink("/tmp/wide");

  /* Threads whose stacks, counters and lock lie above. */
  pthread_t threads[4]; shared_counter = (long *)(big + 4 * GIB + 64); memset(shared_counter, 0, 64);
  for (int i = 0; i < 4; i++) { pthread_attr_t attributes; pthread_attr_init(&attributes); pthread_attr_setstack(&attributes, big + i * (GIB / 8) + 65536, 1 << 18); SHOW(pthread_create(&threads[i], &attributes, count, (void *)(long)(i + 1))); }
  for (int i = 0; i < 4; i++) { void *result; pthread_join(threads[i], &result); SHOW((long)result); } SHOW(shared_counter[0]); SHOW(shared_counter[1]); SHOW(shared_counter[2]);

  /* A handler on a stack above; code that is written and run by a wide process. */
  stack_t alternative = { .ss_sp = big + 2 * GIB + 4096, .ss_size = 1 << 16 }; SHOW(sigaltstack(&alternative, NULL)); action.sa_flags |= SA_ONSTACK; sigaction(SIGSEGV, &action, NULL); FAULT_AT(big[8 * GIB + 16] = 1, big + 8 * GIB + 16);
  unsigned *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); int sum = 0;
  for (int i = 0; i < 300; i++) { WRITE_RETURN(code, i % 7); __builtin___clear_cache((char *)code, (char *)(code + 2)); for (int k = 0; k < 10; k++) sum += ((int (*)(void))code)(); } SHOW(sum);
  alternative.ss_flags = SS_DISABLE; SHOW(sigaltstack(&alternative, NULL)); SHOW(scatter(big, 8 * GIB, 3000)); SHOW(munmap(big, 8 * GIB)); FAULT_AT(sink = big[GIB], big + GIB);
  return 0;
}
