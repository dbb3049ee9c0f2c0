#include "abi.h"
#include <dirent.h>
#include <sys/mount.h>

/* What files and folders of /proc that were opened in time say of a process that ended, and of one that is gone. */
static const char *files[] = {"auxv", "cgroup", "cmdline", "comm", "coredump_filter", "cpuset", "environ", "gid_map", "io", "limits", "loginuid",
  "maps", "mem", "mountinfo", "mounts", "mountstats", "oom_adj", "oom_score", "oom_score_adj", "pagemap", "personality", "sched", "schedstat",
  "sessionid", "setgroups", "smaps", "smaps_rollup", "stat", "statm", "status", "syscall", "timens_offsets", "timerslack_ns",
  "uid_map", "wchan", "task/%d/children", "task/%d/stat", "task/%d/comm", "net/dev", "fdinfo/0"};
static const char *links[] = {"exe", "cwd", "root", "ns/net", "ns/pid", "ns/user", "ns/mnt", "ns/uts", "fd/0"};
static const char *folders[] = {".", "task", "fd", "fdinfo", "ns", "net", "task/%d"};
#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))
static int kept[COUNT(files)], keptFolders[COUNT(folders)], top, child;

static const char *named(const char *pattern) { static char name[64]; snprintf(name, sizeof name, pattern, child); return name; }
static const char *how(long got) { return got < 0 ? name_of(errno) : got == 0 ? "nothing" : "something"; }
static const char *listed(int fd) { static char bytes[8192]; return how(syscall(SYS_getdents64, fd, bytes, sizeof bytes)); }

static void all(const char *when) {
  char bytes[64];
  printf("- %s\n", when);
  for (int each = 0; each < COUNT(files); each++) {
    errno = 0; printf("  %s: %s", files[each], kept[each] < 0 ? "-" : how(pread(kept[each], bytes, 1, 0)));
    int fd = openat(top, named(files[each]), O_RDONLY); printf(", open %s", fd < 0 ? name_of(errno) : "works");
    if (fd >= 0) { printf(", %s", how(pread(fd, bytes, 1, 0))); close(fd); }
    struct stat s; printf(", stat %s\n", fstatat(top, named(files[each]), &s, 0) < 0 ? name_of(errno) : "works");
  }
  for (int each = 0; each < COUNT(links); each++) {
    struct stat s;
    printf("  %s: %s", links[each], how(readlinkat(top, links[each], bytes, 64)));
    printf(", %s", fstatat(top, links[each], &s, 0) < 0 ? name_of(errno) : "works");
    printf(", %s\n", fstatat(top, links[each], &s, AT_SYMLINK_NOFOLLOW) < 0 ? name_of(errno) : "works");
  }
  for (int each = 0; each < COUNT(folders); each++) {
    lseek(keptFolders[each], 0, SEEK_SET); printf("  %s: %s", folders[each], listed(keptFolders[each]));
    int fd = openat(top, named(folders[each]), O_RDONLY | O_DIRECTORY); printf(", open %s", fd < 0 ? name_of(errno) : listed(fd)); close(fd);
    printf(", %s\n", faccessat(keptFolders[each], ".", R_OK, 0) < 0 ? name_of(errno) : "works");
  }
  char path[64]; snprintf(path, sizeof path, "/proc/%d", child); SHOW(access(path, F_OK)); SHOW(faccessat(top, "nothing", F_OK, 0)); SHOW(faccessat(top, "task/1", F_OK, 0));
  snprintf(path, sizeof path, "/proc/%d/stat", child); SHOW(access(path, F_OK));
  fflush(stdout);
}

static void writes(const char *when, int score, int filter) {
  printf("- written %s\n", when);
  SHOW(pwrite(score, "0", 1, 0)); SHOW(pwrite(filter, "0x33", 4, 0)); SHOW(openat(top, "oom_score_adj", O_WRONLY) >= 0); SHOW(openat(top, "comm", O_WRONLY) >= 0);
}

