/* Raw sockets of IPv6 that are connected to an address of IPv4: to whom they speak and what they hear. */
#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static void tell(int s) {
  struct sockaddr_in6 a; socklen_t l = sizeof a; char text[64];
  if (getsockname(s, (void *)&a, &l)) printf("  own: %s\n", name_of(errno)); else printf("  own: %s\n", inet_ntop(AF_INET6, &a.sin6_addr, text, 64));
  l = sizeof a;
  if (getpeername(s, (void *)&a, &l)) printf("  peer: %s\n", name_of(errno)); else printf("  peer: %s\n", inet_ntop(AF_INET6, &a.sin6_addr, text, 64));
  fflush(stdout);
}

int main(void) {
  SHOW(unshare(CLONE_NEWNET)); int c = socket(AF_INET, SOCK_DGRAM, 0); struct ifreq r = {0}; strcpy(r.ifr_name, "lo"); ioctl(c, SIOCGIFFLAGS, &r); r.ifr_flags |= IFF_UP; SHOW(ioctl(c, SIOCSIFFLAGS, &r));
  int four = socket(AF_INET, SOCK_RAW, 5), other = socket(AF_INET6, SOCK_RAW, 5); char b[64];
  struct sockaddr_in6 mapped = {AF_INET6}, one = {AF_INET6}, any = {AF_INET6}; inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr); inet_pton(AF_INET6, "::1", &one.sin6_addr); struct sockaddr_in plain = {AF_INET}; inet_pton(AF_INET, "127.0.0.1", &plain.sin_addr);
  const char *names[] = {"not bound", "bound to ::1", "for IPv6 alone", "bound to ::ffff:127.0.0.1"};
  for (int kind = 0; kind < 4; kind++) {
    printf("- %s\n", names[kind]); fflush(stdout);
    int on = 1, s = socket(AF_INET6, SOCK_RAW, 5);
    if (kind == 1) SHOW(bind(s, (void *)&one, sizeof one));
    if (kind == 2) SHOW(setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, 4));
    if (kind == 3) SHOW(bind(s, (void *)&mapped, sizeof mapped));
    SHOW(sendto(s, "x", 1, 0, (void *)&mapped, sizeof mapped)); SHOW(sendto(s, "x", 1, 0, (void *)&plain, sizeof plain));
    SHOW(connect(s, (void *)&mapped, sizeof mapped)); tell(s); SHOW(send(s, "abc", 3, 0)); SHOW(recv(four, b, 64, MSG_DONTWAIT)); SHOW(recv(other, b, 64, MSG_DONTWAIT)); SHOW(recv(s, b, 64, MSG_DONTWAIT)); SHOW(sendto(four, "de", 2, 0, (void *)&plain, sizeof plain)); SHOW(recv(s, b, 64, MSG_DONTWAIT)); SHOW(recv(four, b, 64, MSG_DONTWAIT));
    SHOW(connect(s, (void *)&plain, sizeof plain)); tell(s); SHOW(connect(s, (void *)&one, sizeof one)); tell(s); SHOW(send(s, "abc", 3, 0)); SHOW(recv(s, b, 64, MSG_DONTWAIT)); while (recv(other, b, 64, MSG_DONTWAIT) > 0);
    close(s);
  }
  return 0;
}
