#include "abi.h"
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
/* SIOCADDMULTI, SIOCDELMULTI and /proc/net/dev_mcast: which groups an interface's own filter lets in. */
static int s, u; static char buffer[512];
static void begin(int type, int flags, const void *head, int length) { struct nlmsghdr *h = (void *)buffer; memset(buffer, 0, sizeof buffer); *h = (struct nlmsghdr){16 + length, type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0}; memcpy(h + 1, head, length); h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len); }
static void *put(int type, const void *value, int length) { struct nlmsghdr *h = (void *)buffer; struct nlattr *a = (void *)(buffer + h->nlmsg_len); *a = (struct nlattr){4 + length, type}; memcpy(a + 1, value, length); h->nlmsg_len += (4 + length + 3) & ~3; return a; }
static int ask(void) { struct nlmsghdr *h = (void *)buffer; struct sockaddr_nl k = {AF_NETLINK}; char b[4096]; if (sendto(s, h, h->nlmsg_len, 0, (void *)&k, sizeof k) < 0 || recv(s, b, sizeof b, 0) < 0) return -1; errno = -*(int *)NLMSG_DATA((struct nlmsghdr *)b); return errno ? -1 : 0; }
static int veth(int index, const char *name) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index}; begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); put(IFLA_IFNAME, name, strlen(name) + 1); struct nlattr *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_KIND, "veth", 4); info->nla_len = buffer + ((struct nlmsghdr *)buffer)->nlmsg_len - (char *)info; return ask(); }
static int compare(const void *a, const void *b) { return strcmp(a, b); }
static void list(const char *when) { printf("- %s\n", when); char lines[64][128]; int n = 0; FILE *f = fopen("/proc/net/dev_mcast", "r"); if (f == NULL) { printf("  none: %m\n"); return; } while (n < 64 && fgets(lines[n], 128, f)) n++; fclose(f); qsort(lines, n, 128, compare); for (int i = 0; i < n; i++) printf("  %s", lines[i]); }
static int change(int request, const char *name, int family, int last) { struct ifreq r = {0}; strcpy(r.ifr_name, name); r.ifr_hwaddr.sa_family = family; unsigned char group[6] = {1, 0, 0x5e, 0, 0, last}; memcpy(r.ifr_hwaddr.sa_data, group, 6); return ioctl(u, request, &r); }
static int flags(const char *name, int flags) { struct ifreq r = {0}; strcpy(r.ifr_name, name); r.ifr_flags = flags; return ioctl(u, SIOCSIFFLAGS, &r); }
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); u = socket(AF_INET, SOCK_DGRAM, 0); list("lo alone");
  SHOW(change(SIOCADDMULTI, "lo", 0, 1)); SHOW(change(SIOCDELMULTI, "lo", 0, 1)); SHOW(change(SIOCADDMULTI, "none", 0, 1));
  SHOW(veth(7, "d0")); SHOW(change(SIOCADDMULTI, "d0", 0, 0x23)); list("by hand"); SHOW(change(SIOCADDMULTI, "d0", 0, 0x23)); SHOW(change(SIOCADDMULTI, "d0", 1, 0x24)); SHOW(change(SIOCDELMULTI, "d0", 0, 0x24)); SHOW(flags("d0", IFF_UP));
  struct ip_mreqn m = {{inet_addr("224.0.0.35")}, {0}, 7}; int g = socket(AF_INET, SOCK_DGRAM, 0); SHOW(setsockopt(g, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m)); m.imr_multiaddr.s_addr = inet_addr("239.128.1.2"); SHOW(setsockopt(g, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m)); list("joined");
  SHOW(change(SIOCDELMULTI, "d0", 0, 0x23)); SHOW(change(SIOCDELMULTI, "d0", 0, 0x23)); close(g); list("left");
  struct packet_mreq p = {7, PACKET_MR_MULTICAST, 6, {1, 0, 0x5e, 1, 2, 3}}, all = {7, PACKET_MR_ALLMULTI, 0, {0}}; int a = socket(AF_PACKET, SOCK_RAW, 0), b = socket(AF_PACKET, SOCK_DGRAM, 0);
#define MEMBER(fd, what, value) SHOW(setsockopt(fd, SOL_PACKET, PACKET_##what##_MEMBERSHIP, &value, sizeof value))
  MEMBER(a, ADD, p); MEMBER(a, ADD, p); MEMBER(b, ADD, p); MEMBER(a, ADD, all); list("heard by packet sockets"); MEMBER(a, DROP, p); list("one of two left"); MEMBER(a, DROP, p); MEMBER(a, DROP, p); list("the other socket's"); close(b); list("closed");
  p.mr_alen = 5; MEMBER(a, ADD, p); p.mr_alen = 8; MEMBER(a, ADD, p); p.mr_alen = 6; p.mr_type = PACKET_MR_UNICAST; MEMBER(a, ADD, p); p.mr_type = 9; MEMBER(a, ADD, p); p.mr_type = 0; p.mr_ifindex = 1; MEMBER(a, ADD, p); p.mr_ifindex = 99; MEMBER(a, ADD, p); MEMBER(a, DROP, p); list("refused, and lo");
  SHOW(setuid(65534)); SHOW(change(SIOCADDMULTI, "d0", 0, 0x23)); return 0; }
