/* bind(2) to ports of TCP that only connections have: accepted ones that live, and those that wait (TIME_WAIT). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair { int client, child, port; };

static struct sockaddr_in at(unsigned address, int port) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
  return name;
}

static int made(int reuse) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (reuse & 1) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (reuse & 2) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
  return fd;
}

static int port_of(int fd) {
  struct sockaddr_in name;
  socklen_t length = sizeof name;
  getsockname(fd, (struct sockaddr *)&name, &length);
  return ntohs(name.sin_port);
}

/* A connection whose listener is gone. */
static struct pair connected(unsigned address, int reuse, int bound) {
  struct pair pair;
  int listener = made(reuse);
  struct sockaddr_in name = at(address, 0);
  bind(listener, (struct sockaddr *)&name, sizeof name);
  listen(listener, 4);
  pair.port = port_of(listener);
  pair.client = made(bound < 0 ? 0 : bound);
  if (bound >= 0) {
    name = at(INADDR_LOOPBACK, 0);
    /* A number of the program's choice: one that was free a moment ago. */
    int probe = made(0);
    bind(probe, (struct sockaddr *)&name, sizeof name);
    name.sin_port = htons(port_of(probe));
    close(probe);
    if (bind(pair.client, (struct sockaddr *)&name, sizeof name) < 0) printf("client: %s\n", strerror(errno));
  }
  name = at(INADDR_LOOPBACK, pair.port);
  if (connect(pair.client, (struct sockaddr *)&name, sizeof name) < 0) printf("connect: %s\n", strerror(errno));
  pair.child = accept(listener, 0, 0);
  close(listener);
  return pair;
}

static void try(const char *what, unsigned address, int port, int reuse) {
  int fd = made(reuse);
  struct sockaddr_in name = at(address, port);
  int result = bind(fd, (struct sockaddr *)&name, sizeof name);
  printf("%s, reuse %d: %s\n", what, reuse, result < 0 ? strerror(errno) : "bound");
  close(fd);
}

static void all(const char *what, int port) {
  try(what, INADDR_LOOPBACK, port, 0);
  try(what, INADDR_ANY, port, 0);
  try(what, INADDR_LOOPBACK + 1, port, 0);
  try(what, INADDR_LOOPBACK, port, 1);
}

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  struct pair p = connected(INADDR_LOOPBACK, 0, -1);
  all("it lives", p.port);
  close(p.child);
  all("its side has ended", p.port);
  close(p.client);
  all("it waits", p.port);

  p = connected(INADDR_ANY, 1, -1);
  all("it lives and shares", p.port);
  close(p.child);
  close(p.client);
  all("it waits and shares", p.port);

  p = connected(INADDR_LOOPBACK, 0, -1);
  close(p.client);
  all("the other side has ended", p.port);
  close(p.child);
  all("that was the first", p.port);

  p = connected(INADDR_LOOPBACK, 0, -1);
  shutdown(p.child, SHUT_WR);
  close(p.client);
  close(p.child);
  all("after a shutdown", p.port);

  p = connected(INADDR_LOOPBACK, 0, -1);
  write(p.client, "unread", 6);
  close(p.child);
  all("reset by closing", p.port);
  close(p.client);

  p = connected(INADDR_LOOPBACK, 0, -1);
  setsockopt(p.child, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
  close(p.child);
  all("reset by SO_LINGER", p.port);
  close(p.client);

  p = connected(INADDR_LOOPBACK, 0, -1);
  close(p.child);
  write(p.client, "nobody reads", 12);
  all("reset when it waited", p.port);
  close(p.client);

  p = connected(INADDR_LOOPBACK, 0, 0);
  int port = port_of(p.client);
  all("a client that is bound", port);
  close(p.client);
  close(p.child);
  all("a client that waits", port);

  p = connected(INADDR_LOOPBACK, 0, 0);
  port = port_of(p.client);
  close(p.child);
  close(p.client);
  all("a client that was the last", port);
  return 0;
}
