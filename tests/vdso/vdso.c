/* What programs do with the vDSO (vdso(7)): find its functions by the dynamic symbols, ask them and the kernel by turns,
   unwind out of a signal handler, try to change what is everybody's. Each line is a fact; the test knows which. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

static char *base;
static const char *strings;
static const Elf64_Sym *symbols;
static unsigned count;

static void parse(void) {
  Elf64_Ehdr *header = (void *)(base = (char *)getauxval(AT_SYSINFO_EHDR));
  Elf64_Phdr *segment = (void *)(base + header->e_phoff);
  for (int i = 0; i < header->e_phnum; i++)
    if (segment[i].p_type == PT_DYNAMIC)
      for (Elf64_Dyn *d = (void *)(base + segment[i].p_vaddr); d->d_tag; d++) {
        if (d->d_tag == DT_STRTAB) strings = base + d->d_un.d_ptr;
        if (d->d_tag == DT_SYMTAB) symbols = (void *)(base + d->d_un.d_ptr);
        if (d->d_tag == DT_HASH) count = ((unsigned *)(base + d->d_un.d_ptr))[1];
      }
}

static void *find(const char *name) {
  for (unsigned i = 1; i < count; i++)
    if (strcmp(strings + symbols[i].st_name, name) == 0) return base + symbols[i].st_value;
  printf("%s: missing\n", name);
  return NULL;
}

static int64_t ns(struct timespec t) { return t.tv_sec * 1000000000LL + t.tv_nsec; }

static int (*gettime)(clockid_t, struct timespec *);

/* Between two answers of the kernel? A few nanoseconds of rounding are allowed for. */
static int is_between(clockid_t clock) {
  struct timespec before, now, after;
  syscall(SYS_clock_gettime, clock, &before);
  if (gettime(clock, &now) != 0) return -1;
  syscall(SYS_clock_gettime, clock, &after);
  return ns(before) <= ns(now) && ns(now) <= ns(after) && now.tv_nsec >= 0 && now.tv_nsec < 1000000000;
}

static void clocks(const char *where) {
  static const clockid_t all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11};
  int good = 0;
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
    for (int round = 0; round < 50; round++) good += is_between(all[i]);
  struct timespec t;
  printf("%s: %d readings lie between the kernel's; clock 10: %d, 12: %d, -1: %d\n", where, good, gettime(10, &t),
         gettime(12, &t), gettime(-1, &t));
}

static int frames;
static int found;
static uintptr_t outside;
static void skip(int, siginfo_t *, void *);

static _Unwind_Reason_Code frame(struct _Unwind_Context *context, void *unused) {
  (void)unused;
  int before;
  uintptr_t ip = _Unwind_GetIPInfo(context, &before);
  frames++;
  found += ip >= outside && ip < (uintptr_t)skip;
  return frames > 40 ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static void handler(int signal) {
  (void)signal;
  _Unwind_Backtrace(frame, NULL);
}

static int raiser(int depth) {
  outside = (uintptr_t)raiser;
  if (depth > 0) return raiser(depth - 1) + 1;
  *(volatile int *)8 = 1; /* an asynchronous one: nothing was saved for it */
  return 0;
}

static void skip(int signal, siginfo_t *info, void *context) {
  (void)info;
  handler(signal);
  unsigned long *pc = ((ucontext_t *)context)->uc_mcontext.__gregs;
  *pc += (*(uint16_t *)*pc & 3) == 3 ? 4 : 2;
}

static void spaces(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWTIME) != 0) {
    printf("unshare: %s\n", strerror(errno));
    return;
  }
  int fd = open("/proc/self/timens_offsets", O_WRONLY);
  const char offsets[] = "monotonic 100000 5\nboottime 200000 7\n";
  if (write(fd, offsets, sizeof offsets - 1) < 0) printf("offsets: %s\n", strerror(errno));
  close(fd);
  clocks("before the child");
  fflush(stdout);
  if (fork() == 0) {
    struct timespec monotonic;
    gettime(CLOCK_MONOTONIC, &monotonic);
    clocks("child of another time");
    printf("its monotonic clock is ahead: %d\n", monotonic.tv_sec >= 100000);
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
}

int main(int argc, char **argv) {
  (void)argv;
  parse();
  gettime = find("__vdso_clock_gettime");
  int (*getres)(clockid_t, struct timespec *) = find("__vdso_clock_getres");
  int (*getday)(struct timeval *, void *) = find("__vdso_gettimeofday");
  int (*cpu)(unsigned *, unsigned *, void *) = find("__vdso_getcpu");
  long (*probe)(int64_t *, size_t, size_t, void *, unsigned) = find("__vdso_riscv_hwprobe");
  long (*flush)(void *, void *, long) = find("__vdso_flush_icache");
  find("__vdso_rt_sigreturn");
  clocks("clocks");
  if (argc > 1) {
    /* Sleeps, so that the machine can be saved, and goes on with what it found before. */
    usleep(50000);
    clocks("after a sleep");
    return 0;
  }

  int same = 0;
  for (clockid_t clock = -2; clock < 14; clock++) {
    struct timespec own = {7, 7}, kernel = {7, 7};
    long result = syscall(SYS_clock_getres, clock, &kernel);
    same += getres(clock, &own) == (result < 0 ? -errno : 0) && ns(own) == ns(kernel) && getres(1, NULL) == 0;
  }
  struct timeval day, after;
  struct timezone zone = {1, 1};
  int status = getday(&day, &zone) + getday(NULL, NULL);
  syscall(SYS_gettimeofday, &after, NULL);
  long late = (after.tv_sec - day.tv_sec) * 1000000 + after.tv_usec - day.tv_usec;
  printf("%d resolutions; the day %d %d %d\n", same, status, late >= 0 && late < 1000000,
         zone.tz_minuteswest + zone.tz_dsttime);
  zone.tz_minuteswest = -120, zone.tz_dsttime = 3;
  status = syscall(SYS_settimeofday, NULL, &zone);
  zone.tz_minuteswest = zone.tz_dsttime = 0;
  status += getday(NULL, &zone);
  printf("the zone that was set %d: %d %d\n", status, zone.tz_minuteswest, zone.tz_dsttime);

  unsigned here = 9, node = 9;
  printf("cpu %d %u %u; flush %ld\n", cpu(&here, &node, NULL) + cpu(NULL, NULL, NULL), here, node,
         flush(base, base + 64, 0));
  int64_t own[40], kernel[40];
  for (int i = 0; i < 20; i++) own[2 * i] = kernel[2 * i] = i - 1, own[2 * i + 1] = kernel[2 * i + 1] = 55;
  syscall(258, kernel + 2, 19, 0, NULL, 0);
  printf("probe %ld, as the kernel: %d; of a set: %ld\n", probe(own + 2, 19, 0, NULL, 0),
         memcmp(own, kernel, sizeof own) == 0, probe(own, 1, 0, NULL, 99));

  signal(SIGUSR1, handler);
  raise(SIGUSR1);
  printf("a handler's frames: %d\n", frames > 3);
  struct sigaction action = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  frames = found = 0;
  int depth = raiser(5);
  printf("out of a fault at depth %d: %d\n", depth, found);

  char *data = base + 4096;
  int refused = mprotect(data, 4096, PROT_READ | PROT_WRITE) == 0 ? 0 : errno;
  printf("the data page is not to be written: %d\n", refused == EACCES);
  fflush(stdout);
  if (fork() == 0) {
    mprotect(base, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    base[0] = 'X';
    _exit(0);
  }
  wait(NULL);
  printf("the code is the writer's own: %d\n", base[0] == 0x7f);
  spaces();
  return 0;
}
