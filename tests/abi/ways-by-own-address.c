/* What is sent to groups and to all by a socket with an address of its own, where no route leads; names of raw sockets; IP_TOS. */
#include "abi.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#define AT(a) (struct sockaddr *)&(a), sizeof(a)
static struct sockaddr_in v4(const char *text, int port) {
  struct sockaddr_in made = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, text, &made.sin_addr);
  return made;
}
static void name_of_socket(int fd) {
  struct sockaddr_storage name;
  socklen_t length = sizeof name;
  char text[64];
  getsockname(fd, (struct sockaddr *)&name, &length);
  inet_ntop(name.ss_family, name.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&name)->sin_addr : &((struct sockaddr_in6 *)&name)->sin6_addr, text, sizeof text);
  printf("%s port %d\n", text, ntohs(((struct sockaddr_in *)&name)->sin_port));
}
int main(void) {
  unshare(CLONE_NEWNET);
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int on = 1, receiver = socket(AF_INET, SOCK_DGRAM, 0);
  SHOW(ioctl(receiver, SIOCSIFFLAGS, &request));
  const char *from[] = {"0.0.0.0", "127.0.0.1", "127.0.0.5"}, *to[] = {"224.0.2.1", "255.255.255.255"};
  struct sockaddr_in any = v4("0.0.0.0", 4567);
  SHOW(bind(receiver, AT(any)));
  struct ip_mreqn join = {.imr_ifindex = 1};
  inet_pton(AF_INET, to[0], &join.imr_multiaddr);
  SHOW(setsockopt(receiver, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join));
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 2; j++) {
      struct sockaddr_in own = v4(from[i], 0), there = v4(to[j], 4567);
      printf("from %s to %s\n", from[i], to[j]);
      int fd = socket(AF_INET, SOCK_DGRAM, 0);
      SHOW(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on));
      SHOW(bind(fd, AT(own)));
      SHOW(sendto(fd, "abc", 3, 0, AT(there)));
      char bytes[8];
      struct sockaddr_in sender = {0};
      socklen_t length = sizeof sender;
      SHOW(recvfrom(receiver, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&sender, &length));
      printf("came from %s\n", inet_ntoa(sender.sin_addr));
      close(fd);
    }
  /* which address of its own answers */
  SHOW(setsockopt(receiver, IPPROTO_IP, IP_PKTINFO, &on, sizeof on));
  struct sockaddr_in own = v4("127.0.0.1", 0);
  int sender = socket(AF_INET, SOCK_DGRAM, 0);
  SHOW(bind(sender, AT(own)));
  const char *places[] = {"224.0.2.1", "127.0.0.5"};
  for (int i = 0; i < 2; i++) {
    struct sockaddr_in there = v4(places[i], 4567);
    char bytes[8], control[128];
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    SHOW(sendto(sender, "abc", 3, 0, AT(there)));
    SHOW(recvmsg(receiver, &message, MSG_DONTWAIT));
    struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(CMSG_FIRSTHDR(&message));
    printf("by %d, to %s", info->ipi_ifindex, inet_ntoa(info->ipi_addr));
    printf(", answered by %s\n", inet_ntoa(info->ipi_spec_dst));
  }
  int families[] = {AF_INET, AF_INET6}, protocols[] = {IPPROTO_TCP, IPPROTO_ICMP};
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++) {
      struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(77), .sin6_addr = in6addr_loopback};
      struct sockaddr_in four = v4("127.0.0.1", 77);
      for (int way = 0; way < 2; way++) {
        int fd = socket(families[i], SOCK_RAW, protocols[j]);
        name_of_socket(fd);
        struct sockaddr *there = families[i] == AF_INET ? (void *)&four : (void *)&six;
        socklen_t length = families[i] == AF_INET ? sizeof four : sizeof six;
        SHOW(way == 0 ? bind(fd, there, length) : connect(fd, there, length));
        name_of_socket(fd);
        close(fd);
      }
    }
  /* the ports of the range are gone: those of UDP are shared by who lets others have them */
  int range = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY);
  SHOW(write(range, "50000 50003", 11));
  for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++)
    for (int shares = 0; shares < 2; shares++) {
      int fds[6], made = 0;
      for (int i = 0; i < 6; i++) {
        struct sockaddr_in loopback = v4("127.0.0.1", 0);
        fds[i] = socket(AF_INET, type, 0);
        if (shares) setsockopt(fds[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fds[i], AT(loopback)) == 0) made++;
        if (type == SOCK_STREAM) listen(fds[i], 1);
      }
      printf("type %d shares %d: %s\n", type, shares, made == 6 ? "all" : made == 4 ? "four" : "others");
      for (int i = 0; i < 6; i++) close(fds[i]);
    }
  for (int kind = 0; kind < 4; kind++) {
    struct sockaddr_in there = v4("127.0.0.1", 9999);
    int fd = socket(AF_INET, kind == 0 ? SOCK_DGRAM : SOCK_RAW, kind == 0 ? 0 : kind == 3 ? IPPROTO_RAW : kind == 1 ? IPPROTO_UDP : 200);
    unsigned char packet[28] = {0x45, [3] = 28, [8] = 64, [9] = 200, [12] = 127, [15] = 1, [16] = 127, [19] = 1};
    printf("shut, kind %d\n", kind);
    SHOW(connect(fd, AT(there)));
    SHOW(shutdown(fd, SHUT_WR));
    SHOW(send(fd, packet, sizeof packet, MSG_NOSIGNAL));
    close(fd);
  }
  for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
    int fd = socket(AF_INET, type, 0), values[] = {0x62, -1, 0x1ff, 0xc0}, told;
    socklen_t length = sizeof told;
    for (int i = 0; i < 4; i++) {
      SHOW(setsockopt(fd, IPPROTO_IP, IP_TOS, &values[i], sizeof(int)));
      SHOW(getsockopt(fd, IPPROTO_IP, IP_TOS, &told, &length));
      SHOW(told);
    }
    int names[] = {IP_TOS, IP_RECVERR, IP_PKTINFO, IP_MTU_DISCOVER, IP_TTL, IP_MULTICAST_TTL, IP_FREEBIND, IP_MINTTL};
    for (int i = 0; i < 8; i++) SHOW(setsockopt(fd, IPPROTO_IP, names[i], &values[0], 0));
    SHOW(getsockopt(fd, IPPROTO_IP, IP_TOS, &told, &length));
    SHOW(told);
    close(fd);
    fd = socket(AF_INET6, type, 0);
    for (int i = 0; i < 4; i++) {
      SHOW(setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &values[i], sizeof(int)));
      SHOW(getsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &told, &length));
      SHOW(told);
    }
    SHOW(setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &values[0], 0));
    close(fd);
  }
}
