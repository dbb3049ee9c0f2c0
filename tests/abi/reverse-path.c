#include "abi.h"
#include <sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_link.h>
#include <linux/veth.h>
/* net.ipv4.conf.*.rp_filter (RFC 3704): two networks with two links between them, and packets that come by the wrong one. Then what else container programs and sysctl(8) write to interfaces. */
static struct { struct nlmsghdr h; struct ifinfomsg i; char rest[1024]; } r;
static struct rtattr *attribute(int type, const void *value, int length) { struct rtattr *a = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len)); a->rta_type = type; a->rta_len = RTA_LENGTH(length); memcpy(RTA_DATA(a), value, length); r.h.nlmsg_len = NLMSG_ALIGN(r.h.nlmsg_len) + RTA_ALIGN(a->rta_len); return a; }
static void close_attribute(struct rtattr *a) { a->rta_len = (char *)&r + r.h.nlmsg_len - (char *)a; }
static long pair(const char *one, const char *other, int peer_network) {
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); memset(&r, 0, sizeof r); r.h = (struct nlmsghdr){NLMSG_LENGTH(sizeof r.i), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL};
  attribute(IFLA_IFNAME, one, strlen(one) + 1); struct rtattr *info = attribute(IFLA_LINKINFO, "", 0); attribute(IFLA_INFO_KIND, "veth", 5); struct rtattr *data = attribute(IFLA_INFO_DATA, "", 0); struct ifinfomsg none = {0}; struct rtattr *peer = attribute(VETH_INFO_PEER, &none, sizeof none); attribute(IFLA_IFNAME, other, strlen(other) + 1); attribute(IFLA_NET_NS_FD, &peer_network, 4);
  close_attribute(peer); close_attribute(data); close_attribute(info); static char text[4096]; if (send(fd, &r, r.h.nlmsg_len, 0) < 0) return -1; recv(fd, text, sizeof text, 0); close(fd); errno = -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)text))->error; return errno ? -1 : 0;
}
static int with(const char *name, int request, const char *ip) { int s = socket(AF_INET, SOCK_DGRAM, 0); struct ifreq q = {0}; strcpy(q.ifr_name, name); struct sockaddr_in *a = (void *)&q.ifr_addr; a->sin_family = AF_INET; a->sin_addr.s_addr = inet_addr(ip); int done = ioctl(s, request, &q); close(s); return done; }
static int set_up(const char *name, const char *ip, const char *mask) { if (with(name, SIOCSIFADDR, ip) || with(name, SIOCSIFNETMASK, mask)) return -1; int s = socket(AF_INET, SOCK_DGRAM, 0); struct ifreq q = {0}; strcpy(q.ifr_name, name); if (ioctl(s, SIOCGIFFLAGS, &q)) return -1; q.ifr_flags |= IFF_UP; int done = ioctl(s, SIOCSIFFLAGS, &q); close(s); return done; }
static struct sockaddr_in at(const char *ip) { struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(7000), .sin_addr.s_addr = inet_addr(ip)}; return a; }
static int network(void) { return open("/proc/thread-self/ns/net", O_RDONLY); }
static char got[256];
static const char *get(const char *path) { int fd = open(path, O_RDONLY); if (fd < 0) return name_of(errno); long n = read(fd, got, sizeof got - 1); close(fd); if (n < 0) return name_of(errno); got[n] = 0; got[strcspn(got, "\n")] = 0; return got; }
static const char *put(const char *path, const char *text) { int fd = open(path, O_WRONLY); if (fd < 0) return name_of(errno); long n = write(fd, text, strlen(text)); int e = errno; close(fd); return n < 0 ? name_of(e) : "0"; }
static int here, there, heard, sender[4];
static void filter(const char *place, const char *value) { char path[64]; sprintf(path, "/proc/sys/net/ipv4/conf/%s/rp_filter", place); setns(there, CLONE_NEWNET); const char *done = put(path, value); printf("%s = %s: %s, ", place, value, done); printf("%s\n", get(path)); setns(here, CLONE_NEWNET); }
/* By a1, whatever the address: from a0's, a1's, lo's. */
static void trial(const char *what) {
  printf("%s:", what); const char *names[] = {"a0's", "a1's", "lo's"}, *to[] = {"10.2.0.1", "10.2.0.255"};
  for (int k = 0; k < 2; k++) for (int i = 0; i < 3; i++) { struct sockaddr_in a = at(to[k]); if (sendto(sender[i], "x", 1, 0, (void *)&a, sizeof a) < 0) printf(" %s", name_of(errno)); long n = recv(heard, got, sizeof got, 0); printf(" %s%s %s", names[i], k ? " to all" : "", n == 1 ? "heard" : name_of(errno)); }
  printf("\n"); fflush(stdout);
}
/* Who asks for 10.2.0.1, by a1: does somebody answer? */
static void ask(const char *who) {
  int s = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ARP)); struct sockaddr_ll a = {AF_PACKET, htons(ETH_P_ARP), if_nametoindex("a1"), 0, 0, 6, {255, 255, 255, 255, 255, 255}}; bind(s, (void *)&a, sizeof a); struct timeval soon = {0, 100000}; setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
  struct ether_arp q = {.ea_hdr = {htons(ARPHRD_ETHER), htons(ETH_P_IP), 6, 4, htons(ARPOP_REQUEST)}}; struct ifreq f = {.ifr_name = "a1"}; ioctl(s, SIOCGIFHWADDR, &f); memcpy(q.arp_sha, f.ifr_hwaddr.sa_data, 6); in_addr_t from = inet_addr(who), to = inet_addr("10.2.0.1"); memcpy(q.arp_spa, &from, 4); memcpy(q.arp_tpa, &to, 4);
  sendto(s, &q, sizeof q, 0, (void *)&a, sizeof a); long n; while ((n = recv(s, &q, sizeof q, 0)) > 0 && q.ea_hdr.ar_op != htons(ARPOP_REPLY)); printf("%s asks: %s\n", who, n > 0 ? "answered" : name_of(errno)); close(s);
}
/* A datagram to 127.0.0.1, by a1. */
static void local(const char *place, const char *value) {
  char path[64]; sprintf(path, "/proc/sys/net/ipv4/conf/%s/route_localnet", place); setns(there, CLONE_NEWNET); struct ifreq f = {.ifr_name = "b1"}; ioctl(heard, SIOCGIFHWADDR, &f); const char *done = put(path, value); printf("route_localnet of %s = %s: %s, ", place, value, done); printf("%s: ", get(path)); setns(here, CLONE_NEWNET);
  unsigned char p[29] = {0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 10, 2, 0, 2, 127, 0, 0, 1, 27, 88, 27, 88, 0, 9, 0, 0, 'x'}; unsigned sum = 0; for (int i = 0; i < 20; i += 2) sum += p[i] << 8 | p[i + 1]; sum = ~(sum + (sum >> 16)); p[10] = sum >> 8; p[11] = sum;
  int s = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)); struct sockaddr_ll a = {AF_PACKET, htons(ETH_P_IP), if_nametoindex("a1"), 0, 0, 6}; memcpy(a.sll_addr, f.ifr_hwaddr.sa_data, 6); if (sendto(s, p, 29, 0, (void *)&a, sizeof a) < 0) printf("%s ", name_of(errno)); close(s); long n = recv(heard, got, sizeof got, 0); printf("%s\n", n == 1 ? "heard" : name_of(errno));
}
/* A datagram to 10.2.0.1 that says it comes from one of that network's own addresses, by a1. */
static void own(const char *place, const char *value, const char *source) {
  char path[64]; sprintf(path, "/proc/sys/net/ipv4/conf/%s/accept_local", place); setns(there, CLONE_NEWNET); struct ifreq f = {.ifr_name = "b1"}; ioctl(heard, SIOCGIFHWADDR, &f); const char *done = put(path, value); printf("accept_local of %s = %s: %s, ", place, value, done); printf("%s: ", get(path)); setns(here, CLONE_NEWNET);
  unsigned char p[29] = {0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 10, 2, 0, 1, 27, 88, 27, 88, 0, 9, 0, 0, 'x'}; in_addr_t from = inet_addr(source); memcpy(p + 12, &from, 4); unsigned sum = 0; for (int i = 0; i < 20; i += 2) sum += p[i] << 8 | p[i + 1]; sum = ~((sum & 0xffff) + (sum >> 16)); p[10] = sum >> 8; p[11] = sum;
  int s = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)); struct sockaddr_ll a = {AF_PACKET, htons(ETH_P_IP), if_nametoindex("a1"), 0, 0, 6}; memcpy(a.sll_addr, f.ifr_hwaddr.sa_data, 6); if (sendto(s, p, 29, 0, (void *)&a, sizeof a) < 0) printf("%s ", name_of(errno)); close(s); long n = recv(heard, got, sizeof got, 0); printf("%s %s\n", source, n == 1 ? "heard" : name_of(errno)); fflush(stdout);
}
static void own_all(void) { const char *from[] = {"10.2.0.1", "10.1.0.1", "127.0.0.1"}; for (int i = 0; i < 3; i++) { own("b1", "0", from[i]); own("b1", "1", from[i]); own("b1", "0", from[i]); own("all", "1", from[i]); own("all", "0", from[i]); } }
static void settings(const char *version, const char *place, const char *const *names) {
  const char *values[] = {"1", "0", "2", "-1", "x"};
  for (; *names; names++) { char path[128]; sprintf(path, "/proc/sys/net/%s/conf/%s/%s", version, place, *names); printf("%s %s %s:", version, place, *names); for (int i = 0; i < 5; i++) { const char *done = put(path, values[i]); printf(" %s %s %s,", values[i], done, get(path)); } printf("\n"); }
  fflush(stdout);
}
int main(void) {
  unshare(CLONE_NEWNET); there = network(); unshare(CLONE_NEWNET); here = network(); SHOW(pair("a0", "b0", there)); SHOW(pair("a1", "b1", there));
  SHOW(set_up("lo", "127.0.0.1", "255.0.0.0")); SHOW(set_up("lo:1", "10.9.0.2", "255.255.255.255")); SHOW(set_up("a0", "10.1.0.2", "255.255.255.0")); SHOW(set_up("a1", "10.2.0.2", "255.255.255.0"));
  setns(there, CLONE_NEWNET); SHOW(set_up("lo", "127.0.0.1", "255.0.0.0")); SHOW(set_up("b0", "10.1.0.1", "255.255.255.0")); SHOW(set_up("b1", "10.2.0.1", "255.255.255.0"));
  heard = socket(AF_INET, SOCK_DGRAM, 0); struct sockaddr_in any = at("0.0.0.0"); SHOW(bind(heard, (void *)&any, sizeof any)); struct timeval soon = {0, 100000}; setsockopt(heard, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon); setns(here, CLONE_NEWNET);
  const char *from[] = {"10.1.0.2", "10.2.0.2", "10.9.0.2"}; for (int i = 0; i < 3; i++) { sender[i] = socket(AF_INET, SOCK_DGRAM, 0); struct sockaddr_in a = at(from[i]); int on = 1; setsockopt(sender[i], SOL_SOCKET, SO_BROADCAST, &on, 4); SHOW(setsockopt(sender[i], SOL_SOCKET, SO_BINDTODEVICE, "a1", 3)); SHOW(bind(sender[i], (void *)&a, sizeof a)); }
  /* Until the link carries something. */
  for (int i = 0; i < 50; i++) { struct sockaddr_in a = at("10.2.0.1"); sendto(sender[1], "x", 1, 0, (void *)&a, sizeof a); if (recv(heard, got, sizeof got, 0) == 1) break; }
  while (recv(heard, got, sizeof got, 0) >= 0);
  trial("at first"); filter("b1", "1"); trial("strict"); ask("10.1.0.2"); ask("10.2.0.2"); ask("10.9.0.2"); ask("0.0.0.0"); filter("b1", "2"); trial("loose"); ask("10.1.0.2"); ask("10.9.0.2"); filter("all", "1"); trial("loose, all strict"); filter("b1", "0"); trial("all strict"); filter("all", "2"); filter("b1", "1"); trial("strict, all loose"); filter("all", "0"); filter("b0", "1"); filter("b1", "0"); trial("the other one strict"); filter("b1", "7"); trial("seven"); filter("b1", "-1"); trial("less than none"); filter("b1", "x"); filter("none", "1");
  local("b1", "0"); local("b1", "1"); local("b1", "0"); local("all", "1"); local("all", "0");
  filter("b1", "0"); own_all(); filter("b1", "1"); own_all(); filter("b1", "2"); own_all(); filter("b1", "0"); local("b1", "1"); own_all(); own("none", "1", "10.2.0.1"); local("b1", "0");
  /* Whether an echo to all of a network is answered. */
  int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), on = 1; setsockopt(raw, SOL_SOCKET, SO_BROADCAST, &on, 4); setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon); filter("b1", "0"); unsigned char echo[8] = {8, 0, 0xf7, 0xfa, 0, 1, 0, 4}; const char *ignores = "/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts", *values[] = {"1", "0", "2"};
  for (int i = 0; i < 3; i++) { setns(there, CLONE_NEWNET); const char *done = put(ignores, values[i]); printf("ignores echoes to all, %s: %s, ", values[i], done); printf("%s: ", get(ignores)); setns(here, CLONE_NEWNET); struct sockaddr_in a = at("10.2.0.255"); SHOW(sendto(raw, echo, 8, 0, (void *)&a, sizeof a)); long n; while ((n = recv(raw, got, sizeof got, 0)) > 0 && got[20] != 0); printf("%s\n", n > 0 ? "answered" : name_of(errno)); }
  /* Who comes up tells its address, if it is told to. */
  setns(there, CLONE_NEWNET); int arp = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ARP)); struct sockaddr_ll l = {AF_PACKET, htons(ETH_P_ARP), if_nametoindex("b1")}; SHOW(bind(arp, (void *)&l, sizeof l)); struct timeval while_ = {0, 300000}; setsockopt(arp, SOL_SOCKET, SO_RCVTIMEO, &while_, sizeof while_); setns(here, CLONE_NEWNET);
  for (int i = 0; i < 3; i++) {
    printf("%s arp_notify %d:", i < 2 ? "a1" : "all", i); const char *done = put(i < 2 ? "/proc/sys/net/ipv4/conf/a1/arp_notify" : "/proc/sys/net/ipv4/conf/all/arp_notify", i ? "1" : "0"); printf(" %s", done); if (i == 2) put("/proc/sys/net/ipv4/conf/a1/arp_notify", "0");
    struct ifreq f = {.ifr_name = "a1"}; ioctl(raw, SIOCGIFFLAGS, &f); f.ifr_flags &= ~IFF_UP; ioctl(raw, SIOCSIFFLAGS, &f); while (recv(arp, got, sizeof got, MSG_DONTWAIT) > 0); f.ifr_flags |= IFF_UP; ioctl(raw, SIOCSIFFLAGS, &f);
    struct ether_arp q; socklen_t size = sizeof l; int count = 0; while (recvfrom(arp, &q, sizeof q, 0, (void *)&l, &size) > 0) { char of[32]; strcpy(of, inet_ntoa(*(struct in_addr *)q.arp_spa)); if (!count++) printf(" op %d of %s about %s, to %d", ntohs(q.ea_hdr.ar_op), of, inet_ntoa(*(struct in_addr *)q.arp_tpa), l.sll_pkttype); } printf(", %s\n", count ? "told" : "silent"); fflush(stdout);
  }
  { struct ifreq f = {.ifr_name = "a1"}; ioctl(raw, SIOCGIFHWADDR, &f); f.ifr_hwaddr.sa_data[5] ^= 1; SHOW(ioctl(raw, SIOCSIFHWADDR, &f)); struct ether_arp q; long n = recv(arp, &q, sizeof q, 0); printf("another address: %s\n", n > 0 && !memcmp(q.arp_sha, f.ifr_hwaddr.sa_data, 6) ? "told" : n > 0 ? "of the old one" : name_of(errno)); }
  /* New ones begin as the default says; of that which is there nothing changes. */
  filter("default", "1"); setns(there, CLONE_NEWNET); SHOW(pair("c0", "c1", here)); printf("b1 %s", get("/proc/sys/net/ipv4/conf/b1/rp_filter")); printf(" c0 %s\n", get("/proc/sys/net/ipv4/conf/c0/rp_filter"));
  const char *const v4[] = {"accept_redirects", "accept_source_route", "arp_notify", "log_martians", "promote_secondaries", "secure_redirects", "send_redirects", "shared_media", "src_valid_mark", NULL}, *const v6[] = {"accept_dad", "accept_ra", "accept_redirects", "accept_source_route", "autoconf", "dad_transmits", "router_solicitations", "use_tempaddr", NULL};
  const char *places[] = {"all", "default", "b1"}; for (int i = 0; i < 3; i++) { settings("ipv4", places[i], v4); settings("ipv6", places[i], v6); }
}
