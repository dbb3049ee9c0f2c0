/* PACKET_FANOUT (packet(7)): packet sockets of a group share the frames that come. */
#include "abi.h"
#include <sched.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static struct { struct nlmsghdr h; struct ifinfomsg i; char rest[256]; } r;
static void attribute(int type, const void *value, int length) {
  struct rtattr *a = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len));
  a->rta_type = type; a->rta_len = RTA_LENGTH(length); memcpy(RTA_DATA(a), value, length);
  r.h.nlmsg_len = NLMSG_ALIGN(r.h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}
static int in, out;
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
  for (int i = 0; i < 2; i++) {
    struct ifreq q = {.ifr_name = ""};
    strcpy(q.ifr_name, i ? "veth0" : "one");
    ioctl(s, SIOCGIFFLAGS, &q); q.ifr_flags |= IFF_UP;
    if (ioctl(s, SIOCSIFFLAGS, &q)) perror("up");
  }
  close(s); close(fd);
  out = if_nametoindex("one"); in = if_nametoindex("veth0");
}
enum { TYPE = 0x88b5, MEMBERS = 3 };
static int sender, each[MEMBERS];
static int opened(int index, int type) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(type), .sll_ifindex = index};
  if (bind(fd, (void *)&a, sizeof a)) perror("bind");
  return fd;
}
static long joins(int fd, int id, int how) { int value = id | how << 16; return setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, sizeof value); }
static unsigned told(int fd) { unsigned value = 7; socklen_t length = sizeof value; getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, &length); return value; }
/* A frame with one byte, or a datagram of UDP between two ports. */
static void frame(int mark) {
  unsigned char bytes[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, TYPE >> 8, TYPE & 255, mark};
  if (send(sender, bytes, sizeof bytes, 0) != sizeof bytes) perror("send");
}
static void datagram(int from, int to, int fromPort, int toPort) {
  unsigned char bytes[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, from, 10, 0, 0, to,
                             fromPort >> 8, fromPort, toPort >> 8, toPort, 0, 26};
  send(sender, bytes, sizeof bytes, 0);
}
static int count(int fd) { char bytes[100]; int n = 0; while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0) n++; return n; }
static void settle(void) { usleep(50000); }
static void marks(void) {
  settle();
  for (int i = 0; i < MEMBERS; i++) {
    char bytes[100];
    printf("  %d:", i);
    while (each[i] >= 0 && recv(each[i], bytes, sizeof bytes, MSG_DONTWAIT) > 0) printf(" %d", bytes[14]);
    puts("");
  }
}
static void group(int id, int how, int type) {
  for (int i = 0; i < MEMBERS; i++) { each[i] = opened(in, type); SHOW(joins(each[i], id, how)); }
}
static void leave(void) { for (int i = 0; i < MEMBERS; i++) { close(each[i]); each[i] = -1; } }

