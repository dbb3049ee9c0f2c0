#include "abi.h"
#include "rtnetlink.h"
#include <linux/if_bridge.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>

/* Settings of bridges and their ports (ip-link(8), TYPE BRIDGE, bridge_slave; bridge(8)): how they are told, and what they do to frames. */

static long bridge(int type, long value, int size, int flags) {
  struct ifinfomsg i = {.ifi_index = flags ? 0 : if_nametoindex("br0")};
  rt_begin(RTM_NEWLINK, flags, &i, sizeof i); if (flags) rt_text(IFLA_IFNAME, "br0");
  struct rtattr *info = rt_put(IFLA_LINKINFO, "", 0); rt_text(IFLA_INFO_KIND, "bridge"); struct rtattr *data = rt_put(IFLA_INFO_DATA, "", 0); if (type) rt_put(type, &value, size); rt_close(data), rt_close(info); return rt_ask();
}
static long port(const char *name, int type, long value, int size) {
  struct ifinfomsg i = {.ifi_index = if_nametoindex(name)}; rt_begin(RTM_NEWLINK, 0, &i, sizeof i);
  struct rtattr *info = rt_put(IFLA_LINKINFO, "", 0); rt_text(IFLA_INFO_SLAVE_KIND, "bridge"); struct rtattr *data = rt_put(IFLA_INFO_SLAVE_DATA, "", 0); rt_put(type, &value, size); rt_close(data), rt_close(info); return rt_ask();
}
static long as_port(const char *name, int type, long value, int size) {
  struct ifinfomsg i = {.ifi_family = AF_BRIDGE, .ifi_index = if_nametoindex(name)}; rt_begin(RTM_SETLINK, 0, &i, sizeof i);
  struct rtattr *data = rt_put(IFLA_PROTINFO | NLA_F_NESTED, "", 0); rt_put(type, &value, size); rt_close(data); return rt_ask();
}
static int master(const char *name) { struct ifinfomsg i = {.ifi_index = if_nametoindex(name)}; rt_begin(RTM_NEWLINK, 0, &i, sizeof i); rt_number(IFLA_MASTER, if_nametoindex("br0")); return rt_ask(); }
static struct rtattr *in(void *at, int length, int type) { for (struct rtattr *a = at; RTA_OK(a, length); a = RTA_NEXT(a, length)) if ((a->rta_type & 0x3fff) == type) return a; return NULL; }
static void told(const char *name, int outer, const int *types) {
  struct ifinfomsg i = {.ifi_index = if_nametoindex(name)}; rt_begin(RTM_GETLINK, 0, &i, sizeof i); rt_request.h.nlmsg_flags = NLM_F_REQUEST; rt_ask(); struct nlmsghdr *h = (void *)rt_answer;
  struct rtattr *info = in((char *)NLMSG_DATA(h) + sizeof i, h->nlmsg_len - NLMSG_LENGTH(sizeof i), IFLA_LINKINFO), *data = info ? in(RTA_DATA(info), RTA_PAYLOAD(info), outer) : NULL; printf("%s:", name); if (!data) { puts(" nothing"); return; }
  for (; *types; types++) { struct rtattr *a = in(RTA_DATA(data), RTA_PAYLOAD(data), *types); printf(" %d:", *types); for (int n = 0; a && n < (int)RTA_PAYLOAD(a); n++) printf("%02x", ((unsigned char *)RTA_DATA(a))[n]); } puts("");
}
static const int OF_BRIDGE[] = {1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 14, 15, 20, 0}, OF_PORT[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 17, 18, 19, 20, 25, 27, 28, 29, 30, 31, 32, 33, 39, 0};

static int ends[3];
static int opened(const char *name) { struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(0x88b5), .sll_ifindex = if_nametoindex(name)}; int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1; setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, 4); struct packet_mreq m = {a.sll_ifindex, PACKET_MR_PROMISC}; setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof m); bind(fd, (void *)&a, sizeof a); return fd; }
/* Who hears what the station behind a port sends, its last byte told. */
static void sends(const char *what, int from, const char *to, int station) {
  unsigned char f[60] = {0}, b[200]; memcpy(f, to, 6); f[6] = 2, f[11] = station, f[12] = 0x88, f[13] = 0xb5; if (send(ends[from], f, sizeof f, 0) < 0) perror("send"); usleep(30000); printf("%s:", what); for (int i = 0; i < 3; i++) { int n = 0; while (recv(ends[i], b, sizeof b, MSG_DONTWAIT) > 0) n++; printf(" %d", n); } puts("");
}
#define ALL "\xff\xff\xff\xff\xff\xff"
#define GROUP "\1\0\x5e\1\2\3"
#define ONE "\2\0\0\0\0\1"
#define UNKNOWN "\2\0\0\0\0\x63"
#define LLDP "\1\x80\xc2\0\0\x0e"

