#include "abi.h"
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/capability.h>
/* IP_TRANSPARENT and IPV6_TRANSPARENT: who may set them, and that such a socket is bound to whatever address it likes. */
static int set(int s, int level, int name, int value, int size) { return setsockopt(s, level, name, &value, size); }
static int get(int s, int level, int name) { int v = -1; socklen_t n = sizeof v; return getsockopt(s, level, name, &v, &n) ? -1 : v; }
static int named(int s, int family, const char *text) { struct sockaddr_in a = {AF_INET}; struct sockaddr_in6 b = {AF_INET6}; if (family == AF_INET) { inet_pton(family, text, &a.sin_addr); return bind(s, (void *)&a, sizeof a); } inet_pton(family, text, &b.sin6_addr); return bind(s, (void *)&b, sizeof b); }
static void keep(unsigned mask) { struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3}; struct __user_cap_data_struct d[2] = {{mask, mask | 1 << CAP_NET_RAW | 1 << CAP_NET_ADMIN, 0}, {0, 0, 0}}; SHOW(syscall(SYS_capset, &h, d)); }
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); struct ifreq up = {"lo"}; up.ifr_flags = IFF_UP; int c = socket(AF_INET, SOCK_DGRAM, 0); SHOW(ioctl(c, SIOCSIFFLAGS, &up));
  for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) { int s = socket(AF_INET, type, 0), six = socket(AF_INET6, type, 0);
    SHOW(get(s, SOL_IP, IP_TRANSPARENT)); SHOW(named(s, AF_INET, "192.0.2.1")); SHOW(set(s, SOL_IP, IP_TRANSPARENT, 5, 4)); SHOW(get(s, SOL_IP, IP_TRANSPARENT)); SHOW(get(s, SOL_IP, IP_FREEBIND)); SHOW(named(s, AF_INET, "192.0.2.1")); if (type == SOCK_STREAM) SHOW(listen(s, 1)); SHOW(set(s, SOL_IP, IP_TRANSPARENT, 0, 4)); SHOW(get(s, SOL_IP, IP_TRANSPARENT)); SHOW(set(s, SOL_IP, IP_TRANSPARENT, 1, 1)); SHOW(get(s, SOL_IP, IP_TRANSPARENT)); SHOW(set(s, SOL_IP, IP_TRANSPARENT, 1, 0));
    SHOW(get(six, SOL_IPV6, 75)); SHOW(named(six, AF_INET6, "2001:db8::1")); SHOW(set(six, SOL_IPV6, 75, 1, 4)); SHOW(get(six, SOL_IPV6, 75)); SHOW(get(six, SOL_IP, IP_TRANSPARENT)); SHOW(named(six, AF_INET6, "2001:db8::1")); SHOW(set(six, SOL_IPV6, 75, 0, 4)); SHOW(set(six, SOL_IPV6, 75, 1, 1)); SHOW(get(six, SOL_IPV6, 75)); close(s); close(six); }
  int s = socket(AF_INET, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0); keep(1 << CAP_NET_RAW); SHOW(set(s, SOL_IP, IP_TRANSPARENT, 1, 4)); SHOW(set(six, SOL_IPV6, 75, 1, 4)); keep(1 << CAP_NET_ADMIN); SHOW(set(s, SOL_IP, IP_TRANSPARENT, 1, 4)); SHOW(set(six, SOL_IPV6, 75, 1, 4)); keep(0); SHOW(set(s, SOL_IP, IP_TRANSPARENT, 1, 4)); SHOW(set(six, SOL_IPV6, 75, 1, 4)); SHOW(set(s, SOL_IP, IP_TRANSPARENT, 0, 4)); SHOW(set(six, SOL_IPV6, 75, 0, 4)); SHOW(get(s, SOL_IP, IP_TRANSPARENT)); return 0; }
