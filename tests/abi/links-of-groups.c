#include "abi.h"
#include <sched.h>
#include <sys/socket.h>
#include <net/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
/* IFLA_GROUP: interfaces that are made in a group, put into one, changed and removed by it (`ip link set group 5 up`). */
static int s; static char buffer[512];
static void begin(int type, int flags, const void *head, int length) { struct nlmsghdr *h = (void *)buffer; memset(buffer, 0, sizeof buffer); *h = (struct nlmsghdr){16 + length, type, NLM_F_REQUEST | flags, 1, 0}; memcpy(h + 1, head, length); h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len); }
static void *put(int type, const void *value, int length) { struct nlmsghdr *h = (void *)buffer; struct nlattr *a = (void *)(buffer + h->nlmsg_len); *a = (struct nlattr){4 + length, type}; memcpy(a + 1, value, length); h->nlmsg_len += (4 + length + 3) & ~3; return a; }
static void end(void *nest) { ((struct nlattr *)nest)->nla_len = buffer + ((struct nlmsghdr *)buffer)->nlmsg_len - (char *)nest; }
static int ask(void) { struct nlmsghdr *h = (void *)buffer; static char b[16384]; h->nlmsg_flags |= NLM_F_ACK; if (send(s, h, h->nlmsg_len, 0) < 0 || recv(s, b, sizeof b, 0) < 0) return -1; errno = -*(int *)NLMSG_DATA((struct nlmsghdr *)b); return errno ? -1 : 0; }
static int veth(const char *name, const char *peer, int group) { struct ifinfomsg i = {AF_UNSPEC}; begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); put(IFLA_IFNAME, name, strlen(name) + 1); if (group >= 0) put(IFLA_GROUP, &group, 4); void *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_KIND, "veth", 4); void *data = put(IFLA_INFO_DATA, "", 0), *about = put(1, &i, sizeof i); put(IFLA_IFNAME, peer, strlen(peer) + 1); end(about); end(data); end(info); return ask(); }
static int change(int type, int create, const char *name, int group, int mtu, int flags) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, name ? if_nametoindex(name) : 0, flags, flags}; begin(type, create, &i, sizeof i); if (group >= 0) put(IFLA_GROUP, &group, 4); if (mtu) put(IFLA_MTU, &mtu, 4); return ask(); }
static void list(void) { static char b[65536]; struct ifinfomsg i = {AF_UNSPEC}; struct nlmsghdr *h = (void *)buffer; begin(RTM_GETLINK, NLM_F_DUMP, &i, sizeof i); send(s, h, h->nlmsg_len, 0);
  for (int over = 0; !over;) { int n = recv(s, b, sizeof b, 0); if (n <= 0) break; for (struct nlmsghdr *m = (void *)b; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) { if (m->nlmsg_type == NLMSG_DONE) { over = 1; break; } struct ifinfomsg *f = NLMSG_DATA(m); char *name = ""; int group = -1, mtu = -1; for (struct nlattr *a = (void *)(f + 1); (char *)a < (char *)m + m->nlmsg_len; a = (void *)((char *)a + ((a->nla_len + 3) & ~3))) { if (a->nla_type == IFLA_IFNAME) name = (char *)(a + 1); if (a->nla_type == IFLA_GROUP) group = *(int *)(a + 1); if (a->nla_type == IFLA_MTU) mtu = *(int *)(a + 1); } printf("  %s group %d mtu %d%s\n", name, group, mtu, f->ifi_flags & IFF_UP ? " up" : ""); } } fflush(stdout); }
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  SHOW(veth("a", "b", 5)); SHOW(veth("c", "d", -1)); list(); SHOW(change(RTM_SETLINK, 0, "c", 5, 0, 0)); SHOW(change(RTM_NEWLINK, 0, "d", 6, 0, 0)); list();
  SHOW(change(RTM_NEWLINK, 0, 0, 5, 1400, IFF_UP)); list(); SHOW(change(RTM_NEWLINK, NLM_F_CREATE, 0, 6, 1300, 0)); list(); SHOW(change(RTM_NEWLINK, 0, 0, 77, 1200, 0)); SHOW(change(RTM_SETLINK, 0, 0, 5, 1200, 0)); SHOW(change(RTM_NEWLINK, 0, 0, 5, 10, 0)); list();
  SHOW(change(RTM_DELLINK, 0, 0, 77, 0, 0)); SHOW(change(RTM_DELLINK, 0, 0, 0, 0, 0)); SHOW(change(RTM_DELLINK, 0, 0, -1, 0, 0)); SHOW(change(RTM_SETLINK, 0, "lo", 6, 0, 0)); SHOW(change(RTM_DELLINK, 0, 0, 6, 0, 0)); list(); SHOW(change(RTM_SETLINK, 0, "lo", 0, 0, 0)); SHOW(change(RTM_DELLINK, 0, 0, 5, 0, 0)); list(); SHOW(change(RTM_SETLINK, 0, "lo", 0x7fffffff, 0, 0)); SHOW(change(RTM_SETLINK, 0, "lo", 0xfffffffe, 0, 0)); list(); return 0; }
