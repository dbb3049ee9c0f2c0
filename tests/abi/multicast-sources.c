#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Whose datagrams to a group are heard: IP_ADD_SOURCE_MEMBERSHIP, IP_DROP_…, IP_BLOCK_SOURCE, IP_UNBLOCK_SOURCE. */

static int u, sender; static struct sockaddr_in group;
static long joins(int option) { struct ip_mreq r = {{inet_addr("239.1.2.3")}, {htonl(INADDR_LOOPBACK)}}; return setsockopt(u, IPPROTO_IP, option, &r, sizeof r); }
static long source(int option, const char *from) { struct ip_mreq_source r = {.imr_multiaddr = {inet_addr("239.1.2.3")}, .imr_interface = {htonl(INADDR_LOOPBACK)}, .imr_sourceaddr = {inet_addr(from)}}; return setsockopt(u, IPPROTO_IP, option, &r, sizeof r); }
static int hears(void) { char c; sendto(sender, "x", 1, 0, (void *)&group, sizeof group); return recv(u, &c, 1, MSG_DONTWAIT) == 1; }

int main(void) {
  struct in_addr lo = {htonl(INADDR_LOOPBACK)}; int off = 0; socklen_t n = sizeof group; u = socket(AF_INET, SOCK_DGRAM, 0); sender = socket(AF_INET, SOCK_DGRAM, 0); group.sin_family = AF_INET; bind(u, (void *)&group, sizeof group); getsockname(u, (void *)&group, &n); group.sin_addr.s_addr = inet_addr("239.1.2.3"); setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo); setsockopt(u, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off);
  SHOW(source(IP_DROP_SOURCE_MEMBERSHIP, "127.0.0.1")); SHOW(source(IP_BLOCK_SOURCE, "127.0.0.1")); SHOW(source(IP_UNBLOCK_SOURCE, "127.0.0.1"));
  /* Of chosen sources. */
  SHOW(source(IP_ADD_SOURCE_MEMBERSHIP, "127.0.0.9")); SHOW(source(IP_ADD_SOURCE_MEMBERSHIP, "127.0.0.9")); SHOW(hears()); SHOW(source(IP_ADD_SOURCE_MEMBERSHIP, "127.0.0.1")); SHOW(hears()); SHOW(source(IP_BLOCK_SOURCE, "127.0.0.1")); SHOW(joins(IP_ADD_MEMBERSHIP));
  SHOW(source(IP_DROP_SOURCE_MEMBERSHIP, "127.0.0.1")); SHOW(hears()); SHOW(source(IP_DROP_SOURCE_MEMBERSHIP, "127.0.0.1")); SHOW(source(IP_DROP_SOURCE_MEMBERSHIP, "127.0.0.9")); SHOW(source(IP_DROP_SOURCE_MEMBERSHIP, "127.0.0.9")); SHOW(joins(IP_DROP_MEMBERSHIP));
  /* Of all but some. */
  SHOW(joins(IP_ADD_MEMBERSHIP)); SHOW(hears()); SHOW(source(IP_UNBLOCK_SOURCE, "127.0.0.1")); SHOW(source(IP_BLOCK_SOURCE, "127.0.0.1")); SHOW(source(IP_BLOCK_SOURCE, "127.0.0.1")); SHOW(hears()); SHOW(source(IP_ADD_SOURCE_MEMBERSHIP, "127.0.0.1")); SHOW(source(IP_UNBLOCK_SOURCE, "127.0.0.1")); SHOW(hears());
  /* Without a source the mode may change. */
  SHOW(source(IP_ADD_SOURCE_MEMBERSHIP, "127.0.0.9")); SHOW(hears()); SHOW(joins(IP_DROP_MEMBERSHIP)); SHOW(joins(IP_DROP_MEMBERSHIP));
  char from[32]; for (int i = 0; i < 10; i++) { sprintf(from, "127.0.1.%d", i); HOLDS(source(IP_ADD_SOURCE_MEMBERSHIP, from) == 0); } SHOW(source(IP_ADD_SOURCE_MEMBERSHIP, "127.0.2.1"));
  return 0;
}
