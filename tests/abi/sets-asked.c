#include "abi.h"
#include "rtnetlink.h"
#include <netinet/in.h>
/* Sets of ipset(8) as iptables asks for them: getsockopt(SOL_IP, SO_IP_SET), what it refuses, and to whom. */
enum { SO_IP_SET = 83, VERSION = 0x100, BYNAME = 6, BYINDEX = 7, FNAME = 8, CREATE = 6 << 8 | 2, SWAP = 6 << 8 | 6, DESTROY = 6 << 8 | 3 };
static int s;
static unsigned char q[64];
static int ask(unsigned op, unsigned version, const char *name, int at, socklen_t size) {
  memset(q, 0, sizeof q);
  memcpy(q, &op, 4), memcpy(q + 4, &version, 4);
  if (name) strcpy((char *)q + at, name);
  return getsockopt(s, IPPROTO_IP, SO_IP_SET, q, &size) ? -1 : (int)size;
}
static int by_name(const char *name) { return ask(BYNAME, 7, name, 8, 40) < 0 ? -1 : *(unsigned short *)(q + 8); }
static int by_family(const char *name) { return ask(FNAME, 7, name, 12, 44) < 0 ? -1 : q[8] << 16 | *(unsigned short *)(q + 12); }
static const char *by_index(int index) {
  unsigned op = BYINDEX, version = 7;
  socklen_t size = 40;
  memset(q, 0, sizeof q);
  memcpy(q, &op, 4), memcpy(q + 4, &version, 4), memcpy(q + 8, &index, 2);
  return getsockopt(s, IPPROTO_IP, SO_IP_SET, q, &size) ? name_of(errno) : (char *)q + 8;
}
static void begin(int type, const char *name) {
  rt_begin(type, 0, (char[4]){AF_INET}, 4);
  rt_put(1, "\7", 1), rt_text(2, name);
}
static int create(const char *name, const char *type, int revision, int family) {
  unsigned char r = revision, f = family;
  begin(CREATE, name);
  rt_text(3, type), rt_put(4, &r, 1), rt_put(5, &f, 1), rt_put(7 | NLA_F_NESTED, "", 0);
  return rt_ask();
}
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); rt = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER); s = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  SHOW(ask(VERSION, 7, NULL, 0, 8)); printf("version %d\n", q[4]); SHOW(ask(VERSION, 1, NULL, 0, 8)); SHOW(ask(VERSION, 7, NULL, 0, 4)); SHOW(ask(99, 7, NULL, 0, 40)); SHOW(ask(BYNAME, 5, "a", 8, 40)); SHOW(ask(BYNAME, 7, "a", 8, 39)); SHOW(ask(FNAME, 7, "a", 12, 40));
  SHOW(by_name("a")); SHOW(by_family("a")); printf("%s.\n", by_index(0));
  SHOW(create("a", "hash:ip", 0, AF_INET)); SHOW(create("b", "hash:net", 0, AF_INET6)); SHOW(create("a", "hash:ip", 0, AF_INET)); SHOW(create("a", "hash:net", 0, AF_INET)); SHOW(create("c", "hash:ip", 0, 3) == -1); printf("error %d\n", errno); SHOW(create("c", "hash:none", 0, AF_INET) == -1); printf("error %d\n", errno);
  SHOW(by_name("a")); SHOW(by_name("b")); SHOW(by_family("a")); SHOW(by_family("b")); printf("%s.\n", by_index(1)); printf("%s.\n", by_index(7));
  SHOW(create("d", "hash:net", 0, AF_INET6)); SHOW((begin(SWAP, "b"), rt_text(3, "d"), rt_ask())); SHOW(by_name("b")); SHOW(by_name("d")); SHOW((begin(SWAP, "a"), rt_text(3, "d"), rt_ask()) == -1); printf("error %d\n", errno);
  SHOW((begin(DESTROY, "a"), rt_ask())); SHOW(by_name("a")); SHOW(create("e", "hash:ip", 0, AF_INET)); SHOW(by_name("e"));
  SHOW(seteuid(1000)); SHOW(by_name("b")); SHOW(ask(VERSION, 7, NULL, 0, 8));
}
