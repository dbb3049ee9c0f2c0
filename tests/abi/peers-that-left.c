#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
/* SO_PEERNAME tells the peer of a connection that is over, or only begins, which getpeername(2) does not. */
static struct sockaddr_in a;
static int l, s, p;
static void tells(const char *what, int fd) {
  struct sockaddr_in name; socklen_t n = sizeof name;
  printf("%s\n", what);
  SHOW(getpeername(fd, (void *)&name, &n)); memset(&name, 0, n = sizeof name);
  SHOW(getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &name, &n)); SHOW(name.sin_family); HOLDS(name.sin_port == a.sin_port);
}
static void connection(void) { s = socket(AF_INET, SOCK_STREAM, 0); connect(s, (void *)&a, sizeof a); p = accept(l, 0, 0); }
int main(void) {
  struct linger at_once = {1, 0}; socklen_t n = sizeof a;
  l = socket(AF_INET, SOCK_STREAM, 0); a.sin_family = AF_INET; a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(l, (void *)&a, sizeof a); getsockname(l, (void *)&a, &n); listen(l, 5);
  s = socket(AF_INET, SOCK_STREAM, 0); tells("none yet", s); close(s);
  connection(); tells("connected", s); shutdown(s, SHUT_WR); shutdown(p, SHUT_WR); usleep(3000); tells("ended by both", s); close(s); close(p);
  connection(); setsockopt(p, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once); close(p); usleep(3000); tells("reset", s);
  struct sockaddr_in none = {.sin_family = AF_UNSPEC}; connect(s, (void *)&none, sizeof none); tells("taken back", s); close(s);
  close(l); s = socket(AF_INET, SOCK_STREAM, 0); SHOW(connect(s, (void *)&a, sizeof a)); tells("refused", s); close(s);
  return 0;
}
