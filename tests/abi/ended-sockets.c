#include "abi.h"
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
/* Sockets that are ended from outside: SOCK_DESTROY of sock_diag(7), `ss -K`. */

static struct sockaddr_in near, far;
static int destroys_these(int protocol) {
  struct { struct nlmsghdr h; struct inet_diag_req_v2 r; } q = {{sizeof q, SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, 1, 0}, {.sdiag_family = AF_INET, .sdiag_protocol = protocol, .idiag_states = -1}};
  q.r.id.idiag_sport = near.sin_port; q.r.id.idiag_dport = far.sin_port; q.r.id.idiag_src[0] = near.sin_addr.s_addr; q.r.id.idiag_dst[0] = far.sin_addr.s_addr; q.r.id.idiag_cookie[0] = q.r.id.idiag_cookie[1] = -1;
  int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG); char b[4096]; if (send(s, &q, sizeof q, 0) < 0) { close(s); return -errno; } int r = recv(s, b, sizeof b, 0); close(s); struct nlmsghdr *h = (void *)b; return r < 0 ? -errno : h->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(h))->error : 1;
}
static int destroys(int fd, int protocol) { memset(&near, 0, sizeof near); memset(&far, 0, sizeof far); socklen_t n = sizeof near; getsockname(fd, (void *)&near, &n); n = sizeof far; getpeername(fd, (void *)&far, &n); return destroys_these(protocol); }
static int ready(int fd) { struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0}; poll(&p, 1, 0); return p.revents; }
static int state(int fd) { struct tcp_info i; socklen_t n = sizeof i; return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &n) ? -1 : i.tcpi_state; }
static int error(int fd) { int e; socklen_t n = sizeof e; getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n); return e; }
/* What was shut before it was connected stays so, and the other side learns of it by another shutdown(2). */
static void shut_before(struct sockaddr_in *to, int l, int how) {
  int s = socket(AF_INET, SOCK_STREAM, 0); char c;
  SHOW(shutdown(s, how)); SHOW(connect(s, (void *)to, sizeof *to));
  int p = accept(l, 0, 0);
  SHOW(ready(s)); SHOW(ready(p)); SHOW(send(s, "x", 1, MSG_DONTWAIT)); SHOW(recv(p, &c, 1, MSG_DONTWAIT));
  SHOW(send(p, "y", 1, 0)); SHOW(recv(s, &c, 1, MSG_DONTWAIT)); SHOW(recv(s, &c, 1, MSG_DONTWAIT));
  SHOW(shutdown(s, SHUT_WR)); SHOW(recv(p, &c, 1, MSG_DONTWAIT)); SHOW(ready(p));
  close(p); close(s);
}
int main(void) {
  signal(SIGPIPE, SIG_IGN); char c; struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; socklen_t n = sizeof a;
  int l = socket(AF_INET, SOCK_STREAM, 0); bind(l, (void *)&a, sizeof a); getsockname(l, (void *)&a, &n); listen(l, 5);
  int s = socket(AF_INET, SOCK_STREAM, 0); connect(s, (void *)&a, sizeof a); int p = accept(l, 0, 0);
  send(p, "x", 1, 0);
  SHOW(-destroys(s, IPPROTO_TCP)); SHOW(ready(s)); SHOW(state(s)); SHOW(recv(s, &c, 1, MSG_DONTWAIT)); SHOW(ready(s)); SHOW(recv(s, &c, 1, MSG_DONTWAIT)); SHOW(send(s, "x", 1, MSG_DONTWAIT)); SHOW(connect(s, (void *)&a, sizeof a));
  SHOW(ready(p)); SHOW(state(p)); SHOW(error(p)); SHOW(recv(p, &c, 1, MSG_DONTWAIT)); 
  close(s); close(p);
  /* A listener, with one that waits. */
  s = socket(AF_INET, SOCK_STREAM, 0); connect(s, (void *)&a, sizeof a);
  SHOW(-destroys(l, IPPROTO_TCP)); SHOW(ready(l)); SHOW(state(l)); SHOW(error(l)); SHOW(accept4(l, 0, 0, SOCK_NONBLOCK)); SHOW(ready(s)); SHOW(error(s)); SHOW(recv(s, &c, 1, MSG_DONTWAIT)); SHOW(listen(l, 5)); n = sizeof a; getsockname(l, (void *)&a, &n); close(s); s = socket(AF_INET, SOCK_STREAM, 0); SHOW(connect(s, (void *)&a, sizeof a)); SHOW(-destroys(l, IPPROTO_TCP)); SHOW(-destroys(l, IPPROTO_TCP)); close(l); close(s);
  /* One without a socket, whose port waits. */
  l = socket(AF_INET, SOCK_STREAM, 0); a.sin_port = 0; bind(l, (void *)&a, sizeof a); n = sizeof a; getsockname(l, (void *)&a, &n); listen(l, 5); s = socket(AF_INET, SOCK_STREAM, 0); connect(s, (void *)&a, sizeof a); p = accept(l, 0, 0); n = sizeof near; getsockname(s, (void *)&near, &n); getpeername(s, (void *)&far, &n); close(s); close(p);
  SHOW(-destroys_these(IPPROTO_TCP)); SHOW(-destroys_these(IPPROTO_TCP)); s = socket(AF_INET, SOCK_STREAM, 0); SHOW(bind(s, (void *)&near, sizeof near)); close(s);
  /* One that connects, to where nobody answers. */
  s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); int full = socket(AF_INET, SOCK_STREAM, 0), i; struct sockaddr_in b = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; bind(full, (void *)&b, sizeof b); n = sizeof b; getsockname(full, (void *)&b, &n); listen(full, 0); int w1 = socket(AF_INET, SOCK_STREAM, 0); connect(w1, (void *)&b, sizeof b);
  SHOW(connect(s, (void *)&b, sizeof b)); SHOW(state(s)); n = sizeof near; getsockname(s, (void *)&near, &n); far = b; SHOW(-destroys_these(IPPROTO_TCP)); SHOW(ready(s)); SHOW(state(s)); SHOW(connect(s, (void *)&b, sizeof b)); SHOW(-destroys_these(IPPROTO_TCP)); close(s); close(w1); close(full);
  /* Datagrams. */
  int u = socket(AF_INET, SOCK_DGRAM, 0); a.sin_port = 0; bind(u, (void *)&a, sizeof a); n = sizeof a; getsockname(u, (void *)&a, &n);
  int v = socket(AF_INET, SOCK_DGRAM, 0); connect(v, (void *)&a, sizeof a); struct sockaddr_in w; n = sizeof w; getsockname(v, (void *)&w, &n); connect(u, (void *)&w, sizeof w);
  SHOW(-destroys(u, IPPROTO_UDP)); SHOW(ready(u)); SHOW(recv(u, &c, 1, MSG_DONTWAIT)); SHOW(recv(u, &c, 1, MSG_DONTWAIT)); SHOW(send(u, "x", 1, 0)); n = sizeof w; SHOW(getsockname(u, (void *)&w, &n)); HOLDS(w.sin_port == a.sin_port); HOLDS(w.sin_port == 0); SHOW(ntohl(w.sin_addr.s_addr)); SHOW(getpeername(u, (void *)&w, &n));
  if (fork() == 0) { setuid(65534); SHOW(-destroys(v, IPPROTO_UDP)); SHOW(-destroys(l, IPPROTO_TCP)); exit(0); } wait(0);
  int unbound = socket(AF_INET, SOCK_STREAM, 0); SHOW(-destroys(unbound, IPPROTO_TCP)); SHOW(-destroys(l, IPPROTO_TCP)); SHOW(-destroys(l, 200));
  { struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; socklen_t size = sizeof to; int heard = socket(AF_INET, SOCK_STREAM, 0); bind(heard, (void *)&to, size); getsockname(heard, (void *)&to, &size); listen(heard, 5);
    for (int how = SHUT_RD; how <= SHUT_RDWR; how++) shut_before(&to, heard, how); }
  return 0;
}
