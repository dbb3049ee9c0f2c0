/* Sockets of all families on the loopback: addresses, options, streams, datagrams, messages with descriptors. */
#include "random-calls.h"
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static int fds[10];
static int fd(void) {
  if (one_in(40)) return (int)below(40) - 5;
  return any_of(fds, COUNT_OF(fds));
}
static void keep(long opened) { keep_in(fds, COUNT_OF(fds), opened); }
static int option_of(int d, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  getsockopt(d, SOL_SOCKET, option, &value, &length);
  return value;
}
static char buffer[1 << 16];
static union { struct sockaddr any; struct sockaddr_in in; struct sockaddr_in6 in6; struct sockaddr_un un; struct sockaddr_nl nl; char bytes[200]; } address;
static char named[120];
static int is_tcp(int d) { return option_of(d, SO_TYPE) == SOCK_STREAM && option_of(d, SO_DOMAIN) != AF_UNIX; }
static void drop(int d) {
  for (int i = 0; i < 10; i++) if (fds[i] == d) fds[i] = -1;
  close(d);
}
/* An address by chance, mostly of the socket's family; its length. */
static socklen_t make_address(int d, int lowest) {
  const int ports[] = {lowest, 4001, 4002, 4003, 80};
  static const char *hosts[] = {"127.0.0.1", "0.0.0.0", "127.0.0.2", "10.1.1.1", "255.255.255.255", "224.0.0.1"};
  static const char *hosts6[] = {"::1", "::", "::ffff:127.0.0.1", "fe80::1", "ff02::1", "2001:db8::1"};
  static const char *paths[] = {"a", "b", "\0a", "\0b", "missing/a", "", "d"};
  socklen_t length;
  int family = option_of(d, SO_DOMAIN);
  memset(&address, 0, sizeof address);
  switch (one_in(8) ? below(8) : family == AF_INET ? 0 : family == AF_INET6 ? 3 : family == AF_UNIX ? 5 : below(8)) {
  case 0: case 1: case 2: {
    const char *host = one_in(2) ? hosts[0] : ANY(hosts);
    int port = ANY(ports);
    address.in.sin_family = AF_INET;
    address.in.sin_port = htons(port);
    inet_pton(AF_INET, host, &address.in.sin_addr);
    length = sizeof address.in;
    sprintf(named, "%s:%d", host, port);
    break;
  }
  case 3: case 4: {
    const char *host = one_in(2) ? hosts6[0] : ANY(hosts6);
    int port = ANY(ports);
    address.in6.sin6_family = AF_INET6;
    address.in6.sin6_port = htons(port);
    address.in6.sin6_scope_id = one_in(4) ? below(3) : 0;
    inet_pton(AF_INET6, host, &address.in6.sin6_addr);
    length = sizeof address.in6;
    sprintf(named, "[%s%%%d]:%d", host, address.in6.sin6_scope_id, port);
    break;
  }
  case 5: case 6: {
    long which = below(COUNT_OF(paths));
    address.un.sun_family = AF_UNIX;
    memcpy(address.un.sun_path, paths[which], 2);
    if (which == 4) strcpy(address.un.sun_path, "missing/a");
    length = (socklen_t)(2 + (which == 4 ? 10 : which == 5 ? 0 : 2));
    sprintf(named, "unix %ld", which);
    break;
  }
  default:
    address.any.sa_family = (sa_family_t)(one_in(2) ? AF_UNSPEC : below(50));
    length = 16;
    sprintf(named, "family %d", address.any.sa_family);
  }
  if (one_in(12)) {
    length = (socklen_t)(one_in(4) ? -1 : below(140));
    sprintf(named + strlen(named), " (%d)", (int)length);
  }
  return length;
}
/* Ports that the system chose are not told. */
static void show_address(socklen_t length) {
  char text[64] = "";
  if (length == 0) printf("  nobody\n");
  else if (address.any.sa_family == AF_INET) {
    int port = ntohs(address.in.sin_port);
    printf("  %s:%d length %d\n", inet_ntop(AF_INET, &address.in.sin_addr, text, 64), port >= 30000 ? 30000 : port, (int)length);
  } else if (address.any.sa_family == AF_INET6) {
    int port = ntohs(address.in6.sin6_port);
    printf("  %s:%d scope %d length %d\n", inet_ntop(AF_INET6, &address.in6.sin6_addr, text, 64), port >= 30000 ? 30000 : port, address.in6.sin6_scope_id, (int)length);
  } else if (address.any.sa_family == AF_UNIX) printf("  unix length %d %s\n", length == 8 ? 8 : (int)length, length > 3 && length != 8 ? address.un.sun_path[0] ? address.un.sun_path : "@" : "");
  else printf("  family %d length %d\n", address.any.sa_family, (int)length);
}
/* The options that programs ask for, by level; what says how much memory or time a system gives is not among them. */
struct option { int level, name; };
static const struct option options[] = {
  {SOL_SOCKET, SO_REUSEADDR}, {SOL_SOCKET, SO_TYPE}, {SOL_SOCKET, SO_ERROR}, {SOL_SOCKET, SO_BROADCAST}, {SOL_SOCKET, SO_KEEPALIVE},
  {SOL_SOCKET, SO_OOBINLINE}, {SOL_SOCKET, SO_PRIORITY}, {SOL_SOCKET, SO_LINGER}, {SOL_SOCKET, SO_REUSEPORT}, {SOL_SOCKET, SO_RCVLOWAT},
  {SOL_SOCKET, SO_SNDLOWAT}, {SOL_SOCKET, SO_RCVTIMEO}, {SOL_SOCKET, SO_SNDTIMEO}, {SOL_SOCKET, SO_ACCEPTCONN}, {SOL_SOCKET, SO_PEEK_OFF},
  {SOL_SOCKET, SO_MARK}, {SOL_SOCKET, SO_PROTOCOL}, {SOL_SOCKET, SO_DOMAIN}, {SOL_SOCKET, SO_TIMESTAMP}, {SOL_SOCKET, SO_TIMESTAMPNS},
  {SOL_SOCKET, SO_NO_CHECK}, {SOL_SOCKET, SO_DONTROUTE}, {SOL_SOCKET, SO_DEBUG}, {SOL_SOCKET, SO_RXQ_OVFL},
  {IPPROTO_IP, IP_TOS}, {IPPROTO_IP, IP_TTL}, {IPPROTO_IP, IP_RECVERR}, {IPPROTO_IP, IP_PKTINFO}, {IPPROTO_IP, IP_MTU_DISCOVER},
  {IPPROTO_IP, IP_RECVTTL}, {IPPROTO_IP, IP_RECVTOS}, {IPPROTO_IP, IP_FREEBIND}, {IPPROTO_IP, IP_MULTICAST_TTL}, {IPPROTO_IP, IP_MULTICAST_LOOP},
  {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT}, {IPPROTO_IP, IP_MINTTL}, {IPPROTO_IP, IP_HDRINCL}, {IPPROTO_IP, IP_OPTIONS},
  {IPPROTO_IP, IP_TRANSPARENT}, {IPPROTO_IP, IP_MULTICAST_ALL},
  {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_CORK}, {IPPROTO_TCP, TCP_KEEPIDLE}, {IPPROTO_TCP, TCP_KEEPINTVL}, {IPPROTO_TCP, TCP_KEEPCNT},
  {IPPROTO_TCP, TCP_SYNCNT}, {IPPROTO_TCP, TCP_LINGER2}, {IPPROTO_TCP, TCP_DEFER_ACCEPT}, {IPPROTO_TCP, TCP_QUICKACK}, {IPPROTO_TCP, TCP_USER_TIMEOUT},
  {IPPROTO_TCP, TCP_FASTOPEN}, {IPPROTO_TCP, TCP_NOTSENT_LOWAT}, {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS},
  {IPPROTO_IPV6, IPV6_UNICAST_HOPS}, {IPPROTO_IPV6, IPV6_MULTICAST_HOPS}, {IPPROTO_IPV6, IPV6_MULTICAST_LOOP}, {IPPROTO_IPV6, IPV6_V6ONLY},
  {IPPROTO_IPV6, IPV6_RECVPKTINFO}, {IPPROTO_IPV6, IPV6_RECVHOPLIMIT}, {IPPROTO_IPV6, IPV6_TCLASS}, {IPPROTO_IPV6, IPV6_RECVTCLASS},
  {IPPROTO_IPV6, IPV6_MTU_DISCOVER}, {IPPROTO_IPV6, IPV6_RECVERR}, {IPPROTO_IPV6, IPV6_DONTFRAG}, {IPPROTO_IPV6, IPV6_MULTICAST_IF}, {IPPROTO_IPV6, IPV6_MULTICAST_ALL},
};
static const unsigned long receive_flags[] = {MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_CMSG_CLOEXEC};
static const unsigned long send_flags[] = {MSG_NOSIGNAL, MSG_EOR, MSG_CONFIRM};

