#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Ports of TCP that connect(2) chose: whom they are kept from while the connection is there and after, who may connect
   by them again, and that many connections in turn find one. In a network of its own. */

static int made(int family, int reuse) { int s = socket(family, SOCK_STREAM, 0), on = 1; if (reuse) setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); return s; }
static struct sockaddr_in at(const char *ip, int port) { struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)}; a.sin_addr.s_addr = inet_addr(ip); return a; }
static int port_of(int s) { struct sockaddr_in a; socklen_t n = sizeof a; getsockname(s, (void *)&a, &n); return ntohs(a.sin_port); }
static int binds(int s, const char *ip, int port) { struct sockaddr_in a = at(ip, port); return bind(s, (void *)&a, sizeof a); }
static int connects(int s, const char *ip, int port) { struct sockaddr_in a = at(ip, port); return connect(s, (void *)&a, sizeof a); }
static void option(int s, int level, int name, int value) { setsockopt(s, level, name, &value, sizeof value); }
static int listens(const char *ip) { int s = made(AF_INET, 1); binds(s, ip, 0); listen(s, 128); return s; }
static int free_port(void) { int s = made(AF_INET, 0); binds(s, "127.0.0.1", 0); int p = port_of(s); close(s); return p; }

/* bind(2) to the port, with another address, and with SO_REUSEADDR. */
static void binding(int port) {
  int s[4]; for (int i = 0; i < 4; i++) s[i] = made(AF_INET, i & 1);
  SHOW(binds(s[0], "127.0.0.1", port)); SHOW(binds(s[1], "127.0.0.1", port)); SHOW(binds(s[2], "127.0.0.2", port)); close(s[2]); SHOW(binds(s[3], "0.0.0.0", port));
  for (int i = 0; i < 4; i++) close(s[i]);
}

static void chosen(int client_reuse) {
  int l = listens("127.0.0.1"), to = port_of(l), c = made(AF_INET, client_reuse); SHOW(connects(c, "127.0.0.1", to)); int a = accept(l, 0, 0), port = port_of(c);
  binding(port); close(c); binding(port); close(a); binding(port); close(l);
  l = listens("127.0.0.1"); to = port_of(l); c = made(AF_INET, client_reuse); connects(c, "127.0.0.1", to); a = accept(l, 0, 0); port = port_of(c);
  close(a); close(c); binding(port); close(l);
  /* The option is asked for when somebody else binds, not when it was taken. */
  l = listens("127.0.0.1"); to = port_of(l); c = made(AF_INET, client_reuse); connects(c, "127.0.0.1", to); a = accept(l, 0, 0); port = port_of(c); option(c, SOL_SOCKET, SO_REUSEADDR, !client_reuse); binding(port); close(c); close(a); close(l);
}

/* The same two ends once more. */
static void again(void) {
  int l = listens("127.0.0.1"), to = port_of(l), c = made(AF_INET, 1); connects(c, "127.0.0.1", to); int a = accept(l, 0, 0), port = port_of(c);
  int d = made(AF_INET, 1); SHOW(binds(d, "127.0.0.1", port)); SHOW(connects(d, "127.0.0.1", to)); close(d);
  /* To another one it may go. */
  int m = listens("127.0.0.1"); d = made(AF_INET, 1); SHOW(binds(d, "127.0.0.1", port)); SHOW(connects(d, "127.0.0.1", port_of(m))); close(d); close(m);
  shutdown(c, SHUT_WR); close(a); close(c);
  /* One that waits gives way to who bound itself. */
  d = made(AF_INET, 1); SHOW(binds(d, "127.0.0.1", port)); SHOW(connects(d, "127.0.0.1", to)); SHOW(port_of(d) == port); close(d); close(l);
}

/* TCP_LINGER2: how long a side that is closed waits for the other's end. */
static void half(void) {
  int l = listens("127.0.0.1"), to = port_of(l), c = made(AF_INET, 0); connects(c, "127.0.0.1", to); int a = accept(l, 0, 0), port = port_of(c); option(c, IPPROTO_TCP, TCP_LINGER2, 1);
  close(c); int s = made(AF_INET, 0); SHOW(binds(s, "127.0.0.1", port)); sleep(2); SHOW(binds(s, "127.0.0.1", port)); close(s); close(a);
  c = made(AF_INET, 0); connects(c, "127.0.0.1", to); a = accept(l, 0, 0); port = port_of(c); option(c, IPPROTO_TCP, TCP_LINGER2, -1);
  close(c); s = made(AF_INET, 0); usleep(200000); SHOW(binds(s, "127.0.0.1", port)); close(s); struct pollfd p = {a, POLLIN, 0}; poll(&p, 1, 1000); SHOW(p.revents); char b; SHOW(read(a, &b, 1)); SHOW(read(a, &b, 1)); close(a);
  c = made(AF_INET, 0); connects(c, "127.0.0.1", to); a = accept(l, 0, 0); port = port_of(c); option(c, IPPROTO_TCP, TCP_LINGER2, 1);
  close(c); close(a); sleep(2); s = made(AF_INET, 0); SHOW(binds(s, "127.0.0.1", port)); close(s); close(l);
}

