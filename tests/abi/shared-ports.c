#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* SO_REUSEPORT: who may share a port, and who gets what comes to it; who is preferred among those at one port. */

static struct sockaddr_in at(const char *ip, int port) { struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)}; a.sin_addr.s_addr = inet_addr(ip); return a; }
static int port_of(int s) { struct sockaddr_in a; socklen_t n = sizeof a; getsockname(s, (void *)&a, &n); return ntohs(a.sin_port); }
static int made(int type, int option) { int s = socket(AF_INET, type, 0), on = 1; if (option) setsockopt(s, SOL_SOCKET, option, &on, sizeof on); return s; }
static int binds(int s, const char *ip, int port) { struct sockaddr_in a = at(ip, port); return bind(s, (void *)&a, sizeof a); }
static int bound(int type, int option, const char *ip, int port) { int s = made(type, option); return binds(s, ip, port) == 0 ? s : -1; }
static int connects(int s, const char *ip, int port) { struct sockaddr_in a = at(ip, port); return connect(s, (void *)&a, sizeof a); }
static int waiting(int s) { char c; int n = 0; while (recv(s, &c, 1, MSG_DONTWAIT) == 1) n++; return n; }

static void sharing(int type) {
  int one = bound(type, SO_REUSEPORT, "127.0.0.1", 0), port = port_of(one);
  SHOW(bound(type, SO_REUSEPORT, "127.0.0.1", port) >= 0); SHOW(binds(made(type, 0), "127.0.0.1", port)); SHOW(binds(made(type, SO_REUSEPORT), "0.0.0.0", port)); SHOW(binds(made(type, SO_REUSEADDR), "0.0.0.0", port));
  if (fork() == 0) { setuid(31337); SHOW(binds(made(type, SO_REUSEPORT), "127.0.0.1", port)); SHOW(binds(made(type, SO_REUSEPORT), "0.0.0.0", port)); exit(0); } wait(NULL);
  /* Whose a socket is was settled when it was made. */
  int ready = made(type, SO_REUSEPORT); if (fork() == 0) { setuid(31337); SHOW(binds(ready, "127.0.0.1", port)); exit(0); } wait(NULL);
  int alone = bound(type, 0, "127.0.0.1", 0); SHOW(binds(made(type, SO_REUSEPORT), "127.0.0.1", port_of(alone)));
}

static void listeners(void) {
  int s[4], n[4] = {0}, port = 0; for (int i = 0; i < 4; i++) { s[i] = bound(SOCK_STREAM, SO_REUSEPORT, "127.0.0.1", port); port = port_of(s[i]); SHOW(listen(s[i], 128)); fcntl(s[i], F_SETFL, O_NONBLOCK); }
  int other = bound(SOCK_STREAM, SO_REUSEPORT, "0.0.0.0", port); listen(other, 128); fcntl(other, F_SETFL, O_NONBLOCK); int many = 0;
  for (int i = 0; i < 80; i++) { int c = socket(AF_INET, SOCK_STREAM, 0); many += connects(c, "127.0.0.1", port) == 0; }
  int all = 0; for (int i = 0; i < 4; i++) { while (accept(s[i], NULL, NULL) >= 0) n[i]++; all += n[i]; HOLDS(n[i] > 0); } SHOW(many); SHOW(all); SHOW(accept(other, NULL, NULL));
  for (int i = 0; i < 3; i++) close(s[i]); for (int i = 0; i < 8; i++) connects(socket(AF_INET, SOCK_STREAM, 0), "127.0.0.1", port); all = 0; while (accept(s[3], NULL, NULL) >= 0) all++; SHOW(all);
  close(s[3]); connects(socket(AF_INET, SOCK_STREAM, 0), "127.0.0.1", port); SHOW(accept(other, NULL, NULL) >= 0);
}

static void datagrams(void) {
  int s[4], n[4], port = 0; for (int i = 0; i < 4; i++) { s[i] = bound(SOCK_DGRAM, SO_REUSEPORT, "127.0.0.1", port); port = port_of(s[i]); }
  for (int i = 0; i < 80; i++) { int c = socket(AF_INET, SOCK_DGRAM, 0); connects(c, "127.0.0.1", port); send(c, "x", 1, 0); close(c); }
  int all = 0; for (int i = 0; i < 4; i++) { all += n[i] = waiting(s[i]); HOLDS(n[i] > 0); } SHOW(all);
  int flow = socket(AF_INET, SOCK_DGRAM, 0); connects(flow, "127.0.0.1", port); for (int i = 0; i < 16; i++) send(flow, "x", 1, 0); int users = 0; for (int i = 0; i < 4; i++) users += waiting(s[i]) == 16; SHOW(users);
  /* One that is connected to the sender is preferred; others do not get what is not for them. */
  int peer = bound(SOCK_DGRAM, SO_REUSEPORT, "127.0.0.1", port); connects(peer, "127.0.0.1", port_of(flow)); for (int i = 0; i < 16; i++) send(flow, "x", 1, 0); SHOW(waiting(peer)); all = 0; for (int i = 0; i < 4; i++) all += waiting(s[i]); SHOW(all);
  int c = socket(AF_INET, SOCK_DGRAM, 0); connects(c, "127.0.0.1", port); send(c, "x", 1, 0); SHOW(waiting(peer)); all = 0; for (int i = 0; i < 4; i++) all += waiting(s[i]); SHOW(all);
}

/* SO_REUSEADDR makes no group: the one that came last has it all, until it goes; the more exact address first. */
static void newest(void) {
  int a = bound(SOCK_DGRAM, SO_REUSEADDR, "127.0.0.1", 0), port = port_of(a), b = bound(SOCK_DGRAM, SO_REUSEADDR, "127.0.0.1", port), any = bound(SOCK_DGRAM, SO_REUSEADDR, "0.0.0.0", port), c = socket(AF_INET, SOCK_DGRAM, 0); connects(c, "127.0.0.1", port);
  send(c, "x", 1, 0); SHOW(waiting(a)); SHOW(waiting(b)); SHOW(waiting(any)); close(b); send(c, "x", 1, 0); SHOW(waiting(a)); SHOW(waiting(any)); close(a); send(c, "x", 1, 0); SHOW(waiting(any));
}

int main(void) { sharing(SOCK_STREAM); sharing(SOCK_DGRAM); listeners(); datagrams(); newest(); return 0; }
