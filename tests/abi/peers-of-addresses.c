#include "abi.h"
#include <arpa/inet.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
/* Addresses with another end (IFA_ADDRESS beside IFA_LOCAL): the routes that they bring, one address in several networks, what is removed, and the ioctls. */
static int s, u; static char buffer[512];
static void begin(int type, int flags, const void *head, int length) { struct nlmsghdr *h = (void *)buffer; memset(buffer, 0, sizeof buffer); *h = (struct nlmsghdr){16 + length, type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0}; memcpy(h + 1, head, length); h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len); }
static void *put(int type, const void *value, int length) { struct nlmsghdr *h = (void *)buffer; struct nlattr *a = (void *)(buffer + h->nlmsg_len); *a = (struct nlattr){4 + length, type}; memcpy(a + 1, value, length); h->nlmsg_len += (4 + length + 3) & ~3; return a; }
static int ask(void) { struct nlmsghdr *h = (void *)buffer; struct sockaddr_nl k = {AF_NETLINK}; char b[4096]; if (sendto(s, h, h->nlmsg_len, 0, (void *)&k, sizeof k) < 0 || recv(s, b, sizeof b, 0) < 0) return -1; errno = -*(int *)NLMSG_DATA((struct nlmsghdr *)b); return errno ? -1 : 0; }
static int link_up(int index) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index, IFF_UP, IFF_UP}; begin(RTM_NEWLINK, 0, &i, sizeof i); return ask(); }
static int veth(int index, const char *name) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index}; begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); put(IFLA_IFNAME, name, strlen(name) + 1); struct nlattr *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_KIND, "veth", 4); info->nla_len = buffer + ((struct nlmsghdr *)buffer)->nlmsg_len - (char *)info; return ask(); }
static int address(int type, int flags, int family, const char *local, const char *other, int bits) { char b[16]; int size = family == AF_INET ? 4 : 16; struct ifaddrmsg i = {family, bits, IFA_F_NODAD, 0, 7}; begin(type, NLM_F_CREATE | flags, &i, sizeof i); if (local) { inet_pton(family, local, b); put(IFA_LOCAL, b, size); } if (other) { inet_pton(strchr(other, ':') ? AF_INET6 : AF_INET, other, b); put(IFA_ADDRESS, b, strchr(other, ':') ? 16 : 4); } return ask(); }
static void routes(int family) {
  struct { struct nlmsghdr h; struct rtmsg r; } q = {{28, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 2}, {family}}; struct sockaddr_nl k = {AF_NETLINK}; sendto(s, &q, sizeof q, 0, (void *)&k, sizeof k);
  for (int end = 0; !end;) { char b[16384], t[64]; long n = recv(s, b, sizeof b, 0); for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) { if (h->nlmsg_type == NLMSG_DONE) { end = 1; break; } struct rtmsg *r = NLMSG_DATA(h); struct rtattr *a = RTM_RTA(r); int left = RTM_PAYLOAD(h), is_link = 0; char line[256] = "";
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) if (a->rta_type == RTA_DST || a->rta_type == RTA_PREFSRC) { inet_ntop(family, RTA_DATA(a), t, 64); is_link |= !strncmp(t, "127.", 4) || !strcmp(t, "::1") || !strncmp(t, "fe80", 4) || !strncmp(t, "ff00", 4); sprintf(line + strlen(line), " %s %s", a->rta_type == RTA_DST ? "to" : "from", t); }
    if (!is_link) printf(" %s/%d table %d type %d scope %d\n", line, r->rtm_dst_len, r->rtm_table, r->rtm_type, r->rtm_scope); } }
}
static void addresses(int family) {
  struct { struct nlmsghdr h; struct ifaddrmsg r; } q = {{24, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 2}, {family}}; struct sockaddr_nl k = {AF_NETLINK}; sendto(s, &q, sizeof q, 0, (void *)&k, sizeof k);
  for (int end = 0; !end;) { char b[16384], t[64]; long n = recv(s, b, sizeof b, 0); for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) { if (h->nlmsg_type == NLMSG_DONE) { end = 1; break; } struct ifaddrmsg *r = NLMSG_DATA(h); struct rtattr *a = IFA_RTA(r); int left = IFA_PAYLOAD(h); char line[256] = ""; int is_link = r->ifa_scope == 253;
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) if (a->rta_type == IFA_ADDRESS || a->rta_type == IFA_LOCAL || a->rta_type == IFA_BROADCAST) sprintf(line + strlen(line), " %d: %s", a->rta_type, inet_ntop(family, RTA_DATA(a), t, 64));
    if (!is_link && r->ifa_index == 7) printf("   %s/%d\n", line, r->ifa_prefixlen); } }
}
static void told(void) { addresses(AF_INET); routes(AF_INET); fflush(stdout); }
static int request(int command, const char *ip) { struct ifreq r = {0}; strcpy(r.ifr_name, "d0"); struct sockaddr_in *a = (void *)&r.ifr_addr; a->sin_family = AF_INET; if (ip) inet_pton(AF_INET, ip, &a->sin_addr); int result = ioctl(u, command, &r); if (!ip && result == 0) printf("  %s\n", inet_ntoa(a->sin_addr)); return result; }
static void source(int family, const char *to) { int d = socket(family, SOCK_DGRAM, 0); char b[64]; struct sockaddr_storage a = {0}; a.ss_family = family; *(unsigned short *)((char *)&a + 2) = htons(9); inet_pton(family, to, (char *)&a + (family == AF_INET ? 4 : 8)); socklen_t n = sizeof a; if (connect(d, (void *)&a, family == AF_INET ? 16 : 28) < 0 || getsockname(d, (void *)&a, &n) < 0) printf("  %s: errno %d\n", to, errno); else printf("  %s from %s\n", to, inet_ntop(family, (char *)&a + (family == AF_INET ? 4 : 8), b, 64)); close(d); fflush(stdout); }
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); u = socket(AF_INET, SOCK_DGRAM, 0); SHOW(veth(7, "d0")); SHOW(link_up(1)); SHOW(link_up(7)); SHOW(link_up(if_nametoindex("veth0")));
  SHOW(address(RTM_NEWADDR, NLM_F_EXCL, AF_INET, "10.8.0.2", "10.8.0.1", 32)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, AF_INET, "10.8.0.2", "10.8.0.5", 32)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, AF_INET, "10.8.0.2", "10.8.0.1", 32)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, AF_INET, "10.9.0.2", "10.10.0.1", 24)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, AF_INET, "10.11.0.1", "10.11.0.1", 24)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, AF_INET, "10.11.0.1", "10.11.0.1", 16)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, AF_INET, "10.11.0.1", "10.11.0.7", 24)); told();
  source(AF_INET, "10.8.0.1"); source(AF_INET, "10.8.0.5"); source(AF_INET, "10.10.0.77"); source(AF_INET, "10.9.0.3"); source(AF_INET, "10.8.0.2");
  SHOW(address(RTM_DELADDR, 0, AF_INET, "10.8.0.2", "10.8.0.9", 32)); SHOW(address(RTM_DELADDR, 0, AF_INET, "10.8.0.2", "10.8.0.5", 32)); SHOW(address(RTM_DELADDR, 0, AF_INET, "10.8.0.2", NULL, 32)); SHOW(address(RTM_DELADDR, 0, AF_INET, "10.8.0.2", NULL, 32)); SHOW(address(RTM_DELADDR, 0, AF_INET, "10.9.0.2", "10.10.0.9", 24)); SHOW(address(RTM_DELADDR, 0, AF_INET, "10.11.0.1", "10.11.0.1", 20)); SHOW(address(RTM_DELADDR, 0, AF_INET, "10.11.0.1", "10.11.0.1", 16)); told();
  SHOW(address(RTM_DELADDR, 0, AF_INET, "10.11.0.1", NULL, 24)); told();
  SHOW(request(SIOCSIFADDR, "10.1.0.1")); SHOW(request(SIOCGIFDSTADDR, NULL)); SHOW(request(SIOCSIFDSTADDR, "10.1.0.2")); SHOW(request(SIOCGIFDSTADDR, NULL)); SHOW(request(SIOCGIFADDR, NULL)); SHOW(request(SIOCSIFNETMASK, "255.255.255.255")); SHOW(request(SIOCGIFDSTADDR, NULL)); addresses(AF_INET); source(AF_INET, "10.1.0.2"); source(AF_INET, "10.1.0.3"); SHOW(request(SIOCSIFADDR, "10.1.0.3")); SHOW(request(SIOCGIFDSTADDR, NULL));
  SHOW(address(RTM_NEWADDR, NLM_F_EXCL, AF_INET6, "fd00::1", "fd00::2", 128)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, AF_INET6, "fd01::1", "fd02::2", 64)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, AF_INET6, "fd01::1", "fd02::3", 64)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, AF_INET6, "fd07::1", NULL, 128)); usleep(300000); addresses(AF_INET6); routes(AF_INET6); source(AF_INET6, "fd02::2"); source(AF_INET6, "fd00::2"); source(AF_INET6, "fd01::7"); source(AF_INET6, "fd02::3");
  SHOW(address(RTM_DELADDR, 0, AF_INET6, "fd01::1", "fd02::2", 64)); SHOW(address(RTM_DELADDR, 0, AF_INET6, "fd00::1", "fd00::1", 128)); usleep(300000); addresses(AF_INET6); routes(AF_INET6); return 0; }
