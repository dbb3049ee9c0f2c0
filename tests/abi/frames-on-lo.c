#include "abi.h"
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "rtnetlink.h"

/* What a packet socket sends on lo comes in as from outside: who says he is this machine needs accept_local, and 127.0.0.0/8 route_localnet. In a network of its own. */

static void put(const char *name, int on) { char path[80]; sprintf(path, "/proc/sys/net/ipv4/conf/lo/%s", name); int f = open(path, O_WRONLY); write(f, on ? "1" : "0", 1); close(f); }
static unsigned short sum(const void *b, int n, unsigned s) { const unsigned short *p = b; for (; n > 1; n -= 2) s += *p++; while (s >> 16) s = (s & 0xffff) + (s >> 16); return ~s; }
static struct sockaddr_ll lo(int type) { struct sockaddr_ll d = {AF_PACKET, htons(type), if_nametoindex("lo"), 0, 0, 6}; return d; }
static const char *heard(int s) { static char got[64]; usleep(20000); long n = recv(s, got, sizeof got, MSG_DONTWAIT); return n == 6 ? "heard" : n < 0 ? name_of(errno) : "another"; }

static void four(int p, int u, const char *from, const char *to) {
  struct { struct iphdr i; struct udphdr u; char t[6]; } __attribute__((packed)) m = {{.version = 4, .ihl = 5, .ttl = 64, .protocol = 17, .tot_len = htons(34), .saddr = inet_addr(from), .daddr = inet_addr(to)}, {.uh_sport = htons(40001), .uh_dport = htons(40000), .uh_ulen = htons(14)}, "hello"};
  m.i.check = sum(&m.i, 20, 0); struct sockaddr_ll d = lo(ETH_P_IP); long n = sendto(p, &m, sizeof m, 0, (void *)&d, sizeof d); printf(" %s to %s: %ld %s,", from, to, n, heard(u));
}
static void six(int p, int u, const char *from, const char *to) {
  struct { struct ip6_hdr i; struct udphdr u; char t[6]; } __attribute__((packed)) m = {{.ip6_flow = htonl(6 << 28), .ip6_plen = htons(14), .ip6_nxt = 17, .ip6_hlim = 64}, {.uh_sport = htons(40001), .uh_dport = htons(40000), .uh_ulen = htons(14)}, "hello"};
  inet_pton(AF_INET6, from, &m.i.ip6_src); inet_pton(AF_INET6, to, &m.i.ip6_dst); m.u.uh_sum = sum(&m.i.ip6_src, 32 + 14, htons(17) + htons(14)); struct sockaddr_ll d = lo(ETH_P_IPV6); long n = sendto(p, &m, sizeof m, 0, (void *)&d, sizeof d); printf(" %s to %s: %ld %s,", from, to, n, heard(u));
}
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); int u = socket(AF_INET6, SOCK_DGRAM, 0), p = socket(AF_PACKET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0); struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP}; ioctl(c, SIOCSIFFLAGS, &r);
  rt_open(); SHOW(rt_address("lo", "10.9.0.1", 8));
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(40000)}; SHOW(bind(u, (void *)&any, sizeof any));
  for (int on = 0; on < 4; on++) {
    put("accept_local", on & 1); put("route_localnet", on & 2); printf("accept_local %d route_localnet %d:", on & 1, on >> 1);
    four(p, u, "127.0.0.1", "127.0.0.1"); four(p, u, "10.9.0.1", "127.0.0.1"); four(p, u, "10.9.0.1", "10.9.0.1"); four(p, u, "127.0.0.5", "10.9.0.1"); four(p, u, "10.8.0.1", "10.9.0.1"); four(p, u, "10.8.0.1", "127.0.0.1"); six(p, u, "::1", "::1"); six(p, u, "2001:db8::1", "::1"); printf("\n"); fflush(stdout);
  }
  return 0;
}
