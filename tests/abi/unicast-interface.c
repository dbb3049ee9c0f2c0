#include "abi.h"
#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
/* IP_UNICAST_IF, IPV6_UNICAST_IF: by which interface datagrams leave that name none. */
static int control;
static int join(const char *name, const char *ip) {
  struct ifreq r = {0}; int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK); strcpy(r.ifr_name, name); r.ifr_flags = IFF_TUN | IFF_NO_PI; if (ioctl(fd, TUNSETIFF, &r)) perror("TUNSETIFF");
  struct sockaddr_in *a = (void *)&r.ifr_addr; a->sin_family = AF_INET; a->sin_addr.s_addr = inet_addr(ip); SHOW(ioctl(control, SIOCSIFADDR, &r)); a->sin_addr.s_addr = inet_addr("255.255.255.0"); SHOW(ioctl(control, SIOCSIFNETMASK, &r)); SHOW(ioctl(control, SIOCGIFFLAGS, &r)); r.ifr_flags |= IFF_UP; SHOW(ioctl(control, SIOCSIFFLAGS, &r)); return fd;
}
static void left(const char *what, int a, int b) { unsigned char p[200]; for (int i = 0; i < 2; i++) { int n = read(i ? b : a, p, sizeof p); if (n > 0) printf("%s: by %c from %d.%d.%d.%d to %d.%d.%d.%d protocol %d\n", what, 'a' + i, p[12], p[13], p[14], p[15], p[16], p[17], p[18], p[19], p[9]); } }
static int asked(int s, int level, int name) { int v = -1; socklen_t n = sizeof v; if (getsockopt(s, level, name, &v, &n)) return -errno; return ntohl(v); }
int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  int none = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY); if (write(none, "1", 1) != 1) puts("no IPv6?"); close(none);
  control = socket(AF_INET, SOCK_DGRAM, 0); int a = join("ta", "10.1.0.1"), b = join("tb", "10.2.0.1"), index = if_nametoindex("tb"), s = socket(AF_INET, SOCK_DGRAM, 0), s6 = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = inet_addr("10.1.0.2")}; int v = htonl(index), wrong = htonl(4711), zero = 0; short small = 1;
  HOLDS(asked(s, IPPROTO_IP, IP_UNICAST_IF) == 0); HOLDS(asked(s6, IPPROTO_IPV6, IPV6_UNICAST_IF) == 0);
  SHOW(setsockopt(s, IPPROTO_IP, IP_UNICAST_IF, &wrong, sizeof wrong)); SHOW(setsockopt(s, IPPROTO_IP, IP_UNICAST_IF, &small, sizeof small)); SHOW(setsockopt(s6, IPPROTO_IPV6, IPV6_UNICAST_IF, &wrong, sizeof wrong)); SHOW(setsockopt(s6, IPPROTO_IPV6, IPV6_UNICAST_IF, &small, sizeof small));
  SHOW(sendto(s, "x", 1, 0, (void *)&to, sizeof to)); left("as routes say", a, b);
  SHOW(setsockopt(s, IPPROTO_IP, IP_UNICAST_IF, &v, sizeof v)); HOLDS(asked(s, IPPROTO_IP, IP_UNICAST_IF) == index); SHOW(sendto(s, "x", 1, 0, (void *)&to, sizeof to)); left("as asked", a, b);
  SHOW(connect(s, (void *)&to, sizeof to)); struct sockaddr_in own; socklen_t n = sizeof own; SHOW(getsockname(s, (void *)&own, &n)); puts(inet_ntoa(own.sin_addr)); SHOW(send(s, "x", 1, 0)); left("connected", a, b);
  SHOW(setsockopt(s, IPPROTO_IP, IP_UNICAST_IF, &zero, sizeof zero)); SHOW(setsockopt(s6, IPPROTO_IPV6, IPV6_UNICAST_IF, &v, sizeof v)); HOLDS(asked(s6, IPPROTO_IPV6, IPV6_UNICAST_IF) == index);
  int raw = socket(AF_INET, SOCK_RAW, 99); SHOW(setsockopt(raw, IPPROTO_IP, IP_UNICAST_IF, &v, sizeof v)); to.sin_port = 0; SHOW(sendto(raw, "x", 1, 0, (void *)&to, sizeof to)); left("raw", a, b);
  int bound = socket(AF_INET, SOCK_DGRAM, 0); SHOW(setsockopt(bound, SOL_SOCKET, SO_BINDTODEVICE, "ta", 2)); SHOW(setsockopt(bound, IPPROTO_IP, IP_UNICAST_IF, &v, sizeof v)); SHOW(setsockopt(bound, IPPROTO_IP, IP_UNICAST_IF, &zero, sizeof zero));
  to.sin_port = htons(9); to.sin_addr.s_addr = htonl(INADDR_LOOPBACK); int here = socket(AF_INET, SOCK_DGRAM, 0); SHOW(setsockopt(here, IPPROTO_IP, IP_UNICAST_IF, &v, sizeof v)); sendto(here, "x", 1, 0, (void *)&to, sizeof to); left("to itself", a, b);
}
