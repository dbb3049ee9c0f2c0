#include "abi.h"
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

/* IPV6_CHECKSUM (RFC 3542 §3.1): the kernel puts checksums into what raw sockets send, and looks at what comes. */

static struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
static int made(int protocol) { int s = socket(AF_INET6, SOCK_RAW, protocol); struct timeval wait = {0, 300000}; setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait); return s; }
static long set(int s, int level, int place) { return setsockopt(s, level, IPV6_CHECKSUM, &place, sizeof place); }
static int get(int s, int level) { int place = -7; socklen_t n = sizeof place; if (getsockopt(s, level, IPV6_CHECKSUM, &place, &n)) return -errno; return place; }
static void sent(int to, int from, const char *what, int count) {
  unsigned char bytes[64]; for (int each = 0; each < count; each++) bytes[each] = each * 7 + 1;
  long n = sendto(from, bytes, count, 0, (void *)&at, sizeof at); printf("%s: %s", what, n < 0 ? name_of(errno) : "sent"); if (n < 0) { puts(""); return; }
  n = recv(to, bytes, sizeof bytes, 0); if (n < 0) { printf(", %s\n", name_of(errno)); return; } printf(", %ld:", n); for (int each = 0; each < n; each++) printf(" %02x", bytes[each]); puts(""); fflush(stdout);
}

int main(void) {
  int out = made(250), in = made(250), icmp = made(IPPROTO_ICMPV6), udp = made(IPPROTO_UDP), plain = socket(AF_INET6, SOCK_DGRAM, 0);
  SHOW(get(out, SOL_RAW)); SHOW(get(out, IPPROTO_IPV6)); SHOW(get(icmp, SOL_RAW)); SHOW(get(icmp, IPPROTO_IPV6)); SHOW(get(plain, IPPROTO_IPV6)); SHOW(get(plain, SOL_RAW)); SHOW(set(plain, IPPROTO_IPV6, 2));
  sent(in, out, "without", 9); SHOW(set(out, IPPROTO_IPV6, 4)); SHOW(get(out, SOL_RAW)); sent(in, out, "at 4", 9); sent(in, out, "at 4 of 6", 6); sent(in, out, "at 4 of 5", 5); SHOW(set(out, SOL_RAW, 0)); sent(in, out, "at 0", 8); SHOW(set(out, IPPROTO_IPV6, 3)); SHOW(set(out, IPPROTO_IPV6, -3)); SHOW(get(out, IPPROTO_IPV6)); sent(in, out, "without", 4); SHOW(set(out, IPPROTO_IPV6, 2016)); sent(in, out, "beyond", 60); short little = 2; SHOW(setsockopt(out, IPPROTO_IPV6, IPV6_CHECKSUM, &little, 2));
  SHOW(set(in, IPPROTO_IPV6, 2)); SHOW(set(out, IPPROTO_IPV6, -1)); sent(in, out, "wrong", 8); SHOW(set(out, IPPROTO_IPV6, 6)); sent(in, out, "right, elsewhere", 8);
  SHOW(set(icmp, IPPROTO_IPV6, 2)); SHOW(set(icmp, IPPROTO_IPV6, 4)); SHOW(set(icmp, SOL_RAW, 2)); SHOW(set(icmp, SOL_RAW, 4)); SHOW(get(icmp, IPPROTO_IPV6)); SHOW(set(udp, IPPROTO_IPV6, 6)); SHOW(get(udp, SOL_RAW));
  return 0;
}
