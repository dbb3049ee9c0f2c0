/* Of several mistakes in one call, which is told: what is too short or too long, what can't be read, what is not connected. */
#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/uio.h>

static char large[70000];

int main(void) {
  int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0), u6 = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(0x7f000001)}};
  struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  /* Options that are numbers. */
  for (int size = 4; size > 0; size -= 2) {
    SHOW(setsockopt(udp, SOL_SOCKET, SO_REUSEADDR, (void *)8, size));
    SHOW(setsockopt(udp, SOL_SOCKET, SO_LINGER, (void *)8, size));
    SHOW(setsockopt(udp, SOL_SOCKET, SO_BINDTODEVICE, (void *)8, size));
    SHOW(setsockopt(tcp, SOL_SOCKET, SO_RCVBUF, (void *)8, size));
    SHOW(setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, (void *)8, size));
    SHOW(setsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, (void *)8, size));
  }
  /* long datagrams */
  SHOW(sendto(udp, large, 65508, 0, NULL, 0));
  SHOW(sendto(udp, large, 65536, 0, NULL, 0));
  SHOW(sendto(udp, large, 65507, 0, NULL, 0));
  SHOW(sendto(udp, large, 65508, 0, (void *)&to, sizeof to));
  SHOW(sendto(udp, large, 65508, 0, (void *)&to, 3));
  SHOW(sendto(udp, large, 65536, 0, (void *)&to, 3));
  SHOW(sendto(udp, large, 65536, MSG_OOB, NULL, 0));
  SHOW(sendto(udp, large, 1, MSG_OOB, NULL, 0));
  SHOW(sendto(udp, large, 1, MSG_OOB, (void *)&to, sizeof to));
  SHOW(sendto(u6, large, 65528, 0, NULL, 0));
  SHOW(sendto(u6, large, 65536, 0, NULL, 0));
  SHOW(sendto(u6, large, 65536, 0, (void *)&to6, sizeof to6));
  SHOW(sendto(u6, large, 65528, 0, (void *)&to6, sizeof to6));
  /* urgent data where nothing is connected */
  SHOW(recv(tcp, large, 1, MSG_OOB));
  SHOW(recv(tcp, large, 1, MSG_OOB | MSG_PEEK));
  SHOW(recv(tcp, large, 1, 0));
  SHOW(send(tcp, large, 1, MSG_OOB | MSG_NOSIGNAL));
  bind(tcp, (void *)&(struct sockaddr_in){.sin_family = AF_INET}, sizeof to);
  SHOW(listen(tcp, 1));
  SHOW(recv(tcp, large, 1, MSG_OOB));
  SHOW(recv(tcp, large, 1, 0));
  SHOW(recv(udp, large, 1, MSG_OOB | MSG_DONTWAIT));
  struct sockaddr_in at; socklen_t size = sizeof at; getsockname(tcp, (void *)&at, &size); at.sin_addr.s_addr = htonl(0x7f000001);
  int one = socket(AF_INET, SOCK_STREAM, 0); connect(one, (void *)&at, sizeof at); int two = accept(tcp, NULL, NULL);
  SHOW(recv(one, large, 1, MSG_OOB));
  SHOW(recv(one, large, 1, MSG_OOB | MSG_DONTWAIT));
  SHOW(shutdown(one, SHUT_RD)); SHOW(recv(one, large, 1, MSG_OOB));
  SHOW(shutdown(one, SHUT_WR)); SHOW(recv(one, large, 1, MSG_OOB)); SHOW(recv(two, large, 1, MSG_OOB)); close(two); usleep(20000);
  SHOW(recv(one, large, 1, MSG_OOB)); SHOW(recv(one, large, 1, 0));
  /* clocks */
  struct timex tx = {0};
  SHOW(syscall(SYS_clock_adjtime, 99, &tx)); SHOW(syscall(SYS_clock_adjtime, 99, NULL)); SHOW(syscall(SYS_clock_adjtime, 1, &tx)); SHOW(syscall(SYS_clock_adjtime, 1, (void *)8)); SHOW(syscall(SYS_clock_adjtime, 11, &tx)); SHOW(syscall(SYS_clock_adjtime, 10, &tx)); SHOW(syscall(SYS_clock_adjtime, -1, &tx)); SHOW(syscall(SYS_clock_adjtime, -6, &tx)); SHOW(syscall(SYS_clock_adjtime, 0, (void *)8));
  SHOW(syscall(SYS_clock_adjtime, 2, &tx)); SHOW(syscall(SYS_clock_adjtime, 7, &tx));
  /* memory */
  struct iovec v = {large, 4096};
  SHOW(syscall(440, -1, &v, 1, MADV_COLD, 0)); SHOW(syscall(440, -1, &v, 1, MADV_DONTNEED, 0)); SHOW(syscall(440, -1, &v, 1, MADV_COLD, 1)); SHOW(syscall(440, -1, (void *)8, 1, MADV_COLD, 0)); SHOW(syscall(440, -1, &v, 2000, MADV_COLD, 0)); SHOW(syscall(440, 1, &v, 1, MADV_COLD, 0)); SHOW(syscall(440, 1, &v, 1, 999, 0)); SHOW(syscall(440, -1, &v, 1, 999, 0));
  SHOW(mlock((void *)1, -1)); SHOW(mlock((void *)0, -1)); SHOW(mlock((void *)-4096, 8192)); SHOW(munlock((void *)1, -1)); SHOW(mlock((void *)4096, -1)); SHOW(munlock((void *)4096, -1)); SHOW(syscall(SYS_mlock2, 1L, -1L, 0L)); SHOW(syscall(SYS_mlock2, 1L, -1L, 2L)); SHOW(mlock((void *)4096, 0)); SHOW(mlock((void *)4097, -8192)); SHOW(munlock((void *)4097, 0));
  /* a file system context after its mount */
  int fs = syscall(430, "tmpfs", 0);
  SHOW(syscall(431, fs, 6, NULL, NULL, 0)); SHOW(syscall(431, fs, 6, NULL, NULL, 0)); SHOW(syscall(431, fs, 0, "size", NULL, 0)); SHOW(syscall(431, fs, 1, "size", "1m", 0));
  int mnt; SHOW((mnt = syscall(432, fs, 0, 0)) >= 0); SHOW(syscall(432, fs, 0, 0));
  SHOW(syscall(431, fs, 6, NULL, NULL, 0)); SHOW(syscall(431, fs, 1, "size", "1m", 0)); SHOW(syscall(431, fs, 7, NULL, NULL, 0)); SHOW(syscall(431, fs, 7, NULL, NULL, 0)); SHOW(syscall(431, fs, 1, "size", "2m", 0)); SHOW(syscall(431, fs, 8, NULL, NULL, 0)); SHOW(syscall(431, fs, 7, NULL, NULL, 0)); SHOW(syscall(432, fs, 0, 0)); SHOW(syscall(431, fs, 1, "size", "x", 0)); SHOW(syscall(431, fs, 7, NULL, NULL, 0)); SHOW(syscall(431, fs, 7, NULL, NULL, 0)); SHOW(syscall(431, fs, 0, "ro", NULL, 0)); SHOW(syscall(431, fs, 6, NULL, NULL, 0));
  return 0;
}
