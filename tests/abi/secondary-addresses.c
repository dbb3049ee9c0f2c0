#include "abi.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
/* Several addresses of IPv4 in one network: which is the first one, in which order they are told, what goes with it, and net.ipv4.conf.NAME.promote_secondaries. */
static int s, u, heard; static char buffer[512];
static void begin(int type, int flags, const void *head, int length) { struct nlmsghdr *h = (void *)buffer; memset(buffer, 0, sizeof buffer); *h = (struct nlmsghdr){16 + length, type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0}; memcpy(h + 1, head, length); h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len); }
static void *put(int type, const void *value, int length) { struct nlmsghdr *h = (void *)buffer; struct nlattr *a = (void *)(buffer + h->nlmsg_len); *a = (struct nlattr){4 + length, type}; memcpy(a + 1, value, length); h->nlmsg_len += (4 + length + 3) & ~3; return a; }
static int ask(void) { struct nlmsghdr *h = (void *)buffer; struct sockaddr_nl k = {AF_NETLINK}; char b[4096]; if (sendto(s, h, h->nlmsg_len, 0, (void *)&k, sizeof k) < 0 || recv(s, b, sizeof b, 0) < 0) return -1; errno = -*(int *)NLMSG_DATA((struct nlmsghdr *)b); return errno ? -1 : 0; }
static int link_up(int index) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index, IFF_UP, IFF_UP}; begin(RTM_NEWLINK, 0, &i, sizeof i); return ask(); }
static int veth(int index, const char *name) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index}; begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); put(IFLA_IFNAME, name, strlen(name) + 1); struct nlattr *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_KIND, "veth", 4); info->nla_len = buffer + ((struct nlmsghdr *)buffer)->nlmsg_len - (char *)info; return ask(); }
static int address(int type, int flags, const char *local, int bits) { char b[4]; struct ifaddrmsg i = {AF_INET, bits, 0, 0, 7}; begin(type, NLM_F_CREATE | flags, &i, sizeof i); inet_pton(AF_INET, local, b); put(IFA_LOCAL, b, 4); put(IFA_ADDRESS, b, 4); return ask(); }
static void line(const char *before, struct nlmsghdr *h) { struct ifaddrmsg *r = NLMSG_DATA(h); struct rtattr *a = IFA_RTA(r); int left = IFA_PAYLOAD(h); char t[64] = ""; for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) if (a->rta_type == IFA_LOCAL) inet_ntop(AF_INET, RTA_DATA(a), t, 64); if (r->ifa_family == AF_INET) printf(" %s %s/%d flags %x scope %d\n", before, t, r->ifa_prefixlen, r->ifa_flags, r->ifa_scope); }
static void told(void) { char b[16384]; long n; while ((n = recv(heard, b, sizeof b, MSG_DONTWAIT)) > 0) for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) line(h->nlmsg_type == RTM_DELADDR ? "gone" : "there", h); }
static void list(void) { struct { struct nlmsghdr h; struct ifaddrmsg r; } q = {{24, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 2}, {AF_INET}}; struct sockaddr_nl k = {AF_NETLINK}; told(); sendto(s, &q, sizeof q, 0, (void *)&k, sizeof k); for (int end = 0; !end;) { char b[16384]; long n = recv(s, b, sizeof b, 0); for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) { if (h->nlmsg_type == NLMSG_DONE) { end = 1; break; } if (((struct ifaddrmsg *)NLMSG_DATA(h))->ifa_index == 7) line("has", h); } } fflush(stdout); }
static void source(const char *to) { int d = socket(AF_INET, SOCK_DGRAM, 0); struct sockaddr_in a = {AF_INET, htons(9)}; socklen_t n = sizeof a; inet_pton(AF_INET, to, &a.sin_addr); if (connect(d, (void *)&a, n) < 0 || getsockname(d, (void *)&a, &n) < 0) printf("  %s: errno %d\n", to, errno); else printf("  %s from %s\n", to, inet_ntoa(a.sin_addr)); close(d); fflush(stdout); }
static int setting(const char *name, const char *value) { char p[128]; sprintf(p, "/proc/sys/net/ipv4/conf/%s/promote_secondaries", name); int f = open(p, O_WRONLY), n = write(f, value, strlen(value)); close(f); return n; }
static int request(int command, const char *ip) { struct ifreq r = {0}; strcpy(r.ifr_name, "d0"); struct sockaddr_in *a = (void *)&r.ifr_addr; a->sin_family = AF_INET; inet_pton(AF_INET, ip, &a->sin_addr); return ioctl(u, command, &r); }
static void several(void) { SHOW(address(RTM_NEWADDR, NLM_F_EXCL, "10.1.0.1", 24)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, "10.1.0.2", 24)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, "10.2.0.1", 24)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, "10.1.0.3", 24)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, "10.1.0.4", 25)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, "10.2.0.2", 24)); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, "10.1.0.2", 24)); list(); source("10.1.0.200"); source("10.1.0.100"); source("10.2.0.9"); }
int main(void) {
  struct sockaddr_nl groups = {AF_NETLINK, 0, 0, RTMGRP_IPV4_IFADDR};
  SHOW(unshare(CLONE_NEWNET)); s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); u = socket(AF_INET, SOCK_DGRAM, 0); SHOW(veth(7, "d0")); SHOW(link_up(1)); SHOW(link_up(7)); SHOW(link_up(if_nametoindex("veth0"))); setting("d0", "0"); setting("all", "0");
  heard = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); SHOW(bind(heard, (void *)&groups, sizeof groups));
  several(); SHOW(address(RTM_NEWADDR, NLM_F_REPLACE, "10.1.0.2", 24)); list(); SHOW(address(RTM_DELADDR, 0, "10.1.0.2", 24)); list(); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, "10.1.0.2", 24)); SHOW(address(RTM_DELADDR, 0, "10.1.0.1", 24)); list(); source("10.1.0.200"); source("10.1.0.100"); SHOW(address(RTM_DELADDR, 0, "10.2.0.1", 24)); SHOW(address(RTM_DELADDR, 0, "10.1.0.4", 25)); list();
  SHOW(setting("d0", "1")); several(); SHOW(address(RTM_DELADDR, 0, "10.1.0.1", 24)); list(); source("10.1.0.200"); SHOW(address(RTM_DELADDR, 0, "10.1.0.2", 24)); list(); source("10.1.0.200"); SHOW(address(RTM_DELADDR, 0, "10.1.0.3", 24)); list(); source("10.1.0.200");
  SHOW(request(SIOCSIFADDR, "10.7.0.1")); list(); SHOW(setting("d0", "0")); SHOW(setting("all", "1")); SHOW(address(RTM_NEWADDR, NLM_F_EXCL, "10.2.0.7", 24)); SHOW(address(RTM_DELADDR, 0, "10.2.0.2", 24)); list(); return 0; }
