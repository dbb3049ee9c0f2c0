#include "abi.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

/* Calls that a filter leaves to its listener: what that is told, how it answers, gives descriptors, and what signals and ends do to it. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 32
#endif
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ASKS(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF | 3)
static struct sock_filter code[] = {LOAD(nr), ASKS(SYS_getppid), ASKS(SYS_mkdirat), ASKS(SYS_getpgid), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
static struct sock_fprog program = {sizeof code / sizeof *code, code};
static int filter(unsigned flags) { return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program); }
static int to_child[2], to_parent[2], listener; static pid_t child; static struct seccomp_notif asked;
static void done(void) { write(to_parent[1], "d", 1); } static void await_done(void) { char c; read(to_parent[0], &c, 1); }
static void go(void) { write(to_child[1], "g", 1); } static void await_go(void) { char c; read(to_child[0], &c, 1); }
/* The child makes a call, and tells of it when the parent has told of its part. */
#define TELL(e) do { errno = 0; long r_ = (long)(e); int e_ = errno; await_go(); if (r_ == -1 && e_) printf("%s = -1 %s\n", #e, name_of(e_)); else printf("%s = %ld\n", #e, r_); fflush(stdout); done(); } while (0)
static void told(void) { fflush(stdout); go(); await_done(); }
static void handler(int s) { (void)s; }
/* A child that has a listener, which the parent takes over. */
static void begin(unsigned flags, void (*what)(void)) {
  pipe(to_child); pipe(to_parent); fflush(stdout); child = fork();
  if (child == 0) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); int fd = filter(SECCOMP_FILTER_FLAG_NEW_LISTENER | flags); write(to_parent[1], &fd, sizeof fd); await_go(); close(fd);
    what(); _exit(0);
  }
  int fd; read(to_parent[0], &fd, sizeof fd); int pidfd = syscall(SYS_pidfd_open, child, 0); listener = syscall(SYS_pidfd_getfd, pidfd, fd, 0); close(pidfd); go();
}
static void end(void) { int status; waitpid(child, &status, 0); printf("it ended with %x\n", status); close(listener); close(to_child[0]); close(to_child[1]); close(to_parent[0]); close(to_parent[1]); }
static int receive(void) { memset(&asked, 0, sizeof asked); return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked); }
static int answer(long value, int error, unsigned flags) { struct seccomp_notif_resp r = {.id = asked.id, .val = value, .error = error, .flags = flags}; return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r); }
static int ready(int timeout) { struct pollfd p = {listener, POLLIN | POLLOUT, 0}; poll(&p, 1, timeout); return p.revents; }
static char state(void) { char path[64], text[256]; sprintf(path, "/proc/%d/stat", child); FILE *f = fopen(path, "r"); fgets(text, sizeof text, f); fclose(f); return strrchr(text, ')')[2]; }
static void until(int events) { while ((ready(1000) & events) != events) {} }
static void calls(void) {
  TELL(syscall(SYS_getppid)); TELL(syscall(SYS_getppid)); TELL(syscall(SYS_getppid));
  TELL(syscall(SYS_mkdirat, AT_FDCWD, "/tmp/seccomp-listener", 0700)); TELL(rmdir("/tmp/seccomp-listener"));
  int fd = syscall(SYS_getppid); await_go(); char text[8] = {0}; read(fd, text, 4); printf("through another: %s, close-on-exec %d\n", text, fcntl(fd, F_GETFD)); memset(text, 0, 8); lseek(50, 0, SEEK_SET); read(50, text, 4); printf("through 50: %s\n", text); fflush(stdout); done();
  if (fork() == 0) { TELL(syscall(SYS_getpgid, 77)); _exit(0); } wait(NULL);
  TELL(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}
static void interrupted(void) { struct sigaction a = {.sa_handler = handler}; sigaction(SIGALRM, &a, NULL); TELL(syscall(SYS_getppid)); a.sa_flags = SA_RESTART; sigaction(SIGALRM, &a, NULL); TELL(syscall(SYS_getppid)); }
static void once(void) { TELL(syscall(SYS_getppid)); }
int main(void) {
  struct seccomp_notif_sizes sizes; unsigned action = SECCOMP_RET_USER_NOTIF;
  SHOW(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes)); printf("%d %d %d\n", sizes.seccomp_notif, sizes.seccomp_notif_resp, sizes.seccomp_data); SHOW(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 1, &sizes)); SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
  SHOW(filter(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC)); SHOW(filter(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV));
  printf("-- answers\n"); begin(0, calls);
  asked.pid = 1; SHOW(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked)); SHOW(ioctl(listener, 0x2177, 0)); SHOW(read(listener, &asked, 80)); HOLDS(fcntl(listener, F_GETFL) == O_RDWR || fcntl(listener, F_GETFL) == (O_RDWR | 0x8000));
  until(POLLIN); printf("ready %x\n", ready(0)); SHOW(receive()); printf("ready %x\n", ready(0)); printf("call %s of the child %d, flags %u\n", asked.data.nr == SYS_getppid ? "getppid" : "?", asked.pid == child, asked.flags); HOLDS(asked.data.instruction_pointer != 0);
  uint64_t id = asked.id; SHOW(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id)); id += 1000; SHOW(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id)); SHOW(answer(0, 0, 2)); SHOW(answer(1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE)); asked.id += 1000; SHOW(answer(1, 0, 0)); asked.id -= 1000;
  SHOW(answer(4242, 0, 0)); told(); receive(); SHOW(answer(-70000, 0, 0)); told(); receive(); SHOW(answer(5, -EPERM, 0)); told();
  receive(); printf("call %s, mode %llo\n", asked.data.nr == SYS_mkdirat ? "mkdirat" : "?", (unsigned long long)asked.data.args[2]); SHOW(answer(0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE)); told(); told();
  receive(); int fd = open("/tmp/seccomp-listener-file", O_CREAT | O_RDWR, 0600); write(fd, "text", 4); lseek(fd, 0, SEEK_SET); struct seccomp_notif_addfd add = {.id = asked.id, .srcfd = fd};
