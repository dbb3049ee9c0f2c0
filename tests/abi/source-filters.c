#include "abi.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Whose datagrams to a group are heard, said and asked at once: IP_MSFILTER, MCAST_MSFILTER (RFC 3678). */

static int u, six, sender; static struct sockaddr_in group; static unsigned lo;
static union { struct ip_msfilter f; char room[2000]; } old;
static union { struct group_filter f; char room[20000]; } any;
static long joins(int option) { struct ip_mreq r = {{inet_addr("239.1.2.3")}, {htonl(INADDR_LOOPBACK)}}; return setsockopt(u, IPPROTO_IP, option, &r, sizeof r); }
static int hears(void) { char c; sendto(sender, "x", 1, 0, (void *)&group, sizeof group); return recv(u, &c, 1, MSG_DONTWAIT) == 1; }
static long set_old(const char *name, const char *by, unsigned mode, unsigned count, const char *one, int length) {
  memset(&old, 0, sizeof old); old.f.imsf_multiaddr.s_addr = inet_addr(name); old.f.imsf_interface.s_addr = inet_addr(by); old.f.imsf_fmode = mode; old.f.imsf_numsrc = count;
  struct in_addr *list = (void *)(old.room + 16); for (unsigned each = 0; each < count && each < 400; each++) list[each].s_addr = htonl(ntohl(inet_addr(one)) + each);
  return setsockopt(u, IPPROTO_IP, IP_MSFILTER, &old, length < 0 ? (int)(16 + 4 * count) : length);
}
static void get_old(const char *by, unsigned room, int length) {
  memset(&old, 0xee, sizeof old); old.f.imsf_multiaddr.s_addr = inet_addr("239.1.2.3"); old.f.imsf_interface.s_addr = inet_addr(by); old.f.imsf_numsrc = room; socklen_t n = length < 0 ? 16 + 4 * room : (unsigned)length;
  errno = 0; int got = getsockopt(u, IPPROTO_IP, IP_MSFILTER, &old, &n); struct in_addr *list = (void *)(old.room + 16);
  if (got < 0) printf("old: %s\n", name_of(errno)); else { printf("old: mode %u, %u sources, %u bytes", old.f.imsf_fmode, old.f.imsf_numsrc, n); for (unsigned each = 0; each < room && each < old.f.imsf_numsrc; each++) printf(" %s", inet_ntoa(list[each])); puts(""); }
}
static void place(struct sockaddr_storage *at, int family, const char *name) {
  if (family == AF_INET) { struct sockaddr_in *p = (void *)at; p->sin_family = family; inet_pton(family, name, &p->sin_addr); } else { struct sockaddr_in6 *p = (void *)at; p->sin6_family = family; inet_pton(AF_INET6, name, &p->sin6_addr); }
}
static long set_any(int fd, int level, unsigned by, int family, const char *name, unsigned mode, unsigned count, const char *one, int length) {
  memset(&any, 0, sizeof any); any.f.gf_interface = by; place(&any.f.gf_group, family, name); any.f.gf_fmode = mode; any.f.gf_numsrc = count;
  struct sockaddr_storage *list = (void *)(any.room + 144); for (unsigned each = 0; each < count && each < 100; each++) { place(&list[each], family, one); if (family == AF_INET) ((struct sockaddr_in *)&list[each])->sin_addr.s_addr += htonl(each); else ((struct sockaddr_in6 *)&list[each])->sin6_addr.s6_addr[15] += each; }
  return setsockopt(fd, level, MCAST_MSFILTER, &any, length < 0 ? (int)(144 + 128 * count) : length);
}
static void get_any(int fd, int level, unsigned by, int family, const char *name, unsigned room, int length) {
  memset(&any, 0, sizeof any); any.f.gf_interface = by; place(&any.f.gf_group, family, name); any.f.gf_numsrc = room; socklen_t n = length < 0 ? 144 + 128 * room : (unsigned)length;
  errno = 0; int got = getsockopt(fd, level, MCAST_MSFILTER, &any, &n); struct sockaddr_storage *list = (void *)(any.room + 144); char text[64];
  if (got < 0) printf("any: %s\n", name_of(errno)); else { printf("any: mode %u, %u sources, %u bytes", any.f.gf_fmode, any.f.gf_numsrc, n); for (unsigned each = 0; each < room && each < any.f.gf_numsrc; each++) printf(" %d/%s", list[each].ss_family, list[each].ss_family == AF_INET ? inet_ntoa(((struct sockaddr_in *)&list[each])->sin_addr) : inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&list[each])->sin6_addr, text, sizeof text)); puts(""); }
}
static long join_any(int fd, int level, int option, int family, const char *name) { struct group_req r = {.gr_interface = lo}; place(&r.gr_group, family, name); return setsockopt(fd, level, option, &r, sizeof r); }

