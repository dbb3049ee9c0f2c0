#include "abi.h"
#include "rtnetlink.h"
/* Routes with several ways (RTA_MULTIPATH), and gateways that are taken for neighbours (RTNH_F_ONLINK): how they are made, told, shared by flows, and end. */
enum { DEAD = 1, ONLINK = 4, ADD = NLM_F_CREATE | NLM_F_EXCL, APPEND = NLM_F_CREATE | NLM_F_APPEND, REPLACE = NLM_F_CREATE | NLM_F_REPLACE };
struct way { const char *gateway, *out; int weight, flags; };
static int route(int type, int flags, const char *to, int bits, int metric) {
  struct rtmsg m = {.rtm_family = rt_family(to), .rtm_dst_len = bits, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST, .rtm_scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE : 0};
  rt_begin(type, flags, &m, sizeof m);
  if (bits) rt_ip(RTA_DST, to);
  if (metric) rt_number(RTA_PRIORITY, metric);
}
static void way(struct way w) {
  struct rtnexthop *n = rt_end();
  *n = (struct rtnexthop){0, w.flags, w.weight - 1, w.out ? if_nametoindex(w.out) : 0};
  rt_request.h.nlmsg_len = NLMSG_ALIGN(rt_request.h.nlmsg_len) + sizeof *n;
  if (w.gateway) rt_ip(RTA_GATEWAY, w.gateway);
  n->rtnh_len = (char *)rt_end() - (char *)n;
}
static int by(int type, int flags, const char *to, int bits, int count, const struct way *ways) {
  route(type, flags, to, bits, 0);
  struct rtattr *several = rt_put(RTA_MULTIPATH, "", 0);
  for (int i = 0; i < count; i++) way(ways[i]);
  rt_close(several);
  return rt_ask();
}
static int single(int type, int flags, const char *to, int bits, const char *gateway, const char *out, int how) {
  route(type, flags, to, bits, 0);
  ((struct rtmsg *)rt_request.rest)->rtm_flags = how;
  if (gateway) rt_ip(RTA_GATEWAY, gateway);
  if (out) rt_number(RTA_OIF, if_nametoindex(out));
  return rt_ask();
}
#define WAYS(...) sizeof((struct way[]){__VA_ARGS__}) / sizeof(struct way), (struct way[]){__VA_ARGS__}
static char text[64], name[IF_NAMESIZE];
static void gateway(struct rtattr *a, int left) {
  for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) if (a->rta_type == RTA_GATEWAY) printf(" via %s", inet_ntop(RTA_PAYLOAD(a) == 4 ? AF_INET : AF_INET6, RTA_DATA(a), text, 64));
}
static void tell(struct nlmsghdr *h) {
  struct rtmsg *m = NLMSG_DATA(h);
  struct rtattr *a = RTM_RTA(m);
  int left = RTM_PAYLOAD(h);
  if (m->rtm_protocol != RTPROT_STATIC) return;
  printf("  /%d flags %x", m->rtm_dst_len, m->rtm_flags);
  gateway(a, left);
  for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) switch (a->rta_type) {
    case RTA_DST: printf(" to %s", inet_ntop(m->rtm_family, RTA_DATA(a), text, 64)); break;
    case RTA_OIF: printf(" dev %s", if_indextoname(*(int *)RTA_DATA(a), name)); break;
    case RTA_PRIORITY: printf(" metric %d", *(int *)RTA_DATA(a)); break;
    case RTA_MULTIPATH:
      for (struct rtnexthop *n = RTA_DATA(a); (char *)n < (char *)a + a->rta_len; n = RTNH_NEXT(n)) {
        printf(" [dev %s weight %d flags %x", if_indextoname(n->rtnh_ifindex, name), n->rtnh_hops + 1, n->rtnh_flags);
        gateway(RTNH_DATA(n), n->rtnh_len - sizeof *n);
        printf("]");
      }
  }
  printf("\n");
}
static void list(int family) {
  struct rtmsg m = {.rtm_family = family};
  rt_begin(RTM_GETROUTE, 0, &m, sizeof m);
  rt_dump(tell);
  fflush(stdout);
}
/* Linux tells of carriers once in a second. */
static void settle(void) { usleep(1300000); }
/* Which interface `ip route get` finds. */
static int found(const char *to, int port, const char *source) {
  struct rtmsg m = {.rtm_family = rt_family(to), .rtm_dst_len = rt_family(to) == AF_INET ? 32 : 128};
  unsigned short ports[2] = {htons(7000), htons(port)};
  unsigned char udp = 17;
  rt_begin(RTM_GETROUTE, 0, &m, sizeof m);
  rt_request.h.nlmsg_flags = NLM_F_REQUEST;
  rt_ip(RTA_DST, to);
  if (source) rt_ip(RTA_SRC, source);
  if (port) rt_put(RTA_IP_PROTO, &udp, 1), rt_put(RTA_SPORT, ports, 2), rt_put(RTA_DPORT, ports + 1, 2);
  if (rt_ask()) return -errno;
  struct nlmsghdr *h = (void *)rt_answer;
  struct rtattr *a = RTM_RTA(NLMSG_DATA(h));
  for (int left = RTM_PAYLOAD(h); RTA_OK(a, left); a = RTA_NEXT(a, left)) if (a->rta_type == RTA_OIF) return *(int *)RTA_DATA(a);
  return 0;
}
/* How many of 240 destinations, and of 240 ports at one, go by `b`. */
static int stations(const char *prefix) { int n = 0; for (int i = 1; i <= 240; i++) { char to[40]; sprintf(to, "%s%d", prefix, i); n += found(to, 0, NULL) == if_nametoindex("b"); } return n; }
static int ports(const char *to) { int n = 0; for (int i = 1; i <= 240; i++) n += found(to, i, NULL) == if_nametoindex("b"); return n; }
static void file(const char *path, const char *what) { char line[256]; FILE *f = fopen(path, "r"); while (fgets(line, sizeof line, f)) if (strstr(line, what)) { char a[64], b[64], c[64], d[64], e[64]; sscanf(line, "%63s %63s %63s %63s %63s", a, b, c, d, e); printf("  %s %s %s %s %s\n", a, b, c, d, e); } fclose(f); fflush(stdout); }

