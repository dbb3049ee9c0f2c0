#include "abi.h"
#include "rtnetlink.h"
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
/* What an interface is asked to have when it is made, and what of it is turned off; a datagram from an address that is nobody's; what a mount of memory tells of itself. */
static void tell(const char *name) {
  struct ifreq r = {0}; strcpy(r.ifr_name, name); int s = socket(AF_INET, SOCK_DGRAM, 0), flags = ioctl(s, SIOCGIFFLAGS, &r) ? 0 : r.ifr_flags;
  printf("  %s multicast %d queue %d\n", name, (flags & IFF_MULTICAST) != 0, ioctl(s, SIOCGIFTXQLEN, &r) ? -1 : r.ifr_qlen); fflush(stdout); close(s);
}
static int make(const char *kind, const char *name, int length, const char *peer, int peerLength) {
  struct ifinfomsg i = {0}; rt_begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); rt_text(IFLA_IFNAME, name); if (length >= 0) rt_number(IFLA_TXQLEN, length);
  struct rtattr *info = rt_put(IFLA_LINKINFO, "", 0); rt_text(IFLA_INFO_KIND, kind);
  if (peer) { struct rtattr *data = rt_put(IFLA_INFO_DATA, "", 0), *p = rt_put(VETH_INFO_PEER, &i, sizeof i); rt_text(IFLA_IFNAME, peer); if (peerLength >= 0) rt_number(IFLA_TXQLEN, peerLength); rt_close(p); rt_close(data); }
  rt_close(info); return rt_ask();
}
/* As the kernel tells it. */
static void aliased(struct nlmsghdr *h) {
  struct rtattr *a = IFLA_RTA((struct ifinfomsg *)NLMSG_DATA(h)), *name = NULL; int left = NLMSG_PAYLOAD(h, sizeof(struct ifinfomsg));
  for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) { if (a->rta_type == IFLA_IFNAME) name = a; if (a->rta_type == IFLA_IFALIAS) printf("  %s is %.20s, %d bytes\n", (char *)RTA_DATA(name), (char *)RTA_DATA(a), (int)RTA_PAYLOAD(a)); }
}
static int alias(const char *name, const char *text) {
  struct ifinfomsg i = {.ifi_index = if_nametoindex(name)}; rt_begin(RTM_SETLINK, 0, &i, sizeof i); rt_put(IFLA_IFALIAS, text, strlen(text)); int r = rt_ask(), e = errno;
  rt_begin(RTM_GETLINK, 0, &(struct ifinfomsg){0}, sizeof i); rt_dump(aliased); errno = e; return r;
}
static int flags(const char *name, int value, int mask) { struct ifinfomsg i = {.ifi_index = if_nametoindex(name), .ifi_flags = value, .ifi_change = mask}; rt_begin(RTM_NEWLINK, 0, &i, sizeof i); return rt_ask(); }
static void from(int family, int level, int type, const void *info, int size, int option) {
  struct sockaddr_in v4 = {AF_INET}; struct sockaddr_in6 v6 = {AF_INET6}; v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK); v6.sin6_addr = in6addr_loopback;
  int s = socket(family, SOCK_DGRAM, 0), on = 1; void *own = family == AF_INET ? (void *)&v4 : (void *)&v6; socklen_t n = family == AF_INET ? sizeof v4 : sizeof v6; char control[64] = {0};
  SHOW(bind(s, own, n)); getsockname(s, own, &n); if (option) SHOW(setsockopt(s, level, option, &on, 4));
  struct iovec v = {"x", 1}; struct msghdr m = {own, n, &v, 1, control, CMSG_SPACE(size)}; struct cmsghdr *c = CMSG_FIRSTHDR(&m); c->cmsg_level = level, c->cmsg_type = type, c->cmsg_len = CMSG_LEN(size); memcpy(CMSG_DATA(c), info, size);
  SHOW(sendmsg(s, &m, 0)); close(s);
}
static void mounted(const char *options) {
  printf("%s\n", options); SHOW(mount("none", "/tmp", "tmpfs", 0, options)); FILE *f = fopen("/proc/self/mounts", "r"); char line[4096], last[4096] = ""; while (fgets(line, sizeof line, f)) strcpy(last, line); fclose(f); printf("  %s", last); SHOW(mount(NULL, "/tmp", NULL, MS_REMOUNT, "size=128k")); f = fopen("/proc/self/mounts", "r"); while (fgets(line, sizeof line, f)) strcpy(last, line); fclose(f); printf("  %s", last); SHOW(umount("/tmp"));
}
int main(void) {
  SHOW(unshare(CLONE_NEWNET | CLONE_NEWNS)); SHOW(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)); rt_open(); rt_set("lo", 1);
  SHOW(make("veth", "a", 77, "b", -1)); tell("a"); tell("b"); SHOW(make("veth", "c", 0, "d", 5)); tell("c"); tell("d"); SHOW(make("veth", "e", -1, "f", 9)); tell("e"); tell("f"); SHOW(make("veth", "h", 12, NULL, 0)); tell("h"); tell("veth0");
  SHOW(flags("a", 0, IFF_MULTICAST)); tell("a"); SHOW(flags("a", IFF_MULTICAST, IFF_MULTICAST)); tell("a"); SHOW(flags("lo", IFF_MULTICAST, IFF_MULTICAST)); tell("lo");
  SHOW(alias("a", "to the other side")); SHOW(alias("a", "")); SHOW(alias("a", "north")); char much[257]; memset(much, 'x', 256); much[255] = 0; SHOW(alias("b", much)); much[255] = 'x', much[256] = 0; SHOW(alias("b", much)); SHOW(alias("none", "x"));
  SHOW(mount("none", "/tmp", "sysfs", 0, NULL)); for (int i = 0; i < 2; i++) { sprintf(much, "/tmp/class/net/%s/ifalias", i ? "a" : "lo"); char b[99] = ""; int f = open(much, O_RDONLY); SHOW(read(f, b, 98)); printf("%s|\n", b); close(f); } SHOW(umount("/tmp"));
  struct ifreq r = {"b"}; int s = socket(AF_INET, SOCK_DGRAM, 0); ioctl(s, SIOCGIFFLAGS, &r); r.ifr_flags &= ~IFF_MULTICAST; SHOW(ioctl(s, SIOCSIFFLAGS, &r)); tell("b");
  struct in6_pktinfo six = {0}; inet_pton(AF_INET6, "2001:db8::1", &six.ipi6_addr); struct in_pktinfo four = {0}; inet_pton(AF_INET, "127.0.0.2", &four.ipi_spec_dst);
  from(AF_INET, IPPROTO_IP, IP_PKTINFO, &four, sizeof four, 0); from(AF_INET6, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof six, 0); from(AF_INET6, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof six, 78 /* IPV6_FREEBIND */);
  SHOW(rt_write("/proc/sys/net/ipv6/ip_nonlocal_bind", "1")); from(AF_INET6, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof six, 0);
  mounted(""); mounted("size=1m"); mounted("nr_inodes=100,mode=700"); mounted("mode=755"); mounted("mode=7"); mounted("uid=1000,gid=5");
  return 0;
}
