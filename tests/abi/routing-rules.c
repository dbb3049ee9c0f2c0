/* Rules by which routes are looked up (ip-rule(8)), tables above 255, and changes that are echoed to who makes them. */
#include "abi.h"
#include <sched.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static struct { struct nlmsghdr h; char rest[2048]; } r;
static int fd, listener, sequence;
static void begin(int type, int flags, const void *fixed, int length) {
  memset(&r, 0, sizeof r);
  r.h = (struct nlmsghdr){NLMSG_LENGTH(length), type, NLM_F_REQUEST | flags, ++sequence, 0};
  memcpy(NLMSG_DATA(&r.h), fixed, length);
}
static void attribute(int type, const void *value, int length) {
  struct rtattr *a = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len));
  a->rta_type = type; a->rta_len = RTA_LENGTH(length); memcpy(RTA_DATA(a), value, length);
  r.h.nlmsg_len = NLMSG_ALIGN(r.h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}
static void number(int type, unsigned value) { attribute(type, &value, 4); }
static void text(int type, const char *value) { attribute(type, value, strlen(value) + 1); }
static void address(int type, const char *ip) {
  char bytes[16]; int family = strchr(ip, ':') ? AF_INET6 : AF_INET;
  inet_pton(family, ip, bytes); attribute(type, bytes, family == AF_INET ? 4 : 16);
}
static void attributes(struct rtattr *a, int left, int skip) {
  for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    if (a->rta_type == skip) continue;
    printf(" %d=", a->rta_type & 0x3fff);
    unsigned char *byte = RTA_DATA(a);
    for (int i = 0; i < (int)RTA_PAYLOAD(a); i++) printf("%02x", byte[i]);
  }
  puts("");
}
/* What a message says; of links and addresses only that they are there. */
static void show(struct nlmsghdr *h) {
  switch (h->nlmsg_type) {
    case RTM_NEWRULE: case RTM_DELRULE: {
      struct fib_rule_hdr *f = NLMSG_DATA(h);
      printf("  %s: family %d, %d to %d, tos %d, table %d, action %d, flags %x:", h->nlmsg_type == RTM_NEWRULE ? "rule" : "no rule",
             f->family, f->src_len, f->dst_len, f->tos, f->table, f->action, f->flags);
      attributes((void *)((char *)f + NLMSG_ALIGN(sizeof *f)), h->nlmsg_len - NLMSG_LENGTH(sizeof *f), -1);
      break;
    }
    case RTM_NEWROUTE: case RTM_DELROUTE: {
      struct rtmsg *m = NLMSG_DATA(h);
      printf("  %s: family %d, %d to %d, table %d, protocol %d, scope %d, type %d, flags %x:", h->nlmsg_type == RTM_NEWROUTE ? "route" : "no route",
             m->rtm_family, m->rtm_src_len, m->rtm_dst_len, m->rtm_table, m->rtm_protocol, m->rtm_scope, m->rtm_type, m->rtm_flags & ~RTNH_F_LINKDOWN);
      attributes(RTM_RTA(m), RTM_PAYLOAD(h), RTA_CACHEINFO);
      break;
    }
    case RTM_NEWADDR: case RTM_DELADDR: {
      struct ifaddrmsg *m = NLMSG_DATA(h);
      printf("  %s: family %d, /%d\n", h->nlmsg_type == RTM_NEWADDR ? "address" : "no address", m->ifa_family, m->ifa_prefixlen);
      break;
    }
    case RTM_NEWLINK: case RTM_DELLINK: printf("  %s\n", h->nlmsg_type == RTM_NEWLINK ? "link" : "no link"); break;
    default: printf("  type %d\n", h->nlmsg_type);
  }
}
/* Sends what was put together and tells what comes back. */
static void ask(const char *what) {
  static char answer[65536];
  printf("%s:", what);
  send(fd, &r, r.h.nlmsg_len, 0);
  for (int lines = 0, isDone = 0; !isDone;) {
    ssize_t n = recv(fd, answer, sizeof answer, 0);
    for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, n) && !isDone; h = NLMSG_NEXT(h, n)) {
      if (h->nlmsg_type == NLMSG_ERROR) { int e = -*(int *)NLMSG_DATA(h); printf(" %s\n", e ? name_of(e) : "done"); isDone = 1; }
      else if (h->nlmsg_type == NLMSG_DONE) { int e = -*(int *)NLMSG_DATA(h); if (e) printf(" %s\n", name_of(e)); else if (!lines) puts(" none"); isDone = 1; }
      else {
        if (!lines++) puts("");
        if (h->nlmsg_seq != sequence) printf("  of another sequence\n");
        show(h);
        if (!(h->nlmsg_flags & NLM_F_MULTI) && !(r.h.nlmsg_flags & NLM_F_ACK)) isDone = 1;
      }
    }
  }
  fflush(stdout);
}
enum { ACK = NLM_F_ACK, MAKE = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL };
static void rule(int type, int flags, int family, int src, int dst, int table, int action, int what) {
  struct fib_rule_hdr f = {.family = family, .src_len = src, .dst_len = dst, .table = table, .action = action, .flags = what};
  begin(type, flags, &f, sizeof f);
}
static void rules(int family) {
  struct fib_rule_hdr f = {.family = family};
  begin(RTM_GETRULE, NLM_F_DUMP, &f, sizeof f);
  ask(family == AF_INET ? "rules" : family == AF_INET6 ? "rules of IPv6" : "rules of both");
}
static void route(int type, int flags, int family, int length, int table, int scope) {
  struct rtmsg m = {.rtm_family = family, .rtm_dst_len = length, .rtm_table = table, .rtm_scope = scope,
                    .rtm_protocol = type == RTM_NEWROUTE ? RTPROT_BOOT : 0, .rtm_type = type == RTM_NEWROUTE ? RTN_UNICAST : 0};
  begin(type, flags, &m, sizeof m);
}
static void look(const char *ip, unsigned mark, const char *from, int out, int uid) {
  struct rtmsg m = {.rtm_family = strchr(ip, ':') ? AF_INET6 : AF_INET, .rtm_dst_len = strchr(ip, ':') ? 128 : 32, .rtm_flags = RTM_F_LOOKUP_TABLE};
  if (from) m.rtm_src_len = 32;
  begin(RTM_GETROUTE, 0, &m, sizeof m);
  address(RTA_DST, ip);
  if (from) address(RTA_SRC, from);
  if (mark) number(RTA_MARK, mark);
  if (out) number(RTA_OIF, out);
  if (uid) number(RTA_UID, uid);
  printf("to %s, mark %u, from %s, by %d, user %d", ip, mark, from ? from : "any", out, uid);
  ask("");
}
static void look_for(const char *ip, int protocol, int from, int to, int tos) {
  int is6 = strchr(ip, ':') != NULL; struct rtmsg m = {.rtm_family = is6 ? AF_INET6 : AF_INET, .rtm_dst_len = is6 ? 128 : 32, .rtm_tos = tos, .rtm_flags = RTM_F_LOOKUP_TABLE};
  unsigned char number = protocol; unsigned short port;
  begin(RTM_GETROUTE, 0, &m, sizeof m);
  address(RTA_DST, ip);
  if (protocol) attribute(RTA_IP_PROTO, &number, 1);
  if (from) { port = htons(from); attribute(RTA_SPORT, &port, 2); }
  if (to) { port = htons(to); attribute(RTA_DPORT, &port, 2); }
  /* A route's type of service is told by some Linux; what counts is the table. */
  printf("to %s, protocol %d, from port %d to %d, tos %x:", ip, protocol, from, to, tos);
  send(fd, &r, r.h.nlmsg_len, 0); static char answer[4096]; ssize_t n = recv(fd, answer, sizeof answer, 0); struct nlmsghdr *h = (void *)answer;
  if (n <= 0 || h->nlmsg_type == NLMSG_ERROR) { printf(" %s\n", name_of(-*(int *)NLMSG_DATA(h))); return; }
  struct rtmsg *got = NLMSG_DATA(h); printf(" table %d\n", got->rtm_table);
}
static void ports(int type, unsigned short first, unsigned short last) { attribute(type, (unsigned short[]){first, last}, 4); }
static void reach_port(const char *what, int type, int port, int bound, int tos) {
  int s = socket(AF_INET, type, 0); struct sockaddr_in a = {AF_INET, htons(bound)}; if (bound) bind(s, (void *)&a, sizeof a); if (tos) setsockopt(s, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
  if (type == SOCK_STREAM) fcntl(s, F_SETFL, O_NONBLOCK);
  a.sin_port = htons(port); a.sin_addr.s_addr = inet_addr("203.0.113.77"); long result = connect(s, (void *)&a, sizeof a);
  printf("%s to port %d: %s\n", what, port, result ? name_of(errno) : "done"); close(s);
}
static void link_of(const char *name, const char *ip, int length) {
  struct ifinfomsg i = {0};
  begin(RTM_NEWLINK, ACK | NLM_F_CREATE, &i, sizeof i);
  text(IFLA_IFNAME, name);
  struct rtattr *info = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len));
  attribute(IFLA_LINKINFO, "", 0);
  attribute(IFLA_INFO_KIND, "veth", 5);
  info->rta_len = (char *)&r + r.h.nlmsg_len - (char *)info;
  ask("link");
  struct ifaddrmsg a = {AF_INET, length, 0, 0, if_nametoindex(name)};
  begin(RTM_NEWADDR, MAKE, &a, sizeof a);
  address(IFA_LOCAL, ip);
  ask("address");
}
static void up(const char *name) {
  struct ifreq q; strcpy(q.ifr_name, name);
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  ioctl(s, SIOCGIFFLAGS, &q); q.ifr_flags |= IFF_UP;
  if (ioctl(s, SIOCSIFFLAGS, &q)) perror(name);
  close(s);
}
static void reach(const char *ip, int mark) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in a = {AF_INET, htons(9)};
  inet_pton(AF_INET, ip, &a.sin_addr);
  if (mark) setsockopt(s, SOL_SOCKET, SO_MARK, &mark, 4);
  long result = connect(s, (void *)&a, sizeof a);
  printf("connect to %s, mark %d: %s\n", ip, mark, result ? name_of(errno) : "done");
  close(s);
}

