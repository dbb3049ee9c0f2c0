#include "abi.h"
#include <sys/ioctl.h>
#include "rtnetlink.h"

/* Aliases of interfaces ("lo:1", as ifconfig(8) has them) are labels of addresses of IPv4: by ioctl and by netlink. */

static int u, heard;
static struct ifreq r;
static void ip_in(const char *ip) { struct sockaddr_in *a = (void *)&r.ifr_addr; a->sin_family = AF_INET; inet_pton(AF_INET, ip, &a->sin_addr); }
static int sets(int command, const char *name, const char *ip) { memset(&r, 0, sizeof r); strncpy(r.ifr_name, name, 16); ip_in(ip); return ioctl(u, command, &r); }
static int flags(const char *name, int value) { memset(&r, 0, sizeof r); strncpy(r.ifr_name, name, 16); r.ifr_flags = value; return ioctl(u, SIOCSIFFLAGS, &r); }
/* Asks for an address; `like`: which is meant, of several with the name. */
static void asks(int command, const char *what, const char *name, const char *like) {
  memset(&r, 0, sizeof r); strncpy(r.ifr_name, name, 16); if (like) ip_in(like);
  if (ioctl(u, command, &r)) printf("%s of %s: %s\n", what, name, name_of(errno)); else printf("%s of %s: %s (%s)\n", what, name, inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr), r.ifr_name);
}
static void all(const char *name) { asks(SIOCGIFADDR, "address", name, NULL); asks(SIOCGIFNETMASK, "mask", name, NULL); asks(SIOCGIFBRDADDR, "broadcast", name, NULL); asks(SIOCGIFDSTADDR, "destination", name, NULL); }
static int up(const char *name) { memset(&r, 0, sizeof r); strncpy(r.ifr_name, name, 16); return ioctl(u, SIOCGIFFLAGS, &r) ? -1 : r.ifr_flags & IFF_UP; }
static void line(struct nlmsghdr *h) {
  struct ifaddrmsg *i = NLMSG_DATA(h); struct rtattr *a = IFA_RTA(i); int left = IFA_PAYLOAD(h); char local[64] = "", label[64] = "-", other[64] = "", cast[64] = "-"; if (i->ifa_family != AF_INET) return;
  for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) { if (a->rta_type == IFA_LOCAL) inet_ntop(AF_INET, RTA_DATA(a), local, 64); if (a->rta_type == IFA_ADDRESS) inet_ntop(AF_INET, RTA_DATA(a), other, 64); if (a->rta_type == IFA_BROADCAST) inet_ntop(AF_INET, RTA_DATA(a), cast, 64); if (a->rta_type == IFA_LABEL) strcpy(label, RTA_DATA(a)); }
  printf("  %s %s/%d of %s cast %s label %s flags %x scope %d\n", h->nlmsg_type == RTM_DELADDR ? "gone" : h->nlmsg_pid == 0 && h->nlmsg_seq == 0 ? "there" : "has", local, i->ifa_prefixlen, other, cast, label, i->ifa_flags, i->ifa_scope);
}
static void list(void) {
  char b[16384]; long n; while ((n = recv(heard, b, sizeof b, MSG_DONTWAIT)) > 0) for (struct nlmsghdr *h = (void *)b; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) line(h);
  struct ifreq many[16]; struct ifconf c = {sizeof many, {(void *)many}}; ioctl(u, SIOCGIFCONF, &c); printf(" "); for (unsigned at = 0; at < c.ifc_len / sizeof *many; at++) printf(" %s %s", many[at].ifr_name, inet_ntoa(((struct sockaddr_in *)&many[at].ifr_addr)->sin_addr)); printf("\n");
  struct ifaddrmsg i = {AF_INET}; rt_begin(RTM_GETADDR, 0, &i, sizeof i); rt_request.h.nlmsg_seq = 1; rt_dump(line); fflush(stdout);
}
static int link_new(int index, const char *name, const char *kind) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index}; rt_begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); rt_text(IFLA_IFNAME, name); struct rtattr *a = rt_put(IFLA_LINKINFO, "", 0); rt_put(IFLA_INFO_KIND, kind, strlen(kind)); rt_close(a); return rt_ask(); }
static int address(int type, int index, const char *ip, int bits, const char *label) { struct ifaddrmsg i = {AF_INET, bits, 0, 0, index}; rt_begin(type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0, &i, sizeof i); rt_ip(IFA_LOCAL, ip); rt_ip(IFA_ADDRESS, ip); if (label) rt_text(IFA_LABEL, label); return rt_ask(); }

