#include "abi.h"
#include <sched.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
static void up(void) { int s = socket(AF_INET, SOCK_DGRAM, 0); struct ifreq r = {0}; strcpy(r.ifr_name, "lo"); ioctl(s, SIOCGIFFLAGS, &r); r.ifr_flags |= IFF_UP; SHOW(ioctl(s, SIOCSIFFLAGS, &r)); close(s); }
static long sendwith(int s, const char *to, int port, int index, const char *src) {
  struct sockaddr_in a = {AF_INET, htons(port)}; inet_pton(AF_INET, to, &a.sin_addr); char control[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0}; struct iovec v = {"x", 1};
  struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1}; if (index >= 0) { m.msg_control = control; m.msg_controllen = sizeof control; struct cmsghdr *h = CMSG_FIRSTHDR(&m); h->cmsg_level = IPPROTO_IP; h->cmsg_type = IP_PKTINFO; h->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)); struct in_pktinfo *p = (void *)CMSG_DATA(h); p->ipi_ifindex = index; if (src) inet_pton(AF_INET, src, &p->ipi_spec_dst); }
  return sendmsg(s, &m, 0);
}
static void got(int s) { struct sockaddr_in from; char b[8], control[256]; struct iovec v = {b, 8}; struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control}; long n = recvmsg(s, &m, MSG_DONTWAIT); if (n < 0) { printf("  nothing: %s\n", name_of(errno)); return; } char a1[32], a2[32] = "", a3[32] = ""; inet_ntop(AF_INET, &from.sin_addr, a1, 32); int index = -1; for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) if (h->cmsg_type == IP_PKTINFO) { struct in_pktinfo *p = (void *)CMSG_DATA(h); index = p->ipi_ifindex; inet_ntop(AF_INET, &p->ipi_spec_dst, a2, 32); inet_ntop(AF_INET, &p->ipi_addr, a3, 32); } printf("  %ld from %s, index %d, answered by %s, sent to %s\n", n, a1, index, a2, a3); fflush(stdout); }
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); up();
  int r = socket(AF_INET, SOCK_DGRAM, 0), s = socket(AF_INET, SOCK_DGRAM, 0), on = 1; struct sockaddr_in any = {AF_INET, htons(5067)}; SHOW(bind(r, (void *)&any, sizeof any)); setsockopt(r, IPPROTO_IP, IP_PKTINFO, &on, 4);
  SHOW(sendwith(s, "255.255.255.255", 5067, -1, NULL)); SHOW(sendwith(s, "255.255.255.255", 5067, 1, NULL)); SHOW(setsockopt(s, SOL_SOCKET, SO_BROADCAST, &on, 4));
  SHOW(sendwith(s, "255.255.255.255", 5067, -1, NULL)); got(r); SHOW(sendwith(s, "255.255.255.255", 5067, 1, NULL)); got(r); SHOW(sendwith(s, "255.255.255.255", 5067, 1, "127.0.0.1")); got(r); SHOW(sendwith(s, "127.255.255.255", 5067, -1, NULL)); got(r); SHOW(sendwith(s, "127.255.255.255", 5067, 1, NULL)); got(r);
  SHOW(sendwith(s, "10.1.2.3", 5067, 1, NULL)); got(r); SHOW(sendwith(s, "10.1.2.3", 5067, -1, NULL)); got(r); SHOW(sendwith(s, "127.0.0.1", 5067, 1, "127.0.0.5")); got(r); SHOW(sendwith(s, "127.0.0.1", 5067, 7, NULL)); got(r); SHOW(sendwith(s, "127.0.0.1", 5067, 0, "10.9.9.9")); got(r);
  SHOW(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3)); SHOW(sendwith(s, "255.255.255.255", 5067, -1, NULL)); got(r); SHOW(sendwith(s, "10.1.2.3", 5067, -1, NULL)); got(r); SHOW(sendwith(s, "127.0.0.1", 5067, -1, NULL)); got(r);
  int c = socket(AF_INET, SOCK_DGRAM, 0); setsockopt(c, SOL_SOCKET, SO_BROADCAST, &on, 4); struct sockaddr_in all = {AF_INET, htons(5067), {INADDR_BROADCAST}}; SHOW(connect(c, (void *)&all, sizeof all)); SHOW(setsockopt(c, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3)); SHOW(connect(c, (void *)&all, sizeof all)); SHOW(send(c, "x", 1, 0)); got(r); socklen_t l = sizeof any; SHOW(getsockname(c, (void *)&any, &l)); printf("%s\n", inet_ntoa(any.sin_addr));
  /* Who hears all addresses answers from the one that was asked, and only then is heard by who is connected to it. */
  struct sockaddr_in server = {AF_INET, htons(5053)}, from; int w = socket(AF_INET, SOCK_DGRAM, 0); SHOW(bind(w, (void *)&server, sizeof server)); inet_pton(AF_INET, "127.0.0.53", &server.sin_addr); int client = socket(AF_INET, SOCK_DGRAM, 0); SHOW(connect(client, (void *)&server, sizeof server)); SHOW(send(client, "q", 1, 0)); l = sizeof from; char b[8]; SHOW(recvfrom(w, b, 8, 0, (void *)&from, &l));
  SHOW(sendwith(w, inet_ntoa(from.sin_addr), ntohs(from.sin_port), -1, NULL)); SHOW(recv(client, b, 8, MSG_DONTWAIT)); SHOW(sendwith(w, inet_ntoa(from.sin_addr), ntohs(from.sin_port), 0, "127.0.0.53")); SHOW(recv(client, b, 8, MSG_DONTWAIT));
  /* Each socket of the port hears one; who is bound to another address, or connected elsewhere, does not. */
  printf("- heard by all\n"); fflush(stdout);
  struct { int family; const char *ip; const char *peer; } ears[] = {{AF_INET, "0.0.0.0", 0}, {AF_INET, "0.0.0.0", 0}, {AF_INET, "127.0.0.1", 0}, {AF_INET, "127.255.255.255", 0}, {AF_INET6, "::", 0}, {AF_INET, "0.0.0.0", "127.0.0.1"}, {AF_INET, "0.0.0.0", "127.0.0.9"}};
  int heard[7], sender = socket(AF_INET, SOCK_DGRAM, 0); struct sockaddr_in own = {AF_INET, htons(5071)}; inet_pton(AF_INET, "127.0.0.1", &own.sin_addr); bind(sender, (void *)&own, sizeof own);
  for (int i = 0; i < 7; i++) {
    heard[i] = socket(ears[i].family, SOCK_DGRAM, 0); setsockopt(heard[i], SOL_SOCKET, SO_REUSEADDR, &on, 4);
    struct sockaddr_in6 six = {AF_INET6, htons(5070)}; struct sockaddr_in four = {AF_INET, htons(5070)}; inet_pton(AF_INET, ears[i].ip, &four.sin_addr);
    SHOW(ears[i].family == AF_INET6 ? bind(heard[i], (void *)&six, sizeof six) : bind(heard[i], (void *)&four, sizeof four));
    if (ears[i].peer) { struct sockaddr_in peer = own; inet_pton(AF_INET, ears[i].peer, &peer.sin_addr); SHOW(connect(heard[i], (void *)&peer, sizeof peer)); }
  }
  const char *targets[] = {"127.255.255.255", "127.0.0.255", "127.0.0.1", "127.0.0.9"};
  for (int allowed = 0; allowed < 2; allowed++) {
    setsockopt(sender, SOL_SOCKET, SO_BROADCAST, &allowed, 4);
    for (int t = 0; t < 4; t++) { printf("%s\n", targets[t]); SHOW(sendwith(sender, targets[t], 5070, -1, NULL)); int n = 0; for (int i = 0; i < 7; i++) { char b2[8]; int got1 = recv(heard[i], b2, 8, MSG_DONTWAIT) == 1; n += got1; printf("  %s %s: %d\n", ears[i].ip, ears[i].peer ? ears[i].peer : "", got1); } printf("  %d hear it\n", n); }
  }
  own.sin_port = htons(5079); inet_pton(AF_INET, "127.255.255.255", &own.sin_addr); int off = 0; setsockopt(sender, SOL_SOCKET, SO_BROADCAST, &off, 4); SHOW(connect(sender, (void *)&own, sizeof own)); setsockopt(sender, SOL_SOCKET, SO_BROADCAST, &on, 4); SHOW(connect(sender, (void *)&own, sizeof own)); SHOW(send(sender, "x", 1, 0)); SHOW(send(sender, "x", 1, 0));
  int stream = socket(AF_INET, SOCK_STREAM, 0); SHOW(connect(stream, (void *)&own, sizeof own)); int raw = socket(AF_INET, SOCK_RAW, 5); SHOW(sendto(raw, "x", 1, 0, (void *)&own, sizeof own)); SHOW(bind(raw, (void *)&own, sizeof own));
}
