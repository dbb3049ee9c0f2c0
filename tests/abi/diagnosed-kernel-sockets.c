#include "abi.h"
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <sys/socket.h>

/* Sockets of AF_NETLINK and AF_PACKET, as `ss -f netlink` and `ss -0` ask for them (sock_diag(7)). */
static int diag;
static struct { int fd; const char *name; } known[16];
static int count;

static int own(int fd, const char *name) {
  known[count].fd = fd;
  known[count++].name = name;
  return fd;
}

static const char *name_by(unsigned ino) {
  struct stat st;
  for (int at = 0; at < count; at++) {
    fstat(known[at].fd, &st);
    if (st.st_ino == ino) return known[at].name;
  }
  return ino ? "another's" : "the kernel's";
}

static char lines[64][300];
static int lines_count;

static void attributes(char *line, struct nlattr *at, int left) {
  for (; left >= (int)sizeof *at; left -= NLA_ALIGN(at->nla_len), at = (void *)((char *)at + NLA_ALIGN(at->nla_len))) {
    unsigned *words = (void *)(at + 1);
    line += sprintf(line, ", %d:", at->nla_type);
    for (int word = 0; word < (at->nla_len - 4) / 4; word++) line += sprintf(line, " %x", words[word]);
  }
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static void list(int family, int protocol, unsigned show, int flags, int size) {
  struct { struct nlmsghdr head; struct netlink_diag_req request; } message = {{16 + size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | flags, 1},
    {family, protocol, 0, 0, show, {~0u, ~0u}}};
  static char answer[65536];
  printf("family %d, protocol %d, show %x, %d bytes%s\n", family, protocol, show, size, flags ? "" : ", one");
  send(diag, &message, message.head.nlmsg_len, 0);
  lines_count = 0;
  for (int is_done = 0; !is_done;) {
    int got = recv(diag, answer, sizeof answer, 0);
    struct nlmsghdr *head = (void *)answer;
    for (; NLMSG_OK(head, got); head = NLMSG_NEXT(head, got)) {
      if (head->nlmsg_type == NLMSG_DONE || head->nlmsg_type == NLMSG_ERROR) {
        int error = *(int *)NLMSG_DATA(head);
        printf("  %s %s\n", head->nlmsg_type == NLMSG_DONE ? "done" : "error", name_of(-error));
        is_done = 1;
        continue;
      }
      char *line = lines[lines_count];
      if (family == AF_NETLINK) {
        struct netlink_diag_msg *one = NLMSG_DATA(head);
        struct sockaddr_nl name;
        /* Which of its own sockets the kernel has depends on how it was built. */
        if (one->ndiag_portid == 0) continue;
        line += sprintf(line, "%s: family %d type %d protocol %d state %d to %d group %d", name_by(one->ndiag_ino), one->ndiag_family,
                        one->ndiag_type, one->ndiag_protocol, one->ndiag_state, one->ndiag_dst_portid, one->ndiag_dst_group);
        attributes(line, (void *)(one + 1), head->nlmsg_len - NLMSG_LENGTH(sizeof *one));
      } else {
        struct packet_diag_msg *one = NLMSG_DATA(head);
        line += sprintf(line, "%s: family %d type %d number %x", name_by(one->pdiag_ino), one->pdiag_family, one->pdiag_type, one->pdiag_num);
        attributes(line, (void *)(one + 1), head->nlmsg_len - NLMSG_LENGTH(sizeof *one));
      }
      lines_count++;
    }
  }
  qsort(lines, lines_count, sizeof lines[0], by_text);
  for (int at = 0; at < lines_count; at++) printf("  %s\n", lines[at]);
}

int main(void) {
  unshare(CLONE_NEWNET);
  diag = own(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG), "who asks");
  int route = own(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "groups of routes");
  struct sockaddr_nl name = {AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_ROUTE};
  SHOW(bind(route, (void *)&name, sizeof name));
  int plain = own(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE), "plain");
  name.nl_groups = 0;
  SHOW(bind(plain, (void *)&name, sizeof name));
  int connected = own(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), "connected");
  SHOW(connect(connected, (void *)&name, sizeof name));
  own(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "unnamed");
  int cooked = own(socket(AF_PACKET, SOCK_DGRAM, 0), "cooked"), all = own(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), "all");
  int bound = own(socket(AF_PACKET, SOCK_RAW, 0), "bound");
  struct sockaddr_ll at = {AF_PACKET, htons(ETH_P_IP), 1};
  SHOW(bind(bound, (void *)&at, sizeof at));
  list(AF_NETLINK, NDIAG_PROTO_ALL, 0, NLM_F_DUMP, sizeof(struct netlink_diag_req));
  list(AF_NETLINK, NETLINK_ROUTE, NDIAG_SHOW_GROUPS, NLM_F_DUMP, sizeof(struct netlink_diag_req));
  list(AF_NETLINK, NETLINK_GENERIC, NDIAG_SHOW_GROUPS, NLM_F_DUMP, sizeof(struct netlink_diag_req));
  list(AF_NETLINK, 31, 0, NLM_F_DUMP, sizeof(struct netlink_diag_req));
  list(AF_NETLINK, NETLINK_ROUTE, 0, 0, sizeof(struct netlink_diag_req));
  list(AF_NETLINK, NETLINK_ROUTE, 0, NLM_F_DUMP, 12);
  list(AF_PACKET, 0, 0, NLM_F_DUMP, sizeof(struct packet_diag_req));
  list(AF_PACKET, 0, PACKET_SHOW_INFO, NLM_F_DUMP, sizeof(struct packet_diag_req));
  list(AF_PACKET, 3, PACKET_SHOW_INFO, NLM_F_DUMP, sizeof(struct packet_diag_req));
  list(AF_PACKET, 0, 0, 0, sizeof(struct packet_diag_req));
  list(AF_PACKET, 0, 0, NLM_F_DUMP, 12);
  return 0;
}