int main(void) {
  struct in_addr at = {htonl(INADDR_LOOPBACK)}; int off = 0; socklen_t n = sizeof group; lo = if_nametoindex("lo"); u = socket(AF_INET, SOCK_DGRAM, 0); six = socket(AF_INET6, SOCK_DGRAM, 0); sender = socket(AF_INET, SOCK_DGRAM, 0); group.sin_family = AF_INET; bind(u, (void *)&group, sizeof group); getsockname(u, (void *)&group, &n); group.sin_addr.s_addr = inet_addr("239.1.2.3");
  setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &at, sizeof at); setsockopt(u, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off);
  printf("- without a membership\n"); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_INCLUDE, 1, "127.0.0.1", -1)); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_INCLUDE, 0, "", -1)); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_EXCLUDE, 0, "", -1)); get_old("127.0.0.1", 5, -1); get_any(u, IPPROTO_IP, lo, AF_INET, "239.1.2.3", 5, -1);
  SHOW(joins(IP_ADD_MEMBERSHIP)); get_old("127.0.0.1", 5, -1); SHOW(hears());
  printf("- set\n"); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_INCLUDE, 2, "127.0.0.8", -1)); SHOW(hears()); get_old("127.0.0.1", 5, -1); get_old("127.0.0.1", 1, -1); get_old("127.0.0.1", 0, -1); get_old("127.0.0.1", 5, 24); get_old("127.0.0.1", 5, 15); get_old("10.254.254.254", 5, -1); get_any(u, IPPROTO_IP, lo, AF_INET, "239.1.2.3", 5, -1);
  SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_INCLUDE, 1, "127.0.0.1", -1)); SHOW(hears()); get_old("127.0.0.1", 5, -1); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_EXCLUDE, 1, "127.0.0.1", -1)); SHOW(hears()); get_old("127.0.0.1", 5, -1); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_EXCLUDE, 0, "", -1)); SHOW(hears()); get_old("127.0.0.1", 5, -1);
  printf("- refused\n"); SHOW(set_old("239.1.2.3", "127.0.0.1", 2, 1, "127.0.0.1", -1)); SHOW(set_old("127.1.2.3", "127.0.0.1", MCAST_INCLUDE, 1, "127.0.0.1", -1)); SHOW(set_old("239.1.2.3", "10.254.254.254", MCAST_INCLUDE, 1, "127.0.0.1", -1)); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_INCLUDE, 11, "127.0.0.1", -1)); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_INCLUDE, 2, "127.0.0.1", 20)); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_INCLUDE, 2, "127.0.0.1", 12)); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_INCLUDE, 0x40000000, "127.0.0.1", 100)); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_INCLUDE, 10, "127.0.0.1", -1)); get_old("127.0.0.1", 12, -1);
  printf("- left\n"); SHOW(set_old("239.1.2.3", "127.0.0.1", MCAST_INCLUDE, 0, "", -1)); SHOW(hears()); SHOW(joins(IP_DROP_MEMBERSHIP)); get_old("127.0.0.1", 5, -1);
  printf("- of both families\n"); SHOW(set_any(u, IPPROTO_IP, lo, AF_INET, "239.1.2.3", MCAST_INCLUDE, 1, "127.0.0.1", -1)); SHOW(join_any(u, IPPROTO_IP, MCAST_JOIN_GROUP, AF_INET, "239.1.2.3")); SHOW(set_any(u, IPPROTO_IP, lo, AF_INET, "239.1.2.3", MCAST_INCLUDE, 2, "127.0.0.1", -1)); SHOW(hears()); get_any(u, IPPROTO_IP, lo, AF_INET, "239.1.2.3", 5, -1); get_any(u, IPPROTO_IP, lo, AF_INET, "239.1.2.3", 1, -1); get_any(u, IPPROTO_IP, 4711, AF_INET, "239.1.2.3", 1, -1); get_any(u, IPPROTO_IP, lo, AF_INET6, "ff02::1:5", 1, -1); get_any(u, IPPROTO_IP, lo, AF_INET, "127.1.2.3", 1, -1); get_any(u, IPPROTO_IP, lo, AF_INET, "239.1.2.3", 1, 143);
  SHOW(set_any(u, IPPROTO_IP, lo, AF_INET6, "ff02::1:5", MCAST_INCLUDE, 1, "::1", -1)); SHOW(set_any(u, IPPROTO_IP, 4711, AF_INET, "239.1.2.3", MCAST_INCLUDE, 1, "127.0.0.1", -1)); SHOW(set_any(u, IPPROTO_IP, lo, AF_INET, "239.1.2.3", MCAST_INCLUDE, 11, "127.0.0.1", -1)); SHOW(set_any(u, IPPROTO_IP, lo, AF_INET, "239.1.2.3", MCAST_INCLUDE, 2, "127.0.0.1", 272)); SHOW(set_any(u, IPPROTO_IP, lo, AF_INET, "239.1.2.3", 7, 0, "", -1)); SHOW(set_any(u, IPPROTO_IP, lo, AF_INET, "239.1.2.3", MCAST_INCLUDE, 0, "", -1)); SHOW(join_any(u, IPPROTO_IP, MCAST_LEAVE_GROUP, AF_INET, "239.1.2.3"));
  printf("- of IPv6\n"); SHOW(set_any(six, IPPROTO_IPV6, lo, AF_INET6, "ff02::1:5", MCAST_EXCLUDE, 1, "::1", -1)); SHOW(join_any(six, IPPROTO_IPV6, MCAST_JOIN_GROUP, AF_INET6, "ff02::1:5")); get_any(six, IPPROTO_IPV6, lo, AF_INET6, "ff02::1:5", 3, -1); SHOW(set_any(six, IPPROTO_IPV6, lo, AF_INET6, "ff02::1:5", MCAST_EXCLUDE, 2, "fe80::1", -1)); get_any(six, IPPROTO_IPV6, lo, AF_INET6, "ff02::1:5", 3, -1); SHOW(set_any(six, IPPROTO_IPV6, lo, AF_INET6, "ff02::1:5", MCAST_INCLUDE, 20, "fe80::1", -1)); get_any(six, IPPROTO_IPV6, lo, AF_INET6, "ff02::1:5", 1, -1); SHOW(set_any(six, IPPROTO_IPV6, lo, AF_INET6, "ff02::1:5", MCAST_INCLUDE, 64, "fe80::1", -1)); SHOW(set_any(six, IPPROTO_IPV6, lo, AF_INET6, "ff02::1:5", MCAST_INCLUDE, 65, "fe80::1", -1)); SHOW(set_any(six, IPPROTO_IPV6, lo, AF_INET6, "fe80::1:5", MCAST_INCLUDE, 1, "fe80::1", -1)); SHOW(set_any(six, IPPROTO_IPV6, 4711, AF_INET6, "ff02::1:5", MCAST_INCLUDE, 1, "fe80::1", -1)); SHOW(set_any(six, IPPROTO_IPV6, lo, AF_INET6, "ff02::1:5", MCAST_INCLUDE, 0, "", -1)); get_any(six, IPPROTO_IPV6, lo, AF_INET6, "ff02::1:5", 3, -1);
  return 0;
}
