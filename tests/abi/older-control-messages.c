#include "abi.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* What is told of datagrams of IPv6 as RFC 2292 had it, alone and beside RFC 3542's. */

static int in, out; static struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
static void set(int option, int value) { printf("set %d to %d: %s", option, value, setsockopt(in, IPPROTO_IPV6, option, &value, sizeof value) ? name_of(errno) : "done"); int got = -1; socklen_t n = sizeof got; int e = getsockopt(in, IPPROTO_IPV6, option, &got, &n); printf(", %s %d\n", e ? name_of(errno) : "is", got); }
static void told(const char *what) {
  char byte, control[1024]; struct iovec part = {&byte, 1}; struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (sendto(out, "x", 1, 0, (void *)&at, sizeof at) < 0 || recvmsg(in, &m, 0) < 0) { perror(what); return; }
  printf("%s:", what);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) { printf(" %d", c->cmsg_type); unsigned char *data = CMSG_DATA(c); if (c->cmsg_type == IPV6_2292HOPLIMIT) printf("=%d", *(int *)data); else if (c->cmsg_type == IPV6_2292PKTINFO) printf("=…%d on %d", data[15], data[16]); else if (c->cmsg_type == IPV6_2292HOPOPTS || c->cmsg_type == IPV6_2292DSTOPTS) for (unsigned each = 0; each < c->cmsg_len - sizeof *c; each++) printf("%s%02x", each ? "" : "=", data[each]); }
  puts(""); fflush(stdout);
}

int main(void) {
  socklen_t n = sizeof at; in = socket(AF_INET6, SOCK_DGRAM, 0); out = socket(AF_INET6, SOCK_DGRAM, 0); bind(in, (void *)&at, sizeof at); getsockname(in, (void *)&at, &n);
  unsigned char hop[8] = {0, 0, 1, 4}, destination[8] = {0, 0, 1, 4}; SHOW(setsockopt(out, IPPROTO_IPV6, IPV6_HOPOPTS, hop, sizeof hop)); SHOW(setsockopt(out, IPPROTO_IPV6, IPV6_DSTOPTS, destination, sizeof destination));
  told("nothing"); set(IPV6_2292PKTINFO, 1); told("where"); set(IPV6_2292HOPLIMIT, 7); told("and how far"); set(IPV6_2292HOPOPTS, 1); told("and options of each hop"); set(IPV6_2292DSTOPTS, 1); told("and of the destination"); set(IPV6_2292RTHDR, 1); told("and the way");
  set(IPV6_RECVPKTINFO, 1); set(IPV6_RECVHOPLIMIT, 1); set(IPV6_RECVHOPOPTS, 1); set(IPV6_RECVDSTOPTS, 1); told("of both kinds"); set(IPV6_2292HOPOPTS, 0); set(IPV6_2292PKTINFO, 0); told("fewer"); short little = 1; SHOW(setsockopt(in, IPPROTO_IPV6, IPV6_2292HOPLIMIT, &little, sizeof little));
  int listener = socket(AF_INET6, SOCK_STREAM, 0), client = socket(AF_INET6, SOCK_STREAM, 0), on = 1; at.sin6_port = 0; bind(listener, (void *)&at, sizeof at); listen(listener, 1); getsockname(listener, (void *)&at, &n); connect(client, (void *)&at, sizeof at); int accepted = accept(listener, NULL, NULL); char options[256]; n = sizeof options;
  setsockopt(accepted, IPPROTO_IPV6, IPV6_2292PKTINFO, &on, sizeof on); SHOW(getsockopt(accepted, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, options, &n)); SHOW(n); setsockopt(accepted, IPPROTO_IPV6, IPV6_2292HOPLIMIT, &on, sizeof on); n = sizeof options; SHOW(getsockopt(accepted, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, options, &n)); SHOW(n); SHOW(((struct cmsghdr *)options)->cmsg_type);
  return 0;
}
