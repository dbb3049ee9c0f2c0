#include "abi.h"
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <linux/capability.h>
/* Numbers that are written into files of /proc/sys and /proc/PID: how they may look, and how much of the text is taken. */
static char text[65536];
static const char *get(const char *path) { int fd = open(path, O_RDONLY); if (fd < 0) return name_of(errno); long n = read(fd, text, sizeof text - 1); int e = errno; close(fd); if (n < 0) return name_of(e); text[n] = 0; return text; }
static void put(const char *path, const char *value, int length) {
  int fd = open(path, O_WRONLY); if (fd < 0) { printf("%s: %s\n", path, name_of(errno)); return; }
  errno = 0; long n = write(fd, value, length); int e = n < 0 ? errno : 0; long at = lseek(fd, 0, SEEK_CUR); close(fd);
  printf("%s <- \"", path); for (int i = 0; i < length; i++) if (value[i] < 32) printf("\\%o", value[i]); else putchar(value[i]);
  const char *now = get(path); printf("\" = %ld %s, at %ld: %s%s", n, name_of(e), strstr(path, "/sys/") ? at : 0, now, strchr(now, '\n') ? "" : "\n"); fflush(stdout);
}
#define PUT(path, value) put(path, value, strlen(value))
static void numbers(void) {
  const char *one = "/proc/sys/net/ipv4/ip_unprivileged_port_start", *two = "/proc/sys/net/ipv4/ip_local_port_range", *three = "/proc/sys/net/ipv4/tcp_rmem";
  const char *values[] = {"80", "81\n", " \t82", "83 84", "85 x", "86x", "x", "", "\n", " ", "0x50", "0X51", "010", "08", "-1", "+5", "1e2", "1.5", "88\n\n\n", "89\n90\n", "70000", "99999999999999999999", "0x", "-", "- 5", "91\v", "92,93"};
  for (int i = 0; i < sizeof values / sizeof *values; i++) PUT(one, values[i]);
  PUT(two, "20000 30000"); PUT(two, "20001"); PUT(two, "20002 30002 40002"); PUT(two, "0x5000\t0x6000\n"); PUT(two, "30000 20000"); PUT(two, "20003 x");
  PUT(three, "4096 8192 16384"); PUT(three, "4097\t"); PUT(three, "4098 8198"); PUT(three, "1 2 3 4 5"); PUT(three, "");
  /* Only what stands at the file's start is a value. */
  int fd = open(one, O_RDWR); SHOW(write(fd, "95", 2)); SHOW(write(fd, "96", 2)); SHOW(pwrite(fd, "97", 2, 1)); printf("%s", get(one)); SHOW(pwrite(fd, "98", 2, 0)); printf("%s", get(one)); SHOW(lseek(fd, 0, SEEK_CUR)); SHOW(write(fd, "x", 1)); close(fd);
}
static long rows(const char *path, const char *name) { FILE *f = fopen(path, "r"); char line[512]; long sum = 0; size_t n = strlen(name); while (fgets(line, sizeof line, f)) if (!strncmp(line, name, n) && line[n] == ':') sum += atol(line + n + 1); fclose(f); return sum; }
static long row(void *at, const char *name) { FILE *f = fopen("/proc/self/smaps", "r"); char line[512]; int is = 0; long value = -1; size_t n = strlen(name); while (fgets(line, sizeof line, f)) { unsigned long from, to; if (sscanf(line, "%lx-%lx ", &from, &to) == 2) is = (unsigned long)at >= from && (unsigned long)at < to; else if (is && !strncmp(line, name, n) && line[n] == ':') value = atol(line + n + 1); } fclose(f); return value; }
static void pages_of(const char *what, void *at) { const char *names[] = {"Rss", "Pss", "Pss_Dirty", "Shared_Clean", "Shared_Dirty", "Private_Clean", "Private_Dirty", "Anonymous", "KSM"}; printf("%s:", what); for (int i = 0; i < 9; i++) printf(" %s %ld", names[i], row(at, names[i])); printf("\n"); fflush(stdout); }
static void numa_of(const char *what, void *at) { FILE *f = fopen("/proc/self/numa_maps", "r"); char line[512], *word; if (!f) { printf("%s: no numa_maps\n", what); return; } while (fgets(line, sizeof line, f)) if (strtoul(line, NULL, 16) == (unsigned long)at) { printf("%s:", what); strtok(line, " \n"); while ((word = strtok(NULL, " \n"))) if (strncmp(word, "active=", 7)) printf(" %s", word); printf("\n"); } fclose(f); fflush(stdout); }
/* Pages that no area beside them joins. */
static void *area(int flags, int fd) { char *at = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); return mmap(at + 65536, 32768, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0); }
int main(void) {
  /* This host's root may have no right to lower scores: nobody has it here. */
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0}; struct __user_cap_data_struct rights[2]; SHOW(syscall(SYS_capget, &header, rights)); rights[0].effective &= ~(1 << CAP_SYS_RESOURCE); SHOW(syscall(SYS_capset, &header, rights));
  SHOW(unshare(CLONE_NEWNET)); numbers();
  const char *score = "/proc/self/oom_score_adj", *older = "/proc/self/oom_adj";
  const char *values[] = {"0", "100", "0x64", "010", "-5", "+7\n", " 8 ", "", "x", "1.0", "1e2", "1001", "-1001", "99999999999", "1000", "-1000", "5 6"};
  for (int i = 0; i < sizeof values / sizeof *values; i++) { PUT(score, values[i]); printf("  %s: %s", older, get(older)); }
  const char *olders[] = {"15", "-17", "-16", "3", "16", "-18", "x", "0"};
  for (int i = 0; i < sizeof olders / sizeof *olders; i++) { PUT(older, olders[i]); printf("  %s: %s", score, get(score)); }
  PUT(score, "0"); HOLDS(atoi(get("/proc/self/oom_score")) > 600 && atoi(text) < 700); PUT(score, "1000"); HOLDS(atoi(get("/proc/self/oom_score")) > 1300); PUT(score, "-1000"); PUT(score, "0");
  const char *others[] = {"/proc/self/timerslack_ns", "/proc/self/coredump_filter", "/proc/self/clear_refs"}, *given[] = {"33", "0x33", "", "x", " 5", "5\n", "7", "0", "1", "2", "3", "4", "+5", "1 2"};
  for (int i = 0; i < 3; i++) { struct stat s; SHOW(stat(others[i], &s)); printf("%o\n", s.st_mode); for (int j = 0; j < sizeof given / sizeof *given; j++) PUT(others[i], given[j]); }
  PUT("/proc/self/comm", "short\n"); put("/proc/self/comm", "in\0side", 7); PUT("/proc/self/comm", "a name that is much too long"); PUT("/proc/self/comm", "");
  /* A text ends at its first zero, and is taken whole. */
  put(score, "7\0", 2); put(score, "8\0 9", 4); put(score, "\0", 1); put(older, "1\0x", 3); put("/proc/self/timerslack_ns", "50\0", 3); put("/proc/self/coredump_filter", "5\0x", 3); put("/proc/self/clear_refs", "1\0", 2);
  const char *port = "/proc/sys/net/ipv4/ip_unprivileged_port_start", *host = "/proc/sys/kernel/hostname", *ports = "/proc/sys/net/ipv4/ip_local_port_range"; SHOW(unshare(CLONE_NEWUTS));
  put(port, "70\0", 3); put(port, "71\0x", 4); put(port, "72\n\0", 4); put(port, "\0", 1); put(ports, "20000\0 30000", 12); put(ports, "20000 30000\0", 12); put(host, "one\0two", 7); PUT(host, "name");
  /* Who has no right to it raises a score, and lowers it as far as it was when somebody with the right set it. */
  PUT(score, "50");
  if (fork() == 0) { SHOW(setresuid(65534, 65534, 65534)); prctl(PR_SET_DUMPABLE, 1); PUT(score, "60"); PUT(score, "55"); PUT(score, "50"); PUT(score, "49"); PUT(older, "5"); PUT(older, "4"); if (fork() == 0) { PUT(score, "50"); PUT(score, "49"); _exit(0); } wait(NULL); _exit(0); }
  wait(NULL); PUT(score, "0");
  /* What was resident most is forgotten. */
  char *big = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); madvise(big, 8 << 20, MADV_NOHUGEPAGE); memset(big, 1, 8 << 20); munmap(big, 8 << 20);
  HOLDS(rows("/proc/self/status", "VmHWM") - rows("/proc/self/status", "VmRSS") > 7000); PUT("/proc/self/clear_refs", "5"); HOLDS(rows("/proc/self/status", "VmHWM") - rows("/proc/self/status", "VmRSS") < 1000);
  /* Kinds of pages. */
  int fd = open("/tmp/written-settings", O_RDWR | O_CREAT | O_TRUNC, 0600); memset(text, 7, 32768); write(fd, text, 32768); fsync(fd);
  volatile char *private = area(MAP_PRIVATE, fd), *anonymous = area(MAP_PRIVATE | MAP_ANONYMOUS, -1);
  madvise((void *)private, 32768, MADV_RANDOM); int sum = 0; for (int i = 0; i < 8; i++) sum += private[i * 4096]; private[0] = 1; private[4096] = 1; for (int i = 0; i < 3; i++) anonymous[i * 4096] = 1;
  HOLDS(row((void *)private, "Rss") >= 32 && row((void *)private, "Anonymous") == 8 && row((void *)private, "Private_Dirty") >= 8); HOLDS(row((void *)private, "Shared_Clean") == 0);
  pages_of("anonymous", (void *)anonymous); numa_of("anonymous", (void *)anonymous);
  if (fork() == 0) { pages_of("anonymous, of two", (void *)anonymous); numa_of("anonymous, of two", (void *)anonymous); anonymous[0] = 2; pages_of("one of its own", (void *)anonymous); _exit(0); }
  wait(NULL);
  volatile char *shared = area(MAP_SHARED | MAP_ANONYMOUS, -1); shared[0] = shared[4096] = 1; pages_of("shared", (void *)shared); HOLDS(rows("/proc/self/smaps_rollup", "Pss_Shmem") == 8); HOLDS(rows("/proc/self/smaps_rollup", "Pss_Anon") > 12 && rows("/proc/self/smaps_rollup", "Pss_File") > 12);
  HOLDS(rows("/proc/self/smaps_rollup", "Rss") == rows("/proc/self/smaps", "Rss")); HOLDS(rows("/proc/self/smaps_rollup", "Anonymous") == rows("/proc/self/smaps", "Anonymous"));
  unsigned long mask = 1; void *bound = area(MAP_PRIVATE | MAP_ANONYMOUS, -1), *empty = area(MAP_PRIVATE | MAP_ANONYMOUS, -1);
  SHOW(syscall(SYS_mbind, bound, 32768, 2, &mask, 2, 0)); numa_of("bound", bound); SHOW(syscall(SYS_mbind, bound, 32768, 3 | 1 << 15, &mask, 2, 0)); *(char *)bound = 1; numa_of("interleaved", bound); SHOW(syscall(SYS_mbind, bound, 32768, 4, NULL, 0, 0)); numa_of("local", bound); numa_of("empty", empty);
  SHOW(syscall(SYS_set_mempolicy, 1, &mask, 2)); numa_of("empty, of a task that prefers", empty); numa_of("local", bound);
  SHOW(unlink("/tmp/written-settings"));
}