int main(void) {
  SHOW(unshare(CLONE_NEWNET)); rt_open(); u = socket(AF_INET, SOCK_DGRAM, 0); SHOW(link_new(7, "d0", "veth")); struct sockaddr_nl groups = {AF_NETLINK, 0, 0, RTMGRP_IPV4_IFADDR}; heard = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); SHOW(bind(heard, (void *)&groups, sizeof groups));
  SHOW(flags("lo", IFF_UP)); list(); SHOW(sets(SIOCSIFADDR, "lo:1", "127.0.0.2")); list(); all("lo"); all("lo:1"); all("lo:2"); SHOW(up("lo:1")); SHOW(up("lo:2")); SHOW(up("no:2"));
  SHOW(sets(SIOCSIFADDR, "lo:1", "127.0.0.2")); list(); SHOW(sets(SIOCSIFADDR, "lo:1", "127.5.0.3")); list(); SHOW(sets(SIOCSIFNETMASK, "lo:1", "255.255.255.0")); list(); SHOW(sets(SIOCSIFNETMASK, "lo:1", "255.0.255.0")); SHOW(sets(SIOCSIFNETMASK, "lo:3", "255.255.255.0")); SHOW(sets(SIOCSIFBRDADDR, "lo:1", "127.5.0.255")); SHOW(sets(SIOCSIFDSTADDR, "lo:1", "127.5.0.9")); list(); all("lo:1");
  SHOW(flags("lo:2", 0)); SHOW(flags("lo:1", IFF_UP)); list(); SHOW(flags("lo:1", 0)); list(); SHOW(up("lo")); SHOW(sets(SIOCSIFADDR, "no:1", "127.0.0.2")); SHOW(sets(SIOCSIFADDR, "lo:", "127.0.0.7")); SHOW(sets(SIOCSIFADDR, "lo:a:b", "127.0.0.8")); SHOW(sets(SIOCSIFADDR, ":1", "127.0.0.2")); list(); all("lo:"); SHOW(flags("lo:", 0)); SHOW(flags("lo:a:b", 0)); list();
  SHOW(sets(SIOCSIFADDR, "d0:1", "10.1.0.2")); SHOW(up("d0")); list(); SHOW(sets(SIOCSIFADDR, "d0", "10.1.0.1")); SHOW(up("d0")); list(); SHOW(sets(SIOCSIFADDR, "d0:longer:than-it", "10.3.0.1")); SHOW(sets(SIOCSIFADDR, "d0:2", "192.168.4.1")); SHOW(sets(SIOCSIFADDR, "d0:3", "224.0.0.1")); SHOW(sets(SIOCSIFADDR, "d0:3", "0.0.0.0")); SHOW(sets(SIOCSIFADDR, "d0:3", "10.1.0.2")); list(); all("d0:1"); all("d0:2");
  SHOW(sets(SIOCSIFADDR, "d0:2", "0.0.0.0")); list(); SHOW(sets(SIOCSIFDSTADDR, "d0:1", "10.9.0.9")); list(); all("d0:1"); SHOW(sets(SIOCSIFDSTADDR, "d0:1", "224.0.0.1")); SHOW(sets(SIOCSIFBRDADDR, "d0:1", "10.1.1.255")); SHOW(sets(SIOCSIFNETMASK, "d0:1", "255.255.0.0")); list(); SHOW(sets(SIOCSIFNETMASK, "d0:1", "255.255.255.255")); list();
  SHOW(address(RTM_NEWADDR, 7, "10.4.0.1", 24, "d0:x")); SHOW(address(RTM_NEWADDR, 7, "10.4.0.2", 24, "any thing")); SHOW(address(RTM_NEWADDR, 7, "10.4.0.3", 24, "")); SHOW(address(RTM_NEWADDR, 7, "10.4.0.4", 24, "sixteen-letters.")); SHOW(address(RTM_NEWADDR, 7, "10.4.0.5", 24, "fifteen-letters")); SHOW(address(RTM_NEWADDR, 7, "10.4.0.6", 24, NULL)); list(); asks(SIOCGIFADDR, "address", "d0", "10.4.0.6"); asks(SIOCGIFADDR, "address", "d0", "10.4.0.1"); asks(SIOCGIFADDR, "address", "d0:x", "10.4.0.1"); asks(SIOCGIFADDR, "address", "any thing", NULL);
  SHOW(address(RTM_DELADDR, 7, "10.4.0.2", 24, "d0:x")); SHOW(address(RTM_DELADDR, 7, "10.4.0.2", 24, "any thing")); SHOW(address(RTM_DELADDR, 7, "10.4.0.6", 24, "d0")); list();
  SHOW(flags("d0", 0)); memset(&r, 0, sizeof r); strcpy(r.ifr_name, "d0:1"); strcpy(r.ifr_newname, "other-name"); SHOW(ioctl(u, SIOCSIFNAME, &r)); list(); all("other-name"); all("d0:1"); all("other-name:1");
  return 0;
}
