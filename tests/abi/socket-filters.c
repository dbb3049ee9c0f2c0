#include "abi.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Programs that choose what a socket hears (socket(7), SO_ATTACH_FILTER). */
#define COUNT(p) (sizeof(p) / sizeof((p)[0]))
#define ATTACH(fd, p) setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &(struct sock_fprog){COUNT(p), p}, sizeof(struct sock_fprog))

static struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
static struct sock_filter five[] = {BPF_STMT(BPF_RET | BPF_K, 5)};
static struct sock_filter thirteen[] = {BPF_STMT(BPF_RET | BPF_K, 13)};

static void heard(int fd) {
  char bytes[100] = "";
  ssize_t n = recv(fd, bytes, sizeof bytes - 1, MSG_DONTWAIT);
  if (n < 0) printf("  nothing: %s\n", name_of(errno));
  else printf("  %d bytes: %s\n", (int)n, bytes);
  fflush(stdout);
}

static void local(int type) {
  int pair[2];
  socketpair(AF_UNIX, type, 0, pair);
  /* Messages that begin with "b", or are as long as "four". */
  struct sock_filter chosen[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'b', 2, 0),
    BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0)};
  SHOW(ATTACH(pair[1], chosen));
  SHOW(send(pair[0], "all", 3, 0)); heard(pair[1]);
  SHOW(send(pair[0], "but", 3, 0)); heard(pair[1]);
  SHOW(send(pair[0], "four", 4, 0)); heard(pair[1]);
  SHOW(send(pair[0], "", 0, 0)); heard(pair[1]);
  SHOW(ATTACH(pair[1], five)); send(pair[0], "a long message", 14, 0); heard(pair[1]);
  SHOW(setsockopt(pair[1], SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)));
  SHOW(setsockopt(pair[1], SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)));
  send(pair[0], "a long message", 14, 0); heard(pair[1]);
  close(pair[0]); close(pair[1]);
}

static void udp(void) {
  int from = socket(AF_INET, SOCK_DGRAM, 0), to = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, own = at;
  socklen_t size = sizeof at;
  bind(to, (void *)&at, size); getsockname(to, (void *)&at, &size);
  bind(from, (void *)&own, size); getsockname(from, (void *)&own, &size);
  connect(from, (void *)&at, size);
  /* Behind the header of eight bytes; both ports are in it. */
  struct sock_filter chosen[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(own.sin_port), 0, 7),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4), BPF_STMT(BPF_MISC | BPF_TAX, 0),
    BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 3),
    BPF_STMT(BPF_LDX | BPF_IMM, 8), BPF_STMT(BPF_LD | BPF_B | BPF_IND, 1), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 1, 0),
    BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 100)};
  SHOW(ATTACH(to, chosen));
  SHOW(send(from, "xxx", 3, 0)); heard(to);
  SHOW(send(from, "xyx", 3, 0)); heard(to);
  SHOW(send(from, "y", 1, 0)); heard(to);
  SHOW(ATTACH(to, thirteen)); send(from, "a long message", 14, 0); heard(to);
  SHOW(ATTACH(to, five)); send(from, "a long message", 14, 0); heard(to);
  struct sock_filter protocol[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 100), BPF_STMT(BPF_RET | BPF_K, 0)};
  SHOW(ATTACH(to, protocol)); send(from, "of IP", 5, 0); heard(to);
}

/* The header of IPv4 is before what a raw socket's program sees, that of IPv6 is not. */
static void raw(int family, int at) {
  int to = socket(family, SOCK_RAW, 253);
  struct sock_filter chosen[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
    BPF_STMT(BPF_RET | BPF_K, at + 3), BPF_STMT(BPF_RET | BPF_K, 0)};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  SHOW(connect(to, family == AF_INET ? (void *)&four : (void *)&six, family == AF_INET ? sizeof four : sizeof six));
  SHOW(ATTACH(to, chosen));
  const char *messages[] = {"no yes", "yes no"};
  for (int each = 0; each < 2; each++) {
    char bytes[100] = "";
    SHOW(send(to, messages[each], 6, 0));
    usleep(20000); int n = recv(to, bytes, sizeof bytes - 1, MSG_DONTWAIT); if (n < 0) printf("  nothing: %s\n", name_of(errno)); else printf("  %d bytes: %s\n", n, bytes + at); fflush(stdout);
  }
  close(to);
}

