/* Alternative names of interfaces, as `ip link property` gives them: by what they are found, and who tells of them. */
#include "abi.h"
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int n;
static char buffer[1 << 16];
/* Sends a request for an interface, by index or name, with names in a list. Returns the error. */
static int ask(int type, int flags, int index, int by, const char *name, int kind, const char **names, int count) {
  memset(buffer, 0, 8192);
  struct nlmsghdr *h = (void *)buffer; struct ifinfomsg *m = NLMSG_DATA(h); h->nlmsg_type = type; h->nlmsg_flags = NLM_F_REQUEST | flags; h->nlmsg_len = NLMSG_LENGTH(sizeof *m); m->ifi_index = index;
  if (name) { struct rtattr *a = (void *)(buffer + NLMSG_ALIGN(h->nlmsg_len)); a->rta_type = by; a->rta_len = RTA_LENGTH(strlen(name) + 1); strcpy(RTA_DATA(a), name); h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_ALIGN(a->rta_len); }
  if (count) {
    struct rtattr *list = (void *)(buffer + NLMSG_ALIGN(h->nlmsg_len)); list->rta_type = IFLA_PROP_LIST | NLA_F_NESTED; list->rta_len = RTA_LENGTH(0);
    for (int i = 0; i < count; i++) { struct rtattr *a = (void *)((char *)list + RTA_ALIGN(list->rta_len)); a->rta_type = kind; a->rta_len = RTA_LENGTH(strlen(names[i]) + 1); strcpy(RTA_DATA(a), names[i]); list->rta_len = RTA_ALIGN(list->rta_len) + RTA_ALIGN(a->rta_len); }
    h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_ALIGN(list->rta_len);
  }
  send(n, buffer, h->nlmsg_len, 0);
  return recv(n, buffer, sizeof buffer, 0);
}
static void change(const char *what, int type, int index, int by, const char *name, int kind, const char **names, int count) {
  ask(type, NLM_F_ACK, index, by, name, kind, names, count);
  struct nlmsgerr *e = NLMSG_DATA((struct nlmsghdr *)buffer); printf("%s: %s\n", what, e->error ? name_of(-e->error) : "0"); fflush(stdout);
}
static void tell(int index, int by, const char *name) {
  int length = ask(RTM_GETLINK, 0, index, by, name, 0, NULL, 0); struct nlmsghdr *h = (void *)buffer;
  if (h->nlmsg_type == NLMSG_ERROR) { printf("  told: %s\n", name_of(-((struct nlmsgerr *)NLMSG_DATA(h))->error)); fflush(stdout); return; }
  struct ifinfomsg *m = NLMSG_DATA(h); int left = h->nlmsg_len - NLMSG_LENGTH(sizeof *m); (void)length;
  for (struct rtattr *a = IFLA_RTA(m); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    if (a->rta_type == IFLA_IFNAME) printf("  told: %s", (char *)RTA_DATA(a));
    if ((a->rta_type & NLA_TYPE_MASK) == IFLA_PROP_LIST) { printf(" %s", a->rta_type & NLA_F_NESTED ? "nested" : ""); int in = RTA_PAYLOAD(a); for (struct rtattr *b = RTA_DATA(a); RTA_OK(b, in); b = RTA_NEXT(b, in)) printf(" [%d %.20s]", b->rta_type, (char *)RTA_DATA(b)); }
  }
  printf("\n"); fflush(stdout);
}

int main(void) {
  SHOW(unshare(CLONE_NEWNET)); n = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  const char *two[] = {"other", "a-name-that-is-longer-than-fifteen"}, *third[] = {"third"}, *own[] = {"lo"}, *again[] = {"fourth", "third"}, *odd[] = {"has/a slash:"};
  tell(1, 0, NULL);
  change("two names", RTM_NEWLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, two, 2); tell(1, 0, NULL);
  change("once more", RTM_NEWLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, two, 1); change("its own", RTM_NEWLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, own, 1);
  change("by a name", RTM_NEWLINKPROP, 0, IFLA_IFNAME, "lo", IFLA_ALT_IFNAME, third, 1); change("a new and an old one", RTM_NEWLINKPROP, 0, IFLA_ALT_IFNAME, "other", IFLA_ALT_IFNAME, again, 2); tell(1, 0, NULL);
  change("odd letters", RTM_NEWLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, odd, 1); change("and back", RTM_DELLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, odd, 1);
  change("no list", RTM_NEWLINKPROP, 1, 0, NULL, 0, NULL, 0); change("another property", RTM_NEWLINKPROP, 1, 0, NULL, 77, third, 1); change("of nothing", RTM_NEWLINKPROP, 0, 0, NULL, IFLA_ALT_IFNAME, third, 1); change("of none", RTM_NEWLINKPROP, 99, 0, NULL, IFLA_ALT_IFNAME, third, 1); change("of none by name", RTM_NEWLINKPROP, 0, IFLA_IFNAME, "nobody", IFLA_ALT_IFNAME, third, 1);
  char longest[127 + 1], longer[128 + 1]; memset(longest, 'x', 127); longest[127] = 0; memset(longer, 'y', 128); longer[128] = 0; const char *l1[] = {longest}, *l2[] = {longer};
  change("127 letters", RTM_NEWLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, l1, 1); change("128 letters", RTM_NEWLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, l2, 1); change("127 go", RTM_DELLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, l1, 1);
  /* Found by them. */
  tell(0, IFLA_IFNAME, "other"); tell(0, IFLA_ALT_IFNAME, two[1]); tell(0, IFLA_ALT_IFNAME, "lo"); tell(0, IFLA_IFNAME, "nobody");
  int s = socket(AF_INET, SOCK_DGRAM, 0); struct ifreq r = {0}; strcpy(r.ifr_name, "other"); SHOW(ioctl(s, SIOCGIFINDEX, &r)); SHOW(r.ifr_ifindex); strcpy(r.ifr_name, "third"); SHOW(ioctl(s, SIOCGIFMTU, &r)); printf("%s\n", r.ifr_name); r.ifr_ifindex = 1; SHOW(ioctl(s, SIOCGIFNAME, &r)); printf("%s\n", r.ifr_name);
  SHOW(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "third", 5)); char name[IFNAMSIZ] = ""; socklen_t size = sizeof name; SHOW(getsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, name, &size)); printf("%s\n", name);
  SHOW(access("/proc/sys/net/ipv4/conf/lo", F_OK)); SHOW(access("/proc/sys/net/ipv4/conf/other", F_OK));
  strcpy(r.ifr_name, "other"); SHOW(ioctl(s, SIOCGIFFLAGS, &r)); r.ifr_flags |= IFF_UP; SHOW(ioctl(s, SIOCSIFFLAGS, &r));
  change("lo goes", RTM_DELLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, own, 1); change("two go", RTM_DELLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, two, 2); change("once more", RTM_DELLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, two, 2); tell(1, 0, NULL);
  fflush(stdout); if (fork() == 0) { setuid(1000); n = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); change("by anybody", RTM_NEWLINKPROP, 1, 0, NULL, IFLA_ALT_IFNAME, two, 1); _exit(0); } wait(NULL);
  return 0;
}
