/* A pipe's capacity counts pages, not bytes: what joins a page, what is full, packets, splice, tee and vmsplice. */
#include "abi.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
static char b[1 << 17];
static int left(int fd) { int n = -1; ioctl(fd, FIONREAD, &n); return n; }
static int ready(int fd, int events) { struct pollfd f = {fd, events, 0}; poll(&f, 1, 0); return f.revents; }
static long fill(int fd, size_t size) { long n = 0, k; while ((k = write(fd, b, size)) > 0) n += k; return n; }
static void drain(int fd) { while (read(fd, b, sizeof b) > 0) {} }
int main(void) {
  int p[2], q[2], r[2]; long k; memset(b, 'a', sizeof b); SHOW(pipe2(p, O_NONBLOCK));
  long sizes[] = {1, 100, 1000, 1365, 1366, 2047, 2048, 2049, 3000, 4095, 4096, 4097, 5000, 8191, 8192, 60000, 65535, 65536, 65537, 100000};
  for (int i = 0; i < sizeof sizes / sizeof *sizes; i++) { printf("%ld: %ld", sizes[i], fill(p[1], sizes[i])); printf(" %d %d", left(p[0]), ready(p[1], POLLOUT)); drain(p[0]); printf(" %d\n", ready(p[1], POLLOUT)); }
  /* Room is a page that is read to its end. */
  SHOW(fill(p[1], 4096)); SHOW(read(p[0], b, 4095)); SHOW(ready(p[1], POLLOUT)); SHOW(write(p[1], b, 1)); SHOW(read(p[0], b, 1)); SHOW(ready(p[1], POLLOUT)); SHOW(write(p[1], b, 1)); SHOW(ready(p[1], POLLOUT)); SHOW(write(p[1], b, 4095)); SHOW(write(p[1], b, 1)); drain(p[0]);
  SHOW(write(p[1], b, 5000)); SHOW(write(p[1], b, 3192)); SHOW(write(p[1], b, 1)); SHOW(fill(p[1], 4096)); drain(p[0]); SHOW(write(p[1], b, 3000)); SHOW(read(p[0], b, 2990)); SHOW(write(p[1], b, 1097)); SHOW(write(p[1], b, 1096)); SHOW(fill(p[1], 4096)); drain(p[0]);
  /* Sizes. */
  SHOW(fcntl(p[1], F_GETPIPE_SZ)); SHOW(fcntl(p[1], F_SETPIPE_SZ, 1)); SHOW(fill(p[1], 4096)); SHOW(fcntl(p[1], F_SETPIPE_SZ, 4097)); SHOW(fill(p[1], 3)); SHOW(fcntl(p[1], F_SETPIPE_SZ, 4096)); SHOW(read(p[0], b, 4096)); SHOW(fcntl(p[1], F_SETPIPE_SZ, 4096)); SHOW(fcntl(p[1], F_SETPIPE_SZ, 3 * 4096)); SHOW(fill(p[1], 4096)); drain(p[0]); for (int i = 0; i < 4; i++) { SHOW(write(p[1], b, 2049)); } SHOW(fcntl(p[1], F_SETPIPE_SZ, 8192)); SHOW(left(p[0])); SHOW(read(p[0], b, 2049)); SHOW(read(p[0], b, 2049)); SHOW(fcntl(p[1], F_SETPIPE_SZ, 8192)); SHOW(read(p[0], b, sizeof b)); SHOW(fcntl(p[1], F_SETPIPE_SZ, 65536));
  /* Packets: each write is one, of a page at most; a read takes one and loses its rest. */
  SHOW(pipe2(q, O_DIRECT | O_NONBLOCK)); SHOW(write(q[1], "one", 3)); SHOW(write(q[1], "three", 5)); SHOW(left(q[0])); SHOW(read(q[0], b, 2)); SHOW(b[0]); SHOW(read(q[0], b, 10)); SHOW(read(q[0], b, 10)); SHOW(write(q[1], b, 10000)); SHOW(read(q[0], b, sizeof b)); SHOW(read(q[0], b, sizeof b)); SHOW(read(q[0], b, 100)); SHOW(read(q[0], b, 100)); SHOW(fill(q[1], 1)); drain(q[0]);
  SHOW(write(q[1], "x", 1)); SHOW(fcntl(q[1], F_SETFL, O_NONBLOCK)); SHOW(write(q[1], "yz", 2)); SHOW(write(q[1], "w", 1)); SHOW(read(q[0], b, 10)); SHOW(read(q[0], b, 10)); SHOW(fcntl(q[1], F_SETFL, O_NONBLOCK | O_DIRECT)); SHOW(write(q[1], "v", 1)); SHOW(read(q[0], b, 10)); SHOW(read(q[0], b, 0)); SHOW(write(q[1], "", 0)); SHOW(read(q[0], b, 10));
  /* Memory that ends: a page goes whole, or not at all. */
  char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); munmap(m + 4096, 4096);
  SHOW(write(p[1], m + 4095, 10)); SHOW(write(p[1], m, 8192)); SHOW(write(p[1], m, 50)); SHOW(write(p[1], m + 4090, 10)); SHOW(left(p[0])); SHOW(read(p[0], m + 4090, 20)); SHOW(left(p[0])); SHOW(read(p[0], m + 1, 4140)); SHOW(read(p[0], m + 10, 4096)); SHOW(left(p[0])); drain(p[0]);
  /* Between pipes, and from memory and files. */
  SHOW(write(p[1], b, 100)); SHOW(write(p[1], b, 4090)); SHOW(tee(p[0], q[1], 150, SPLICE_F_NONBLOCK)); SHOW(left(p[0])); SHOW(read(q[0], b, 10)); SHOW(left(q[0])); drain(q[0]); SHOW(pipe2(r, O_NONBLOCK)); SHOW(tee(p[0], r[1], 150, 0)); SHOW(write(r[1], "x", 1)); SHOW(fill(r[1], 4096)); drain(r[0]);
  SHOW(splice(p[0], NULL, r[1], NULL, 50, 0)); SHOW(splice(p[0], NULL, r[1], NULL, 5000, 0)); SHOW(left(r[0])); SHOW(write(r[1], "x", 1)); SHOW(fill(r[1], 4096)); drain(r[0]); SHOW(splice(p[0], NULL, r[1], NULL, 1, 0)); SHOW(fill(p[1], 1)); SHOW(splice(p[0], NULL, r[1], NULL, sizeof b, 0)); SHOW(splice(p[0], NULL, r[1], NULL, sizeof b, 0)); drain(p[0]);
  drain(r[0]); SHOW(fill(r[1], 4096)); SHOW(splice(p[0], NULL, r[1], NULL, 1, 0)); SHOW(write(p[1], b, 10)); SHOW(splice(p[0], NULL, r[1], NULL, 1, 0)); SHOW(tee(p[0], r[1], 1, SPLICE_F_NONBLOCK)); drain(r[0]); drain(p[0]);
  struct iovec v[3] = {{b + 10, 10}, {b + 4090, 20}, {b, 3}}; static char page[3 * 4096] __attribute__((aligned(4096))); v[0].iov_base = page; v[1].iov_base = page + 4090; SHOW(vmsplice(p[1], v, 3, 0)); SHOW(write(p[1], b, 1)); SHOW(fill(p[1], 4096)); drain(p[0]); for (k = 0; vmsplice(p[1], v, 3, SPLICE_F_NONBLOCK) > 0; k++) {} SHOW(k); SHOW(left(p[0])); drain(p[0]); SHOW(vmsplice(p[1], v, 0, 0)); SHOW(vmsplice(p[0], v, 0, 0)); SHOW(vmsplice(p[0], v, 3, SPLICE_F_NONBLOCK));
  int f = open("/tmp/slots", O_RDWR | O_CREAT | O_TRUNC, 0600); unlink("/tmp/slots"); SHOW(write(f, b, 100000)); loff_t at = 4000; SHOW(splice(f, &at, p[1], NULL, 5000, 0)); SHOW(at); SHOW(write(p[1], b, 1)); SHOW(fill(p[1], 4096)); drain(p[0]); at = 100; SHOW(splice(f, &at, p[1], NULL, 65536, 0)); SHOW(at); SHOW(splice(f, &at, p[1], NULL, 1, 0)); drain(p[0]); at = 99999; SHOW(splice(f, &at, p[1], NULL, 10, 0)); SHOW(splice(f, &at, p[1], NULL, 10, 0));
  at = 0; SHOW(splice(p[0], NULL, f, &at, 10, 0)); SHOW(at); SHOW(splice(p[0], NULL, f, &at, 10, SPLICE_F_NONBLOCK)); signal(SIGPIPE, SIG_IGN); close(p[0]); SHOW(write(p[1], "", 0)); SHOW(write(p[1], "x", 1)); SHOW(splice(f, &at, p[1], NULL, 1, 0)); SHOW(vmsplice(p[1], v, 1, 0)); SHOW(write(r[1], "x", 1)); SHOW(tee(r[0], p[1], 1, 0)); SHOW(splice(r[0], NULL, p[1], NULL, 1, 0)); close(r[1]); SHOW(splice(r[0], NULL, q[1], NULL, 5, 0)); SHOW(splice(r[0], NULL, q[1], NULL, 5, 0)); SHOW(tee(r[0], q[1], 5, 0));
  return 0;
}