static void netlink(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  struct { struct nlmsghdr head; struct rtgenmsg body; } ask = {{sizeof ask, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 7, 0}, {AF_UNSPEC}};
  char bytes[8192];
  SHOW(ATTACH(fd, none));
  SHOW(send(fd, &ask, sizeof ask, 0) > 0);
  HOLDS(recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) < 0 && errno == EAGAIN);
  /* Of the type of a link, which lies in the machine's order. */
  struct sock_filter links[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RTM_NEWLINK << 8, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0)};
  int other = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  SHOW(ATTACH(other, links));
  SHOW(send(other, &ask, sizeof ask, 0) > 0);
  HOLDS(recv(other, bytes, sizeof bytes, MSG_DONTWAIT) > 0);
  HOLDS(((struct nlmsghdr *)bytes)->nlmsg_type == RTM_NEWLINK);
}

static void refused(void) {
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  struct sock_filter endless[] = {BPF_STMT(BPF_LD | BPF_IMM, 1)}, outside[] = {BPF_JUMP(BPF_JMP | BPF_JA, 5, 0, 0), BPF_STMT(BPF_RET | BPF_K, 0)};
  struct sock_filter unknown[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + 3), BPF_STMT(BPF_RET | BPF_K, 0)};
  struct sock_filter zero[] = {BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 0)};
  struct sock_filter got[4];
  SHOW(ATTACH(fd, endless)); SHOW(ATTACH(fd, outside)); SHOW(ATTACH(fd, unknown)); SHOW(ATTACH(fd, zero));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &(struct sock_fprog){0, none}, sizeof(struct sock_fprog)));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &(struct sock_fprog){1, (void *)8}, sizeof(struct sock_fprog)));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &(struct sock_fprog){1, none}, 8));
  socklen_t size = 0;
  SHOW(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, got, &size)); SHOW(size);
  SHOW(ATTACH(fd, five));
  SHOW(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, got, &size)); SHOW(size);
  size = 4;
  SHOW(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, got, &size)); SHOW(size); SHOW(got[0].k);
  SHOW(setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &(int){1}, sizeof(int)));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &(int){0}, sizeof(int)));
  SHOW(ATTACH(fd, none));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)));
}

/* How far offsets from SKF_AD_OFF go; what a socket may hold, and how much of that is told; no queue has brought it. */
static void asked(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), value = -1, buffer;
  unsigned memory[SK_MEMINFO_VARS] = {0};
  socklen_t size = sizeof value;
  SHOW(getsockopt(fd, SOL_SOCKET, SO_BPF_EXTENSIONS, &value, &size)); SHOW(value);
  SHOW(getsockopt(fd, SOL_SOCKET, SO_INCOMING_NAPI_ID, &value, &size)); SHOW(value);
  SHOW(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, &size));
  size = 100;
  SHOW(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size)); SHOW(size);
  HOLDS(memory[SK_MEMINFO_RCVBUF] == (unsigned)buffer); SHOW(memory[SK_MEMINFO_RMEM_ALLOC]);
  size = 6;
  SHOW(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size)); SHOW(size);
  SHOW(setsockopt(fd, SOL_SOCKET, SO_MEMINFO, &value, sizeof value));
}

