/* What poll, select and epoll make of files of /proc and /sys, of devices, and of a fifo that waits for its first writer. */
#include "abi.h"
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/select.h>
static int ready(int fd) { struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM, 0}; poll(&p, 1, 0); return p.revents; }
static void look(const char *path, int flags) {
  int fd = open(path, flags | O_NONBLOCK | O_NOCTTY); if (fd < 0) { printf("%s: %s\n", path, name_of(errno)); return; }
  printf("%s %x: poll %x", path, flags, ready(fd));
  int e = epoll_create1(0); struct epoll_event v = {EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP};
  errno = 0; int r = epoll_ctl(e, EPOLL_CTL_ADD, fd, &v); printf(", epoll_ctl %d %s", r, name_of(errno)); if (r == 0) { r = epoll_wait(e, &v, 1, 0); printf(" %d %x", r, r > 0 ? v.events : 0); }
  fd_set a, b, c; FD_ZERO(&a); FD_SET(fd, &a); b = c = a; struct timeval t = {0}; r = select(fd + 1, &a, &b, &c, &t); printf(", select %d %d%d%d", r, FD_ISSET(fd, &a) != 0, FD_ISSET(fd, &b) != 0, FD_ISSET(fd, &c) != 0);
  if ((flags & 3) == 0 && !strstr(path, "kmsg") && !strstr(path, "ptmx")) { char buffer[64]; read(fd, buffer, 16); printf(", read: %x", ready(fd)); lseek(fd, 0, SEEK_SET); printf(" %x", ready(fd)); r = epoll_wait(e, &v, 1, 0); printf(" %d %x", r, r > 0 ? v.events : 0); }
  puts(""); fflush(stdout); close(fd); close(e);
}
static void changed(const char *path, const char *other, int (*change)(void)) {
  int fd = open(path, O_RDONLY), beside = open(other, O_RDONLY), e = epoll_create1(0); struct epoll_event v = {EPOLLPRI};
  SHOW(epoll_ctl(e, EPOLL_CTL_ADD, fd, &v)); SHOW(epoll_wait(e, &v, 1, 0)); SHOW(change()); SHOW(epoll_wait(e, &v, 1, 0)); printf("%x\n", v.events); SHOW(epoll_wait(e, &v, 1, 0)); printf("%x %x\n", ready(fd), ready(beside)); printf("%x %x\n", ready(fd), ready(beside)); close(fd); close(beside); close(e);
}
static int mounts(void) { return mount("none", "/proc", "tmpfs", 0, NULL); }
static int renames(void) { return sethostname("other", 5); }
static void fifo(void) {
  char name[] = "/tmp/stratos-XXXXXX", path[64], c; mkdtemp(name); sprintf(path, "%s/fifo", name); SHOW(mkfifo(path, 0600));
  int r = open(path, O_RDONLY | O_NONBLOCK); printf("%x\n", ready(r)); SHOW(read(r, &c, 1)); int w = open(path, O_WRONLY); printf("%x\n", ready(r)); SHOW(read(r, &c, 1)); write(w, "x", 1); printf("%x\n", ready(r)); close(w); printf("%x\n", ready(r)); SHOW(read(r, &c, 1)); printf("%x\n", ready(r));
  int again = open(path, O_RDONLY | O_NONBLOCK); printf("%x %x\n", ready(r), ready(again)); close(r); close(again); int both = open(path, O_RDWR); r = open(path, O_RDONLY | O_NONBLOCK); printf("%x %x\n", ready(both), ready(r)); close(both); printf("%x\n", ready(r)); close(r); unlink(path); rmdir(name);
}
int main(void) {
  static const char *files[] = {"/proc/mounts", "/proc/self/mountinfo", "/proc/self/mountstats", "/proc/self/status", "/proc/self/stat", "/proc/self/maps", "/proc/self/comm", "/proc/self/limits", "/proc/self/ns/pid", "/proc/self/exe", "/proc/self/fd", "/proc/self/pagemap", "/proc/self/net/dev", "/proc/swaps", "/proc/version", "/proc/meminfo", "/proc/stat", "/proc/uptime", "/proc/cpuinfo", "/proc/net/tcp", "/proc/sys/kernel/hostname", "/proc/sys/kernel/ostype", "/proc/sys/kernel/pid_max", "/proc/sys/kernel/random/uuid", "/proc/sys", "/proc", "/proc/self/cgroup", "/proc/self/uid_map", "/proc/sysvipc/shm",
    "/sys", "/sys/class/net/lo/mtu", "/sys/class/net/lo/operstate", "/sys/devices/system/cpu/online", "/sys/class/net", "/sys/kernel/mm/transparent_hugepage/enabled",
    "/dev", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/ptmx", "/dev/kmsg", "/dev/loop-control", "/tmp"};
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int i = 0; i < sizeof files / sizeof *files; i++) look(files[i], O_RDONLY);
  look("/dev/null", O_RDWR); look("/dev/zero", O_WRONLY); look("/dev/random", O_WRONLY); look("/dev/kmsg", O_WRONLY); look("/proc/self/comm", O_WRONLY); look("/dev/null", O_PATH); look("/proc/self/mountinfo", O_PATH);
  fifo();
  int pid = fork(); if (pid == 0) { SHOW(unshare(CLONE_NEWNS | CLONE_NEWUTS)); mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL); changed("/proc/sys/kernel/hostname", "/proc/sys/kernel/hostname", renames); changed("/proc/self/mounts", "/proc/self/mountinfo", mounts); _exit(0); }
  int s; waitpid(pid, &s, 0); SHOW(s);
  return 0;
}
