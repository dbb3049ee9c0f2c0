#include "abi.h"
#include <arpa/inet.h>
#include <sched.h>
#include <sys/socket.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
/* Routes whose gateway is of the other family (RTA_VIA), and gateways that nothing leads to; interfaces whose index was wished for. */
static int s; static char buffer[512];
static void begin(int type, int flags, const void *head, int length) { struct nlmsghdr *h = (void *)buffer; memset(buffer, 0, sizeof buffer); *h = (struct nlmsghdr){16 + length, type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0}; memcpy(h + 1, head, length); h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len); }
static void *put(int type, const void *value, int length) { struct nlmsghdr *h = (void *)buffer; struct nlattr *a = (void *)(buffer + h->nlmsg_len); *a = (struct nlattr){4 + length, type}; memcpy(a + 1, value, length); h->nlmsg_len += (4 + length + 3) & ~3; return a; }
static int ask(void) { struct nlmsghdr *h = (void *)buffer; struct sockaddr_nl k = {AF_NETLINK}; char b[4096]; if (sendto(s, h, h->nlmsg_len, 0, (void *)&k, sizeof k) < 0 || recv(s, b, sizeof b, 0) < 0) return -1; errno = -*(int *)NLMSG_DATA((struct nlmsghdr *)b); return errno ? -1 : 0; }
static int link_up(int index) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index, IFF_UP, IFF_UP}; begin(RTM_NEWLINK, 0, &i, sizeof i); return ask(); }
static int veth(int index, const char *name) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index}; begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); put(IFLA_IFNAME, name, strlen(name) + 1); struct nlattr *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_KIND, "veth", 4); info->nla_len = buffer + ((struct nlmsghdr *)buffer)->nlmsg_len - (char *)info; return ask(); }
static int address(int index, int family, const char *text, int bits) { char b[16]; inet_pton(family, text, b); struct ifaddrmsg i = {family, bits, IFA_F_NODAD, 0, index}; begin(RTM_NEWADDR, NLM_F_CREATE, &i, sizeof i); put(IFA_LOCAL, b, family == AF_INET ? 4 : 16); return ask(); }
/* `via`: of which family RTA_VIA says it is; 0: RTA_GATEWAY; −1: both. */
static int route(int type, int family, const char *to, int bits, int via, int of, const char *gateway, int out) {
  char b[18]; struct rtmsg r = {family, bits, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE, RTN_UNICAST}; begin(type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &r, sizeof r); if (to) { inet_pton(family, to, b); put(RTA_DST, b, family == AF_INET ? 4 : 16); }
  int size = of == AF_INET ? 4 : 16; if (gateway) { inet_pton(of, gateway, b + 2); *(unsigned short *)b = via < 0 ? of : via; if (via <= 0) put(RTA_GATEWAY, b + 2, size); if (via) put(RTA_VIA, b, 2 + size); } if (out) put(RTA_OIF, &out, 4); return ask(); }
static void dump(void) {
  struct { struct nlmsghdr h; struct rtmsg r; } q = {{28, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 2}, {AF_INET}}; struct sockaddr_nl k = {AF_NETLINK}; sendto(s, &q, sizeof q, 0, (void *)&k, sizeof k);
  for (int end = 0; !end;) { char b[8192], t[64]; long n = recv(s, b, sizeof b, 0); for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) { if (h->nlmsg_type == NLMSG_DONE) { end = 1; break; } struct rtmsg *r = NLMSG_DATA(h); if (r->rtm_protocol != RTPROT_STATIC) continue; printf(" "); struct rtattr *a = RTM_RTA(r); int left = RTM_PAYLOAD(h);
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) if (a->rta_type == RTA_DST || a->rta_type == RTA_GATEWAY) printf(" %d: %s", a->rta_type, inet_ntop(AF_INET, RTA_DATA(a), t, 64)); else if (a->rta_type == RTA_VIA) printf(" via %d %s", *(short *)RTA_DATA(a), inet_ntop(*(short *)RTA_DATA(a), (char *)RTA_DATA(a) + 2, t, 64)); printf("\n"); } }
  FILE *f = fopen("/proc/net/route", "r"); char line[256], name[16], to[16], gateway[16], flags[16]; fgets(line, sizeof line, f); while (fgets(line, sizeof line, f)) if (sscanf(line, "%15s %15s %15s %15s", name, to, gateway, flags) == 4) printf("  %s %s %s %s\n", name, to, gateway, flags); fclose(f); fflush(stdout);
}
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); SHOW(veth(7, "d0")); SHOW(veth(7, "d1")); SHOW(veth(-3, "d1")); SHOW(veth(0, "d1")); SHOW(if_nametoindex("d1")); SHOW(veth(5, "d2")); SHOW(if_nametoindex("d2")); SHOW(link_up(7)); SHOW(address(7, AF_INET, "10.0.0.1", 24)); SHOW(address(7, AF_INET6, "fd00::1", 64));
  SHOW(route(RTM_NEWROUTE, AF_INET, "10.1.0.0", 24, AF_INET6, AF_INET6, "fd00::2", 7)); SHOW(route(RTM_NEWROUTE, AF_INET, "10.2.0.0", 24, AF_INET, AF_INET, "10.0.0.2", 7)); SHOW(route(RTM_NEWROUTE, AF_INET, "10.3.0.0", 24, AF_INET6, AF_INET6, "fe80::2", 7)); SHOW(route(RTM_NEWROUTE, AF_INET, "10.1.0.0", 24, AF_INET6, AF_INET6, "fd00::2", 7)); dump();
  SHOW(route(RTM_NEWROUTE, AF_INET, "10.4.0.0", 24, AF_INET6, AF_INET6, "fd01::2", 7)); SHOW(route(RTM_NEWROUTE, AF_INET, "10.4.0.0", 24, AF_INET, AF_INET, "10.9.0.2", 7)); SHOW(route(RTM_NEWROUTE, AF_INET, "10.4.0.0", 24, -1, AF_INET, "10.0.0.2", 7)); SHOW(route(RTM_NEWROUTE, AF_INET, "10.4.0.0", 24, AF_INET6, AF_INET, "10.0.0.2", 7)); SHOW(route(RTM_NEWROUTE, AF_INET, "10.4.0.0", 24, AF_INET, AF_INET6, "fd00::2", 7)); SHOW(route(RTM_NEWROUTE, AF_INET, "10.4.0.0", 24, 17, AF_INET6, "fd00::2", 7));
  SHOW(route(RTM_NEWROUTE, AF_INET6, "fd02::", 64, AF_INET6, AF_INET6, "fd00::2", 7)); SHOW(route(RTM_NEWROUTE, AF_INET6, "fd02::", 64, 0, AF_INET6, "fd01::2", 7));
  SHOW(route(RTM_DELROUTE, AF_INET, "10.1.0.0", 24, AF_INET6, AF_INET6, "fd00::3", 7)); SHOW(route(RTM_DELROUTE, AF_INET, "10.1.0.0", 24, AF_INET6, AF_INET6, "fd00::2", 7)); SHOW(route(RTM_DELROUTE, AF_INET, "10.3.0.0", 24, 0, AF_INET, NULL, 7)); dump();
}
