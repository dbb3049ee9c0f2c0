#include "abi.h"
#include <sched.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/net_namespace.h>
#include <linux/genetlink.h>
/* Netlink from one program to others, by port and by group; numbers of network namespaces; groups of the controller. */
static int open_at(int protocol, unsigned port, unsigned groups) { int s = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, protocol); struct sockaddr_nl a = {AF_NETLINK, 0, port, groups}; if (s >= 0 && bind(s, (void *)&a, sizeof a)) printf("  bind: %s\n", name_of(errno)); return s; }
static long to(int s, unsigned port, unsigned groups, const char *text) { struct sockaddr_nl a = {AF_NETLINK, 0, port, groups}; return sendto(s, text, strlen(text), 0, (void *)&a, sizeof a); }
static void heard(const char *who, int s) { char b[64] = {0}; struct sockaddr_nl a = {0}; socklen_t l = sizeof a; long n = recvfrom(s, b, 63, 0, (void *)&a, &l); if (n < 0) printf("  %s: %s\n", who, name_of(errno)); else printf("  %s: \"%s\" from %u to groups %x\n", who, b, a.nl_pid, a.nl_groups); fflush(stdout); }
static void talk(int protocol) {
  printf("- protocol %d\n", protocol); int a = open_at(protocol, 70001, 0), b = open_at(protocol, 70002, 0), m = open_at(protocol, 70003, 2);
  SHOW(to(a, 70002, 0, "one")); heard("a", a); heard("b", b); heard("m", m); SHOW(to(a, 79999, 0, "none")); SHOW(to(a, 70001, 0, "self")); heard("a", a);
  SHOW(to(a, 0, 2, "group")); heard("a", a); heard("b", b); heard("m", m); SHOW(to(a, 0, 4, "empty")); SHOW(to(a, 70002, 2, "both")); heard("b", b); heard("m", m); SHOW(to(m, 0, 2, "own")); heard("m", m);
  struct sockaddr_nl peer = {AF_NETLINK, 0, 70002}; SHOW(connect(a, (void *)&peer, sizeof peer)); SHOW(send(a, "sent", 4, 0)); heard("b", b); SHOW(to(a, 0, 0, "kernel")); SHOW(to(b, 70001, 0, "from the peer")); heard("a", a); SHOW(to(m, 70001, 0, "from another")); heard("a", a);
  socklen_t l = sizeof peer; SHOW(getpeername(a, (void *)&peer, &l)); printf("  %u %x\n", peer.nl_pid, peer.nl_groups); SHOW(send(b, "to nobody", 9, 0));
  fflush(stdout); if (fork() == 0) { if (setresuid(65534, 65534, 65534)) _exit(1); int u = open_at(protocol, 70009, 0), g = open_at(protocol, 70010, 1); SHOW(to(u, 70002, 0, "user")); SHOW(to(u, 0, 2, "user")); heard("b", b); heard("m", m); struct sockaddr_nl p = {AF_NETLINK, 0, 70002}; SHOW(connect(u, (void *)&p, sizeof p)); _exit(0); } wait(NULL);
  close(a); close(b); close(m);
}
static int request(int s, int type, int flags, int attribute, int value, int second, int other) {
  struct { struct nlmsghdr h; struct rtgenmsg g; char pad[3]; struct { struct nlattr a; int v; } at[2]; } r = {{sizeof r, type, NLM_F_REQUEST | flags, 5, 0}, {AF_UNSPEC}}; r.at[0].a = (struct nlattr){8, attribute}; r.at[0].v = value; r.at[1].a = (struct nlattr){8, second}; r.at[1].v = other;
  if (second < 0) r.h.nlmsg_len -= 8; if (attribute < 0) r.h.nlmsg_len -= 8; struct sockaddr_nl k = {AF_NETLINK}; return sendto(s, &r, r.h.nlmsg_len, 0, (void *)&k, sizeof k);
}
static void answers(int s) {
  for (int end = 0; !end;) { char b[4096]; long n = recv(s, b, sizeof b, 0); if (n < 0) { printf("  %s\n", name_of(errno)); break; } for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
    if (h->nlmsg_type == NLMSG_ERROR) { int e = -((struct nlmsgerr *)NLMSG_DATA(h))->error; printf("  %s\n", name_of(e)); end = 1; } else if (h->nlmsg_type == NLMSG_DONE) { printf("  done\n"); end = 1; }
    else { printf("  type %d, flags %x:", h->nlmsg_type, h->nlmsg_flags); struct nlattr *a = (void *)((char *)NLMSG_DATA(h) + 4); for (long left = h->nlmsg_len - 20; left >= 8; left -= (a->nla_len + 3) & ~3, a = (void *)((char *)a + ((a->nla_len + 3) & ~3))) printf(" [%d: %d]", a->nla_type, *(int *)(a + 1)); printf("\n"); end = !(h->nlmsg_flags & NLM_F_MULTI); } } }
  fflush(stdout);
}
#define ASK(...) do { printf("%s\n", #__VA_ARGS__); request(s, __VA_ARGS__); answers(s); } while (0)
static void numbers(void) {
  int own = open("/proc/self/ns/net", O_RDONLY); fflush(stdout); int ready[2], stop[2]; pipe(ready); pipe(stop); char c;
  pid_t child = fork(); if (child == 0) { unshare(CLONE_NEWNET); write(ready[1], "x", 1); close(stop[1]); read(stop[0], &c, 1); _exit(0); } read(ready[0], &c, 1);
  char path[64]; sprintf(path, "/proc/%d/ns/net", child); int other = open(path, O_RDONLY), null = open("/dev/null", O_RDONLY), s = open_at(NETLINK_ROUTE, 0, 0); fcntl(s, F_SETFL, 0);
  ASK(RTM_GETNSID, 0, NETNSA_FD, other, -1, 0); ASK(RTM_GETNSID, 0, NETNSA_FD, own, -1, 0); ASK(RTM_GETNSID, 0, NETNSA_PID, child, -1, 0); ASK(RTM_GETNSID, 0, NETNSA_FD, null, -1, 0); ASK(RTM_GETNSID, 0, NETNSA_FD, 999, -1, 0); ASK(RTM_GETNSID, 0, NETNSA_PID, 4194305, -1, 0); ASK(RTM_GETNSID, 0, NETNSA_NSID, 3, -1, 0); ASK(RTM_GETNSID, 0, -1, 0, -1, 0); ASK(RTM_GETNSID, NLM_F_DUMP, -1, 0, -1, 0);
  ASK(RTM_NEWNSID, NLM_F_ACK, NETNSA_NSID, 7, NETNSA_FD, other); ASK(RTM_NEWNSID, NLM_F_ACK, NETNSA_NSID, 8, NETNSA_FD, other); ASK(RTM_NEWNSID, NLM_F_ACK, NETNSA_NSID, 7, NETNSA_FD, own); ASK(RTM_NEWNSID, NLM_F_ACK, NETNSA_NSID, 9, -1, 0); ASK(RTM_NEWNSID, NLM_F_ACK, NETNSA_FD, own, -1, 0); ASK(RTM_GETNSID, 0, NETNSA_FD, other, -1, 0); ASK(RTM_GETNSID, 0, NETNSA_NSID, 7, -1, 0); ASK(RTM_GETNSID, NLM_F_DUMP, -1, 0, -1, 0);
  ASK(RTM_NEWNSID, NLM_F_ACK, NETNSA_NSID, -1, NETNSA_FD, own); ASK(RTM_GETNSID, 0, NETNSA_FD, own, -1, 0); ASK(RTM_NEWNSID, NLM_F_ACK, NETNSA_NSID, 3, NETNSA_PID, child); close(stop[1]); waitpid(child, NULL, 0);
  int g = open_at(NETLINK_ROUTE, 0, 0), group = RTNLGRP_NSID; SHOW(setsockopt(g, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4)); close(g);
}
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); talk(NETLINK_USERSOCK); talk(NETLINK_KOBJECT_UEVENT); numbers();
  int s = open_at(NETLINK_GENERIC, 0, 0), group = 16; struct { struct nlmsghdr h; struct genlmsghdr g; struct nlattr a; char name[8]; } r = {{0, GENL_ID_CTRL, NLM_F_REQUEST, 1}, {CTRL_CMD_GETFAMILY, 1}, {11, CTRL_ATTR_FAMILY_NAME}, "nlctrl"}; r.h.nlmsg_len = sizeof r; struct sockaddr_nl k = {AF_NETLINK}; SHOW(sendto(s, &r, sizeof r, 0, (void *)&k, sizeof k) > 0);
  char b[4096]; long n = recv(s, b, sizeof b, 0); for (struct nlattr *a = (void *)(b + 20); (char *)a < b + n; a = (void *)((char *)a + ((a->nla_len + 3) & ~3))) { printf("  %d:", a->nla_type & 0x3fff); if (a->nla_type == CTRL_ATTR_MCAST_GROUPS || a->nla_type == CTRL_ATTR_FAMILY_NAME) for (int i = 4; i < a->nla_len; i++) printf(" %02x", ((unsigned char *)a)[i]); printf("\n"); }
  SHOW(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4)); struct sockaddr_nl a; socklen_t l = sizeof a; getsockname(s, (void *)&a, &l); printf("  %x\n", a.nl_groups);
}