#define ADD ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add)
  add.newfd_flags = O_NONBLOCK; SHOW(ADD); add.newfd_flags = 0; add.flags = 8; SHOW(ADD); add.flags = 0; add.newfd = 50; SHOW(ADD); add.flags = SECCOMP_ADDFD_FLAG_SETFD; SHOW(ADD); add.srcfd = 99; SHOW(ADD); add.srcfd = fd; add.id += 1000; SHOW(ADD); add.id -= 1000; add.flags = 0; add.newfd = 0;
  /* The record as older and younger programs know it. */
  struct { struct seccomp_notif_addfd add; long more; } younger = {add, 0}; int given;
#define SIZED(size, at) ioctl(listener, 0x40002103UL | (size) << 16, at)
  SHOW(SIZED(23UL, &add)); SHOW(SIZED(0UL, &add)); SHOW(SIZED(4096UL, &add)); HOLDS((given = SIZED(32UL, &younger)) >= 0); younger.more = 1; SHOW(SIZED(32UL, &younger)); SHOW(SIZED(24UL, 8)); HOLDS((given = ioctl(listener, 0xc0182103UL, &add)) >= 0);
  add.flags = SECCOMP_ADDFD_FLAG_SEND; add.newfd = 0; add.newfd_flags = O_CLOEXEC; HOLDS(ADD >= 0); told();
  close(fd); unlink("/tmp/seccomp-listener-file");
  receive(); printf("call %s of a child of it %d, argument %lld\n", asked.data.nr == SYS_getpgid ? "getpgid" : "?", asked.pid != (unsigned)child, (long long)asked.data.args[0]); SHOW(answer(11, 0, 0)); told(); told(); until(POLLHUP); printf("ready %x\n", ready(0)); SHOW(receive()); end();
  printf("-- signals\n"); begin(0, interrupted); receive(); kill(child, SIGALRM); told(); SHOW(answer(1, 0, 0)); receive(); kill(child, SIGALRM); until(POLLIN); SHOW(answer(2, 0, 0)); receive(); SHOW(answer(3, 0, 0)); told(); end();
  printf("-- a call that only SIGKILL interrupts\n"); begin(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, interrupted); until(POLLIN); printf("it sleeps as %c\n", state()); receive(); kill(child, SIGALRM); usleep(50000); printf("it sleeps as %c\n", state()); SHOW(answer(6, 0, 0)); told(); receive(); kill(child, SIGKILL); until(POLLHUP); SHOW(answer(7, 0, 0)); end();
  printf("-- the listener goes\n"); begin(0, once); until(POLLIN); close(listener); told(); listener = -1; end();
  printf("-- it goes when it was told\n"); begin(0, once); receive(); close(listener); told(); listener = -1; end();
  return 0;
}