static void children(void) {
  printf("- children\n"); char path[64], text[256], expected[256];
  pid_t first = fork(); if (first == 0) { for (;;) pause(); }
  pid_t second = fork(); if (second == 0) { for (;;) pause(); }
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  int fd = open(path, O_RDONLY); long got = read(fd, text, 255); text[got < 0 ? 0 : got] = 0;
  snprintf(expected, sizeof expected, "%d %d ", first, second); HOLDS(strcmp(text, expected) == 0);
  kill(first, SIGKILL); siginfo_t info; waitid(P_PID, first, &info, WEXITED | WNOWAIT);
  got = pread(fd, text, 255, 0); text[got < 0 ? 0 : got] = 0; HOLDS(strcmp(text, expected) == 0);
  waitpid(first, NULL, 0); got = pread(fd, text, 255, 0); text[got < 0 ? 0 : got] = 0; snprintf(expected, sizeof expected, "%d ", second); HOLDS(strcmp(text, expected) == 0);
  kill(second, SIGKILL); waitpid(second, NULL, 0); SHOW(pread(fd, text, 255, 0)); struct stat s; fstat(fd, &s); SHOW(s.st_mode); SHOW(open("/proc/self/children", O_RDONLY));
}

static void flags_of(const char *what, void *at) {
  FILE *file = fopen("/proc/self/smaps", "r"); char line[512]; int is = 0;
  while (fgets(line, sizeof line, file)) {
    unsigned long from, to; if (sscanf(line, "%lx-%lx ", &from, &to) == 2) is = (unsigned long)at >= from && (unsigned long)at < to;
    if (!is || strncmp(line, "VmFlags:", 8) != 0) continue;
    printf("  %s:", what);
    for (char *word = strtok(line + 8, " \n"); word; word = strtok(NULL, " \n")) if (strcmp(word, "sd") != 0) printf(" %s", word);
    printf("\n");
  }
  fclose(file);
}

static void flags(void) {
  printf("- VmFlags\n");
  int fd = open("/tmp/gone-flags", O_CREAT | O_RDWR, 0600), reads = open("/tmp/gone-flags", O_RDONLY); ftruncate(fd, 1 << 16);
#define MAP(prot, how, file) mmap(NULL, 4096, prot, how, file, 0)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
  flags_of("private", MAP(PROT_READ | PROT_WRITE, ANON, -1)); flags_of("none", MAP(PROT_NONE, ANON, -1)); flags_of("read", MAP(PROT_READ, ANON, -1));
  flags_of("execute", MAP(PROT_READ | PROT_EXEC, ANON, -1)); flags_of("shared", MAP(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1));
  flags_of("file", MAP(PROT_READ, MAP_PRIVATE, fd)); flags_of("shared file", MAP(PROT_READ | PROT_WRITE, MAP_SHARED, fd)); flags_of("read-only", MAP(PROT_READ, MAP_SHARED, reads));
  flags_of("locked", MAP(PROT_READ | PROT_WRITE, ANON | MAP_LOCKED, -1)); flags_of("no reserve", MAP(PROT_READ | PROT_WRITE, ANON | MAP_NORESERVE, -1));
  char *at = MAP(PROT_READ | PROT_WRITE, ANON, -1); const int advices[] = {MADV_DONTFORK, MADV_DOFORK, MADV_DONTDUMP, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_DODUMP};
  for (int each = 0; each < COUNT(advices); each++) { madvise(at, 4096, advices[each]); printf("  %d", advices[each]); flags_of("", at); }
  flags_of("growing", mmap(NULL, 4096, PROT_READ | PROT_WRITE, ANON | MAP_GROWSDOWN, -1, 0));
  syscall(462, at, 4096, 0); flags_of("sealed", at); int local; flags_of("stack", &local);
  unlink("/tmp/gone-flags");
}

int main(void) {
  int wakes[2]; pipe(wakes); child = fork();
  if (child == 0) { char byte; read(wakes[0], &byte, 1); _exit(0); }
  char path[64]; snprintf(path, sizeof path, "/proc/%d", child); top = open(path, O_RDONLY | O_DIRECTORY);
  for (int each = 0; each < COUNT(files); each++) kept[each] = openat(top, named(files[each]), O_RDONLY);
  for (int each = 0; each < COUNT(folders); each++) keptFolders[each] = openat(top, named(folders[each]), O_RDONLY | O_DIRECTORY);
  int score = openat(top, "oom_score_adj", O_WRONLY), filter = openat(top, "coredump_filter", O_WRONLY);
  all("alive"); writes("while alive", score, filter);
  close(wakes[1]); write(wakes[1], "x", 1); kill(child, SIGKILL); siginfo_t info; waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  all("ended"); writes("after the end", score, filter);
  waitpid(child, NULL, 0); all("gone"); writes("when gone", score, filter);
  children(); flags();
  return 0;
}
