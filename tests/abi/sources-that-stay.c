#include "abi.h"
#include "rtnetlink.h"
#include <netinet/in.h>

/* 127.0.0.1 as a source leaves by no other interface than the loopback, unless net.ipv4.conf.*.route_localnet says so. */

static struct sockaddr_in at(const char *ip, int port) { return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(ip)}; }
static long closed(int fd, long result) { int e = errno; close(fd); errno = e; return result; }
static long sends(int type, int protocol, const char *from, const char *to) { int fd = socket(AF_INET, type, protocol); struct sockaddr_in a = at(from, 0), b = at(to, 9); if (bind(fd, (void *)&a, sizeof a)) return closed(fd, -1); return closed(fd, sendto(fd, "x", 1, 0, (void *)&b, sizeof b)); }
static long connects(int type, const char *from, const char *to) { int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0); struct sockaddr_in a = at(from, 0), b = at(to, 9); bind(fd, (void *)&a, sizeof a); return closed(fd, connect(fd, (void *)&b, sizeof b)); }
static long sends_as(const char *from, const char *to) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0); struct sockaddr_in b = at(to, 9); char c[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0}; struct iovec v = {"x", 1}; struct msghdr m = {&b, sizeof b, &v, 1, c, sizeof c, 0}; struct cmsghdr *h = CMSG_FIRSTHDR(&m); h->cmsg_level = IPPROTO_IP; h->cmsg_type = IP_PKTINFO; h->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)); struct in_pktinfo i = {.ipi_spec_dst.s_addr = inet_addr(from)}; memcpy(CMSG_DATA(h), &i, sizeof i); return closed(fd, sendmsg(fd, &m, 0));
}
static void all(void) { SHOW(sends(SOCK_DGRAM, 0, "127.0.0.1", "10.9.0.2")); SHOW(sends(SOCK_RAW, 200, "127.0.0.1", "10.9.0.2")); SHOW(connects(SOCK_STREAM, "127.0.0.1", "10.9.0.2")); SHOW(connects(SOCK_DGRAM, "127.0.0.1", "10.9.0.2")); SHOW(sends_as("127.0.0.1", "10.9.0.2")); SHOW(sends_as("10.9.0.1", "10.9.0.2")); }

int main(void) {
  if (unshare(CLONE_NEWNET)) return 1;
  rt_open(); HOLDS(!rt_set("lo", 1)); HOLDS(!rt_pair("va", "vb", -1)); HOLDS(!rt_address("va", "10.9.0.1", 24)); HOLDS(!rt_set("va", 1)); HOLDS(!rt_set("vb", 1));
  all(); SHOW(sends(SOCK_DGRAM, 0, "127.0.0.1", "10.9.0.1")); SHOW(sends(SOCK_DGRAM, 0, "127.0.0.1", "1.2.3.4")); SHOW(sends(SOCK_DGRAM, 0, "10.9.0.1", "127.0.0.1"));
  SHOW(rt_write("/proc/sys/net/ipv4/conf/va/route_localnet", "1")); all();
  return 0;
}
