#include "abi.h"
#include <linux/kcmp.h>
#include <sys/epoll.h>

/* kcmp(2), KCMP_EPOLL_TFD: what an epoll file watches, of ourselves and of a child. */

static long watches(pid_t pid, int fd, int efd, int tfd, int toff) { struct kcmp_epoll_slot slot = {efd, tfd, toff}; return syscall(SYS_kcmp, getpid(), pid, KCMP_EPOLL_TFD, fd, &slot); }
static long is_same(long result) { return result > 0 ? 1 : result; }

int main(void) {
  int p[2], q[2], e = epoll_create1(0); pipe(p); pipe(q); pid_t me = getpid(); struct epoll_event in = {EPOLLIN};
  SHOW(watches(me, p[0], e, p[0], 0)); epoll_ctl(e, EPOLL_CTL_ADD, p[0], &in); epoll_ctl(e, EPOLL_CTL_ADD, q[0], &in);
  SHOW(watches(me, p[0], e, p[0], 0)); SHOW(is_same(watches(me, q[0], e, p[0], 0))); SHOW(watches(me, p[0], e, p[0], 1)); SHOW(watches(me, q[0], e, q[0], 0));
  int d = dup(p[0]); SHOW(watches(me, d, e, p[0], 0)); SHOW(watches(me, p[0], e, d, 0));
  /* One descriptor that watched two files: which is first is the kernel's matter. */
  int w = dup(p[1]); struct epoll_event out = {EPOLLOUT}; epoll_ctl(e, EPOLL_CTL_ADD, w, &out); dup2(q[1], w); epoll_ctl(e, EPOLL_CTL_ADD, w, &out);
  SHOW((watches(me, p[1], e, w, 0) == 0) + (watches(me, p[1], e, w, 1) == 0)); SHOW((watches(me, q[1], e, w, 0) == 0) + (watches(me, q[1], e, w, 1) == 0)); SHOW(watches(me, p[1], e, w, 2));
  SHOW(watches(me, p[0], p[0], p[0], 0)); SHOW(watches(me, 77, e, p[0], 0)); SHOW(watches(me, p[0], 77, p[0], 0)); SHOW(syscall(SYS_kcmp, me, me, KCMP_EPOLL_TFD, p[0], NULL)); SHOW(watches(999999, p[0], e, p[0], 0));
  int ready[2], end[2]; pipe(ready); pipe(end); pid_t pid = fork(); char c;
  if (pid == 0) { close(end[1]); close(q[0]); write(ready[1], "r", 1); read(end[0], &c, 1); _exit(0); }
  read(ready[0], &c, 1); SHOW(watches(pid, p[0], e, p[0], 0)); SHOW(watches(pid, q[0], e, q[0], 0)); close(end[1]); wait(NULL);
  return 0;
}
