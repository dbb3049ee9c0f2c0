#include "abi.h"
#include "rtnetlink.h"
#include <netinet/in.h>
#include <netinet/ip.h>
/* What a route says beside its way: metrics, the type of service, a realm; which of several to one destination is asked, and what listeners hear of them. */
enum { ADD = NLM_F_CREATE | NLM_F_EXCL, APPEND = NLM_F_CREATE | NLM_F_APPEND, REPLACE = NLM_F_CREATE | NLM_F_REPLACE };
static int listener, out; static char text[64];
static void tell(struct nlmsghdr *h) {
  struct rtmsg *m = NLMSG_DATA(h); struct rtattr *a = RTM_RTA(m); int left = RTM_PAYLOAD(h);
  if (m->rtm_protocol != RTPROT_STATIC) return;
  printf("  /%d tos %x", m->rtm_dst_len, m->rtm_tos);
  for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) switch (a->rta_type) {
    case RTA_DST: case RTA_PREFSRC: printf(" %s %s", a->rta_type == RTA_DST ? "to" : "src", inet_ntop(m->rtm_family, RTA_DATA(a), text, 64)); break;
    case RTA_FLOW: printf(" realm %d", *(int *)RTA_DATA(a)); break;
    case RTA_PRIORITY: if (m->rtm_family == AF_INET) printf(" metric %d", *(int *)RTA_DATA(a)); break;
    case RTA_METRICS:
      for (struct rtattr *b = RTA_DATA(a); (char *)b < (char *)a + a->rta_len; b = (void *)((char *)b + RTA_ALIGN(b->rta_len)))
        if (b->rta_type == 16) printf(" congctl %s", (char *)RTA_DATA(b)); else printf(" %d=%d", b->rta_type, *(int *)RTA_DATA(b));
  }
  puts(""); fflush(stdout);
}
static void list(int family) { struct rtmsg m = {.rtm_family = family}; rt_begin(RTM_GETROUTE, 0, &m, sizeof m); rt_dump(tell); }
static void hear(void) {
  char b[8192]; int n;
  while ((n = recv(listener, b, sizeof b, MSG_DONTWAIT)) > 0) for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) if (((struct rtmsg *)NLMSG_DATA(h))->rtm_protocol == RTPROT_STATIC) { printf("  heard %s flags %x\n", h->nlmsg_type == RTM_NEWROUTE ? "new" : "gone", h->nlmsg_flags); tell(h); }
  fflush(stdout);
}
static void begin(int type, int flags, const char *to, int bits, int tos) {
  struct rtmsg m = {.rtm_family = rt_family(to), .rtm_dst_len = bits, .rtm_tos = tos, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST, .rtm_scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE : RT_SCOPE_LINK};
  rt_begin(type, flags, &m, sizeof m); rt_ip(RTA_DST, to); rt_number(RTA_OIF, out);
}
static int route(int type, int flags, const char *to, int bits, const char *source, int metric, int tos) {
  begin(type, flags, to, bits, tos); if (source) rt_ip(RTA_PREFSRC, source); if (metric) rt_number(RTA_PRIORITY, metric); return rt_ask();
}
static int said(const char *to, int bits, int type, const void *value, int length) {
  begin(RTM_NEWROUTE, ADD, to, bits, 0); struct rtattr *m = rt_put(RTA_METRICS, "", 0); unsigned mtu = 1000; rt_put(2, &mtu, 4); rt_put(type, value, length); rt_close(m); return rt_ask();
}
static const char *N = "192.0.2.0", *V6 = "2001:db8::";
static void from(int tos) {
  int s = socket(AF_INET, SOCK_DGRAM, 0); struct sockaddr_in to = {AF_INET, htons(9), {inet_addr("192.0.2.7")}}, own; socklen_t n = sizeof own;
  setsockopt(s, 0, IP_TOS, &tos, 4); int r = connect(s, (void *)&to, sizeof to) ? errno : 0; getsockname(s, (void *)&own, &n); printf("tos %x: %s from %s\n", tos, name_of(r), inet_ntoa(own.sin_addr)); fflush(stdout); close(s);
}
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); rt_open(); SHOW(rt_set("lo", 1)); SHOW(rt_pair("one", "other", -1)); SHOW(rt_set("one", 1)); SHOW(rt_set("other", 1)); out = if_nametoindex("one"); for (int i = 1; i < 10; i++) { sprintf(text, "198.51.100.%d", i); rt_address("one", text, 32); } struct sockaddr_nl groups = {AF_NETLINK, 0, 0, RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE}; listener = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); bind(listener, (void *)&groups, sizeof groups);
  puts("several to one destination"); SHOW(route(RTM_NEWROUTE, ADD, N, 24, "198.51.100.1", 0, 0)); SHOW(route(RTM_NEWROUTE, ADD, N, 24, "198.51.100.2", 0, 0)); SHOW(route(RTM_NEWROUTE, APPEND, N, 24, "198.51.100.2", 0, 0)); SHOW(route(RTM_NEWROUTE, APPEND, N, 24, "198.51.100.2", 0, 0)); SHOW(route(RTM_NEWROUTE, NLM_F_CREATE, N, 24, "198.51.100.3", 0, 0)); SHOW(route(RTM_NEWROUTE, NLM_F_CREATE, N, 24, "198.51.100.3", 0, 0)); list(AF_INET); hear(); from(0);
  SHOW(route(RTM_NEWROUTE, REPLACE, N, 24, "198.51.100.4", 0, 0)); SHOW(route(RTM_NEWROUTE, NLM_F_REPLACE, N, 24, "198.51.100.5", 0, 0)); SHOW(route(RTM_NEWROUTE, NLM_F_REPLACE, N, 24, "198.51.100.5", 7, 0)); SHOW(route(RTM_NEWROUTE, REPLACE, N, 24, "198.51.100.6", 8, 0)); SHOW(route(RTM_NEWROUTE, 0, N, 24, "198.51.100.9", 9, 0)); list(AF_INET); hear(); from(0);
  SHOW(route(RTM_DELROUTE, 0, N, 24, "198.51.100.8", 0, 0)); SHOW(route(RTM_DELROUTE, 0, N, 24, "198.51.100.2", 0, 0)); SHOW(route(RTM_DELROUTE, 0, N, 24, NULL, 0, 0)); list(AF_INET); SHOW(route(RTM_DELROUTE, 0, N, 24, NULL, 0, 0)); SHOW(route(RTM_DELROUTE, 0, N, 24, NULL, 8, 0)); list(AF_INET); hear();
  puts("by type of service"); SHOW(route(RTM_NEWROUTE, ADD, N, 24, "198.51.100.1", 0, 0)); SHOW(route(RTM_NEWROUTE, ADD, N, 24, "198.51.100.2", 5, 0x10)); SHOW(route(RTM_NEWROUTE, ADD, N, 24, "198.51.100.3", 0, 0x08)); SHOW(route(RTM_NEWROUTE, ADD, N, 24, "198.51.100.4", 0, 0x11)); list(AF_INET); from(0); from(0x10); from(0x08); from(0x12); from(0x04);
  SHOW(route(RTM_DELROUTE, 0, N, 24, NULL, 0, 0x04)); SHOW(route(RTM_DELROUTE, 0, N, 24, NULL, 0, 0x10)); SHOW(route(RTM_DELROUTE, 0, N, 24, NULL, 0, 0)); SHOW(route(RTM_DELROUTE, 0, N, 24, NULL, 0, 0)); SHOW(route(RTM_DELROUTE, 0, N, 24, NULL, 0, 0x08)); SHOW(route(RTM_NEWROUTE, ADD, V6, 32, NULL, 0, 0x08)); hear();
  puts("metrics"); unsigned one = 1, much = 1 << 20; const char *to[] = {N, V6}; int bits[] = {24, 32};
  for (int i = 0; i < 2; i++) for (int type = 0; type < 19; type++) { if (type == 13 || type == 17) continue; printf("%d: ", type); SHOW(said(to[i], bits[i], type, type == 16 ? (void *)"reno" : &one, type == 16 ? 5 : 4)); list(i ? AF_INET6 : AF_INET); route(RTM_DELROUTE, 0, to[i], bits[i], NULL, 0, 0); }
  int odd[] = {8, 10, 12, 16, 10, 10}, lengths[] = {4, 4, 4, 5, 2, 8}; const void *values[] = {&much, &much, &much, "none", &one, "12345678"};
  for (int i = 0; i < 6; i++) { SHOW(said(N, 24, odd[i], values[i], lengths[i])); list(AF_INET); route(RTM_DELROUTE, 0, N, 24, NULL, 0, 0); }
  begin(RTM_NEWROUTE, ADD, N, 24, 0); rt_number(RTA_FLOW, 239); SHOW(rt_ask()); list(AF_INET); SHOW(route(RTM_DELROUTE, 0, N, 24, NULL, 0, 0));
  puts("no interface is named"); struct rtmsg m = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_BLACKHOLE}; rt_begin(RTM_NEWROUTE, ADD, &m, sizeof m); rt_number(RTA_OIF, 0); SHOW(rt_ask()); list(AF_INET); m.rtm_type = RTN_UNICAST; rt_begin(RTM_NEWROUTE, ADD, &m, sizeof m); rt_number(RTA_OIF, 0); rt_number(RTA_PRIORITY, 9); SHOW(rt_ask());
  puts("no longer than a route says"); 
  begin(RTM_NEWROUTE, ADD, "203.0.113.0", 24, 0); struct rtattr *x = rt_put(RTA_METRICS, "", 0); rt_number(2, 700); rt_close(x); SHOW(rt_ask());
  int s = socket(AF_INET, SOCK_DGRAM, 0), mtu = 0; socklen_t n = 4; struct sockaddr_in far = {AF_INET, htons(9), {inet_addr("203.0.113.5")}}; SHOW(connect(s, (void *)&far, sizeof far)); SHOW(getsockopt(s, 0, IP_MTU, &mtu, &n)); SHOW(mtu); int how = IP_PMTUDISC_DO; setsockopt(s, 0, IP_MTU_DISCOVER, &how, 4); char data[1000]; SHOW(send(s, data, 672, 0)); SHOW(send(s, data, 673, 0));
  return 0;
}
