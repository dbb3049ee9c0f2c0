#include "abi.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* SO_ATTACH_FILTER of TCP: a segment that the program refuses is as if it had been lost. It begins at TCP's header. In a network of its own. */

#define N(a) (sizeof(a) / sizeof *(a))
static int attach(int s, struct sock_filter *code, int count) { struct sock_fprog p = {count, code}; return setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p); }
static int detach(int s) { int none = 0; return setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none); }
static struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, 0xffffffff)}, none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
static int ready(int s, int events, int ms) { struct pollfd p = {s, events, 0}; return poll(&p, 1, ms) == 1 ? p.revents : 0; }
static int listens(struct sockaddr_in *a) { int s = socket(AF_INET, SOCK_STREAM, 0); *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; bind(s, (void *)a, sizeof *a); listen(s, 8); socklen_t n = sizeof *a; getsockname(s, (void *)a, &n); return s; }
static int streams(int flags) { return socket(AF_INET, SOCK_STREAM | flags, 0); }

static void options(void) {
  int s = streams(0); SHOW(detach(s)); SHOW(attach(s, all, N(all))); struct sock_filter got[4]; socklen_t n = 4; SHOW(getsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, got, &n)); SHOW(n); SHOW(got[0].k == 0xffffffff); SHOW(detach(s)); SHOW(detach(s)); struct sock_filter bad[] = {BPF_STMT(BPF_LD, 0)}; SHOW(attach(s, bad, 1)); SHOW(attach(s, all, 0));
  int on = 1; SHOW(setsockopt(s, SOL_SOCKET, SO_LOCK_FILTER, &on, 4)); SHOW(attach(s, all, N(all))); SHOW(detach(s)); close(s);
}

/* A listener that hears of nobody, until it does. */
static void listener(void) {
  struct sockaddr_in a; int l = listens(&a), c = streams(SOCK_NONBLOCK); SHOW(attach(l, none, N(none))); SHOW(connect(c, (void *)&a, sizeof a)); SHOW(ready(l, POLLIN, 200)); SHOW(ready(c, POLLOUT, 0)); SHOW(detach(l)); SHOW(ready(l, POLLIN, 3000)); SHOW(ready(c, POLLOUT, 1000)); close(c); close(l);
}

/* Of one of two clients alone, by its port. */
static void chosen(void) {
  struct sockaddr_in a, own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; int l = listens(&a), c[2]; socklen_t n = sizeof own; for (int i = 0; i < 2; i++) { c[i] = streams(SOCK_NONBLOCK); own.sin_port = 0; bind(c[i], (void *)&own, sizeof own); getsockname(c[i], (void *)&own, &n); }
  struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(own.sin_port), 0, 1), BPF_STMT(BPF_RET | BPF_K, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0)};
  SHOW(attach(l, code, N(code))); for (int i = 0; i < 2; i++) SHOW(connect(c[i], (void *)&a, sizeof a)); SHOW(ready(c[1], POLLOUT, 1000)); SHOW(ready(c[0], POLLOUT, 200)); int got = accept(l, NULL, NULL); n = 4; struct sock_filter told[8]; SHOW(got >= 0);
  n = N(told); SHOW(getsockopt(got, SOL_SOCKET, SO_ATTACH_FILTER, told, &n)); SHOW(n); SHOW(write(c[1], "x", 1)); SHOW(ready(got, POLLIN, 1000)); close(got); close(c[0]); close(c[1]); close(l);
}

/* What comes to a connection, while it hears nothing and afterwards. */
static void connected(void) {
  struct sockaddr_in a; int l = listens(&a), c = streams(0); char b[16]; SHOW(attach(c, all, N(all))); SHOW(connect(c, (void *)&a, sizeof a)); int s = accept(l, NULL, NULL);
  SHOW(write(s, "one", 3)); SHOW(ready(c, POLLIN, 1000)); SHOW(read(c, b, sizeof b)); SHOW(attach(c, none, N(none))); SHOW(write(s, "two", 3)); SHOW(ready(c, POLLIN, 200)); SHOW(recv(c, b, sizeof b, MSG_DONTWAIT)); SHOW(detach(c)); SHOW(ready(c, POLLIN, 3000)); SHOW(read(c, b, sizeof b)); SHOW(memcmp(b, "two", 3));
  close(s); SHOW(ready(c, POLLIN, 1000)); SHOW(read(c, b, sizeof b)); close(c); close(l);
}

int main(void) { SHOW(unshare(CLONE_NEWNET)); int s = streams(0); struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP}; ioctl(s, SIOCSIFFLAGS, &r); close(s); options(); listener(); chosen(); connected(); return 0; }
