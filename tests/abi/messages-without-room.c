#include "abi.h"
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
/* Memory for a part of the message alone, in `end - 4`: it is neither sent nor told in part. */
static char *end;
static void pair(int from, int to) {
  SHOW(send(from, end - 4, 10, 0)); SHOW(send(from, end, 10, 0)); SHOW(send(from, "0123456789", 10, 0)); usleep(20000); SHOW(recv(to, end - 4, 10, MSG_PEEK | MSG_DONTWAIT)); char b[100]; SHOW(recv(to, b, sizeof b, MSG_PEEK | MSG_DONTWAIT));
  struct iovec parts[2] = {{b, 3}, {end - 2, 7}}; struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2}; SHOW(recvmsg(to, &m, MSG_DONTWAIT)); parts[0].iov_base = "012"; SHOW(sendmsg(from, &m, 0)); close(from); close(to);
}
int main(void) {
  char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); mprotect(pages + 4096, 4096, PROT_NONE); end = pages + 4096;
  int q[2]; SHOW(socketpair(AF_UNIX, SOCK_DGRAM, 0, q)); pair(q[0], q[1]); SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, q)); pair(q[0], q[1]);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; socklen_t l = sizeof a; int u = socket(AF_INET, SOCK_DGRAM, 0), w = socket(AF_INET, SOCK_DGRAM, 0); SHOW(bind(u, (void *)&a, l)); getsockname(u, (void *)&a, &l); SHOW(connect(w, (void *)&a, l)); pair(w, u);
  int n = socket(AF_NETLINK, SOCK_RAW, 0); SHOW(send(n, end - 4, 20, 0)); close(n);
  return 0;
}
