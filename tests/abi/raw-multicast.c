#include "abi.h"
#include <arpa/inet.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
/* What raw sockets send to multicast groups reaches the members in the same machine. */
static int raw(int protocol) { return socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, protocol); }
static struct sockaddr_in at(const char *ip) { struct sockaddr_in a = {AF_INET}; inet_pton(AF_INET, ip, &a.sin_addr); return a; }
static int join(int s, const char *group, const char *by) { struct ip_mreq m; inet_pton(AF_INET, group, &m.imr_multiaddr); inet_pton(AF_INET, by, &m.imr_interface); return setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m); }
static long to(int s, const char *ip, const char *text) { struct sockaddr_in a = at(ip); return sendto(s, text, strlen(text), 0, (void *)&a, sizeof a); }
static void heard(const char *who, int s) { unsigned char b[200] = {0}; struct sockaddr_in a; socklen_t l = sizeof a; long n = recvfrom(s, b, 199, 0, (void *)&a, &l); if (n < 0) printf("  %s: %s\n", who, name_of(errno)); else { char t[32]; printf("  %s: \"%s\" from %s, to %u.%u.%u.%u, ttl %u\n", who, b + (b[0] & 15) * 4, inet_ntop(AF_INET, &a.sin_addr, t, 32), b[16], b[17], b[18], b[19], b[8]); } fflush(stdout); }
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); int s = raw(141), m = raw(141), o = raw(142), n = raw(141); SHOW(to(s, "224.1.2.3", "no route"));
  struct ifreq i = {"lo"}; ioctl(s, SIOCGIFFLAGS, &i); i.ifr_flags |= IFF_UP; SHOW(ioctl(s, SIOCSIFFLAGS, &i)); struct rtentry r = {0}; *(struct sockaddr_in *)&r.rt_dst = at("224.0.0.0"); *(struct sockaddr_in *)&r.rt_genmask = at("240.0.0.0"); r.rt_flags = RTF_UP; r.rt_dev = "lo"; SHOW(ioctl(s, SIOCADDRT, &r));
  struct sockaddr_in own = at("127.0.0.5"), group = at("224.1.2.3"); SHOW(bind(s, (void *)&own, sizeof own)); SHOW(to(s, "224.1.2.3", "nobody")); heard("m", m); SHOW(join(m, "224.1.2.3", "127.0.0.1")); SHOW(join(o, "224.1.2.3", "127.0.0.1")); SHOW(to(s, "224.1.2.3", "one")); heard("m", m); heard("n", n); heard("o", o); heard("s", s);
  int zero = 0; SHOW(setsockopt(n, IPPROTO_IP, IP_MULTICAST_ALL, &zero, 4)); SHOW(to(s, "224.1.2.3", "two")); heard("m", m); heard("n", n); SHOW(to(s, "224.9.9.9", "another group")); heard("m", m);
  unsigned char ttl = 7; SHOW(setsockopt(s, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, 1)); SHOW(to(s, "224.1.2.3", "bound")); heard("m", m); SHOW(connect(s, (void *)&group, sizeof group)); SHOW(send(s, "connected", 9, 0)); heard("m", m);
  SHOW(bind(n, (void *)&group, sizeof group)); SHOW(join(n, "224.1.2.3", "127.0.0.1")); SHOW(to(s, "224.1.2.3", "three")); heard("n", n); SHOW(to(s, "127.0.0.1", "direct")); heard("n", n); heard("m", m); heard("m", m);
  unsigned char off = 0; SHOW(setsockopt(s, IPPROTO_IP, IP_MULTICAST_LOOP, &off, 1)); SHOW(to(s, "224.1.2.3", "by lo all the same")); heard("m", m);
}
