#include "abi.h"
#include <sched.h>
#include <poll.h>
#include <net/if.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/if_tun.h>
/* /dev/net/tun: interfaces whose other end is a program. */
static int join(const char *name, int flags, int fd) { struct ifreq r = {0}; strncpy(r.ifr_name, name, 15); r.ifr_flags = flags; int e = ioctl(fd, TUNSETIFF, &r); if (!e) printf("[%s] ", r.ifr_name); return e; }
static int joined(const char *name, int flags, int *fd) { *fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK); return join(name, flags, *fd); }
static int control;
static int flags_of(const char *name) { struct ifreq r = {0}; strcpy(r.ifr_name, name); return ioctl(control, SIOCGIFFLAGS, &r) ? -1 : r.ifr_flags & 0xffff; }
static int set_up(const char *name, int up) { struct ifreq r = {0}; strcpy(r.ifr_name, name); if (ioctl(control, SIOCGIFFLAGS, &r)) return -1; r.ifr_flags = up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP; return ioctl(control, SIOCSIFFLAGS, &r); }
static int address(const char *name, int request, const char *ip) { struct ifreq r = {0}; strcpy(r.ifr_name, name); struct sockaddr_in *a = (void *)&r.ifr_addr; a->sin_family = AF_INET; a->sin_addr.s_addr = inet_addr(ip); return ioctl(control, request, &r); }
static unsigned short sum(const unsigned char *b, int n) { unsigned s = 0; for (int i = 0; i < n; i += 2) s += b[i] << 8 | (i + 1 < n ? b[i + 1] : 0); while (s >> 16) s = (s & 0xffff) + (s >> 16); return ~s; }
/* IPv4 packets alone: the kernel speaks IPv6 on its own. */
static int read4(int fd, unsigned char *b, int size, int skip) { for (;;) { int n = read(fd, b, size); if (n < 0 && errno == EAGAIN) { struct pollfd p = {fd, POLLIN}; if (poll(&p, 1, 2000) == 0) { errno = EAGAIN; return -1; } continue; } if (n <= skip || b[skip] >> 4 == 4) return n; } }
static int poll_of(int fd) { struct pollfd p = {fd, POLLIN | POLLOUT}; poll(&p, 1, 0); return p.revents & (POLLOUT | POLLERR | POLLHUP); }
int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  control = socket(AF_INET, SOCK_DGRAM, 0); unsigned char b[4096]; struct ifreq r = {0}; unsigned features = 0; int n;
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  /* Before it is joined. */
  SHOW(ioctl(fd, TUNGETFEATURES, &features)); HOLDS((features & (IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE)) == (IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE));
  SHOW(ioctl(fd, TUNGETIFF, &r)); SHOW(ioctl(fd, TUNSETPERSIST, 1)); SHOW(ioctl(fd, TUNSETOWNER, 1)); SHOW(ioctl(fd, TUNSETQUEUE, &r)); SHOW(ioctl(fd, 0x5401, &r)); SHOW(read(fd, b, 100)); SHOW(write(fd, b, 100)); HOLDS(poll_of(fd) == POLLERR); SHOW(lseek(fd, 0, SEEK_SET)); SHOW(pread(fd, b, 10, 0));
  SHOW(ioctl(fd, TUNSETIFF, NULL)); r.ifr_flags = 0; SHOW(ioctl(fd, TUNSETIFF, &r)); r.ifr_flags = IFF_TUN; strcpy(r.ifr_name, "a/b"); SHOW(ioctl(fd, TUNSETIFF, &r)); strcpy(r.ifr_name, "lo"); SHOW(ioctl(fd, TUNSETIFF, &r));
  /* Its name, its flags; once is enough; it is down. */
  strcpy(r.ifr_name, "t%d"); r.ifr_flags = IFF_TUN | IFF_NO_PI; SHOW(ioctl(fd, TUNSETIFF, &r)); printf("%s %x\n", r.ifr_name, flags_of("t0")); SHOW(ioctl(fd, TUNSETIFF, &r)); memset(&r, 0, sizeof r); SHOW(ioctl(fd, TUNGETIFF, &r)); printf("%s %x\n", r.ifr_name, r.ifr_flags & 0xffff);
  SHOW(ioctl(fd, TUNSETOFFLOAD, 0)); SHOW(ioctl(fd, TUNSETOFFLOAD, 0x10000)); SHOW(ioctl(fd, TUNSETNOCSUM, 1)); n = 0; SHOW(ioctl(fd, TUNSETSNDBUF, &n)); n = 4096; SHOW(ioctl(fd, TUNSETSNDBUF, &n)); n = 0; SHOW(ioctl(fd, TUNGETSNDBUF, &n)); printf("%d\n", n); SHOW(ioctl(fd, TUNGETVNETHDRSZ, &n)); printf("%d\n", n); n = 2; SHOW(ioctl(fd, TUNSETVNETHDRSZ, &n)); SHOW(ioctl(fd, TUNSETQUEUE, &r)); SHOW(ioctl(fd, TUNSETIFINDEX, &n)); SHOW(ioctl(fd, 0x5401, &r));
  SHOW(read(fd, b, 100)); memset(b, 0, 100); SHOW(write(fd, b, 100)); b[0] = 0x45; SHOW(write(fd, b, 20)); HOLDS(poll_of(fd) == 0);
  SHOW(set_up("t0", 1)); printf("%x\n", flags_of("t0")); HOLDS(poll_of(fd) == POLLOUT); SHOW(write(fd, b, 20)); SHOW(write(fd, b, 0));
  /* A datagram leaves, and one comes in. */
  SHOW(address("t0", SIOCSIFADDR, "10.9.0.1")); SHOW(address("t0", SIOCSIFNETMASK, "255.255.255.0"));
  int s = socket(AF_INET, SOCK_DGRAM, 0); struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(4000), .sin_addr.s_addr = inet_addr("10.9.0.1")}, peer = {.sin_family = AF_INET, .sin_port = htons(5000), .sin_addr.s_addr = inet_addr("10.9.0.2")};
  SHOW(bind(s, (void *)&own, sizeof own)); SHOW(connect(s, (void *)&peer, sizeof peer)); SHOW(send(s, "hello", 5, 0));
  SHOW(n = read4(fd, b, sizeof b, 0)); printf("ttl %d protocol %d checksum %d df %d to %d ports %d %d length %d text %.5s\n", b[8], b[9], sum(b, 20), b[6] >> 6 & 1, b[19], b[20] << 8 | b[21], b[22] << 8 | b[23], b[24] << 8 | b[25], b + 28);
  unsigned char in[64] = {0x45, 0, 0, 31, 0, 0, 0, 0, 9, 17, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1, 5000 >> 8, 5000 & 255, 4000 >> 8, 4000 & 255, 0, 11, 0, 0, 'y', 'e', 's'};
  n = sum(in, 20); in[10] = n >> 8; in[11] = n; SHOW(write(fd, in, 31)); SHOW(recv(s, b, sizeof b, 0)); printf("%.3s\n", b);
  /* What nobody hears is refused with its beginning; a wrong checksum is nothing. */
  in[23]++; in[11]++; SHOW(write(fd, in, 31)); SHOW(read4(fd, b, sizeof b, 0)); in[11]--; SHOW(write(fd, in, 31)); SHOW(n = read4(fd, b, sizeof b, 0)); printf("protocol %d type %d code %d checksum %d about %d.%d\n", b[9], b[20], b[21], sum(b + 20, n - 20), b[28 + 15], b[28 + 23]);
  /* An echo is answered; an error comes to the socket. */
  unsigned char echo[36] = {0x45, 0, 0, 36, 0, 0, 0, 0, 64, 1, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1, 8, 0, 0, 0, 1, 2, 0, 3, 'p', 'i', 'n', 'g', '.', '.', '.', '.'};
  n = sum(echo, 20); echo[10] = n >> 8; echo[11] = n; n = sum(echo + 20, 16); echo[22] = n >> 8; echo[23] = n; SHOW(write(fd, echo, 36)); SHOW(n = read4(fd, b, sizeof b, 0)); printf("type %d checksum %d id %d text %.4s\n", b[20], sum(b + 20, 16), b[24] << 8 | b[25], b + 28);
  SHOW(send(s, "gone?", 5, 0)); SHOW(n = read4(fd, b + 28, sizeof b - 28, 0)); unsigned char error[20 + 8 + 33] = {0x45, 0, 0, 61, 0, 0, 0, 0, 64, 1, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1, 3, 3}; memcpy(error + 28, b + 28, 33); n = sum(error, 20); error[10] = n >> 8; error[11] = n; n = sum(error + 20, 41); error[22] = n >> 8; error[23] = n; SHOW(write(fd, error, 61)); SHOW(send(s, "gone!", 5, 0));
  /* What is in parts is put together, in any order. */
  unsigned char whole[40]; memcpy(whole, in, 31); in[11] = in[10] = 0; for (int part = 1; part >= 0; part--) { unsigned char p[64]; memcpy(p, in, 20); p[3] = part ? 20 + 3 : 20 + 8; p[5] = 77; p[6] = part ? 0 : 0x20; p[7] = part; memcpy(p + 20, in + 20 + 8 * part, 8); p[20 + (part ? 0 : 3)] = part ? 'Y' : 4000 & 255; p[10] = p[11] = 0; n = sum(p, 20); p[10] = n >> 8; p[11] = n; SHOW(write(fd, p, part ? 23 : 28)); } SHOW(recv(s, b, sizeof b, 0)); printf("%.3s\n", b);
  /* The interface goes with its descriptor, but for one that is persistent. */
  int index = if_nametoindex("t0"); HOLDS(index > 1); close(fd); SHOW(if_nametoindex("t0")); int other;
  SHOW(joined("keep", IFF_TAP, &fd)); SHOW(ioctl(fd, TUNSETPERSIST, 1)); SHOW(joined("keep", IFF_TAP, &other)); SHOW(joined("keep", IFF_TUN, &other)); close(fd); HOLDS(if_nametoindex("keep") > 0); SHOW(set_up("keep", 1)); printf("%x\n", flags_of("keep") & ~IFF_RUNNING); SHOW(joined("keep", IFF_TUN, &fd)); SHOW(joined("keep", IFF_TAP | IFF_TUN_EXCL, &fd)); SHOW(joined("keep", IFF_TAP | IFF_MULTI_QUEUE, &fd)); SHOW(joined("keep", IFF_TAP, &fd)); memset(&r, 0, sizeof r); SHOW(ioctl(fd, TUNGETIFF, &r)); printf("%x\n", r.ifr_flags & 0xffff);
  /* Frames have a header of their own before them. */
  SHOW(write(fd, b, 3)); SHOW(write(fd, b, 17)); SHOW(read(fd, b, 3)); SHOW(ioctl(fd, TUNSETPERSIST, 0)); close(fd); SHOW(if_nametoindex("keep"));
  /* Several descriptors. */
  SHOW(joined("many", IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE, &fd)); SHOW(joined("many", IFF_TUN | IFF_NO_PI, &other)); SHOW(joined("many", IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE, &other)); memset(&r, 0, sizeof r); r.ifr_flags = IFF_DETACH_QUEUE; SHOW(ioctl(other, TUNSETQUEUE, &r)); SHOW(ioctl(other, TUNSETQUEUE, &r)); r.ifr_flags = IFF_ATTACH_QUEUE; SHOW(ioctl(other, TUNSETQUEUE, &r)); SHOW(ioctl(other, TUNSETQUEUE, &r)); close(fd); HOLDS(if_nametoindex("many") > 0); close(other); SHOW(if_nametoindex("many"));
  /* Others' are theirs. */
  SHOW(joined("mine", IFF_TUN, &fd)); SHOW(ioctl(fd, TUNSETPERSIST, 1)); SHOW(ioctl(fd, TUNSETOWNER, 1234)); close(fd); fflush(stdout);
  fd = open("/dev/net/tun", O_RDWR); fflush(stdout);
  if (fork() == 0) { setgid(77); setuid(77); SHOW(join("mine", IFF_TUN, fd)); _exit(0); } wait(NULL);
  if (fork() == 0) { setgid(1234); setuid(1234); SHOW(join("new", IFF_TUN, fd)); SHOW(join("mine", IFF_TUN, fd)); _exit(0); } wait(NULL);
}
