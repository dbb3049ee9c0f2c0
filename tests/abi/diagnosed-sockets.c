#include "abi.h"
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef UDIAG_SHOW_UID
#define UDIAG_SHOW_UID 0x40
#define UNIX_DIAG_UID 7
#endif
/* What sock_diag(7) tells of one's own AF_UNIX sockets, as `ss -x` asks for it. */

static unsigned inode_of(int fd) { struct stat s; fstat(fd, &s); return s.st_ino; }

static unsigned buffer_of(int fd, int which) { unsigned v = 0; socklen_t n = sizeof v; getsockopt(fd, SOL_SOCKET, which, &v, &n); return v; }

/* Words 0 and 1: bytes to receive and their bound; 2 and 3: the same of those sent. */
static void memory(unsigned *v, int length, int fd) {
  printf(" memory %d %s %s %s", length, v[0] ? "some" : "0", v[1] == buffer_of(fd, SO_RCVBUF) ? "right" : "another", v[3] == buffer_of(fd, SO_SNDBUF) ? "right" : "another");
}

static void show(const char *name, int fd, int peer) {
  struct { struct nlmsghdr h; struct unix_diag_req r; } q = {{sizeof q, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {AF_UNIX, 0, 0, -1, 0, UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_MEMINFO | UDIAG_SHOW_UID, {-1, -1}}};
  int n = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG), done = 0; static char buffer[1 << 16]; if (send(n, &q, sizeof q, 0) < 0) exit(1);
  while (!done) {
    int length = recv(n, buffer, sizeof buffer, 0); if (length <= 0) exit(1);
    for (struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length)) {
      if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) { done = 1; break; }
      struct unix_diag_msg *m = NLMSG_DATA(h); if (m->udiag_ino != inode_of(fd)) continue;
      printf("%s: family %d type %d state %d", name, m->udiag_family, m->udiag_type, m->udiag_state);
      char *at = (char *)(m + 1), *end = (char *)h + h->nlmsg_len; unsigned *v[16] = {0}; int lengths[16] = {0};
      while (at + 4 <= end) { unsigned short *a = (void *)at; if (a[1] < 16) { v[a[1]] = (void *)(a + 2); lengths[a[1]] = a[0] - 4; } at += (a[0] + 3) & ~3; }
      if (v[UNIX_DIAG_NAME]) printf(" name %.*s", lengths[UNIX_DIAG_NAME] - 1, (char *)v[UNIX_DIAG_NAME] + 1);
      if (v[UNIX_DIAG_PEER]) printf(" peer %s", peer >= 0 && *v[UNIX_DIAG_PEER] == inode_of(peer) ? "right" : "another");
      if (v[UNIX_DIAG_RQLEN]) printf(" queues %u %s", v[UNIX_DIAG_RQLEN][0], v[UNIX_DIAG_RQLEN][1] ? m->udiag_state == 10 ? v[UNIX_DIAG_RQLEN][1] == 5 ? "5" : "another" : "some" : "0");
      if (v[UNIX_DIAG_MEMINFO]) memory(v[UNIX_DIAG_MEMINFO], lengths[UNIX_DIAG_MEMINFO], fd);
      if (v[UNIX_DIAG_UID]) printf(" uid %s", *v[UNIX_DIAG_UID] == getuid() ? "own" : "another");
      if (v[UNIX_DIAG_SHUTDOWN]) printf(" shut %d", *(unsigned char *)v[UNIX_DIAG_SHUTDOWN]);
      printf("\n"); fflush(stdout);
    }
  }
  close(n);
}

static void show_datagrams(const char *name, int fd) {
  struct { struct nlmsghdr h; struct inet_diag_req_v2 r; } q = {{sizeof q, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {AF_INET, IPPROTO_UDP, 1 << (INET_DIAG_SKMEMINFO - 1), 0, -1}};
  int n = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG), done = 0; static char buffer[1 << 16]; if (send(n, &q, sizeof q, 0) < 0) exit(1);
  while (!done) {
    int length = recv(n, buffer, sizeof buffer, 0); if (length <= 0) exit(1);
    for (struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length)) {
      if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) { done = 1; break; }
      struct inet_diag_msg *m = NLMSG_DATA(h); if (m->idiag_inode != inode_of(fd)) continue;
      printf("%s: state %d", name, m->idiag_state);
      for (char *at = (char *)(m + 1), *end = (char *)h + h->nlmsg_len; at + 4 <= end; at += (*(unsigned short *)at + 3) & ~3) { unsigned short *a = (void *)at; if (a[1] == INET_DIAG_SKMEMINFO) memory((void *)(a + 2), a[0] - 4, fd); }
      printf("\n"); fflush(stdout);
    }
  }
  close(n);
}

int main(void) {
  struct sockaddr_un a = {AF_UNIX, "\0diagnosed-sockets"}; int size = 2 + 18, l = socket(AF_UNIX, SOCK_STREAM, 0), c[2], s[2];
  SHOW(bind(l, (void *)&a, size)); show("bound", l, -1); SHOW(listen(l, 5)); show("listener", l, -1);
  for (int i = 0; i < 2; i++) { c[i] = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(connect(c[i], (void *)&a, size)); }
  show("listener", l, -1); int in = accept(l, NULL, NULL); show("listener", l, -1); show("accepted", in, c[0]); show("client", c[0], in);
  for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
    socketpair(AF_UNIX, type, 0, s); show("pair", s[0], s[1]); SHOW(send(s[1], "abc", 3, 0)); show("receiver", s[0], s[1]); show("sender", s[1], s[0]);
    SHOW(shutdown(s[0], SHUT_WR)); show("shut", s[0], s[1]); show("other", s[1], s[0]); SHOW(shutdown(s[0], SHUT_RD)); show("shut", s[0], s[1]); close(s[1]); show("left", s[0], -1); close(s[0]);
  }
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; socklen_t length = sizeof any; int u = socket(AF_INET, SOCK_DGRAM, 0), small = 9000;
  SHOW(bind(u, (void *)&any, length)); show_datagrams("datagrams", u); SHOW(setsockopt(u, SOL_SOCKET, SO_RCVBUF, &small, 4)); getsockname(u, (void *)&any, &length); SHOW(sendto(u, "abc", 3, 0, (void *)&any, length)); show_datagrams("datagrams", u);
  return 0;
}
