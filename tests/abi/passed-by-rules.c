#include "abi.h"
#include "rtnetlink.h"
#include <linux/fib_rules.h>
#include <netinet/in.h>
/* Rules of routes for packets: by where they come in, their ports and marks, and whose they are. A router has two links to one station, which tells by which of them it hears. */
static int client, router, station, from_client, from_router, heard;
static int rule(int type, int family, int priority, int table) {
  struct fib_rule_hdr h = {.family = family, .table = table, .action = FR_ACT_TO_TBL};
  rt_begin(type, type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0, &h, sizeof h);
  rt_number(FRA_PRIORITY, priority);
}
static int remove_rule(int priority) { rule(RTM_DELRULE, AF_INET, priority, 0); return rt_ask(); }
static int route(int table, const char *to, int bits, const char *gateway) {
  struct rtmsg m = {.rtm_family = AF_INET, .rtm_dst_len = bits, .rtm_table = table, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST};
  rt_begin(RTM_NEWROUTE, NLM_F_CREATE, &m, sizeof m);
  if (bits) rt_ip(RTA_DST, to);
  rt_ip(RTA_GATEWAY, gateway);
  return rt_ask();
}
static struct sockaddr_in at(const char *ip, int port) { return (struct sockaddr_in){AF_INET, htons(port), {inet_addr(ip)}}; }
static int udp(int port) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in a = at("0.0.0.0", port);
  bind(s, (void *)&a, sizeof a);
  return s;
}
/* Sends until it is heard, and tells by which link. */
static void send_to(const char *what, int s, int port) {
  struct sockaddr_in a = at("203.0.113.1", port);
  char text[16], control[256], name[IF_NAMESIZE];
  static int number;
  int sent = sprintf(text, "%d", ++number);
  printf("%s:", what);
  for (int i = 0; i < 40; i++) {
    if (sendto(s, text, sent, 0, (void *)&a, sizeof a) < 0) { printf(" %s\n", name_of(errno)); fflush(stdout); return; }
    char got[16] = {0};
    struct iovec v = {got, sizeof got};
    struct msghdr m = {NULL, 0, &v, 1, control, sizeof control};
    if (recvmsg(heard, &m, 0) != sent || strcmp(got, text)) continue;
    setns(station, CLONE_NEWNET);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
      if (c->cmsg_type == IP_PKTINFO) printf(" by %s", if_indextoname(((struct in_pktinfo *)CMSG_DATA(c))->ipi_ifindex, name));
    setns(router, CLONE_NEWNET);
    break;
  }
  printf("\n");
  fflush(stdout);
}
static void all(const char *what) {
  printf("%s\n", what);
  send_to("  passed on", from_client, 7000);
  send_to("  its own", from_router, 7000);
}
int main(void) {
  unshare(CLONE_NEWNET); client = rt_network(); unshare(CLONE_NEWNET); station = rt_network(); unshare(CLONE_NEWNET); router = rt_network();
  rt_open(); SHOW(rt_set("lo", 1)); SHOW(rt_pair("c", "c1", client)); SHOW(rt_pair("u", "u1", station)); SHOW(rt_pair("v", "v1", station));
  SHOW(rt_set("c", 1)); SHOW(rt_set("u", 1)); SHOW(rt_set("v", 1));
  SHOW(rt_address("c", "10.1.0.1", 24)); SHOW(rt_address("u", "10.2.0.1", 24)); SHOW(rt_address("v", "10.3.0.1", 24));
  SHOW(rt_write("/proc/sys/net/ipv4/ip_forward", "1"));
  SHOW(route(RT_TABLE_MAIN, "203.0.113.0", 24, "10.2.0.2")); SHOW(route(100, "203.0.113.0", 24, "10.3.0.2"));
  int own = rt;
  setns(client, CLONE_NEWNET); rt_open(); SHOW(rt_set("c1", 1)); SHOW(rt_address("c1", "10.1.0.2", 24)); SHOW(route(RT_TABLE_MAIN, "", 0, "10.1.0.1")); from_client = udp(5000);
  setns(station, CLONE_NEWNET); rt_open(); SHOW(rt_set("lo", 1)); SHOW(rt_set("u1", 1)); SHOW(rt_set("v1", 1)); SHOW(rt_address("lo", "203.0.113.1", 32)); SHOW(rt_address("u1", "10.2.0.2", 24)); SHOW(rt_address("v1", "10.3.0.2", 24));
  SHOW(rt_write("/proc/sys/net/ipv4/conf/all/rp_filter", "0")); SHOW(rt_write("/proc/sys/net/ipv4/conf/u1/rp_filter", "0")); SHOW(rt_write("/proc/sys/net/ipv4/conf/v1/rp_filter", "0"));
  int on = 1; heard = udp(7000); setsockopt(heard, IPPROTO_IP, IP_PKTINFO, &on, sizeof on); struct timeval soon = {0, 200000}; setsockopt(heard, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
  setns(router, CLONE_NEWNET); rt = own; from_router = udp(5001); int other = heard;
  all("no rule");
  rule(RTM_NEWRULE, AF_INET, 500, 100); rt_text(FRA_IIFNAME, "c"); SHOW(rt_ask()); all("what comes in by c"); SHOW(remove_rule(500));
  rule(RTM_NEWRULE, AF_INET, 500, 100); rt_text(FRA_IIFNAME, "lo"); SHOW(rt_ask()); all("what comes in by lo"); SHOW(remove_rule(500));
  rule(RTM_NEWRULE, AF_INET, 500, 100); rt_text(FRA_IIFNAME, "u"); SHOW(rt_ask()); all("what comes in by u"); SHOW(remove_rule(500));
  rule(RTM_NEWRULE, AF_INET, 500, 100); rt_put(FRA_SPORT_RANGE, (unsigned short[]){5000, 5000}, 4); SHOW(rt_ask()); all("from port 5000"); SHOW(remove_rule(500));
  rule(RTM_NEWRULE, AF_INET, 500, 100); rt_put(FRA_IP_PROTO, "\21", 1); rt_put(FRA_DPORT_RANGE, (unsigned short[]){6000, 7000}, 4); SHOW(rt_ask()); all("UDP to ports up to 7000"); SHOW(remove_rule(500));
  rule(RTM_NEWRULE, AF_INET, 500, 100); rt_number(FRA_FWMARK, 7); SHOW(rt_ask()); int mark = 7; SHOW(setsockopt(from_router, SOL_SOCKET, SO_MARK, &mark, sizeof mark)); SHOW(setsockopt(from_client, SOL_SOCKET, SO_MARK, &mark, sizeof mark)); all("marked"); mark = 0; setsockopt(from_router, SOL_SOCKET, SO_MARK, &mark, sizeof mark); all("not marked"); SHOW(remove_rule(500));
  rule(RTM_NEWRULE, AF_INET, 500, 100); rt_put(FRA_UID_RANGE, (unsigned[]){1000, 1000}, 8); SHOW(rt_ask()); SHOW(seteuid(1000)); int theirs = udp(5002); SHOW(seteuid(0)); send_to("user 1000", theirs, 7000); send_to("user 0", from_router, 7000); SHOW(remove_rule(500));
  struct fib_rule_hdr h = {.family = AF_INET, .src_len = 24, .table = 100, .action = FR_ACT_TO_TBL}; rt_begin(RTM_NEWRULE, NLM_F_CREATE, &h, sizeof h); rt_number(FRA_PRIORITY, 500); rt_ip(FRA_SRC, "10.1.0.0"); SHOW(rt_ask()); all("from 10.1.0.0/24"); SHOW(remove_rule(500));
  all("no rule");
}
