#include "abi.h"
#include <netinet/in.h>
#include <sys/socket.h>
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif
/* SO_BUF_LOCK: which buffers of a socket have the size that was asked for, and do not grow. */
static int s;
static int locks(void) { int value = -1; socklen_t n = sizeof value; return getsockopt(s, SOL_SOCKET, SO_BUF_LOCK, &value, &n) ? -errno : value; }
static int set(int name, int value) { return setsockopt(s, SOL_SOCKET, name, &value, sizeof value); }
int main(void) {
  static const int families[] = {AF_INET, AF_UNIX};
  for (int i = 0; i < 2; i++) {
    s = socket(families[i], SOCK_STREAM, 0); SHOW(locks()); SHOW(set(SO_SNDBUF, 16384)); SHOW(locks()); SHOW(set(SO_RCVBUF, 16384)); SHOW(locks());
    for (int value = -1; value < 6; value++) { SHOW(set(SO_BUF_LOCK, value)); SHOW(locks()); }
    SHOW(setsockopt(s, SOL_SOCKET, SO_BUF_LOCK, "x", 1)); SHOW(set(SO_BUF_LOCK, 0)); SHOW(locks()); close(s);
  }
  return 0;
}
