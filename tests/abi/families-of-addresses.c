/* Sockets of IPv6 with addresses of either family on their sides; what SO_LINGER keeps. */
#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
static struct sockaddr_in6 address(const char *text, int port) {
  struct sockaddr_in6 made = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  inet_pton(AF_INET6, text, &made.sin6_addr);
  return made;
}
#define AT(a) (struct sockaddr *)&(a), sizeof(a)
int main(void) {
  const char *bound[] = {"::ffff:127.0.0.1", "::ffff:0.0.0.0", "::1", "::"};
  const char *reached[] = {"::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"};
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) {
      struct sockaddr_in6 from = address(bound[i], 0), to = address(reached[j], 1337);
      printf("from %s to %s\n", bound[i], reached[j]);
      int fd = socket(AF_INET6, SOCK_STREAM, 0);
      SHOW(bind(fd, AT(from)));
      SHOW(connect(fd, AT(to)));
      close(fd);
      fd = socket(AF_INET6, SOCK_DGRAM, 0);
      SHOW(bind(fd, AT(from)));
      SHOW(connect(fd, AT(to)));
      close(fd);
      fd = socket(AF_INET6, SOCK_DGRAM, 0);
      SHOW(bind(fd, AT(from)));
      SHOW(sendto(fd, "a", 1, 0, AT(to)));
      close(fd);
    }
  struct sockaddr_in6 mapped = address("::ffff:127.0.0.1", 5000), other = address("::1", 1337);
  int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  SHOW(sendto(fd, "a", 1, 0, AT(mapped)));
  SHOW(sendto(fd, "a", 1, 0, AT(other)));
  SHOW(connect(fd, AT(mapped)));
  SHOW(sendto(fd, "a", 1, 0, AT(other)));
  SHOW(connect(fd, AT(other)));
  close(fd);
  fd = socket(AF_INET6, SOCK_DGRAM, 0);
  SHOW(connect(fd, AT(other)));
  SHOW(sendto(fd, "a", 1, 0, AT(mapped)));
  close(fd);
  fd = socket(AF_INET6, SOCK_STREAM, 0);
  struct linger linger = {1, 5};
  socklen_t length = sizeof linger;
  SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  linger.l_onoff = 0;
  linger.l_linger = 9;
  SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  SHOW(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length));
  printf("linger %d %d\n", linger.l_onoff, linger.l_linger);
}
