#include "abi.h"
#include <sched.h>
#include <sys/socket.h>
#include <net/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
/* What members of RTNLGRP_LINK hear of a bridge's ports, in messages of AF_BRIDGE (`bridge monitor link`). */
static int s, g; static char buffer[512];
static void begin(int type, int flags, const void *head, int length) { struct nlmsghdr *h = (void *)buffer; memset(buffer, 0, sizeof buffer); *h = (struct nlmsghdr){16 + length, type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0}; memcpy(h + 1, head, length); h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len); }
static void *put(int type, const void *value, int length) { struct nlmsghdr *h = (void *)buffer; struct nlattr *a = (void *)(buffer + h->nlmsg_len); *a = (struct nlattr){4 + length, type}; memcpy(a + 1, value, length); h->nlmsg_len += (4 + length + 3) & ~3; return a; }
static void end(void *nest) { ((struct nlattr *)nest)->nla_len = buffer + ((struct nlmsghdr *)buffer)->nlmsg_len - (char *)nest; }
static int ask(void) { struct nlmsghdr *h = (void *)buffer; char b[8192]; if (send(s, h, h->nlmsg_len, 0) < 0 || recv(s, b, sizeof b, 0) < 0) return -1; errno = -*(int *)NLMSG_DATA((struct nlmsghdr *)b); return errno ? -1 : 0; }
static int make(const char *name, const char *kind, int index) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index}; begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); put(IFLA_IFNAME, name, strlen(name) + 1); void *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_KIND, kind, strlen(kind)); end(info); return ask(); }
static int master(int index, int of) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index}; begin(RTM_SETLINK, 0, &i, sizeof i); put(IFLA_MASTER, &of, 4); return ask(); }
static int set(int index, int what, int value) { struct ifinfomsg i = {AF_BRIDGE, 0, 0, index}; unsigned char byte = value; begin(RTM_SETLINK, 0, &i, sizeof i); void *info = put(IFLA_PROTINFO | NLA_F_NESTED, "", 0); put(what, &byte, 1); end(info); return ask(); }
static int set_by_kind(int index, int what, int value) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index}; unsigned char byte = value; begin(RTM_NEWLINK, 0, &i, sizeof i); void *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_SLAVE_KIND, "bridge", 6); void *data = put(IFLA_INFO_SLAVE_DATA, "", 0); put(what, &byte, 1); end(data); end(info); return ask(); }
static int gone(int index) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index}; begin(RTM_DELLINK, 0, &i, sizeof i); return ask(); }
static struct nlattr *in(void *from, void *to, int type) { for (struct nlattr *a = from; (char *)a + 4 <= (char *)to && a->nla_len >= 4; a = (void *)((char *)a + ((a->nla_len + 3) & ~3))) if ((a->nla_type & 0x3fff) == type) return a; return 0; }
static void told(const char *when) { static char b[16384]; printf("- %s\n", when);
  for (int n; (n = recv(g, b, sizeof b, MSG_DONTWAIT)) > 0;) { struct nlmsghdr *m = (void *)b; struct ifinfomsg *i = NLMSG_DATA(m); if (i->ifi_family != AF_BRIDGE) continue; char *e = b + m->nlmsg_len; struct nlattr *k = in(i + 1, e, IFLA_IFNAME), *o = in(i + 1, e, IFLA_MASTER), *p = in(i + 1, e, IFLA_PROTINFO), *l = in(i + 1, e, IFLA_LINKINFO);
    printf("  %s %d \"%s\" of %d%s", m->nlmsg_type == RTM_NEWLINK ? "new" : "gone", i->ifi_index, k ? (char *)(k + 1) : "", o ? *(int *)(o + 1) : 0, l ? " with its kind" : ""); if (p) { char *q = (char *)p + p->nla_len; struct nlattr *mode = in(p + 1, q, IFLA_BRPORT_MODE), *guard = in(p + 1, q, IFLA_BRPORT_GUARD); if (mode) printf(" hairpin %d", *(unsigned char *)(mode + 1)); if (guard) printf(" guard %d", *(unsigned char *)(guard + 1)); } printf("\n"); } fflush(stdout); }
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); g = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); struct sockaddr_nl a = {AF_NETLINK, 0, 0, RTMGRP_LINK}; SHOW(bind(g, (void *)&a, sizeof a));
  SHOW(make("a", "veth", 20)); SHOW(make("b", "bridge", 30)); told("made"); SHOW(master(20, 30)); told("a port"); SHOW(set(20, IFLA_BRPORT_MODE, 1)); told("by bridge(8)"); SHOW(set(20, IFLA_BRPORT_MODE, 1)); told("the same again"); SHOW(set(20, IFLA_BRPORT_GUARD, 1)); told("another"); SHOW(set(20, IFLA_BRPORT_COST, 0)); told("refused"); SHOW(set_by_kind(20, IFLA_BRPORT_MODE, 0)); told("by ip-link(8)"); SHOW(set(30, IFLA_BRPORT_MODE, 0)); told("of the bridge itself"); SHOW(master(20, 0)); told("no port"); SHOW(set(20, IFLA_BRPORT_MODE, 1)); told("no port is set"); SHOW(master(20, 30)); told("a port again"); SHOW(gone(20)); told("removed"); SHOW(make("c", "veth", 21)); SHOW(master(21, 30)); told("another port"); SHOW(gone(30)); told("the bridge is removed"); return 0; }
