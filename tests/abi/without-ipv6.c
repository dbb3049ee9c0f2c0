#include "abi.h"
#include <sched.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_addr.h>
/* net.ipv6.conf.*.disable_ipv6, in a network of our own: lo, and the ends "one" and "two" of a pair. */
static struct { struct nlmsghdr h; union { struct ifinfomsg i; struct ifaddrmsg a; struct rtmsg r; } u; char rest[512]; } r;
static void begin(int type, int flags, int size) { memset(&r, 0, sizeof r); r.h.nlmsg_len = NLMSG_LENGTH(size); r.h.nlmsg_type = type; r.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags; }
static struct rtattr *attribute(int type, const void *value, int length) { struct rtattr *a = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len)); a->rta_type = type; a->rta_len = RTA_LENGTH(length); memcpy(RTA_DATA(a), value, length); r.h.nlmsg_len = NLMSG_ALIGN(r.h.nlmsg_len) + RTA_ALIGN(a->rta_len); return a; }
static void close_attribute(struct rtattr *a) { a->rta_len = (char *)&r + r.h.nlmsg_len - (char *)a; }
static int route;
static long sent(void) { static char text[16384]; if (send(route, &r, r.h.nlmsg_len, 0) < 0) return -1; for (;;) { long n = recv(route, text, sizeof text, 0); struct nlmsghdr *h = (void *)text; if (n > 0 && h->nlmsg_type == NLMSG_ERROR) { errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error; return errno ? -1 : 0; } } }
static long up(const char *name, int is_up) { begin(RTM_NEWLINK, 0, sizeof r.u.i); r.u.i.ifi_index = if_nametoindex(name); r.u.i.ifi_flags = is_up ? IFF_UP : 0; r.u.i.ifi_change = IFF_UP; return sent(); }
static long address(const char *name, const char *text, int prefix) {
  char ip[16]; int v6 = strchr(text, ':') != NULL; inet_pton(v6 ? AF_INET6 : AF_INET, text, ip); begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof r.u.a); r.u.a.ifa_family = v6 ? AF_INET6 : AF_INET; r.u.a.ifa_prefixlen = prefix; r.u.a.ifa_index = if_nametoindex(name); r.u.a.ifa_flags = v6 ? IFA_F_NODAD : 0; attribute(IFA_LOCAL, ip, v6 ? 16 : 4); return sent();
}
static long way(const char *name, const char *text, int prefix) { char ip[16]; int index = if_nametoindex(name); inet_pton(AF_INET6, text, ip); begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof r.u.r); r.u.r.rtm_family = AF_INET6; r.u.r.rtm_dst_len = prefix; r.u.r.rtm_table = RT_TABLE_MAIN; r.u.r.rtm_protocol = RTPROT_BOOT; r.u.r.rtm_type = RTN_UNICAST; attribute(RTA_DST, ip, 16); attribute(RTA_OIF, &index, 4); return sent(); }
static const char *setting(const char *version, const char *name, const char *what) { static char path[200]; sprintf(path, "/proc/sys/net/%s/conf/%s/%s", version, name, what); return path; }
static long set(const char *name, const char *value) { int fd = open(setting("ipv6", name, "disable_ipv6"), O_WRONLY); if (fd < 0) return -1; long n = write(fd, value, strlen(value)); int e = errno; close(fd); errno = e; return n; }
static void get(const char *name) { char text[32] = ""; int fd = open(setting("ipv6", name, "disable_ipv6"), O_RDONLY); if (fd < 0) printf(" %s %s", name, name_of(errno)); else { (void)!read(fd, text, sizeof text - 1); close(fd); text[strcspn(text, "\n")] = 0; printf(" %s %s", name, text); } }
static int by_line(const void *a, const void *b) { return strcmp(a, b); }
/* The settings, and the IPv6 addresses by interface but those of links, which come a moment later. */
static void tell(const char *when) {
  printf("%s:", when); const char *names[] = {"all", "default", "lo", "one", "two", "late"}; for (int i = 0; i < 6; i++) get(names[i]); printf(";");
  FILE *f = fopen("/proc/net/if_inet6", "r"); char lines[16][64], ip[40], name[16]; unsigned index, prefix, scope, flags; int n = 0; while (f && n < 16 && fscanf(f, "%39s %x %x %x %x %15s", ip, &index, &prefix, &scope, &flags, name) == 6) if (strncmp(ip, "fe80", 4)) sprintf(lines[n++], " [%s %s/%u]", name, ip, prefix); if (f) fclose(f);
  qsort(lines, n, sizeof *lines, by_line); for (int i = 0; i < n; i++) printf("%s", lines[i]);
  printf("\n"); fflush(stdout);
}
static int is_linked(const char *wanted) { FILE *f = fopen("/proc/net/if_inet6", "r"); char ip[40], name[16]; unsigned index, prefix, scope, flags; int found = 0; while (fscanf(f, "%39s %x %x %x %x %15s", ip, &index, &prefix, &scope, &flags, name) == 6) found |= !strncmp(ip, "fe80", 4) && !strcmp(name, wanted); fclose(f); return found; }
static int becomes_linked(const char *name) { for (int i = 0; i < 500 && !is_linked(name); i++) usleep(10000); return is_linked(name); }
static int stream(void) { return socket(AF_INET6, SOCK_STREAM, 0); }
static struct sockaddr_in6 place(const char *text, int port) { struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)}; inet_pton(AF_INET6, text, &a.sin6_addr); return a; }
static long bound(const char *text, int type) { struct sockaddr_in6 a = place(text, 0); int fd = socket(AF_INET6, type, 0); if (fd < 0) return -1; long n = bind(fd, (void *)&a, sizeof a); int e = errno; close(fd); errno = e; return n; }
static long reached(const char *text, int port) { struct sockaddr_in6 a = place(text, port); int fd = stream(); long n = connect(fd, (void *)&a, sizeof a); int e = errno; close(fd); errno = e; return n; }
static long told(const char *text) { struct sockaddr_in6 a = place(text, 9); int fd = socket(AF_INET6, SOCK_DGRAM, 0); long n = sendto(fd, "x", 1, 0, (void *)&a, sizeof a); int e = errno; close(fd); errno = e; return n; }
static void list(const char *version) { char path[64], names[16][64]; sprintf(path, "/proc/sys/net/%s/conf", version); DIR *d = opendir(path); int n = 0; for (struct dirent *e; d && n < 16 && (e = readdir(d));) if (e->d_name[0] != '.') strcpy(names[n++], e->d_name); closedir(d); qsort(names, n, sizeof *names, by_line); printf("%s:", version); for (int i = 0; i < n; i++) printf(" %s", names[i]); printf("\n"); fflush(stdout); }
int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  tell("at first"); SHOW(up("lo", 1));
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof r.u.i); attribute(IFLA_IFNAME, "one", 4); struct rtattr *info = attribute(IFLA_LINKINFO, "", 0); attribute(IFLA_INFO_KIND, "veth", 5); struct rtattr *data = attribute(IFLA_INFO_DATA, "", 0), *peer = attribute(1, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg)); attribute(IFLA_IFNAME, "two", 4); close_attribute(peer); close_attribute(data); close_attribute(info); SHOW(sent());
  list("ipv4"); list("ipv6"); SHOW(up("one", 1)); SHOW(up("two", 1)); SHOW(address("one", "2001:db8::1", 64)); SHOW(address("one", "192.0.2.1", 24)); HOLDS(becomes_linked("one")); HOLDS(becomes_linked("two")); tell("up");
  /* A listener before; what is there stays, and new things find no address. */
  struct sockaddr_in6 a = place("::1", 0); socklen_t size = sizeof a; int listener = stream(); SHOW(bind(listener, (void *)&a, sizeof a)); SHOW(listen(listener, 5)); getsockname(listener, (void *)&a, &size); int port = ntohs(a.sin6_port);
  SHOW(set("lo", "1\n")); tell("lo without"); SHOW(bound("::1", SOCK_STREAM)); SHOW(bound("::1", SOCK_DGRAM)); SHOW(bound("::", SOCK_STREAM)); SHOW(bound("::ffff:127.0.0.1", SOCK_STREAM)); SHOW(reached("::1", port)); SHOW(told("::1")); SHOW(told("::ffff:127.0.0.1"));
  SHOW(set("lo", "0")); tell("lo with"); SHOW(reached("::1", port));
  SHOW(set("one", "1")); tell("one without"); HOLDS(!is_linked("one") && is_linked("two")); SHOW(bound("2001:db8::1", SOCK_DGRAM)); SHOW(address("one", "2001:db8::2", 64)); SHOW(address("one", "192.0.2.2", 24)); SHOW(way("one", "2001:db8:1::", 48)); SHOW(told("2001:db8::9"));
  SHOW(set("one", "0")); tell("one with"); HOLDS(becomes_linked("one")); SHOW(address("one", "2001:db8::2", 64)); SHOW(way("one", "2001:db8:1::", 48)); tell("one with another");
  SHOW(set("one", "1")); SHOW(set("one", "0")); SHOW(way("one", "2001:db8:1::", 48));
  /* For those to come, and for all. */
  SHOW(set("default", "1")); tell("default"); begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof r.u.i); attribute(IFLA_IFNAME, "late", 5); info = attribute(IFLA_LINKINFO, "", 0); attribute(IFLA_INFO_KIND, "veth", 5); close_attribute(info); SHOW(sent()); SHOW(up("late", 1)); tell("late"); SHOW(set("default", "0"));
  SHOW(set("all", "1")); tell("all without"); SHOW(address("lo", "2001:db8::3", 128)); SHOW(up("two", 0)); SHOW(up("two", 1)); tell("two went"); HOLDS(!is_linked("two")); SHOW(bound("::1", SOCK_STREAM));
  SHOW(set("all", "0")); tell("all with"); HOLDS(becomes_linked("two")); SHOW(bound("::1", SOCK_STREAM)); SHOW(up("lo", 0)); SHOW(set("lo", "1")); SHOW(up("lo", 1)); tell("lo up"); SHOW(set("lo", "2")); tell("lo 2"); SHOW(set("lo", "x")); SHOW(set("lo", "")); SHOW(set("none", "1")); SHOW(set("lo", "0"));
  /* An interface that comes from elsewhere is as new ones are. */
  SHOW(set("two", "1")); int here = open("/proc/thread-self/ns/net", O_RDONLY); if (unshare(CLONE_NEWNET)) perror("unshare"); tell("elsewhere"); int there = open("/proc/thread-self/ns/net", O_RDONLY); setns(here, CLONE_NEWNET);
  begin(RTM_NEWLINK, 0, sizeof r.u.i); r.u.i.ifi_index = if_nametoindex("two"); attribute(IFLA_NET_NS_FD, &there, 4); SHOW(sent()); tell("it went"); setns(there, CLONE_NEWNET); tell("and came");
  if (setresuid(65534, 65534, 65534)) perror("setresuid"); SHOW(set("lo", "1"));
}
