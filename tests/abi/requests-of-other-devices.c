#include "abi.h"
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <net/if.h>
#include <linux/sockios.h>
/* Requests of drivers and of other kinds of devices: an interface that is not there is named first (net/core/dev_ioctl.c). */
#define ASK(request) ask(#request, request)
static const char *names[] = {"lo", "none"};
static int sockets[2];
static void ask(const char *name, int request) {
  printf("%s:", name);
  for (int s = 0; s < 2; s++) {
    for (int n = 0; n < 2; n++) { struct ifreq r = {0}; strcpy(r.ifr_name, names[n]); int result = ioctl(sockets[s], request, &r); printf(" %s", result < 0 ? strerrorname_np(errno) : "ok"); }
    printf(" %s%s", ioctl(sockets[s], request, 8) < 0 ? strerrorname_np(errno) : "ok", s == 0 ? ";" : "\n");
  }
}
static void all(void) {
  for (int s = 0; s < 2; s++) sockets[s] = socket(s == 0 ? AF_INET : AF_UNIX, SOCK_DGRAM, 0);
  ASK(SIOCDEVPRIVATE); ASK(SIOCDEVPRIVATE + 1); ASK(SIOCDEVPRIVATE + 15); ASK(SIOCDEVPRIVATE + 16);
  ASK(SIOCGMIIPHY); ASK(SIOCGMIIREG); ASK(SIOCSMIIREG); ASK(SIOCWANDEV); ASK(SIOCGHWTSTAMP); ASK(SIOCSHWTSTAMP);
  ASK(SIOCBONDENSLAVE); ASK(SIOCBONDRELEASE); ASK(SIOCBONDSETHWADDR); ASK(SIOCBONDSLAVEINFOQUERY); ASK(SIOCBONDINFOQUERY); ASK(SIOCBONDCHANGEACTIVE);
  ASK(SIOCSIFMETRIC); ASK(SIOCGIFMEM); ASK(SIOCSIFMEM); ASK(SIOCSIFLINK); ASK(SIOCGIFSLAVE); ASK(SIOCSIFSLAVE); ASK(SIOCGIFENCAP); ASK(SIOCSIFENCAP);
  ASK(SIOCADDMULTI); ASK(SIOCDELMULTI); ASK(SIOCSIFMAP); ASK(SIOCSIFHWBROADCAST); ASK(SIOCGIFPFLAGS); ASK(SIOCSIFPFLAGS); ASK(SIOCDIFADDR); ASK(SIOCGIFCOUNT);
  ASK(SIOCGIFBR); ASK(SIOCSIFBR); ASK(SIOCGIFVLAN); ASK(SIOCSIFVLAN);
}
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); all();
  printf("- of an ordinary user\n"); SHOW(setuid(65534)); all(); return 0; }