static void step(void) {
  int d = fd(), value = one_in(3) ? (int)below(1000) - 20 : (int)below(3);
  long m = one_in(6) ? 0 : one_in(6) ? below(4096) : below(200), r;
  int sends = (one_in(2) ? 0 : (int)SOME(send_flags)) | MSG_DONTWAIT, receives = (one_in(2) ? 0 : (int)SOME(receive_flags)) | MSG_DONTWAIT;
  socklen_t length;
  /* Whether an empty packet was not read is told to who sent it by some versions of Linux. */
  if (m == 0 && option_of(d, SO_TYPE) == SOCK_SEQPACKET) m = 1;
  errno = 0;
  switch (below(40)) {
  case 0: case 1: case 2: case 3: {
    static const int domains[] = {AF_UNIX, AF_UNIX, AF_UNIX, AF_INET, AF_INET, AF_INET, AF_INET, AF_INET6, AF_INET6, AF_INET6, AF_NETLINK, 99};
    static const int types[] = {SOCK_STREAM, SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RDM, 11};
    static const int protocols[] = {0, 0, 0, 0, 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_RAW, IPPROTO_UDPLITE, 255, -1, 300, IPPROTO_ICMPV6};
    int domain = ANY(domains), type = ANY(types) | SOCK_NONBLOCK, protocol = ANY(protocols);
    if (domain == AF_NETLINK) protocol = 0;
    /* What may ping is a setting (icmp(7)). */
    if ((type & 15) == SOCK_DGRAM && (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)) protocol = 0;
    keep(told(socket(domain, type, protocol), "socket(%d, %#x, %d)", domain, type, protocol));
    break;
  }
  case 4: {
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW};
    int two[2], type = ANY(types) | SOCK_NONBLOCK, domain = one_in(6) ? (int)below(12) : AF_UNIX;
    if (told(socketpair(domain, type, one_in(8) ? 1 : 0, two), "socketpair(%d, %#x)", domain, type) == 0) { keep(two[0]); keep(two[1]); }
    break;
  }
  case 5: case 6: case 7: length = make_address(d, 0); told(bind(d, &address.any, length), "bind(%d, %s)", d, named); break;
  case 8: case 9: told(listen(d, one_in(4) ? value : 4), "listen(%d)", d); break;
  case 10: case 11: case 12: case 13: {
    length = make_address(d, 4003);
    r = connect(d, &address.any, length);
    int failed = errno;
    told(r, "connect(%d, %s)", d, named);
    /* What can be done with one that has failed differs among versions of Linux. */
    if (is_tcp(d) && (r == 0 || (failed != EINPROGRESS && failed != EISCONN && failed != EALREADY))) drop(d);
    break;
  }
  case 14: case 15: {
    int f = one_in(6) ? 1 << below(14) : 0;
    length = sizeof address;
    usleep(1000);
    r = accept4(d, one_in(3) ? 0 : &address.any, &length, f | SOCK_NONBLOCK);
    keep(told(r, "accept4(%d, %#x)", d, f));
    break;
  }
  case 16: case 17: memset(buffer, 'a' + below(26), m); told(send(d, buffer, m, sends), "send(%d, , %ld, %#x)", d, m, sends); break;
  case 18: case 19: memset(buffer, 'a' + below(26), m); length = make_address(d, 4003); told(sendto(d, buffer, m, sends, &address.any, length), "sendto(%d, , %ld, %#x, %s)", d, m, sends, named); break;
  case 20: case 21: case 22: {
    usleep(1000);
    length = one_in(6) ? below(20) : sizeof address;
    memset(&address, 0, sizeof address);
    r = recvfrom(d, buffer, m, receives, &address.any, &length);
    told(r, "recvfrom(%d, , %ld, %#x)", d, m, receives);
    if (r >= 0) { printf("  sum %08x\n", sum_of(buffer, r < m ? r : m)); }
    break;
  }
  case 23: length = sizeof address; if (told(getsockname(d, &address.any, &length), "getsockname(%d)", d) == 0) show_address(length); break;
  case 24: length = sizeof address; if (told(getpeername(d, &address.any, &length), "getpeername(%d)", d) == 0) show_address(length); break;
  case 25: case 26: case 27: {
    struct option o = ANY(options);
    int several[8] = {value, value};
    length = one_in(6) && o.level != IPPROTO_IPV6 ? (socklen_t)below(20) : o.name == SO_LINGER && o.level == SOL_SOCKET ? 8 : 4;
    told(setsockopt(d, o.level, o.name, several, length), "setsockopt(%d, %d, %d, %d, %d)", d, o.level, o.name, value, (int)length);
    break;
  }
  case 28: case 29: case 30: {
    struct option o = ANY(options);
    unsigned char bytes[300];
    length = one_in(4) ? (socklen_t)below(20) : one_in(2) ? 4 : 64;
    memset(bytes, 0xee, sizeof bytes);
    int before = (int)length;
    r = getsockopt(d, o.level, o.name, bytes, &length);
    told(r, "getsockopt(%d, %d, %d, %d)", d, o.level, o.name, before);
    if (r == 0) {
      printf("  length %d:", (int)length);
      for (int i = 0; i < (int)length && i < 64; i++) printf(" %02x", bytes[i]);
      printf("\n");
    }
    break;
  }
  case 31: case 32: { int how = (int)below(5) - 1; struct sockaddr_storage peer; length = sizeof peer; if (is_tcp(d) && getpeername(d, (struct sockaddr *)&peer, &length) != 0) break; errno = 0; told(shutdown(d, how), "shutdown(%d, %d)", d, how); break; }
  case 33: { int at = (int)below(10); if (one_in(2)) break; told(close(fds[at]), "close(%d)", fds[at]); fds[at] = -1; break; }
  case 34: case 35: {
    usleep(1000);
    struct pollfd p = {d, (short)~0};
    r = poll(&p, 1, 0);
    told(r, "poll(%d)", d);
    if (r > 0) printf("  events %#x\n", p.revents);
    break;
  }
  case 36: {
    static const unsigned long requests[] = {FIONREAD, SIOCATMARK, SIOCOUTQ, SIOCGIFFLAGS, SIOCGIFMTU, SIOCSIFFLAGS, SIOCGIFADDR, SIOCGIFHWADDR, SIOCGIFINDEX};
    unsigned long what = ANY(requests);
    struct ifreq request = {0};
    strcpy(request.ifr_name, one_in(4) ? "none" : "lo");
    if (what == SIOCSIFFLAGS) request.ifr_flags = one_in(2) ? IFF_UP : 0;
    if (what == SIOCSIFFLAGS) request.ifr_flags |= IFF_UP;
    r = ioctl(d, what, &request);
    told(r, "ioctl(%d, %#lx)", d, what);
    if (r == 0 && what == FIONREAD) printf("  %d\n", *(int *)&request);
    break;
  }
  case 37: {
    /* What is wrong with a control message is told before or behind the rest as each family likes: they are right. */
    char control[CMSG_SPACE(4)] = {0};
    struct iovec part = {buffer, (size_t)m};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = (size_t)!one_in(8)};
    struct cmsghdr *first = (struct cmsghdr *)control;
    if (option_of(d, SO_DOMAIN) == AF_UNIX && one_in(2)) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      *first = (struct cmsghdr){.cmsg_len = CMSG_LEN(4), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
      *(int *)CMSG_DATA(first) = 900;
    }
    errno = 0;
    told(sendmsg(d, &message, sends), "sendmsg(%d, %ld x %ld, control %ld, %#x)", d, (long)message.msg_iovlen, m, (long)message.msg_controllen, sends);
    break;
  }
  case 38: case 39: {
    char control[256] = {0};
    struct iovec part = {buffer, (size_t)m};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = one_in(2) ? (size_t)below(64) : sizeof control, .msg_name = &address, .msg_namelen = sizeof address};
    usleep(1000);
    long room = (long)message.msg_controllen;
    r = recvmsg(d, &message, receives);
    told(r, "recvmsg(%d, %ld, control %ld, %#x)", d, m, room, receives);
    if (r < 0) break;
    printf("  flags %#x name %d control %ld sum %08x\n", message.msg_flags, message.msg_namelen > 30 ? 30 : (int)message.msg_namelen, (long)message.msg_controllen, sum_of(buffer, r < m ? r : m));
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
      printf("  %d %d length %ld\n", c->cmsg_level, c->cmsg_type, (long)c->cmsg_len);
      if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / 4; i++) close(((int *)CMSG_DATA(c))[i]);
    }
    break;
  }
  }
}

int main(int argc, char **argv) {
  begin(argc, argv);
  struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int any = socket(AF_INET, SOCK_DGRAM, 0);
  must(ioctl(any, SIOCSIFFLAGS, &up) == 0 && close(any) == 0, "lo");
  mkdir("d", 0777);
  must(dup2(open("/", O_PATH), 900) == 900, "900");
  for (int i = 0; i < 3; i++) close(i);
  for (int i = 0; i < 10; i++) fds[i] = -1;
  for (call_number = 0; call_number < calls_of(argc, argv); call_number++) { step(); fflush(stdout); }
  return 0;
}
