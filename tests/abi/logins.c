#include "abi.h"
#include <sys/prctl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/vfs.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

/* Who has logged in, as /proc tells it, and who may say so; and in which file systems pidfds and the like lie. */
static void loginuid(const char *who) { char text[32]; int fd = open(who, O_RDONLY); long got = read(fd, text, 31); text[got < 0 ? 0 : got] = 0; printf("  %s: %s\n", who, text); fflush(stdout); close(fd); }
static int put(const char *text) { int fd = open("/proc/self/loginuid", O_WRONLY); int got = write(fd, text, strlen(text)), e = errno; close(fd); errno = e; return got; }
static unsigned session(void) { char text[32]; int fd = open("/proc/self/sessionid", O_RDONLY); long got = read(fd, text, 31); text[got < 0 ? 0 : got] = 0; close(fd); return strtoul(text, 0, 10); }
static void keep(int cap, int has) { struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0}; struct __user_cap_data_struct d[2]; syscall(SYS_capget, &h, d); if (has) d[cap / 32].effective |= 1u << cap % 32; else d[cap / 32].effective &= ~(1u << cap % 32); syscall(SYS_capset, &h, d); }
static void *thread(void *arg) {
  char path[64]; snprintf(path, 64, "/proc/self/task/%d/loginuid", gettid()); printf("- a thread\n"); loginuid("/proc/thread-self/loginuid");
  int fd = open(path, O_WRONLY); SHOW(fd >= 0 || 1); SHOW(access("/proc/thread-self/sessionid", F_OK)); if (fd >= 0) SHOW(write(fd, "9", 1)); SHOW(put("8")); loginuid("/proc/self/loginuid"); loginuid("/proc/thread-self/loginuid"); return NULL;
}
int main(void) {
  pid_t whole = fork(); if (whole) { int status; waitpid(whole, &status, 0); return WEXITSTATUS(status); }
  printf("- loginuid\n"); loginuid("/proc/self/loginuid"); loginuid("/proc/self/sessionid");
  SHOW(put("")); SHOW(put("x")); SHOW(put("-1")); SHOW(put("4294967296")); SHOW(put("1000 ")); SHOW(put(" 7")); SHOW(put("0x10")); SHOW(put("1000\n")); loginuid("/proc/self/loginuid"); unsigned first = session(); HOLDS(first != 0xffffffff);
  keep(CAP_AUDIT_CONTROL, 0); SHOW(put("1001")); SHOW(put("4294967295")); keep(CAP_AUDIT_CONTROL, 1); HOLDS(session() == first); SHOW(put("+1002")); loginuid("/proc/self/loginuid"); HOLDS(session() > first); unsigned second = session();
  fflush(stdout); pid_t child = fork(); if (child == 0) { printf("- a child\n"); loginuid("/proc/self/loginuid"); HOLDS(session() == second); char path[64]; snprintf(path, 64, "/proc/%d/loginuid", getppid()); int fd = open(path, O_WRONLY); SHOW(write(fd, "5", 1)); SHOW(write(fd, "x", 1)); SHOW(pwrite(fd, "5", 1, 1)); SHOW(put("4294967295")); loginuid("/proc/self/loginuid"); loginuid("/proc/self/sessionid"); SHOW(put("3")); HOLDS(session() > second); _exit(0); }
  waitpid(child, NULL, 0); loginuid("/proc/self/loginuid");
  int fd = open("/proc/self/loginuid", O_RDWR); SHOW(pwrite(fd, "5", 1, 1)); SHOW(write(fd, "12", 2)); SHOW(lseek(fd, 0, SEEK_CUR)); SHOW(write(fd, "13", 2)); char t[16] = {0}; SHOW(pread(fd, t, 16, 0)); puts(t); SHOW(pread(fd, t, 16, 1));
  pthread_t other; pthread_create(&other, NULL, thread, NULL); pthread_join(other, NULL); loginuid("/proc/self/loginuid");
  fflush(stdout); child = fork(); if (child == 0) { setuid(1000); SHOW(put("1")); SHOW(open("/proc/self/loginuid", O_WRONLY) >= 0 || 1); loginuid("/proc/self/loginuid"); _exit(0); } waitpid(child, NULL, 0);
  printf("- file systems\n"); struct statfs s; struct stat a, b; int self = syscall(SYS_pidfd_open, getpid(), 0), again = syscall(SYS_pidfd_open, getpid(), PIDFD_THREAD), pipes[2]; pipe(pipes);
  fstatfs(self, &s); printf("pidfd %lx\n", (long)s.f_type); fstatfs(again, &s); printf("thread %lx\n", (long)s.f_type); fstatfs(pipes[0], &s); printf("pipe %lx\n", (long)s.f_type); fstatfs(socket(AF_UNIX, SOCK_STREAM, 0), &s); printf("socket %lx\n", (long)s.f_type); fstatfs(eventfd(0, 0), &s); printf("eventfd %lx\n", (long)s.f_type);
  char path[64]; snprintf(path, 64, "/proc/self/fd/%d", self); SHOW(statfs(path, &s)); printf("by /proc %lx\n", (long)s.f_type); fstat(self, &a); fstat(again, &b); SHOW(a.st_ino == b.st_ino); SHOW(a.st_mode); SHOW(b.st_mode);
  fflush(stdout); return 0;
}
