#include "abi.h"
#include <sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* SO_PEEK_OFF: reads with MSG_PEEK begin where the last one ended, and reads without it move that back. */

static char text[64];
static void place(int s) { int off = 99; socklen_t n = sizeof off; if (getsockopt(s, SOL_SOCKET, SO_PEEK_OFF, &off, &n)) printf("place: %s\n", name_of(errno)); else printf("place: %d\n", off); }
static int begins(int s, int off) { return setsockopt(s, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof off); }
/* What a read of so many bytes moves, with its flags, and the place behind it. */
static void reads(int s, int most, int flags) {
  memset(text, '.', sizeof text); struct iovec v = {text, most}; char control[64]; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  int n = recvmsg(s, &m, flags | MSG_DONTWAIT), e = errno; struct pollfd p = {s, POLLIN, 0}; poll(&p, 1, 0);
  if (n < 0) printf("%d of %#x: %s, poll %#x, ", most, flags, name_of(e), p.revents); else printf("%d of %#x: %d \"%.*s\" flags %#x, poll %#x, ", most, flags, n, n > most ? most : n, text, m.msg_flags & ~MSG_CMSG_CLOEXEC, p.revents);
  if (n >= 0 && m.msg_controllen > 0) { int *fd = (void *)CMSG_DATA(CMSG_FIRSTHDR(&m)); printf("a file, "); close(*fd); }
  place(s);
}
static void sends_file(int s, const char *what) {
  char control[CMSG_SPACE(4)]; struct iovec v = {(void *)what, strlen(what)}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m); c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(4); *(int *)CMSG_DATA(c) = 1; SHOW(sendmsg(s, &m, 0));
}

static void stream(int a, int b) {
  place(b); SHOW(begins(b, 0)); place(b); SHOW(send(a, "hello", 5, 0)); SHOW(send(a, "world", 5, 0));
  reads(b, 3, MSG_PEEK); reads(b, 3, MSG_PEEK); reads(b, 64, MSG_PEEK); reads(b, 64, MSG_PEEK); reads(b, 4, 0); reads(b, 64, MSG_PEEK); reads(b, 2, 0); SHOW(begins(b, 1)); reads(b, 2, MSG_PEEK); reads(b, 64, MSG_PEEK);
  SHOW(send(a, "more", 4, 0)); reads(b, 64, MSG_PEEK); SHOW(begins(b, 100)); reads(b, 64, MSG_PEEK); reads(b, 64, 0); reads(b, 64, MSG_PEEK); reads(b, 64, 0);
  SHOW(begins(b, -1)); SHOW(send(a, "again", 5, 0)); reads(b, 2, MSG_PEEK); reads(b, 2, MSG_PEEK); SHOW(begins(b, -7)); place(b); reads(b, 2, MSG_PEEK); SHOW(begins(b, 2)); reads(b, 0, MSG_PEEK); reads(b, 2, MSG_PEEK); reads(b, 5, MSG_PEEK | MSG_WAITALL);
  SHOW(begins(b, 2)); reads(b, 5, 0);
}
/* A peek that waits goes on behind what it has seen. */
static void waits(int a, int b) {
  SHOW(begins(b, 0)); SHOW(send(a, "seen", 4, 0)); reads(b, 64, MSG_PEEK); fflush(stdout);
  if (fork() == 0) { usleep(100000); send(a, "new", 3, 0); _exit(0); }
  SHOW(recv(b, text, sizeof text, MSG_PEEK)); printf("%.3s\n", text); wait(NULL); place(b); reads(b, 64, 0);
}
/* Messages keep their borders. */
static void messages(int a, int b) {
  place(b); SHOW(begins(b, 0)); SHOW(send(a, "hello", 5, 0)); SHOW(send(a, "", 0, 0)); SHOW(send(a, "world", 5, 0));
  reads(b, 3, MSG_PEEK); reads(b, 2, MSG_PEEK); reads(b, 64, MSG_PEEK); reads(b, 64, MSG_PEEK); reads(b, 64, MSG_PEEK); SHOW(begins(b, 0)); reads(b, 1, MSG_PEEK | MSG_TRUNC); reads(b, 64, MSG_PEEK); reads(b, 64, MSG_PEEK); SHOW(begins(b, 7)); reads(b, 2, MSG_PEEK); reads(b, 64, MSG_PEEK | MSG_TRUNC);
  reads(b, 3, 0); reads(b, 2, MSG_PEEK); SHOW(begins(b, 4)); reads(b, 64, 0); reads(b, 64, MSG_PEEK); reads(b, 1, MSG_TRUNC); reads(b, 1, MSG_PEEK); SHOW(begins(b, -1)); SHOW(send(a, "again", 5, 0)); reads(b, 2, MSG_PEEK); reads(b, 2, MSG_PEEK); reads(b, 64, 0);
}
static void files(int type) {
  int p[2]; SHOW(socketpair(AF_UNIX, type, 0, p)); SHOW(begins(p[1], 0)); SHOW(send(p[0], "ab", 2, 0)); sends_file(p[0], "cdef"); SHOW(send(p[0], "gh", 2, 0));
  reads(p[1], 1, MSG_PEEK); for (int i = 0; i < 5; i++) reads(p[1], 3, MSG_PEEK); SHOW(begins(p[1], 2)); reads(p[1], 64, MSG_PEEK); reads(p[1], 64, MSG_PEEK); for (int i = 0; i < 4; i++) reads(p[1], 3, 0); close(p[0]); reads(p[1], 3, MSG_PEEK); close(p[1]);
}
/* Behind an urgent byte. */
static void urgent(int a, int b, int off, int in_line) {
  printf("urgent: %d %d\n", off, in_line); setsockopt(b, SOL_SOCKET, SO_OOBINLINE, &in_line, 4); SHOW(send(a, "ab", 2, 0)); SHOW(send(a, "cd!", 3, MSG_OOB)); SHOW(send(a, "ef", 2, 0)); usleep(1000); begins(b, off); for (int i = 0; i < 4; i++) reads(b, 2, MSG_PEEK);
  begins(b, -1); char c; recv(b, &c, 1, MSG_OOB); for (int i = 0; i < 5; i++) reads(b, 64, 0);
}
static int listening, port;
static void tcp_pair(int p[2]) {
  struct sockaddr_in a = {.sin_family = AF_INET}; a.sin_addr.s_addr = htonl(INADDR_LOOPBACK); socklen_t n = sizeof a; listening = socket(AF_INET, SOCK_STREAM, 0); bind(listening, (void *)&a, n); getsockname(listening, (void *)&a, &n); port = ntohs(a.sin_port); listen(listening, 4);
  p[0] = socket(AF_INET, SOCK_STREAM, 0); SHOW(begins(listening, 3)); SHOW(connect(p[0], (void *)&a, n)); p[1] = accept(listening, NULL, NULL); place(p[1]); place(p[0]); SHOW(begins(p[1], -1));
}
static void udp_pair(int p[2], int protocol) {
  struct sockaddr_in a = {.sin_family = AF_INET}; a.sin_addr.s_addr = htonl(INADDR_LOOPBACK); socklen_t n = sizeof a; p[1] = socket(AF_INET, SOCK_DGRAM, protocol); p[0] = socket(AF_INET, SOCK_DGRAM, protocol); SHOW(bind(p[1], (void *)&a, n)); getsockname(p[1], (void *)&a, &n); SHOW(connect(p[0], (void *)&a, n));
}
static void others(void) {
  SHOW(unshare(CLONE_NEWNET)); int g = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY); SHOW(write(g, "0 0", 3)); close(g);
  int kinds[][3] = {{AF_INET, SOCK_RAW, 200}, {AF_INET6, SOCK_RAW, 200}, {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}, {AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE}, {AF_INET6, SOCK_STREAM, 0}, {AF_INET6, SOCK_DGRAM, 0}, {AF_NETLINK, SOCK_RAW, 0}, {AF_PACKET, SOCK_RAW, 0}};
  for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) { int s = socket(kinds[i][0], kinds[i][1], kinds[i][2]); SHOW(begins(s, 4)); place(s); close(s); }
  int s = socket(AF_UNIX, SOCK_STREAM, 0), v = 4; SHOW(setsockopt(s, SOL_SOCKET, SO_PEEK_OFF, &v, 3)); SHOW(setsockopt(s, SOL_SOCKET, SO_PEEK_OFF, &v, 8)); place(s); close(s);
}

