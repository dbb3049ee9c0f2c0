#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
/* IP_PKTOPTIONS and IPV6_2292PKTOPTIONS of TCP: where a connection came in, as systemd-resolved asks. */
static void tell(int s, int level, int name, int room) {
  unsigned char b[512]; memset(b, 0xee, sizeof b); socklen_t l = room; long r = getsockopt(s, level, name, b, &l); printf("  %d %d of %d: %ld %s, %d", level, name, room, r, r ? name_of(errno) : "", (int)l);
  if (!r) for (unsigned at = 0; at + 16 <= l;) { struct cmsghdr *h = (void *)(b + at); unsigned n = h->cmsg_len; printf(" [%d %d:", h->cmsg_level, h->cmsg_type); for (unsigned i = 16; i < n && at + i < l; i++) printf(" %d", b[at + i]); printf("]"); if (n < 16) break; at += (n + 7) & ~7u; }
  printf("\n"); fflush(stdout);
}
static int domain; /* IPv6 sockets have addresses of IPv4 that mean nothing: not asked of them. */
static void both(int s) { if (domain != AF_INET6) tell(s, IPPROTO_IP, 9, 256); tell(s, IPPROTO_IPV6, 6, 256); }
int main(void) {
  int on = 1, off = 0;
  for (int v6 = 0; v6 < 3; v6++) for (int early = 0; early < 2; early++) {
    domain = v6 == 1 ? AF_INET6 : AF_INET; printf("- %s, %s\n", v6 == 0 ? "IPv4" : v6 == 1 ? "IPv6" : "IPv4 to IPv6", early ? "options of the listener" : "options afterwards");
    int l = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0), c = socket(v6 == 1 ? AF_INET6 : AF_INET, SOCK_STREAM, 0); struct sockaddr_in6 any = {v6 ? AF_INET6 : AF_INET}, at = {0}; socklen_t n = sizeof at; bind(l, (void *)&any, v6 ? 28 : 16); listen(l, 1); getsockname(l, (void *)&at, &n); unsigned short port = at.sin6_port; memset(&at, 0, sizeof at);
    if (v6 == 1) { at.sin6_family = AF_INET6; at.sin6_port = port; at.sin6_addr = in6addr_loopback; } else { struct sockaddr_in *to = (void *)&at; to->sin_family = AF_INET; to->sin_port = port; to->sin_addr.s_addr = htonl(0x7f000005); }
    both(l); if (early) { setsockopt(l, IPPROTO_IP, IP_PKTINFO, &on, 4); setsockopt(l, IPPROTO_IP, IP_RECVTTL, &on, 4); setsockopt(l, IPPROTO_IP, IP_RECVTOS, &on, 4); setsockopt(l, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, 4); setsockopt(l, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, 4); setsockopt(l, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, 4); }
    SHOW(connect(c, (void *)&at, v6 == 1 ? 28 : 16)); int a = accept(l, NULL, NULL); both(a); both(c);
    int all[] = {l, a, c}; for (int i = 0; i < 3; i++) { setsockopt(all[i], IPPROTO_IP, IP_PKTINFO, &on, 4); both(all[i]); setsockopt(all[i], IPPROTO_IP, IP_RECVTTL, &on, 4); setsockopt(all[i], IPPROTO_IP, IP_RECVTOS, &on, 4); if (v6) { setsockopt(all[i], IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, 4); setsockopt(all[i], IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, 4); setsockopt(all[i], IPPROTO_IPV6, IPV6_RECVTCLASS, &on, 4); } both(all[i]); }
    if (v6 == 0) for (int room = 0; room < 90; room += 6) tell(a, IPPROTO_IP, 9, room);
    close(l); close(c); close(a);
  }
  domain = AF_INET; int d = socket(AF_INET6, SOCK_DGRAM, 0), raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); both(d); both(raw); SHOW(setsockopt(d, IPPROTO_IP, 9, &on, 4)); int t = socket(AF_INET, SOCK_STREAM, 0); SHOW(setsockopt(t, IPPROTO_IP, 9, &on, 4));
}
