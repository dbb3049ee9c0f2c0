#include "abi.h"
#include <sched.h>
#include <poll.h>
#include <net/if.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
/* Packet sockets on a tun interface: its packets have no header before them (tcpdump -i tun0). */
static int join(const char *name, int flags) { struct ifreq r = {0}; int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK); strcpy(r.ifr_name, name); r.ifr_flags = flags; if (ioctl(fd, TUNSETIFF, &r)) perror("TUNSETIFF"); int s = socket(AF_INET, SOCK_DGRAM, 0); ioctl(s, SIOCGIFFLAGS, &r); r.ifr_flags |= IFF_UP; ioctl(s, SIOCSIFFLAGS, &r); close(s); return fd; }
static int heard_by(int type, int protocol, int index) { int s = socket(AF_PACKET, type | SOCK_NONBLOCK, 0); struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = index}; SHOW(bind(s, (void *)&a, sizeof a)); return s; }
static int index_of_tun;
static void hear(const char *who, int s) {
  unsigned char b[200]; struct sockaddr_ll a; char control[64]; struct iovec v = {b, sizeof b}; memset(&a, 0xff, sizeof a);
  struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  long n = recvmsg(s, &m, 0); if (n < 0) { printf("%s: %s\n", who, strerrorname_np(errno)); return; }
  struct tpacket_auxdata *x = m.msg_controllen ? (void *)CMSG_DATA(CMSG_FIRSTHDR(&m)) : NULL;
  printf("%s: %ld %.*s name %d family %d protocol %04x here %d hatype %d type %d halen %d", who, n, (int)n, b, m.msg_namelen, a.sll_family, ntohs(a.sll_protocol), a.sll_ifindex == index_of_tun, a.sll_hatype, a.sll_pkttype, a.sll_halen);
  if (x) printf(" mac %d net %d len %d of %d", x->tp_mac, x->tp_net, x->tp_snaplen, x->tp_len);
  puts("");
}
int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY); if (write(fd, "1", 1) != 1) puts("no IPv6?"); close(fd);
  for (int pi = 0; pi < 2; pi++) {
    char *name = pi ? "with" : "without"; puts(name); int tun = join(name, pi ? IFF_TUN : IFF_TUN | IFF_NO_PI); index_of_tun = if_nametoindex(name); HOLDS(index_of_tun > 1);
    char path[40], line[100]; sprintf(path, "/proc/self/fdinfo/%d", tun); FILE *info = fopen(path, "r"); while (fgets(line, sizeof line, info)) if (strncmp(line, "iff", 3) == 0) fputs(line, stdout); fclose(info);
    int all = heard_by(SOCK_RAW, ETH_P_ALL, index_of_tun), cooked = heard_by(SOCK_DGRAM, ETH_P_ALL, 0), v4 = heard_by(SOCK_DGRAM, ETH_P_IP, index_of_tun), one = 1;
    SHOW(setsockopt(all, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one));
    struct sockaddr_ll own; socklen_t size = sizeof own; SHOW(getsockname(all, (void *)&own, &size)); printf("%d %d %d\n", size, own.sll_hatype, own.sll_halen);
    /* What a program writes comes in. */
    char packet[40] = "\0\0\x08\0E-is-like-version-4"; SHOW(write(tun, packet + (pi ? 0 : 4), (pi ? 4 : 0) + 19)); hear("all", all); hear("cooked", cooked); hear("v4", v4);
    char sixth[40] = "\0\0\x86\xddm-is-like-version-6"; SHOW(write(tun, sixth + (pi ? 0 : 4), (pi ? 4 : 0) + 19)); hear("all", all); hear("cooked", cooked); hear("v4", v4);
    if (pi) { char other[] = "\0\0\x88\xb5other"; SHOW(write(tun, other, 9)); hear("all", all); hear("cooked", cooked); hear("v4", v4); }
    /* What a socket sends goes out; the others see it. */
    SHOW(send(all, "Fri", 3, 0)); hear("all", all); hear("cooked", cooked); hear("v4", v4);
    unsigned char b[100]; SHOW(read(tun, b, sizeof b)); if (pi) printf("%02x %02x %02x %02x\n", b[0], b[1], b[2], b[3]); printf("%.3s\n", b + (pi ? 4 : 0));
    SHOW(send(all, "Tue", 3, 0)); hear("cooked", cooked); SHOW(read(tun, b, sizeof b)); if (pi) printf("%02x %02x %02x %02x\n", b[0], b[1], b[2], b[3]);
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6), .sll_ifindex = index_of_tun}; SHOW(sendto(cooked, "Fri", 3, 0, (void *)&to, sizeof to)); hear("all", all); SHOW(read(tun, b, sizeof b));
    char big[1600] = "E"; SHOW(send(all, big, 1500, 0)); SHOW(read(tun, b, sizeof b)); SHOW(send(all, big, 1505, 0)); hear("cooked", cooked);
    /* A filter counts from the packet's first byte. */
    struct sock_filter code[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 0}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 'E'}, {BPF_RET | BPF_K, 0, 0, 2}, {BPF_RET | BPF_K, 0, 0, 0}}; struct sock_fprog program = {4, code}; SHOW(setsockopt(all, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
    SHOW(write(tun, packet + (pi ? 0 : 4), (pi ? 4 : 0) + 19)); SHOW(write(tun, sixth + (pi ? 0 : 4), (pi ? 4 : 0) + 19)); hear("all", all); hear("all", all);
    /* The machine's own. */
    int s = socket(AF_INET, SOCK_DGRAM, 0); struct ifreq r = {0}; strcpy(r.ifr_name, name); struct sockaddr_in *a = (void *)&r.ifr_addr, peer = {.sin_family = AF_INET, .sin_port = htons(5000), .sin_addr.s_addr = inet_addr(pi ? "10.9.1.2" : "10.9.0.2")}; a->sin_family = AF_INET; a->sin_addr.s_addr = inet_addr(pi ? "10.9.1.1" : "10.9.0.1"); SHOW(ioctl(s, SIOCSIFADDR, &r)); a->sin_addr.s_addr = inet_addr("255.255.255.0"); SHOW(ioctl(s, SIOCSIFNETMASK, &r));
    while (recv(cooked, b, sizeof b, 0) > 0) {} while (recv(v4, b, sizeof b, 0) > 0) {} SHOW(sendto(s, "hello", 5, 0, (void *)&peer, sizeof peer)); SHOW(recvfrom(cooked, b, sizeof b, 0, (void *)&own, &size)); printf("version %d text %.5s protocol %04x type %d\n", b[0] >> 4, b + 28, ntohs(own.sll_protocol), own.sll_pkttype); hear("v4", v4); close(s); close(tun);
    SHOW(recv(all, b, sizeof b, 0)); close(all); close(cooked); close(v4);
  }
}
