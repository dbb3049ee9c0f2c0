/* rtnetlink(7) for programs of the ABI suite: one request is put together at a time, and asked over `rt`. */
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
static int rt;
static struct { struct nlmsghdr h; char rest[8192]; } rt_request;
static char rt_answer[65536];

static void rt_open(void) { rt = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }
static void rt_begin(int type, int flags, const void *head, int length) {
  memset(&rt_request, 0, sizeof rt_request);
  rt_request.h = (struct nlmsghdr){NLMSG_LENGTH(length), type, NLM_F_REQUEST | NLM_F_ACK | flags};
  memcpy(rt_request.rest, head, length);
}
static void *rt_end(void) { return (char *)&rt_request + NLMSG_ALIGN(rt_request.h.nlmsg_len); }
static struct rtattr *rt_put(int type, const void *value, int length) {
  struct rtattr *a = rt_end();
  a->rta_type = type, a->rta_len = RTA_LENGTH(length);
  memcpy(RTA_DATA(a), value, length);
  rt_request.h.nlmsg_len = NLMSG_ALIGN(rt_request.h.nlmsg_len) + RTA_ALIGN(a->rta_len);
  return a;
}
static void rt_close(struct rtattr *a) { a->rta_len = (char *)rt_end() - (char *)a; }
static void rt_number(int type, unsigned value) { rt_put(type, &value, 4); }
static void rt_text(int type, const char *text) { rt_put(type, text, strlen(text) + 1); }
static int rt_family(const char *ip) { return strchr(ip, ':') ? AF_INET6 : AF_INET; }
static void rt_ip(int type, const char *ip) {
  char b[16];
  inet_pton(rt_family(ip), ip, b);
  rt_put(type, b, rt_family(ip) == AF_INET ? 4 : 16);
}
/* 0, or -1 and errno; the first answer is in rt_answer. */
static int rt_ask(void) {
  struct sockaddr_nl kernel = {AF_NETLINK};
  if (sendto(rt, &rt_request, rt_request.h.nlmsg_len, 0, (void *)&kernel, sizeof kernel) < 0) return -1;
  if (recv(rt, rt_answer, sizeof rt_answer, 0) < 0) return -1;
  struct nlmsghdr *h = (void *)rt_answer;
  errno = h->nlmsg_type == NLMSG_ERROR ? -((struct nlmsgerr *)NLMSG_DATA(h))->error : 0;
  return errno ? -1 : 0;
}
/* Each message of a dump, until its end. */
static void rt_dump(void (*each)(struct nlmsghdr *)) {
  struct sockaddr_nl kernel = {AF_NETLINK};
  rt_request.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  sendto(rt, &rt_request, rt_request.h.nlmsg_len, 0, (void *)&kernel, sizeof kernel);
  for (;;) {
    int n = recv(rt, rt_answer, sizeof rt_answer, 0);
    for (struct nlmsghdr *h = (void *)rt_answer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
      if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) return;
      each(h);
    }
  }
}
static int rt_network(void) { return open("/proc/thread-self/ns/net", O_RDONLY); }
/* `ip link add ONE type veth peer name OTHER`, in the network of a descriptor or, with -1, in this one. */
static int rt_pair(const char *one, const char *other, int network) {
  struct ifinfomsg i = {0};
  rt_begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i);
  rt_text(IFLA_IFNAME, one);
  struct rtattr *info = rt_put(IFLA_LINKINFO, "", 0);
  rt_text(IFLA_INFO_KIND, "veth");
  struct rtattr *data = rt_put(IFLA_INFO_DATA, "", 0), *peer = rt_put(VETH_INFO_PEER, &i, sizeof i);
  rt_text(IFLA_IFNAME, other);
  if (network >= 0) rt_number(IFLA_NET_NS_FD, network);
  rt_close(peer), rt_close(data), rt_close(info);
  return rt_ask();
}
static int rt_set(const char *name, int up) {
  struct ifinfomsg i = {.ifi_index = if_nametoindex(name), .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP};
  rt_begin(RTM_NEWLINK, 0, &i, sizeof i);
  return rt_ask();
}
static int rt_remove(const char *name) {
  struct ifinfomsg i = {.ifi_index = if_nametoindex(name)};
  rt_begin(RTM_DELLINK, 0, &i, sizeof i);
  return rt_ask();
}
static int rt_address(const char *name, const char *ip, int bits) {
  struct ifaddrmsg i = {rt_family(ip), bits, IFA_F_NODAD, 0, if_nametoindex(name)};
  rt_begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i);
  rt_ip(IFA_LOCAL, ip);
  return rt_ask();
}
static int rt_write(const char *path, const char *text) {
  int fd = open(path, O_WRONLY), n = fd < 0 ? -1 : write(fd, text, strlen(text)), e = errno;
  if (fd >= 0) close(fd);
  errno = e;
  return n < 0 ? -1 : 0;
}
