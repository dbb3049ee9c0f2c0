/* ICMP sockets for everybody, and raw ones: what tells where an answer came in. */
#include "abi.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

static struct sockaddr_in to = {.sin_family = AF_INET};

static void told(const char *what, int fd) {
  char bytes[64], control[128];
  struct iovec v = {bytes, sizeof bytes};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  long got = recvmsg(fd, &m, 0);
  printf("%s: %ld bytes", what, got);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
    struct in_pktinfo *info = (void *)CMSG_DATA(c);
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
      printf(", interface %d, at %08x, answered from %08x", info->ipi_ifindex, ntohl(info->ipi_addr.s_addr), ntohl(info->ipi_spec_dst.s_addr));
    else printf(", level %d type %d", c->cmsg_level, c->cmsg_type);
  }
  printf("\n");
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  unshare(CLONE_NEWNET);
  int plain = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  SHOW(ioctl(plain, SIOCSIFFLAGS, &lo));
  int range = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY);
  SHOW(write(range, "0 2147483647", 12));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct icmphdr echo = {.type = ICMP_ECHO};

  int ping = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  SHOW(setsockopt(ping, IPPROTO_IP, IP_PKTINFO, &(int){1}, sizeof(int)));
  SHOW(setsockopt(ping, IPPROTO_IP, IP_RECVTTL, &(int){1}, sizeof(int)));
  SHOW(sendto(ping, &echo, sizeof echo, 0, (void *)&to, sizeof to));
  told("an answer", ping);
  int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  SHOW(setsockopt(raw, IPPROTO_IP, IP_PKTINFO, &(int){1}, sizeof(int)));
  SHOW(sendto(ping, &echo, sizeof echo, 0, (void *)&to, sizeof to));
  told("a raw socket", raw);
  return 0;
}