/* Options that are kept: which values are taken, and how much of them is told. */
static void told(int fd, int name, socklen_t room) {
  unsigned value[2] = {7, 7};
  printf("  %d in %u: ", name, room);
  int r = getsockopt(fd, SOL_SOCKET, name, value, &room);
  printf("%s %u %x %x\n", r == 0 ? "0" : name_of(errno), room, value[0], value[1]);
}
static void set(int fd, int name, int value, int behind, int length) {
  int r = setsockopt(fd, SOL_SOCKET, name, (int[]){value, behind}, length);
  printf("%d to %#x %#x of %d: %s\n", name, value, behind, length, r == 0 ? "0" : name_of(errno));
}
static void kept(int type) {
  int fd = socket(AF_INET, type, 0), flags[] = {-1, 1 << 19, 1 << 12, 1 << 16, 1 << 15}, values[] = {1, -1, 2, 70000, -2};
  int names[] = {69 /* SO_PREFER_BUSY_POLL */, 70 /* SO_BUSY_POLL_BUDGET */, 73 /* SO_RESERVE_MEM */, 74 /* SO_TXREHASH */, 75 /* SO_RCVMARK */, SO_CNX_ADVICE, SO_BUSY_POLL};
  told(fd, SO_TIMESTAMPING, 8); set(fd, SO_TIMESTAMPING, 24, 1, 8); told(fd, SO_TIMESTAMPING, 4);
  told(fd, 65 /* SO_TIMESTAMPING_NEW */, 8);
  for (int i = 0; i < 5; i++) set(fd, SO_TIMESTAMPING, flags[i], 0, 4);
  set(fd, 65, 2, 0, 4); told(fd, SO_TIMESTAMPING, 8); told(fd, 65, 8);
  told(fd, SO_MAX_PACING_RATE, 8); set(fd, SO_MAX_PACING_RATE, 24, 1, 8); told(fd, SO_MAX_PACING_RATE, 8); told(fd, SO_MAX_PACING_RATE, 7);
  set(fd, SO_MAX_PACING_RATE, -2, 0, 4); told(fd, SO_MAX_PACING_RATE, 8); set(fd, SO_MAX_PACING_RATE, -1, 0, 4); told(fd, SO_MAX_PACING_RATE, 8);
  for (size_t n = 0; n < COUNT(names); n++) {
    told(fd, names[n], 8);
    for (int i = 0; i < 5; i++) { set(fd, names[n], values[i], 0, 4); told(fd, names[n], 4); }
  }
  close(fd);
}

/* By which interface datagrams of IPv6 leave: the address that stands beside it may be anybody's. */
static void leaves(int type) {
  int fd = socket(AF_INET6, type, 0), six = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  socklen_t size = sizeof at;
  bind(six, (void *)&at, size); getsockname(six, (void *)&at, &size);
  struct { struct in6_addr ip; int index; } info = {IN6ADDR_LOOPBACK_INIT, 1};
  info.ip.s6_addr[0] = 0x20;
  SHOW(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, 19)); SHOW(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, 0));
  SHOW(getsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, &size));
  SHOW(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, 20));
  if (type == SOCK_DGRAM) { SHOW(sendto(fd, "by", 2, 0, (void *)&at, sizeof at)); heard(six); }
  info.index = 99; SHOW(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, 20));
  if (type == SOCK_DGRAM) { SHOW(sendto(fd, "by", 2, 0, (void *)&at, sizeof at)); heard(six); }
  setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &(int){1}, 4);
  info.index = 0; SHOW(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, 20));
  info.index = 1; SHOW(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, 20));
  close(fd); close(six);
}

int main(void) {
  printf("- datagrams\n"); local(SOCK_DGRAM);
  printf("- packets\n"); local(SOCK_SEQPACKET);
  printf("- UDP\n"); udp();
  printf("- raw\n"); raw(AF_INET, 20); raw(AF_INET6, 0);
  printf("- netlink\n"); netlink();
  printf("- refused\n"); refused();
  printf("- asked\n"); asked();
  printf("- kept of TCP\n"); kept(SOCK_STREAM);
  printf("- kept of UDP\n"); kept(SOCK_DGRAM);
  printf("- leaves by TCP\n"); leaves(SOCK_STREAM);
  printf("- leaves by UDP\n"); leaves(SOCK_DGRAM);
  return 0;
}
