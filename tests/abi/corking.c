#include "abi.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/time.h>

/* Datagrams and segments that are put together: MSG_MORE, UDP_CORK, TCP_CORK; and how many wait for a reader. */

static char buffer[1 << 18];
static int receiver, sender;
static struct sockaddr_in place;

static void show_received(void) {
  long n = recv(receiver, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0) printf("  received %s\n", name_of(errno)); else printf("  received %ld \"%.*s\"\n", n, (int)(n < 20 ? n : 20), buffer);
  fflush(stdout);
}

static void pair(int type) {
  socklen_t length = sizeof place;
  receiver = socket(AF_INET, type, 0); memset(&place, 0, sizeof place); place.sin_family = AF_INET; place.sin_addr.s_addr = htonl(INADDR_LOOPBACK); bind(receiver, (void *)&place, length); getsockname(receiver, (void *)&place, &length); if (type == SOCK_STREAM) listen(receiver, 1);
  sender = socket(AF_INET, type, 0); if (connect(sender, (void *)&place, length)) exit(1);
  if (type == SOCK_STREAM) { int listener = receiver; receiver = accept(listener, NULL, NULL); close(listener); }
}

static void option(int level, int name, int value) { SHOW(setsockopt(sender, level, name, &value, sizeof value)); }

static void datagrams(void) {
  pair(SOCK_DGRAM);
  SHOW(send(sender, "ab", 2, MSG_MORE)); show_received(); SHOW(send(sender, "cd", 2, MSG_MORE)); show_received(); SHOW(send(sender, "ef", 2, 0)); show_received(); show_received();
  option(IPPROTO_UDP, UDP_CORK, 1); SHOW(write(sender, "gh", 2)); SHOW(write(sender, "ij", 2)); show_received(); option(IPPROTO_UDP, UDP_CORK, 0); show_received(); option(IPPROTO_UDP, UDP_CORK, 0); show_received();
  /* The first call says where it goes; a call that fails loses all of it. */
  struct sockaddr_in other = place; other.sin_port = htons(1); SHOW(sendto(sender, "k", 1, MSG_MORE, (void *)&place, sizeof place)); SHOW(sendto(sender, "l", 1, 0, (void *)&other, sizeof other)); show_received();
  SHOW(send(sender, "m", 1, MSG_MORE)); SHOW(send(sender, (void *)8, 4, 0)); show_received(); SHOW(send(sender, "n", 1, 0)); show_received();
  SHOW(send(sender, buffer, 60000, MSG_MORE)); SHOW(send(sender, buffer, 6000, MSG_MORE)); SHOW(send(sender, "o", 1, 0)); show_received(); SHOW(send(sender, "", 0, MSG_MORE)); SHOW(send(sender, "", 0, 0)); show_received(); show_received();
  struct iovec part[2] = {{"pq", 2}, {"rs", 2}}; struct msghdr message = {.msg_iov = part, .msg_iovlen = 2}; SHOW(sendmsg(sender, &message, MSG_MORE)); SHOW(sendmsg(sender, &message, 0)); show_received();
  int loose = socket(AF_INET, SOCK_DGRAM, 0); SHOW(sendto(loose, "t", 1, MSG_MORE, (void *)&place, sizeof place)); SHOW(send(loose, "u", 1, 0)); show_received(); SHOW(send(loose, "v", 1, MSG_MORE)); close(loose);
  SHOW(send(sender, "w", 1, MSG_MORE)); close(sender); usleep(20000); show_received(); close(receiver);
  /* Bytes that can't be read are told even when nobody listens. */
  pair(SOCK_DGRAM); close(receiver); SHOW(sendto(sender, (void *)8, 1024, 0, (void *)&place, sizeof place)); close(sender);
}

static void segments(void) {
  struct timeval patience = {2, 0};
  pair(SOCK_STREAM); setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  SHOW(send(sender, "ab", 2, MSG_MORE)); show_received(); SHOW(send(sender, "cd", 2, 0)); show_received();
  option(IPPROTO_TCP, TCP_CORK, 1); SHOW(write(sender, "ef", 2)); SHOW(write(sender, "gh", 2)); show_received(); option(IPPROTO_TCP, TCP_CORK, 0); show_received();
  /* It goes after 200 ms in any case. */
  struct timespec a, b; clock_gettime(CLOCK_MONOTONIC, &a); SHOW(send(sender, "ij", 2, MSG_MORE)); SHOW(recv(receiver, buffer, 9, 0)); clock_gettime(CLOCK_MONOTONIC, &b); long ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000; HOLDS(ms >= 100 && ms < 1000);
  SHOW(send(sender, "kl", 2, MSG_MORE)); SHOW(shutdown(sender, SHUT_WR)); SHOW(recv(receiver, buffer, 9, 0)); SHOW(recv(receiver, buffer, 9, 0)); close(sender); close(receiver);
  pair(SOCK_STREAM); option(IPPROTO_TCP, TCP_CORK, 1); SHOW(write(sender, "mn", 2)); option(IPPROTO_TCP, TCP_NODELAY, 1); show_received(); SHOW(write(sender, "op", 2)); show_received(); close(sender); SHOW(recv(receiver, buffer, 9, 0)); close(receiver);
}

static long filled(int fd) { long all = 0, n; while ((n = send(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) all += n; return all; }
static void unread(void) {
  pair(SOCK_STREAM); HOLDS(filled(sender) >= 1 << 21); HOLDS(filled(receiver) >= 1 << 21); close(sender); close(receiver);
  /* Not if somebody has said how much. */
  pair(SOCK_STREAM); option(SOL_SOCKET, SO_SNDBUF, 10000); HOLDS(filled(sender) < 1 << 19); close(sender); close(receiver);
}

int main(void) { datagrams(); segments(); unread(); return 0; }
