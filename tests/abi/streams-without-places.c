#include "abi.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

/* Descriptors that are no files: places in them, what a signal tells of them, and how a write ends whose reader goes. */
static void places(void) {
  sigset_t set; sigemptyset(&set); int ends[2], pair[2]; pipe(ends); socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  const char *names[] = {"epoll", "eventfd", "inotify", "signalfd", "timerfd", "pipe read", "pipe write", "socket", "udp"};
  int fds[] = {epoll_create1(0), eventfd(0, 0), inotify_init1(0), signalfd(-1, &set, 0), timerfd_create(CLOCK_MONOTONIC, 0), ends[0], ends[1], pair[0], socket(AF_INET, SOCK_DGRAM, 0)};
  for (int each = 0; each < 9; each++) {
    char bytes[64]; struct iovec one = {bytes, 8}; int fd = fds[each]; printf("- %s\n", names[each]);
    SHOW(pread(fd, bytes, 8, 0)); SHOW(pwrite(fd, bytes, 8, 0)); SHOW(preadv(fd, &one, 1, 0)); SHOW(pwritev(fd, &one, 1, 0)); SHOW(pread(fd, bytes, 0, 0)); SHOW(pread(fd, bytes, 8, -1));
    SHOW(lseek(fd, 0, SEEK_CUR)); SHOW(lseek(fd, 10, SEEK_SET)); SHOW(lseek(fd, 0, 9)); SHOW(ftruncate(fd, 0)); SHOW(fallocate(fd, 0, 0, 10)); SHOW(posix_fadvise(fd, 0, 0, 0)); SHOW(fsync(fd)); SHOW(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
    if (each < 1 || each == 2 || each == 3 || each == 4) { SHOW(write(fd, bytes, 8)); SHOW(write(fd, bytes, 0)); } if (each == 0) { SHOW(read(fd, bytes, 8)); SHOW(read(fd, bytes, 0)); }
  }
}

static void bands(void) {
  printf("- what a signal tells\n"); sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigaddset(&set, SIGIO); sigprocmask(SIG_BLOCK, &set, NULL);
  int ends[2], pair[2]; pipe(ends); socketpair(AF_UNIX, SOCK_STREAM, 0, pair); siginfo_t info; struct timespec none = {0, 0};
  int fds[] = {ends[0], ends[1], pair[0]}; for (int each = 0; each < 3; each++) { fcntl(fds[each], F_SETOWN, getpid()); fcntl(fds[each], F_SETSIG, SIGUSR1); fcntl(fds[each], F_SETFL, O_ASYNC | O_NONBLOCK); }
  while (sigtimedwait(&set, &info, &none) > 0);
  write(ends[1], "x", 1); char bytes[65536]; while (sigtimedwait(&set, &info, &none) > 0) printf("  written: %d %lx %s\n", info.si_code, info.si_band, info.si_fd == ends[0] ? "reader" : "writer");
  while (write(ends[1], bytes, sizeof bytes) > 0); while (sigtimedwait(&set, &info, &none) > 0);
  read(ends[0], bytes, sizeof bytes); int seen = 0; while (sigtimedwait(&set, &info, &none) > 0) if (info.si_fd == ends[1]) seen = info.si_band; printf("  room: %x\n", seen);
  write(pair[1], "x", 1); while (sigtimedwait(&set, &info, &none) > 0) printf("  socket: %d %lx\n", info.si_code, info.si_band);
  struct f_owner_ex owner = {F_OWNER_TID, syscall(SYS_gettid)}, got; SHOW(fcntl(pair[0], F_SETOWN_EX, &owner)); SHOW(fcntl(pair[0], F_GETOWN_EX, &got)); SHOW(got.type); HOLDS(got.pid == owner.pid); HOLDS(fcntl(pair[0], F_GETOWN) == owner.pid);
  owner.type = F_OWNER_PGRP; owner.pid = getpgrp(); SHOW(fcntl(pair[0], F_SETOWN_EX, &owner)); SHOW(fcntl(pair[0], F_GETOWN_EX, &got)); SHOW(got.type); HOLDS(got.pid == owner.pid);
  owner.type = F_OWNER_PID; owner.pid = 0; SHOW(fcntl(pair[0], F_SETOWN_EX, &owner)); SHOW(fcntl(pair[0], F_GETOWN_EX, &got)); SHOW(got.type); SHOW(got.pid); owner.type = 7; SHOW(fcntl(pair[0], F_SETOWN_EX, &owner));
  owner.type = F_OWNER_TID; owner.pid = 0; SHOW(fcntl(pair[0], F_SETOWN_EX, &owner)); SHOW(fcntl(pair[0], F_GETOWN_EX, &got)); SHOW(got.type); SHOW(got.pid);
}

static volatile int pipes; static int ends[2];
static void count(int signal) { pipes++; }
static void *writer(void *way) {
  static char bytes[1 << 18]; struct iovec two[2] = {{bytes, 1 << 17}, {bytes, 1 << 17}};
  if (way == NULL) SHOW(write(ends[1], bytes, sizeof bytes)); else SHOW(writev(ends[1], two, 2));
  SHOW(pipes); SHOW(write(ends[1], bytes, sizeof bytes)); SHOW(pipes); return NULL;
}
static void broken(void) {
  printf("- a write whose reader goes\n"); signal(SIGPIPE, count);
  for (long way = 0; way < 2; way++) {
    pthread_t thread; pipes = 0; pipe(ends); pthread_create(&thread, NULL, writer, (void *)way); struct pollfd full = {ends[1], POLLOUT};
    while (poll(&full, 1, 0) > 0) usleep(1000); usleep(20000); close(ends[0]); pthread_join(thread, NULL); close(ends[1]);
  }
}

int main(void) { places(); bands(); broken(); return 0; }
