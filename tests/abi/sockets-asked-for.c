#include "abi.h"
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
/* sock_diag(7) for one socket alone: by its inode, or by its ends, and by its cookie. */
static unsigned inode_of(int fd) { struct stat s; fstat(fd, &s); return s.st_ino; }
static char answer[65536]; static unsigned cookie[2];
/* The inode of the answer, or an error; its cookie is kept. */
static void ask(const char *what, void *request, int length, int expected, int at) {
  struct { struct nlmsghdr h; char rest[256]; } q = {{NLMSG_LENGTH(length), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 7, 0}}; memcpy(q.rest, request, length);
  int n = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG); if (send(n, &q, q.h.nlmsg_len, 0) < 0) exit(1);
  int got = recv(n, answer, sizeof answer, 0); struct nlmsghdr *h = (void *)answer; close(n);
  if (h->nlmsg_type == NLMSG_ERROR) { printf("%s: %s\n", what, name_of(-((struct nlmsgerr *)NLMSG_DATA(h))->error)); fflush(stdout); return; }
  char *m = NLMSG_DATA(h); int isUnix = *(unsigned char *)m == AF_UNIX;
  unsigned ino = isUnix ? ((struct unix_diag_msg *)m)->udiag_ino : ((struct inet_diag_msg *)m)->idiag_inode; memcpy(cookie, isUnix ? ((struct unix_diag_msg *)m)->udiag_cookie : ((struct inet_diag_msg *)m)->id.idiag_cookie, 8);
  printf("%s: flags %x seq %d more %d state %d %s\n", what, h->nlmsg_flags, h->nlmsg_seq, got > NLMSG_ALIGN(h->nlmsg_len), m[1 + isUnix], ino == (unsigned)expected ? "it" : "another"); fflush(stdout);
}
static void by_inode(const char *what, unsigned ino, unsigned low, unsigned high, int expected) { struct unix_diag_req r = {AF_UNIX, 0, 0, 0, ino, UDIAG_SHOW_NAME | UDIAG_SHOW_PEER, {low, high}}; ask(what, &r, sizeof r, expected, 0); }
static void ends(const char *what, int family, int protocol, void *near, void *far, unsigned low, unsigned high, int expected) {
  struct inet_diag_req_v2 r = {family, protocol, 0, 0, -1}; struct sockaddr_in *a = near, *b = far;
  r.id.idiag_sport = a->sin_port, r.id.idiag_dport = b ? b->sin_port : 0, r.id.idiag_cookie[0] = low, r.id.idiag_cookie[1] = high;
  if (family == AF_INET) { r.id.idiag_src[0] = a->sin_addr.s_addr; if (b) r.id.idiag_dst[0] = b->sin_addr.s_addr; } else { memcpy(r.id.idiag_src, &((struct sockaddr_in6 *)near)->sin6_addr, 16); if (far) memcpy(r.id.idiag_dst, &((struct sockaddr_in6 *)far)->sin6_addr, 16); }
  ask(what, &r, sizeof r, expected, 0);
}
static void inet(int family) {
  struct sockaddr_in6 six = {AF_INET6}, own, peer, none; six.sin6_addr = in6addr_loopback; struct sockaddr_in *four = (void *)&six; socklen_t n = sizeof own; if (family == AF_INET) *four = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
  int l = socket(family, SOCK_STREAM, 0), c = socket(family, SOCK_STREAM, 0); bind(l, (void *)&six, n); listen(l, 5); getsockname(l, (void *)&own, &n); connect(c, (void *)&own, n); int a = accept(l, NULL, NULL); getsockname(c, (void *)&peer, &n); none = peer; none.sin6_port = 0;
  ends("listener", family, IPPROTO_TCP, &own, NULL, -1, -1, inode_of(l)); ends("accepted", family, IPPROTO_TCP, &own, &peer, -1, -1, inode_of(a)); ends("client", family, IPPROTO_TCP, &peer, &own, -1, -1, inode_of(c)); ends("its cookie", family, IPPROTO_TCP, &peer, &own, cookie[0], cookie[1], inode_of(c)); ends("another's", family, IPPROTO_TCP, &peer, &own, cookie[0] + 1, cookie[1], inode_of(c)); ends("an unknown end", family, IPPROTO_TCP, &own, &none, -1, -1, inode_of(l)); ends("nobody", family, IPPROTO_TCP, &none, &own, -1, -1, 0);
  struct sockaddr_in6 every = {family}; int w = socket(family, SOCK_STREAM, 0); bind(w, (void *)&every, n); listen(w, 1); getsockname(w, (void *)&every, &n); none = six; none.sin6_port = every.sin6_port; ends("of any address", family, IPPROTO_TCP, &none, NULL, -1, -1, inode_of(w));
  int u = socket(family, SOCK_DGRAM, 0), v = socket(family, SOCK_DGRAM, 0); bind(u, (void *)&six, n); getsockname(u, (void *)&own, &n); connect(v, (void *)&own, n); getsockname(v, (void *)&peer, &n);
  ends("datagrams", family, IPPROTO_UDP, &peer, &own, -1, -1, inode_of(u)); ends("connected", family, IPPROTO_UDP, &own, &peer, -1, -1, inode_of(v)); none = peer; none.sin6_port = 0; ends("its cookie", family, IPPROTO_UDP, &own, &peer, cookie[0], cookie[1], inode_of(v)); ends("another's", family, IPPROTO_UDP, &own, &peer, cookie[0] + 1, cookie[1], inode_of(v)); ends("no such", family, IPPROTO_UDP, &own, &none, -1, -1, 0);
}
int main(void) {
  struct sockaddr_un a = {AF_UNIX, "\0sockets-asked-for"}; int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0); bind(l, (void *)&a, 20); listen(l, 5); connect(c, (void *)&a, 20); int in = accept(l, NULL, NULL);
  by_inode("listener", inode_of(l), -1, -1, inode_of(l)); by_inode("its cookie", inode_of(l), cookie[0], cookie[1], inode_of(l)); by_inode("another's", inode_of(l), cookie[0] + 1, cookie[1], inode_of(l)); by_inode("client", inode_of(c), -1, -1, inode_of(c)); by_inode("accepted", inode_of(in), -1, -1, inode_of(in)); by_inode("no inode", 0, -1, -1, 0); by_inode("no such", 99999999, -1, -1, 0);
  inet(AF_INET); inet(AF_INET6);
  return 0;
}
