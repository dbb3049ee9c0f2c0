#include "abi.h"
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>

/* ICMP sockets and raw sockets on the loopback interface (icmp(7), raw(7)). */

static char buffer[4096];
static unsigned short sum(const void *data, int length) { const unsigned short *w = data; unsigned s = 0; for (; length > 1; length -= 2) s += *w++; if (length) s += *(const unsigned char *)w; while (s >> 16) s = (s & 0xffff) + (s >> 16); return ~s; }
static struct sockaddr_in v4(const char *a, int port) { struct sockaddr_in s = {.sin_family = AF_INET, .sin_port = htons(port)}; s.sin_addr.s_addr = inet_addr(a); return s; }
static struct sockaddr_in6 v6(int port) { struct sockaddr_in6 s = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT}; return s; }

static void raw4(int fd, int id) {
  for (;;) {
    struct pollfd p = {fd, POLLIN}; if (poll(&p, 1, 100) < 1) break;
    long n = recv(fd, buffer, sizeof buffer, 0); struct iphdr *ip = (void *)buffer; struct icmphdr *i = (void *)(buffer + ip->ihl * 4);
    if (ip->protocol == IPPROTO_ICMP && i->un.echo.id != id) continue;
    printf("  raw %ld: version %d ttl %d protocol %d type %d sums %d %d\n", n, ip->version, ip->ttl, ip->protocol, i->type, sum(ip, ip->ihl * 4), ip->protocol == IPPROTO_ICMP ? sum(i, n - ip->ihl * 4) : 0);
  }
  fflush(stdout);
}

static void ping4(void) {
  int fd = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY); if (write(fd, "0 2147483647", 12) < 0) puts("no range"); close(fd);
  struct { struct icmphdr h; char data[8]; } echo = {{.type = ICMP_ECHO, .un.echo = {.sequence = htons(1)}}, "payload"}; struct sockaddr_in to = v4("127.0.0.1", 0), from; socklen_t length = sizeof from;
  int s = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP); HOLDS(s >= 0); int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); HOLDS(raw >= 0);
  SHOW(sendto(s, &echo, sizeof echo, 0, (void *)&to, sizeof to)); getsockname(s, (void *)&from, &length); int id = from.sin_port; HOLDS(id != 0); length = sizeof from; SHOW(recvfrom(s, buffer, sizeof buffer, 0, (void *)&from, &length)); SHOW(length); HOLDS(from.sin_addr.s_addr == to.sin_addr.s_addr); SHOW(from.sin_port);
  struct icmphdr *h = (void *)buffer; SHOW(h->type); SHOW(ntohs(h->un.echo.sequence)); HOLDS(h->un.echo.id == id); SHOW(sum(buffer, sizeof echo)); puts(buffer + 8); raw4(raw, id); SHOW(recv(s, buffer, 9, MSG_DONTWAIT));
  /* Only echo requests may be sent. */
  echo.h.type = ICMP_ECHOREPLY; SHOW(sendto(s, &echo, sizeof echo, 0, (void *)&to, sizeof to)); echo.h.type = ICMP_ECHO; echo.h.code = 1; SHOW(sendto(s, &echo, sizeof echo, 0, (void *)&to, sizeof to)); echo.h.code = 0; SHOW(sendto(s, &echo, 4, 0, (void *)&to, sizeof to)); SHOW(send(s, &echo, sizeof echo, 0)); SHOW(connect(s, (void *)&to, sizeof to)); SHOW(send(s, &echo, sizeof echo, 0)); SHOW(recv(s, buffer, 10, MSG_TRUNC)); raw4(raw, id);
  /* A filter of types; the sender's own identifier. */
  int filter = 1 << ICMP_ECHO; SHOW(setsockopt(raw, 255, 1, &filter, 4)); echo.h.un.echo.id = htons(77); echo.h.checksum = 0; echo.h.checksum = sum(&echo, sizeof echo); SHOW(sendto(raw, &echo, sizeof echo, 0, (void *)&to, sizeof to)); raw4(raw, htons(77)); SHOW(recv(s, buffer, 9, MSG_DONTWAIT)); filter = 0; length = 4; SHOW(getsockopt(raw, 255, 1, &filter, &length)); SHOW(filter);
  int second = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP); struct sockaddr_in at = v4("127.0.0.1", 4242); SHOW(bind(second, (void *)&at, sizeof at)); int third = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP); SHOW(bind(third, (void *)&at, sizeof at)); close(third); third = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP); at = v4("192.0.2.1", 0); SHOW(bind(third, (void *)&at, sizeof at)); close(second); close(third);
  close(s); close(raw);
}

static void others(void) {
  int a = socket(AF_INET, SOCK_RAW, 200), b = socket(AF_INET, SOCK_RAW, 200), header = socket(AF_INET, SOCK_RAW, IPPROTO_RAW); struct sockaddr_in to = v4("127.0.0.1", 0);
  SHOW(sendto(a, "hello", 5, 0, (void *)&to, sizeof to)); raw4(b, 0); raw4(a, 0); struct { struct iphdr ip; char data[4]; } packet = {{.version = 4, .ihl = 5, .ttl = 9, .protocol = 200, .tot_len = htons(24), .daddr = htonl(INADDR_LOOPBACK)}, "abc"}; SHOW(sendto(header, &packet, sizeof packet, 0, (void *)&to, sizeof to)); raw4(b, 0); int yes = 1; SHOW(setsockopt(a, IPPROTO_IP, IP_HDRINCL, &yes, sizeof yes)); SHOW(sendto(a, &packet, 10, 0, (void *)&to, sizeof to));
  close(a); close(b); close(header);
  SHOW(socket(AF_INET, SOCK_RAW, 0)); SHOW(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMPV6)); SHOW(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMP));
  struct { struct icmp6_hdr h; char data[8]; } echo = {{.icmp6_type = ICMP6_ECHO_REQUEST}, "payload"}; struct sockaddr_in6 to6 = v6(0), from6; socklen_t length = sizeof from6; int s = socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6), raw = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  SHOW(sendto(s, &echo, sizeof echo, 0, (void *)&to6, sizeof to6)); SHOW(recvfrom(s, buffer, sizeof buffer, 0, (void *)&from6, &length)); SHOW(length); SHOW((unsigned char)buffer[0]); puts(buffer + 8); for (int i = 0; i < 2; i++) { SHOW(recv(raw, buffer, sizeof buffer, 0)); SHOW((unsigned char)buffer[0]); } echo.h.icmp6_type = 1; SHOW(sendto(s, &echo, sizeof echo, 0, (void *)&to6, sizeof to6));
  close(s); close(raw);
}

static void rights(void) {
  setgid(1000); setuid(1000); SHOW(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); SHOW(socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)); HOLDS(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) >= 0); SHOW(socket(AF_PACKET, SOCK_RAW, 0));
}

static void range(void) {
  int fd = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY); write(fd, "2000 2001", 9); close(fd); setgroups(0, NULL); setgid(1000); SHOW(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)); SHOW(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6)); 
}

int main(void) {
  ping4(); others(); if (fork() == 0) { rights(); exit(0); } wait(NULL); if (fork() == 0) { range(); exit(0); } wait(NULL); int fd = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY); write(fd, "1 0", 3); close(fd); SHOW(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)); fd = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY); write(fd, "0 2147483647", 12); close(fd);
  return 0;
}
