/* When a packet came, as its receiver asks to be told: SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING. */
#include "abi.h"
#include <arpa/inet.h>
#include <linux/net_tstamp.h>
#include <sys/socket.h>
#include <sys/un.h>
static void receive(const char *what, int from, int to, int flags) {
  char text[16], control[256]; struct iovec v = {text, sizeof text}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (from >= 0) send(from, "hello", 5, 0);
  long moved = recvmsg(to, &m, flags); printf("%s: %ld bytes, flags %x\n", what, moved, m.msg_flags);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
    struct timespec now, *t = (struct timespec *)CMSG_DATA(c); clock_gettime(CLOCK_REALTIME, &now);
    printf("  level %d, type %d, %d bytes, of now %d", c->cmsg_level, c->cmsg_type, (int)(c->cmsg_len - CMSG_LEN(0)), t[0].tv_sec > now.tv_sec - 5 && t[0].tv_sec <= now.tv_sec && t[0].tv_nsec < 1000000000);
    if (c->cmsg_type == SCM_TIMESTAMPING) printf(", others %ld.%ld %ld.%ld", (long)t[1].tv_sec, (long)t[1].tv_nsec, (long)t[2].tv_sec, (long)t[2].tv_nsec);
    printf("\n");
  }
  fflush(stdout);
}
static void set(int fd, int name, int value) { if (setsockopt(fd, SOL_SOCKET, name, &value, sizeof value) != 0) printf("option %d: %s\n", name, name_of(errno)); }
static void all(const char *family, int from, int to) {
  int asks = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
  printf("-- %s\n", family); receive("nothing asked", from, to, 0);
  set(to, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE); receive("taken, not told", from, to, 0);
  set(to, SO_TIMESTAMPING, asks); send(from, "peek", 4, 0); receive("peeked at", -1, to, MSG_PEEK); receive("told", -1, to, 0);
  set(to, SO_TIMESTAMPING, asks | SOF_TIMESTAMPING_RAW_HARDWARE | SOF_TIMESTAMPING_RX_HARDWARE); receive("a device's too", from, to, 0);
  set(to, SO_TIMESTAMP, 1); receive("both", from, to, 0); set(to, SO_TIMESTAMPNS, 1); receive("in nanoseconds", from, to, 0);
  set(to, SO_TIMESTAMPING, 0); receive("the older one alone", from, to, 0); set(to, SO_TIMESTAMPNS, 0); receive("none", from, to, 0);
}
int main(void) {
  int pair[2], from = socket(AF_INET, SOCK_DGRAM, 0), to = socket(AF_INET, SOCK_DGRAM, 0); socklen_t length = sizeof(struct sockaddr_in6);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; bind(to, (void *)&a, sizeof a); getsockname(to, (void *)&a, &length); connect(from, (void *)&a, sizeof a); all("IPv4", from, to);
  from = socket(AF_INET6, SOCK_DGRAM, 0), to = socket(AF_INET6, SOCK_DGRAM, 0); struct sockaddr_in6 b = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}; length = sizeof b; bind(to, (void *)&b, sizeof b); getsockname(to, (void *)&b, &length); connect(from, (void *)&b, sizeof b); all("IPv6", from, to);
  from = socket(AF_INET, SOCK_RAW, 200); to = socket(AF_INET, SOCK_RAW, 200); a.sin_port = 0; connect(from, (void *)&a, sizeof a); shutdown(from, SHUT_RD); all("raw", from, to);
  socketpair(AF_UNIX, SOCK_DGRAM, 0, pair); all("Unix", pair[0], pair[1]);
  return 0;
}
