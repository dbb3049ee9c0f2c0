/* SCM_CREDENTIALS: whose numbers may be told: one's own, and with CAP_SYS_ADMIN those of any process that is there. */
#include "abi.h"
#include <sys/socket.h>
static int s[2];
static struct ucred got;
static int tell(pid_t pid) {
  char b[CMSG_SPACE(12)]; struct iovec v = {"k", 1}; struct msghdr m = {0, 0, &v, 1, b, sizeof b, 0}; struct cmsghdr *h = CMSG_FIRSTHDR(&m); struct ucred w = {pid, getuid(), getgid()};
  h->cmsg_level = SOL_SOCKET; h->cmsg_type = SCM_CREDENTIALS; h->cmsg_len = CMSG_LEN(12); memcpy(CMSG_DATA(h), &w, 12); got.pid = 0;
  int sent = sendmsg(s[0], &m, 0); if (sent < 0) return sent; char c; v.iov_base = &c; m.msg_controllen = sizeof b; if (recvmsg(s[1], &m, MSG_DONTWAIT) != 1) return -2; h = CMSG_FIRSTHDR(&m); if (h) memcpy(&got, CMSG_DATA(h), 12); return sent;
}
int main(void) {
  int one = 1, p[2]; char c; if (pipe(p)) return 1; SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s)); setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, 4);
  SHOW(tell(getpid())); HOLDS(got.pid == getpid()); pid_t pid = fork(); if (pid == 0) { setpgid(0, 0); if (read(p[0], &c, 1) != 1) _exit(1); pid_t in = fork(); if (in == 0) { read(p[0], &c, 1); _exit(0); } _exit(0); }
  SHOW(tell(pid)); HOLDS(got.pid == pid); if (write(p[1], "x", 1) != 1) return 1; siginfo_t i; waitid(P_PID, pid, &i, WEXITED | WNOWAIT); SHOW(tell(pid)); HOLDS(got.pid == pid); waitpid(pid, NULL, 0);
  /* Its group is still there, in the grandchild; at last nothing is. */
  SHOW(tell(pid)); HOLDS(got.pid == pid); if (write(p[1], "x", 1) != 1) return 1; close(p[1]); close(p[0]); while (kill(-pid, 0) == 0) usleep(1000); SHOW(tell(pid)); SHOW(tell(0)); SHOW(tell(-1)); SHOW(tell(4194303)); SHOW(recv(s[1], &c, 1, MSG_DONTWAIT));
  return 0;
}
