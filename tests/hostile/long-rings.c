/* Rings of io_uring(7) that ask for as much as they can, by name in argv[1]; prints what came of it, as Linux would. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#define ENTRIES 32768
#define FUTEX_WAIT 51
#define FUTEX_WAITV 53
struct ring { int fd; struct io_uring_params p; char *at; struct io_uring_sqe *sqes; unsigned tail; };
static struct __kernel_timespec hour = {3600, 0};
static int is(const char *name, char **argv) { return strcmp(argv[1], name) == 0; }
static unsigned *word(struct ring *r, unsigned offset) { return (unsigned *)(r->at + offset); }
static int make(struct ring *r, unsigned entries) {
  memset(r, 0, sizeof *r); r->fd = syscall(__NR_io_uring_setup, entries, &r->p); if (r->fd < 0) return -1;
  r->at = mmap(0, r->p.sq_off.array + r->p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
  r->sqes = mmap(0, r->p.sq_entries * sizeof *r->sqes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQES);
  for (unsigned i = 0; i < r->p.sq_entries; i++) word(r, r->p.sq_off.array)[i] = i;
  return r->at == MAP_FAILED || r->sqes == MAP_FAILED ? -1 : 0;
}
static struct io_uring_sqe *next(struct ring *r, int opcode, int flags) {
  struct io_uring_sqe *s = &r->sqes[r->tail++ & (r->p.sq_entries - 1)]; memset(s, 0, sizeof *s); s->opcode = opcode; s->flags = flags; s->user_data = r->tail; s->fd = -1; return s;
}
static long enter(struct ring *r, unsigned submit, unsigned wait) {
  *word(r, r->p.sq_off.tail) = r->tail; return syscall(__NR_io_uring_enter, r->fd, submit, wait, IORING_ENTER_GETEVENTS, NULL, 8);
}
/* Takes what there is. */
static unsigned take(struct ring *r, int *last) {
  unsigned *head = word(r, r->p.cq_off.head), tail = *word(r, r->p.cq_off.tail), count = tail - *head;
  if (count > 0) *last = ((struct io_uring_cqe *)(r->at + r->p.cq_off.cqes))[(tail - 1) & (r->p.cq_entries - 1)].res;
  *head = tail; return count;
}
static unsigned take_all(struct ring *r, unsigned wanted, int *last) {
  unsigned got = take(r, last);
  while (got < wanted && enter(r, 0, 1) >= 0) got += take(r, last);
  return got;
}
/* So many timeouts of an hour each. */
static void timeouts(struct ring *r, unsigned count, unsigned until) {
  while (count > 0) {
    unsigned n = count < ENTRIES ? count : ENTRIES; count -= n;
    for (unsigned i = 0; i < n; i++) { struct io_uring_sqe *s = next(r, IORING_OP_TIMEOUT, 0); s->addr = (unsigned long)&hour; s->len = 1; s->off = until; s->user_data = ~r->tail; }
    if (enter(r, n, 0) != n) printf("! ");
  }
}
int main(int argc, char **argv) {
  struct ring r; int last = 0; if (make(&r, ENTRIES) < 0) { perror("ring"); return 1; }
  if (is("chain", argv)) {
    for (int i = 0; i < ENTRIES; i++) next(&r, IORING_OP_NOP, i < ENTRIES - 1 ? IOSQE_IO_LINK : 0);
    printf("%ld", enter(&r, ENTRIES, ENTRIES)); printf(" %u %d\n", take_all(&r, ENTRIES, &last), last);
  } else if (is("broken", argv)) {
    for (int i = 0; i < ENTRIES; i++) next(&r, i ? IORING_OP_NOP : IORING_OP_READ, i < ENTRIES - 1 ? IOSQE_IO_LINK : 0);
    printf("%ld", enter(&r, ENTRIES, ENTRIES)); printf(" %u %d\n", take_all(&r, ENTRIES, &last), last);
  } else if (is("counted", argv)) {
    timeouts(&r, ENTRIES, 1); next(&r, IORING_OP_NOP, 0);
    printf("%ld", enter(&r, 1, 1)); printf(" %u %d\n", take_all(&r, ENTRIES + 1, &last), last);
  } else if (is("cancel", argv)) {
    timeouts(&r, ENTRIES, 0);
    for (int i = 0; i < ENTRIES; i++) next(&r, IORING_OP_ASYNC_CANCEL, 0)->addr = ~(unsigned)(i + 1);
    printf("%ld", enter(&r, ENTRIES, 1)); printf(" %u %d", take_all(&r, 2 * ENTRIES, &last), last); timeouts(&r, ENTRIES, 0);
    struct io_uring_sqe *s = next(&r, IORING_OP_ASYNC_CANCEL, 0); s->cancel_flags = IORING_ASYNC_CANCEL_ANY;
    printf(" %ld", enter(&r, 1, 1)); printf(" %u %d\n", take_all(&r, ENTRIES + 1, &last), last);
  } else if (is("removed", argv)) {
    timeouts(&r, ENTRIES, 0);
    for (int i = 0; i < ENTRIES; i++) next(&r, IORING_OP_TIMEOUT_REMOVE, 0)->addr = ~(unsigned)(i + 1);
    printf("%ld", enter(&r, ENTRIES, 1)); printf(" %u %d\n", take_all(&r, ENTRIES, &last), last);
  } else if (is("files", argv)) {
    static int fds[ENTRIES]; for (int i = 0; i < ENTRIES; i++) fds[i] = 0;
    printf("%ld", syscall(__NR_io_uring_register, r.fd, IORING_REGISTER_FILES, fds, ENTRIES));
    for (int i = 0; i < ENTRIES; i++) { struct io_uring_sqe *s = next(&r, IORING_OP_FILES_UPDATE, 0); s->addr = (unsigned long)fds; s->len = ~0u; s->off = IORING_FILE_INDEX_ALLOC; }
    printf(" %ld", enter(&r, ENTRIES, ENTRIES)); printf(" %u %d", take_all(&r, ENTRIES, &last), last);
    for (int i = 0; i < 100; i++) { struct io_uring_sqe *s = next(&r, IORING_OP_FILES_UPDATE, 0); s->addr = (unsigned long)fds; s->len = ENTRIES; }
    printf(" %ld", enter(&r, 100, 100)); printf(" %u %d", take_all(&r, 100, &last), last);
    printf(" %ld\n", syscall(__NR_io_uring_register, r.fd, IORING_UNREGISTER_FILES, NULL, 0));
  } else if (is("buffers", argv)) {
    for (int i = 0; i < 100; i++) { struct io_uring_sqe *s = next(&r, IORING_OP_PROVIDE_BUFFERS, 0); s->fd = 65535; s->len = 16; s->addr = 4096; s->buf_group = i & 3; s = next(&r, IORING_OP_REMOVE_BUFFERS, 0); s->fd = 65536; s->buf_group = i & 3; }
    printf("%ld", enter(&r, 200, 200)); printf(" %u %d\n", take_all(&r, 200, &last), last);
  } else if (is("ends", argv)) {
    pid_t pid = fork(); int status;
    if (pid == 0) { struct ring q; make(&q, ENTRIES); timeouts(&q, 2 * ENTRIES - 1, 0); _exit(3); }
    waitpid(pid, &status, 0); printf("%d\n", status >> 8);
  } else if (is("polls", argv)) {
    int e = eventfd(0, 0); unsigned count = 2 * ENTRIES - 100, n;
    for (unsigned done = 0; done < count; done += n) { n = count - done < ENTRIES ? count - done : ENTRIES; for (unsigned i = 0; i < n; i++) { struct io_uring_sqe *s = next(&r, IORING_OP_POLL_ADD, 0); s->fd = e; s->poll32_events = POLLIN; } if (enter(&r, n, 0) != n) printf("! "); }
    eventfd_write(e, 1); printf("%u", take_all(&r, count, &last)); printf(" %d\n", last);
  } else if (is("rings", argv)) {
    struct rlimit most = {20000, 65536}; setrlimit(RLIMIT_NOFILE, &most);
    struct io_uring_params p; int made = 0; for (; made < 10000; made++) { memset(&p, 0, sizeof p); if (syscall(__NR_io_uring_setup, 1, &p) < 0) break; }
    for (int i = 0; i < ENTRIES; i++) next(&r, IORING_OP_NOP, 0);
    printf("%d %ld", made > 1000, enter(&r, ENTRIES, 0)); printf(" %u %d\n", take_all(&r, ENTRIES, &last), last);
  } else if (is("itself", argv)) {
    /* A ring that is told of its own results by an event, and polls that event and itself. */
    int e = eventfd(0, 0); syscall(__NR_io_uring_register, r.fd, IORING_REGISTER_EVENTFD, &e, 1);
    struct io_uring_sqe *s = next(&r, IORING_OP_POLL_ADD, 0); s->fd = e; s->poll32_events = POLLIN; s->len = IORING_POLL_ADD_MULTI;
    s = next(&r, IORING_OP_POLL_ADD, 0); s->fd = r.fd; s->poll32_events = POLLIN; s->len = IORING_POLL_ADD_MULTI;
    for (int i = 0; i < 1000; i++) { s = next(&r, IORING_OP_MSG_RING, 0); s->fd = r.fd; }
    printf("%ld", enter(&r, 1002, 0)); unsigned got = take(&r, &last); printf(" %d\n", got >= 1000 && got < 20000);
  } else if (is("limits", argv)) {
    /* Each timeout that is counted ends with a limit, whose result ends the next. */
    for (int i = 0; i < ENTRIES; i += 2) {
      struct io_uring_sqe *s = next(&r, IORING_OP_TIMEOUT, IOSQE_IO_LINK); s->addr = (unsigned long)&hour; s->len = 1; s->off = i / 2 + 1;
      s = next(&r, IORING_OP_LINK_TIMEOUT, 0); s->addr = (unsigned long)&hour; s->len = 1;
    }
    printf("%ld", enter(&r, ENTRIES, 0)); next(&r, IORING_OP_NOP, 0); printf(" %ld", enter(&r, 1, 1)); printf(" %u\n", take_all(&r, ENTRIES + 1, &last));
  } else if (is("words", argv)) {
    static unsigned w[128]; static struct futex_waitv { unsigned long val, uaddr; unsigned flags, reserved; } v[128];
    for (int i = 0; i < 128; i++) v[i] = (struct futex_waitv){0, (unsigned long)&w[i], 2 | 128};
    unsigned failed = 0;
    for (int n = 0; n < 4; n++) { for (int i = 0; i < ENTRIES; i++) { struct io_uring_sqe *s = next(&r, FUTEX_WAITV, 0); s->fd = 0; s->addr = (unsigned long)v; s->len = 128; } enter(&r, ENTRIES, 0); failed += take(&r, &last); }
    printf("%d %d\n", failed > 0, last);
  } else if (is("word", argv)) {
    /* Many wait for one word: most are woken, the rest ends with the ring. */
    static unsigned w; unsigned count = 2 * ENTRIES - 100;
    for (unsigned done = 0; done < count;) { unsigned n = count - done < ENTRIES ? count - done : ENTRIES; for (unsigned i = 0; i < n; i++) { struct io_uring_sqe *s = next(&r, FUTEX_WAIT, 0); s->fd = 2 | 128; s->addr = (unsigned long)&w; s->addr3 = ~0u; } if (enter(&r, n, 0) != n) printf("! "); done += n; }
    long woken = 0; while (woken < 50000) { long n = syscall(SYS_futex, &w, 1 | 128, 50000 - woken, NULL, NULL, 0); if (n <= 0) break; woken += n; }
    printf("%ld %u\n", woken, take_all(&r, woken, &last));
  } else if (is("vectors", argv)) {
    static char b[8]; static struct { char *base; unsigned long length; } v[1024]; for (int i = 0; i < 1024; i++) { v[i].base = b; v[i].length = 1; }
    int p[2]; pipe(p); unsigned failed = 0;
    for (int n = 0; n < 4; n++) { for (int i = 0; i < ENTRIES; i++) { struct io_uring_sqe *s = next(&r, IORING_OP_READV, 0); s->fd = p[0]; s->addr = (unsigned long)v; s->len = 1024; } enter(&r, ENTRIES, 0); failed += take(&r, &last); }
    printf("%d %d\n", failed > 0, last);
  } else if (is("provided", argv)) {
    unsigned failed = 0, got = 0;
    for (int i = 0; i < ENTRIES; i++) { struct io_uring_sqe *s = next(&r, IORING_OP_PROVIDE_BUFFERS, 0); s->fd = 65535; s->len = 16; s->addr = 4096; s->buf_group = i; }
    enter(&r, ENTRIES, ENTRIES); got = take_all(&r, ENTRIES, &last); printf("%u %d", got, last);
    struct ring q; make(&q, 1); printf(" %ld", syscall(__NR_io_uring_register, q.fd, IORING_REGISTER_PERSONALITY, NULL, 0)); close(r.fd);
    struct io_uring_sqe *s = next(&q, IORING_OP_PROVIDE_BUFFERS, 0); s->fd = 65535; s->len = 16; s->addr = 4096; munmap(r.at, 4096); printf(" %ld", enter(&q, 1, 1)); take(&q, &last); printf(" %d\n", last);
  } else if (is("nested", argv)) {
    /* Each ring polls the one before, and nobody but that has it. */
    struct rlimit most = {20000, 65536}; setrlimit(RLIMIT_NOFILE, &most);
    int before = eventfd(0, 0), made = 0; struct ring q;
    for (; made < 8000 && make(&q, 1) == 0; made++) {
      struct io_uring_sqe *s = next(&q, IORING_OP_POLL_ADD, 0); s->fd = before; s->poll32_events = POLLIN;
      if (enter(&q, 1, 0) != 1) return 2;
      munmap(q.at, q.p.sq_off.array + 4); munmap(q.sqes, sizeof *q.sqes); close(before); before = q.fd;
    }
    printf("%d", made > 1000); close(before); printf(" closed\n");
  } else if (is("woken", argv)) {
    /* Each ring, whose work is done in its own calls alone, polls the one before. */
    struct rlimit most = {20000, 65536}; setrlimit(RLIMIT_NOFILE, &most);
    int first = eventfd(0, 0), before = first, made = 0;
    for (; made < 8000; made++) {
      struct ring q; memset(&q, 0, sizeof q); q.p.flags = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER; q.fd = syscall(__NR_io_uring_setup, 1, &q.p); if (q.fd < 0) break;
      q.at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, q.fd, 0); q.sqes = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, q.fd, IORING_OFF_SQES); if (q.at == MAP_FAILED || q.sqes == MAP_FAILED) break;
      *word(&q, q.p.sq_off.array) = 0; struct io_uring_sqe *s = next(&q, IORING_OP_POLL_ADD, 0); s->fd = before; s->poll32_events = POLLIN; *word(&q, q.p.sq_off.tail) = 1;
      if (syscall(__NR_io_uring_enter, q.fd, 1, 0, 0, NULL, 8) != 1) return 2;
      munmap(q.at, 4096); munmap(q.sqes, 4096); before = q.fd;
    }
    eventfd_write(first, 1); struct pollfd p = {before, POLLIN}; printf("%d %d\n", made > 1000, poll(&p, 1, 100));
  }
  return 0;
}
