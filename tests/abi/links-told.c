#include "abi.h"
#include "rtnetlink.h"

/* Who asked, as listeners hear of a change of a link: of what was asked with NLM_F_ECHO and without. In a network of its own. */

static int group;
static void told(const char *what, int echo, int done) {
  printf("%s, echo %d: %d;", what, echo, done); static char b[65536]; long n; struct sockaddr_nl me; socklen_t size = sizeof me; getsockname(rt, (void *)&me, &size);
  while ((n = recv(group, b, sizeof b, MSG_DONTWAIT)) > 0) for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) printf(" %s seq %s by %s", h->nlmsg_type == RTM_NEWLINK ? "new" : h->nlmsg_type == RTM_DELLINK ? "gone" : "?", h->nlmsg_seq == 77 ? "asked" : h->nlmsg_seq ? "?" : "0", h->nlmsg_pid == me.nl_pid ? "me" : h->nlmsg_pid ? "?" : "nobody");
  while (recv(rt, b, sizeof b, MSG_DONTWAIT) > 0); printf("\n"); fflush(stdout);
}
static int asks(int echo) { rt_request.h.nlmsg_seq = 77; rt_request.h.nlmsg_flags |= echo ? NLM_F_ECHO : 0; return rt_ask(); }
static void begins(int type, const char *name, int up, int change) { struct ifinfomsg i = {.ifi_index = if_nametoindex(name), .ifi_flags = up ? IFF_UP : 0, .ifi_change = change}; rt_begin(type, 0, &i, sizeof i); }

int main(void) {
  SHOW(unshare(CLONE_NEWNET)); rt_open(); struct sockaddr_nl a = {AF_NETLINK}; bind(rt, (void *)&a, sizeof a); group = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); a.nl_groups = RTMGRP_LINK; bind(group, (void *)&a, sizeof a);
  for (int echo = 0; echo < 2; echo++) for (int set = 0; set < 2; set++) {
    int type = set ? RTM_SETLINK : RTM_NEWLINK; printf("%s\n", set ? "RTM_SETLINK" : "RTM_NEWLINK");
    struct ifinfomsg i = {0}; rt_begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); rt_text(IFLA_IFNAME, "d0"); struct rtattr *info = rt_put(IFLA_LINKINFO, "", 0); rt_text(IFLA_INFO_KIND, "veth"); struct rtattr *data = rt_put(IFLA_INFO_DATA, "", 0), *peer = rt_put(VETH_INFO_PEER, &i, sizeof i); rt_text(IFLA_IFNAME, "p0"); rt_close(peer), rt_close(data), rt_close(info); told("a pair", echo, asks(echo));
    begins(type, "d0", 0, 0); rt_number(IFLA_MTU, 1400); told("MTU", echo, asks(echo));
    begins(type, "d0", 0, 0); rt_text(IFLA_IFNAME, "d1"); told("name", echo, asks(echo));
    begins(type, "d1", 1, IFF_UP); told("up", echo, asks(echo));
    begins(type, "d1", 0, IFF_UP); told("down", echo, asks(echo));
    begins(RTM_DELLINK, "d1", 0, 0); told("gone", echo, asks(echo));
  }
  return 0;
}
