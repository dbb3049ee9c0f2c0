#include "abi.h"
#include <sched.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_addr.h>
/* What a link hears of the multicast groups of "one": IGMP and MLD, as frames that come to "two" in another network. */
static struct { struct nlmsghdr h; union { struct ifinfomsg i; struct ifaddrmsg a; } u; char rest[512]; } r;
static int routes[2], spaces[2], indexes[2], wire, six, four;
static void begin(int type, int flags, int size) { memset(&r, 0, sizeof r); r.h.nlmsg_len = NLMSG_LENGTH(size); r.h.nlmsg_type = type; r.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags; }
static struct rtattr *attribute(int type, const void *value, int length) { struct rtattr *a = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len)); a->rta_type = type; a->rta_len = RTA_LENGTH(length); memcpy(RTA_DATA(a), value, length); r.h.nlmsg_len = NLMSG_ALIGN(r.h.nlmsg_len) + RTA_ALIGN(a->rta_len); return a; }
static void close_attribute(struct rtattr *a) { a->rta_len = (char *)&r + r.h.nlmsg_len - (char *)a; }
static long sent(int at) { static char text[16384]; if (send(routes[at], &r, r.h.nlmsg_len, 0) < 0) return -1; for (;;) { long n = recv(routes[at], text, sizeof text, 0); struct nlmsghdr *h = (void *)text; if (n > 0 && h->nlmsg_type == NLMSG_ERROR) { errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error; return errno ? -1 : 0; } } }
static void in(int at) { if (setns(spaces[at], CLONE_NEWNET)) perror("setns"); }
static long up(int at, int is_up) { begin(RTM_NEWLINK, 0, sizeof r.u.i); r.u.i.ifi_index = indexes[at]; r.u.i.ifi_flags = is_up ? IFF_UP : 0; r.u.i.ifi_change = IFF_UP; return sent(at); }
static long address(int at, const char *text, int prefix) { char ip[16]; int v6 = strchr(text, ':') != NULL; inet_pton(v6 ? AF_INET6 : AF_INET, text, ip); begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof r.u.a); r.u.a.ifa_family = v6 ? AF_INET6 : AF_INET; r.u.a.ifa_prefixlen = prefix; r.u.a.ifa_index = indexes[at]; r.u.a.ifa_flags = v6 ? IFA_F_NODAD : 0; attribute(IFA_LOCAL, ip, v6 ? 16 : 4); return sent(at); }
static long set(const char *what, const char *value) { char path[100]; sprintf(path, "/proc/sys/net/%s", what); int fd = open(path, O_WRONLY); if (fd < 0) return -1; long n = write(fd, value, strlen(value)); int e = errno; close(fd); errno = e; return n < 0 ? -1 : 0; }
static char lines[256][400]; static int count;
static int by_line(const void *a, const void *b) { return strcmp(a, b); }
/* Its own address of the link has a group that is told of once more at times. */
static int tells_own = 1;
static void note(const char *line) { if (!tells_own && strstr(line, "ff02::1:ff00:1")) return; for (int i = 0; i < count; i++) if (!strcmp(lines[i], line)) return; if (count < 256) strcpy(lines[count++], line); }
static char *shown(char *to, int v4, const unsigned char *ip) { char text[64]; inet_ntop(v4 ? AF_INET : AF_INET6, ip, text, sizeof text); if (!strncmp(text, "fe80", 4)) strcpy(text, "fe80"); return to + sprintf(to, " %s", text); }
static void records(const char *head, const unsigned char *m, long n, int v4) { static const char *kinds[] = {"?", "is include", "is exclude", "to include", "to exclude", "allow", "block"}; int width = v4 ? 4 : 16, many = m[6] << 8 | m[7]; const unsigned char *at = m + 8; for (int i = 0; i < many; i++) { char line[400], *p = line + sprintf(line, "%s: %s", head, kinds[at[0] < 7 ? at[0] : 0]); int sources = at[2] << 8 | at[3]; p = shown(p, v4, at + 4); at += 4 + width; if (sources) p += sprintf(p, " of"); for (int s = 0; s < sources; s++, at += width) p = shown(p, v4, at); note(line); } (void)n; }
static unsigned sum(const unsigned char *b, int n, unsigned s) { for (int i = 0; i < n; i++) s += i & 1 ? b[i] : b[i] << 8; while (s >> 16) s = (s & 0xffff) + (s >> 16); return s; }
/* All that is said within some time, each once. */
static void heard(const char *when, int ms) {
  static unsigned char f[2048]; struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); long end = t.tv_sec * 1000 + t.tv_nsec / 1000000 + ms; count = 0;
  for (;;) {
    clock_gettime(CLOCK_MONOTONIC, &t); long left = end - t.tv_sec * 1000 - t.tv_nsec / 1000000; struct pollfd p = {wire, POLLIN, 0}; if (left <= 0 || poll(&p, 1, left) <= 0) break;
    struct sockaddr_ll from; socklen_t size = sizeof from; long n = recvfrom(wire, f, sizeof f, 0, (void *)&from, &size); if (from.sll_pkttype == PACKET_OUTGOING) continue;
    unsigned char *ip = f + 14; char head[300], *h = head;
    if (f[12] == 8 && f[13] == 0 && ip[9] == 2) {
      int hl = (ip[0] & 15) * 4, len = (ip[2] << 8 | ip[3]) - hl; unsigned char *m = ip + hl; h += sprintf(h, "igmp %02x", m[0]); h = shown(h, 1, ip + 12); h = shown(h, 1, ip + 16); h += sprintf(h, " ttl %d tos %x options %d%s", ip[8], ip[1], hl > 20 ? ip[20] : 0, sum(m, len, 0) == 0xffff ? "" : " wrong");
      if (m[0] == 0x22) records(head, m, n, 1); else { shown(h, 1, m + 4); note(head); }
    } else if (f[12] == 0x86 && f[13] == 0xdd && ip[6] == 0 && ip[40] == 58) {
      unsigned char *m = ip + 48; int len = (ip[4] << 8 | ip[5]) - 8; unsigned char pseudo[40]; memcpy(pseudo, ip + 8, 32); memset(pseudo + 32, 0, 8); pseudo[34] = len >> 8; pseudo[35] = len; pseudo[39] = 58;
      h += sprintf(h, "mld %d", m[0]); h = shown(h, 0, ip + 8); h = shown(h, 0, ip + 24); h += sprintf(h, " hops %d option %d%s", ip[7], ip[42], sum(m, len, sum(pseudo, 40, 0)) == 0xffff ? "" : " wrong");
      if (m[0] == 143) records(head, m, n, 0); else { shown(h, 0, m + 8); note(head); }
    }
  }
  qsort(lines, count, sizeof *lines, by_line); printf("%s:\n", when); for (int i = 0; i < count; i++) printf("  %s\n", lines[i]); fflush(stdout);
}
static void group(struct sockaddr_storage *a, const char *text) { memset(a, 0, sizeof *a); int v6 = strchr(text, ':') != NULL; a->ss_family = v6 ? AF_INET6 : AF_INET; inet_pton(a->ss_family, text, v6 ? (void *)&((struct sockaddr_in6 *)a)->sin6_addr : (void *)&((struct sockaddr_in *)a)->sin_addr); }
static long member(int what, const char *text) { int v6 = strchr(text, ':') != NULL; struct group_req q = {.gr_interface = indexes[0]}; group(&q.gr_group, text); return setsockopt(v6 ? six : four, v6 ? IPPROTO_IPV6 : IPPROTO_IP, what, &q, sizeof q); }
static long source(int what, const char *text, const char *from) { int v6 = strchr(text, ':') != NULL; struct group_source_req q = {.gsr_interface = indexes[0]}; group(&q.gsr_group, text); group(&q.gsr_source, from); return setsockopt(v6 ? six : four, v6 ? IPPROTO_IPV6 : IPPROTO_IP, what, &q, sizeof q); }
static long ask4(int code, const char *text, int version, const char *from) { unsigned char m[16] = {0x11, code}; inet_pton(AF_INET, text, m + 4); int n = version == 3 ? 12 : 8; if (from) { m[11] = 1; inet_pton(AF_INET, from, m + 12); n = 16; } unsigned s = ~sum(m, n, 0); m[2] = s >> 8; m[3] = s; in(1); int fd = socket(AF_INET, SOCK_RAW, 2); struct ip_mreqn q = {.imr_ifindex = indexes[1]}; setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &q, sizeof q); struct sockaddr_in to = {.sin_family = AF_INET}; inet_pton(AF_INET, strcmp(text, "0.0.0.0") ? text : "224.0.0.1", &to.sin_addr); long r = sendto(fd, m, n, 0, (void *)&to, sizeof to); int e = errno; close(fd); in(0); errno = e; return r == n ? 0 : -1; }
static int alerts = 0;
static long ask6(int code, const char *text, int version, const char *from) {
  unsigned char f[128] = {0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd}, *ip = f + 14, *m = ip + (alerts ? 48 : 40), pseudo[40] = {0}; int n = version == 1 ? 24 : from ? 44 : 28, length = n + (alerts ? 8 : 0);
  ip[0] = 0x60; ip[5] = length; ip[6] = alerts ? 0 : 58; ip[7] = 1; inet_pton(AF_INET6, "fe80::ff:fe00:2", ip + 8); inet_pton(AF_INET6, strcmp(text, "::") ? text : "ff02::1", ip + 24); memcpy(f + 2, ip + 36, 4); if (alerts) memcpy(ip + 40, "\x3a\0\5\2\0\0\1\0", 8);
  m[0] = 130; m[4] = code >> 8; m[5] = code; inet_pton(AF_INET6, text, m + 8); if (from) { m[27] = 1; inet_pton(AF_INET6, from, m + 28); } memcpy(pseudo, ip + 8, 32); pseudo[35] = n; pseudo[39] = 58; unsigned s = ~sum(m, n, sum(pseudo, 40, 0)); m[2] = s >> 8; m[3] = s;
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = indexes[1]}; return sendto(wire, f, 54 + length, 0, (void *)&to, sizeof to) == 54 + length ? 0 : -1;
}
int main(void) {
  for (int at = 0; at < 2; at++) { if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; } spaces[at] = open("/proc/thread-self/ns/net", O_RDONLY); routes[at] = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }
  SHOW(set("ipv6/conf/default/disable_ipv6", "0")); SHOW(set("ipv6/conf/default/forwarding", "0")); wire = socket(AF_PACKET, SOCK_RAW, htons(3)); in(0);
  SHOW(set("ipv4/igmp_qrv", "0")); SHOW(set("ipv4/igmp_qrv", "2"));
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof r.u.i); attribute(IFLA_IFNAME, "one", 4); attribute(IFLA_ADDRESS, "\2\0\0\0\0\1", 6); struct rtattr *info = attribute(IFLA_LINKINFO, "", 0); attribute(IFLA_INFO_KIND, "veth", 5); struct rtattr *data = attribute(IFLA_INFO_DATA, "", 0), *peer = attribute(1, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg)); attribute(IFLA_IFNAME, "two", 4); attribute(IFLA_ADDRESS, "\2\0\0\0\0\2", 6); attribute(IFLA_NET_NS_FD, &spaces[1], 4); close_attribute(peer); close_attribute(data); close_attribute(info); SHOW(sent(0));
  in(1); indexes[1] = if_nametoindex("two"); in(0); indexes[0] = if_nametoindex("one"); SHOW(up(1, 1)); SHOW(address(1, "192.0.2.2", 24)); SHOW(up(0, 1)); heard("up", 4500); tells_own = 0;
  six = socket(AF_INET6, SOCK_DGRAM, 0); four = socket(AF_INET, SOCK_DGRAM, 0); int six_too = socket(AF_INET6, SOCK_DGRAM, 0);
  SHOW(member(MCAST_JOIN_GROUP, "239.1.2.3")); heard("joined without an address", 1500); SHOW(address(0, "192.0.2.1", 24)); SHOW(address(0, "2001:db8::7", 64)); heard("addresses", 2000);
  SHOW(member(MCAST_JOIN_GROUP, "239.1.2.4")); SHOW(member(MCAST_JOIN_GROUP, "ff05::1234")); SHOW(member(MCAST_JOIN_GROUP, "ff01::1234")); SHOW(member(MCAST_JOIN_GROUP, "224.0.0.1")); SHOW(member(MCAST_JOIN_GROUP, "224.0.0.9")); heard("joined", 2000);
  SHOW(source(MCAST_BLOCK_SOURCE, "239.1.2.4", "192.0.2.50")); SHOW(source(MCAST_BLOCK_SOURCE, "ff05::1234", "2001:db8::50")); heard("without a source", 2000);
  SHOW(source(MCAST_UNBLOCK_SOURCE, "239.1.2.4", "192.0.2.50")); SHOW(source(MCAST_UNBLOCK_SOURCE, "ff05::1234", "2001:db8::50")); heard("with it", 2000);
  SHOW(source(MCAST_JOIN_SOURCE_GROUP, "239.1.2.5", "192.0.2.51")); SHOW(source(MCAST_JOIN_SOURCE_GROUP, "ff05::1235", "2001:db8::51")); heard("of a source", 2000);
  SHOW(source(MCAST_JOIN_SOURCE_GROUP, "239.1.2.5", "192.0.2.52")); SHOW(source(MCAST_JOIN_SOURCE_GROUP, "ff05::1235", "2001:db8::52")); heard("of another", 2000);
  SHOW(source(MCAST_LEAVE_SOURCE_GROUP, "239.1.2.5", "192.0.2.51")); SHOW(source(MCAST_LEAVE_SOURCE_GROUP, "ff05::1235", "2001:db8::51")); heard("of that alone", 2000);
  int swapped = six; six = six_too; SHOW(member(MCAST_JOIN_GROUP, "ff05::1235")); heard("of all, too", 2000); SHOW(member(MCAST_LEAVE_GROUP, "ff05::1235")); heard("no more", 2000); six = swapped;
  SHOW(ask6(1, "::", 2, NULL)); heard("without an alert", 800); alerts = 1; SHOW(ask4(1, "0.0.0.0", 3, NULL)); SHOW(ask6(1, "::", 2, NULL)); tells_own = 1; heard("all are asked for", 800); tells_own = 0;
  SHOW(ask4(1, "239.1.2.5", 3, NULL)); SHOW(ask6(1, "ff05::1235", 2, NULL)); heard("a group", 800); SHOW(ask4(1, "239.1.2.5", 3, "192.0.2.52")); SHOW(ask6(1, "ff05::1235", 2, "2001:db8::52")); heard("a source", 800); SHOW(ask4(1, "239.1.2.5", 3, "192.0.2.53")); SHOW(ask6(1, "ff05::1235", 2, "2001:db8::53")); heard("another source", 800); SHOW(ask4(1, "239.1.2.4", 3, "192.0.2.53")); SHOW(ask6(1, "ff05::1234", 2, "2001:db8::53")); heard("a source of all", 800); SHOW(ask4(1, "239.9.9.9", 3, NULL)); SHOW(ask6(1, "ff05::9999", 2, NULL)); heard("nobody's group", 800);
  SHOW(member(MCAST_LEAVE_GROUP, "239.1.2.4")); SHOW(member(MCAST_LEAVE_GROUP, "ff05::1234")); heard("left", 2000); close(six); close(four); heard("closed", 2000);
  six = socket(AF_INET6, SOCK_DGRAM, 0); four = socket(AF_INET, SOCK_DGRAM, 0); SHOW(set("ipv4/conf/one/force_igmp_version", "2")); SHOW(set("ipv6/conf/one/force_mld_version", "1")); SHOW(member(MCAST_JOIN_GROUP, "239.1.2.6")); SHOW(member(MCAST_JOIN_GROUP, "ff05::1236")); usleep(300000); heard("by older words", 12000); SHOW(ask4(1, "0.0.0.0", 2, NULL)); SHOW(ask6(1, "::", 1, NULL)); heard("asked by them", 1500); close(six); close(four); heard("closed then", 2000);
  return 0;
}
