#include "abi.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* A transfer that a reset cuts short says what it moved, and leaves the error: to SO_ERROR, poll and the next call. */

static char buffer[1 << 24];
static int here, there;

static void pair(void) {
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; socklen_t length = sizeof place;
  int listener = socket(AF_INET, SOCK_STREAM, 0); bind(listener, (void *)&place, length); getsockname(listener, (void *)&place, &length); listen(listener, 1);
  here = socket(AF_INET, SOCK_STREAM, 0); if (connect(here, (void *)&place, length)) exit(1);
  there = accept(listener, NULL, NULL); close(listener);
}

static int error_of(int s) { int e = -1; socklen_t n = sizeof e; getsockopt(s, SOL_SOCKET, SO_ERROR, &e, &n); return e; }
static int events_of(int s) { struct pollfd p = {s, POLLIN | POLLOUT | POLLRDHUP, 0}; poll(&p, 1, 0); return p.revents; }
static void reset(void) { struct linger now = {1, 0}; setsockopt(there, SOL_SOCKET, SO_LINGER, &now, sizeof now); close(there); }

/* Sends more than there is room for to who closes without having read it; what was taken is not told, but that it was. */
static void cut_short(void) {
  pair(); pid_t pid = fork();
  if (pid == 0) { int n = 0; close(here); while (n == 0) { ioctl(there, FIONREAD, &n); sched_yield(); } _exit(0); }
  close(there); long sent = send(here, buffer, sizeof buffer, MSG_NOSIGNAL); HOLDS(sent > 0 && sent < sizeof buffer); waitpid(pid, NULL, 0);
}

int main(void) {
  cut_short(); SHOW(events_of(here)); SHOW(error_of(here)); SHOW(error_of(here)); SHOW(events_of(here)); SHOW(send(here, "a", 1, MSG_NOSIGNAL)); close(here);
  cut_short(); SHOW(send(here, "a", 1, MSG_NOSIGNAL)); SHOW(send(here, "a", 1, MSG_NOSIGNAL)); SHOW(error_of(here)); close(here);
  cut_short(); SHOW(recv(here, buffer, 1, 0)); SHOW(recv(here, buffer, 1, 0)); close(here);
  pair(); SHOW(send(there, "ab", 2, 0)); reset(); SHOW(recv(here, buffer, 10, MSG_WAITALL)); SHOW(events_of(here)); SHOW(recv(here, buffer, 10, MSG_WAITALL)); SHOW(recv(here, buffer, 10, MSG_WAITALL)); SHOW(error_of(here)); close(here);
  pair(); SHOW(send(there, "abcd", 4, 0)); reset(); SHOW(recv(here, buffer, 2, MSG_WAITALL)); SHOW(recv(here, buffer, 2, MSG_WAITALL)); SHOW(error_of(here)); close(here);
  /* An urgent byte to who is gone brings the reset, as any other. */
  pair(); close(there); SHOW(events_of(here)); SHOW(send(here, "a", 1, MSG_OOB)); SHOW(events_of(here)); SHOW(send(here, "b", 1, MSG_OOB | MSG_NOSIGNAL)); SHOW(error_of(here)); close(here);
  pair(); close(there); SHOW(send(here, "a", 1, MSG_OOB)); SHOW(error_of(here)); SHOW(send(here, "b", 1, MSG_OOB | MSG_NOSIGNAL)); close(here);
  pair(); close(there); SHOW(send(here, "abc", 3, MSG_OOB)); SHOW(error_of(here)); close(here);
  pair(); reset(); SHOW(send(here, "a", 1, MSG_OOB | MSG_NOSIGNAL)); SHOW(send(here, "a", 1, MSG_OOB | MSG_NOSIGNAL)); close(here);
  /* AF_UNIX takes the error with the transfer. */
  int s[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, s); SHOW(send(s[1], "ab", 2, 0)); SHOW(send(s[0], "unread", 6, 0)); close(s[1]); SHOW(recv(s[0], buffer, 10, MSG_WAITALL)); SHOW(error_of(s[0]));
  return 0;
}
