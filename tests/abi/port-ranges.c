#include "abi.h"
#include <netinet/in.h>
#include <sys/socket.h>

/* IP_LOCAL_PORT_RANGE: the ports of who chooses none; its low half is the first of them, its high half the last. */

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif
static int s;
static int range(unsigned first, unsigned last) { unsigned v = last << 16 | first; return setsockopt(s, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &v, sizeof v); }
static long told(void) { unsigned v = 7; socklen_t n = sizeof v; return getsockopt(s, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &v, &n) ? -1 : v; }
static int any(void) { struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; return bind(s, (void *)&a, sizeof a); }
static int port(void) { struct sockaddr_in6 a; socklen_t n = sizeof a; getsockname(s, (void *)&a, &n); return ntohs(a.sin6_port); }
static void made(int family, int type) { if (s > 0) close(s); s = socket(family, type, 0); }

int main(void) {
  made(AF_INET, SOCK_STREAM); SHOW(told()); SHOW(range(40100, 40100)); SHOW(told() == (40100L << 16 | 40100)); SHOW(any()); SHOW(port());
  for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
    made(AF_INET, type); SHOW(range(40200, 40209)); SHOW(any()); HOLDS(port() >= 40200 && port() <= 40209);
    /* One end alone, and ends that lie outside the machine's range. */
    made(AF_INET, type); SHOW(range(60990, 0)); SHOW(any()); HOLDS(port() >= 60990 && port() <= 60999);
    made(AF_INET, type); SHOW(range(0, 32790)); SHOW(any()); HOLDS(port() >= 32768 && port() <= 32790);
    made(AF_INET, type); SHOW(range(100, 32790)); SHOW(any()); HOLDS(port() >= 32768 && port() <= 32790);
    made(AF_INET, type); SHOW(range(100, 200)); SHOW(any()); HOLDS(port() >= 32768 && port() <= 60999);
  }
  /* All of it taken. */
  int first = socket(AF_INET, SOCK_DGRAM, 0), keep = s; s = first; SHOW(range(40301, 40301)); SHOW(any()); SHOW(port()); s = keep; made(AF_INET, SOCK_DGRAM); SHOW(range(40301, 40301)); SHOW(any()); SHOW(range(0, 0)); SHOW(any());
  made(AF_INET6, SOCK_DGRAM); SHOW(range(40401, 40401)); struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}, to = six; to.sin6_port = htons(9); SHOW(connect(s, (void *)&to, sizeof to)); SHOW(port());
  SHOW(range(2, 1)); SHOW(range(65535, 65535)); SHOW(told()); SHOW(range(1, 0)); SHOW(told()); short v = 1; SHOW(setsockopt(s, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &v, sizeof v)); SHOW(told());
  return 0;
}
