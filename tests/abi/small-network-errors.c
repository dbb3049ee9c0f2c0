#include "abi.h"
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "rtnetlink.h"

/* What sockets refuse, and with which errors: without a port or an address, of too long datagrams, of raw ones of IPv6, and of ports that others have. In a network of its own. */

static int on = 1;
static int made(int family, int type, int protocol) { return socket(family, type, protocol); }
static struct sockaddr_in at(const char *ip, int port) { struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)}; a.sin_addr.s_addr = inet_addr(ip); return a; }
static struct sockaddr_in6 at6(const char *ip, int port) { struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)}; inet_pton(AF_INET6, ip, &a.sin6_addr); return a; }
static int port_of(int s) { struct sockaddr_in6 a; socklen_t n = sizeof a; getsockname(s, (void *)&a, &n); return ntohs(a.sin6_port); }
static int binds(int s, int port) { struct sockaddr_in a = at("127.0.0.1", port); return bind(s, (void *)&a, sizeof a); }
static int connects(int s, int port) { struct sockaddr_in a = at("127.0.0.1", port); return connect(s, (void *)&a, sizeof a); }
static int connects6(int s, const char *ip) { struct sockaddr_in6 a = at6(ip, 65535); return connect(s, (void *)&a, sizeof a); }
static int sends6(int s, const char *ip) { struct sockaddr_in6 a = at6(ip, 65535); return sendto(s, "x", 1, 0, (void *)&a, sizeof a); }
static void lo_up(void) { int s = made(AF_INET, SOCK_DGRAM, 0); struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP}; ioctl(s, SIOCSIFFLAGS, &r); close(s); }
/* Gives lo an address of IPv6, or takes it. */
static int takes(const char *ip, int bits) { struct ifaddrmsg i = {AF_INET6, bits, 0, 0, 1}; rt_begin(RTM_DELADDR, 0, &i, sizeof i); rt_ip(IFA_LOCAL, ip); return rt_ask(); }
static int gives(const char *ip, int bits) { int done = rt_address("lo", ip, bits); usleep(300000); return done; }

static void reaching(const char *ip) {
  int u = made(AF_INET6, SOCK_DGRAM, 0), t = made(AF_INET6, SOCK_STREAM, 0), r = made(AF_INET6, SOCK_RAW, 200);
  SHOW(connects6(u, ip)); SHOW(sends6(u, ip)); SHOW(connects6(t, ip)); SHOW(connects6(r, ip)); SHOW(sends6(r, ip)); close(u); close(t); close(r);
}

/* Nowhere to go, and nothing to come from. */
static void gone(void) { SHOW(takes("::1", 128)); reaching("::1"); reaching("2001:db8::5"); SHOW(gives("2001:db8::1", 128)); reaching("::1"); reaching("2001:db8::5"); SHOW(takes("2001:db8::1", 128)); reaching("2001:db8::1"); SHOW(gives("::1", 128)); }

static void too_long(void) {
  static char big[70000]; int s = made(AF_INET6, SOCK_DGRAM, 0), r = made(AF_INET6, SOCK_DGRAM, 0); struct sockaddr_in6 a = at6("::1", 0); bind(r, (void *)&a, sizeof a); a.sin6_port = htons(port_of(r)); connect(s, (void *)&a, sizeof a);
  SHOW(send(s, big, 65536, 0)); SHOW(setsockopt(s, IPPROTO_IPV6, IPV6_RECVERR, &on, 4)); int sizes[] = {65528, 65536, 70000, 65527};
  for (int i = 0; i < 4; i++) {
    SHOW(send(s, big, sizes[i], 0)); char control[256], data[16]; struct sockaddr_in6 name; struct iovec v = {data, sizeof data}; struct msghdr m = {&name, sizeof name, &v, 1, control, sizeof control}; long n; SHOW(n = recvmsg(s, &m, MSG_ERRQUEUE));
    if (n >= 0) { struct cmsghdr *c = CMSG_FIRSTHDR(&m); struct sock_extended_err *e = (void *)CMSG_DATA(c); printf("%d %d: %s origin %d type %d code %d info %u to %d, %d\n", c->cmsg_level, c->cmsg_type, name_of(e->ee_errno), e->ee_origin, e->ee_type, e->ee_code, e->ee_info, name.sin6_port == a.sin6_port, m.msg_namelen); }
  }
  int e = 7; socklen_t n = 4; SHOW(getsockopt(s, SOL_SOCKET, SO_ERROR, &e, &n)); SHOW(e);
  int f = made(AF_INET, SOCK_DGRAM, 0); SHOW(setsockopt(f, IPPROTO_IP, IP_RECVERR, &on, 4)); binds(f, 0); connects(f, port_of(f)); SHOW(send(f, big, 65536, 0)); char data[4]; SHOW(recv(f, data, 4, MSG_ERRQUEUE | MSG_DONTWAIT)); close(s); close(r); close(f);
}