int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  cpu_set_t first; CPU_ZERO(&first); CPU_SET(0, &first); sched_setaffinity(0, sizeof first, &first);
  int off = 0, six = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY); write(six, "1", 1); close(six);
  links();
  sender = opened(out, 0);
  /* The links may carry nothing yet. */
  int probe = opened(in, TYPE);
  do { frame(0); settle(); } while (count(probe) == 0);
  settle(); close(probe);

  puts("By turns:");
  group(5, PACKET_FANOUT_LB, TYPE);
  for (int i = 0; i < 7; i++) frame(i);
  marks();
  printf("%x\n", told(each[1]));
  int single = opened(in, TYPE), other = opened(in, ETH_P_ALL);
  frame(1); frame(2); marks(); SHOW(count(single)); SHOW(count(other) >= 2);
  close(single); close(other);
  close(each[0]); each[0] = -1;
  for (int i = 0; i < 4; i++) frame(i);
  marks();
  leave();

  puts("\nRefused:");
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  SHOW(joins(fd, 1, PACKET_FANOUT_HASH)); SHOW(told(fd)); close(fd);
  group(6, PACKET_FANOUT_CPU, TYPE);
  SHOW(joins(each[0], 6, PACKET_FANOUT_CPU)); SHOW(joins(each[0], 7, PACKET_FANOUT_CPU));
  struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(TYPE), .sll_ifindex = in};
  SHOW(bind(each[0], (void *)&a, sizeof a));
  fd = opened(in, TYPE); SHOW(joins(fd, 6, PACKET_FANOUT_LB)); SHOW(joins(fd, 6, PACKET_FANOUT_CPU | PACKET_FANOUT_FLAG_ROLLOVER)); SHOW(joins(fd, 6, 99));
  SHOW(joins(fd, 8, PACKET_FANOUT_ROLLOVER | PACKET_FANOUT_FLAG_ROLLOVER)); SHOW(joins(fd, 8, PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_UNIQUEID));
  SHOW(setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &off, 2)); SHOW(setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &off, 4)); close(fd);
  fd = opened(out, TYPE); SHOW(joins(fd, 6, PACKET_FANOUT_CPU)); close(fd);
  fd = opened(in, ETH_P_ALL); SHOW(joins(fd, 6, PACKET_FANOUT_CPU)); close(fd);
  struct tpacket_rollover_stats stats; socklen_t length = sizeof stats;
  SHOW(getsockopt(each[0], SOL_PACKET, PACKET_ROLLOVER_STATS, &stats, &length));
  for (int i = 0; i < 3; i++) frame(i);
  puts("By processor:"); marks(); leave();
  struct { unsigned short id, flags; unsigned most; } args = {9, PACKET_FANOUT_LB, 2};
  for (int i = 0; i < 3; i++) { each[i] = opened(in, TYPE); SHOW(setsockopt(each[i], SOL_PACKET, PACKET_FANOUT, &args, sizeof args)); }
  args.most = 3; SHOW(setsockopt(each[2], SOL_PACKET, PACKET_FANOUT, &args, sizeof args));
  args.most = 0; close(each[0]); each[0] = -1; SHOW(setsockopt(each[2], SOL_PACKET, PACKET_FANOUT, &args, sizeof args));
  leave();

  puts("\nBy queue:");
  group(1, PACKET_FANOUT_QM, TYPE); for (int i = 0; i < 3; i++) frame(i); marks(); leave();
  puts("\nBy chance:");
  group(1, PACKET_FANOUT_RND, TYPE); for (int i = 0; i < 90; i++) frame(i); settle();
  int n[MEMBERS], sum = 0; for (int i = 0; i < MEMBERS; i++) { n[i] = count(each[i]); sum += n[i]; HOLDS(n[i] > 0); } SHOW(sum); leave();

  puts("\nBy flow:");
  group(1, PACKET_FANOUT_HASH, ETH_P_IP);
  int where[20], changed = 0, used[MEMBERS] = {0};
  for (int turn = 0; turn < 3; turn++)
    for (int flow = 0; flow < 20; flow++) {
      if (turn == 2) datagram(2, 1, 53, 1000 + flow); else datagram(1, 2, 1000 + flow, 53);
      settle();
      for (int i = 0; i < MEMBERS; i++) if (count(each[i])) { if (turn == 0) where[flow] = i; changed += where[flow] != i; used[i]++; }
    }
  SHOW(changed); HOLDS((used[0] > 0) + (used[1] > 0) + (used[2] > 0) > 1); SHOW(used[0] + used[1] + used[2]);
  leave();

  puts("\nTo the next when full:");
  for (int i = 0; i < MEMBERS; i++) {
    each[i] = opened(in, TYPE);
    int small = 8192; setsockopt(each[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    SHOW(joins(each[i], 1, PACKET_FANOUT_ROLLOVER));
  }
  for (int i = 0; i < 3; i++) frame(i);
  marks();
  length = sizeof stats; SHOW(getsockopt(each[0], SOL_PACKET, PACKET_ROLLOVER_STATS, &stats, &length));
  for (int i = 0; i < 200; i++) frame(i);
  settle();
  for (int i = 0; i < MEMBERS; i++) HOLDS(count(each[i]) > 2);
  length = sizeof stats; SHOW(getsockopt(each[0], SOL_PACKET, PACKET_ROLLOVER_STATS, &stats, &length)); SHOW(length);
  HOLDS(stats.tp_all > 0); HOLDS(stats.tp_failed > 0);
  leave();
  puts("\nBy a filter:");
  group(1, PACKET_FANOUT_CBPF, TYPE);
  for (int i = 0; i < 3; i++) frame(i);
  marks();
  struct sock_filter code[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 0}, {BPF_RET | BPF_A, 0, 0, 0}};
  struct sock_fprog program = {2, code};
  SHOW(setsockopt(each[0], SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof program)); SHOW(setsockopt(each[0], SOL_PACKET, PACKET_FANOUT_DATA, &program, 4));
  for (int i = 0; i < 6; i++) frame(i);
  marks();
  leave();

  puts("\nOutgoing:");
  for (int i = 0; i < MEMBERS; i++) { each[i] = opened(out, ETH_P_ALL); SHOW(joins(each[i], 1, PACKET_FANOUT_LB | 0x4000)); }
  frame(1); frame(2); marks(); leave();
  for (int i = 0; i < MEMBERS; i++) { each[i] = opened(out, ETH_P_ALL); SHOW(joins(each[i], 1, PACKET_FANOUT_LB)); }
  frame(1); frame(2); frame(3); marks();
  close(sender); sender = each[1]; frame(7); marks();
  return 0;
}
