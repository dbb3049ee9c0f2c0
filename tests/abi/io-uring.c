#include "abi.h"
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

/* io_uring(7): rings, chains, waits, buffers, and what programs that mean ill write into them. */
struct sqe { unsigned char opcode, flags; unsigned short ioprio; int fd; unsigned long off, addr; unsigned len, op_flags; unsigned long user; unsigned short buf, personality; unsigned file_index; unsigned long addr3, pad; };
struct cqe { unsigned long user; int res; unsigned flags; };
struct params { unsigned sq_entries, cq_entries, flags, cpu, idle, features, wq_fd, resv[3]; unsigned sq[10], cq[10]; };
struct ring { int fd; struct params p; char *at; struct sqe *sqes; size_t size; unsigned tail; };
enum { NOP, READV, WRITEV, FSYNC, READ_FIXED, WRITE_FIXED, POLL_ADD, POLL_REMOVE, SYNC_FILE_RANGE, SENDMSG, RECVMSG, TIMEOUT, TIMEOUT_REMOVE, ACCEPT, CANCEL, LINK_TIMEOUT, CONNECT, FALLOCATE, OPENAT, CLOSE, FILES_UPDATE, STATX, READ, WRITE, FADVISE, MADVISE, SEND, RECV, OPENAT2, EPOLL_CTL, SPLICE, PROVIDE, REMOVE, TEE, SHUTDOWN, RENAMEAT, UNLINKAT, MKDIRAT, SYMLINKAT, LINKAT, MSG_RING };
enum { FIXED = 1, DRAIN = 2, LINK = 4, HARDLINK = 8, ASYNC = 16, SELECT = 32, SKIP = 64 };
#define SETUP(n, p) syscall(425, n, p)
static long enter(int fd, unsigned submit, unsigned wait, unsigned flags) { return syscall(426, fd, submit, wait, flags, NULL, 8ul); }
static long reg(int fd, unsigned op, const void *arg, unsigned n) { return syscall(427, fd, op, arg, n); }
#define WORD(r, off) (*(volatile unsigned *)((r)->at + (off)))

