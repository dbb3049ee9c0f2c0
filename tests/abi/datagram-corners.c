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

/* IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR. */
static void destinations(void) {
  for (int family = AF_INET; family <= AF_INET6; family += AF_INET6 - AF_INET) for (int v4 = 0; v4 < 2; v4++) {
    if (family == AF_INET && v4) continue;
    int s = socket(family, SOCK_DGRAM, 0), c = socket(v4 ? AF_INET : family, SOCK_DGRAM, 0), on = 1; struct sockaddr_in6 any = {family}, at; struct sockaddr_in *to = (void *)&at; socklen_t l = sizeof at;
    SHOW(bind(s, (void *)&any, family == AF_INET ? 16 : 28)); SHOW(getsockname(s, (void *)&at, &l)); unsigned short port = at.sin6_port; SHOW(setsockopt(s, IPPROTO_IP, 20, &on, 4)); SHOW(setsockopt(s, IPPROTO_IPV6, 74, &on, 4)); setsockopt(s, IPPROTO_IPV6, 51, &on, 4); setsockopt(s, IPPROTO_IPV6, 49, &on, 4); setsockopt(s, IPPROTO_IPV6, 66, &on, 4); l = 4; on = 0; SHOW(getsockopt(s, IPPROTO_IPV6, 74, &on, &l)); SHOW(on);
    memset(&at, 0, sizeof at); if (family == AF_INET || v4) { to->sin_family = AF_INET; to->sin_port = port; to->sin_addr.s_addr = htonl(INADDR_LOOPBACK); } else { at.sin6_family = AF_INET6; at.sin6_port = port; at.sin6_addr = in6addr_loopback; }
    SHOW(sendto(c, "x", 1, 0, (void *)&at, family == AF_INET || v4 ? 16 : 28)); char control[256], byte; struct iovec v = {&byte, 1}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control}; SHOW(recvmsg(s, &m, 0));
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) { unsigned char *b = CMSG_DATA(h); int same = memcmp(b + 2, &port, 2) == 0; printf("  %d %d, %d:", h->cmsg_level, h->cmsg_type, (int)(h->cmsg_len - CMSG_LEN(0))); b[2] = b[3] = 0; for (int i = 0; i < h->cmsg_len - CMSG_LEN(0); i++) printf(" %d", b[i]); printf(same ? ", its port\n" : ", another port\n"); }
    close(s); close(c);
  }
  fflush(stdout);
}

int main(void) { disconnected(); shut(); destinations(); return 0; }
