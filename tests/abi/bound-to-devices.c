/* Sockets that are bound to an interface, and TCP's listeners that wait for data and writers that wait for a time. */
#include "abi.h"
#include <sched.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
  for (int i = 0; i < 2; i++) {
    strcpy(q.ifr_name, i ? "lo" : "one");
    ioctl(s, SIOCGIFFLAGS, &q); q.ifr_flags |= IFF_UP;
    if (ioctl(s, SIOCSIFFLAGS, &q)) perror("up");
  }
  close(s); close(fd);
}
static struct sockaddr_in at(const char *ip, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  a.sin_addr.s_addr = inet_addr(ip);
  return a;
}
static int bound(int type, const char *device, const char *ip, int port) {
  int fd = socket(AF_INET, type, 0);
  if (device[0] && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device))) perror("device");
  struct sockaddr_in a = at(ip, port);
  if (bind(fd, (void *)&a, sizeof a)) { printf("bind %s %s: %s\n", device, ip, name_of(errno)); close(fd); return -1; }
  return fd;
}
static void send_to(const char *ip, int port) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in a = at(ip, port);
  sendto(fd, ip, strlen(ip), 0, (void *)&a, sizeof a);
  close(fd);
}
static void heard(const char *who, int fd) {
  char text[64];
  printf("%s:", who);
  for (ssize_t n; (n = recv(fd, text, sizeof text, MSG_DONTWAIT)) >= 0;) printf(" %.*s", (int)n, text);
  puts("");
  fflush(stdout);
}
static int connected(const char *ip, int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in a = at(ip, port);
  if (connect(fd, (void *)&a, sizeof a)) { int e = errno; close(fd); errno = e; return -1; }
  return fd;
}
static int ready(int fd, int ms) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, ms);
}

