#include "abi.h"
#include <sys/uio.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/signalfd.h>
#include <sys/inotify.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <mqueue.h>
#include <linux/fs.h>
#include <sys/mount.h>
static char b[8]; static struct iovec v = {b, 1};
static void each(const char *what, int fd, long at) {
  printf("%s:", what);
  for (int f = 1; f <= 0x20; f <<= 1) { errno = 0; long r = preadv2(fd, &v, 1, at, f); int e = errno; printf(" r%x=%s", f, r >= 0 ? "ok" : name_of(e)); errno = 0; r = pwritev2(fd, &v, 1, at, f); e = errno; printf(" w%x=%s", f, r >= 0 ? "ok" : name_of(e)); }
  printf("\n"); fflush(stdout);
}
/* What preadv2(2) and pwritev2(2) take as flags, file by file. */
int main(void) {
  mkdir("/tmp/k-t", 0700); mount("none", "/tmp/k-t", "tmpfs", 0, 0); int t = open("/tmp/k-t/f", O_RDWR | O_CREAT, 0600); each("tmpfs", t, 0);
  t = syscall(SYS_memfd_create, "x", 0); each("memfd", t, 0);
  umount("/tmp/k-t"); rmdir("/tmp/k-t");
  each("null", open("/dev/null", O_RDWR), 0); each("zero", open("/dev/zero", O_RDWR), 0); each("full", open("/dev/full", O_RDWR), 0); each("random", open("/dev/urandom", O_RDWR), 0);
  each("proc", open("/proc/self/comm", O_RDWR), -1); each("sysctl", open("/proc/sys/kernel/hostname", O_RDONLY), 0); each("mem", open("/proc/self/mem", O_RDWR), (long)b);
  int p[2]; pipe2(p, O_NONBLOCK); write(p[1], "0123456789012345678901234567890", 30); each("pipe r", p[0], -1); each("pipe w", p[1], -1);
  socketpair(AF_UNIX, SOCK_STREAM, 0, p); write(p[1], "0123456789012345678901234567890", 30); each("socket", p[0], -1);
  v.iov_len = 8; int e = eventfd(5, EFD_SEMAPHORE | EFD_NONBLOCK); memcpy(b, (long[]){1}, 8); each("eventfd", e, -1); 
  e = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK); each("timerfd", e, -1); e = inotify_init1(IN_NONBLOCK); each("inotify", e, -1); v.iov_len = 1; each("epoll", epoll_create1(0), -1);
  sigset_t s; sigemptyset(&s); each("signalfd", signalfd(-1, &s, SFD_NONBLOCK), -1);
  mqd_t q = mq_open("/k-q", O_RDWR | O_CREAT, 0600, 0); each("mqueue", q, 0); mq_unlink("/k-q");
  each("directory", open("/proc/self", O_RDONLY), 0);
  int w[2]; pipe(w); errno = 0; v.iov_len = 1; SHOW(preadv2(w[0], &v, 1, -1, RWF_NOWAIT)); static char big[1 << 17]; struct iovec B = {big, sizeof big}; SHOW(pwritev2(w[1], &B, 1, -1, RWF_NOWAIT)); SHOW(pwritev2(w[1], &B, 1, -1, RWF_NOWAIT)); SHOW(preadv2(w[0], &v, 1, 0, RWF_NOWAIT));
  socketpair(AF_UNIX, SOCK_STREAM, 0, w); SHOW(preadv2(w[0], &v, 1, -1, RWF_NOWAIT)); SHOW(preadv2(eventfd(0, 0), &v, 1, -1, RWF_NOWAIT)); v.iov_len = 8; SHOW(preadv2(eventfd(0, 0), &v, 1, -1, RWF_NOWAIT)); SHOW(preadv2(timerfd_create(CLOCK_MONOTONIC, 0), &v, 1, -1, RWF_NOWAIT));
  printf("- orders\n"); int m2 = syscall(SYS_memfd_create, "y", 0); v.iov_len = 0; SHOW(preadv2(m2, &v, 1, 0, 0x10000)); SHOW(pwritev2(m2, &v, 1, 0, 0x10000)); v.iov_len = 1; SHOW(preadv2(m2, &v, 1, 0, 0x10000)); SHOW(preadv2(m2, (void *)8, 1, 0, 0x10000)); SHOW(preadv2(m2, &v, 2000, 0, 0x10000)); SHOW(preadv2(m2, &v, 1, -2, 0x10000)); SHOW(pwritev2(m2, &v, 1, 0, RWF_APPEND | 0x20)); SHOW(pwritev2(m2, &v, 1, 0, RWF_APPEND | 0x20 | RWF_NOWAIT));
  return 0;
}
