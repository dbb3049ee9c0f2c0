#include "abi.h"
#include <arpa/inet.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
/* SIOCSARP, SIOCGARP, SIOCDARP: neighbours by interface and by route, for ever and not, what is refused, and whom they are told of. */
static int s, u; static char buffer[512];
static void begin(int type, int flags, const void *head, int length) { struct nlmsghdr *h = (void *)buffer; memset(buffer, 0, sizeof buffer); *h = (struct nlmsghdr){16 + length, type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0}; memcpy(h + 1, head, length); h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len); }
static void *put(int type, const void *value, int length) { struct nlmsghdr *h = (void *)buffer; struct nlattr *a = (void *)(buffer + h->nlmsg_len); *a = (struct nlattr){4 + length, type}; memcpy(a + 1, value, length); h->nlmsg_len += (4 + length + 3) & ~3; return a; }
static int ask(void) { struct nlmsghdr *h = (void *)buffer; struct sockaddr_nl k = {AF_NETLINK}; char b[4096]; if (sendto(s, h, h->nlmsg_len, 0, (void *)&k, sizeof k) < 0 || recv(s, b, sizeof b, 0) < 0) return -1; errno = -*(int *)NLMSG_DATA((struct nlmsghdr *)b); return errno ? -1 : 0; }
static int link_up(int index) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index, IFF_UP, IFF_UP}; begin(RTM_NEWLINK, 0, &i, sizeof i); return ask(); }
static int veth(int index, const char *name) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index}; begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); put(IFLA_IFNAME, name, strlen(name) + 1); struct nlattr *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_KIND, "veth", 4); info->nla_len = buffer + ((struct nlmsghdr *)buffer)->nlmsg_len - (char *)info; return ask(); }
static int address(const char *local, int bits) { char b[4]; struct ifaddrmsg i = {AF_INET, bits, 0, 0, 7}; begin(RTM_NEWADDR, NLM_F_CREATE, &i, sizeof i); inet_pton(AF_INET, local, b); put(IFA_LOCAL, b, 4); put(IFA_ADDRESS, b, 4); return ask(); }
static struct arpreq r;
static int arp(int fd, int command, const char *ip, int last, int flags, const char *dev) { struct sockaddr_in *a = (void *)&r.arp_pa; memset(&r, 0, sizeof r); a->sin_family = AF_INET; inet_pton(AF_INET, ip, &a->sin_addr); r.arp_ha.sa_family = dev ? 0 : ARPHRD_ETHER; memcpy(r.arp_ha.sa_data, "\2\0\0\0\0", 5); r.arp_ha.sa_data[5] = last; r.arp_flags = flags; if (dev) strcpy(r.arp_dev, dev); return ioctl(fd, command, &r); }
static void get(const char *ip) { if (arp(u, SIOCGARP, ip, 0, 0, "d0") < 0) printf("  %s: errno %d\n", ip, errno); else printf("  %s is %d %02x..%02x flags %x dev %s\n", ip, r.arp_ha.sa_family, r.arp_ha.sa_data[0], r.arp_ha.sa_data[5], r.arp_flags, r.arp_dev); fflush(stdout); }
static void file(void) { char line[256], ip[32]; for (int i = 2; i < 10; i++) { FILE *f = fopen("/proc/net/arp", "r"); sprintf(ip, "10.3.0.%d ", i); while (fgets(line, sizeof line, f)) if (strstr(line, ip)) printf("  %s", line); fclose(f); } fflush(stdout); }
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); u = socket(AF_INET, SOCK_DGRAM, 0); SHOW(veth(7, "d0")); SHOW(link_up(1)); SHOW(link_up(7)); SHOW(link_up(if_nametoindex("veth0"))); SHOW(address("10.3.0.1", 24));
  get("10.3.0.2"); SHOW(arp(u, SIOCSARP, "10.3.0.2", 2, ATF_COM, "d0")); get("10.3.0.2"); SHOW(arp(u, SIOCSARP, "10.3.0.3", 3, ATF_PERM, "d0")); get("10.3.0.3"); SHOW(arp(u, SIOCSARP, "10.3.0.4", 4, ATF_COM, NULL)); get("10.3.0.4");
  SHOW(arp(u, SIOCSARP, "10.9.0.4", 4, ATF_COM, NULL)); SHOW(arp(u, SIOCSARP, "10.3.0.5", 5, 0, "d0")); get("10.3.0.5"); SHOW(arp(u, SIOCSARP, "10.3.0.2", 9, 0, "d0")); get("10.3.0.2"); SHOW(arp(u, SIOCSARP, "10.3.0.2", 7, ATF_COM, "d0")); get("10.3.0.2");
  SHOW(arp(u, SIOCSARP, "10.3.0.2", 7, ATF_NETMASK, "d0")); SHOW(arp(u, SIOCSARP, "10.3.0.2", 7, ATF_DONTPUB, "d0")); SHOW(arp(u, SIOCSARP, "10.3.0.2", 7, ATF_COM, "none")); SHOW(arp(u, SIOCGARP, "10.3.0.2", 0, 0, NULL)); SHOW(arp(u, SIOCGARP, "10.3.0.77", 0, 0, "d0"));
  file(); SHOW(arp(u, SIOCDARP, "10.3.0.2", 0, 0, "d0")); get("10.3.0.2"); SHOW(arp(u, SIOCDARP, "10.3.0.2", 0, 0, "d0")); SHOW(arp(u, SIOCDARP, "10.3.0.4", 0, 0, NULL)); SHOW(arp(u, SIOCDARP, "10.9.0.4", 0, 0, NULL)); SHOW(arp(u, SIOCDARP, "10.3.0.3", 0, 0, "d0")); file();
  r.arp_pa.sa_family = AF_INET6; SHOW(ioctl(u, SIOCGARP, &r)); r.arp_pa.sa_family = AF_INET; r.arp_ha.sa_family = 772; r.arp_flags = ATF_COM; strcpy(r.arp_dev, "d0"); SHOW(ioctl(u, SIOCSARP, &r)); SHOW(ioctl(u, SIOCGARP, (void *)8));
  int d = socket(AF_PACKET, SOCK_DGRAM, 0), x = socket(AF_UNIX, SOCK_DGRAM, 0), t = socket(AF_INET, SOCK_STREAM, 0); SHOW(arp(d, SIOCSARP, "10.3.0.8", 8, ATF_COM, "d0")); SHOW(arp(t, SIOCSARP, "10.3.0.9", 9, ATF_COM, "d0")); SHOW(arp(x, SIOCSARP, "10.3.0.9", 9, ATF_COM, "d0")); get("10.3.0.8"); get("10.3.0.9");
  SHOW(setuid(1000)); SHOW(arp(u, SIOCSARP, "10.3.0.8", 8, ATF_COM, "d0")); SHOW(arp(u, SIOCDARP, "10.3.0.8", 8, 0, "d0")); get("10.3.0.8"); return 0; }
