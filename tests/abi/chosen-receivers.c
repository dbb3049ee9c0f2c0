/* Which of several sockets of a port gets what comes: by family, by interface, and of groups by membership. */
#include "abi.h"
#include <sched.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static struct { struct nlmsghdr h; struct ifinfomsg i; char rest[256]; } r;
static void attribute(int type, const void *value, int length) {
  struct rtattr *a = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len));
  a->rta_type = type; a->rta_len = RTA_LENGTH(length); memcpy(RTA_DATA(a), value, length);
  r.h.nlmsg_len = NLMSG_ALIGN(r.h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}
/* A pair of links; the first gets the address. */
static void links(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  r.h = (struct nlmsghdr){NLMSG_LENGTH(sizeof r.i), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0};
  attribute(IFLA_IFNAME, "one", 4);
  struct rtattr *info = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len));
  attribute(IFLA_LINKINFO, "", 0);
  attribute(IFLA_INFO_KIND, "veth", 5);
  info->rta_len = (char *)&r + r.h.nlmsg_len - (char *)info;
  char text[4096];
  send(fd, &r, r.h.nlmsg_len, 0);
  recv(fd, text, sizeof text, 0);
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq q = {.ifr_name = "one"};
  struct sockaddr_in *a = (void *)&q.ifr_addr;
  a->sin_family = AF_INET; a->sin_addr.s_addr = inet_addr("10.9.0.1");
  if (ioctl(s, SIOCSIFADDR, &q)) perror("address");
  for (int i = 0; i < 3; i++) {
    strcpy(q.ifr_name, i == 0 ? "one" : i == 1 ? "lo" : "veth0");
    ioctl(s, SIOCGIFFLAGS, &q); q.ifr_flags |= IFF_UP;
    if (ioctl(s, SIOCSIFFLAGS, &q)) perror("up");
  }
  close(s); close(fd);
}
static const char *GROUP = "239.1.2.3";
static int port = 6000;
/* What the socket is bound to, of the family. */
static int bound(int family, int type, const char *device, int share) {
  int fd = socket(family, type, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, share, &on, 4);
  if (device[0] && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device))) perror("device");
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (family == AF_INET ? bind(fd, (void *)&four, sizeof four) : bind(fd, (void *)&six, sizeof six)) perror("bind");
  if (type == SOCK_STREAM && listen(fd, 5)) perror("listen");
  return fd;
}
static void heard(const char *who, int fd) {
  char text[64];
  printf("%s:", who);
  for (ssize_t n; (n = recv(fd, text, sizeof text, MSG_DONTWAIT)) >= 0;) printf(" %.*s", (int)n, text);
  puts("");
  fflush(stdout);
}
static void send_to(const char *ip) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  a.sin_addr.s_addr = inet_addr(ip);
  sendto(fd, ip, strlen(ip), 0, (void *)&a, sizeof a);
  close(fd);
}
/* Two listeners of one port, and who is asked. */
static void asked(const char *what, int first, int second) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (void *)&a, sizeof a)) perror("connect");
  struct pollfd p[2] = {{first, POLLIN}, {second, POLLIN}};
  poll(p, 2, 1000);
  printf("%s: %s\n", what, p[0].revents ? "the first" : p[1].revents ? "the second" : "nobody");
  close(fd); close(first); close(second);
  port++;
}
static void pair(const char *what, int family, const char *device, int other, const char *second) {
  int a = bound(family, SOCK_DGRAM, device, SO_REUSEADDR), b = bound(other, SOCK_DGRAM, second, SO_REUSEADDR);
  send_to("127.0.0.1"); send_to("10.9.0.1");
  printf("%s\n", what);
  heard("  first", a); heard("  second", b);
  close(a); close(b);
  port++;
}

