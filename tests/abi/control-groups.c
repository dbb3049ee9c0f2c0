/* Control groups of version 2: their tree, processes that move, freeze and are killed, who may, and what is told. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *name(int result) { return result < 0 ? strerrorname_np(errno) : "0"; }
static void tell(const char *what, int result) { printf("%s: %s\n", what, name(result)); }

static void attributes(const char *path) {
  char value[8];
  tell("set", setxattr(path, "trusted.a", "one", 3, 0));
  tell("set again", setxattr(path, "trusted.a", "two", 3, XATTR_CREATE));
  tell("of a user", setxattr(path, "user.b", "x", 1, 0));
  tell("a list of access", setxattr(path, "system.posix_acl_access", "\2\0\0\0", 4, 0));
  printf("listed: %d\n", (int)listxattr(path, NULL, 0));
  printf("has: %d %.3s\n", (int)getxattr(path, "trusted.a", value, sizeof value), value);
  tell("remove", removexattr(path, "trusted.a"));
  tell("remove again", removexattr(path, "trusted.a"));
  tell("get", getxattr(path, "trusted.a", value, sizeof value));
}

static int put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -1;
  int result = write(fd, text, strlen(text));
  int kept = errno;
  close(fd);
  errno = kept;
  return result < 0 ? -1 : 0;
}

static int put_pid(const char *path, pid_t pid) {
  char text[16];
  snprintf(text, sizeof text, "%d", pid);
  return put(path, text);
}

static void show(const char *path) {
  char text[4096];
  int fd = open(path, O_RDONLY);
  int count = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (count < 0) printf("%s: %s\n", path, name(-1));
  else {
    text[count] = 0;
    for (char *at = text; *at; at++) if (*at == '\n') *at = '|';
    printf("%s: %s\n", path, text);
  }
  if (fd >= 0) close(fd);
}

/* The numbers of the processes are other ones in each run. */
static void count(const char *path) {
  char text[4096];
  int fd = open(path, O_RDONLY), lines = 0;
  int length = fd < 0 ? -1 : read(fd, text, sizeof text);
  for (int at = 0; at < length; at++) lines += text[at] == '\n';
  printf("%s: %d lines\n", path, length < 0 ? -1 : lines);
  if (fd >= 0) close(fd);
}

static pid_t sleeper(void) {
  pid_t child = fork();
  if (child == 0) for (;;) pause();
  return child;
}