static void raw6(void) {
  int s = made(AF_INET6, SOCK_RAW, IPPROTO_RAW), r = made(AF_INET6, SOCK_RAW, 200); fcntl(r, F_SETFL, O_NONBLOCK); struct { struct ip6_hdr h; char text[6]; } p = {.h = {.ip6_flow = htonl(6 << 28), .ip6_plen = htons(6), .ip6_nxt = 200, .ip6_hlim = 9}, .text = "hello"}; struct sockaddr_in6 a = at6("::1", 0); p.h.ip6_src = p.h.ip6_dst = a.sin6_addr; char got[64];
  SHOW(sendto(s, &p, 38, 0, (void *)&a, sizeof a)); SHOW(sendto(s, &p, 39, 0, (void *)&a, sizeof a)); SHOW(recv(r, got, sizeof got, 0)); SHOW(sendto(s, &p, sizeof p, 0, (void *)&a, sizeof a)); SHOW(recv(r, got, sizeof got, 0)); SHOW(memcmp(got, "hello", 6));
  int tos; socklen_t n = 4; struct ip_mreqn g = {.imr_ifindex = 1}; g.imr_multiaddr.s_addr = inet_addr("224.0.0.9");
  int kinds[3][2] = {{SOCK_RAW, IPPROTO_UDP}, {SOCK_DGRAM, 0}, {SOCK_STREAM, 0}};
  for (int i = 0; i < 3; i++) { int o = made(AF_INET6, kinds[i][0], kinds[i][1]); SHOW(setsockopt(o, IPPROTO_IP, IP_TOS, &on, 4)); SHOW(setsockopt(o, IPPROTO_IP, IP_ADD_MEMBERSHIP, &g, sizeof g) * (kinds[i][0] != SOCK_STREAM)); SHOW(getsockopt(o, IPPROTO_IP, IP_TOS, &tos, &n)); if (kinds[i][0] == SOCK_RAW) SHOW(getsockopt(o, IPPROTO_IP, IP_HDRINCL, &tos, &n)); close(o); }
  close(s); close(r);
}

/* One port for all who ask for none. */
static void no_port(void) {
  int f = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY); SHOW(write(f, "40000 40000", 11)); int a = made(AF_INET, SOCK_DGRAM, 0), b = made(AF_INET, SOCK_DGRAM, 0), c = made(AF_INET6, SOCK_DGRAM, 0); SHOW(connects(a, 9)); SHOW(port_of(a)); SHOW(connects(b, 9)); SHOW(binds(b, 0));
  /* Sending is no different; it does not wait for a port. Who has got one keeps it, whatever became of what it sent. */
  struct sockaddr_in to = at("127.0.0.1", 9); int d = made(AF_INET6, SOCK_DGRAM, 0); alarm(5); SHOW(sendto(b, "x", 1, 0, (void *)&to, sizeof to)); SHOW(send(b, "x", 1, 0)); SHOW(send(b, "x", 1, MSG_OOB)); SHOW(sendto(b, "x", 1, MSG_MORE, (void *)&to, sizeof to)); SHOW(port_of(b)); SHOW(sends6(d, "::1")); struct msghdr m = {0}; SHOW(sendmsg(b, &m, 0));
  close(a); SHOW(send(b, "x", 1, 0)); SHOW(port_of(b)); close(b); b = made(AF_INET, SOCK_DGRAM, 0); SHOW(sendto(b, "x", 1, MSG_OOB, (void *)&to, sizeof to)); SHOW(port_of(b)); SHOW(write(d, "x", 1)); SHOW(port_of(d)); close(d); alarm(0); a = made(AF_INET, SOCK_DGRAM, 0);
  int t = made(AF_INET, SOCK_STREAM, 0), u = made(AF_INET, SOCK_STREAM, 0); SHOW(listen(t, 1)); SHOW(port_of(t)); SHOW(listen(u, 1)); SHOW(connects(u, 40000)); SHOW(binds(u, 0)); close(a); close(b); close(c); close(t); close(u); SHOW(pwrite(f, "32768 60999", 11, 0)); close(f);
}

/* Who has a port, by which option; the one that came last is looked at first. */
static void sharing(int type) {
  for (int first = 0; first < 4; first++) for (int second = 0; second < 4; second++) for (int third = 0; third < 4; third++) {
    int s[3], how[3] = {first, second, third}, port = 0; printf("%d %d %d:", first, second, third);
    for (int i = 0; i < 3; i++) { s[i] = made(AF_INET, type, 0); if (how[i] & 1) setsockopt(s[i], SOL_SOCKET, SO_REUSEADDR, &on, 4); if (how[i] & 2) setsockopt(s[i], SOL_SOCKET, SO_REUSEPORT, &on, 4); printf(" %s", binds(s[i], port) ? name_of(errno) : "bound"); if (i == 0) port = port_of(s[0]); }
    printf("\n"); for (int i = 0; i < 3; i++) close(s[i]);
  }
}

int main(void) { SHOW(unshare(CLONE_NEWNET)); lo_up(); rt_open(); gone(); too_long(); raw6(); no_port(); sharing(SOCK_DGRAM); sharing(SOCK_STREAM); return 0; }