enum { JOIN = MCAST_JOIN_SOURCE_GROUP, LEAVE = MCAST_LEAVE_SOURCE_GROUP, BLOCK = MCAST_BLOCK_SOURCE, UNBLOCK = MCAST_UNBLOCK_SOURCE };
static int sender;
/* Sends to the group by an interface: by its number, its address, as the one that the socket is bound to. */
static void tell(const char *text, int number, const char *address, const char *device) {
  struct ip_mreqn by = {{0}, {address ? inet_addr(address) : 0}, number};
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  a.sin_addr.s_addr = inet_addr(GROUP);
  sender = socket(AF_INET, SOCK_DGRAM, 0);
  if (number || address) setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by);
  if (device) setsockopt(sender, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device));
  long sent = sendto(sender, text, strlen(text), 0, (void *)&a, sizeof a);
  printf("%s: %s\n", text, sent < 0 ? name_of(errno) : "sent");
  close(sender);
}
static long member(int fd, int option, int number, const char *address) {
  struct ip_mreqn m = {{inet_addr(GROUP)}, {address ? inet_addr(address) : 0}, number};
  return setsockopt(fd, IPPROTO_IP, option, &m, sizeof m);
}
static long source(int fd, int option, int number, const char *from) {
  struct group_source_req m = {.gsr_interface = number};
  struct sockaddr_in *g = (void *)&m.gsr_group, *s = (void *)&m.gsr_source;
  g->sin_family = s->sin_family = AF_INET;
  g->sin_addr.s_addr = inet_addr(GROUP); s->sin_addr.s_addr = inet_addr(from);
  return setsockopt(fd, IPPROTO_IP, option, &m, sizeof m);
}
static void off(int fd, int option) { int no = 0; setsockopt(fd, IPPROTO_IP, option, &no, 4); }

