#include "abi.h"
#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Neighbours that answer ARP with the hardware address of a group, or of all: they are believed, and sent to. */

static int tap, u;
static int named(int command, const char *ip, int flags) { struct ifreq r = {.ifr_name = "t0"}; if (ip) { struct sockaddr_in *a = (void *)&r.ifr_addr; a->sin_family = AF_INET; inet_pton(AF_INET, ip, &a->sin_addr); } else r.ifr_flags = flags; return ioctl(u, command, &r); }
/* The next frame of the type; its length. */
static int frame(unsigned char *b, int type) { for (;;) { struct pollfd p = {tap, POLLIN}; if (poll(&p, 1, 2000) != 1) return 0; int n = read(tap, b, 2048); if (n >= 14 && (b[12] << 8 | b[13]) == type && (type != 0x800 || b[23] == 17)) return n; } }
static void told(const char *ip) { struct arpreq r = {.arp_dev = "t0"}; struct sockaddr_in *a = (void *)&r.arp_pa; a->sin_family = AF_INET; inet_pton(AF_INET, ip, &a->sin_addr); if (ioctl(u, SIOCGARP, &r)) { printf("  %s: %s\n", ip, name_of(errno)); return; } unsigned char *h = (void *)r.arp_ha.sa_data; printf("  %s is at %02x:%02x:%02x:%02x:%02x:%02x flags %x\n", ip, h[0], h[1], h[2], h[3], h[4], h[5], r.arp_flags); }
/* One asks for a neighbour, who answers so. */
static void asked(const char *ip, const unsigned char *hardware) {
  unsigned char b[2048], answer[42]; struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)}; inet_pton(AF_INET, ip, &to.sin_addr); SHOW(sendto(u, "x", 1, 0, (void *)&to, sizeof to));
  SHOW(frame(b, 0x806)); memcpy(answer, b + 6, 6); memcpy(answer + 6, hardware, 6); memcpy(answer + 12, b + 12, 8); answer[20] = 0, answer[21] = 2; memcpy(answer + 22, hardware, 6); memcpy(answer + 28, b + 38, 4); memcpy(answer + 32, b + 22, 10); SHOW(write(tap, answer, 42)); told(ip);
  int n = frame(b, 0x800); printf("  %d bytes to %02x:%02x:%02x:%02x:%02x:%02x\n", n, b[0], b[1], b[2], b[3], b[4], b[5]); fflush(stdout);
}
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); u = socket(AF_INET, SOCK_DGRAM, 0); struct ifreq r = {.ifr_name = "t0", .ifr_flags = IFF_TAP | IFF_NO_PI}; tap = open("/dev/net/tun", O_RDWR); SHOW(ioctl(tap, TUNSETIFF, &r)); SHOW(named(SIOCSIFADDR, "10.1.0.1", 0)); SHOW(named(SIOCSIFNETMASK, "255.255.255.0", 0)); SHOW(named(SIOCSIFFLAGS, NULL, IFF_UP));
  asked("10.1.0.2", (unsigned char[]){2, 0, 0, 0, 0, 2}); asked("10.1.0.3", (unsigned char[]){3, 0xbf, 10, 1, 0, 3}); asked("10.1.0.4", (unsigned char[]){0x01, 0x00, 0x5e, 1, 2, 3}); asked("10.1.0.5", (unsigned char[]){255, 255, 255, 255, 255, 255}); asked("10.1.0.6", (unsigned char[]){0, 0, 0, 0, 0, 0}); return 0;
}
