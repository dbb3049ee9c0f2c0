#include "abi.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
/* /proc/net/igmp and igmp6, in a network of our own with lo alone. */
static void tell(const char *when) { const char *paths[] = {"/proc/net/igmp", "/proc/net/igmp6"}; printf("%s\n", when); for (int i = 0; i < 2; i++) { FILE *f = fopen(paths[i], "r"); char line[200]; if (!f) printf("%s: %s\n", paths[i], name_of(errno)); else { while (fgets(line, sizeof line, f)) fputs(line, stdout); fclose(f); } } fflush(stdout); }
static long v4(int fd, int what, const char *group) { struct ip_mreqn m = {.imr_ifindex = 1}; inet_pton(AF_INET, group, &m.imr_multiaddr); return setsockopt(fd, IPPROTO_IP, what, &m, sizeof m); }
static long v6(int fd, int what, const char *group) { struct ipv6_mreq m = {.ipv6mr_interface = 1}; inet_pton(AF_INET6, group, &m.ipv6mr_multiaddr); return setsockopt(fd, IPPROTO_IPV6, what, &m, sizeof m); }
int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  tell("down"); struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP}; int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET6, SOCK_DGRAM, 0), d = socket(AF_INET6, SOCK_DGRAM, 0); SHOW(ioctl(a, SIOCSIFFLAGS, &lo)); tell("up");
  SHOW(v4(a, IP_ADD_MEMBERSHIP, "224.0.0.254")); SHOW(v4(b, IP_ADD_MEMBERSHIP, "224.0.0.254")); SHOW(v4(b, IP_ADD_MEMBERSHIP, "239.1.2.3"));
  SHOW(v6(c, IPV6_ADD_MEMBERSHIP, "ff01::114")); SHOW(v6(d, IPV6_ADD_MEMBERSHIP, "ff02::fb")); SHOW(v6(d, IPV6_ADD_MEMBERSHIP, "ff01::114")); SHOW(v6(d, IPV6_ADD_MEMBERSHIP, "ff0e::1:2")); tell("joined");
  SHOW(v4(b, IP_DROP_MEMBERSHIP, "224.0.0.254")); close(d); tell("fewer"); close(a); close(b); close(c); tell("none");
}
