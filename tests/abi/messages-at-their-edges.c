#include "abi.h"
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Found by gVisor's tests: who sent a signal that a call gave its caller, messages that are just too large, and reads of nothing. */

static void told(int signal) {
  sigset_t set; siginfo_t info; struct timespec none = {0, 0};
  sigemptyset(&set); sigaddset(&set, signal);
  SHOW(sigtimedwait(&set, &info, &none)); SHOW(info.si_code); HOLDS(info.si_pid == getpid()); HOLDS(info.si_uid == getuid());
}

static void signals(void) {
  sigset_t set; sigemptyset(&set); sigaddset(&set, SIGPIPE); sigaddset(&set, SIGXFSZ); sigprocmask(SIG_BLOCK, &set, NULL);
  int p[2]; pipe(p); close(p[0]); SHOW(write(p[1], "x", 1)); told(SIGPIPE);
  int s[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, s); close(s[0]); SHOW(send(s[1], "x", 1, 0)); told(SIGPIPE);
  int fd = open("limited", O_RDWR | O_CREAT, 0600); struct rlimit old, limit; getrlimit(RLIMIT_FSIZE, &old); limit = old; limit.rlim_cur = 100; fflush(stdout); setrlimit(RLIMIT_FSIZE, &limit);
  long written = pwrite(fd, "x", 1, 100), cut = ftruncate(fd, 101), room = fallocate(fd, 0, 50, 51);
  setrlimit(RLIMIT_FSIZE, &old); SHOW(written); SHOW(cut); SHOW(room); told(SIGXFSZ); unlink("limited");
}

static void udp(int family) {
  union { struct sockaddr_in four; struct sockaddr_in6 six; struct sockaddr any; } at = {.any.sa_family = family};
  if (family == AF_INET) at.four.sin_addr.s_addr = htonl(INADDR_LOOPBACK); else at.six.sin6_addr = in6addr_loopback;
  socklen_t length = family == AF_INET ? sizeof at.four : sizeof at.six; char big[8192] = {0};
  int a = socket(family, SOCK_DGRAM, 0), b = socket(family, SOCK_DGRAM, 0), least = 1; socklen_t size = 4;
  bind(b, &at.any, length); getsockname(b, &at.any, &length); setsockopt(b, SOL_SOCKET, SO_RCVBUF, &least, 4); getsockopt(b, SOL_SOCKET, SO_RCVBUF, &least, &size); SHOW(least);
  SHOW(sendto(a, big, least + 1, 0, &at.any, length)); SHOW(recv(b, big, sizeof big, MSG_DONTWAIT)); SHOW(recv(b, big, sizeof big, MSG_DONTWAIT));
  SHOW(connect(a, &at.any, length)); close(b); SHOW(sendto(a, big, 10, 0, &at.any, length)); struct pollfd one = {a, 0, 0}; SHOW(poll(&one, 1, 1000)); SHOW(one.revents);
  int error = 0; SHOW(getsockopt(a, SOL_SOCKET, SO_ERROR, &error, &size)); SHOW(error);
  /* Another one that is not there is not its peer. */
  if (family == AF_INET) at.four.sin_port = htons(1); else at.six.sin6_port = htons(1); SHOW(sendto(a, big, 10, 0, &at.any, length)); SHOW(poll(&one, 1, 50)); close(a);
}

static void with_file(int s) {
  char control[CMSG_SPACE(4)] = {0}; struct iovec part = {"a", 1}; struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message); head->cmsg_level = SOL_SOCKET; head->cmsg_type = SCM_RIGHTS; head->cmsg_len = CMSG_LEN(4); memcpy(CMSG_DATA(head), &s, 4); SHOW(sendmsg(s, &message, 0));
}

static void nothing(int type) {
  int s[2]; socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, s); with_file(s[1]); char bytes[4];
  for (int i = 0; i < 3; i++) {
    char control[CMSG_SPACE(4)]; struct iovec part = {bytes, i == 2}; struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    long got = recvmsg(s[0], &message, i == 0 ? MSG_PEEK : 0); SHOW(got); if (got < 0) break; struct cmsghdr *head = CMSG_FIRSTHDR(&message); HOLDS(head != NULL); SHOW(message.msg_flags); if (head != NULL) { int fd; memcpy(&fd, CMSG_DATA(head), 4); SHOW(close(fd)); }
  }
  int value = 1; socklen_t size = 4; SHOW(setsockopt(s[0], 263, 16, &value, 4)); SHOW(setsockopt(s[0], IPPROTO_TCP, 1, &value, 4)); SHOW(getsockopt(s[0], IPPROTO_IP, 1, &value, &size)); close(s[0]); close(s[1]);
}

int main(void) {
  signals(); udp(AF_INET); udp(AF_INET6); nothing(SOCK_STREAM); nothing(SOCK_SEQPACKET); nothing(SOCK_DGRAM);
  return 0;
}
