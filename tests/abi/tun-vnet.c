#include "abi.h"
#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
/* IFF_VNET_HDR: who writes packets leaves checksums and the cut into segments to others (wireguard-go, QEMU). */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif
static int tun, control; static unsigned char in[70000], out[70000]; static int before;
static unsigned add(unsigned s, const unsigned char *b, int n) { for (int i = 0; i < n; i += 2) s += b[i] << 8 | (i + 1 < n ? b[i + 1] : 0); while (s >> 16) s = (s & 0xffff) + (s >> 16); return s; }
static void put16(unsigned char *b, unsigned v) { b[0] = v >> 8; b[1] = v; }
static void put32(unsigned char *b, unsigned v) { put16(b, v >> 16); put16(b + 2, v); }
static struct virtio_net_hdr *vnet(void) { memset(out, 0, before); return (void *)out; }
/* Its sum is that of the pseudo-header, as one leaves it to be finished. */
static unsigned char *packet(int protocol, int length, int part) {
  unsigned char *p = out + before; memset(p, 0, 40); p[0] = 0x45; put16(p + 2, 20 + length); put16(p + 4, 77); p[8] = 64; p[9] = protocol; memcpy(p + 12, "\x0a\x09\0\2\x0a\x09\0\1", 8); put16(p + 10, ~add(0, p, 20));
  if (part) put16(p + 20 + (protocol == 6 ? 16 : 6), add(protocol + length, p + 12, 8)); return p;
}
static int read4(void) { for (;;) { struct pollfd f = {tun, POLLIN}; if (poll(&f, 1, 2000) < 1) return -1; int n = read(tun, in, sizeof in); if (n < 0) return -1; if (in[before] >> 4 == 4) return n - before; } }
static int whole(int n) { unsigned char *p = in + before; return add(0, p, 20) == 0xffff && add(p[9] + n - 20, p + 12, n - 12) == 0xffff; }
static void said(const char *what) { struct virtio_net_hdr *h = (void *)in; printf("%s: flags %d type %d size %d\n", what, h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, h->gso_type, h->gso_size); }
int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY); if (write(fd, "1", 1) != 1) puts("no IPv6?"); close(fd);
  struct ifreq r = {0}; tun = open("/dev/net/tun", O_RDWR); unsigned features; SHOW(ioctl(tun, TUNGETFEATURES, &features)); HOLDS(features & IFF_VNET_HDR);
  strcpy(r.ifr_name, "v0"); r.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR; SHOW(ioctl(tun, TUNSETIFF, &r)); memset(&r, 0, sizeof r); SHOW(ioctl(tun, TUNGETIFF, &r)); printf("%x\n", r.ifr_flags & 0xffff);
  for (unsigned offload = 0; offload < 0x80; offload += 1 + (offload > 7) * 8) { errno = 0; printf("%x:%d ", offload, ioctl(tun, TUNSETOFFLOAD, offload)); } SHOW(ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)); SHOW(ioctl(tun, TUNSETOFFLOAD, 0));
  control = socket(AF_INET, SOCK_DGRAM, 0); memset(&r, 0, sizeof r); strcpy(r.ifr_name, "v0"); struct sockaddr_in *a = (void *)&r.ifr_addr; a->sin_family = AF_INET; a->sin_addr.s_addr = inet_addr("10.9.0.1"); SHOW(ioctl(control, SIOCSIFADDR, &r)); a->sin_addr.s_addr = inet_addr("255.255.255.0"); SHOW(ioctl(control, SIOCSIFNETMASK, &r)); SHOW(ioctl(control, SIOCGIFFLAGS, &r)); r.ifr_flags |= IFF_UP; SHOW(ioctl(control, SIOCSIFFLAGS, &r));
  for (before = 10; before <= 20; before += 10) {
    SHOW(ioctl(tun, TUNSETVNETHDRSZ, &before)); int u = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), n; struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(4000 + before), .sin_addr.s_addr = inet_addr("10.9.0.1")}, peer = {.sin_family = AF_INET, .sin_port = htons(5000), .sin_addr.s_addr = inet_addr("10.9.0.2")};
    SHOW(bind(u, (void *)&own, sizeof own)); SHOW(sendto(u, "hello", 5, 0, (void *)&peer, sizeof peer)); SHOW(n = read4()); said("read"); HOLDS(whole(n)); SHOW(sendto(u, "short", 5, 0, (void *)&peer, sizeof peer)); SHOW(read(tun, in, before - 1));
    /* A checksum that is to be finished; headers that say what can't be. */
    struct virtio_net_hdr *h = vnet(); unsigned char *p = packet(17, 8 + 30, 1), text[100]; put16(p + 20, 5000); put16(p + 22, 4000 + before); put16(p + 24, 38); memcpy(p + 28, "ten bytes.ten more..and ten end", 30);
    h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM; h->csum_start = 20; h->csum_offset = 6; SHOW(write(tun, out, before + 58)); SHOW(n = recv(u, text, sizeof text, 0)); printf("%.*s\n", n, text);
    h->csum_start = 53; SHOW(write(tun, out, before + 58)); h->csum_start = 20; h->hdr_len = 5900; SHOW(write(tun, out, before + 58)); h->hdr_len = 28; h->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4; SHOW(write(tun, out, before + 58)); h->gso_type = 7; h->gso_size = 10; SHOW(write(tun, out, before + 58)); SHOW(write(tun, out, before - 1));
    /* A datagram for three. */
    h->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4; SHOW(write(tun, out, before + 58)); for (int i = 0; i < 4; i++) { SHOW(n = recv(u, text, sizeof text, 0)); if (n > 0) printf("%.*s\n", n, text); }
    /* A stream, whose segments come as one. */
    int l = socket(AF_INET, SOCK_STREAM, 0); own.sin_port = htons(80); int one = 1; setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); SHOW(bind(l, (void *)&own, sizeof own)); SHOW(listen(l, 1));
    h = vnet(); p = packet(6, 20, 1); put16(p + 20, 6000 + before); put16(p + 22, 80); put32(p + 24, 1000); p[32] = 5 << 4; p[33] = 2; put16(p + 34, 65000); h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM; h->csum_start = 20; h->csum_offset = 16; SHOW(write(tun, out, before + 40));
    SHOW((n = read4()) > 0); said("read"); HOLDS(whole(n)); printf("flags %x\n", in[before + 33]); unsigned char ack[4]; memcpy(ack, in + before + 24, 4); unsigned their = (ack[0] << 24 | ack[1] << 16 | ack[2] << 8 | ack[3]) + 1;
    p[33] = 16; put32(p + 24, 1001); put32(p + 28, their); put16(p + 36, add(6 + 20, p + 12, 8)); SHOW(write(tun, out, before + 40)); int c = accept(l, NULL, NULL); HOLDS(c >= 0);
    p = packet(6, 20 + 3500, 1); put16(p + 20, 6000 + before); put16(p + 22, 80); put32(p + 24, 1001); put32(p + 28, their); p[32] = 5 << 4; p[33] = 16 | 8; put16(p + 34, 65000); for (int i = 0; i < 3500; i++) p[40 + i] = i * 7; h->gso_type = VIRTIO_NET_HDR_GSO_TCPV4; h->gso_size = 1000; h->hdr_len = 40; SHOW(write(tun, out, before + 40 + 3500));
    static unsigned char got[4000]; SHOW(recv(c, got, 3500, MSG_WAITALL)); HOLDS(memcmp(got, p + 40, 3500) == 0); h->gso_type = VIRTIO_NET_HDR_GSO_TCPV6; SHOW(write(tun, out, before + 40 + 3500));
    struct linger now = {1, 0}; setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof now); close(c); close(l); close(u); struct pollfd f = {tun, POLLIN}; while (poll(&f, 1, 100) > 0) n = read(tun, in, sizeof in);
  }
}
