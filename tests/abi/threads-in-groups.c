/* Threaded control groups: types, threads that are apart, and what that refuses (Linux cgroup-v2.rst, "Threads"). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *what, int result) { printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "0"); }

static int put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -1;
  int result = write(fd, text, strlen(text)), kept = errno;
  close(fd);
  errno = kept;
  return result < 0 ? -1 : 0;
}

static int put_id(const char *path, int id) {
  char text[16];
  snprintf(text, sizeof text, "%d", id);
  return put(path, text);
}

static void types(const char *when) {
  const char *names[] = {"abi", "abi/one", "abi/one/deep", "abi/two", "abi/plain"};
  printf("%s:", when);
  for (int at = 0; at < 5; at++) {
    char path[64], text[64];
    snprintf(path, sizeof path, "%s/cgroup.type", names[at]);
    int fd = open(path, O_RDONLY), length = fd < 0 ? 0 : read(fd, text, 63);
    text[length > 0 ? length - 1 : 0] = 0;
    printf(" %s;", text);
    if (fd >= 0) close(fd);
  }
  puts("");
}

/* Numbers are other ones in each run: how many there are, and an error. */
static void counts(const char *when) {
  const char *files[] = {"abi/cgroup.procs", "abi/cgroup.threads", "abi/one/cgroup.procs", "abi/one/cgroup.threads",
    "abi/two/cgroup.threads", "abi/one/deep/cgroup.threads"};
  printf("%s:", when);
  for (int at = 0; at < 6; at++) {
    char text[4096];
    int fd = open(files[at], O_RDONLY), lines = 0, length = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (length < 0) printf(" %s", strerrorname_np(errno));
    for (int each = 0; each < length; each++) lines += text[each] == '\n';
    if (length >= 0) printf(" %d", lines);
    if (fd >= 0) close(fd);
  }
  puts("");
}

static void events(const char *path) {
  char text[128];
  int fd = open(path, O_RDONLY), length = read(fd, text, 127);
  text[length < 0 ? 0 : length] = 0;
  for (char *at = text; *at; at++) if (*at == '\n') *at = '|';
  printf("%s: %s\n", path, text);
  close(fd);
}

static void place(const char *who, int tid) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/self/task/%d/cgroup", tid);
  int fd = open(path, O_RDONLY), length = read(fd, text, 511);
  text[length < 0 ? 0 : length] = 0;
  close(fd);
  printf("%s: %s", who, strstr(text, "0::"));
}

static volatile int tids[3], turns[3], ends;
static void *run(void *at) {
  long index = (long)at;
  tids[index] = syscall(SYS_gettid);
  while (!ends) { turns[index]++; usleep(1000); }
  return NULL;
}

static void *outside(void *at) {
  int *tid = at;
  *tid = syscall(SYS_gettid);
  pid_t child = fork();
  if (child == 0) { place("a child of a thread", getpid()); _exit(0); }
  waitpid(child, NULL, 0);
  return NULL;
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  char root[] = "/tmp/abi-threads-XXXXXX";
  unshare(CLONE_NEWNS);
  mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
  mkdtemp(root);
  if (mount("none", root, "cgroup2", 0, "") < 0 || chdir(root) < 0) return 1;
  alarm(60);
  const char *made[] = {"abi", "abi/one", "abi/one/deep", "abi/two", "abi/plain"};
  for (int at = 0; at < 5; at++) mkdir(made[at], 0755);
  types("made");
  tell("a type that is none", put("abi/one/cgroup.type", "domain threaded"));
  tell("threaded below a domain", put("abi/one/deep/cgroup.type", "threaded"));
  types("one is the domain of what is below");
  tell("threaded", put("abi/one/cgroup.type", " threaded\n"));
  types("one is threaded");
  tell("again", put("abi/one/cgroup.type", "threaded"));
  tell("back", put("abi/one/cgroup.type", "domain"));
  tell("a process to what is no domain", put("abi/plain/cgroup.procs", "0"));
  tell("a thread to what is no domain", put("abi/plain/cgroup.threads", "0"));
  tell("a thread to another domain", put("abi/one/cgroup.threads", "0"));
  tell("a process to its domain", put("abi/cgroup.procs", "0"));
  tell("two", put("abi/two/cgroup.type", "threaded"));
  types("two is threaded");
  counts("alone");
  pthread_t threads[3];
  for (long at = 0; at < 3; at++) pthread_create(&threads[at], NULL, run, (void *)at);
  while (!tids[0] || !tids[1] || !tids[2]) usleep(1000);
  counts("with threads");
  tell("a thread", put_id("abi/one/cgroup.threads", tids[0]));
  tell("another", put_id("abi/two/cgroup.threads", tids[1]));
  tell("deep", put_id("abi/one/deep/cgroup.threads", tids[2]));
  counts("apart");
  place("leader", getpid());
  place("first", tids[0]);
  place("second", tids[1]);
  place("third", tids[2]);
  events("abi/one/cgroup.events");
  tell("by its process", put_id("abi/one/deep/cgroup.procs", tids[0]));
  counts("all deep");
  events("abi/two/cgroup.events");
  tell("nobody", put("abi/one/cgroup.threads", "999999999"));
  tell("a word", put("abi/one/cgroup.threads", "me"));
  tell("populated", put("abi/plain/cgroup.type", "threaded"));
  tell("busy", rmdir("abi/one/deep"));
  tell("kill threads", put("abi/one/cgroup.kill", "1"));
  put("abi/cgroup.procs", "0");
  counts("back");
  tell("freeze one thread's", put_id("abi/two/cgroup.threads", tids[1]));
  tell("freeze", put("abi/two/cgroup.freeze", "1"));
  for (int round = 0; round < 200; round++) {
    char text[64];
    int fd = open("abi/two/cgroup.events", O_RDONLY);
    text[read(fd, text, 63)] = 0;
    close(fd);
    if (strstr(text, "frozen 1")) break;
    usleep(10000);
  }
  events("abi/two/cgroup.events");
  int first = turns[0], second = turns[1];
  usleep(50000);
  printf("runs: %d %d\n", turns[0] > first, turns[1] > second);
  tell("out of the frozen group", put_id("abi/one/cgroup.threads", tids[1]));
  second = turns[1];
  usleep(50000);
  printf("it runs: %d\n", turns[1] > second);
  tell("thaw", put("abi/two/cgroup.freeze", "0"));
  ends = 1;
  for (int at = 0; at < 3; at++) pthread_join(threads[at], NULL);
  usleep(10000);
  counts("ended");
  events("abi/one/cgroup.events");
  int tid = 0;
  tell("into one", put("abi/one/cgroup.threads", "0"));
  pthread_create(&threads[0], NULL, outside, &tid);
  pthread_join(threads[0], NULL);
  place("a thread made there is there", getpid());
  tell("out", put("cgroup.procs", "0"));
  usleep(10000);
  types("nobody is there");
  const char *gone[] = {"abi/one/deep", "abi/one", "abi/two", "abi/plain", "abi"};
  for (int at = 0; at < 5; at++) {
    if (at == 3) types("no threaded ones are left");
    tell("gone", rmdir(gone[at]));
  }
  chdir("/");
  umount2(root, MNT_DETACH);
  rmdir(root);
  return 0;
}
