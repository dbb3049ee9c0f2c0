/* TCP: a socket that connects to itself, two that connect to each other, what a refused connection leaves behind, and where
   a datagram socket is after it was disconnected. */
#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#define A(x) (struct sockaddr *)&x, sizeof x
typedef struct sockaddr_in In;
static In at(const char *host, int port) {
  In a = {AF_INET, htons(port)};
  inet_pton(AF_INET, host, &a.sin_addr);
  return a;
}
static In local(int s) { In a = {0}; socklen_t l = sizeof a; getsockname(s, (void *)&a, &l); return a; }
static In peer(int s) { In a = {0}; socklen_t l = sizeof a; if (getpeername(s, (void *)&a, &l) < 0) a.sin_family = 0; return a; }
static int same(In a, In b) { return a.sin_family == b.sin_family && a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr; }
static int state(int s) { struct tcp_info i; socklen_t l = sizeof i; return getsockopt(s, IPPROTO_TCP, TCP_INFO, &i, &l) < 0 ? -errno : i.tcpi_state; }
static int error(int s) { int e; socklen_t l = 4; getsockopt(s, SOL_SOCKET, SO_ERROR, &e, &l); return e; }
static void ready(int s) { struct pollfd p = {s, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0}; poll(&p, 1, 0); printf("ready %x\n", p.revents); fflush(stdout); }
static void where(const char *what, int s) {
  In a = local(s);
  char text[32];
  printf("%s: at %s, %s port; ", what, inet_ntop(AF_INET, &a.sin_addr, text, sizeof text), a.sin_port ? "a" : "no");
  a = peer(s);
  printf("%s peer\n", a.sin_family ? "a" : "no");
  fflush(stdout);
}
static void with_itself(int flags, const char *host) {
  printf("-- with itself, %s\n", flags ? "not waiting" : "waiting");
  int s = socket(AF_INET, SOCK_STREAM | flags, 0);
  In a = at(host, 0);
  SHOW(bind(s, A(a)));
  a = local(s);
  int r = connect(s, A(a));
  HOLDS(r == 0 || (flags && errno == EINPROGRESS));
  if (flags) usleep(20000);
  SHOW(error(s));
  SHOW(state(s));
  ready(s);
  HOLDS(same(local(s), peer(s)));
  SHOW(connect(s, A(a)));
  if (!flags) SHOW(connect(s, A(a)));
  char b[16] = "";
  SHOW(listen(s, 1));
  SHOW(send(s, "hello", 5, 0));
  int n;
  SHOW(ioctl(s, FIONREAD, &n));
  SHOW(n);
  SHOW(recv(s, b, 3, MSG_PEEK));
  SHOW(recv(s, b, 16, 0));
  HOLDS(!memcmp(b, "hello", 5));
  SHOW(recv(s, b, 16, MSG_DONTWAIT));
  SHOW(send(s, "ab", 2, MSG_OOB));
  usleep(10000);
  ready(s);
  SHOW(recv(s, b, 1, MSG_OOB));
  SHOW(recv(s, b, 16, 0));
  SHOW(send(s, "rest", 4, 0));
  SHOW(shutdown(s, SHUT_WR));
  usleep(10000);
  SHOW(state(s));
  ready(s);
  SHOW(recv(s, b, 16, 0));
  SHOW(recv(s, b, 16, 0));
  SHOW(send(s, "x", 1, MSG_NOSIGNAL));
  close(s);
  /* Closed with unread bytes, and one that was let go by AF_UNSPEC. */
  s = socket(AF_INET, SOCK_STREAM, 0);
  a = at(host, 0);
  bind(s, A(a));
  a = local(s);
  SHOW(connect(s, A(a)));
  send(s, "unread", 6, 0);
  struct sockaddr none = {AF_UNSPEC};
  SHOW(connect(s, A(none)));
  SHOW(state(s));
  SHOW(recv(s, b, 16, 0));
  ready(s);
  SHOW(connect(s, A(a)));
  send(s, "unread", 6, 0);
  close(s);
}
static void with_each_other(void) {
  printf("-- with each other\n");
  int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), t = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  In a = at("127.0.0.1", 0), b = a;
  bind(s, A(a));
  bind(t, A(b));
  a = local(s), b = local(t);
  /* On one machine the first is refused before the second begins. */
  connect(s, A(b));
  usleep(20000);
  SHOW(error(s));
  SHOW(state(s));
  connect(t, A(a));
  usleep(20000);
  SHOW(error(t));
  close(s);
  close(t);
}
static void refused(int flags) {
  printf("-- refused, %s\n", flags ? "not waiting" : "waiting");
  char c;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  In nobody = at("127.0.0.1", 0);
  bind(listener, A(nobody));
  nobody = local(listener);
  int s = socket(AF_INET, SOCK_STREAM | flags, 0);
  int r = connect(s, A(nobody));
  HOLDS(r == -1 && errno == (flags ? EINPROGRESS : ECONNREFUSED));
  if (flags) {
    usleep(20000);
    ready(s);
    where("before its error is known", s);
    SHOW(error(s));
  }
  where("refused", s);
  SHOW(state(s));
  ready(s);
  SHOW(recv(s, &c, 1, 0));
  SHOW(recv(s, &c, 1, MSG_PEEK));
  SHOW(send(s, "a", 1, MSG_NOSIGNAL));
  SHOW(send(s, "a", 1, MSG_NOSIGNAL));
  SHOW(shutdown(s, SHUT_WR));
  SHOW(shutdown(s, SHUT_RDWR));
  ready(s);
  SHOW(connect(s, A(nobody)));
  if (flags) {
    SHOW(connect(s, A(nobody)));
    struct sockaddr none = {AF_UNSPEC};
    SHOW(connect(s, A(none)));
    SHOW(connect(s, A(nobody)));
    usleep(20000);
    SHOW(error(s));
    SHOW(connect(s, A(nobody)));
    SHOW(connect(s, A(nobody)));
    usleep(20000);
    SHOW(connect(s, A(nobody)));
  }
  where("again", s);
  SHOW(listen(listener, 4));
  SHOW(connect(s, A(nobody)));
  if (flags) usleep(20000);
  SHOW(connect(s, A(nobody)));
  SHOW(connect(s, A(nobody)));
  SHOW(state(s));
  where("at last", s);
  int x = accept(listener, 0, 0);
  SHOW(send(s, "b", 1, 0));
  SHOW(recv(x, &c, 1, 0));
  close(x);
  close(s);
  /* Bound by the program: the place stays. */
  close(listener);
  s = socket(AF_INET, SOCK_STREAM | flags, 0);
  In any = at("0.0.0.0", 0);
  bind(s, A(any));
  In before = local(s);
  connect(s, A(nobody));
  if (flags) { usleep(20000); error(s); }
  where("bound to all", s);
  HOLDS(same(local(s), before));
  close(s);
  s = socket(AF_INET, SOCK_STREAM | flags, 0);
  any = at("127.0.0.2", 0);
  bind(s, A(any));
  before = local(s);
  connect(s, A(nobody));
  if (flags) { usleep(20000); error(s); }
  where("bound to one", s);
  HOLDS(same(local(s), before));
  close(s);
  /* Its error taken by the first call that looks for one. */
  if (!flags) return;
  for (int how = 0; how < 5; how++) {
    s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(s, A(nobody));
    usleep(20000);
    if (how == 0) SHOW(recv(s, &c, 1, 0));
    if (how == 1) SHOW(send(s, "a", 1, MSG_NOSIGNAL));
    if (how == 2) SHOW(connect(s, A(nobody)));
    if (how == 3) SHOW(shutdown(s, SHUT_RDWR));
    if (how == 4) SHOW(listen(s, 1));
    SHOW(recv(s, &c, 1, 0));
    SHOW(error(s));
    SHOW(state(s));
    where("then", s);
    close(s);
  }
}
static void disconnected(void) {
  printf("-- disconnected\n");
  struct sockaddr none = {AF_UNSPEC};
  int other = socket(AF_INET, SOCK_DGRAM, 0);
  In to = at("127.0.0.1", 0);
  bind(other, A(to));
  to = local(other);
  for (int kind = 0; kind < 5; kind++) {
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    In a = at(kind == 1 || kind == 3 ? "127.0.0.1" : "0.0.0.0", 0);
    if (kind == 3 || kind == 4) {
      /* A port of the program's own choice: one that was free a moment ago. */
      int probe = socket(AF_INET, SOCK_DGRAM, 0);
      bind(probe, A(a));
      a.sin_port = local(probe).sin_port;
      close(probe);
    }
    if (kind > 0) SHOW(bind(s, A(a)));
    In before = local(s);
    SHOW(connect(s, A(to)));
    where("connected", s);
    SHOW(connect(s, A(none)));
    where("disconnected", s);
    SHOW(connect(s, A(none)));
    In other = at("127.0.0.1", 0);
    SHOW(bind(s, A(other)));
    SHOW(sendto(s, "a", 1, 0, A(to)));
    where("has sent", s);
    SHOW(connect(s, A(none)));
    where("disconnected again", s);
    close(s);
  }
  for (int kind = 0; kind < 4; kind++) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM, 0);
    In to = at("127.0.0.1", 0), a = at(kind == 1 || kind == 3 ? "127.0.0.1" : "0.0.0.0", 0);
    bind(listener, A(to));
    listen(listener, 4);
    to = local(listener);
    if (kind == 3) {
      int probe = socket(AF_INET, SOCK_STREAM, 0);
      bind(probe, A(a));
      a.sin_port = local(probe).sin_port;
      close(probe);
    }
    if (kind > 0) SHOW(bind(s, A(a)));
    SHOW(connect(s, A(to)));
    where("connected", s);
    SHOW(connect(s, A(none)));
    where("disconnected", s);
    SHOW(connect(s, A(to)));
    SHOW(shutdown(s, SHUT_RDWR));
    SHOW(connect(s, A(none)));
    where("shut and disconnected", s);
    SHOW(state(s));
    close(s);
    close(listener);
  }
}
/* While the listener has no room the connection is on its way. */
static void on_the_way(void) {
  printf("-- on the way\n");
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  In to = at("127.0.0.1", 0), other = to;
  bind(listener, A(to));
  listen(listener, 0);
  to = local(listener);
  int first = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(connect(first, A(to)));
  for (int how = 0; how < 4; how++) {
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    char c;
    SHOW(connect(s, A(to)));
    usleep(20000);
    SHOW(state(s));
    where("on the way", s);
    SHOW(recv(s, &c, 1, 0));
    SHOW(send(s, "a", 1, 0));
    SHOW(listen(s, 1));
    SHOW(bind(s, A(other)));
    struct sockaddr none = {AF_UNSPEC};
    if (how < 3) SHOW(shutdown(s, how));
    else SHOW(connect(s, A(none)));
    where("given up", s);
    SHOW(state(s));
    ready(s);
    SHOW(recv(s, &c, 1, 0));
    SHOW(recv(s, &c, 1, 0));
    SHOW(bind(s, A(other)));
    SHOW(listen(s, 1));
    SHOW(state(s));
    SHOW(connect(s, A(none)));
    SHOW(state(s));
    SHOW(error(s));
    SHOW(bind(s, A(other)));
    close(s);
  }
}
static void listed(void) {
  printf("-- listed\n");
  char line[512];
  int counts[12] = {0};
  int bound = socket(AF_INET, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM, 0), probe = socket(AF_INET, SOCK_STREAM, 0);
  In a = at("127.0.0.1", 0), nobody;
  bind(probe, A(a));
  nobody = local(probe);
  close(probe);
  bind(bound, A(a));
  connect(s, A(nobody));
  int port = ntohs(local(bound).sin_port), stale = ntohs(local(s).sin_port);
  FILE *f = fopen("/proc/net/tcp", "r");
  int found = 0, gone = 0;
  while (f && fgets(line, sizeof line, f)) {
    unsigned at, lport;
    if (sscanf(line, " %*d: %x:%x", &at, &lport) == 2) found += lport == port, gone += lport == stale;
  }
  printf("bound %d, refused %d\n", found, gone);
}
int main(void) {
  signal(SIGPIPE, SIG_IGN);
  with_itself(0, "127.0.0.1");
  with_itself(SOCK_NONBLOCK, "127.0.0.1");
  with_itself(0, "0.0.0.0");
  with_each_other();
  refused(0);
  refused(SOCK_NONBLOCK);
  disconnected();
  on_the_way();
  listed();
}