int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  links();
  int lo = if_nametoindex("lo"), one = if_nametoindex("one");
  puts("Datagrams:");
  pair("both families, one bound to lo", AF_INET6, "lo", AF_INET, "");
  pair("the other way", AF_INET, "", AF_INET6, "lo");
  pair("nobody bound", AF_INET, "", AF_INET6, "");
  pair("both bound", AF_INET, "lo", AF_INET6, "lo");
  pair("IPv4 bound", AF_INET, "one", AF_INET6, "");
  puts("\nConnections:");
  asked("six on lo, four", bound(AF_INET6, SOCK_STREAM, "lo", SO_REUSEPORT), bound(AF_INET, SOCK_STREAM, "", SO_REUSEPORT));
  asked("four, six on lo", bound(AF_INET, SOCK_STREAM, "", SO_REUSEPORT), bound(AF_INET6, SOCK_STREAM, "lo", SO_REUSEPORT));
  asked("four on lo, four", bound(AF_INET, SOCK_STREAM, "lo", SO_REUSEPORT), bound(AF_INET, SOCK_STREAM, "", SO_REUSEPORT));
  asked("four on lo, six on lo", bound(AF_INET, SOCK_STREAM, "lo", SO_REUSEPORT), bound(AF_INET6, SOCK_STREAM, "lo", SO_REUSEPORT));
  asked("four, six", bound(AF_INET, SOCK_STREAM, "", SO_REUSEPORT), bound(AF_INET6, SOCK_STREAM, "", SO_REUSEPORT));

  puts("\nGroups:");
  const char *names[] = {"unbound", "of lo", "of one", "members alone", "member by lo", "member by one", "six"};
  int each[7];
  for (int i = 0; i < 7; i++) each[i] = bound(i == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM, i == 1 ? "lo" : i == 2 ? "one" : "", SO_REUSEADDR);
  for (int i = 3; i < 6; i++) off(each[i], IP_MULTICAST_ALL);
  tell("no member, by lo", lo, 0, 0); tell("no member, by one", one, 0, 0); tell("no member, by none", 0, 0, 0);
  for (int i = 0; i < 7; i++) heard(names[i], each[i]);
  SHOW(member(each[4], IP_ADD_MEMBERSHIP, lo, 0)); SHOW(member(each[4], IP_ADD_MEMBERSHIP, 0, "127.0.0.1"));
  SHOW(member(each[5], IP_ADD_MEMBERSHIP, 0, "10.9.0.1")); SHOW(member(each[5], IP_ADD_MEMBERSHIP, one, 0));
  SHOW(member(each[5], IP_ADD_MEMBERSHIP, 99, 0)); SHOW(member(each[5], IP_ADD_MEMBERSHIP, 0, "10.8.0.1"));
  SHOW(member(each[5], IP_ADD_MEMBERSHIP, 0, 0));
  tell("lo", lo, 0, 0); tell("one", one, 0, 0); tell("address-of-lo", 0, "127.0.0.1", 0); tell("address-of-one", 0, "10.9.0.1", 0);
  tell("device-lo", 0, 0, "lo"); tell("device-one", 0, 0, "one");
  for (int i = 0; i < 7; i++) heard(names[i], each[i]);
  SHOW(member(each[4], IP_DROP_MEMBERSHIP, one, 0)); SHOW(member(each[4], IP_DROP_MEMBERSHIP, 0, "10.9.0.1"));
  SHOW(member(each[4], IP_DROP_MEMBERSHIP, lo, 0));
  tell("lo-again", lo, 0, 0); tell("one-again", one, 0, 0);
  for (int i = 0; i < 7; i++) heard(names[i], each[i]);

  puts("\nConnected, and in parts:");
  sender = socket(AF_INET, SOCK_DGRAM, 0);
  struct ip_mreqn link = {{0}, {0}, one};
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(port)}, here; socklen_t size = sizeof here;
  there.sin_addr.s_addr = inet_addr(GROUP);
  SHOW(connect(sender, (void *)&there, sizeof there));
  SHOW(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &link, sizeof link));
  SHOW(sendto(sender, "in ", 3, MSG_MORE, (void *)&there, sizeof there)); SHOW(sendto(sender, "parts", 5, 0, (void *)&there, sizeof there));
  SHOW(connect(sender, (void *)&there, sizeof there)); getsockname(sender, (void *)&here, &size); puts(inet_ntoa(here.sin_addr));
  SHOW(send(sender, "connected", 9, 0));
  close(sender);
  for (int i = 0; i < 7; i++) heard(names[i], each[i]);

  puts("\nNot to oneself:");
  sender = socket(AF_INET, SOCK_DGRAM, 0);
  off(sender, IP_MULTICAST_LOOP);
  SHOW(member(each[4], IP_ADD_MEMBERSHIP, lo, 0));
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  a.sin_addr.s_addr = inet_addr(GROUP);
  for (int i = 0; i < 2; i++) {
    struct ip_mreqn by = {{0}, {0}, i ? one : lo};
    SHOW(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by));
    SHOW(sendto(sender, i ? "one" : "lo", i ? 3 : 2, 0, (void *)&a, sizeof a));
  }
  struct in_addr got; socklen_t length = 4;
  SHOW(getsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &got, &length)); puts(inet_ntoa(got));
  struct in_addr by = {inet_addr("10.8.0.1")};
  SHOW(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &by, 4));
  by.s_addr = inet_addr("10.9.0.1"); SHOW(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &by, 4));
  SHOW(getsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &got, &length)); puts(inet_ntoa(got));
  struct ip_mreqn wrong = {{0}, {0}, 99}; SHOW(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &wrong, sizeof wrong));
  for (int i = 0; i < 7; i++) heard(names[i], each[i]);
  SHOW(setsockopt(each[1], IPPROTO_IP, IP_MULTICAST_IF, &(struct ip_mreqn){{0}, {0}, one}, sizeof wrong));
  close(sender);

  puts("\nSources:");
  for (int i = 4; i < 6; i++) SHOW(member(each[i], IP_DROP_MEMBERSHIP, i == 4 ? lo : one, 0));
  SHOW(source(each[4], BLOCK, lo, "127.0.0.1")); SHOW(source(each[4], JOIN, 99, "127.0.0.1"));
  SHOW(source(each[4], JOIN, lo, "127.0.0.9")); SHOW(source(each[4], JOIN, lo, "127.0.0.9"));
  tell("lo", lo, 0, 0);
  for (int i = 0; i < 7; i++) heard(names[i], each[i]);
  SHOW(source(each[4], JOIN, lo, "127.0.0.1")); SHOW(source(each[5], JOIN, one, "10.9.0.1"));
  tell("lo", lo, 0, 0); tell("one", one, 0, 0);
  for (int i = 0; i < 7; i++) heard(names[i], each[i]);
  SHOW(source(each[4], LEAVE, one, "127.0.0.1")); SHOW(source(each[4], LEAVE, lo, "127.0.0.1"));
  SHOW(source(each[4], LEAVE, lo, "127.0.0.9")); SHOW(source(each[4], LEAVE, lo, "127.0.0.9"));
  SHOW(member(each[4], IP_ADD_MEMBERSHIP, lo, 0)); SHOW(source(each[4], BLOCK, lo, "127.0.0.1")); SHOW(source(each[4], UNBLOCK, lo, "127.0.0.2"));
  tell("blocked", lo, 0, 0); heard(names[4], each[4]);
  SHOW(source(each[4], UNBLOCK, lo, "127.0.0.1"));
  tell("unblocked", lo, 0, 0); heard(names[4], each[4]);
  struct group_req plain = {0};
  ((struct sockaddr_in *)&plain.gr_group)->sin_family = AF_INET; ((struct sockaddr_in *)&plain.gr_group)->sin_addr.s_addr = inet_addr(GROUP);
  SHOW(setsockopt(each[4], IPPROTO_IP, MCAST_LEAVE_GROUP, &plain, sizeof plain)); SHOW(setsockopt(each[4], IPPROTO_IP, MCAST_JOIN_GROUP, &plain, sizeof plain));
  struct group_source_req m = {.gsr_interface = lo};
  SHOW(setsockopt(each[4], IPPROTO_IP, JOIN, &m, sizeof m)); SHOW(setsockopt(each[4], IPPROTO_IP, JOIN, &m, sizeof m - 1));
  m.gsr_group.ss_family = m.gsr_source.ss_family = AF_INET; SHOW(setsockopt(each[4], IPPROTO_IP, JOIN, &m, sizeof m));

  puts("\nSources of IPv6:");
  int six = each[6], number;
  struct sockaddr_in6 *g = (void *)&m.gsr_group, *s = (void *)&m.gsr_source;
  g->sin6_family = s->sin6_family = AF_INET6;
  inet_pton(AF_INET6, "ff05::1234", &g->sin6_addr); inet_pton(AF_INET6, "::2", &s->sin6_addr);
  SHOW(setsockopt(six, IPPROTO_IPV6, BLOCK, &m, sizeof m)); SHOW(setsockopt(six, IPPROTO_IPV6, JOIN, &m, sizeof m));
  SHOW(setsockopt(six, IPPROTO_IPV6, JOIN, &m, sizeof m)); SHOW(setsockopt(six, IPPROTO_IPV6, BLOCK, &m, sizeof m));
  SHOW(setsockopt(six, IPPROTO_IPV6, LEAVE, &m, sizeof m)); SHOW(setsockopt(six, IPPROTO_IPV6, LEAVE, &m, sizeof m));
  length = 4; SHOW(getsockopt(six, IPPROTO_IPV6, 29, &number, &length)); SHOW(number);
  number = 0; SHOW(setsockopt(six, IPPROTO_IPV6, 29, &number, 4)); number = 2; SHOW(setsockopt(six, IPPROTO_IPV6, 29, &number, 4));
  s->sin6_family = AF_INET; SHOW(setsockopt(six, IPPROTO_IPV6, JOIN, &m, sizeof m));
  sender = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  for (int i = 0; i < 2; i++) {
    inet_pton(AF_INET6, i ? "ff05::1234" : "ff02::1", &to.sin6_addr);
    to.sin6_scope_id = lo; SHOW(sendto(sender, "scope lo", 8, 0, (void *)&to, sizeof to));
    to.sin6_scope_id = 0; SHOW(setsockopt(sender, IPPROTO_IPV6, IPV6_MULTICAST_IF, &lo, sizeof lo)); SHOW(sendto(sender, "option lo", 9, 0, (void *)&to, sizeof to));
  }
  number = 99; SHOW(setsockopt(sender, IPPROTO_IPV6, IPV6_MULTICAST_IF, &number, 4));
  return 0;
}