static void reap(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  printf("ended by %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 256 + WEXITSTATUS(status));
}

struct arguments { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; };

static long clone_into(int fd, uint64_t flags) {
  struct arguments arguments = {.flags = flags, .exit_signal = SIGCHLD, .cgroup = fd};
  return syscall(SYS_clone3, &arguments, sizeof arguments);
}

static void tree(void) {
  struct statfs info;
  struct stat stat_of;
  statfs(".", &info);
  printf("magic %lx, names of %ld\n", (long)info.f_type, (long)info.f_namelen);
  tell("mkdir", mkdir("abi", 0755));
  tell("again", mkdir("abi", 0755));
  tell("below", mkdir("abi/one", 0700));
  tell("a line", mkdir("abi/a\nb", 0755));
  tell("as a file", mkdir("abi/cgroup.procs", 0755));
  tell("a file", open("abi/file", O_CREAT | O_RDWR, 0644));
  tell("a link", symlink("one", "abi/two"));
  tell("a node", mknod("abi/pipe", S_IFIFO | 0644, 0));
  tell("unlink", unlink("abi/cgroup.procs"));
  tell("truncate", truncate("abi/cgroup.procs", 0));
  stat("abi", &stat_of);
  printf("abi: mode %o, links %d\n", stat_of.st_mode, (int)stat_of.st_nlink);
  stat("abi/one", &stat_of);
  printf("one: mode %o, links %d\n", stat_of.st_mode, (int)stat_of.st_nlink);
  stat("abi/cgroup.kill", &stat_of);
  printf("kill: mode %o\n", stat_of.st_mode);
  stat("abi/cgroup.events", &stat_of);
  printf("events: mode %o\n", stat_of.st_mode);
  stat("abi/cgroup.procs", &stat_of);
  printf("procs: mode %o\n", stat_of.st_mode);
  const char *files[] = {"abi/cgroup.type", "abi/cgroup.events", "abi/cgroup.freeze", "abi/cgroup.max.depth", "abi/cgroup.max.descendants",
    "abi/cgroup.procs", "abi/cgroup.threads", "abi/cgroup.subtree_control", "abi/cgroup.kill", "cgroup.type", "cgroup.events", "cgroup.kill"};
  for (unsigned at = 0; at < sizeof files / sizeof *files; at++) show(files[at]);
  tell("not empty", rmdir("abi"));
  tell("controller that is not there", put("abi/cgroup.subtree_control", "+pids"));
  tell("controller that nobody knows", put("abi/cgroup.subtree_control", "+nothing"));
  tell("without a sign", put("abi/cgroup.subtree_control", "pids"));
  tell("no words", put("abi/cgroup.subtree_control", "\n"));
  tell("type", put("abi/cgroup.type", "domain"));
  tell("no type", put("abi/cgroup.type", "mixed"));
  tell("depth 1", put("abi/cgroup.max.depth", "1"));
  tell("one down", mkdir("abi/one/two", 0755));
  tell("depth max", put("abi/cgroup.max.depth", "max\n"));
  tell("depth -1", put("abi/cgroup.max.depth", "-1"));
  tell("descendants 1", put("abi/cgroup.max.descendants", "1"));
  tell("one more", mkdir("abi/two", 0755));
  show("abi/cgroup.max.descendants");
  tell("descendants 2", put("abi/cgroup.max.descendants", "2"));
  tell("one more", mkdir("abi/two", 0755));
  tell("descendants max", put("abi/cgroup.max.descendants", "max"));
  tell("rename", rename("abi/two", "abi/three"));
  tell("rmdir", rmdir("abi/two"));
}

static void moves(void) {
  pid_t child = sleeper();
  tell("move", put_pid("abi/one/cgroup.procs", child));
  count("abi/one/cgroup.procs");
  count("abi/one/cgroup.threads");
  show("abi/cgroup.events");
  show("abi/one/cgroup.events");
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/cgroup", child);
  char text[256];
  int fd = open(path, O_RDONLY);
  text[read(fd, text, 255)] = 0;
  close(fd);
  printf("its place: %s", strstr(text, "0::"));
  tell("busy", rmdir("abi/one"));
  attributes("abi/one");
  attributes("abi/one/cgroup.procs");
  tell("a word", put("abi/cgroup.procs", "me"));
  tell("nobody", put("abi/cgroup.procs", "999999999"));
  tell("less than nobody", put("abi/cgroup.procs", "-1"));
  tell("a thread", put_pid("abi/cgroup.threads", child));
  int events = inotify_init1(IN_NONBLOCK);
  tell("watch", inotify_add_watch(events, "abi/cgroup.events", IN_MODIFY) < 0 ? -1 : 0);
  fd = open("abi/cgroup.events", O_RDONLY);
  struct pollfd waiting = {.fd = fd, .events = POLLPRI};
  int ready = poll(&waiting, 1, 0);
  printf("unread: %d %x\n", ready, waiting.revents);
  read(fd, text, sizeof text);
  ready = poll(&waiting, 1, 0);
  printf("poll: %d %x\n", ready, waiting.revents);
  kill(child, SIGKILL);
  struct pollfd told = {.fd = events, .events = POLLIN};
  printf("told: %d\n", poll(&told, 1, 2000));
  ready = poll(&waiting, 1, 2000);
  printf("poll: %d %x\n", ready, waiting.revents);
  ready = poll(&waiting, 1, 0);
  printf("still: %d %x\n", ready, waiting.revents);
  pread(fd, text, 200, 0);
  ready = poll(&waiting, 1, 0);
  printf("read: %d %x\n", ready, waiting.revents);
  printf("populated %c\n", text[10]);
  close(fd);
  close(events);
  show("abi/one/cgroup.procs");
  tell("with a zombie", rmdir("abi/one"));
  snprintf(path, sizeof path, "/proc/%d/cgroup", child);
  fd = open(path, O_RDONLY);
  text[read(fd, text, 255)] = 0;
  close(fd);
  printf("its place: %s", strstr(text, "0::"));
  reap(child);
}

static void quit(int signal) { _exit(7); }

static void freezes(void) {
  int counter[2];
  pipe2(counter, O_NONBLOCK);
  mkdir("abi/one", 0755);
  pid_t child = fork();
  if (child == 0) {
    signal(SIGUSR2, quit);
    for (;;) { write(counter[1], "x", 1); usleep(1000); }
  }
  put_pid("abi/one/cgroup.procs", child);
  struct pollfd first = {.fd = counter[0], .events = POLLIN};
  poll(&first, 1, 5000);
  tell("freeze above", put("abi/cgroup.freeze", "1"));
  for (int round = 0; round < 200; round++) {
    char text[64];
    int fd = open("abi/one/cgroup.events", O_RDONLY);
    text[read(fd, text, 63)] = 0;
    close(fd);
    if (strstr(text, "frozen 1")) break;
    usleep(10000);
  }
  show("abi/one/cgroup.events");
  show("abi/one/cgroup.freeze");
  char bytes[65536];
  while (read(counter[0], bytes, sizeof bytes) > 0);
  usleep(50000);
  printf("it runs: %d\n", read(counter[0], bytes, sizeof bytes) > 0);
  tell("a signal that has a handler", kill(child, SIGUSR2));
  usleep(50000);
  int status;
  printf("ended: %d\n", waitpid(child, &status, WNOHANG) != 0);
  tell("thaw", put("abi/cgroup.freeze", "0"));
  reap(child);
  child = sleeper();
  put_pid("abi/one/cgroup.procs", child);
  put("abi/one/cgroup.freeze", "1");
  usleep(20000);
  tell("kill what is frozen", put("abi/cgroup.kill", "1"));
  reap(child);
  child = sleeper();
  put_pid("abi/one/cgroup.procs", child);
  siginfo_t info;
  tell("seize what is frozen", ptrace(PTRACE_SEIZE, child, NULL, NULL));
  tell("interrupt it", ptrace(PTRACE_INTERRUPT, child, NULL, NULL));
  waitpid(child, &status, 0);
  printf("it stands with %x\n", status);
  tell("its signal", ptrace(PTRACE_GETSIGINFO, child, NULL, &info));
  show("abi/one/cgroup.events");
  tell("let it go", ptrace(PTRACE_DETACH, child, NULL, NULL));
  show("abi/one/cgroup.events");
  put("abi/one/cgroup.freeze", "0");
  kill(child, SIGKILL);
  reap(child);
  tell("freeze 2", put("abi/cgroup.freeze", "2"));
  tell("kill 0", put("abi/cgroup.kill", "0"));
  put("abi/one/cgroup.freeze", "0");
}

static void births(void) {
  int fd = open("abi/one", O_RDONLY | O_DIRECTORY);
  long child = clone_into(fd, 0x200000000ull);
  if (child == 0) for (;;) pause();
  tell("born there", child < 0 ? -1 : 0);
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/%ld/cgroup", child);
  int place = open(path, O_RDONLY);
  text[read(place, text, 255)] = 0;
  close(place);
  printf("its place: %s", strstr(text, "0::"));
  put("abi/cgroup.kill", "1");
  reap(child);
  int other = open("/proc", O_RDONLY);
  tell("no group", clone_into(other, 0x200000000ull));
  tell("no file", clone_into(99, 0x200000000ull));
  struct arguments thread = {.flags = 0x200000000ull | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, .cgroup = fd};
  tell("a thread apart", syscall(SYS_clone3, &thread, sizeof thread));
  tell("unknown flag", clone_into(fd, 0x400000000ull));
  mkdir("abi/gone", 0755);
  int gone = open("abi/gone", O_RDONLY), file = open("abi/gone/cgroup.procs", O_RDWR);
  rmdir("abi/gone");
  tell("read of what is gone", read(file, text, 255));
  tell("write to what is gone", write(file, "0", 1));
  tell("removed", clone_into(gone, 0x200000000ull));
  struct stat stat_of;
  fstat(gone, &stat_of);
  printf("links of what is gone: %d\n", (int)stat_of.st_nlink);
  tell("below what is gone", mkdirat(gone, "more", 0755));
}

static void rights(void) {
  mkdir("abi/mine", 0755);
  mkdir("abi/other", 0755);
  chown("abi/mine", 1234, 1234);
  tell("chown", chown("abi/mine/cgroup.procs", 1234, 1234));
  tell("chmod", chmod("abi/mine/cgroup.freeze", 0600));
  pid_t child = fork();
  if (child == 0) {
    setgid(1234);
    setuid(1234);
    tell("into mine from outside", put("abi/mine/cgroup.procs", "0"));
    tell("a group in mine", mkdir("abi/mine/inner", 0755));
    struct stat stat_of;
    stat("abi/mine/inner/cgroup.procs", &stat_of);
    printf("whose: %d\n", stat_of.st_uid);
    tell("a group in another", mkdir("abi/other/inner", 0755));
    tell("freeze mine", put("abi/mine/cgroup.freeze", "0"));
    fflush(stdout);
    for (;;) pause();
  }
  usleep(100000);
  tell("put there", put_pid("abi/mine/cgroup.procs", child));
  pid_t mover = fork();
  if (mover == 0) {
    setgid(1234);
    setuid(1234);
    tell("within mine", put_pid("abi/mine/inner/cgroup.procs", child));
    tell("out of mine", put_pid("abi/cgroup.procs", child));
    exit(0);
  }
  reap(mover);
  put("abi/mine/cgroup.kill", "1");
  reap(child);
  rmdir("abi/mine/inner");
  rmdir("abi/mine");
  rmdir("abi/other");
}

static void spaces(const char *mounted) {
  pid_t child = fork();
  if (child == 0) {
    tell("go in", put("abi/one/cgroup.procs", "0"));
    tell("unshare", unshare(CLONE_NEWCGROUP | CLONE_NEWNS));
    char text[256];
    int fd = open("/proc/self/cgroup", O_RDONLY);
    text[read(fd, text, 255)] = 0;
    printf("self: %s", strstr(text, "0::"));
    fd = open("/proc/1/cgroup", O_RDONLY);
    text[read(fd, text, 255)] = 0;
    printf("init's begins with: %.6s\n", strstr(text, "0::"));
    mkdir("/tmp/abi-inner", 0755);
    tell("mount", mount("none", "/tmp/abi-inner", "cgroup2", 0, ""));
    show("/tmp/abi-inner/cgroup.type");
    tell("a group there", mkdir("/tmp/abi-inner/made", 0755));
    tell("is here", access("abi/one/made", F_OK));
    tell("in it", put("/tmp/abi-inner/made/cgroup.procs", "0"));
    lseek(fd, 0, SEEK_SET);
    fd = open("/proc/self/cgroup", O_RDONLY);
    text[read(fd, text, 255)] = 0;
    printf("self: %s", strstr(text, "0::"));
    tell("out of the namespace", put("abi/cgroup.procs", "0"));
    exit(0);
  }
  reap(child);
  rmdir("/tmp/abi-inner");
  tell("clean", rmdir("abi/one/made"));
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  char place[] = "/tmp/abi-groups-XXXXXX";
  unshare(CLONE_NEWNS);
  mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
  mkdtemp(place);
  if (mount("none", place, "cgroup2", 0, "") < 0 || chdir(place) < 0) return 1;
  signal(SIGALRM, SIG_DFL);
  alarm(60);
  tree();
  moves();
  freezes();
  births();
  rights();
  spaces(place);
  tell("end", rmdir("abi/one"));
  tell("end", rmdir("abi"));
  chdir("/");
  umount2(place, MNT_DETACH);
  rmdir(place);
  return 0;
}
