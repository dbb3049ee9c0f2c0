#include "abi.h"
#include <sched.h>
#include <net/if.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
/* In a network of its own, where nobody else changes anything. */
static int opened(int protocol, unsigned groups) { struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = groups}; int fd = socket(AF_NETLINK, SOCK_RAW, protocol); if (bind(fd, (void *)&a, sizeof a)) perror("bind"); return fd; }
static long ask(int fd, int type, int flags, unsigned pid, unsigned groups, int mtu) {
  struct { struct nlmsghdr h; struct ifinfomsg i; struct rtattr a; int mtu; } r = {{0, type, NLM_F_REQUEST | flags, 7}, {AF_UNSPEC, 0, 0, 1}, {8, IFLA_MTU}, mtu};
  struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups}; r.h.nlmsg_len = mtu ? sizeof r : sizeof r - 8;
  return sendto(fd, &r, r.h.nlmsg_len, 0, (void *)&to, sizeof to) > 0 ? 0 : -1;
}
/* Types of the messages of one datagram, and where it came from. */
static void heard(const char *who, int fd, unsigned sender) {
  static char text[32768]; struct sockaddr_nl from = {0}; char control[64]; struct iovec v = {text, sizeof text}; struct msghdr m = {&from, sizeof from, &v, 1, control, sizeof control};
  long n = recvmsg(fd, &m, MSG_DONTWAIT); if (n < 0) { printf("%s: %s\n", who, name_of(errno)); fflush(stdout); return; }
  printf("%s:", who); for (struct nlmsghdr *h = (void *)text; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) printf(" %d%s", h->nlmsg_type, h->nlmsg_flags & NLM_F_MULTI ? "+" : "");
  printf(" from %s, groups %u", from.nl_pid == 0 ? "the kernel" : from.nl_pid == sender ? "a program" : "?", from.nl_groups);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) if (c->cmsg_type == SCM_CREDENTIALS) { struct ucred *u = (void *)CMSG_DATA(c); printf(", of %s", u->pid == getpid() ? "me" : u->pid == 0 ? "0" : "another"); }
  printf("\n"); fflush(stdout);
}
static unsigned port(int fd) { struct sockaddr_nl a; socklen_t n = sizeof a; getsockname(fd, (void *)&a, &n); return a.nl_pid; }
int main(void) {
  unsigned bits[8]; socklen_t length; int group, one = 1;
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  /* What a socket is a member of. */
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); length = sizeof bits; SHOW(getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, bits, &length)); SHOW(length);
  group = RTNLGRP_LINK; SHOW(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group)); group = RTNLGRP_NSID; SHOW(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group));
  group = 0; SHOW(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group)); group = 200; SHOW(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group)); SHOW(setsockopt(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof group));
  for (int room = 0; room <= 16; room += room == 3 ? 1 : 3) { memset(bits, 0x55, sizeof bits); length = room; printf("room %d\n", room); SHOW(getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, room ? bits : NULL, &length)); SHOW(length); SHOW(bits[0]); SHOW(bits[1]); SHOW(bits[2]); }
  int uevents = opened(NETLINK_KOBJECT_UEVENT, 1); length = sizeof bits; SHOW(getsockopt(uevents, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, bits, &length)); SHOW(length); SHOW(bits[0]);
  int diag = opened(NETLINK_SOCK_DIAG, 0); length = sizeof bits; SHOW(getsockopt(diag, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, bits, &length)); SHOW(length);
  close(fd); close(uevents); close(diag);
  /* One bit of NLM_F_DUMP lists. */
  int types[] = {RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH, RTM_GETRULE};
  for (unsigned i = 0; i < 5; i++) for (int flag = NLM_F_ROOT; flag <= NLM_F_MATCH; flag <<= 1) { fd = opened(NETLINK_ROUTE, 0); printf("%d with %#x\n", types[i], flag); SHOW(ask(fd, types[i], flag, 0, 0, 0)); char who[8] = "last"; static char text[32768]; long n, last = -1; while ((n = recv(fd, text, sizeof text, MSG_DONTWAIT)) > 0) for (struct nlmsghdr *h = (void *)text; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) last = h->nlmsg_type; SHOW(last); close(fd); }
  /* A request that a group hears, too: the others, not who sends it; and what came of it both. */
  int sender = opened(NETLINK_ROUTE, RTMGRP_LINK), other = opened(NETLINK_ROUTE, RTMGRP_LINK), addresses = opened(NETLINK_ROUTE, RTMGRP_IPV4_IFADDR); setsockopt(other, SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
  SHOW(ask(sender, RTM_GETLINK, NLM_F_DUMP, 0, RTMGRP_LINK, 0)); for (int i = 0; i < 3; i++) heard("sender", sender, port(sender)); heard("other", other, port(sender)); heard("other", other, port(sender)); heard("addresses", addresses, port(sender));
  SHOW(ask(sender, RTM_SETLINK, NLM_F_ACK, 0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR, 1400)); for (int i = 0; i < 3; i++) heard("sender", sender, port(sender)); for (int i = 0; i < 3; i++) heard("other", other, port(sender)); heard("addresses", addresses, port(sender));
  SHOW(ask(sender, RTM_SETLINK, NLM_F_ACK, 0, 0, 1300)); for (int i = 0; i < 3; i++) heard("sender", sender, port(sender)); heard("other", other, port(sender)); heard("other", other, port(sender));
  SHOW(ask(sender, RTM_SETLINK, 0, 0, 0, 1300)); heard("sender", sender, port(sender)); heard("other", other, port(sender));
  /* Without rights nobody but the kernel is spoken to. */
  SHOW(ask(sender, RTM_GETLINK, 0, 12345678, 0, 0)); struct sockaddr_nl odd = {.nl_family = AF_INET}; SHOW(sendto(sender, bits, 16, 0, (void *)&odd, sizeof odd)); SHOW(sendto(sender, bits, 16, 0, (void *)&odd, 4));
  if (fork() == 0) { SHOW(setresuid(1000, 1000, 1000)); SHOW(ask(sender, RTM_GETLINK, 0, 0, RTMGRP_LINK, 0)); SHOW(ask(sender, RTM_GETLINK, 0, 12345678, 0, 0)); SHOW(ask(sender, RTM_GETLINK, 0, 0, 0, 0)); heard("sender", sender, port(sender)); int own = opened(NETLINK_ROUTE, RTMGRP_LINK); SHOW(ask(own, RTM_SETLINK, 0, 0, 0, 1200)); heard("own", own, 0); _exit(0); }
  wait(NULL);
}
