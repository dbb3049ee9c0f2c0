#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

/* Options of an IPv4 header: IP_OPTIONS of a socket, IP_RETOPTS beside a datagram, and what IP_RECVOPTS, IP_RETOPTS and a raw socket see. */

static int u, sender; static struct sockaddr_in to;
static long sets(const char *bytes, int length) { return setsockopt(sender, IPPROTO_IP, IP_OPTIONS, bytes, length); }
static void told(int fd, int room) { unsigned char b[64]; socklen_t n = room; errno = 0; int r = getsockopt(fd, IPPROTO_IP, IP_OPTIONS, b, &n); printf("told %d %s:", r, name_of(errno)); for (socklen_t i = 0; r == 0 && i < n; i++) printf(" %02x", b[i]); puts(""); }
static void controls(struct msghdr *m, int times) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) { unsigned char *d = CMSG_DATA(c); int n = c->cmsg_len - CMSG_LEN(0); printf("  %d %d:", c->cmsg_level, c->cmsg_type); for (int i = 0; i < n; i++) if (times && d[0] == 0x44 && i > 3 && (d[3] == 0 || i % 8 < 4)) printf(" %s", i < d[2] - 1 ? "t" : "."); else printf(" %02x", d[i]); puts(""); }
}
static void comes(int times) {
  char b[64], c[256]; struct iovec v = {b, sizeof b}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
  errno = 0; int r = recvmsg(u, &m, MSG_DONTWAIT); printf("came %d %s flags %x\n", r, name_of(r < 0 ? errno : 0), m.msg_flags); if (r >= 0) controls(&m, times);
}
static long sends(void) { return sendto(sender, "x", 1, 0, (void *)&to, sizeof to); }
static long sends_with(const char *bytes, int length) {
  char c[128] = {0}; struct iovec v = {"y", 1}; struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = CMSG_SPACE(length)}; struct cmsghdr *h = CMSG_FIRSTHDR(&m); h->cmsg_level = IPPROTO_IP; h->cmsg_type = IP_RETOPTS; h->cmsg_len = CMSG_LEN(length); memcpy(CMSG_DATA(h), bytes, length);
  return sendmsg(sender, &m, 0);
}
#define S(bytes) bytes, sizeof bytes - 1

int main(void) {
  int on = 1; socklen_t n = sizeof to; u = socket(AF_INET, SOCK_DGRAM, 0); sender = socket(AF_INET, SOCK_DGRAM, 0); to.sin_family = AF_INET; to.sin_addr.s_addr = htonl(INADDR_LOOPBACK); bind(u, (void *)&to, sizeof to); getsockname(u, (void *)&to, &n);
  told(sender, 64); SHOW(sets(S(""))); SHOW(sets(S("\1"))); told(sender, 64); told(sender, 2); told(sender, 0);
  /* What is malformed. */
  SHOW(sets(S("\7"))); SHOW(sets(S("\7\3\4"))); told(sender, 64); SHOW(sets(S("\7\3\3"))); SHOW(sets(S("\7\1\4"))); SHOW(sets(S("\7\10\4\1"))); SHOW(sets(S("\7\6\4\1\2\3"))); SHOW(sets(S("\7\7\4\1\2\3\4"))); told(sender, 64); SHOW(sets(S("\7\7\4\0\0\0\0\7\7\4\0\0\0\0"))); SHOW(sets(S("\x44\4\5\0"))); SHOW(sets(S("\x44\4\4\0"))); SHOW(sets(S("\x44\4\5\xf0"))); SHOW(sets(S("\x44\4\5\xf3"))); SHOW(sets(S("\x44\x8\5\1\0\0\0\0"))); SHOW(sets(S("\x44\x0c\5\1\1\1\1\1\2\2\2\2"))); told(sender, 64);
  SHOW(sets(S("\x83\7\4\177\0\0\1"))); told(sender, 64); SHOW(sets(S("\x83\7\5\177\0\0\1"))); SHOW(sets(S("\x83\6\4\177\0\0"))); SHOW(sets(S("\x83\7\4\177\0\0\1\x89\7\4\177\0\0\1"))); SHOW(sets(S("\x94\4\0\0"))); SHOW(sets(S("\x94\3\0"))); SHOW(sets(S("\0\1\2\3\4"))); told(sender, 64); char many[44]; memset(many, 1, sizeof many); SHOW(sets(many, 40)); SHOW(sets(many, 41));
  /* Nobody asks for them. */
  SHOW(sets(S("\7\13\4\0\0\0\0\0\0\0\0"))); SHOW(sends()); comes(0);
  SHOW(setsockopt(u, IPPROTO_IP, IP_RECVOPTS, &on, sizeof on)); SHOW(setsockopt(u, IPPROTO_IP, IP_RETOPTS, &on, sizeof on)); SHOW(sends()); comes(0);
  SHOW(sets(S("\1\1\7\7\4\0\0\0\0"))); SHOW(sends()); comes(0); SHOW(sets(S("\7\17\10\1\2\3\4\0\0\0\0\0\0\0\0\1"))); SHOW(sends()); comes(0);
  SHOW(sets(S("\1\1\1\1"))); SHOW(sends()); comes(0); SHOW(sets(S("\x94\4\0\0"))); SHOW(sends()); comes(0);
  SHOW(sets(S("\x44\14\5\0\0\0\0\0\0\0\0\0"))); SHOW(sends()); comes(1); SHOW(sets(S("\x44\24\5\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"))); SHOW(sends()); comes(1); SHOW(sets(S("\x44\4\5\0"))); SHOW(sends()); comes(0);
  SHOW(sets(S("\x83\7\4\177\0\0\1"))); SHOW(sends()); comes(0);
  /* Beside one datagram. */
  SHOW(sets(S("\1\1\1\1"))); SHOW(sends_with(S("\7\7\4\0\0\0\0"))); comes(0); SHOW(sends_with(S(""))); comes(0); SHOW(sends_with(S("\7\7\3\0\0\0\0"))); SHOW(sends()); comes(0); SHOW(sets(S(""))); SHOW(sends()); comes(0); SHOW(sends_with(S("\1\1\1\1"))); comes(0);
  /* An echo brings back what was recorded; a raw socket sees it in the header. */
  int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), m = ~(1 << ICMP_ECHOREPLY); if (raw < 0) return 1; setsockopt(raw, SOL_RAW, 1, &m, 4); setsockopt(raw, IPPROTO_IP, IP_OPTIONS, "\1\7\23\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  struct icmphdr e = {.type = ICMP_ECHO, .checksum = 0xfff7}; struct sockaddr_in lo = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; SHOW(sendto(raw, &e, sizeof e, 0, (void *)&lo, sizeof lo)); unsigned char p[128]; int r = recv(raw, p, sizeof p, 0); printf("reply %d:", r); for (int i = 20; i < (p[0] & 15) * 4; i++) printf(" %02x", p[i]); puts("");
  /* A stream keeps them. */
  int s = socket(AF_INET, SOCK_STREAM, 0); SHOW(setsockopt(s, IPPROTO_IP, IP_OPTIONS, "\7\7\4\0\0\0\0", 7)); told(s, 64); SHOW(setsockopt(s, IPPROTO_IP, IP_OPTIONS, "", 0)); told(s, 64); SHOW(setsockopt(s, IPPROTO_IP, IP_OPTIONS, NULL, 0)); SHOW(setsockopt(s, IPPROTO_IP, IP_OPTIONS, (void *)1, 4));
  return 0;
}
