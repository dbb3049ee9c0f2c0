#include "abi.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
/* Whose peer went with what was not read: where the error stands among what waits. */
int main(void) {
  static const int TYPES[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
  for (int k = 0; k < 3; k++) {
    char b[10]; int q[2], e; socklen_t l = sizeof e; SHOW(socketpair(AF_UNIX, TYPES[k], 0, q)); send(q[0], "x", 1, 0); send(q[1], "y", 1, 0); close(q[1]); struct pollfd p = {q[0], POLLIN | POLLOUT, 0}; SHOW(poll(&p, 1, 0)); SHOW(p.revents);
    SHOW(recv(q[0], b, 10, MSG_DONTWAIT)); SHOW(recv(q[0], b, 10, MSG_DONTWAIT)); SHOW(recv(q[0], b, 10, MSG_DONTWAIT)); SHOW(send(q[0], "z", 1, MSG_NOSIGNAL)); SHOW(send(q[0], "z", 1, MSG_NOSIGNAL)); close(q[0]);
    socketpair(AF_UNIX, TYPES[k], 0, q); send(q[0], "x", 1, 0); send(q[1], "y", 1, 0); close(q[1]); SHOW(send(q[0], "z", 1, MSG_NOSIGNAL)); SHOW(send(q[0], "z", 1, MSG_NOSIGNAL)); SHOW(recv(q[0], b, 10, MSG_DONTWAIT)); SHOW(getsockopt(q[0], SOL_SOCKET, SO_ERROR, &e, &l)); SHOW(e); close(q[0]);
    socketpair(AF_UNIX, TYPES[k], 0, q); send(q[0], "x", 1, 0); shutdown(q[0], SHUT_WR); close(q[1]); SHOW(send(q[0], "z", 1, MSG_NOSIGNAL)); SHOW(recv(q[0], b, 10, MSG_PEEK | MSG_DONTWAIT)); SHOW(recv(q[0], b, 10, MSG_DONTWAIT)); close(q[0]);
  }
  /* One of a pair that leaves the other, and takes another. */
  for (int k = 0; k < 2; k++) {
    char b[10]; int q[2], other = socket(AF_UNIX, SOCK_DGRAM, 0); struct sockaddr_un a = {AF_UNIX, ""}, none = {AF_UNSPEC, ""}; socklen_t l = sizeof a; SHOW(bind(other, (void *)&a, sizeof(sa_family_t))); SHOW(getsockname(other, (void *)&a, &l)); socketpair(AF_UNIX, SOCK_DGRAM, 0, q); send(q[0], "x", 1, 0); send(q[1], "y", 1, 0);
    SHOW(k ? connect(q[0], (void *)&none, sizeof none) : connect(q[0], (void *)&a, l)); struct pollfd p = {q[1], POLLIN | POLLOUT, 0}; SHOW(poll(&p, 1, 0)); SHOW(p.revents); SHOW(recv(q[0], b, 10, MSG_DONTWAIT)); SHOW(send(q[1], "z", 1, 0)); SHOW(send(q[1], "z", 1, 0)); SHOW(recv(q[1], b, 10, MSG_DONTWAIT)); SHOW(recv(q[0], b, 10, MSG_DONTWAIT)); SHOW(send(q[0], "w", 1, 0)); SHOW(recv(other, b, 10, MSG_DONTWAIT)); close(q[0]); close(q[1]); close(other);
  }
  return 0;
}
