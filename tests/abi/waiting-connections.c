/* Connections that are over wait, in /proc/net/tcp and tcp6 and in what sock_diag(7) tells. */
#include "abi.h"
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int client, server, port, peer_port;

static int port_of(int fd) {
  struct sockaddr_in6 name;
  socklen_t length = sizeof name;
  getsockname(fd, (void *)&name, &length);
  return ntohs(name.sin6_port);
}

static void connect_pair(int family, int mapped) {
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (mapped) inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr);
  void *name = family == AF_INET ? (void *)&four : (void *)&six;
  socklen_t length = family == AF_INET ? sizeof four : sizeof six;
  int listener = socket(family, SOCK_STREAM, 0);
  bind(listener, name, length);
  listen(listener, 1);
  getsockname(listener, name, &length);
  client = socket(family, SOCK_STREAM, 0);
  if (connect(client, name, length) < 0) exit(1);
  server = accept(listener, NULL, NULL);
  close(listener);
  port = port_of(client), peer_port = port_of(server);
}

/* Rows of a file whose own end is the port; the timer within a second of what it began with. */
static void rows(const char *path, int own) {
  FILE *file = fopen(path, "r");
  char line[300], local[40], remote[40], rest[200];
  while (fgets(line, sizeof line, file)) {
    unsigned from, to, state, sending, receiving, timer, uid_at = 0;
    unsigned long ticks;
    if (sscanf(line, " %*d: %39[0-9A-F]:%x %39[0-9A-F]:%x %x %x:%x %x:%lx %n", local, &from, remote, &to, &state,
               &sending, &receiving, &timer, &ticks, &uid_at) < 9) continue;
    if (from != own || to != (own == port ? peer_port : port)) continue;
    /* Of one whose other side has ended, Linux counts that end as a byte. */
    if (state == 8) receiving = 0;
    snprintf(rest, sizeof rest, "%s", line + uid_at);
    rest[strcspn(rest, "\n")] = 0;
    /* References and an address of the kernel, which may be hidden. */
    printf("%s: %s %s, state %02X, queues %x %x, timer %02x %s", path, local, remote, state, sending,
           receiving, timer, timer != 3 ? "-" : ticks > 5900 && ticks <= 6000 ? "a minute" : "another");
    if (timer == 3) printf(", %.30s, length %zu", rest, strlen(line));
    printf("\n");
  }
  fclose(file);
}

static void diagnosis(int family, int own, int states) {
  struct { struct nlmsghdr h; struct inet_diag_req_v2 r; } q = {
      {sizeof q, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0},
      {family, IPPROTO_TCP, 1 << (INET_DIAG_SKMEMINFO - 1), 0, states}};
  int n = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG), done = 0;
  static char buffer[1 << 16];
  if (send(n, &q, sizeof q, 0) < 0) exit(1);
  while (!done) {
    int length = recv(n, buffer, sizeof buffer, 0);
    if (length <= 0) exit(1);
    for (struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length)) {
      if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) { done = 1; break; }
      struct inet_diag_msg *m = NLMSG_DATA(h);
      if (ntohs(m->id.idiag_sport) != own || ntohs(m->id.idiag_dport) != (own == port ? peer_port : port)) continue;
      if (m->idiag_state == 8) m->idiag_rqueue = 0;
      printf("told: family %d, state %d, timer %d, %d retransmissions, %s, inode %s, uid %u, queues %u %u",
             m->idiag_family, m->idiag_state, m->idiag_timer, m->idiag_retrans,
             m->idiag_expires == 0 ? "no time" : m->idiag_expires > 59000 && m->idiag_expires <= 60000 ? "a minute" : "another time",
             m->idiag_inode ? "some" : "0", m->idiag_uid, m->idiag_rqueue, m->idiag_wqueue);
      printf(", address %08x %08x %08x %08x, to %08x", ntohl(m->id.idiag_src[0]), ntohl(m->id.idiag_src[1]),
             ntohl(m->id.idiag_src[2]), ntohl(m->id.idiag_src[3]), ntohl(m->id.idiag_dst[3]));
      printf("\n");
    }
  }
  close(n);
}

static void all(const char *what, int family, int own) {
  usleep(200000);
  printf("%s\n", what);
  rows("/proc/net/tcp", own);
  rows("/proc/net/tcp6", own);
  diagnosis(family, own, -1);
}

static void end(const char *what, int family, int mapped) {
  printf("-- %s\n", what);
  connect_pair(family, mapped);
  all("a client", family, port);
  close(client);
  all("a client that has ended", family, port);
  all("its server", family, peer_port);
  close(server);
  all("both have ended: the client", family, port);
  all("the server", family, peer_port);
  printf("those in FIN_WAIT2:\n");
  diagnosis(family, port, 1 << 5);
  printf("those in TIME_WAIT:\n");
  diagnosis(family, port, 1 << 6);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  end("IPv4", AF_INET, 0);
  end("IPv6", AF_INET6, 0);
  end("IPv4 by IPv6", AF_INET6, 1);
  return 0;
}