static unsigned idle_ms;
static long make(struct ring *r, unsigned n, unsigned flags) {
  memset(r, 0, sizeof *r); r->p.flags = flags; r->p.idle = idle_ms; r->fd = SETUP(n, &r->p); if (r->fd < 0) return -1;
  r->size = r->p.cq[5] + r->p.cq_entries * 16ul + r->p.sq_entries * 4ul;
  r->at = mmap(0, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
  r->sqes = mmap(0, r->p.sq_entries * 64ul, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0x10000000);
  return r->at == MAP_FAILED || (void *)r->sqes == MAP_FAILED ? -1 : 0;
}
static void drop(struct ring *r) { munmap(r->at, r->size); munmap(r->sqes, r->p.sq_entries * 64ul); close(r->fd); }
static struct sqe *next(struct ring *r, int op, int flags, int fd, const void *addr, unsigned len, unsigned long user) {
  unsigned at = r->tail & (r->p.sq_entries - 1); struct sqe *s = &r->sqes[at]; memset(s, 0, sizeof *s);
  s->opcode = op; s->flags = flags; s->fd = fd; s->addr = (unsigned long)addr; s->len = len; s->user = user;
  ((unsigned *)(r->at + r->p.sq[6]))[at] = at; WORD(r, r->p.sq[1]) = ++r->tail; return s;
}
static int take(struct ring *r, struct cqe *c) {
  unsigned head = WORD(r, r->p.cq[0]); if (head == WORD(r, r->p.cq[1])) return 0;
  *c = ((struct cqe *)(r->at + r->p.cq[5]))[head & (r->p.cq_entries - 1)]; WORD(r, r->p.cq[0]) = head + 1; return 1;
}
static void tell(struct cqe *c) { if (c->res < 0) printf("  %lu: %s flags %x\n", c->user, name_of(-c->res), c->flags); else printf("  %lu: %d flags %x\n", c->user, c->res, c->flags); }
static int order(const void *a, const void *b) { const struct cqe *x = a, *y = b; return x->user != y->user ? (x->user < y->user ? -1 : 1) : 0; }
/* Submits n, waits for as many results as are told, and tells them by their names. */
static void go(struct ring *r, unsigned n, unsigned wait) {
  struct cqe c[64]; unsigned got = 0; long done = enter(r->fd, n, wait, 1); printf("  submitted %ld\n", done < 0 ? -errno : done);
  while (got < wait || got < 64) { if (!take(r, &c[got])) { if (got >= wait) break; if (enter(r->fd, 0, 1, 1) < 0) break; continue; } got++; }
  qsort(c, got, sizeof *c, order); for (unsigned i = 0; i < got; i++) tell(&c[i]);
}

static void arguments(void) {
  printf("- arguments\n"); struct params p = {0}; struct ring r;
  SHOW(SETUP(0, &p)); SHOW(SETUP(8, NULL)); SHOW(SETUP(40000, &p)); p.flags = 1u << 30; SHOW(SETUP(8, &p)); p.flags = 0; p.resv[1] = 1; SHOW(SETUP(8, &p)); memset(&p, 0, sizeof p);
  p.flags = 8; p.cq_entries = 4; SHOW(SETUP(8, &p)); p.cq_entries = 0; SHOW(SETUP(8, &p)); memset(&p, 0, sizeof p); p.flags = 4; SHOW(SETUP(8, &p)); p.flags = 1 << 13; SHOW(SETUP(8, &p)); p.flags = 1 << 9; SHOW(SETUP(8, &p));
  memset(&p, 0, sizeof p); p.flags = 16 | 8; p.cq_entries = 1 << 20; int fd = SETUP(1 << 20, &p); printf("%d %u %u\n", fd >= 0, p.sq_entries, p.cq_entries); SHOW(fcntl(fd, F_GETFD)); close(fd);
  SHOW(make(&r, 5, 0)); printf("%u %u\n", r.p.sq_entries, r.p.cq_entries); HOLDS((r.p.features & 0x1fff) == 0x1fff);
  char byte; SHOW(read(r.fd, &byte, 1)); SHOW(write(r.fd, &byte, 1)); SHOW(lseek(r.fd, 1, SEEK_SET)); SHOW(enter(r.fd, 0, 0, 1u << 20)); SHOW(enter(0, 0, 0, 0)); SHOW(enter(-1, 0, 0, 0));
  SHOW((long)mmap(0, 4096, PROT_READ, MAP_SHARED, r.fd, 0x20000000)); SHOW(reg(r.fd, 1000, NULL, 0)); SHOW(reg(99, 0, NULL, 0)); SHOW(reg(0, 0, NULL, 0));
  struct pollfd q = {r.fd, POLLIN | POLLOUT}; poll(&q, 1, 0); printf("poll %x\n", q.revents); next(&r, NOP, 0, -1, 0, 0, 1); enter(r.fd, 1, 0, 0); poll(&q, 1, 0); printf("poll %x\n", q.revents);
  int ep = epoll_create1(0); struct epoll_event e = {EPOLLIN}; epoll_ctl(ep, EPOLL_CTL_ADD, r.fd, &e); SHOW(epoll_wait(ep, &e, 1, 0)); struct cqe c; take(&r, &c); SHOW(epoll_wait(ep, &e, 1, 0)); close(ep); drop(&r);
  SHOW(make(&r, 4, 64)); SHOW(enter(r.fd, 0, 0, 0)); SHOW(reg(r.fd, 12, NULL, 0)); SHOW(reg(r.fd, 12, NULL, 0)); SHOW(enter(r.fd, 0, 0, 0)); drop(&r);
}

static void refused(void) {
  printf("- requests that are none\n"); struct ring r; make(&r, 8, 0); struct sqe *s;
  next(&r, 200, 0, 0, 0, 0, 1); go(&r, 1, 1); next(&r, NOP, 128, 0, 0, 0, 2); go(&r, 1, 1); next(&r, NOP, SELECT, 0, 0, 0, 3); go(&r, 1, 1);
  s = next(&r, FSYNC, 0, 0, 0, 0, 4); s->ioprio = 1; go(&r, 1, 1); s = next(&r, NOP, 0, 0, 0, 0, 5); s->personality = 9; go(&r, 1, 1); next(&r, READ, 0, 99, 0, 8, 6); go(&r, 1, 1); next(&r, READ, FIXED, 0, 0, 8, 7); go(&r, 1, 1);
  next(&r, LINK_TIMEOUT, 0, 0, 0, 1, 8); go(&r, 1, 1); next(&r, TIMEOUT, 0, 0, (void *)8, 1, 9); go(&r, 1, 1); next(&r, TIMEOUT, 0, 0, 0, 2, 10); go(&r, 1, 1); next(&r, CANCEL, 0, -1, (void *)77, 0, 11); go(&r, 1, 1);
  next(&r, POLL_REMOVE, 0, -1, (void *)77, 0, 12); go(&r, 1, 1); next(&r, TIMEOUT_REMOVE, 0, -1, (void *)77, 0, 13); go(&r, 1, 1); next(&r, ACCEPT, 0, 0, 0, 0, 14); go(&r, 1, 1); next(&r, SEND, 0, 0, 0, 0, 15); go(&r, 1, 1);
  next(&r, SPLICE, 0, 0, 0, 0, 16)->file_index = 99; go(&r, 1, 1); next(&r, MSG_RING, 0, 0, 0, 0, 17); go(&r, 1, 1); next(&r, CLOSE, 0, r.fd, 0, 0, 18); go(&r, 1, 1); next(&r, CLOSE, 0, 99, 0, 0, 19); go(&r, 1, 1); drop(&r);
}

static void files(void) {
  printf("- files\n"); struct ring r; make(&r, 16, 0); char a[64] = "some text", b[64] = ""; struct iovec v[2] = {{b, 4}, {b + 4, 5}};
  next(&r, OPENAT, 0, AT_FDCWD, "f", 0600, 1)->op_flags = O_RDWR | O_CREAT | O_TRUNC; enter(r.fd, 1, 1, 1); struct cqe c; take(&r, &c); int fd = c.res; HOLDS(fd >= 0);
  next(&r, WRITE, LINK, fd, a, 9, 2); next(&r, FSYNC, LINK, fd, 0, 0, 3); next(&r, READV, LINK, fd, v, 2, 4); next(&r, STATX, 0, fd, "", 0x7ff, 5)->op_flags = 0; go(&r, 4, 4); printf("%s\n", b);
  next(&r, READ, 0, fd, b, 9, 6)->off = -1; go(&r, 1, 1); lseek(fd, 3, SEEK_SET); next(&r, READ, 0, fd, b, 9, 7)->off = -1; go(&r, 1, 1); SHOW(lseek(fd, 0, SEEK_CUR)); next(&r, READ, 0, fd, (void *)8, 9, 8); go(&r, 1, 1);
  next(&r, WRITE, 0, fd, a, 4, 9)->op_flags = 1 << 20; go(&r, 1, 1); next(&r, FALLOCATE, 0, fd, (void *)8192, 0, 10); go(&r, 1, 1); next(&r, 55, 0, fd, 0, 0, 11)->off = 5; go(&r, 1, 1);
  next(&r, MKDIRAT, LINK, AT_FDCWD, "d", 0700, 12); struct sqe *s = next(&r, RENAMEAT, LINK, AT_FDCWD, "f", AT_FDCWD, 13); s->off = (unsigned long)"d/f"; s = next(&r, LINKAT, LINK, AT_FDCWD, "d/f", AT_FDCWD, 14); s->off = (unsigned long)"g"; s = next(&r, SYMLINKAT, LINK, AT_FDCWD, "g", 0, 15); s->off = (unsigned long)"h"; next(&r, UNLINKAT, LINK, AT_FDCWD, "d/f", 0, 16); next(&r, UNLINKAT, 0, AT_FDCWD, "d", 0, 17)->op_flags = AT_REMOVEDIR; go(&r, 6, 6);
  SHOW(access("g", F_OK)); SHOW(access("h", F_OK)); SHOW(access("d", F_OK)); unlink("g"); unlink("h");
  printf("- registered\n"); int fds[3] = {fd, -1, r.fd}; SHOW(reg(r.fd, 2, fds, 3)); SHOW(reg(r.fd, 2, fds, 2)); SHOW(reg(r.fd, 2, fds, 2)); next(&r, WRITE, FIXED, 0, a, 5, 20); next(&r, WRITE, FIXED, 1, a, 5, 21); next(&r, WRITE, FIXED, 7, a, 5, 22); go(&r, 3, 3);
  next(&r, OPENAT, LINK, AT_FDCWD, "/dev/null", 0, 23)->file_index = 2; next(&r, READ, FIXED, 1, b, 5, 24); go(&r, 2, 2); next(&r, OPENAT, 0, AT_FDCWD, "/dev/null", 0, 25)->file_index = -1; go(&r, 1, 1); next(&r, OPENAT, 0, AT_FDCWD, "/dev/null", 0, 26)->file_index = 9; go(&r, 1, 1); next(&r, CLOSE, 0, 0, 0, 0, 27)->file_index = 2; go(&r, 1, 1); next(&r, CLOSE, 0, 0, 0, 0, 28)->file_index = 2; go(&r, 1, 1);
  SHOW(reg(r.fd, 3, NULL, 0)); SHOW(reg(r.fd, 3, NULL, 0)); struct iovec buf = {b, 64}; SHOW(reg(r.fd, 0, &buf, 1)); SHOW(reg(r.fd, 0, &buf, 1)); next(&r, READ_FIXED, 0, fd, b + 1, 4, 29); next(&r, READ_FIXED, 0, fd, b + 62, 4, 30); next(&r, READ_FIXED, 0, fd, b, 4, 31)->buf = 3; go(&r, 3, 3); SHOW(reg(r.fd, 1, NULL, 0)); SHOW(reg(r.fd, 1, NULL, 0)); close(fd); drop(&r);
}

static void chains(void) {
  printf("- chains\n"); struct ring r; make(&r, 16, 0); char b[8]; int p[2]; pipe(p); struct timespec soon = {0, 20000000}, late = {100, 0};
  next(&r, NOP, LINK, 0, 0, 0, 1); next(&r, READ, LINK, 99, b, 1, 2); next(&r, NOP, LINK, 0, 0, 0, 3); next(&r, NOP, 0, 0, 0, 0, 4); next(&r, NOP, 0, 0, 0, 0, 5); go(&r, 5, 5);
  next(&r, READ, HARDLINK, 99, b, 1, 6); next(&r, NOP, 0, 0, 0, 0, 7); go(&r, 2, 2); next(&r, NOP, SKIP, 0, 0, 0, 8); next(&r, NOP, SKIP | LINK, 0, 0, 0, 9); next(&r, NOP, 0, 0, 0, 0, 10); go(&r, 3, 1); next(&r, READ, SKIP | LINK, 99, b, 1, 11); next(&r, NOP, 0, 0, 0, 0, 12); go(&r, 2, 1);
  next(&r, READ, LINK, p[0], b, 1, 13); next(&r, LINK_TIMEOUT, 0, 0, &soon, 1, 14); go(&r, 2, 2); next(&r, NOP, LINK, 0, 0, 0, 15); next(&r, LINK_TIMEOUT, 0, 0, &late, 1, 16); go(&r, 2, 2); next(&r, READ, LINK, p[0], b, 1, 17); next(&r, LINK_TIMEOUT, LINK, 0, &late, 1, 18); next(&r, NOP, 0, 0, 0, 0, 19); write(p[1], "x", 1); go(&r, 3, 3);
  drop(&r); make(&r, 16, 0); next(&r, POLL_ADD, 0, p[0], 0, 0, 20)->op_flags = POLLIN; next(&r, NOP, DRAIN, 0, 0, 0, 21); next(&r, NOP, 0, 0, 0, 0, 22); SHOW(enter(r.fd, 3, 0, 0)); struct cqe c; SHOW(take(&r, &c)); write(p[1], "x", 1); go(&r, 0, 3); drop(&r);
}

static void waits(void) {
  printf("- waits\n"); struct ring r; make(&r, 16, 0); int p[2], ev = eventfd(0, EFD_NONBLOCK); pipe(p); char b[8]; struct timespec soon = {0, 20000000}, late = {100, 0}; unsigned long n = 0; struct cqe c;
  SHOW(reg(r.fd, 4, &ev, 1)); SHOW(reg(r.fd, 4, &ev, 1)); next(&r, READ, 0, p[0], b, 8, 1); SHOW(enter(r.fd, 1, 0, 0)); SHOW(read(ev, &n, 8)); write(p[1], "abc", 3); go(&r, 0, 1); SHOW(read(ev, &n, 8)); SHOW(reg(r.fd, 5, NULL, 0)); SHOW(reg(r.fd, 5, NULL, 0));
  next(&r, READ, 0, p[0], b, 8, 2); next(&r, READ, 0, p[0], b, 8, 3); next(&r, POLL_ADD, 0, p[0], 0, 0, 4)->op_flags = POLLIN; enter(r.fd, 3, 0, 0); next(&r, CANCEL, 0, -1, (void *)3, 0, 5); go(&r, 1, 2); next(&r, POLL_REMOVE, 0, -1, (void *)4, 0, 6); go(&r, 1, 2); next(&r, CANCEL, 0, p[0], 0, 0, 7)->op_flags = 3; go(&r, 1, 2);
  next(&r, TIMEOUT, 0, 0, &soon, 1, 8); go(&r, 1, 1); next(&r, TIMEOUT, 0, 0, &late, 1, 9); enter(r.fd, 1, 0, 0); next(&r, TIMEOUT_REMOVE, 0, 0, (void *)9, 0, 10); go(&r, 1, 2); next(&r, TIMEOUT, 0, 0, &late, 1, 11)->off = 2; next(&r, NOP, 0, 0, 0, 0, 12); next(&r, NOP, 0, 0, 0, 0, 13); go(&r, 3, 3);
  next(&r, POLL_ADD, 0, p[0], 0, 1, 14)->op_flags = POLLIN; enter(r.fd, 1, 0, 0); write(p[1], "1", 1); go(&r, 0, 1); read(p[0], b, 1); write(p[1], "2", 1); go(&r, 0, 1); read(p[0], b, 1); struct sqe *s = next(&r, POLL_REMOVE, 0, -1, (void *)14, 2, 15); s->op_flags = POLLIN; go(&r, 1, 1);
  struct { unsigned long mask; unsigned size, min; unsigned long ts; } arg = {0, 8, 0, (unsigned long)&soon}; SHOW(syscall(426, r.fd, 0, 1, 9, &arg, sizeof arg)); SHOW(syscall(426, r.fd, 0, 1, 9, &arg, 8ul)); next(&r, NOP, 0, 0, 0, 0, 16); SHOW(syscall(426, r.fd, 1, 2, 9, &arg, sizeof arg)); SHOW(take(&r, &c));
  unsigned word = 1; next(&r, 51, 0, 2, &word, 0, 17)->off = 2; go(&r, 1, 1); s = next(&r, 51, 0, 2, &word, 0, 18); s->off = 1; s->addr3 = -1u; enter(r.fd, 1, 0, 0); s = next(&r, 52, 0, 2, &word, 0, 19); s->off = 1; s->addr3 = -1u; go(&r, 1, 2);
  pid_t child = fork(); if (child == 0) _exit(7); siginfo_t info = {0}; s = next(&r, 50, 0, child, 0, P_PID, 20); s->file_index = WEXITED; s->off = (unsigned long)&info; go(&r, 1, 1); printf("%d %d\n", info.si_status, info.si_code);
  int q[2]; pipe(q); close(q[0]); signal(SIGPIPE, SIG_IGN); next(&r, WRITE, 0, q[1], b, 1, 21); go(&r, 1, 1); drop(&r);
}

static void sockets(void) {
  printf("- sockets\n"); struct ring r; make(&r, 32, 0); struct sockaddr_un at = {AF_UNIX, "s"}; char b[64] = "", store[256]; struct cqe c; int on;
  next(&r, 45, 0, AF_UNIX, 0, 0, 1)->off = SOCK_STREAM; enter(r.fd, 1, 1, 1); take(&r, &c); int l = c.res; HOLDS(l >= 0); next(&r, 56, LINK, l, &at, 0, 2)->off = sizeof at; next(&r, 57, 0, l, 0, 4, 3); go(&r, 2, 2);
  next(&r, ACCEPT, 0, l, 0, 0, 4); enter(r.fd, 1, 0, 0); int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0); next(&r, CONNECT, 0, s, &at, 0, 5)->off = sizeof at; enter(r.fd, 1, 2, 1); int t = -1; while (take(&r, &c)) if (c.user == 4) { t = c.res; HOLDS(t >= 0); } else tell(&c); unlink("s");
  next(&r, RECV, 0, s, b, 8, 6); enter(r.fd, 1, 0, 0); next(&r, SEND, 0, t, "hello", 5, 7); go(&r, 1, 2); printf("%.5s\n", b);
  struct sqe *q = next(&r, PROVIDE, 0, 4, store, 8, 8); q->buf = 3; q->off = 0; go(&r, 1, 1); q = next(&r, RECV, SELECT, s, 0, 0, 9); q->buf = 3; q->ioprio = 2; enter(r.fd, 1, 0, 0); for (int i = 0; i < 3; i++) { write(t, "0123456789" + i, 2); go(&r, 0, 1); } next(&r, SHUTDOWN, 0, t, 0, SHUT_WR, 10); go(&r, 1, 2);
  q = next(&r, REMOVE, 0, 9, 0, 0, 11); q->buf = 3; go(&r, 1, 1); q = next(&r, RECV, SELECT, s, 0, 0, 12); q->buf = 3; go(&r, 1, 1);
  int pair[2]; socketpair(AF_UNIX, SOCK_DGRAM, 0, pair); struct iovec v = {"datagram", 8}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1}; next(&r, SENDMSG, 0, pair[0], &m, 1, 13); go(&r, 1, 1); v.iov_base = b; v.iov_len = 4; next(&r, RECVMSG, 0, pair[1], &m, 1, 14); go(&r, 1, 1); printf("%x\n", m.msg_flags);
  close(pair[1]); next(&r, SEND, 0, pair[0], "x", 1, 15); go(&r, 1, 1); struct ring other; make(&other, 4, 0); q = next(&r, MSG_RING, 0, other.fd, 0, 42, 16); q->off = 77; go(&r, 1, 1); while (take(&other, &c)) tell(&c); drop(&other);
  int u[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, u); char space[CMSG_SPACE(4)]; struct msghdr with = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space}; struct cmsghdr *h = CMSG_FIRSTHDR(&with); h->cmsg_level = SOL_SOCKET; h->cmsg_type = SCM_RIGHTS; h->cmsg_len = CMSG_LEN(4); *(int *)CMSG_DATA(h) = r.fd; SHOW(sendmsg(u[0], &with, 0)); drop(&r);
}

