#include "abi.h"
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Routes that lead nowhere: blackhole, unreachable, prohibit, throw; what programs are told, and how they are listed. */
static int s;
static char buffer[512];

static void begin(int type, int flags, const void *head, int length) {
  struct nlmsghdr *h = (void *)buffer;
  memset(buffer, 0, sizeof buffer);
  *h = (struct nlmsghdr){16 + length, type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0};
  memcpy(h + 1, head, length);
  h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len);
}

static void put(int type, const void *value, int length) {
  struct nlmsghdr *h = (void *)buffer;
  struct nlattr *a = (void *)(buffer + h->nlmsg_len);
  *a = (struct nlattr){4 + length, type};
  memcpy(a + 1, value, length);
  h->nlmsg_len += (4 + length + 3) & ~3;
}

static int ask(void) {
  struct nlmsghdr *h = (void *)buffer;
  struct sockaddr_nl k = {AF_NETLINK};
  char b[4096];
  if (sendto(s, h, h->nlmsg_len, 0, (void *)&k, sizeof k) < 0 || recv(s, b, sizeof b, 0) < 0) return -1;
  h = (void *)b;
  if (h->nlmsg_type != NLMSG_ERROR) return 1;
  errno = -*(int *)NLMSG_DATA(h);
  return errno ? -1 : 0;
}

static int route(int type, int kind, int family, const char *to, int bits, const char *gateway, int out, int metric, int table) {
  char b[16];
  int size = family == AF_INET ? 4 : 16;
  struct rtmsg r = {family, bits, 0, 0, table, RTPROT_STATIC, type == RTM_DELROUTE ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE, kind};
  begin(type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &r, sizeof r);
  inet_pton(family, to, b);
  put(RTA_DST, b, size);
  if (gateway) {
    inet_pton(family, gateway, b);
    put(RTA_GATEWAY, b, size);
  }
  if (out) put(RTA_OIF, &out, 4);
  if (metric) put(RTA_PRIORITY, &metric, 4);
  return ask();
}
static int add(int kind, int family, const char *to, int bits) { return route(RTM_NEWROUTE, kind, family, to, bits, NULL, 0, 0, RT_TABLE_MAIN); }
static int del(int kind, int family, const char *to, int bits) { return route(RTM_DELROUTE, kind, family, to, bits, NULL, 0, 0, RT_TABLE_MAIN); }

static int up(int index) {
  struct ifinfomsg i = {AF_UNSPEC, 0, 0, index, IFF_UP, IFF_UP};
  begin(RTM_NEWLINK, 0, &i, sizeof i);
  return ask();
}

static int reach(int family, const char *to) {
  int u = socket(family, SOCK_DGRAM, 0), result;
  if (family == AF_INET) {
    struct sockaddr_in a = {AF_INET, htons(9)};
    inet_pton(family, to, &a.sin_addr);
    result = connect(u, (void *)&a, sizeof a);
  } else {
    struct sockaddr_in6 a = {AF_INET6, htons(9)};
    inet_pton(family, to, &a.sin6_addr);
    result = connect(u, (void *)&a, sizeof a);
  }
  int error = errno;
  close(u);
  errno = error;
  return result;
}

static int get(int family, const char *to) {
  char b[16];
  struct rtmsg r = {family, family == AF_INET ? 32 : 128};
  begin(RTM_GETROUTE, 0, &r, sizeof r);
  inet_pton(family, to, b);
  put(RTA_DST, b, family == AF_INET ? 4 : 16);
  return ask();
}

static void dump(int family) {
  struct { struct nlmsghdr h; struct rtmsg r; } q = {{28, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 2}, {family}};
  struct sockaddr_nl k = {AF_NETLINK};
  sendto(s, &q, sizeof q, 0, (void *)&k, sizeof k);
  for (int end = 0; !end;) {
    char b[8192], t[64];
    long n = recv(s, b, sizeof b, 0);
    for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
      if (h->nlmsg_type == NLMSG_DONE) { end = 1; break; }
      struct rtmsg *r = NLMSG_DATA(h);
      if (r->rtm_protocol != RTPROT_STATIC && r->rtm_protocol != RTPROT_BOOT) continue;
      printf("  type %d scope %d table %d /%d", r->rtm_type, r->rtm_scope, r->rtm_table, r->rtm_dst_len);
      struct rtattr *a = RTM_RTA(r);
      int left = RTM_PAYLOAD(h);
      for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == RTA_DST) printf(" to %s", inet_ntop(family, RTA_DATA(a), t, 64));
        else if (a->rta_type == RTA_OIF || a->rta_type == RTA_PRIORITY) printf(" %d: %d", a->rta_type, *(int *)RTA_DATA(a));
      printf("\n");
    }
  }
  fflush(stdout);
}

