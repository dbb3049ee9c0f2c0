#include "abi.h"
#include <sched.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_addr.h>
/* Addresses of IPv6 that are asked for, end, and come from a router: "one" is ours, "two" in another network plays neighbour and router. */
static struct { struct nlmsghdr h; union { struct ifinfomsg i; struct ifaddrmsg a; struct rtmsg r; } u; char rest[512]; } r;
static int routes[2], spaces[2], router;
static void begin(int type, int flags, int size) { memset(&r, 0, sizeof r); r.h.nlmsg_len = NLMSG_LENGTH(size); r.h.nlmsg_type = type; r.h.nlmsg_flags = NLM_F_REQUEST | flags; }
static struct rtattr *attribute(int type, const void *value, int length) { struct rtattr *a = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len)); a->rta_type = type; a->rta_len = RTA_LENGTH(length); memcpy(RTA_DATA(a), value, length); r.h.nlmsg_len = NLMSG_ALIGN(r.h.nlmsg_len) + RTA_ALIGN(a->rta_len); return a; }
static void close_attribute(struct rtattr *a) { a->rta_len = (char *)&r + r.h.nlmsg_len - (char *)a; }
static long sent(int at) { static char text[16384]; r.h.nlmsg_flags |= NLM_F_ACK; if (send(routes[at], &r, r.h.nlmsg_len, 0) < 0) return -1; for (;;) { long n = recv(routes[at], text, sizeof text, 0); struct nlmsghdr *h = (void *)text; if (n > 0 && h->nlmsg_type == NLMSG_ERROR) { errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error; return errno ? -1 : 0; } } }
static void in(int at) { if (setns(spaces[at], CLONE_NEWNET)) perror("setns"); }
static const char *names[] = {"one", "two"};
static int indexes[2];
static long up(int at, int is_up) { begin(RTM_NEWLINK, 0, sizeof r.u.i); r.u.i.ifi_index = indexes[at]; r.u.i.ifi_flags = is_up ? IFF_UP : 0; r.u.i.ifi_change = IFF_UP; return sent(at); }
static long address(int at, const char *text, int type, int how, unsigned flags, unsigned preferred, unsigned valid) {
  char ip[16]; inet_pton(AF_INET6, text, ip); begin(type, how, sizeof r.u.a); r.u.a.ifa_family = AF_INET6; r.u.a.ifa_prefixlen = 64; r.u.a.ifa_index = indexes[at]; attribute(IFA_LOCAL, ip, 16); if (flags) attribute(IFA_FLAGS, &flags, 4); struct ifa_cacheinfo c = {preferred, valid, 0, 0}; if (preferred != 1u << 31) attribute(IFA_CACHEINFO, &c, sizeof c); return sent(at);
}
#define FOREVER (1u << 31)
static long added(int at, const char *text, unsigned flags) { return address(at, text, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, flags, FOREVER, 0); }
static long set(const char *what, const char *value) { char path[100]; sprintf(path, "/proc/sys/net/ipv6/conf/%s", what); int fd = open(path, O_WRONLY); if (fd < 0) return -1; long n = write(fd, value, strlen(value)); int e = errno; close(fd); errno = e; return n < 0 ? -1 : 0; }
static void get(const char *what) { char path[100], text[32] = ""; sprintf(path, "/proc/sys/net/ipv6/conf/%s", what); int fd = open(path, O_RDONLY); if (fd < 0 || read(fd, text, sizeof text - 1) < 0) strcpy(text, "?\n"); close(fd); printf("%s %s", what, text); fflush(stdout); }
/* Each message of a dump. */
static void dump(int at, int type, void (*each)(struct nlmsghdr *)) { static char text[65536]; begin(type, NLM_F_DUMP, sizeof r.u.r); r.u.r.rtm_family = AF_INET6; (void)!send(routes[at], &r, r.h.nlmsg_len, 0); for (;;) { long n = recv(routes[at], text, sizeof text, 0); for (struct nlmsghdr *h = (void *)text; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) { if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) return; each(h); } } }
static const char *wanted; static unsigned found_flags; static int is_found, counted;
static unsigned life(unsigned v) { return v == 0xffffffff || v < 10 ? v : (v + 5) / 10 * 10; }
static void look(struct nlmsghdr *h) {
  struct ifaddrmsg *a = NLMSG_DATA(h); int n = IFA_PAYLOAD(h); char text[64] = ""; unsigned flags = a->ifa_flags, proto = 0; struct ifa_cacheinfo c = {0};
  for (struct rtattr *t = IFA_RTA(a); RTA_OK(t, n); t = RTA_NEXT(t, n)) { if (t->rta_type == IFA_ADDRESS) inet_ntop(AF_INET6, RTA_DATA(t), text, sizeof text); if (t->rta_type == IFA_FLAGS) memcpy(&flags, RTA_DATA(t), 4); if (t->rta_type == IFA_CACHEINFO) memcpy(&c, RTA_DATA(t), sizeof c); if (t->rta_type == 11) proto = *(unsigned char *)RTA_DATA(t); }
  if (a->ifa_index != (unsigned)indexes[0] && wanted == NULL) return;
  if (wanted) { if (!strncmp(text, wanted, strlen(wanted))) { is_found = 1; found_flags = flags; } return; }
  /* Its own half is chance. */
  if (a->ifa_scope == RT_SCOPE_LINK || (flags & IFA_F_MANAGETEMPADDR)) { unsigned char ip[16]; inet_pton(AF_INET6, text, ip); memset(ip + 8, 0, 8); inet_ntop(AF_INET6, ip, text, sizeof text); }
  printf(" [%s/%d flags %x scope %d proto %u life %d %d]", text, a->ifa_prefixlen, flags, a->ifa_scope, proto, life(c.ifa_prefered), life(c.ifa_valid));
}
static void look_route(struct nlmsghdr *h) {
  struct rtmsg *m = NLMSG_DATA(h); int n = RTM_PAYLOAD(h), pref = -1, expires = 0; unsigned metric = 0, out = 0; char to[64] = "", by[64] = "";
  for (struct rtattr *t = RTM_RTA(m); RTA_OK(t, n); t = RTA_NEXT(t, n)) { if (t->rta_type == RTA_DST) inet_ntop(AF_INET6, RTA_DATA(t), to, sizeof to); if (t->rta_type == RTA_GATEWAY) strcpy(by, " by a router"); if (t->rta_type == RTA_PRIORITY) memcpy(&metric, RTA_DATA(t), 4); if (t->rta_type == RTA_OIF) memcpy(&out, RTA_DATA(t), 4); if (t->rta_type == RTA_PREF) pref = *(unsigned char *)RTA_DATA(t); if (t->rta_type == RTA_CACHEINFO) expires = ((struct rta_cacheinfo *)RTA_DATA(t))->rta_expires; }
  if (m->rtm_table != RT_TABLE_MAIN || out != (unsigned)indexes[0]) return;
  printf(" (%s/%d%s protocol %d metric %u pref %d%s)", to, m->rtm_dst_len, by, m->rtm_protocol, metric, pref, expires ? " ends" : ""); counted++;
}
static void tell(const char *when) { printf("%s:", when); wanted = NULL; dump(0, RTM_GETADDR, look); dump(0, RTM_GETROUTE, look_route); printf("\n"); fflush(stdout); }
static unsigned flags_of(int at, const char *text) { wanted = text; is_found = 0; found_flags = 0; dump(at, RTM_GETADDR, look); return is_found ? found_flags : 0xffff; }
static int comes(int at, const char *text, unsigned mask, unsigned flags) { for (int i = 0; i < 900; i++) { if ((flags_of(at, text) & mask) == flags) return 1; usleep(10000); } return 0; }
static long bound(const char *text) { struct sockaddr_in6 a = {.sin6_family = AF_INET6}; inet_pton(AF_INET6, text, &a.sin6_addr); in(0); int fd = socket(AF_INET6, SOCK_DGRAM, 0); long n = bind(fd, (void *)&a, sizeof a); int e = errno; close(fd); errno = e; return n; }
static unsigned char message[512]; static int length;
static void begin_said(int lifetime, int flags) { memset(message, 0, 16); message[0] = 134; message[4] = 64; message[5] = flags; message[6] = lifetime >> 8; message[7] = lifetime; length = 16; }
static void number(unsigned value) { for (int i = 3; i >= 0; i--) message[length++] = value >> 8 * i; }
static void option(int type, int size) { message[length++] = type; message[length++] = size; }
static void prefix(const char *text, int bits, int flags, unsigned valid, unsigned preferred) { option(3, 4); message[length++] = bits; message[length++] = flags; number(valid); number(preferred); number(0); inet_pton(AF_INET6, text, message + length); length += 16; }
static long said_to(const char *group, int hops) { struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_scope_id = indexes[1]}; inet_pton(AF_INET6, group, &to.sin6_addr); setsockopt(router, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, 4); long n = sendto(router, message, length, 0, (void *)&to, sizeof to); usleep(50000); return n == length ? 0 : -1; }
static long said(void) { return said_to("ff02::1", 255); }
int main(void) {
  for (int at = 0; at < 2; at++) { if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; } spaces[at] = open("/proc/thread-self/ns/net", O_RDONLY); routes[at] = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }
  router = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6); in(0);
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof r.u.i); attribute(IFLA_IFNAME, "one", 4); struct rtattr *info = attribute(IFLA_LINKINFO, "", 0); attribute(IFLA_INFO_KIND, "veth", 5); struct rtattr *data = attribute(IFLA_INFO_DATA, "", 0), *peer = attribute(1, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg)); attribute(IFLA_IFNAME, "two", 4); attribute(IFLA_NET_NS_FD, &spaces[1], 4); close_attribute(peer); close_attribute(data); close_attribute(info); SHOW(sent(0));
  for (int at = 0; at < 2; at++) { in(at); indexes[at] = if_nametoindex(names[at]); } in(1); SHOW(set("two/accept_ra", "0")); in(0);
  for (const char **s = (const char *[]){"all/accept_dad", "default/accept_dad", "one/accept_dad", "one/accept_ra", "one/autoconf", "one/dad_transmits", "one/enhanced_dad", "one/router_solicitations", "one/router_solicitation_interval", "one/router_solicitation_delay", "one/router_solicitation_max_interval", "one/accept_ra_defrtr", "one/accept_ra_pinfo", "one/accept_ra_mtu", "one/accept_ra_from_local", "one/ra_defrtr_metric", "one/max_addresses", "one/ndisc_notify", "one/optimistic_dad", "one/addr_gen_mode", "one/mtu", NULL}; *s; s++) get(*s);
  SHOW(set("one/addr_gen_mode", "7")); SHOW(set("one/addr_gen_mode", "2")); SHOW(set("one/mtu", "1279")); SHOW(set("one/mtu", "1501")); SHOW(set("one/mtu", "1400")); get("one/mtu");
  /* Before there is a link, and with one. */
  SHOW(added(0, "2001:db8::1", 0)); SHOW(added(0, "2001:db8::2", IFA_F_NODAD)); tell("down"); SHOW(up(0, 1)); usleep(100000); tell("without a carrier"); SHOW(bound("2001:db8::1")); SHOW(bound("2001:db8::2"));
  SHOW(up(1, 1)); HOLDS(comes(1, "fe80", IFA_F_TENTATIVE, 0)); HOLDS(comes(0, "fe80", IFA_F_TENTATIVE, 0)); HOLDS(comes(0, "2001:db8::1", IFA_F_TENTATIVE, 0)); tell("up"); SHOW(bound("2001:db8::1"));
  SHOW(added(0, "2001:db8::3", 0)); HOLDS(flags_of(0, "2001:db8::3") & IFA_F_TENTATIVE); SHOW(bound("2001:db8::3")); HOLDS(comes(0, "2001:db8::3", IFA_F_TENTATIVE, 0)); SHOW(bound("2001:db8::3"));
  /* Somebody has it. */
  SHOW(added(1, "2001:db8::4", IFA_F_NODAD)); SHOW(added(0, "2001:db8::4", 0)); HOLDS(comes(0, "2001:db8::4", IFA_F_DADFAILED, IFA_F_DADFAILED)); SHOW(bound("2001:db8::4")); tell("taken"); SHOW(address(0, "2001:db8::4", RTM_DELADDR, 0, 0, FOREVER, 0));
  SHOW(set("one/accept_dad", "0")); SHOW(added(0, "2001:db8::4", 0)); HOLDS(comes(0, "2001:db8::4", IFA_F_TENTATIVE, 0)); tell("not asked"); SHOW(address(0, "2001:db8::4", RTM_DELADDR, 0, 0, FOREVER, 0)); SHOW(set("one/accept_dad", "1"));
  /* Ends. */
  SHOW(address(0, "2001:db8::5", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, IFA_F_NODAD, 9, 0)); SHOW(address(0, "2001:db8::5", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, IFA_F_NODAD, 9, 8)); SHOW(address(0, "2001:db8::5", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, IFA_F_NODAD, 1000, 2000)); SHOW(address(0, "2001:db8::6", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, IFA_F_NODAD | IFA_F_NOPREFIXROUTE, 0, 0xffffffff)); tell("with ends");
  SHOW(address(0, "2001:db8::5", RTM_NEWADDR, NLM_F_REPLACE, IFA_F_NODAD, 1, 2)); HOLDS(comes(0, "2001:db8::5", IFA_F_DEPRECATED, IFA_F_DEPRECATED)); HOLDS(comes(0, "2001:db8::5", 0xffff, 0xffff)); SHOW(address(0, "2001:db8::6", RTM_NEWADDR, NLM_F_REPLACE, IFA_F_NODAD, 0xffffffff, 0xffffffff)); tell("ended"); SHOW(address(0, "2001:db8::6", RTM_DELADDR, 0, 0, FOREVER, 0));
  /* A router. */
  begin_said(1800, 0); prefix("2001:db8:7::", 64, 0xc0, 10000, 8000); SHOW(said()); HOLDS(comes(0, "2001:db8:7:", IFA_F_TENTATIVE, 0)); tell("a router");
  begin_said(1800, 8); prefix("2001:db8:7::", 64, 0xc0, 5, 0); SHOW(said()); tell("less, and dear"); begin_said(1800, 8); prefix("2001:db8:7::", 64, 0x40, 0xffffffff, 0xffffffff); SHOW(said()); tell("for ever"); begin_said(1800, 0x10); prefix("2001:db8:7::", 64, 0x80, 0, 0); SHOW(said()); tell("reserved, and no prefix"); begin_said(0, 0); SHOW(said()); tell("no router");
  begin_said(1800, 0); prefix("2001:db8:8::", 64, 0x80, 0xffffffff, 0xffffffff); prefix("2001:db8:9::", 48, 0xc0, 900, 900); prefix("2001:db8::", 64, 0xc0, 900, 900); SHOW(said()); usleep(50000); tell("three prefixes");
  begin_said(0, 0); prefix("2001:db8:8::", 64, 0x80, 0, 0); prefix("2001:db8:9::", 48, 0x80, 0, 0); SHOW(said()); tell("none of them");
  begin_said(0, 0); option(5, 1); message[length++] = 0; message[length++] = 0; number(1300); SHOW(said()); get("one/mtu");
  /* What is no advertisement. */
  begin_said(1800, 0); SHOW(said_to("ff02::1", 254)); message[1] = 1; SHOW(said()); begin_said(1800, 0); option(1, 0); SHOW(said()); begin_said(1800, 0); option(3, 9); SHOW(said()); begin_said(1800, 0); length = 15; SHOW(said()); tell("nonsense");
  begin_said(0, 0); prefix("2001:db8:a::", 64, 0xc0, 1, 2); prefix("fe80::", 64, 0xc0, 9, 9); prefix("ff02::", 64, 0xc0, 9, 9); prefix("2001:db8:a::", 129, 0xc0, 9, 9); SHOW(said()); tell("prefixes that are none");
  SHOW(set("one/accept_ra", "0")); begin_said(1800, 0); SHOW(said()); tell("not heard"); SHOW(set("one/accept_ra", "1")); SHOW(set("one/forwarding", "1")); SHOW(said()); tell("a router itself"); SHOW(set("one/accept_ra", "2")); SHOW(said()); tell("a router that hears"); SHOW(set("one/ra_defrtr_metric", "99")); SHOW(said()); tell("another metric");
  SHOW(set("one/forwarding", "0"));
  SHOW(set("one/addr_gen_mode", "1")); SHOW(up(0, 0)); tell("down again"); SHOW(up(0, 1)); usleep(100000); tell("none of its own"); SHOW(set("one/addr_gen_mode", "3")); HOLDS(comes(0, "fe80", IFA_F_TENTATIVE, 0)); tell("by chance");
  return 0;
}
