#include "abi.h"
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
/* Requests at the edge of what they take: whole address spaces, owners without processes, short options of netlink. */

static void counts(const char *name, int fd) {
  static char b[16]; volatile size_t all = -1, half = (size_t)1 << 63; printf("%s\n", name);
  SHOW(syscall(SYS_read, fd, b, all)); SHOW(syscall(SYS_read, fd, b, half)); SHOW(syscall(SYS_write, fd, b, all)); SHOW(syscall(SYS_write, fd, b, half));
  SHOW(syscall(SYS_pread64, fd, b, all, 0L)); SHOW(syscall(SYS_pwrite64, fd, b, half, 0L)); SHOW(syscall(SYS_pread64, fd, b, all, -1L));
  SHOW(syscall(SYS_read, fd, -1L, 0L)); SHOW(syscall(SYS_write, fd, -1L, 0L)); SHOW(syscall(SYS_pread64, fd, -4096L, 0L, 0L)); SHOW(syscall(SYS_pwrite64, fd, -4096L, 0L, 0L));
  SHOW(syscall(SYS_read, fd, (void *)8, 0L)); SHOW(syscall(SYS_write, fd, (void *)8, 0L));
  struct iovec v = {b, all}; SHOW(readv(fd, &v, 1)); SHOW(writev(fd, &v, 1)); v = (struct iovec){(void *)-1, 0}; SHOW(readv(fd, &v, 1)); SHOW(writev(fd, &v, 1));
}

static void owner(int fd) {
  struct f_owner_ex o = {-1, -1}; SHOW(fcntl(fd, F_GETOWN_EX, &o)); int own = fcntl(fd, F_GETOWN);
  printf("type %d, pid %s, F_GETOWN %s\n", o.type, o.pid ? "some" : "0", own ? own < 0 ? "group" : "process" : "0"); fflush(stdout);
}

static void owners(void) {
  int p[2], w[2]; SHOW(pipe(p)); SHOW(pipe(w)); pid_t member = fork(); if (!member) { char c; close(w[1]); _exit(read(w[0], &c, 1)); }
  struct f_owner_ex o = {F_OWNER_PGRP, member}; SHOW(fcntl(p[0], F_SETOWN_EX, &o)); owner(p[0]);
  SHOW(fcntl(p[0], F_SETOWN, -member)); owner(p[0]); o.type = F_OWNER_PID; SHOW(fcntl(p[0], F_SETOWN_EX, &o)); owner(p[0]);
  o = (struct f_owner_ex){F_OWNER_PGRP, member}; SHOW(fcntl(p[0], F_SETOWN_EX, &o)); SHOW(setpgid(member, 0)); owner(p[0]);
  pid_t other = fork(); if (!other) { char c; close(w[1]); setpgid(0, member); _exit(read(w[0], &c, 1)); } SHOW(setpgid(other, member));
  SHOW(kill(member, SIGKILL)); SHOW(waitpid(member, NULL, 0) == member); owner(p[0]); o.type = F_OWNER_PID; SHOW(fcntl(p[0], F_SETOWN_EX, &o)); owner(p[0]);
  o = (struct f_owner_ex){F_OWNER_TID, member}; SHOW(fcntl(p[0], F_SETOWN_EX, &o)); owner(p[0]); SHOW(fcntl(p[0], F_SETOWN, member)); owner(p[0]);
  o = (struct f_owner_ex){F_OWNER_PGRP, member}; SHOW(fcntl(p[0], F_SETOWN_EX, &o)); owner(p[0]);
  close(w[1]); SHOW(waitpid(other, NULL, 0) == other); owner(p[0]); SHOW(fcntl(p[0], F_SETOWN_EX, &o)); SHOW(fcntl(p[0], F_SETOWN, -member)); owner(p[0]);
  SHOW(fcntl(p[0], F_SETOWN, 0)); owner(p[0]);
}

static void short_option(int fd, int level, int name, int room) {
  unsigned char b[64]; socklen_t n = room; memset(b, 0xee, sizeof b); errno = 0; int r = getsockopt(fd, level, name, b, &n), e = errno;
  printf("option %d of %d, room %d: %d %s, length %d, bytes %02x %02x %02x %02x %02x\n", name, level, room, r, r ? name_of(e) : "0", n, b[0], b[1], b[2], b[3], b[4]); fflush(stdout);
}

static const int rooms[] = {-1, 0, 1, 3, 4, 5, 8};
#define ROOMS(fd, level, name) for (unsigned k_ = level == IPPROTO_IPV6; k_ < sizeof rooms / sizeof *rooms; k_++) short_option(fd, level, name, rooms[k_])

static void short_options(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), one = 1, many = 300; SHOW(setsockopt(fd, SOL_NETLINK, NETLINK_PKTINFO, &one, 4)); SHOW(setsockopt(fd, SOL_NETLINK, NETLINK_PKTINFO, &one, 2));
  struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = 5}; SHOW(bind(fd, (void *)&a, sizeof a));
  int names[] = {NETLINK_PKTINFO, NETLINK_BROADCAST_ERROR, NETLINK_NO_ENOBUFS, NETLINK_LISTEN_ALL_NSID, NETLINK_LIST_MEMBERSHIPS, NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, NETLINK_ADD_MEMBERSHIP, 99};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) ROOMS(fd, SOL_NETLINK, names[i]);
  int u = socket(AF_INET, SOCK_DGRAM, 0), t = socket(AF_INET, SOCK_STREAM, 0), v = socket(AF_INET6, SOCK_STREAM, 0);
  ROOMS(u, IPPROTO_IP, IP_TTL); SHOW(setsockopt(u, IPPROTO_IP, IP_UNICAST_IF, &one, 4)); ROOMS(u, IPPROTO_IP, IP_UNICAST_IF); ROOMS(u, SOL_SOCKET, SO_TYPE); ROOMS(u, SOL_SOCKET, SO_REUSEADDR);
  ROOMS(t, IPPROTO_TCP, TCP_NODELAY); SHOW(setsockopt(t, IPPROTO_TCP, TCP_KEEPIDLE, &many, 4)); ROOMS(t, IPPROTO_TCP, TCP_KEEPIDLE); ROOMS(t, IPPROTO_IP, IP_OPTIONS); ROOMS(v, IPPROTO_IPV6, IPV6_V6ONLY); ROOMS(v, IPPROTO_IPV6, IPV6_UNICAST_HOPS);
}

int main(void) {
  int p[2]; SHOW(pipe2(p, O_NONBLOCK)); counts("reading end", p[0]); counts("writing end", p[1]); int m = memfd_create("m", 0); SHOW(ftruncate(m, 100)); counts("memfd", m); SHOW(lseek(m, 0, SEEK_CUR));
  counts("null", open("/dev/null", O_RDWR)); counts("zero", open("/dev/zero", O_RDWR)); counts("directory", open("/", O_RDONLY)); counts("none", 99);
  owners(); short_options();
  return 0;
}
