#include "abi.h"
#include "rtnetlink.h"
/* IFLA_AF_SPEC: how an interface makes its own addresses of IPv6 (`ip link set … addrgenmode none`). */

/* How: of one family, an attribute of it with so many bytes; flags and MTU beside it. */
static int change(const char *name, int family, int attribute, int value, int length, int flags, int mtu) {
  struct ifinfomsg i = {AF_UNSPEC, 0, 0, if_nametoindex(name), flags, flags};
  rt_begin(RTM_NEWLINK, 0, &i, sizeof i);
  if (family) {
    struct rtattr *spec = rt_put(IFLA_AF_SPEC, "", 0), *of = rt_put(family, "", 0);
    if (attribute) rt_put(attribute, &value, length);
    rt_close(of), rt_close(spec);
  }
  if (mtu) rt_number(IFLA_MTU, mtu);
  return rt_ask();
}
static int way(const char *name, int mode) { return change(name, AF_INET6, IFLA_INET6_ADDR_GEN_MODE, mode, 1, 0, 0); }

static struct rtattr *in(void *at, int bytes, int type) {
  for (struct rtattr *a = at; RTA_OK(a, bytes); a = RTA_NEXT(a, bytes)) if ((a->rta_type & NLA_TYPE_MASK) == type) return a;
  return 0;
}
static struct rtattr *within(struct rtattr *a, int type) { return a ? in(RTA_DATA(a), RTA_PAYLOAD(a), type) : 0; }
static void tell(struct nlmsghdr *h) {
  struct ifinfomsg *i = NLMSG_DATA(h);
  int bytes = IFLA_PAYLOAD(h);
  struct rtattr *name = in(IFLA_RTA(i), bytes, IFLA_IFNAME), *v6 = within(in(IFLA_RTA(i), bytes, IFLA_AF_SPEC), AF_INET6), *mode = within(v6, IFLA_INET6_ADDR_GEN_MODE);
  printf("  %s: %s way %d\n", (char *)RTA_DATA(name), v6 ? "IPv6" : "no IPv6", mode ? *(unsigned char *)RTA_DATA(mode) : -1);
}
static void list(void) {
  struct ifinfomsg i = {AF_UNSPEC};
  rt_begin(RTM_GETLINK, 0, &i, sizeof i);
  rt_dump(tell);
  fflush(stdout);
}
static void addresses(void) {
  char line[200];
  FILE *f = fopen("/proc/net/if_inet6", "r");
  int own = 0, made = 0;
  while (fgets(line, sizeof line, f)) own += strstr(line, "fe80") == line, made++;
  fclose(f);
  printf("  %d addresses, %d of them of the link\n", made, own);
  fflush(stdout);
}

int main(void) {
  SHOW(unshare(CLONE_NEWNET)); rt_open(); rt_write("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
  SHOW(rt_pair("a", "b", -1)); SHOW(rt_pair("c", "d", -1)); list();
  SHOW(way("a", IN6_ADDR_GEN_MODE_NONE)); SHOW(way("b", IN6_ADDR_GEN_MODE_RANDOM)); SHOW(way("c", IN6_ADDR_GEN_MODE_STABLE_PRIVACY)); SHOW(way("c", 4)); SHOW(way("c", 255)); SHOW(way("lo", IN6_ADDR_GEN_MODE_NONE)); list();
  SHOW(change("c", AF_INET6, IFLA_INET6_ADDR_GEN_MODE, 1, 0, 0, 0)); SHOW(change("c", AF_INET6, IFLA_INET6_ADDR_GEN_MODE, 1, 4, 0, 0)); SHOW(change("c", AF_INET6, 0, 0, 0, 0, 0)); SHOW(change("c", AF_UNIX, 0, 0, 0, 0, 1400)); SHOW(change("c", 77, 0, 0, 0, 0, 1400)); list();
  SHOW(change("a", 0, 0, 0, 0, IFF_UP, 0)); SHOW(change("b", 0, 0, 0, 0, IFF_UP, 0)); usleep(100000); addresses();
  SHOW(change("c", AF_INET6, IFLA_INET6_ADDR_GEN_MODE, 1, 1, IFF_UP, 0)); SHOW(change("d", 0, 0, 0, 0, IFF_UP, 0)); usleep(100000); addresses(); SHOW(way("c", 0)); usleep(100000); addresses(); list();
  rt_write("/proc/sys/net/ipv6/conf/a/disable_ipv6", "1"); SHOW(way("a", 0)); SHOW(change("c", 0, 0, 0, 0, 0, 1000)); SHOW(way("c", 1)); list(); return 0;
}
