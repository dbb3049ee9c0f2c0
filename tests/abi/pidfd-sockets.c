#include "abi.h"
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Processes told by descriptors: SO_PEERPIDFD, SO_PASSPIDFD with SCM_PIDFD. */
#define PASSPIDFD 76
#define PEERPIDFD 77
#define SCM_PIDFD 4

static int pid_of(int pidfd) {
  char name[60], line[100]; int pid = -9;
  snprintf(name, sizeof name, "/proc/self/fdinfo/%d", pidfd);
  FILE *f = fopen(name, "r");
  while (f && fgets(line, sizeof line, f)) sscanf(line, "Pid: %d", &pid);
  if (f) fclose(f);
  return pid;
}
static int peer(int s) { int fd = -1; socklen_t n = sizeof fd; return getsockopt(s, SOL_SOCKET, PEERPIDFD, &fd, &n) == 0 ? fd : -1; }
/* What came beside a message: kinds in order; the last pidfd is kept. */
static int kept;
static void receive(int s, size_t room, int flags) {
  char data[100], control[200]; struct iovec v = {data, sizeof data};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? control : NULL, .msg_controllen = room};
  errno = 0;
  long n = recvmsg(s, &m, flags | MSG_DONTWAIT);
  printf("%ld %s flags %x:", n, name_of(errno), m.msg_flags & ~MSG_CMSG_CLOEXEC);
  kept = -1;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); n >= 0 && c; c = CMSG_NXTHDR(&m, c)) {
    printf(" [%d %d %d]", c->cmsg_level == SOL_SOCKET, c->cmsg_type, (int)(c->cmsg_len - CMSG_LEN(0)));
    if (c->cmsg_type == SCM_PIDFD) memcpy(&kept, CMSG_DATA(c), 4);
  }
  printf("\n");
  fflush(stdout);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  int s[2], on = 1, got; socklen_t n = sizeof got;
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  SHOW(getsockopt(s[0], SOL_SOCKET, PASSPIDFD, &got, &n)); SHOW(got); SHOW(setsockopt(s[0], SOL_SOCKET, PASSPIDFD, &on, 2)); SHOW(setsockopt(s[0], SOL_SOCKET, PASSPIDFD, &on, 4));
  SHOW(getsockopt(s[0], SOL_SOCKET, PASSPIDFD, &got, &n)); SHOW(got);
  int fd = peer(s[0]); HOLDS(pid_of(fd) == getpid()); SHOW(fcntl(fd, F_GETFD)); struct stat a, b; int own = syscall(SYS_pidfd_open, getpid(), 0); fstat(fd, &a); fstat(own, &b); HOLDS(a.st_ino == b.st_ino);
  n = 2; SHOW(getsockopt(s[0], SOL_SOCKET, PEERPIDFD, &got, &n)); n = 4;
  write(s[1], "one", 3); receive(s[0], 200, 0); HOLDS(pid_of(kept) == getpid()); SHOW(fcntl(kept, F_GETFD));
  write(s[1], "two", 3); receive(s[0], 200, MSG_CMSG_CLOEXEC); SHOW(fcntl(kept, F_GETFD));
  setsockopt(s[0], SOL_SOCKET, SO_PASSCRED, &on, 4); write(s[1], "three", 5); receive(s[0], 200, MSG_PEEK); receive(s[0], 200, 0); HOLDS(pid_of(kept) == getpid());
  write(s[1], "four", 4); receive(s[0], 20, 0); write(s[1], "five", 4); receive(s[0], 0, 0); write(s[1], "six", 3); receive(s[0], CMSG_SPACE(12), 0);
  /* With files, too. */
  char control[CMSG_SPACE(4)]; struct iovec v = {"files", 5}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m); c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(4); memcpy(CMSG_DATA(c), &own, 4);
  SHOW(sendmsg(s[1], &m, 0)); receive(s[0], 200, 0);
  c->cmsg_type = SCM_PIDFD; SHOW(sendmsg(s[1], &m, 0));
  /* A child that is there, one that is waited for, and one that was not. */
  int ready[2]; pipe(ready);
  pid_t child = fork();
  if (child == 0) { close(ready[1]); write(s[1], "child", 5); char x; read(ready[0], &x, 1); _exit(7); }
  usleep(100000); receive(s[0], 200, 0); HOLDS(pid_of(kept) == child); struct pollfd p = {kept, POLLIN}; SHOW(poll(&p, 1, 0));
  close(ready[1]); waitpid(child, NULL, 0); SHOW(poll(&p, 1, 0)); SHOW(pid_of(kept));
  child = fork(); if (child == 0) { write(s[1], "gone", 4); _exit(0); }
  waitpid(child, NULL, 0); receive(s[0], 200, 0); SHOW(pid_of(kept)); if (kept >= 0) { p.fd = kept; SHOW(poll(&p, 1, 0)); }
  /* Connected: the listener's process for who connects, and the other way round. */
  struct sockaddr_un where = {AF_UNIX, "\0pidfd-sockets-test"}; socklen_t length = 2 + 19;
  int listener = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(peer(listener)); bind(listener, (void *)&where, length); SHOW(peer(listener)); listen(listener, 3); HOLDS(pid_of(peer(listener)) == getpid());
  child = fork();
  if (child == 0) { int t = socket(AF_UNIX, SOCK_STREAM, 0); if (connect(t, (void *)&where, length)) _exit(1); _exit(pid_of(peer(t)) == getppid() ? 0 : 2); }
  int accepted = accept(listener, NULL, NULL); int status; waitpid(child, &status, 0); SHOW(status);
  fd = peer(accepted); HOLDS(fd >= 0); SHOW(pid_of(fd));
  int d[2]; socketpair(AF_UNIX, SOCK_DGRAM, 0, d); HOLDS(pid_of(peer(d[0])) == getpid()); setsockopt(d[0], SOL_SOCKET, PASSPIDFD, &on, 4); write(d[1], "x", 1); receive(d[0], 200, 0);
  int lone = socket(AF_UNIX, SOCK_DGRAM, 0); SHOW(peer(lone));
  int inet = socket(AF_INET, SOCK_STREAM, 0); SHOW(peer(inet)); SHOW(setsockopt(inet, SOL_SOCKET, PASSPIDFD, &on, 4)); SHOW(getsockopt(inet, SOL_SOCKET, PASSPIDFD, &got, &n));
  uint64_t one = 0, two = 0; n = 8; SHOW(getsockopt(inet, SOL_SOCKET, 71, &one, &n)); SHOW(n); getsockopt(s[0], SOL_SOCKET, 71, &two, &n); HOLDS(one == two && one != 0); n = 4; SHOW(getsockopt(inet, SOL_SOCKET, 71, &one, &n)); SHOW(setsockopt(inet, SOL_SOCKET, 71, &one, 8));
  return 0;
}
