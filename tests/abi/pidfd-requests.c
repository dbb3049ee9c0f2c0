/* What ioctl asks a pidfd: descriptors for the namespaces of its process, and PIDFD_GET_INFO, while it lives, when it has ended and when it was waited for. */
#include "abi.h"
#include <sched.h>
#include <sys/ioctl.h>
#define INFO(size) (0xc000ff0bUL | (size) << 16)
struct info { unsigned long long mask, cgroup; unsigned pid, tgid, ppid, ids[8]; int exit_code; unsigned core, spare; char more[3000]; };
static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"};
static struct info info;
static int ask(int pidfd, int mask, unsigned size) { memset(&info, 0, sizeof info); info.mask = mask; memset(info.more, 7, 100); return ioctl(pidfd, INFO(size), &info); }
/* Whether a cgroup is told of depends on what was mounted, not on the process. */
static void tell(pid_t pid) { printf("mask %llx, pid %d, tgid %d, ppid %d, exit %x, core %x, ids", info.mask & ~4ULL, info.pid == (unsigned)pid, info.tgid == (unsigned)pid, info.ppid == (unsigned)getpid(), info.exit_code, info.core); for (int n = 0; n < 8; n++) printf(" %u", info.ids[n]); printf("\n"); }
static void same(int pidfd, pid_t pid) {
  for (int n = 0; n < 10; n++) {
    char path[64], a[64] = "", b[64] = ""; int fd = ioctl(pidfd, 0xff01 + n, 0); sprintf(path, "/proc/self/fd/%d", fd); readlink(path, a, 63); sprintf(path, "/proc/%d/ns/%s", pid, kinds[n]); readlink(path, b, 63);
    printf("%s: a descriptor %d, close-on-exec %d, the same %d\n", kinds[n], fd >= 0, fcntl(fd, F_GETFD), strcmp(a, b) == 0); close(fd);
  }
}
int main(void) {
  setlinebuf(stdout);
  int me = syscall(SYS_pidfd_open, getpid(), 0), p[2]; pid_t child; siginfo_t i; char c; pipe(p);
  SHOW(ioctl(me, 0xff00, 0)); SHOW(ioctl(me, 0xff0c, 0)); SHOW(ioctl(me, 0xff01, 8)); SHOW(ioctl(me, 0x5401, &info)); same(me, getpid());
  printf("-- of itself\n"); info.ppid = 0; SHOW(ask(me, 31, 72)); printf("mask %llx, core %x\n", info.mask & ~4ULL, info.core); HOLDS(info.pid == (unsigned)getpid() && info.ppid == (unsigned)getppid());
  SHOW(ask(me, 0, 64)); printf("mask %llx, core %x\n", info.mask & ~4ULL, info.core); SHOW(ask(me, 0, 63)); SHOW(ask(me, 0, 0)); SHOW(ioctl(me, INFO(64), NULL)); SHOW(ioctl(me, INFO(64), 8)); SHOW(ioctl(me, 0x8040ff0bUL, &info)); SHOW(ask(me, 16, 2000)); HOLDS(info.more[0] == 0 && info.more[99] == 0);
  printf("-- of a child that is another user\n"); child = fork();
  if (child == 0) { setresgid(5, 6, 7); setresuid(1, 2, 3); write(p[1], "x", 1); pause(); }
  read(p[0], &c, 1); int fd = syscall(SYS_pidfd_open, child, 0); SHOW(ask(fd, 24, 72)); tell(child); same(fd, child);
  printf("-- who may not look\n"); if (fork() == 0) { setresuid(9, 9, 9); SHOW(ioctl(fd, 0xff0a, 0)); SHOW(ask(fd, 1, 64)); printf("ids %u %u\n", info.ids[0], info.ids[1]); _exit(0); } wait(NULL);
  printf("-- killed\n"); kill(child, SIGKILL); waitid(P_PID, child, &i, WEXITED | WNOWAIT); SHOW(ask(fd, 31, 72)); tell(child); SHOW(ioctl(fd, 0xff0a, 0)); SHOW(ioctl(fd, 0xff09, 0)); SHOW(ioctl(fd, 0xff05, 1));
  printf("-- waited for\n"); waitpid(child, NULL, 0); SHOW(ask(fd, 31, 72)); printf("mask %llx, pid %u, exit %x\n", info.mask & ~4ULL, info.pid, info.exit_code); SHOW(ask(fd, 1, 72)); SHOW(ioctl(fd, 0xff0a, 0)); SHOW(ioctl(fd, 0xff01, 1)); SHOW(ioctl(fd, 0xff7f, 0));
  printf("-- in a namespace below\n"); if (fork() == 0) { unshare(CLONE_NEWPID | CLONE_NEWUTS); same(me, getppid()); if (fork() == 0) { SHOW(ask(me, 1, 64)); int own = syscall(SYS_pidfd_open, 1, 0); SHOW(ask(own, 1, 64)); printf("pid %u, tgid %u, ppid %u\n", info.pid, info.tgid, info.ppid); _exit(0); } wait(NULL); _exit(0); } wait(NULL);
  printf("-- by which one enters\n"); if (fork() == 0) { pid_t other = fork(); if (other == 0) { unshare(CLONE_NEWUTS); sethostname("other", 5); write(p[1], "x", 1); pause(); } read(p[0], &c, 1); fd = syscall(SYS_pidfd_open, other, 0); int uts = ioctl(fd, 0xff0a, 0); SHOW(setns(uts, CLONE_NEWUTS)); char name[64]; gethostname(name, sizeof name); puts(name); kill(other, SIGKILL); _exit(0); } wait(NULL);
  return 0;
}
