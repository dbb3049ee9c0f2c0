#include "abi.h"
#include <sched.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_addr.h>
/* Addresses of an interface that is down: given before and since; "one" and "two" are the ends of a pair. */
static struct { struct nlmsghdr h; union { struct ifinfomsg i; struct ifaddrmsg a; struct rtmsg r; } u; char rest[512]; } r;
static void begin(int type, int flags, int size) { memset(&r, 0, sizeof r); r.h.nlmsg_len = NLMSG_LENGTH(size); r.h.nlmsg_type = type; r.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags; }
static struct rtattr *attribute(int type, const void *value, int length) { struct rtattr *a = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len)); a->rta_type = type; a->rta_len = RTA_LENGTH(length); memcpy(RTA_DATA(a), value, length); r.h.nlmsg_len = NLMSG_ALIGN(r.h.nlmsg_len) + RTA_ALIGN(a->rta_len); return a; }
static void close_attribute(struct rtattr *a) { a->rta_len = (char *)&r + r.h.nlmsg_len - (char *)a; }
static int route;
static long sent(void) { static char text[16384]; if (send(route, &r, r.h.nlmsg_len, 0) < 0) return -1; for (;;) { long n = recv(route, text, sizeof text, 0); struct nlmsghdr *h = (void *)text; if (n > 0 && h->nlmsg_type == NLMSG_ERROR) { errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error; return errno ? -1 : 0; } } }
static long up(const char *name, int is_up) { begin(RTM_NEWLINK, 0, sizeof r.u.i); r.u.i.ifi_index = if_nametoindex(name); r.u.i.ifi_flags = is_up ? IFF_UP : 0; r.u.i.ifi_change = IFF_UP; return sent(); }
static long address(int type, const char *name, const char *text, int prefix, int flags) {
  char ip[16]; int v6 = strchr(text, ':') != NULL; inet_pton(v6 ? AF_INET6 : AF_INET, text, ip); begin(type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof r.u.a); r.u.a.ifa_family = v6 ? AF_INET6 : AF_INET; r.u.a.ifa_prefixlen = prefix; r.u.a.ifa_index = if_nametoindex(name); r.u.a.ifa_flags = flags; attribute(IFA_LOCAL, ip, v6 ? 16 : 4); return sent();
}
static long give(const char *name, const char *text, int prefix, int flags) { return address(RTM_NEWADDR, name, text, prefix, flags); }
static long take(const char *name, const char *text, int prefix) { return address(RTM_DELADDR, name, text, prefix, 0); }
/* Binds a stream and a datagram socket to it, and connects. */
static int is_reached = 1;
static void try(const char *text) {
  int v6 = strchr(text, ':') != NULL; struct sockaddr_in6 six = {.sin6_family = AF_INET6}; struct sockaddr_in four = {.sin_family = AF_INET}; inet_pton(v6 ? AF_INET6 : AF_INET, text, v6 ? (void *)&six.sin6_addr : &four.sin_addr); struct sockaddr *a = v6 ? (void *)&six : (void *)&four; socklen_t size = v6 ? sizeof six : sizeof four;
  int u = socket(a->sa_family, SOCK_DGRAM, 0), t = socket(a->sa_family, SOCK_STREAM, 0), c = socket(a->sa_family, SOCK_STREAM, 0); int e[3] = {0}; if (bind(u, a, size)) e[0] = errno; if (bind(t, a, size)) e[1] = errno; else if (!v6 && is_reached) { listen(t, 1); getsockname(t, a, &size); if (connect(c, a, size)) e[2] = errno; } close(u); close(t); close(c);
  printf("%s: datagrams %s, streams %s, connected %s\n", text, name_of(e[0]), name_of(e[1]), name_of(e[2])); fflush(stdout);
}
/* The routes of the local table over the pair's ends, as netlink lists them. */
static void routes(const char *when) {
  static char text[16384]; begin(RTM_GETROUTE, NLM_F_DUMP, sizeof r.u.r); r.h.nlmsg_flags &= ~NLM_F_ACK; r.u.r.rtm_family = AF_INET; (void)!send(route, &r, r.h.nlmsg_len, 0); printf("%s:", when);
  for (int over = 0; !over;) { long n = recv(route, text, sizeof text, 0); for (struct nlmsghdr *h = (void *)text; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) { if (h->nlmsg_type == NLMSG_DONE) { over = 1; break; } struct rtmsg *m = NLMSG_DATA(h); int length = RTM_PAYLOAD(h), out = 0; char to[40] = ""; for (struct rtattr *a = RTM_RTA(m); RTA_OK(a, length); a = RTA_NEXT(a, length)) { if (a->rta_type == RTA_OIF) out = *(int *)RTA_DATA(a); if (a->rta_type == RTA_DST) inet_ntop(AF_INET, RTA_DATA(a), to, sizeof to); } if (out != 1) printf(" [%s/%d table %d type %d]", to, m->rtm_dst_len, m->rtm_table, m->rtm_type); } }
  printf("\n"); fflush(stdout);
}
int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); SHOW(up("lo", 1));
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof r.u.i); attribute(IFLA_IFNAME, "one", 4); struct rtattr *info = attribute(IFLA_LINKINFO, "", 0); attribute(IFLA_INFO_KIND, "veth", 5); struct rtattr *data = attribute(IFLA_INFO_DATA, "", 0), *peer = attribute(1, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg)); attribute(IFLA_IFNAME, "two", 4); close_attribute(peer); close_attribute(data); close_attribute(info); SHOW(sent());
  SHOW(give("one", "192.0.2.1", 24, 0)); SHOW(give("one", "2001:db8::1", 64, IFA_F_NODAD)); SHOW(give("one", "2001:db8::2", 64, 0)); try("192.0.2.1"); try("192.0.2.2"); try("2001:db8::1"); try("2001:db8::2"); routes("down");
  SHOW(up("one", 1)); try("192.0.2.1"); routes("up"); SHOW(up("one", 0)); try("192.0.2.1"); try("2001:db8::1"); routes("down again");
  SHOW(give("one", "192.0.2.5", 24, 0)); SHOW(give("one", "192.0.2.6", 32, 0)); try("192.0.2.5"); try("192.0.2.6"); try("192.0.2.1"); routes("given"); SHOW(take("one", "192.0.2.5", 24)); try("192.0.2.5"); try("192.0.2.6"); routes("taken");
  SHOW(up("one", 1)); try("192.0.2.1"); try("192.0.2.6"); routes("up again");
  try("127.0.0.1"); SHOW(up("lo", 0)); is_reached = 0; try("127.0.0.1"); try("127.0.0.2"); try("::1");
}
