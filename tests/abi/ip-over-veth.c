#include "abi.h"
#include <sched.h>
#include <poll.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/errqueue.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_link.h>
#include <linux/veth.h>
/* Three networks in a row, the middle one a router: packets of UDP and ICMP, and what is told of those that are lost. */
static struct { struct nlmsghdr h; struct ifinfomsg i; char rest[1024]; } r;
static void begin(int type, int flags, int index) { memset(&r, 0, sizeof r); r.h.nlmsg_len = NLMSG_LENGTH(sizeof r.i); r.h.nlmsg_type = type; r.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags; r.i.ifi_index = index; }
static struct rtattr *attribute(int type, const void *value, int length) { struct rtattr *a = (void *)((char *)&r + NLMSG_ALIGN(r.h.nlmsg_len)); a->rta_type = type; a->rta_len = RTA_LENGTH(length); memcpy(RTA_DATA(a), value, length); r.h.nlmsg_len = NLMSG_ALIGN(r.h.nlmsg_len) + RTA_ALIGN(a->rta_len); return a; }
static void close_attribute(struct rtattr *a) { a->rta_len = (char *)&r + r.h.nlmsg_len - (char *)a; }
static long sent(int fd) { static char text[16384]; if (send(fd, &r, r.h.nlmsg_len, 0) < 0) return -1; for (;;) { long n = recv(fd, text, sizeof text, 0); struct nlmsghdr *h = (void *)text; if (n > 0 && h->nlmsg_type == NLMSG_ERROR) { errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error; return errno ? -1 : 0; } } }
static int opened(void) { return socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }
static long pair(int fd, const char *one, const char *other, int peer_network) {
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0); attribute(IFLA_IFNAME, one, strlen(one) + 1); struct rtattr *info = attribute(IFLA_LINKINFO, "", 0); attribute(IFLA_INFO_KIND, "veth", 5); struct rtattr *data = attribute(IFLA_INFO_DATA, "", 0); struct ifinfomsg none = {0}; struct rtattr *peer = attribute(VETH_INFO_PEER, &none, sizeof none); attribute(IFLA_IFNAME, other, strlen(other) + 1); attribute(IFLA_NET_NS_FD, &peer_network, 4);
  close_attribute(peer); close_attribute(data); close_attribute(info); return sent(fd);
}
static int control;
static int with(const char *name, int request, const char *ip) { struct ifreq q = {0}; strcpy(q.ifr_name, name); struct sockaddr_in *a = (void *)&q.ifr_addr; a->sin_family = AF_INET; a->sin_addr.s_addr = inet_addr(ip); return ioctl(control, request, &q); }
static int set_up(const char *name, const char *ip) { if (with(name, SIOCSIFADDR, ip) || with(name, SIOCSIFNETMASK, "255.255.255.0")) return -1; struct ifreq q = {0}; strcpy(q.ifr_name, name); if (ioctl(control, SIOCGIFFLAGS, &q)) return -1; q.ifr_flags |= IFF_UP; return ioctl(control, SIOCSIFFLAGS, &q); }
static int mtu(const char *name, int bytes) { struct ifreq q = {0}; strcpy(q.ifr_name, name); q.ifr_mtu = bytes; return ioctl(control, SIOCSIFMTU, &q); }
static int gateway(int fd, const char *ip) { struct { struct nlmsghdr h; struct rtmsg m; char rest[64]; } q = {{NLMSG_LENGTH(sizeof(struct rtmsg)), RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE}, {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST, .rtm_protocol = RTPROT_BOOT}}; memcpy(&r, &q, sizeof q); in_addr_t a = inet_addr(ip); attribute(RTA_GATEWAY, &a, 4); return sent(fd); }
static struct sockaddr_in at(const char *ip, int port) { struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(ip)}; return a; }
static int udp(const char *ip, int port) { int s = socket(AF_INET, SOCK_DGRAM, 0), one = 1; struct sockaddr_in a = at(ip, port); setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, 4); setsockopt(s, SOL_SOCKET, SO_BROADCAST, &one, 4); if (bind(s, (void *)&a, sizeof a)) perror("bind"); struct timeval t = {4}; setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t); return s; }
static char got[4096];
static long to(int s, const char *ip, int port, const void *text, int n) { struct sockaddr_in a = at(ip, port); return sendto(s, text, n, 0, (void *)&a, sizeof a); }
static long from(int s) { struct sockaddr_in a; socklen_t n = sizeof a; long l = recvfrom(s, got, sizeof got, 0, (void *)&a, &n); if (l >= 0) printf("from %s:%d ", inet_ntoa(a.sin_addr), ntohs(a.sin_port)); return l; }
static unsigned short sum(const unsigned char *b, int n) { unsigned s = 0; for (int i = 0; i < n; i += 2) s += b[i] << 8 | (i + 1 < n ? b[i + 1] : 0); while (s >> 16) s = (s & 0xffff) + (s >> 16); return ~s; }
static void errors(int s) {
  char control[512], data[256]; struct sockaddr_in a; struct iovec v = {data, sizeof data}; struct msghdr m = {&a, sizeof a, &v, 1, control, sizeof control};
  struct pollfd p = {s, 0}; poll(&p, 1, 5000); long n = recvmsg(s, &m, MSG_ERRQUEUE); if (n < 0) { printf("no error: %s\n", name_of(errno)); return; }
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) if (c->cmsg_type == IP_RECVERR) { struct sock_extended_err *e = (void *)CMSG_DATA(c); char said[32], meant[32]; strcpy(said, inet_ntoa(((struct sockaddr_in *)SO_EE_OFFENDER(e))->sin_addr)); strcpy(meant, inet_ntoa(a.sin_addr)); printf("%s origin %d type %d code %d info %d offender %s of %ld to %s\n", name_of(e->ee_errno), e->ee_origin, e->ee_type, e->ee_code, e->ee_info, said, n, meant); }
}
static int network(void) { int fd = open("/proc/thread-self/ns/net", O_RDONLY); if (fd < 0) perror("ns"); return fd; }
int main(void) {
  int fds[3], links[3], controls[3]; const char *end = "10.2.0.2"; char big[3000]; memset(big, 'x', sizeof big);
  for (int i = 0; i < 3; i++) { if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; } fds[i] = network(); links[i] = opened(); control = controls[i] = socket(AF_INET, SOCK_DGRAM, 0); SHOW(set_up("lo", "127.0.0.1")); }
  SHOW(pair(links[1], "ra", "a", fds[0])); SHOW(pair(links[1], "rb", "b", fds[2]));
  control = controls[0]; SHOW(set_up("a", "10.1.0.2")); control = controls[1]; SHOW(set_up("ra", "10.1.0.1")); SHOW(set_up("rb", "10.2.0.1")); control = controls[2]; SHOW(set_up("b", end));
  SHOW(gateway(links[0], "10.1.0.1")); SHOW(gateway(links[2], "10.2.0.1"));
  setns(fds[0], CLONE_NEWNET); int a = udp("0.0.0.0", 7000), raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), bound = udp("10.1.0.2", 7001); setns(fds[1], CLONE_NEWNET); int mid = udp("0.0.0.0", 7000), forward = open("/proc/sys/net/ipv4/ip_forward", O_RDWR); setns(fds[2], CLONE_NEWNET); int b = udp("0.0.0.0", 7000); setns(fds[0], CLONE_NEWNET);
  /* Beside each other; to all of a network. */
  SHOW(to(a, "10.1.0.1", 7000, "near", 4)); SHOW(from(mid)); SHOW(to(mid, "10.1.0.2", 7000, "back", 4)); SHOW(from(a)); SHOW(to(a, "10.1.0.255", 7000, "all", 3)); SHOW(from(mid)); SHOW(from(a)); SHOW(to(a, "255.255.255.255", 7000, "all", 3)); SHOW(from(mid)); SHOW(from(a));
  /* Nothing is passed on, until it is told to. */
  SHOW(read(forward, got, 10)); SHOW(to(a, end, 7000, "far", 3)); struct timeval soon = {0, 100000}, late = {4}; setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon); SHOW(from(b)); setns(fds[1], CLONE_NEWNET); SHOW(pwrite(forward, "1", 1, 0)); setns(fds[0], CLONE_NEWNET); setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof late);
  SHOW(to(a, end, 7000, "far", 3)); SHOW(from(b)); SHOW(to(b, "10.1.0.2", 7000, "home", 4)); SHOW(from(a)); SHOW(to(a, end, 7000, big, 3000)); SHOW(from(b)); HOLDS(!memcmp(got, big, 3000));
  /* Errors: nobody hears, no such network, no such station, hops that end, what is too long. */
  int on = 1; setsockopt(a, IPPROTO_IP, IP_RECVERR, &on, 4);
  SHOW(to(a, end, 9, "nobody", 6)); errors(a); SHOW(to(a, "10.9.0.1", 9, "nowhere", 7)); errors(a);
  SHOW(to(a, "10.1.0.77", 9, "absent", 6)); errors(a); int hops = 1; setsockopt(a, IPPROTO_IP, IP_TTL, &hops, 4); SHOW(to(a, end, 7000, "short", 5)); errors(a); hops = 64; setsockopt(a, IPPROTO_IP, IP_TTL, &hops, 4);
  control = controls[1]; SHOW(mtu("rb", 1000)); int discover = IP_PMTUDISC_DO; setsockopt(a, IPPROTO_IP, IP_MTU_DISCOVER, &discover, 4); SHOW(to(a, end, 7000, big, 1200)); errors(a); SHOW(to(a, end, 7000, big, 2000)); errors(a); SHOW(to(a, end, 7000, big, 972)); SHOW(from(b)); discover = IP_PMTUDISC_WANT; setsockopt(a, IPPROTO_IP, IP_MTU_DISCOVER, &discover, 4); SHOW(to(a, end, 7000, big, 1200)); SHOW(from(b));
  /* One that has a peer hears of it without asking; another does not. */
  struct sockaddr_in peer = at(end, 9); SHOW(connect(bound, (void *)&peer, sizeof peer)); SHOW(send(bound, "x", 1, 0)); SHOW(recv(bound, got, 10, 0));
  /* Echoes. */
  unsigned char echo[16] = {8, 0, 0, 0, 1, 2, 0, 3}; int n = sum(echo, 16); echo[2] = n >> 8; echo[3] = n; struct timeval t = {4}; setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t); while (recv(raw, got, sizeof got, MSG_DONTWAIT) > 0); SHOW(to(raw, end, 0, echo, 16)); SHOW(from(raw)); printf("ttl %d type %d checksum %d\n", got[8], got[20], sum((void *)(got + 20), 16));
  hops = 1; setsockopt(raw, IPPROTO_IP, IP_TTL, &hops, 4); SHOW(to(raw, end, 0, echo, 16)); SHOW(from(raw)); printf("type %d code %d about %d\n", got[20], got[21], got[48]);
  /* The link goes. */
  control = controls[1]; struct ifreq q = {0}; strcpy(q.ifr_name, "ra"); ioctl(control, SIOCGIFFLAGS, &q); q.ifr_flags &= ~IFF_UP; SHOW(ioctl(control, SIOCSIFFLAGS, &q)); on = 0; setsockopt(a, IPPROTO_IP, IP_RECVERR, &on, 4); while (recv(a, got, 10, MSG_DONTWAIT) >= 0); setsockopt(mid, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon); SHOW(from(mid)); SHOW(to(mid, "10.1.0.2", 7000, "down", 4));
}