static void show(const char *path) {
  char line[256], w[12][40];
  FILE *f = fopen(path, "r");
  while (fgets(line, sizeof line, f)) {
    int n = sscanf(line, "%39s %39s %39s %39s %39s %39s %39s %39s", w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]);
    if (n == 8 && strcmp(w[0], "Iface")) printf("  %s %s %s %s metric %s mask %s\n", w[0], w[1], w[2], w[3], w[6], w[7]);
  }
  fclose(f);
}

int main(void) {
  SHOW(unshare(CLONE_NEWNET));
  s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  SHOW(up(1));
  SHOW(add(RTN_BLACKHOLE, AF_INET, "10.1.0.0", 16));
  SHOW(add(RTN_UNREACHABLE, AF_INET, "10.2.0.0", 16));
  SHOW(add(RTN_PROHIBIT, AF_INET, "10.3.0.0", 16));
  SHOW(add(RTN_THROW, AF_INET, "10.4.0.0", 16));
  SHOW(add(RTN_THROW, AF_INET, "10.1.4.0", 24));
  SHOW(add(RTN_BLACKHOLE, AF_INET, "10.1.0.0", 16));
  SHOW(add(RTN_UNREACHABLE, AF_INET, "10.1.0.0", 16));
  SHOW(route(RTM_NEWROUTE, RTN_BLACKHOLE, AF_INET, "10.5.0.0", 16, NULL, 1, 0, RT_TABLE_MAIN));
  SHOW(route(RTM_NEWROUTE, RTN_BLACKHOLE, AF_INET, "10.5.0.0", 16, "127.0.0.1", 0, 0, RT_TABLE_MAIN));
  SHOW(route(RTM_NEWROUTE, RTN_UNREACHABLE, AF_INET, "10.2.0.0", 16, NULL, 0, 7, RT_TABLE_MAIN));
  SHOW(add(RTN_BLACKHOLE, AF_INET6, "fd01::", 32));
  SHOW(add(RTN_UNREACHABLE, AF_INET6, "fd02::", 32));
  SHOW(add(RTN_PROHIBIT, AF_INET6, "fd03::", 32));
  SHOW(add(RTN_THROW, AF_INET6, "fd04::", 32));
  SHOW(add(12, AF_INET, "10.6.0.0", 16));
  SHOW(reach(AF_INET, "10.1.0.1"));
  SHOW(reach(AF_INET, "10.1.4.1"));
  SHOW(reach(AF_INET, "10.2.0.1"));
  SHOW(reach(AF_INET, "10.3.0.1"));
  SHOW(reach(AF_INET, "10.4.0.1"));
  SHOW(reach(AF_INET6, "fd01::1"));
  SHOW(reach(AF_INET6, "fd02::1"));
  SHOW(reach(AF_INET6, "fd03::1"));
  SHOW(reach(AF_INET6, "fd04::1"));
  SHOW(get(AF_INET, "10.1.0.1"));
  SHOW(get(AF_INET, "10.2.0.1"));
  SHOW(get(AF_INET, "10.3.0.1"));
  dump(AF_INET);
  dump(AF_INET6);
  show("/proc/net/route");
  SHOW(del(RTN_UNREACHABLE, AF_INET, "10.1.0.0", 16));
  SHOW(del(RTN_UNICAST, AF_INET, "10.3.0.0", 16));
  SHOW(del(RTN_BLACKHOLE, AF_INET, "10.1.0.0", 16));
  SHOW(del(RTN_UNSPEC, AF_INET, "10.3.0.0", 16));
  SHOW(del(RTN_BLACKHOLE, AF_INET6, "fd01::", 32));
  SHOW(reach(AF_INET, "10.1.0.1"));
  SHOW(reach(AF_INET6, "fd01::1"));
  struct rtentry e = {.rt_flags = RTF_UP | RTF_REJECT};
  ((struct sockaddr_in *)&e.rt_dst)->sin_family = AF_INET;
  ((struct sockaddr_in *)&e.rt_genmask)->sin_family = AF_INET;
  inet_pton(AF_INET, "10.7.0.0", &((struct sockaddr_in *)&e.rt_dst)->sin_addr);
  inet_pton(AF_INET, "255.255.0.0", &((struct sockaddr_in *)&e.rt_genmask)->sin_addr);
  int u = socket(AF_INET, SOCK_DGRAM, 0);
  SHOW(ioctl(u, SIOCADDRT, &e));
  SHOW(reach(AF_INET, "10.7.0.1"));
  show("/proc/net/route");
  SHOW(ioctl(u, SIOCDELRT, &e));
  SHOW(reach(AF_INET, "10.7.0.1"));
}