int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  links();
  char name[32]; socklen_t length = sizeof name; int number = 0;
  puts("Names:");
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  SHOW(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "none", 4));
  SHOW(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length)); SHOW(length);
  SHOW(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "one", 3));
  length = 8; SHOW(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length));
  length = 32; SHOW(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length)); SHOW(length); puts(name);
  length = 4; SHOW(getsockopt(fd, SOL_SOCKET, 62, &number, &length)); HOLDS(number == if_nametoindex("one"));
  number = -1; SHOW(setsockopt(fd, SOL_SOCKET, 62, &number, 4));
  number = 77; SHOW(setsockopt(fd, SOL_SOCKET, 62, &number, 4));
  length = 32; SHOW(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length));
  number = 1; SHOW(setsockopt(fd, SOL_SOCKET, 62, &number, 4));
  length = 32; SHOW(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length)); puts(name);
  SHOW(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
  length = 32; SHOW(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length)); SHOW(length);
  close(fd);

  puts("\nDatagrams:");
  int on_lo = bound(SOCK_DGRAM, "lo", "0.0.0.0", 5001), on_one = bound(SOCK_DGRAM, "one", "0.0.0.0", 5001);
  bound(SOCK_DGRAM, "one", "0.0.0.0", 5001);
  bound(SOCK_DGRAM, "", "0.0.0.0", 5001);
  send_to("127.0.0.1", 5001); send_to("10.9.0.1", 5001);
  heard("lo", on_lo); heard("one", on_one);
  close(on_lo);
  send_to("127.0.0.1", 5001); send_to("10.9.0.1", 5001);
  heard("one alone", on_one);
  SHOW(setsockopt(on_one, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
  send_to("127.0.0.1", 5001); send_to("10.9.0.1", 5001);
  heard("anywhere", on_one);
  close(on_one);
  int exact = bound(SOCK_DGRAM, "lo", "10.9.0.1", 5002), wide = bound(SOCK_DGRAM, "one", "0.0.0.0", 5002);
  send_to("10.9.0.1", 5002);
  heard("the address, by another interface", exact); heard("the interface", wide);
  close(exact); close(wide);

  puts("\nConnections:");
  int listen_lo = bound(SOCK_STREAM, "lo", "0.0.0.0", 5003), listen_one = bound(SOCK_STREAM, "one", "0.0.0.0", 5003);
  bound(SOCK_STREAM, "", "10.9.0.1", 5003);
  SHOW(listen(listen_lo, 5)); SHOW(listen(listen_one, 5));
  int c = connected("127.0.0.1", 5003); SHOW(ready(listen_lo, 100)); SHOW(ready(listen_one, 0)); close(c);
  close(accept(listen_lo, 0, 0));
  c = connected("10.9.0.1", 5003); SHOW(ready(listen_lo, 0)); SHOW(ready(listen_one, 100)); close(c);
  close(listen_lo);
  SHOW(connected("127.0.0.1", 5003));
  close(listen_one);

  puts("\nDeferred:");
  int listener = bound(SOCK_STREAM, "", "127.0.0.1", 5004); number = 1;
  SHOW(setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &number, 4));
  SHOW(listen(listener, 5));
  c = connected("127.0.0.1", 5004);
  HOLDS(c >= 0); SHOW(ready(listener, 50)); SHOW(send(c, "a", 1, 0)); SHOW(ready(listener, 500));
  int s = accept(listener, 0, 0);
  SHOW(recv(s, name, 8, MSG_DONTWAIT)); close(s); close(c);
  c = connected("127.0.0.1", 5004); SHOW(ready(listener, 50)); close(c); SHOW(ready(listener, 500));
  s = accept(listener, 0, 0); SHOW(recv(s, name, 8, 0)); close(s);
  struct linger hard = {1, 0};
  c = connected("127.0.0.1", 5004); setsockopt(c, SOL_SOCKET, SO_LINGER, &hard, sizeof hard); close(c);
  SHOW(ready(listener, 300));
  c = connected("127.0.0.1", 5004); SHOW(ready(listener, 300)); SHOW(ready(listener, 5000));
  s = accept(listener, 0, 0); SHOW(recv(s, name, 8, MSG_DONTWAIT)); SHOW(send(s, "b", 1, 0)); SHOW(recv(c, name, 8, 0));
  close(s); close(c);
  c = connected("127.0.0.1", 5004); close(listener);
  SHOW(ready(c, 100)); SHOW(send(c, "a", 1, 0)); SHOW(recv(c, name, 8, 0)); close(c);

  puts("\nTime-outs of writers:");
  listener = bound(SOCK_STREAM, "", "127.0.0.1", 5005); listen(listener, 5);
  c = connected("127.0.0.1", 5005); s = accept(listener, 0, 0);
  number = 300; SHOW(setsockopt(c, IPPROTO_TCP, TCP_USER_TIMEOUT, &number, 4));
  static char block[65536]; fcntl(c, F_SETFL, O_NONBLOCK);
  while (send(c, block, sizeof block, 0) > 0);
  HOLDS(errno == EAGAIN);
  struct pollfd p = {c, POLLIN, 0};
  SHOW(poll(&p, 1, 10000)); HOLDS((p.revents & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP));
  SHOW(send(c, "a", 1, 0)); SHOW(send(c, "a", 1, MSG_NOSIGNAL)); SHOW(recv(c, name, 8, 0));
  long all = 0; fcntl(s, F_SETFL, O_NONBLOCK);
  for (long n; (n = recv(s, block, sizeof block, 0)) > 0;) all += n;
  HOLDS(all > 0); HOLDS(errno == ECONNRESET);
  close(c); close(s);
  c = connected("127.0.0.1", 5005); s = accept(listener, 0, 0);
  number = 200; setsockopt(c, IPPROTO_TCP, TCP_USER_TIMEOUT, &number, 4);
  SHOW(send(c, "a", 1, 0)); usleep(900000);
  SHOW(send(c, "a", 1, 0)); SHOW(recv(s, name, 8, 0));
  close(c); close(s);
  return 0;
}