static void hostile(void) {
  printf("- what means ill\n"); struct ring r; struct cqe c; make(&r, 8, 0);
  next(&r, NOP, 0, 0, 0, 0, 1); ((unsigned *)(r.at + r.p.sq[6]))[0] = 1000; SHOW(enter(r.fd, 1, 0, 0)); printf("dropped %u\n", WORD(&r, r.p.sq[5])); SHOW(take(&r, &c));
  WORD(&r, r.p.sq[1]) = r.tail + 1000000; for (int i = 0; i < 8; i++) { memset(&r.sqes[i], 0, 64); ((unsigned *)(r.at + r.p.sq[6]))[i] = i; } SHOW(enter(r.fd, 8, 0, 0)); int n = 0; while (take(&r, &c)) n++; printf("%d results\n", n); drop(&r);
  make(&r, 8, 0); for (int i = 0; i < 5; i++) { for (int k = 0; k < 8; k++) next(&r, NOP, 0, 0, 0, 0, i * 8 + k); enter(r.fd, 8, 0, 0); } n = 0; while (take(&r, &c)) n++; printf("%d results, flags %x\n", n, WORD(&r, r.p.sq[4])); enter(r.fd, 0, 0, 1); while (take(&r, &c)) n++; enter(r.fd, 0, 0, 1); while (take(&r, &c)) n++; printf("%d results, flags %x\n", n, WORD(&r, r.p.sq[4]));
  WORD(&r, r.p.cq[0]) = 123456; next(&r, NOP, 0, 0, 0, 0, 1); SHOW(enter(r.fd, 1, 0, 0)); drop(&r);
  make(&r, 64, 0); for (int i = 0; i < 2000; i++) { for (int k = 0; k < 64; k++) next(&r, NOP, k < 63 ? LINK : 0, 0, 0, 0, k); if (enter(r.fd, 64, 64, 1) != 64) { printf("short\n"); break; } n = 0; while (take(&r, &c)) n++; if (n != 64) { printf("%d\n", n); break; } }
  int fd = r.fd; munmap(r.at, r.size); munmap(r.sqes, r.p.sq_entries * 64ul); SHOW(enter(fd, 1, 0, 0)); fflush(stdout); close(fd);
  make(&r, 8, 0); next(&r, POLL_ADD, 0, r.fd, 0, 0, 1)->op_flags = POLLIN; SHOW(enter(r.fd, 1, 0, 0)); int fds = r.fd; SHOW(reg(r.fd, 2, &fds, 1)); SHOW(close(r.fd));
  pid_t child = fork(); if (child == 0) { struct ring own; int p[2]; char b; pipe(p); make(&own, 8, 0); next(&own, READ, 0, p[0], &b, 1, 1); enter(own.fd, 1, 0, 0); _exit(0); } int status; waitpid(child, &status, 0); printf("status %x\n", status);
  make(&r, 8, 0); fflush(stdout); child = fork(); if (child == 0) { next(&r, NOP, 0, 0, 0, 0, 9); enter(r.fd, 1, 0, 0); _exit(0); } waitpid(child, &status, 0); go(&r, 0, 1); drop(&r);
}

