#include "abi.h"
#include <sched.h>
#include <sys/socket.h>
#include <net/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
/* IFLA_AF_SPEC: how an interface makes its own addresses of IPv6 (`ip link set … addrgenmode none`). */
static int s; static char buffer[512];
static void begin(int type, int flags, const void *head, int length) { struct nlmsghdr *h = (void *)buffer; memset(buffer, 0, sizeof buffer); *h = (struct nlmsghdr){16 + length, type, NLM_F_REQUEST | flags, 1, 0}; memcpy(h + 1, head, length); h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len); }
static void *put(int type, const void *value, int length) { struct nlmsghdr *h = (void *)buffer; struct nlattr *a = (void *)(buffer + h->nlmsg_len); *a = (struct nlattr){4 + length, type}; memcpy(a + 1, value, length); h->nlmsg_len += (4 + length + 3) & ~3; return a; }
static void end(void *nest) { ((struct nlattr *)nest)->nla_len = buffer + ((struct nlmsghdr *)buffer)->nlmsg_len - (char *)nest; }
static int ask(void) { struct nlmsghdr *h = (void *)buffer; static char b[16384]; h->nlmsg_flags |= NLM_F_ACK; if (send(s, h, h->nlmsg_len, 0) < 0 || recv(s, b, sizeof b, 0) < 0) return -1; errno = -*(int *)NLMSG_DATA((struct nlmsghdr *)b); return errno ? -1 : 0; }
static int veth(const char *name, const char *peer) { struct ifinfomsg i = {AF_UNSPEC}; begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); put(IFLA_IFNAME, name, strlen(name) + 1); void *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_KIND, "veth", 4); void *data = put(IFLA_INFO_DATA, "", 0), *about = put(1, &i, sizeof i); put(IFLA_IFNAME, peer, strlen(peer) + 1); end(about); end(data); end(info); return ask(); }
/* How: of one family, an attribute of it with so many bytes; flags, MTU and name beside it. */
static int change(const char *name, int family, int attribute, int value, int length, int flags, int mtu) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, if_nametoindex(name), flags, flags}; begin(RTM_NEWLINK, 0, &i, sizeof i); if (family) { void *spec = put(IFLA_AF_SPEC, "", 0), *of = put(family, "", 0); if (attribute) put(attribute, &value, length); end(of); end(spec); } if (mtu) put(IFLA_MTU, &mtu, 4); return ask(); }
static int way(const char *name, int mode) { return change(name, AF_INET6, IFLA_INET6_ADDR_GEN_MODE, mode, 1, 0, 0); }
static void *in(void *at, int bytes, int type) { for (struct nlattr *a = at; (char *)a < (char *)at + bytes; a = (void *)((char *)a + ((a->nla_len + 3) & ~3))) if ((a->nla_type & NLA_TYPE_MASK) == type) return a; return 0; }
static void list(void) { static char b[65536]; struct ifinfomsg i = {AF_UNSPEC}; struct nlmsghdr *h = (void *)buffer; begin(RTM_GETLINK, NLM_F_DUMP, &i, sizeof i); send(s, h, h->nlmsg_len, 0);
  for (int over = 0; !over;) { int n = recv(s, b, sizeof b, 0); if (n <= 0) break; for (struct nlmsghdr *m = (void *)b; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) { if (m->nlmsg_type == NLMSG_DONE) { over = 1; break; } struct ifinfomsg *f = NLMSG_DATA(m); int bytes = m->nlmsg_len - 32; struct nlattr *name = in(f + 1, bytes, IFLA_IFNAME), *spec = in(f + 1, bytes, IFLA_AF_SPEC), *v6 = spec ? in(spec + 1, spec->nla_len - 4, AF_INET6) : 0, *mode = v6 ? in(v6 + 1, v6->nla_len - 4, IFLA_INET6_ADDR_GEN_MODE) : 0; printf("  %s: %s way %d\n", (char *)(name + 1), v6 ? "IPv6" : "no IPv6", mode ? *(unsigned char *)(mode + 1) : -1); } } fflush(stdout); }
static void addresses(void) { char line[200]; FILE *f = fopen("/proc/net/if_inet6", "r"); int own = 0, made = 0; while (fgets(line, sizeof line, f)) { own += strstr(line, "fe80") == line; made++; } fclose(f); printf("  %d addresses, %d of them of the link\n", made, own); fflush(stdout); }
static void put_file(const char *path, const char *text) { int f = open(path, O_WRONLY); write(f, text, strlen(text)); close(f); }
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); put_file("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
  SHOW(veth("a", "b")); SHOW(veth("c", "d")); list();
  SHOW(way("a", IN6_ADDR_GEN_MODE_NONE)); SHOW(way("b", IN6_ADDR_GEN_MODE_RANDOM)); SHOW(way("c", IN6_ADDR_GEN_MODE_STABLE_PRIVACY)); SHOW(way("c", 4)); SHOW(way("c", 255)); SHOW(way("lo", IN6_ADDR_GEN_MODE_NONE)); list();
  SHOW(change("c", AF_INET6, IFLA_INET6_ADDR_GEN_MODE, 1, 0, 0, 0)); SHOW(change("c", AF_INET6, IFLA_INET6_ADDR_GEN_MODE, 1, 4, 0, 0)); SHOW(change("c", AF_INET6, 0, 0, 0, 0, 0)); SHOW(change("c", AF_UNIX, 0, 0, 0, 0, 1400)); SHOW(change("c", 77, 0, 0, 0, 0, 1400)); list();
  SHOW(change("a", 0, 0, 0, 0, IFF_UP, 0)); SHOW(change("b", 0, 0, 0, 0, IFF_UP, 0)); usleep(100000); addresses();
  SHOW(change("c", AF_INET6, IFLA_INET6_ADDR_GEN_MODE, 1, 1, IFF_UP, 0)); SHOW(change("d", 0, 0, 0, 0, IFF_UP, 0)); usleep(100000); addresses(); SHOW(way("c", 0)); usleep(100000); addresses(); list();
  put_file("/proc/sys/net/ipv6/conf/a/disable_ipv6", "1"); SHOW(way("a", 0)); SHOW(change("c", 0, 0, 0, 0, 0, 1000)); SHOW(way("c", 1)); list(); return 0; }