int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  int off = 0;
  char path[] = "/proc/sys/net/ipv6/conf/all/disable_ipv6";
  int six = open(path, O_WRONLY); write(six, "1", 1); close(six);
  fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  link_of("one", "10.9.0.1", 24); link_of("two", "10.8.0.1", 24);
  up("lo"); up("one"); up("two"); up("veth0"); up("veth1");
  int one = if_nametoindex("one"), two = if_nametoindex("two");
  rules(AF_INET); rules(AF_INET6);

  puts("\nAdded:");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 100, FR_ACT_TO_TBL, 0); number(FRA_FWMARK, 5); ask("mark");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 100, FR_ACT_TO_TBL, 0); number(FRA_FWMARK, 5); ask("the same, at its own place");
  rule(RTM_NEWRULE, MAKE, AF_INET, 24, 0, 0, FR_ACT_TO_TBL, 0); address(FRA_SRC, "10.9.0.0"); number(FRA_TABLE, 1000); number(FRA_PRIORITY, 500); ask("from");
  rule(RTM_NEWRULE, MAKE, AF_INET, 24, 0, 0, FR_ACT_TO_TBL, 0); address(FRA_SRC, "10.9.0.0"); number(FRA_TABLE, 1000); number(FRA_PRIORITY, 500); ask("again");
  rule(RTM_NEWRULE, ACK | NLM_F_CREATE, AF_INET, 0, 24, 200, FR_ACT_TO_TBL, 0); address(FRA_DST, "192.0.2.0"); text(FRA_IIFNAME, "lo"); number(FRA_PRIORITY, 600); ask("to");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 200, FR_ACT_TO_TBL, 0); text(FRA_OIFNAME, "two"); number(FRA_PRIORITY, 600); ask("out");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 201, FR_ACT_TO_TBL, 0); text(FRA_OIFNAME, "away"); number(FRA_PRIORITY, 700); ask("out by what isn't there");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_PROHIBIT, 0); number(FRA_FWMARK, 0x10); number(FRA_FWMASK, 0xf0); number(FRA_PRIORITY, 800); ask("prohibit");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 32, 0, FR_ACT_BLACKHOLE, 0); address(FRA_DST, "198.51.100.1"); number(FRA_PRIORITY, 801); ask("blackhole");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 32, 0, FR_ACT_UNREACHABLE, 0); address(FRA_DST, "198.51.100.2"); number(FRA_PRIORITY, 802); ask("unreachable");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 254, FR_ACT_TO_TBL, 0); number(FRA_SUPPRESS_PREFIXLEN, 0); number(FRA_PRIORITY, 900); ask("suppressed");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 300, FR_ACT_TO_TBL, 0); attribute(FRA_UID_RANGE, (unsigned[]){1000, 2000}, 8); number(FRA_PRIORITY, 901); ask("users");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 8, 100, FR_ACT_TO_TBL, FIB_RULE_INVERT); address(FRA_DST, "0.0.0.0"); number(FRA_PRIORITY, 902); ask("not");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_GOTO, 0); number(FRA_GOTO, 32766); number(FRA_FWMARK, 7); number(FRA_PRIORITY, 499); ask("goto");
  rule(RTM_NEWRULE, MAKE, AF_INET6, 64, 0, 0, FR_ACT_TO_TBL, 0); address(FRA_SRC, "2001:db8::"); number(FRA_TABLE, 70000); ask("IPv6");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_NOP, 0); number(FRA_PRIORITY, 903); ask("nothing");
  rules(AF_INET); rules(AF_INET6);

  puts("\nRefused:");
  rule(RTM_NEWRULE, MAKE, AF_INET, 24, 0, 100, FR_ACT_TO_TBL, 0); ask("no source");
  rule(RTM_NEWRULE, MAKE, AF_INET, 33, 0, 100, FR_ACT_TO_TBL, 0); address(FRA_SRC, "10.9.0.0"); ask("too long");
  rule(RTM_NEWRULE, MAKE, AF_INET, 24, 0, 100, FR_ACT_TO_TBL, 0); address(FRA_SRC, "::1"); ask("of another family");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_GOTO, 0); number(FRA_PRIORITY, 10); ask("goto nowhere");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_GOTO, 0); number(FRA_PRIORITY, 10); number(FRA_GOTO, 10); ask("goto itself");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 100, FR_ACT_TO_TBL, 0); number(FRA_PRIORITY, 10); number(FRA_GOTO, 20); ask("a target without goto");
  rule(RTM_NEWRULE, MAKE, AF_UNIX, 0, 0, 100, FR_ACT_TO_TBL, 0); ask("no family");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 100, FR_ACT_TO_TBL, 0); attribute(FRA_UID_RANGE, (unsigned[]){2000, 1000}, 8); ask("users the wrong way");
  rule(RTM_DELRULE, ACK, AF_INET, 0, 0, 0, 0, 0); number(FRA_PRIORITY, 77); ask("none there");
  rule(RTM_DELRULE, ACK, AF_INET, 16, 0, 0, 0, 0); address(FRA_SRC, "10.9.0.0"); ask("of another length");

  puts("\nRoutes:");
  route(RTM_NEWROUTE, MAKE, AF_INET, 0, 100, 0); address(RTA_GATEWAY, "10.9.0.2"); ask("default of 100");
  route(RTM_NEWROUTE, MAKE, AF_INET, 0, 0, 0); address(RTA_GATEWAY, "10.8.0.2"); number(RTA_TABLE, 1000); ask("default of 1000");
  route(RTM_NEWROUTE, MAKE, AF_INET, 0, 0, 0); address(RTA_GATEWAY, "10.8.0.3"); number(RTA_TABLE, 1000); ask("again");
  route(RTM_NEWROUTE, MAKE, AF_INET, 24, 200, RT_SCOPE_LINK); address(RTA_DST, "192.0.2.0"); number(RTA_OIF, two); ask("192.0.2.0/24 of 200");
  route(RTM_NEWROUTE, MAKE, AF_INET, 0, 300, 0); address(RTA_GATEWAY, "10.9.0.3"); ask("default of 300");
  route(RTM_NEWROUTE, MAKE, AF_INET, 0, 254, 0); address(RTA_GATEWAY, "10.8.0.9"); ask("default of main");
  route(RTM_NEWROUTE, MAKE, AF_INET, 24, 400, RT_SCOPE_LINK); number(RTA_TABLE, 400); address(RTA_DST, "172.16.0.0"); number(RTA_OIF, two); ask("172.16.0.0/24 of 400");
  route(RTM_NEWROUTE, MAKE, AF_INET, 0, 0, 0); number(RTA_TABLE, 400); address(RTA_GATEWAY, "172.16.0.1"); ask("its default");
  route(RTM_NEWROUTE, MAKE, AF_INET, 0, 0, 0); number(RTA_TABLE, 401); address(RTA_GATEWAY, "172.16.0.1"); number(RTA_OIF, one); ask("by another link");
  struct rtmsg m = {.rtm_family = AF_INET};
  begin(RTM_GETROUTE, NLM_F_DUMP, &m, sizeof m); ask("all routes");
  int on = 1; SHOW(setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on));
  begin(RTM_GETROUTE, NLM_F_DUMP, &m, sizeof m); number(RTA_TABLE, 1000); ask("those of 1000");
  begin(RTM_GETROUTE, NLM_F_DUMP, &m, sizeof m); number(RTA_TABLE, 4444); ask("those of 4444");
  m.rtm_table = 200; begin(RTM_GETROUTE, NLM_F_DUMP, &m, sizeof m); ask("those of 200");
  SHOW(setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &off, sizeof off));

  puts("\nLooked up:");
  look("203.0.113.1", 0, 0, 0, 0); look("203.0.113.1", 5, 0, 0, 0); look("203.0.113.1", 7, 0, 0, 0); look("203.0.113.1", 0, "10.9.0.1", 0, 0);
  look("203.0.113.1", 0, "10.7.0.1", 0, 0); look("192.0.2.7", 0, 0, 0, 0); look("203.0.113.1", 0, 0, two, 0); look("203.0.113.1", 0, 0, one, 0);
  look("203.0.113.1", 0x15, 0, 0, 0); look("198.51.100.1", 0, 0, 0, 0); look("198.51.100.2", 0, 0, 0, 0); look("203.0.113.1", 0, 0, 0, 1500);
  look("10.9.0.7", 0, 0, 0, 0); look("10.9.0.1", 0, 0, 0, 0); look("127.0.0.1", 0x15, 0, 0, 0);
  reach("198.51.100.1", 0); reach("198.51.100.2", 0); reach("203.0.113.1", 0x15);

  puts("\nBy kind:");
  struct fib_rule_hdr tos = {.family = AF_INET, .table = 0, .action = FR_ACT_PROHIBIT, .tos = 0x10};
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_PROHIBIT, 0); unsigned char udp = IPPROTO_UDP, tcp = IPPROTO_TCP; attribute(FRA_IP_PROTO, &udp, 1); ports(FRA_DPORT_RANGE, 53, 60); number(FRA_PRIORITY, 301); ask("udp to 53 to 60");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_PROHIBIT, 0); attribute(FRA_IP_PROTO, &udp, 1); ports(FRA_DPORT_RANGE, 53, 60); number(FRA_PRIORITY, 301); ask("again");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_PROHIBIT, 0); attribute(FRA_IP_PROTO, &udp, 1); ports(FRA_SPORT_RANGE, 4000, 4010); number(FRA_PRIORITY, 302); ask("udp from 4000 to 4010");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_UNREACHABLE, 0); attribute(FRA_IP_PROTO, &tcp, 1); number(FRA_PRIORITY, 303); ask("tcp");
  begin(RTM_NEWRULE, MAKE, &tos, sizeof tos); number(FRA_PRIORITY, 304); ask("tos 10"); tos.tos = 3; begin(RTM_NEWRULE, MAKE, &tos, sizeof tos); number(FRA_PRIORITY, 305); ask("tos 3"); tos.tos = 0x40; begin(RTM_NEWRULE, MAKE, &tos, sizeof tos); number(FRA_PRIORITY, 305); ask("tos 40");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_PROHIBIT, 0); ports(FRA_DPORT_RANGE, 0, 60); ask("port 0"); rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_PROHIBIT, 0); ports(FRA_DPORT_RANGE, 61, 60); ask("ports the wrong way"); rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 0, FR_ACT_PROHIBIT, 0); ports(FRA_DPORT_RANGE, 1, 65535); ask("to the last port");
  rules(AF_INET);
  look_for("203.0.113.77", IPPROTO_UDP, 0, 52, 0); look_for("203.0.113.77", IPPROTO_UDP, 0, 53, 0); look_for("203.0.113.77", IPPROTO_UDP, 0, 60, 0); look_for("203.0.113.77", IPPROTO_UDP, 0, 61, 0); look_for("203.0.113.77", IPPROTO_UDP, 4005, 9, 0); look_for("203.0.113.77", IPPROTO_TCP, 0, 9, 0); look_for("203.0.113.77", IPPROTO_UDP, 0, 9, 0x10); look_for("203.0.113.77", IPPROTO_UDP, 0, 9, 0x8);
  reach_port("udp", SOCK_DGRAM, 53, 0, 0); reach_port("udp", SOCK_DGRAM, 9, 4001, 0); reach_port("tcp", SOCK_STREAM, 9, 0, 0); reach_port("udp of tos 10", SOCK_DGRAM, 9, 0, 0x10);
  rule(RTM_DELRULE, ACK, AF_INET, 0, 0, 0, 0, 0); ports(FRA_DPORT_RANGE, 53, 61); ask("other ports away"); rule(RTM_DELRULE, ACK, AF_INET, 0, 0, 0, 0, 0); ports(FRA_DPORT_RANGE, 53, 60); ask("ports away"); rule(RTM_DELRULE, ACK, AF_INET, 0, 0, 0, 0, 0); attribute(FRA_IP_PROTO, &tcp, 1); ask("tcp away"); rule(RTM_DELRULE, ACK, AF_INET, 0, 0, 0, 0, 0); ports(FRA_SPORT_RANGE, 4000, 4010); ask("source ports away"); tos.tos = 0x10; begin(RTM_DELRULE, ACK, &tos, sizeof tos); ask("tos away");

  puts("\nEchoed and told:");
  listener = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  int group = RTNLGRP_IPV4_RULE; SHOW(setsockopt(listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group));
  rule(RTM_NEWRULE, MAKE | NLM_F_ECHO, AF_INET, 0, 0, 100, FR_ACT_TO_TBL, 0); number(FRA_PRIORITY, 950); ask("rule");
  rule(RTM_DELRULE, ACK | NLM_F_ECHO, AF_INET, 0, 0, 100, FR_ACT_TO_TBL, 0); number(FRA_PRIORITY, 950); ask("rule away");
  rule(RTM_NEWRULE, MAKE | NLM_F_ECHO, AF_INET, 0, 0, 100, FR_ACT_TO_TBL, 0); number(FRA_PRIORITY, 500); ask("another at 500");
  rule(RTM_NEWRULE, MAKE | NLM_F_ECHO, AF_INET, 0, 0, 100, FR_ACT_TO_TBL, 0); number(FRA_PRIORITY, 500); ask("there already");
  char heard[4096]; ssize_t n;
  while ((n = recv(listener, heard, sizeof heard, MSG_DONTWAIT)) > 0) { printf("heard, sequence %s\n", ((struct nlmsghdr *)heard)->nlmsg_seq ? "given" : "0"); show((void *)heard); }
  route(RTM_NEWROUTE, MAKE | NLM_F_ECHO, AF_INET, 24, 254, RT_SCOPE_LINK); address(RTA_DST, "192.0.3.0"); number(RTA_OIF, two); ask("route");
  route(RTM_DELROUTE, ACK | NLM_F_ECHO, AF_INET, 24, 254, RT_SCOPE_NOWHERE); address(RTA_DST, "192.0.3.0"); ask("route away");
  struct ifaddrmsg a = {AF_INET, 32, 0, 0, one};
  begin(RTM_NEWADDR, MAKE | NLM_F_ECHO, &a, sizeof a); address(IFA_LOCAL, "10.9.9.9"); ask("address");
  begin(RTM_DELADDR, ACK | NLM_F_ECHO, &a, sizeof a); address(IFA_LOCAL, "10.9.9.9"); ask("address away");
  struct ifinfomsg i = {0};
  begin(RTM_NEWLINK, ACK | NLM_F_CREATE | NLM_F_ECHO, &i, sizeof i); text(IFLA_IFNAME, "dum");
  struct rtattr *info = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len));
  attribute(IFLA_LINKINFO, "", 0); attribute(IFLA_INFO_KIND, "veth", 5); info->rta_len = (char *)&r + r.h.nlmsg_len - (char *)info;
  ask("link");
  begin(RTM_DELLINK, ACK | NLM_F_ECHO, &i, sizeof i); text(IFLA_IFNAME, "dum"); ask("link away");

  puts("\nRemoved:");
  rule(RTM_DELRULE, ACK, AF_INET, 0, 0, 0, 0, 0); number(FRA_FWMARK, 5); ask("by mark");
  rule(RTM_DELRULE, ACK, AF_INET, 0, 0, 0, 0, 0); number(FRA_PRIORITY, 600); ask("the first at 600");
  rule(RTM_DELRULE, ACK, AF_INET, 0, 32, 0, FR_ACT_BLACKHOLE, 0); address(FRA_DST, "198.51.100.1"); ask("by action");
  rule(RTM_DELRULE, ACK, AF_INET, 0, 0, 0, 0, 0); number(FRA_TABLE, 300); ask("by table");
  rule(RTM_DELRULE, ACK, AF_INET, 0, 0, 254, FR_ACT_TO_TBL, 0); number(FRA_PRIORITY, 32766); ask("main's");
  rule(RTM_DELRULE, ACK, AF_INET6, 0, 0, 0, 0, 0); number(FRA_TABLE, 70000); ask("IPv6's");
  rules(AF_INET); rules(AF_INET6);
  look("10.8.0.7", 9, 0, 0, 0); look("203.0.113.1", 0, 0, 0, 0);
  begin(RTM_DELLINK, ACK, &i, sizeof i); text(IFLA_IFNAME, "two"); ask("the link away");
  m.rtm_table = 0; begin(RTM_GETROUTE, NLM_F_DUMP, &m, sizeof m); ask("all routes");
  if (seteuid(1000)) perror("seteuid");
  rule(RTM_NEWRULE, MAKE, AF_INET, 0, 0, 100, FR_ACT_TO_TBL, 0); ask("by nobody");
  return 0;
}