int main(void) {
  int p[2];
  SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, p)); stream(p[0], p[1]); waits(p[0], p[1]); for (int off = -1; off < 6; off++) { urgent(p[0], p[1], off, 0); urgent(p[0], p[1], off, 1); } close(p[0]); begins(p[1], 0); reads(p[1], 4, MSG_PEEK); close(p[1]);
  tcp_pair(p); stream(p[0], p[1]); waits(p[0], p[1]); for (int off = -1; off < 6; off++) { urgent(p[0], p[1], off, 0); urgent(p[0], p[1], off, 1); } SHOW(begins(p[1], 2)); SHOW(send(p[0], "last", 4, 0)); close(p[0]); usleep(10000); reads(p[1], 4, MSG_PEEK); reads(p[1], 4, MSG_PEEK); reads(p[1], 2, MSG_TRUNC | MSG_PEEK); SHOW(begins(p[1], 1)); reads(p[1], 2, MSG_TRUNC | MSG_PEEK); place(p[1]); reads(p[1], 2, MSG_TRUNC); reads(p[1], 4, 0); reads(p[1], 4, 0); close(p[1]); close(listening);
  SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p)); messages(p[0], p[1]); waits(p[0], p[1]); close(p[0]); close(p[1]);
  SHOW(socketpair(AF_UNIX, SOCK_DGRAM, 0, p)); messages(p[0], p[1]); waits(p[0], p[1]); close(p[0]); close(p[1]);
  udp_pair(p, 0); messages(p[0], p[1]); waits(p[0], p[1]); close(p[0]); close(p[1]);
  files(SOCK_STREAM); files(SOCK_SEQPACKET); files(SOCK_DGRAM); others(); return 0;
}