/* A call that wakes the poller waits for what that does. */
static void poller(void) {
  printf("- a poller that sleeps\n"); struct ring r; struct cqe c; idle_ms = 1; make(&r, 8, 2); alarm(20);
  for (int i = 0; i < 3; i++) { while (!(WORD(&r, r.p.sq[4]) & 1)) usleep(1000); next(&r, NOP, 0, 0, 0, 0, i); SHOW(enter(r.fd, 1, 1, 3)); if (take(&r, &c)) tell(&c); }
  alarm(0); drop(&r);
  struct { unsigned long mask; unsigned size, min; unsigned long ts; } arg = {0, 8, 40000, 0}; struct timespec brief = {0, 1000000}, from, to; arg.ts = (unsigned long)&brief; idle_ms = 0; make(&r, 8, 0);
  clock_gettime(CLOCK_MONOTONIC, &from); SHOW(syscall(426, r.fd, 0, 1, 9, &arg, sizeof arg)); clock_gettime(CLOCK_MONOTONIC, &to); HOLDS((to.tv_sec - from.tv_sec) * 1000000000l + to.tv_nsec - from.tv_nsec >= 40000000); drop(&r);
}

int main(void) {
  char folder[] = "/tmp/io-uring-XXXXXX"; mkdtemp(folder); chdir(folder);
  arguments(); refused(); files(); chains(); waits(); sockets(); hostile(); poller();
  chdir("/"); rmdir(folder);
}
