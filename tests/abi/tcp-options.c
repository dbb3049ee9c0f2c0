#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <poll.h>
#include <sched.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <linux/tcp.h>
/* What options of TCP take, and tell afterwards: of a socket that does nothing yet, that listens, that is connected. */
static const struct { const char *name; int number; } options[] = {
#define O(n) {#n, n}
  O(TCP_NODELAY), O(TCP_MAXSEG), O(TCP_CORK), O(TCP_KEEPIDLE), O(TCP_KEEPINTVL), O(TCP_KEEPCNT), O(TCP_SYNCNT), O(TCP_LINGER2), O(TCP_DEFER_ACCEPT), O(TCP_WINDOW_CLAMP), O(TCP_QUICKACK), O(TCP_THIN_LINEAR_TIMEOUTS), O(TCP_THIN_DUPACK), O(TCP_USER_TIMEOUT), O(TCP_REPAIR), O(TCP_FASTOPEN), O(TCP_NOTSENT_LOWAT), O(TCP_SAVE_SYN), O(TCP_FASTOPEN_CONNECT), O(TCP_FASTOPEN_NO_COOKIE), O(TCP_INQ), O(TCP_TX_DELAY)
};
static const int values[] = {-2, -1, 0, 1, 2, 3, 7, 60, 87, 88, 127, 128, 500, 1000, 2305, 32767, 32768, 65483, 100000};
static int get(int fd, int option) { int v = -77; socklen_t l = sizeof v; return getsockopt(fd, IPPROTO_TCP, option, &v, &l) ? -10000 - errno : v; }
/* Each option with each value: the answer, and what is told then; equal ones in a row are one. */
static void try_all(const char *what, int fd, int from, int to) {
  for (int i = from; i < to; i++) {
    int n = options[i].number; if (n == TCP_REPAIR || n == TCP_SAVE_SYN || n == TCP_TX_DELAY) continue; /* these have a test of their own, or are refused */
    printf("%s %s %d:", what, options[i].name, get(fd, options[i].number)); int last_r = -1, last_v = -1;
    for (int k = 0; k < sizeof values / sizeof *values; k++) { int r = setsockopt(fd, IPPROTO_TCP, options[i].number, &values[k], 4) ? errno : 0, v = get(fd, options[i].number); if (k == 0 || r != last_r || v != last_v) printf(" %d>%s/%d", values[k], name_of(r), v); last_r = r; last_v = v; }
    printf("\n"); fflush(stdout);
  }
}
static long set(int fd, int option, int value) { return setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value); }
static long bytes(int fd, int option, int length) { int v[64] = {1}; return setsockopt(fd, IPPROTO_TCP, option, v, length); }
static void told(int fd, int option, int room) { char v[64]; memset(v, 'x', sizeof v); socklen_t l = room; errno = 0; int r = getsockopt(fd, IPPROTO_TCP, option, v, &l); printf("option %d room %d: %d %s, %u bytes:", option, room, r, name_of(r ? errno : 0), l); for (int i = 0; r == 0 && i < l && i < 16; i++) printf(" %02x", (unsigned char)v[i]); printf("\n"); fflush(stdout); }
static struct tcp_info info(int fd) { struct tcp_info i; socklen_t l = sizeof i; memset(&i, 0, sizeof i); getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &l); return i; }
static void connected(int *one, int *other, int listener) { struct sockaddr_in a; socklen_t l = sizeof a; getsockname(listener, (void *)&a, &l); *one = socket(AF_INET, SOCK_STREAM, 0); SHOW(connect(*one, (void *)&a, sizeof a)); *other = accept(listener, NULL, NULL); }
/* TCP_INQ: how much is left to read, beside what was. */
static void left(int s, int room, int flags) {
  char b[64], control[64]; struct iovec v = {b, room}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control}; long n = recvmsg(s, &m, flags); printf("  %ld %s", n, n < 0 ? name_of(errno) : "");
  if (n >= 0) for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) printf(" [%d %d: %d]", h->cmsg_level, h->cmsg_type, *(int *)CMSG_DATA(h)); printf("\n"); fflush(stdout);
}
static void queue(void) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1, off = 0, two = 2, one, other; struct sockaddr_in at = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}; socklen_t l = sizeof at; bind(listener, (void *)&at, l); listen(listener, 1); getsockname(listener, (void *)&at, &l); SHOW(setsockopt(listener, IPPROTO_TCP, TCP_INQ, &on, 4)); SHOW(setsockopt(listener, IPPROTO_TCP, TCP_INQ, &two, 4));
  one = socket(AF_INET, SOCK_STREAM, 0); connect(one, (void *)&at, sizeof at); other = accept(listener, NULL, NULL); SHOW(send(one, "0123456789", 10, 0)); left(other, 4, MSG_PEEK); left(other, 4, 0); left(other, 0, 0); SHOW(setsockopt(other, IPPROTO_TCP, TCP_INQ, &off, 4)); left(other, 1, 0); SHOW(setsockopt(other, IPPROTO_TCP, TCP_INQ, &on, 4)); left(other, 64, 0); left(other, 64, MSG_DONTWAIT); SHOW(send(one, "abc", 3, 0)); shutdown(one, SHUT_WR); left(other, 2, 0); left(other, 2, MSG_WAITALL); left(other, 2, 0);
}
int main(void) {
  /* A network of our own, without fast open. */
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; } int no = open("/proc/sys/net/ipv4/tcp_fastopen", O_WRONLY); (void)!write(no, "0", 1); close(no);
  struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP}; no = socket(AF_INET, SOCK_DGRAM, 0); SHOW(ioctl(no, SIOCSIFFLAGS, &lo)); close(no);
  int all = sizeof options / sizeof *options, s = socket(AF_INET, SOCK_STREAM, 0);
  try_all("new", s, 0, all);
  /* Lengths. */ SHOW(setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5));
  for (int l = 0; l < 6; l++) { SHOW(bytes(s, TCP_NODELAY, l)); SHOW(bytes(s, TCP_CONGESTION, l)); SHOW(bytes(s, TCP_ULP, l)); SHOW(bytes(s, TCP_MD5SIG, l)); }
  for (int room = 0; room < 6; room++) { told(s, TCP_KEEPIDLE, room); told(s, TCP_CONGESTION, room); told(s, TCP_ULP, room); } told(s, TCP_CONGESTION, 40); told(s, TCP_SAVED_SYN, 40); told(s, 99, 4); SHOW(set(s, 99, 1)); SHOW(set(s, TCP_SAVED_SYN, 1)); SHOW(set(s, TCP_INFO, 1));
  SHOW(setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "reno\0", 6)); told(s, TCP_CONGESTION, 16); SHOW(setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5)); SHOW(setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "cubicsomewhatlong", 17)); SHOW(setsockopt(s, IPPROTO_TCP, TCP_ULP, "tls", 4)); SHOW(setsockopt(s, IPPROTO_TCP, TCP_ULP, "nothing", 8));
  for (int room = 0; room < 300; room += 52) { char v[400]; socklen_t l = room; SHOW(getsockopt(s, IPPROTO_TCP, TCP_INFO, v, &l)); HOLDS(l == (room < (int)sizeof(struct tcp_info) ? room : l)); }
  close(s);
  /* A listener, and what those it accepts have of it. */
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; int listener = socket(AF_INET, SOCK_STREAM, 0); SHOW(bind(listener, (void *)&a, sizeof a)); SHOW(listen(listener, 5)); struct tcp_info i = info(listener); SHOW(i.tcpi_state); SHOW(i.tcpi_unacked); SHOW(i.tcpi_sacked); SHOW(i.tcpi_rto); SHOW(i.tcpi_snd_cwnd);
  SHOW(set(listener, TCP_KEEPIDLE, 55)); SHOW(set(listener, TCP_KEEPCNT, 4)); SHOW(set(listener, TCP_NODELAY, 1)); SHOW(set(listener, TCP_USER_TIMEOUT, 999)); SHOW(set(listener, TCP_LINGER2, 20)); SHOW(set(listener, TCP_NOTSENT_LOWAT, 4000)); SHOW(set(listener, TCP_DEFER_ACCEPT, 0)); SHOW(set(listener, TCP_SYNCNT, 2)); SHOW(setsockopt(listener, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
  int one, other; connected(&one, &other, listener); for (int k = 0; k < all; k++) { int n = options[k].number; if (n == TCP_MAXSEG || n == TCP_WINDOW_CLAMP || n == TCP_QUICKACK || n == TCP_REPAIR || n == TCP_SAVE_SYN || n == TCP_TX_DELAY) continue; printf("accepted %s %d, connecting %d\n", options[k].name, get(other, n), get(one, n)); } told(other, TCP_CONGESTION, 16); HOLDS(get(one, TCP_MAXSEG) > 20000);
  try_all("connected", one, 11, all);
  /* What tcp_info tells of a connection that has carried something. */
  SHOW(write(one, "question", 8)); char text[100]; SHOW(read(other, text, 100)); SHOW(write(other, "ans", 3)); SHOW(write(other, "wer!", 4)); SHOW(read(one, text, 3)); usleep(300000); i = info(one); struct tcp_info j = info(other);
  SHOW(i.tcpi_state); SHOW(i.tcpi_ca_state); SHOW(i.tcpi_retransmits); SHOW(i.tcpi_probes); SHOW(i.tcpi_backoff); SHOW(i.tcpi_unacked); SHOW(i.tcpi_lost); SHOW(i.tcpi_retrans); SHOW(i.tcpi_total_retrans); SHOW(i.tcpi_notsent_bytes); SHOW(i.tcpi_bytes_acked); SHOW(i.tcpi_bytes_received); SHOW(j.tcpi_bytes_acked); SHOW(j.tcpi_bytes_received); SHOW(i.tcpi_bytes_sent); SHOW(i.tcpi_bytes_retrans);
  SHOW(i.tcpi_options); SHOW(i.tcpi_snd_wscale > 0 && i.tcpi_rcv_wscale > 0); HOLDS(i.tcpi_rto >= 200000 && i.tcpi_rto < 1000000); HOLDS(i.tcpi_rtt > 0 && i.tcpi_rtt < 1000000); HOLDS(i.tcpi_snd_mss > 20000); HOLDS(i.tcpi_rcv_mss > 0); HOLDS(i.tcpi_advmss == 65483); HOLDS(i.tcpi_snd_ssthresh == 0x7fffffff);
  /* A clamp of what may come, a most of what waits to go. */
  SHOW(set(one, TCP_NOTSENT_LOWAT, 1)); struct pollfd p = {one, POLLOUT}; SHOW(poll(&p, 1, 0)); SHOW(shutdown(one, SHUT_WR)); usleep(50000); SHOW(info(one).tcpi_state); SHOW(info(other).tcpi_state);
  SHOW(set(other, TCP_KEEPIDLE, 9)); close(other); usleep(50000); SHOW(info(one).tcpi_state); SHOW(get(one, TCP_KEEPIDLE)); SHOW(set(one, TCP_KEEPIDLE, 8)); SHOW(get(one, TCP_KEEPIDLE)); close(one);
  SHOW(set(listener, TCP_DEFER_ACCEPT, 5)); SHOW(get(listener, TCP_DEFER_ACCEPT)); SHOW(set(listener, TCP_FASTOPEN, 7)); connected(&one, &other, listener); SHOW(get(other, TCP_FASTOPEN));
  queue();
}
