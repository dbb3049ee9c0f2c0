#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Datagrams at the edges: shut down for reading, connected to nowhere, and disconnected again. */
static struct sockaddr_in at(unsigned address, int port) { return (struct sockaddr_in){AF_INET, htons(port), {htonl(address)}}; }
static int portOf(int fd) { struct sockaddr_in got; socklen_t size = sizeof got; getsockname(fd, (void *)&got, &size); return ntohs(got.sin_port); }
static void names(const char *when, int fd) {
  struct sockaddr_in got; socklen_t size = sizeof got; char text[32];
  getsockname(fd, (void *)&got, &size); printf("  %s: %s%s", when, inet_ntop(AF_INET, &got.sin_addr, text, 32), got.sin_port ? "" : " no port");
  size = sizeof got; if (getpeername(fd, (void *)&got, &size) < 0) printf(", %s\n", name_of(errno)); else printf(", with %s%s\n", inet_ntop(AF_INET, &got.sin_addr, text, 32), got.sin_port ? "" : " no port");
}
#define TO(fd, address, port) ({ struct sockaddr_in to_ = at(address, port); connect(fd, (void *)&to_, sizeof to_); })
#define ON(fd, address, port) ({ struct sockaddr_in to_ = at(address, port); bind(fd, (void *)&to_, sizeof to_); })
static int nowhere(int fd) { struct sockaddr to = {AF_UNSPEC}; return connect(fd, &to, sizeof to); }

static void disconnected(void) {
  printf("- connected and not\n"); int fd = socket(AF_INET, SOCK_DGRAM, 0); names("new", fd);
  SHOW(TO(fd, INADDR_ANY, 0)); names("to any, no port", fd); SHOW(send(fd, "x", 1, 0)); SHOW(nowhere(fd)); names("and back", fd);
  SHOW(TO(fd, INADDR_ANY, 4321)); names("to any", fd); SHOW(nowhere(fd)); names("and back", fd); SHOW(TO(fd, INADDR_LOOPBACK, 0)); names("to no port", fd); SHOW(send(fd, "x", 1, 0)); close(fd);
  fd = socket(AF_INET, SOCK_DGRAM, 0); SHOW(ON(fd, INADDR_ANY, 0)); names("bound to any", fd); SHOW(TO(fd, INADDR_LOOPBACK, 4321)); names("connected", fd); SHOW(nowhere(fd)); names("and back", fd); close(fd);
  fd = socket(AF_INET, SOCK_DGRAM, 0); SHOW(ON(fd, INADDR_LOOPBACK, 0)); SHOW(TO(fd, INADDR_LOOPBACK, 4321)); SHOW(nowhere(fd)); SHOW(TO(fd, INADDR_LOOPBACK, 4321)); SHOW(TO(fd, INADDR_LOOPBACK, 0)); names("connected anew to no port", fd); close(fd);
  fd = socket(AF_INET, SOCK_DGRAM, 0); SHOW(TO(fd, INADDR_LOOPBACK, 4321)); names("not bound", fd); SHOW(nowhere(fd)); names("and back", fd); SHOW(nowhere(fd)); close(fd);
}

static void shut(void) {
  printf("- shut down for reading\n"); int to = socket(AF_INET, SOCK_DGRAM, 0), from = socket(AF_INET, SOCK_DGRAM, 0); char bytes[8]; struct pollfd poller = {to, POLLIN | POLLRDHUP};
  ON(to, INADDR_LOOPBACK, 0); TO(from, INADDR_LOOPBACK, portOf(to)); SHOW(shutdown(to, SHUT_RD)); TO(to, INADDR_LOOPBACK, portOf(from));
  SHOW(shutdown(to, SHUT_RD)); SHOW(recv(to, bytes, 8, MSG_DONTWAIT)); SHOW(poll(&poller, 1, 0)); SHOW(poller.revents); SHOW(recv(to, bytes, 8, 0));
  send(from, "abc", 3, 0); SHOW(recv(to, bytes, 8, MSG_DONTWAIT)); SHOW(recv(to, bytes, 8, MSG_DONTWAIT)); send(from, "abc", 3, 0); fcntl(to, F_SETFL, O_NONBLOCK); SHOW(recv(to, bytes, 8, 0)); SHOW(recv(to, bytes, 8, 0));
  SHOW(shutdown(to, SHUT_WR)); SHOW(shutdown(to, SHUT_RDWR)); SHOW(recv(to, bytes, 8, 0)); signal(SIGPIPE, SIG_IGN); SHOW(send(to, "x", 1, 0)); TO(to, INADDR_LOOPBACK, portOf(from)); SHOW(send(to, "x", 1, 0)); SHOW(recv(to, bytes, 8, 0));
}

int main(void) { disconnected(); shut(); return 0; }