int main(void) {
  SHOW(unshare(CLONE_NEWNET)); rt_open();
  SHOW(rt_set("lo", 1)); SHOW(rt_pair("a", "a1", -1)); SHOW(rt_pair("b", "b1", -1));
  SHOW(rt_set("a", 1)); SHOW(rt_set("a1", 1)); SHOW(rt_set("b", 1)); SHOW(rt_set("b1", 1)); settle();
  SHOW(rt_address("a", "10.1.0.1", 24)); SHOW(rt_address("b", "10.2.0.1", 24)); SHOW(rt_address("a", "fd01::1", 64)); SHOW(rt_address("b", "fd02::1", 64));
  puts("made");
  SHOW(by(RTM_NEWROUTE, ADD, "198.51.100.0", 24, WAYS({"10.1.0.2", NULL, 1}, {"10.2.0.2", "b", 3})));
  SHOW(by(RTM_NEWROUTE, ADD, "198.51.100.0", 24, WAYS({"10.1.0.2", NULL, 1}, {"10.2.0.2", "b", 3})));
  SHOW(by(RTM_NEWROUTE, ADD, "198.51.101.0", 24, WAYS({NULL, "a", 1}, {NULL, "b", 256})));
  SHOW(by(RTM_NEWROUTE, ADD, "198.51.102.0", 24, WAYS({"10.1.0.2", "a", 9})));
  SHOW(by(RTM_NEWROUTE, APPEND, "198.51.100.0", 24, WAYS({"10.1.0.3", "a", 1}, {"10.2.0.3", "b", 1})));
  SHOW(by(RTM_NEWROUTE, REPLACE, "198.51.101.0", 24, WAYS({"10.1.0.2", "a", 1}, {"10.1.0.3", "a", 1}, {"10.2.0.2", "b", 1})));
  list(AF_INET);
  puts("refused");
  SHOW(by(RTM_NEWROUTE, ADD, "198.51.103.0", 24, 0, NULL));
  SHOW(by(RTM_NEWROUTE, ADD, "198.51.103.0", 24, WAYS({"10.1.0.2", "a", 1, DEAD}, {"10.2.0.2", "b", 1})));
  SHOW(by(RTM_NEWROUTE, ADD, "198.51.103.0", 24, WAYS({"10.1.0.2", "a", 1}, {"10.9.0.2", NULL, 1})));
  SHOW(by(RTM_NEWROUTE, ADD, "198.51.103.0", 24, WAYS({"10.1.0.2", "a", 1}, {"10.1.0.2", "b", 1})));
  SHOW(by(RTM_NEWROUTE, ADD, "198.51.103.0", 24, WAYS({"10.1.0.2", "a", 1}, {NULL, NULL, 1})));
  SHOW((route(RTM_NEWROUTE, ADD, "198.51.103.0", 24, 0), rt_put(RTA_MULTIPATH, "\1\0\0\0\0\0\0\0", 8), rt_ask()));
  SHOW((route(RTM_NEWROUTE, ADD, "198.51.103.0", 24, 0), rt_put(RTA_MULTIPATH, "\20\0\0\0\0\0\0\0", 8), rt_ask()));
  list(AF_INET);
  puts("shared");
  HOLDS(stations("198.51.100.") > 140 && stations("198.51.100.") < 220);
  HOLDS(found("198.51.100.7", 0, NULL) == found("198.51.100.7", 0, NULL));
  HOLDS(ports("198.51.100.7") % 240 == 0);
  HOLDS(found("198.51.100.7", 0, "10.1.0.1") == if_nametoindex("a")); HOLDS(found("198.51.100.7", 0, "10.2.0.1") == if_nametoindex("b"));
  SHOW(rt_write("/proc/sys/net/ipv4/fib_multipath_hash_policy", "1"));
  HOLDS(ports("198.51.100.7") > 140 && ports("198.51.100.7") < 220);
  SHOW(rt_write("/proc/sys/net/ipv4/fib_multipath_hash_policy", "4")); SHOW(rt_write("/proc/sys/net/ipv4/fib_multipath_hash_policy", "-1")); SHOW(rt_write("/proc/sys/net/ipv4/fib_multipath_hash_policy", "0"));
  file("/proc/net/route", "643");
  puts("removed");
  SHOW(by(RTM_DELROUTE, 0, "198.51.101.0", 24, WAYS({"10.1.0.2", "a", 1}, {"10.2.0.2", "b", 1})));
  SHOW(by(RTM_DELROUTE, 0, "198.51.101.0", 24, WAYS({"10.1.0.2", "a", 1}, {"10.1.0.3", "a", 1}, {"10.2.0.2", "b", 1})));
  SHOW(single(RTM_DELROUTE, 0, "198.51.100.0", 24, "10.2.0.3", NULL, 0)); SHOW(single(RTM_DELROUTE, 0, "198.51.100.0", 24, "10.1.0.3", NULL, 0));
  list(AF_INET);
  puts("down");
  SHOW(by(RTM_NEWROUTE, ADD, "198.51.104.0", 24, WAYS({"10.1.0.2", "a", 1}, {"10.1.0.3", "a", 1})));
  SHOW(rt_set("a", 0)); list(AF_INET); HOLDS(stations("198.51.100.") == 240);
  SHOW(rt_set("a", 1)); settle(); list(AF_INET); HOLDS(stations("198.51.100.") < 220);
  SHOW(rt_set("b1", 0)); settle(); list(AF_INET); SHOW(rt_set("b1", 1)); settle(); list(AF_INET);
  puts("beside");
  SHOW(single(RTM_NEWROUTE, ADD, "198.51.105.0", 24, "203.0.113.1", "a", ONLINK)); SHOW(single(RTM_NEWROUTE, ADD, "198.51.106.0", 24, "203.0.113.1", NULL, ONLINK)); SHOW(single(RTM_NEWROUTE, ADD, "198.51.106.0", 24, "203.0.113.1", "a", 0));
  SHOW(by(RTM_NEWROUTE, ADD, "198.51.107.0", 24, WAYS({"203.0.113.1", "a", 1, ONLINK}, {"10.2.0.2", "b", 1})));
  SHOW(single(RTM_NEWROUTE, ADD, "fd09::", 64, "fd08::1", "a", 0)); SHOW(single(RTM_NEWROUTE, ADD, "fd09::", 64, "fd08::1", "a", ONLINK));
  list(AF_INET); list(AF_INET6);
  puts("of IPv6");
  SHOW(rt_address("a", "fd01::1", 64));
  SHOW(by(RTM_NEWROUTE, ADD, "fd10::", 64, WAYS({"fd01::2", NULL, 1}, {"fd02::2", "b", 3})));
  SHOW(by(RTM_NEWROUTE, ADD, "fd10::", 64, WAYS({"fd01::2", NULL, 1}, {"fd02::2", "b", 3})));
  SHOW(by(RTM_NEWROUTE, ADD, "fd11::", 64, WAYS({NULL, "a", 1}, {NULL, "b", 1})));
  SHOW(by(RTM_NEWROUTE, ADD, "fd12::", 64, WAYS({"fd01::2", "a", 1}, {"fd01::2", "a", 1})));
  SHOW(single(RTM_NEWROUTE, ADD, "fd13::", 64, "fd01::2", "a", 0)); SHOW(single(RTM_NEWROUTE, ADD, "fd13::", 64, "fd02::2", "b", 0)); SHOW(single(RTM_NEWROUTE, APPEND, "fd13::", 64, "fd02::2", "b", 0)); SHOW(single(RTM_NEWROUTE, APPEND, "fd13::", 64, "fd02::3", "b", 0));
  list(AF_INET6);
  HOLDS(stations("fd10::") > 140 && stations("fd10::") < 220);
  file("/proc/net/ipv6_route", "fd13");
  SHOW(single(RTM_DELROUTE, 0, "fd13::", 64, "fd02::2", NULL, 0)); SHOW(single(RTM_DELROUTE, 0, "fd13::", 64, "fd02::9", NULL, 0)); SHOW(by(RTM_DELROUTE, 0, "fd10::", 64, WAYS({"fd02::2", "b", 1})));
  list(AF_INET6);
  SHOW(single(RTM_DELROUTE, 0, "fd13::", 64, NULL, NULL, 0)); list(AF_INET6);
  puts("gone");
  SHOW(rt_remove("b")); list(AF_INET); list(AF_INET6);
}