int main(void) {
  if (unshare(CLONE_NEWNET)) return 1;
  rt_open(); rt_write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"); rt_write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
  SHOW(bridge(IFLA_BR_HELLO_TIME, 1, 4, NLM_F_CREATE | NLM_F_EXCL)); HOLDS(if_nametoindex("br0") == 0); SHOW(bridge(IFLA_BR_AGEING_TIME, 7000, 4, NLM_F_CREATE | NLM_F_EXCL)); told("br0", IFLA_INFO_DATA, OF_BRIDGE);
  SHOW(bridge(IFLA_BR_FORWARD_DELAY, 100, 4, 0)); SHOW(bridge(IFLA_BR_HELLO_TIME, 99, 4, 0)); SHOW(bridge(IFLA_BR_HELLO_TIME, 300, 4, 0)); SHOW(bridge(IFLA_BR_MAX_AGE, 5000, 4, 0)); SHOW(bridge(IFLA_BR_MAX_AGE, 1000, 4, 0)); SHOW(bridge(IFLA_BR_PRIORITY, 100, 2, 0)); SHOW(bridge(IFLA_BR_GROUP_FWD_MASK, 1, 2, 0)); SHOW(bridge(IFLA_BR_GROUP_FWD_MASK, 8, 2, 0)); SHOW(bridge(IFLA_BR_STP_STATE, 1, 4, 0)); SHOW(bridge(IFLA_BR_FORWARD_DELAY, 100, 4, 0)); SHOW(bridge(IFLA_BR_FORWARD_DELAY, 400, 4, 0)); SHOW(bridge(IFLA_BR_AGEING_TIME, 7, 2, 0)); told("br0", IFLA_INFO_DATA, OF_BRIDGE);
  char name[8], far[8]; for (int i = 0; i < 3; i++) { sprintf(name, "p%d", i), sprintf(far, "e%d", i); HOLDS(!rt_pair(name, far, -1) && !master(name) && !rt_set(name, 1) && !rt_set(far, 1)); ends[i] = opened(far); }
  SHOW(port("p0", IFLA_BRPORT_STATE, 1, 1)); SHOW(bridge(IFLA_BR_STP_STATE, 0, 4, 0)); SHOW(bridge(IFLA_BR_GROUP_FWD_MASK, 0, 2, 0)); SHOW(rt_set("br0", 1)); usleep(100000);
  SHOW(port("e0", IFLA_BRPORT_MODE, 1, 1)); SHOW(as_port("e0", IFLA_BRPORT_MODE, 1, 1)); SHOW(as_port("br0", IFLA_BRPORT_MODE, 1, 1)); told("p0", IFLA_INFO_SLAVE_DATA, OF_PORT); told("e0", IFLA_INFO_SLAVE_DATA, OF_PORT);
  sends("all", 0, ALL, 1); sends("to one", 1, ONE, 2); sends("unknown", 2, UNKNOWN, 3); sends("group", 2, GROUP, 3); sends("of the link", 0, LLDP, 1);
  SHOW(port("p0", IFLA_BRPORT_MODE, 1, 1)); sends("hairpin", 0, ALL, 1); SHOW(as_port("p0", IFLA_BRPORT_MODE, 0, 1)); sends("none", 0, ALL, 1);
  SHOW(port("p0", IFLA_BRPORT_ISOLATED, 1, 1)); SHOW(port("p1", IFLA_BRPORT_ISOLATED, 1, 1)); sends("isolated", 0, ALL, 1); sends("isolated", 1, ONE, 2); sends("isolated", 2, ALL, 3); SHOW(port("p0", IFLA_BRPORT_ISOLATED, 0, 1));
  SHOW(port("p1", IFLA_BRPORT_UNICAST_FLOOD, 0, 1)); sends("flood off", 0, UNKNOWN, 1); sends("flood off", 0, ALL, 1); SHOW(port("p1", IFLA_BRPORT_BCAST_FLOOD, 0, 1)); sends("all off", 0, ALL, 1); sends("group", 0, GROUP, 1); SHOW(port("p1", IFLA_BRPORT_MCAST_FLOOD, 0, 1)); sends("group off", 0, GROUP, 1);
  SHOW(port("p1", IFLA_BRPORT_UNICAST_FLOOD, 1, 1)); SHOW(port("p1", IFLA_BRPORT_BCAST_FLOOD, 1, 1)); SHOW(port("p1", IFLA_BRPORT_MCAST_FLOOD, 1, 1));
  SHOW(bridge(IFLA_BR_FDB_FLUSH, 0, 0, 0)); SHOW(port("p2", IFLA_BRPORT_LEARNING, 0, 1)); sends("not learnt", 2, ALL, 9); sends("to it", 0, "\2\0\0\0\0\x09", 1); SHOW(port("p2", IFLA_BRPORT_LEARNING, 1, 1));
  SHOW(port("p2", 39, 1, 1)); sends("locked", 2, ALL, 8); sends("locked", 0, ALL, 1); SHOW(port("p2", 39, 0, 1));
  SHOW(port("p2", IFLA_BRPORT_STATE, BR_STATE_BLOCKING, 1)); sends("blocking", 0, ALL, 1); sends("blocking", 2, ALL, 3); SHOW(port("p2", IFLA_BRPORT_STATE, 9, 1)); SHOW(port("p2", IFLA_BRPORT_STATE, BR_STATE_DISABLED, 1)); sends("disabled", 0, ALL, 1); sends("disabled", 2, ALL, 3); told("p2", IFLA_INFO_SLAVE_DATA, OF_PORT); SHOW(port("p2", IFLA_BRPORT_STATE, BR_STATE_FORWARDING, 1));
  SHOW(bridge(IFLA_BR_GROUP_FWD_MASK, 1 << 14, 2, 0)); sends("passed on", 0, LLDP, 1); SHOW(bridge(IFLA_BR_GROUP_FWD_MASK, 0, 2, 0)); SHOW(port("p0", IFLA_BRPORT_GROUP_FWD_MASK, 1 << 14, 2)); sends("of its port", 0, LLDP, 1); sends("of another", 1, LLDP, 2);
  SHOW(port("p0", IFLA_BRPORT_PRIORITY, 64, 2)); SHOW(port("p0", IFLA_BRPORT_PRIORITY, 9, 2)); SHOW(port("p0", IFLA_BRPORT_COST, 0, 4)); SHOW(port("p0", IFLA_BRPORT_COST, 7, 4)); SHOW(port("p0", IFLA_BRPORT_GUARD, 1, 1)); told("p0", IFLA_INFO_SLAVE_DATA, OF_PORT);
  return 0;
}
