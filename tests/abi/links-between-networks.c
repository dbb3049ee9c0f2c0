#include "abi.h"
#include <sched.h>
#include <net/if.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_link.h>
#include <linux/veth.h>
static struct { struct nlmsghdr h; struct ifinfomsg i; char rest[1024]; } r;
static void begin(int type, int flags, int index) { memset(&r, 0, sizeof r); r.h.nlmsg_len = NLMSG_LENGTH(sizeof r.i); r.h.nlmsg_type = type; r.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags; r.i.ifi_index = index; }
static struct rtattr *attribute(int type, const void *value, int length) { struct rtattr *a = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len)); a->rta_type = type; a->rta_len = RTA_LENGTH(length); memcpy(RTA_DATA(a), value, length); r.h.nlmsg_len = NLMSG_ALIGN(r.h.nlmsg_len) + RTA_ALIGN(a->rta_len); return a; }
static void close_attribute(struct rtattr *a) { a->rta_len = (char *)&r + r.h.nlmsg_len - (char *)a; }
static long sent(int fd) { static char text[16384]; if (send(fd, &r, r.h.nlmsg_len, 0) < 0) return -1; for (;;) { long n = recv(fd, text, sizeof text, 0); struct nlmsghdr *h = (void *)text; if (n > 0 && h->nlmsg_type == NLMSG_ERROR) { errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error; return errno ? -1 : 0; } } }
static int opened(unsigned groups) { struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = groups}; int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); if (bind(fd, (void *)&a, sizeof a)) perror("bind"); return fd; }
/* What a group hears, and what a dump lists: names, where the other end is, whether it is up. */
static void tell(const char *who, int fd) {
  static char text[32768]; long n; printf("%s:", who);
  while ((n = recv(fd, text, sizeof text, MSG_DONTWAIT)) > 0) for (struct nlmsghdr *h = (void *)text; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
    if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK) continue;
    struct ifinfomsg *i = NLMSG_DATA(h); int length = h->nlmsg_len - NLMSG_LENGTH(sizeof *i), peer = 0, elsewhere = -1, mtu = 0; const char *name = "?";
    for (struct rtattr *a = IFLA_RTA(i); RTA_OK(a, length); a = RTA_NEXT(a, length)) { if (a->rta_type == IFLA_IFNAME) name = RTA_DATA(a); if (a->rta_type == IFLA_LINK) peer = *(int *)RTA_DATA(a); if (a->rta_type == IFLA_LINK_NETNSID) elsewhere = *(int *)RTA_DATA(a); if (a->rta_type == IFLA_MTU) mtu = *(int *)RTA_DATA(a); }
    printf(" [%s%s%s mtu %d other %s network %d]", h->nlmsg_type == RTM_DELLINK ? "gone " : "", name, i->ifi_flags & IFF_UP ? " up" : "", mtu, peer ? "end" : "none", elsewhere);
  }
  printf("\n"); fflush(stdout);
}
static void list(const char *who, int fd) { begin(RTM_GETLINK, NLM_F_DUMP, 0); r.h.nlmsg_flags &= ~NLM_F_ACK; if (send(fd, &r, r.h.nlmsg_len, 0) < 0) perror("send"); tell(who, fd); }
static long pair(int fd, const char *one, const char *other, int peer_network) {
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0); attribute(IFLA_IFNAME, one, strlen(one) + 1); struct rtattr *info = attribute(IFLA_LINKINFO, "", 0); attribute(IFLA_INFO_KIND, "veth", 5); struct rtattr *data = attribute(IFLA_INFO_DATA, "", 0); struct ifinfomsg none = {0}; struct rtattr *peer = attribute(VETH_INFO_PEER, &none, sizeof none); attribute(IFLA_IFNAME, other, strlen(other) + 1); if (peer_network >= 0) attribute(IFLA_NET_NS_FD, &peer_network, 4);
  close_attribute(peer); close_attribute(data); close_attribute(info); return sent(fd);
}
static long move(int fd, int index, int attr, int to, const char *name, int mtu) { begin(RTM_NEWLINK, 0, index); attribute(attr, &to, 4); if (name) attribute(IFLA_IFNAME, name, strlen(name) + 1); if (mtu) attribute(IFLA_MTU, &mtu, 4); return sent(fd); }
int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  int outer = opened(0), outer_group = opened(RTMGRP_LINK), outer_network = open("/proc/thread-self/ns/net", O_RDONLY);
  SHOW(pair(outer, "left", "right", -1)); int left = if_nametoindex("left"), right = if_nametoindex("right"); tell("outer hears", outer_group);
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  int inner = opened(0), inner_group = opened(RTMGRP_LINK), inner_network = open("/proc/thread-self/ns/net", O_RDONLY), uts = open("/proc/thread-self/ns/uts", O_RDONLY), null = open("/dev/null", O_RDONLY);
  /* What is refused. */
  SHOW(move(outer, right, IFLA_NET_NS_FD, 99, NULL, 0)); SHOW(move(outer, right, IFLA_NET_NS_FD, uts, NULL, 0)); SHOW(move(outer, right, IFLA_NET_NS_FD, null, NULL, 0)); SHOW(move(outer, right, IFLA_NET_NS_PID, 4000000, NULL, 0)); SHOW(move(outer, 1, IFLA_NET_NS_FD, inner_network, NULL, 0)); SHOW(move(outer, 77, IFLA_NET_NS_FD, inner_network, NULL, 0)); SHOW(move(outer, right, IFLA_NET_NS_FD, outer_network, NULL, 0)); tell("outer hears", outer_group);
  /* It goes, down and without addresses; both networks hear of it. */
  begin(RTM_NEWLINK, 0, right); r.i.ifi_flags = r.i.ifi_change = IFF_UP; SHOW(sent(outer)); tell("outer hears", outer_group);
  SHOW(move(outer, right, IFLA_NET_NS_FD, inner_network, NULL, 0)); list("outer", outer); list("inner", inner); HOLDS(if_nametoindex("right") == right); tell("inner hears", inner_group);
  /* Back, with another name and more; where its name is taken it needs one. */
  SHOW(move(inner, right, IFLA_NET_NS_FD, outer_network, "newright", 1400)); list("outer", outer); list("inner", inner);
  SHOW(pair(inner, "left", "far", outer_network)); list("outer", outer); list("inner", inner);
  SHOW(move(outer, left, IFLA_NET_NS_PID, getpid(), NULL, 0)); SHOW(move(outer, left, IFLA_NET_NS_PID, getpid(), "left", 0)); SHOW(move(outer, left, IFLA_NET_NS_PID, getpid(), "moved", 0)); list("outer", outer); list("inner", inner); SHOW(pair(inner, "far", "x", 99));
  /* Whether it may be there already only a link that is to be made is asked. */
  int set[] = {0, NLM_F_EXCL, NLM_F_CREATE, NLM_F_CREATE | NLM_F_EXCL, NLM_F_REPLACE}, given = if_nametoindex("moved");
  for (int i = 0; i < 5; i++) for (int at = given; ; at = 77) { printf("flags %x, %s: ", set[i], at == 77 ? "absent" : "there"); begin(RTM_SETLINK, set[i], at); long done = sent(inner); printf("set %ld %s, ", done, name_of(errno)); begin(RTM_NEWLINK, set[i], at); done = sent(inner); printf("new %ld %s\n", done, name_of(errno)); if (at == 77) break; }
  begin(RTM_SETLINK, NLM_F_EXCL, 0); attribute(IFLA_IFNAME, "moved", 6); SHOW(sent(inner)); begin(RTM_SETLINK, NLM_F_CREATE, 0); attribute(IFLA_IFNAME, "none", 5); SHOW(sent(inner)); begin(RTM_SETLINK, 0, 0); SHOW(sent(inner)); begin(RTM_NEWLINK, 0, 0); SHOW(sent(inner));
  /* With one end the other goes, wherever it is. */
  int moved = if_nametoindex("moved"); begin(RTM_DELLINK, 0, moved); SHOW(sent(inner)); list("outer", outer); list("inner", inner);
  /* With a network its ends of pairs go. */
  if (setns(outer_network, CLONE_NEWNET)) perror("setns"); close(inner); close(inner_group); close(inner_network); for (int i = 0; i < 200 && if_nametoindex("far"); i++) usleep(10000); list("outer", outer);
  /* The number of a network that is gone is free again, and one that lives keeps its own. */
  for (int i = 0; i < 3; i++) {
    if (unshare(CLONE_NEWNET)) perror("unshare"); int network = open("/proc/thread-self/ns/net", O_RDONLY); if (setns(outer_network, CLONE_NEWNET)) perror("setns");
    char name[8]; sprintf(name, "to%d", i); SHOW(pair(outer, name, "there", network)); list("outer", outer);
    if (i) continue; /* the first goes at once */
    close(network); for (int k = 0; k < 200 && if_nametoindex(name); k++) usleep(10000);
  }
}