/* Both have ended it: what was not read resets nothing. */
static void unread(void) {
  int l = listens("127.0.0.1"), to = port_of(l), c = made(AF_INET, 0); connects(c, "127.0.0.1", to); int a = accept(l, 0, 0), port = port_of(c);
  write(c, "x", 1); shutdown(c, SHUT_WR); shutdown(a, SHUT_WR); close(a); char b; SHOW(read(c, &b, 1)); close(c);
  int s = made(AF_INET, 0); SHOW(binds(s, "127.0.0.1", port)); close(s);
  c = made(AF_INET, 0); connects(c, "127.0.0.1", to); a = accept(l, 0, 0); port = port_of(c); write(c, "x", 1); shutdown(c, SHUT_WR); close(a); SHOW(read(c, &b, 1)); close(c);
  s = made(AF_INET, 0); SHOW(binds(s, "127.0.0.1", port)); close(s); close(l);
}

/* A range of two ports: one more connection to the same place finds none, to another it does. */
static void narrow(void) {
  int l = listens("127.0.0.1"), m = listens("127.0.0.1"), c[4], first = 40100; unsigned v = (unsigned)(first + 1) << 16 | first;
  for (int i = 0; i < 4; i++) { c[i] = made(AF_INET, 0); setsockopt(c[i], IPPROTO_IP, 51, &v, sizeof v); }
  option(c[3], SOL_SOCKET, SO_REUSEADDR, 1);
  SHOW(connects(c[0], "127.0.0.1", port_of(l))); SHOW(connects(c[1], "127.0.0.1", port_of(l))); SHOW(connects(c[2], "127.0.0.1", port_of(l))); SHOW(connects(c[2], "127.0.0.1", port_of(m))); SHOW(connects(c[3], "127.0.0.1", port_of(m)));
  int s = made(AF_INET, 1); setsockopt(s, IPPROTO_IP, 51, &v, sizeof v); SHOW(binds(s, "127.0.0.1", 0)); SHOW(binds(s, "127.0.0.2", 0)); HOLDS(port_of(s) == first || port_of(s) == first + 1); close(s);
  for (int i = 0; i < 4; i++) close(c[i]); close(m); close(l);
}

static void many(int client_first) {
  int l = listens("127.0.0.1"), to = port_of(l), i;
  for (i = 0; i < 3000; i++) { int c = made(AF_INET, 0); if (connects(c, "127.0.0.1", to)) break; int a = accept(l, 0, 0); if (client_first) { close(c); close(a); } else { close(a); close(c); } }
  SHOW(i); close(l);
}

/* Bound to any address, a connection has one; others may have the port with theirs. */
static void families(void) {
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(free_port())}, to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int l = made(AF_INET6, 0); bind(l, (void *)&to, sizeof to); listen(l, 8); to.sin6_port = htons(port_of(l));
  int c = made(AF_INET6, 0), port = ntohs(any.sin6_port); SHOW(bind(c, (void *)&any, sizeof any)); int s = made(AF_INET, 0); SHOW(binds(s, "127.0.0.1", port)); SHOW(connect(c, (void *)&to, sizeof to)); SHOW(binds(s, "127.0.0.1", port)); close(s);
  int six = made(AF_INET6, 0); struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT}; SHOW(bind(six, (void *)&own, sizeof own)); close(six);
  struct sockaddr none = {.sa_family = AF_UNSPEC}; SHOW(connect(c, &none, sizeof none)); s = made(AF_INET, 0); SHOW(binds(s, "127.0.0.1", port)); close(s); close(c); close(l);
}

static void network(void) { if (unshare(CLONE_NEWNET)) exit(1); int s = socket(AF_INET, SOCK_DGRAM, 0); struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP}; ioctl(s, SIOCSIFFLAGS, &r); close(s); }

int main(void) { network(); for (int r = 0; r < 2; r++) chosen(r); again(); half(); unread(); narrow(); many(0); many(1); families(); return 0; }
