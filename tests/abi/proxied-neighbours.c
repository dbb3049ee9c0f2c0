#include "abi.h"
#include "rtnetlink.h"
#include <linux/neighbour.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
/* Whose addresses a network answers for by ARP and NDP: its own (arp_ignore, arp_filter), and others' (`ip neigh add proxy`, proxy_arp, proxy_ndp); and from where it asks (arp_announce). Three networks in a row, the first two of which take the third one's for a neighbour. */
static int left, middle, right, links[3];
static void enter(int which) { setns((int[]){left, middle, right}[which], CLONE_NEWNET); rt = links[which]; }
static int neighbour(int type, int flags, const char *ip, const char *name, int how) {
  struct ndmsg m = {.ndm_family = rt_family(ip), .ndm_ifindex = name ? if_nametoindex(name) : 0, .ndm_flags = how, .ndm_state = 0};
  rt_begin(type, flags, &m, sizeof m);
  rt_ip(NDA_DST, ip);
  return rt_ask();
}
static int add(const char *ip, const char *name) { return neighbour(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, ip, name, NTF_PROXY); }
static int del(const char *ip, const char *name) { return neighbour(RTM_DELNEIGH, 0, ip, name, NTF_PROXY); }
static int arp(int command, const char *ip, int flags, const char *mask, const char *dev) {
  struct arpreq r = {.arp_flags = flags};
  struct sockaddr_in *a = (void *)&r.arp_pa, *m = (void *)&r.arp_netmask;
  int s = socket(AF_INET, SOCK_DGRAM, 0), done;
  a->sin_family = AF_INET, inet_pton(AF_INET, ip, &a->sin_addr), inet_pton(AF_INET, mask, &m->sin_addr);
  r.arp_ha.sa_family = ARPHRD_ETHER;
  if (dev) strcpy(r.arp_dev, dev);
  done = ioctl(s, command, &r);
  int e = errno;
  close(s);
  errno = e;
  return done;
}
static void tell(struct nlmsghdr *h) {
  struct ndmsg *m = NLMSG_DATA(h);
  char text[64], name[IF_NAMESIZE] = "any";
  if (m->ndm_ifindex) if_indextoname(m->ndm_ifindex, name);
  printf("  type %d family %d dev %s state %x flags %x of type %d", h->nlmsg_type, m->ndm_family, name, m->ndm_state, m->ndm_flags, m->ndm_type);
  struct rtattr *a = (void *)((char *)m + NLMSG_ALIGN(sizeof *m));
  for (int n = h->nlmsg_len - NLMSG_LENGTH(sizeof *m); RTA_OK(a, n); a = RTA_NEXT(a, n)) if (a->rta_type == NDA_DST) printf(" %s", inet_ntop(m->ndm_family, RTA_DATA(a), text, sizeof text));
  printf("\n");
}
static void list(int family) { struct ndmsg m = {.ndm_family = family, .ndm_flags = NTF_PROXY}; rt_begin(RTM_GETNEIGH, 0, &m, sizeof m); rt_dump(tell); fflush(stdout); }
static int route(const char *to, int bits, const char *gateway, const char *name) {
  struct rtmsg m = {.rtm_family = rt_family(to), .rtm_dst_len = bits, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST, .rtm_scope = gateway || rt_family(to) == AF_INET6 ? 0 : RT_SCOPE_LINK};
  rt_begin(RTM_NEWROUTE, NLM_F_CREATE, &m, sizeof m);
  rt_ip(RTA_DST, to);
  if (gateway) rt_ip(RTA_GATEWAY, gateway);
  if (name) rt_number(RTA_OIF, if_nametoindex(name));
  return rt_ask();
}
/* Who asks at `l` for an address: what does it hear? */
static void ask(const char *what, const char *from, const char *about) {
  enter(0);
  int s = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ARP));
  struct sockaddr_ll a = {AF_PACKET, htons(ETH_P_ARP), if_nametoindex("l"), 0, 0, 6, {255, 255, 255, 255, 255, 255}};
  struct timeval soon = {1, 200000};
  bind(s, (void *)&a, sizeof a);
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
  struct ether_arp q = {.ea_hdr = {htons(ARPHRD_ETHER), htons(ETH_P_IP), 6, 4, htons(ARPOP_REQUEST)}}, got;
  struct ifreq f = {.ifr_name = "l"};
  ioctl(s, SIOCGIFHWADDR, &f);
  memcpy(q.arp_sha, f.ifr_hwaddr.sa_data, 6);
  inet_pton(AF_INET, from, q.arp_spa), inet_pton(AF_INET, about, q.arp_tpa);
  sendto(s, &q, sizeof q, 0, (void *)&a, sizeof a);
  long n;
  while ((n = recv(s, &got, sizeof got, 0)) > 0 && (got.ea_hdr.ar_op != htons(ARPOP_REPLY) || memcmp(got.arp_spa, q.arp_tpa, 4)));
  printf("%s, %s asks for %s: %s\n", what, from, about, n > 0 ? "answered" : "silent");
  fflush(stdout);
  close(s);
  enter(1);
}
static int set(const char *path, const char *value) { char file[128]; sprintf(file, "/proc/sys/net/%s", path); return rt_write(file, value); }
/* Does a datagram from the left arrive at the right? */
static void reach(const char *what, const char *to) {
  char got[8];
  struct timeval soon = {0, 300000};
  int family = rt_family(to), s, heard, i;
  struct sockaddr_in6 six = {AF_INET6, htons(7000)};
  inet_pton(AF_INET6, to, &six.sin6_addr);
  enter(2); heard = socket(family, SOCK_DGRAM, 0); setsockopt(heard, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon); bind(heard, (void *)&six, sizeof six);
  enter(0); s = socket(family, SOCK_DGRAM, 0);
  for (i = 0; i < 8; i++) { sendto(s, "x", 1, 0, (void *)&six, sizeof six); if (recv(heard, got, sizeof got, 0) == 1) break; }
  printf("%s: %s\n", what, i < 8 ? "heard" : "not heard");
  fflush(stdout);
  close(s), close(heard);
  struct ndmsg m = {.ndm_family = AF_INET6, .ndm_ifindex = if_nametoindex("l")};
  rt_begin(RTM_DELNEIGH, 0, &m, sizeof m); rt_ip(NDA_DST, to); rt_ask();
  enter(1);
}
/* From which address the middle asks for 10.1.0.9, when something goes there from `source`. */
static void asks_from(const char *value, const char *source) {
  enter(1); set("ipv4/conf/l1/arp_announce", value);
  enter(0); int s = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ARP)); struct sockaddr_ll a = {AF_PACKET, htons(ETH_P_ARP), if_nametoindex("l")}; bind(s, (void *)&a, sizeof a); struct timeval soon = {2}; setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
  enter(1); int u = socket(AF_INET, SOCK_DGRAM, 0); struct sockaddr_in own = {AF_INET}, to = {AF_INET, htons(9)}; inet_pton(AF_INET, source, &own.sin_addr); inet_pton(AF_INET, "10.1.0.9", &to.sin_addr); bind(u, (void *)&own, sizeof own);
  sendto(u, "x", 1, 0, (void *)&to, sizeof to);
  struct ether_arp got; long n; char text[32];
  while ((n = recv(s, &got, sizeof got, 0)) > 0 && (got.ea_hdr.ar_op != htons(ARPOP_REQUEST) || got.arp_tpa[3] != 9));
  printf("arp_announce %s, from %s: asks as %s\n", value, source, n > 0 ? inet_ntop(AF_INET, got.arp_spa, text, sizeof text) : "nobody");
  fflush(stdout);
  close(s), close(u); neighbour(RTM_DELNEIGH, 0, "10.1.0.9", "l1", 0);
}
int main(void) {
  unshare(CLONE_NEWNET); left = rt_network(); rt_open(); links[0] = rt; unshare(CLONE_NEWNET); right = rt_network(); rt_open(); links[2] = rt; unshare(CLONE_NEWNET); middle = rt_network(); rt_open(); links[1] = rt;
  SHOW(rt_set("lo", 1)); SHOW(rt_pair("l1", "l", left)); SHOW(rt_pair("r1", "r", right)); SHOW(rt_set("l1", 1)); SHOW(rt_set("r1", 1));
  SHOW(rt_address("l1", "10.1.0.1", 24)); SHOW(rt_address("r1", "10.2.0.1", 24)); SHOW(rt_address("l1", "fd01::1", 64)); SHOW(rt_address("r1", "fd02::1", 64)); SHOW(rt_address("l1", "10.4.0.1", 24));
  SHOW(set("ipv4/conf/all/rp_filter", "0")); SHOW(set("ipv4/conf/l1/rp_filter", "0"));
  enter(0); SHOW(rt_set("lo", 1)); SHOW(rt_set("l", 1)); SHOW(rt_address("l", "10.1.0.2", 24)); SHOW(rt_address("l", "fd01::2", 64)); SHOW(route("10.2.0.0", 24, NULL, "l")); SHOW(route("fd02::", 64, NULL, "l"));
  enter(2); SHOW(rt_set("lo", 1)); SHOW(rt_set("r", 1)); SHOW(rt_address("r", "10.2.0.2", 24)); SHOW(rt_address("r", "fd02::2", 64)); SHOW(route("10.1.0.0", 24, "10.2.0.1", NULL)); SHOW(route("fd01::", 64, "fd02::1", NULL));
  enter(1);
  ask("at first", "10.1.0.2", "10.2.0.2"); ask("at first", "10.1.0.2", "10.2.0.1"); ask("at first", "10.1.0.2", "10.1.0.1");
  puts("listed");
  SHOW(add("10.2.0.2", "l1")); SHOW(add("10.2.0.2", "l1")); SHOW(add("10.2.0.3", NULL)); SHOW(add("fd02::2", "l1")); SHOW(neighbour(RTM_NEWNEIGH, NLM_F_CREATE, "fd02::9", "l1", NTF_PROXY | NTF_ROUTER)); SHOW(neighbour(RTM_NEWNEIGH, NLM_F_CREATE, "10.2.0.9", NULL, 0));
  list(AF_INET); list(AF_INET6); SHOW(del("10.2.0.3", "l1")); SHOW(del("10.2.0.3", NULL)); SHOW(del("10.2.0.3", NULL));
  SHOW(arp(SIOCSARP, "10.2.0.4", ATF_PUBL | ATF_COM, "0.0.0.0", "l1")); SHOW(arp(SIOCSARP, "10.2.0.5", ATF_PUBL | ATF_COM, "0.0.0.0", NULL)); SHOW(arp(SIOCSARP, "10.2.0.6", ATF_PUBL | ATF_NETMASK, "255.255.255.255", "l1")); SHOW(arp(SIOCSARP, "10.2.0.6", ATF_PUBL | ATF_NETMASK, "255.255.0.0", "l1")); SHOW(arp(SIOCSARP, "10.2.0.6", ATF_PUBL, "0.0.0.0", "none"));
  list(AF_INET); SHOW(arp(SIOCDARP, "10.2.0.4", ATF_PUBL, "0.0.0.0", NULL)); SHOW(arp(SIOCDARP, "10.2.0.4", ATF_PUBL, "0.0.0.0", "l1")); SHOW(arp(SIOCDARP, "10.2.0.5", ATF_PUBL, "0.0.0.0", NULL)); SHOW(arp(SIOCDARP, "10.2.0.6", ATF_PUBL, "0.0.0.0", "l1")); SHOW(arp(SIOCDARP, "10.2.0.6", ATF_PUBL, "0.0.0.0", "l1")); list(AF_INET);
  puts("stood in for");
  ask("it passes nothing on", "10.1.0.2", "10.2.0.2"); SHOW(set("ipv4/ip_forward", "1")); ask("it passes on", "10.1.0.2", "10.2.0.2"); ask("it passes on", "10.1.0.2", "10.2.0.7"); reach("by ARP", "::ffff:10.2.0.2");
  SHOW(del("10.2.0.2", "l1")); ask("removed", "10.1.0.2", "10.2.0.2"); SHOW(set("ipv4/conf/l1/proxy_arp", "1")); ask("proxy_arp", "10.1.0.2", "10.2.0.2"); ask("proxy_arp", "10.1.0.2", "10.2.0.7"); ask("proxy_arp", "10.1.0.2", "10.1.0.7"); ask("proxy_arp", "10.1.0.2", "10.9.0.7"); ask("proxy_arp", "0.0.0.0", "10.2.0.2");
  SHOW(set("ipv4/conf/l1/proxy_arp", "0")); SHOW(set("ipv4/conf/all/proxy_arp", "1")); ask("proxy_arp of all", "10.1.0.2", "10.2.0.2"); SHOW(set("ipv4/conf/all/proxy_arp", "0"));
  reach("proxied, no proxy_ndp", "fd02::2"); SHOW(set("ipv6/conf/all/forwarding", "1")); SHOW(set("ipv6/conf/l1/proxy_ndp", "1")); reach("by NDP", "fd02::2"); SHOW(del("fd02::2", "l1")); reach("removed", "fd02::2");
  puts("its own");
  const char *values[] = {"0", "1", "2", "3", "8"};
  for (int i = 0; i < 5; i++) { printf("arp_ignore %s: %ld\n", values[i], (long)set("ipv4/conf/l1/arp_ignore", values[i])); ask("  ", "10.1.0.2", "10.2.0.1"); ask("  ", "10.1.0.2", "10.1.0.1"); ask("  ", "10.1.0.2", "10.4.0.1"); ask("  ", "0.0.0.0", "10.1.0.1"); }
  SHOW(set("ipv4/conf/l1/arp_ignore", "0")); SHOW(set("ipv4/conf/all/arp_ignore", "1")); ask("of all", "10.1.0.2", "10.2.0.1"); SHOW(set("ipv4/conf/all/arp_ignore", "0"));
  ask("arp_filter 0", "10.2.0.2", "10.1.0.1"); SHOW(set("ipv4/conf/l1/arp_filter", "1")); ask("arp_filter 1", "10.2.0.2", "10.1.0.1"); ask("arp_filter 1", "10.1.0.2", "10.1.0.1"); SHOW(set("ipv4/conf/l1/arp_filter", "0"));
  asks_from("0", "10.1.0.1"); asks_from("0", "10.2.0.1"); asks_from("1", "10.2.0.1"); asks_from("1", "10.1.0.1"); asks_from("2", "10.2.0.1"); asks_from("2", "10.1.0.1");
  puts("down"); SHOW(rt_set("l1", 0)); list(AF_INET6);
}
