#include "abi.h"
#include <sched.h>
#include <net/if.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/veth.h>
#include <sys/ioctl.h>
#include <arpa/inet.h>
static struct { struct nlmsghdr h; struct ifinfomsg i; char rest[1024]; } r;
static int route;
static void begin(int type, int flags, int index) { memset(&r, 0, sizeof r); r.h.nlmsg_len = NLMSG_LENGTH(sizeof r.i); r.h.nlmsg_type = type; r.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags; r.i.ifi_index = index; }
static struct rtattr *attribute(int type, const void *value, int length) { struct rtattr *a = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len)); a->rta_type = type; a->rta_len = RTA_LENGTH(length); memcpy(RTA_DATA(a), value, length); r.h.nlmsg_len = NLMSG_ALIGN(r.h.nlmsg_len) + RTA_ALIGN(a->rta_len); return a; }
static void close_attribute(struct rtattr *a) { a->rta_len = (char *)&r + r.h.nlmsg_len - (char *)a; }
static char text[32768];
static long sent(void) { if (send(route, &r, r.h.nlmsg_len, 0) < 0) return -1; for (;;) { long n = recv(route, text, sizeof text, 0); struct nlmsghdr *h = (void *)text; if (n > 0 && h->nlmsg_type == NLMSG_ERROR) { errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error; return errno ? -1 : 0; } } }
static long make(const char *name, const char *kind, int number, int other) {
  unsigned char address[6] = {2, 0, 0, 0, 0, number}, far[6] = {2, 0, 0, 0, 1, number};
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0); attribute(IFLA_IFNAME, name, strlen(name) + 1); if (number) attribute(IFLA_ADDRESS, address, 6); struct rtattr *info = attribute(IFLA_LINKINFO, "", 0); attribute(IFLA_INFO_KIND, kind, strlen(kind));
  if (other) { char there[16]; snprintf(there, 16, "far%d", number); struct rtattr *data = attribute(IFLA_INFO_DATA, "", 0); struct ifinfomsg none = {0}; struct rtattr *peer = attribute(VETH_INFO_PEER, &none, sizeof none); attribute(IFLA_IFNAME, there, strlen(there) + 1); attribute(IFLA_ADDRESS, far, 6); close_attribute(peer); close_attribute(data); }
  close_attribute(info); return sent();
}
static int at(const char *name) { return if_nametoindex(name); }
static long up(const char *name, int is) { begin(RTM_NEWLINK, 0, at(name)); r.i.ifi_change = IFF_UP; r.i.ifi_flags = is ? IFF_UP : 0; return sent(); }
static long port(const char *name, int master) { begin(RTM_NEWLINK, 0, at(name)); attribute(IFLA_MASTER, &master, 4); return sent(); }
static int opened(const char *name, int protocol) { struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = at(name)}; int fd = socket(AF_PACKET, SOCK_RAW, 0); int one = 1; setsockopt(fd, SOL_PACKET, 23, &one, sizeof one); if (bind(fd, (void *)&a, sizeof a)) perror("bind"); return fd; }
#define PROTOCOL 0x88b5
static const unsigned char all[6] = {255, 255, 255, 255, 255, 255};
static int stations[4], own, at_port;
static long frame(int fd, const unsigned char *to, int from_low, int from) { unsigned char f[60] = {0}; memcpy(f, to, 6); f[6] = 2; f[10] = from_low; f[11] = from; f[12] = PROTOCOL >> 8; f[13] = PROTOCOL & 255; static char n; f[14] = ++n; return send(fd, f, sizeof f, 0); }
static int hears(int fd) { unsigned char f[100]; int n = 0; while (recv(fd, f, sizeof f, MSG_DONTWAIT) > 0) n++; return n; }
static void heard(void) { usleep(20000); printf("heard: 1 %d, 2 %d, 3 %d, bridge %d, at port 1 %d\n", hears(stations[1]), hears(stations[2]), hears(stations[3]), hears(own), hears(at_port)); fflush(stdout); }
static void link_of(const char *name) {
  begin(RTM_GETLINK, 0, at(name)); r.h.nlmsg_flags &= ~NLM_F_ACK; if (send(route, &r, r.h.nlmsg_len, 0) < 0) perror("send"); long n = recv(route, text, sizeof text, 0); struct nlmsghdr *h = (void *)text; struct ifinfomsg *i = NLMSG_DATA(h); int length = h->nlmsg_len - NLMSG_LENGTH(sizeof *i);
  if (h->nlmsg_type != RTM_NEWLINK) { printf("%s: none\n", name); return; }
  printf("%s:%s%s", name, i->ifi_flags & IFF_UP ? " up" : "", i->ifi_flags & IFF_RUNNING ? " running" : ""); char master[IF_NAMESIZE];
  for (struct rtattr *a = IFLA_RTA(i); RTA_OK(a, length); a = RTA_NEXT(a, length)) { if (a->rta_type == IFLA_MASTER) printf(" master %s", if_indextoname(*(int *)RTA_DATA(a), master)); if (a->rta_type == IFLA_OPERSTATE) printf(" state %d", *(char *)RTA_DATA(a)); if (a->rta_type == IFLA_PROMISCUITY) printf(" promiscuity %d", *(int *)RTA_DATA(a)); if (a->rta_type == IFLA_ADDRESS) { unsigned char *m = RTA_DATA(a); printf(" %02x:%02x", m[4], m[5]); } }
  printf("\n"); fflush(stdout);
}
/* `bridge fdb`: our stations behind ports, sorted. */
static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void known(void) {
  begin(RTM_GETNEIGH, NLM_F_DUMP, 0); r.h.nlmsg_flags &= ~NLM_F_ACK; r.i.ifi_family = AF_BRIDGE; if (send(route, &r, r.h.nlmsg_len, 0) < 0) perror("send"); char *rows[64]; int count = 0, ended = 0;
  while (!ended) { long n = recv(route, text, sizeof text, 0); for (struct nlmsghdr *h = (void *)text; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
    if (h->nlmsg_type == NLMSG_DONE) { ended = 1; break; } struct { unsigned char family, a; unsigned short b; int index; unsigned short state; unsigned char flags, type; } *d = NLMSG_DATA(h); int length = h->nlmsg_len - NLMSG_LENGTH(sizeof *d); unsigned char *m = NULL; int master = 0, vlan = 0; char name[IF_NAMESIZE];
    for (struct rtattr *a = (void *)(d + 1); RTA_OK(a, length); a = RTA_NEXT(a, length)) { if (a->rta_type == 2) m = RTA_DATA(a); if (a->rta_type == 9) master = 1; if (a->rta_type == 5) vlan = 1; }
    if (m && !(m[0] & 1) && master && !vlan && d->index != at("br")) asprintf(&rows[count++], "%02x:%02x %s %s%s", m[4], m[5], if_indextoname(d->index, name), d->state & 0x80 ? "permanent" : "heard", d->flags ? " flags" : ""); } }
  qsort(rows, count, sizeof *rows, compare); printf("known:"); for (int i = 0; i < count; i++) printf(" [%s]", rows[i]); printf("\n"); fflush(stdout);
}
int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  int quiet = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY); if (quiet >= 0) { (void)!write(quiet, "1", 1); close(quiet); }
  route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  SHOW(make("br", "bridge", 0, 0)); SHOW(make("br", "bridge", 0, 0)); SHOW(make("other", "bridge", 9, 0)); SHOW(make("none", "nosuchkind", 0, 0));
  for (int i = 1; i <= 3; i++) { char name[8]; snprintf(name, 8, "near%d", i); SHOW(make(name, "veth", i, 1)); }
  /* What may be a port, and of what. */
  SHOW(port("lo", at("br"))); SHOW(port("other", at("br"))); SHOW(port("near1", 999)); SHOW(port("near1", at("near2"))); SHOW(port("near1", 0)); SHOW(port("near3", at("br"))); link_of("br"); SHOW(port("near2", at("br"))); SHOW(port("near1", at("br"))); SHOW(port("near1", at("br"))); SHOW(port("near1", at("other"))); link_of("br"); SHOW(port("near1", at("br"))); link_of("br"); link_of("near1");
  /* Carrier: of any port that runs. */
  SHOW(up("br", 1)); link_of("br"); for (int i = 1; i <= 3; i++) { char name[8]; snprintf(name, 8, "near%d", i); SHOW(up(name, 1)); snprintf(name, 8, "far%d", i); SHOW(up(name, 1)); stations[i] = opened(name, PROTOCOL); } usleep(100000); link_of("br"); known();
  own = opened("br", PROTOCOL); at_port = opened("near1", PROTOCOL); heard();
  /* To all; to one that isn't known; to one that is; to itself; behind the same port. */
  unsigned char two[6] = {2, 0, 0, 0, 1, 2}, three[6] = {2, 0, 0, 0, 1, 3}, nobody[6] = {2, 0, 0, 0, 7, 7}, bridge[6] = {2, 0, 0, 0, 0, 1}, near2[6] = {2, 0, 0, 0, 0, 2}, one[6] = {2, 0, 0, 0, 1, 1}, pause[6] = {1, 0x80, 0xc2, 0, 0, 1}, lldp[6] = {1, 0x80, 0xc2, 0, 0, 0x0e}, many[6] = {1, 0, 0x5e, 1, 2, 3};
  SHOW(frame(stations[1], all, 1, 1)); heard(); SHOW(frame(stations[1], nobody, 1, 1)); heard(); SHOW(frame(stations[2], one, 1, 2)); heard(); SHOW(frame(stations[1], two, 1, 1)); heard(); SHOW(frame(stations[3], bridge, 1, 3)); heard(); SHOW(frame(stations[3], near2, 1, 3)); heard(); SHOW(frame(stations[1], one, 5, 5)); heard(); known();
  SHOW(frame(stations[1], pause, 1, 1)); heard(); SHOW(frame(stations[1], lldp, 1, 1)); heard(); SHOW(frame(stations[1], many, 1, 1)); heard();
  /* A station moves; a port that goes down forgets. */
  SHOW(frame(stations[3], all, 1, 2)); heard(); SHOW(frame(stations[1], two, 1, 1)); heard(); SHOW(up("near3", 0)); known(); SHOW(frame(stations[1], two, 1, 1)); heard(); SHOW(up("near3", 1)); usleep(50000);
  /* The bridge itself sends. */
  SHOW(frame(own, all, 0, 1)); heard(); SHOW(frame(own, one, 0, 1)); heard(); SHOW(frame(own, nobody, 0, 1)); heard();
  /* It is down; a port leaves; the bridge goes, and the ports stay. */
  SHOW(up("br", 0)); SHOW(frame(stations[1], all, 1, 1)); heard(); SHOW(up("br", 1)); SHOW(port("near2", 0)); usleep(50000); SHOW(frame(stations[1], all, 1, 1)); heard(); link_of("near2");
  begin(RTM_DELLINK, 0, at("br")); SHOW(sent()); link_of("near1"); known();
  /* By requests of a socket (brctl, lxc). */
  int u = socket(AF_INET, SOCK_DGRAM, 0); char name[16] = "by"; SHOW(ioctl(u, 0x89a0, name)); SHOW(ioctl(u, 0x89a0, name)); char lo[16] = "lo"; SHOW(ioctl(u, 0x89a1, lo)); char gone[16] = "gone"; SHOW(ioctl(u, 0x89a1, gone));
  struct ifreq q = {0}; strcpy(q.ifr_name, "by"); q.ifr_ifindex = at("near1"); SHOW(ioctl(u, 0x89a2, &q)); SHOW(ioctl(u, 0x89a2, &q)); link_of("near1"); q.ifr_ifindex = at("near2"); SHOW(ioctl(u, 0x89a3, &q)); q.ifr_ifindex = 999; SHOW(ioctl(u, 0x89a2, &q)); strcpy(q.ifr_name, "near2"); q.ifr_ifindex = at("near1"); SHOW(ioctl(u, 0x89a2, &q)); strcpy(q.ifr_name, "by"); SHOW(ioctl(u, 0x89a3, &q)); SHOW(up("by", 1)); SHOW(ioctl(u, 0x89a1, name)); SHOW(up("by", 0)); SHOW(ioctl(u, 0x89a1, name)); SHOW(if_nametoindex("by"));
}
