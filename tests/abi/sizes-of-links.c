#include "abi.h"
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <net/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
/* What rtnetlink(7) tells of an interface's queues, of the bounds of its MTU, and of packets that are cut or put together for it; and what of that can be set. */
static int s; static char buffer[512];
static void begin(int type, int flags, const void *head, int length) { struct nlmsghdr *h = (void *)buffer; memset(buffer, 0, sizeof buffer); *h = (struct nlmsghdr){16 + length, type, NLM_F_REQUEST | flags, 1, 0}; memcpy(h + 1, head, length); h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len); }
static void *put(int type, const void *value, int length) { struct nlmsghdr *h = (void *)buffer; struct nlattr *a = (void *)(buffer + h->nlmsg_len); *a = (struct nlattr){4 + length, type}; memcpy(a + 1, value, length); h->nlmsg_len += (4 + length + 3) & ~3; return a; }
static void number(int type, unsigned value) { put(type, &value, 4); }
static void end(void *nest) { ((struct nlattr *)nest)->nla_len = buffer + ((struct nlmsghdr *)buffer)->nlmsg_len - (char *)nest; }
static int ask(void) { struct nlmsghdr *h = (void *)buffer; static char b[16384]; h->nlmsg_flags |= NLM_F_ACK; if (send(s, h, h->nlmsg_len, 0) < 0 || recv(s, b, sizeof b, 0) < 0) return -1; errno = -*(int *)NLMSG_DATA((struct nlmsghdr *)b); return errno ? -1 : 0; }
static int make(const char *name, const char *kind, int sending, int receiving) { struct ifinfomsg i = {AF_UNSPEC}; begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); put(IFLA_IFNAME, name, strlen(name) + 1); if (sending >= 0) number(IFLA_NUM_TX_QUEUES, sending); if (receiving >= 0) number(IFLA_NUM_RX_QUEUES, receiving); void *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_KIND, kind, strlen(kind)); end(info); return ask(); }
static int set(const char *name, int what, unsigned value) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, if_nametoindex(name)}; begin(RTM_SETLINK, 0, &i, sizeof i); number(what, value); return ask(); }
static void tell(const char *name) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, if_nametoindex(name)}; static char b[16384]; struct nlmsghdr *h = (void *)buffer, *m = (void *)b; begin(RTM_GETLINK, 0, &i, sizeof i); send(s, h, h->nlmsg_len, 0); int length = recv(s, b, sizeof b, 0); printf("%s:", name);
  static const struct { int type; const char *name; } all[] = {{IFLA_NUM_TX_QUEUES, "tx"}, {IFLA_NUM_RX_QUEUES, "rx"}, {IFLA_MIN_MTU, "min"}, {IFLA_MAX_MTU, "max"}, {IFLA_PROMISCUITY, "promiscuous"}, {61, "groups"}, {IFLA_GSO_MAX_SIZE, "gso"}, {IFLA_GSO_MAX_SEGS, "segments"}, {58, "gro"}, {59, "tso"}, {60, "tso segments"}, {63, "gso4"}, {64, "gro4"}};
  for (int k = 0; k < sizeof all / sizeof *all; k++) { struct nlattr *a = (void *)((char *)NLMSG_DATA(m) + sizeof i); for (; (char *)a + 4 <= b + length && a->nla_len >= 4; a = (void *)((char *)a + ((a->nla_len + 3) & ~3))) if ((a->nla_type & 0x3fff) == all[k].type) printf(" %s %u", all[k].name, *(unsigned *)(a + 1)); } printf("\n"); fflush(stdout); }
static int flags(const char *name, int flags) { struct ifreq r = {0}; strcpy(r.ifr_name, name); int u = socket(AF_INET, SOCK_DGRAM, 0), n; r.ifr_flags = flags; n = ioctl(u, SIOCSIFFLAGS, &r); close(u); return n; }
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  SHOW(make("a", "veth", 4, 3)); SHOW(make("b", "bridge", -1, -1)); /* Without a number it has one for each processor. */ SHOW(make("c", "veth", 1, 1)); SHOW(make("d", "veth", 0, 1)); SHOW(make("d", "veth", 4097, 1)); SHOW(make("d", "veth", 1, 4097)); SHOW(make("d", "bridge", 2, 2));
  tell("lo"); tell("a"); tell("veth0"); tell("b"); tell("c"); tell("d");
  int t = open("/dev/net/tun", O_RDWR); struct ifreq r = {"t"}; r.ifr_flags = IFF_TAP | IFF_NO_PI; SHOW(ioctl(t, TUNSETIFF, &r)); tell("t"); int u = open("/dev/net/tun", O_RDWR); strcpy(r.ifr_name, "u"); r.ifr_flags = IFF_TUN | IFF_NO_PI; SHOW(ioctl(u, TUNSETIFF, &r)); tell("u");
  SHOW(flags("a", IFF_ALLMULTI | IFF_PROMISC)); tell("a"); SHOW(flags("a", IFF_ALLMULTI)); tell("a"); SHOW(flags("a", 0)); tell("a");
  SHOW(set("a", IFLA_GSO_MAX_SIZE, 30000)); SHOW(set("a", IFLA_GSO_MAX_SEGS, 100)); tell("a"); SHOW(set("a", 58, 20000)); SHOW(set("a", 63, 25000)); SHOW(set("a", 64, 15000)); tell("a"); SHOW(set("a", IFLA_GSO_MAX_SIZE, 200000)); tell("a"); SHOW(set("a", 58, 200000)); tell("a"); SHOW(set("a", IFLA_GSO_MAX_SIZE, 524281)); SHOW(set("a", IFLA_GSO_MAX_SIZE, 524280)); SHOW(set("a", IFLA_GSO_MAX_SIZE, 100)); SHOW(set("a", IFLA_GSO_MAX_SIZE, 0)); SHOW(set("a", IFLA_GSO_MAX_SEGS, 65536)); SHOW(set("a", IFLA_GSO_MAX_SEGS, 65535)); SHOW(set("a", 58, 524281)); SHOW(set("a", 63, 70000)); SHOW(set("a", 64, 70000)); SHOW(set("a", 63, 0)); SHOW(set("a", 64, 0)); SHOW(set("a", 58, 0)); tell("a");
  SHOW(set("b", IFLA_GSO_MAX_SIZE, 65537)); SHOW(set("b", 58, 65537)); tell("b"); SHOW(set("a", 59, 100)); SHOW(set("a", 60, 100)); SHOW(set("a", IFLA_NUM_TX_QUEUES, 2)); SHOW(set("a", IFLA_MIN_MTU, 100)); SHOW(set("a", 61, 1)); SHOW(set("lo", IFLA_MTU, 70000)); tell("lo"); tell("a");
  struct ifinfomsg i = {AF_UNSPEC}; begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); put(IFLA_IFNAME, "e", 2); number(IFLA_GSO_MAX_SIZE, 20000); number(IFLA_GSO_MAX_SEGS, 500); number(58, 30000); number(IFLA_NUM_TX_QUEUES, 1); number(IFLA_NUM_RX_QUEUES, 1); void *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_KIND, "bridge", 6); end(info); SHOW(ask()); tell("e");
  return 0; }
