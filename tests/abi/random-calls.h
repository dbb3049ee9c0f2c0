/*
 * What the programs of random calls share: each call is told in a line with its result, so that two systems can be
 * compared. Called with a seed and a number of calls (random-calls.ts); nothing that is printed depends on the moment,
 * on addresses or on numbers that a system gives as it likes.
 */
#include "abi.h"
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/resource.h>

static uint64_t random_state;
/* splitmix64. */
static uint64_t next(void) {
  uint64_t z = (random_state += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}
static long below(long limit) { return (long)(next() % (uint64_t)limit); }
static int one_in(long n) { return below(n) == 0; }
#define COUNT_OF(list) ((long)(sizeof(list) / sizeof((list)[0])))
#define ANY(list) ((list)[below(COUNT_OF(list))])
/* Each of the bits by chance. */
#define SOME(list) some_of(list, COUNT_OF(list))
static unsigned long some_of(const unsigned long *list, long count) {
  unsigned long bits = 0;
  for (long i = below(4); i > 0; i--) bits |= list[below(count)];
  return bits;
}

static long call_number;
/* Tells a call: what was asked, and its result or its error's name. */
static long told(long result, const char *format, ...) {
  int e = errno;
  va_list list;
  va_start(list, format);
  printf("%ld ", call_number);
  vprintf(format, list);
  va_end(list);
  if (result == -1) printf(" = -1 %s\n", name_of(e));
  else printf(" = %ld\n", result);
  return result;
}
/* Mostly an open one of the descriptors that a program goes round with; -1 where it has none. */
static int any_of(const int *fds, long count) {
  for (int i = 0; i < 20; i++) {
    int fd = fds[below(count)];
    if (fd >= 0) return fd;
  }
  return -1;
}
/* Takes a new one in the place of another. */
static void keep_in(int *fds, long count, long opened) {
  if (opened < 0) return;
  long at = below(count);
  if (fds[at] >= 0) close(fds[at]);
  fds[at] = (int)opened;
}
static uint32_t sum_of(const void *bytes, long count) {
  uint32_t sum = 2166136261u;
  for (long i = 0; i < count; i++) sum = (sum ^ ((const uint8_t *)bytes)[i]) * 16777619u;
  return sum;
}
static void must(int holds, const char *what) {
  if (holds) return;
  printf("%s: %s\n", what, name_of(errno));
  exit(2);
}

/* Namespaces of its own, and a file system of its own on the folder for temporary files, where it goes. */
static void begin_apart(int argc, char **argv) {
  random_state = argc > 1 ? strtoull(argv[1], 0, 10) : 1;
  /* Out of the way of what is opened, duplicated and closed. */
  const struct rlimit files = {1024, 4096};
  must(setrlimit(RLIMIT_NOFILE, &files) == 0, "setrlimit");
  int output = fcntl(1, F_DUPFD, 1000);
  must(output >= 1000 && (stdout = fdopen(output, "w")) != 0, "output");
  for (int fd = 0; fd < 3; fd++) close(fd);
  setvbuf(stdout, 0, _IOFBF, 1 << 16);
  umask(022);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
#ifdef __riscv
  /* As on hosts with systemd. */
  int protects = open("/proc/sys/fs/protected_hardlinks", O_WRONLY);
  must(write(protects, "1", 1) == 1 && close(protects) == 0, "protected_hardlinks");
#endif
  must(unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0, "unshare");
  must(mount("none", "/", 0, MS_REC | MS_PRIVATE, 0) == 0, "private");
  must(mount("tmpfs", "/tmp", "tmpfs", 0, "size=16m,nr_inodes=1000,mode=1777") == 0, "tmpfs");
  must(chdir("/tmp") == 0 && mkdir("tmp", 01777) == 0 && chmod("tmp", 01777) == 0, "tmp");
}
/* A folder of its own on a file system of its own, and nothing of the host's. */
static void begin(int argc, char **argv) {
  begin_apart(argc, argv);
  must(chroot(".") == 0 && chdir("/tmp") == 0, "chroot");
}
/* The same, but its root is that of its mounts, so that it may make user namespaces; with /proc. */
static inline void begin_as_root(int argc, char **argv) {
  begin_apart(argc, argv);
  must(mkdir("proc", 0755) == 0 && mount("proc", "proc", "proc", 0, 0) == 0, "proc");
  must(syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 && chdir("/tmp") == 0, "pivot_root");
}
static long calls_of(int argc, char **argv) { return argc > 2 ? strtol(argv[2], 0, 10) : 1000; }
