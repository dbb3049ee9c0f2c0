/* One call that asks for as much as it can, by name in argv[1]; prints what came of it, as Linux would. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#define GIB (1UL << 30)
static volatile int alarms;
static void on_alarm(int s) { alarms++; }
static void *anonymous(size_t bytes, int protection, int flags) { return mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0); }
static const char *failure(long r) { return r < 0 ? strerrorname_np(errno) : "done"; }
static int is(const char *name, char **argv) { return strcmp(argv[1], name) == 0; }
/* 64000 areas: every second page has another protection. */
static char *many_areas(void) {
  char *p = anonymous(32000UL * 8192, PROT_READ | PROT_WRITE, 0);
  for (long i = 0; i < 32000; i++) if (mprotect(p + i * 8192, 4096, PROT_READ)) { printf("mprotect %ld: %s\n", i, failure(-1)); break; }
  return p;
}
static int words[2]; static volatile int waiting;
static void *wait_for_word(void *unused) { __sync_fetch_and_add(&waiting, 1); syscall(SYS_futex, words, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0); return unused; }
static int give(int via, int fd) {
  char c = 'x', b[CMSG_SPACE(4)]; struct iovec v = {&c, 1}; struct msghdr m = {0, 0, &v, 1, b, sizeof b, 0};
  struct cmsghdr *h = CMSG_FIRSTHDR(&m); h->cmsg_level = SOL_SOCKET; h->cmsg_type = SCM_RIGHTS; h->cmsg_len = CMSG_LEN(4); memcpy(CMSG_DATA(h), &fd, 4); return sendmsg(via, &m, 0);
}
/* How many sockets of UDP are told of that have this port or a higher one. */
static int told(int n, int port) {
  struct { struct nlmsghdr h; struct inet_diag_req_v2 r; struct nlattr a; struct inet_diag_bc_op code[2]; } q = {{sizeof q, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP}, {AF_INET, IPPROTO_UDP, .idiag_states = ~0U}, {sizeof q.a + sizeof q.code, INET_DIAG_REQ_BYTECODE}, {{INET_DIAG_BC_S_GE, 8, 12}, {.no = port}}};
  static char got[1 << 16]; int count = 0; if (send(n, &q, sizeof q, 0) < 0) return -1;
  for (;;) {
    struct pollfd p = {n, POLLIN}; if (poll(&p, 1, 1000) != 1) return -2;
    int length = recv(n, got, sizeof got, 0); if (length < 0) return -3;
    for (struct nlmsghdr *h = (void *)got; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length)) if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY) return h->nlmsg_type == NLMSG_DONE ? count : -4; else count++;
  }
}
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
int main(int argc, char **argv) {
  if (argc > 1000) { printf("%d %s %lu\n", argc, argv[200000], strlen(argv[argc - 1])); return 0; }
  if (is("execve", argv)) {
    long n = 210000; char **a = malloc((n + 1) * sizeof *a); for (long i = 0; i < n; i++) a[i] = i == 200000 ? "here" : ""; a[n - 1] = memset(calloc(1, 100001), 'x', 100000); a[n] = NULL;
    execv("/proc/self/exe", a); puts(failure(-1));
  } else if (is("fallocate", argv)) {
    int fd = memfd_create("x", 0);
    printf("%s", failure(fallocate(fd, 0, 0, 1L << 50))); printf(" %s", failure(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1L << 50)));
    int t = open("/tmp/x", O_CREAT | O_RDWR, 0600);
    printf(" %s", failure(fallocate(t, 0, 0, 1L << 44))); printf(" %s", failure(fallocate(t, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 64 << 20))); printf(" %s\n", failure(fallocate(t, 0, 0, 96 << 20)));
  } else if (is("unknown", argv)) {
    for (long i = 0; i < 100000; i++) if (syscall(100000 + i * 4099) != -1 || errno != ENOSYS) return 1;
    puts("ENOSYS");
  } else if (is("copy", argv)) {
    int in = memfd_create("in", 0), out = memfd_create("x", 0);
    if (ftruncate(in, 1L << 43)) return 1;
    long moved = copy_file_range(in, NULL, out, NULL, 1L << 43, 0); printf("%s", moved > 1 << 20 ? "short" : failure(moved));
    moved = sendfile(out, in, NULL, 1L << 43); printf(" %s\n", moved > 1 << 20 ? "short" : failure(moved));
  } else if (is("hwprobe", argv)) {
    long pairs = 1 << 19; long *p = anonymous(pairs * 16, PROT_READ | PROT_WRITE, 0); p[2 * pairs - 2] = 3;
    long result = syscall(258, p, pairs, 0, 0, 0); printf("%s %ld\n", failure(result), p[2 * pairs - 1]);
  } else if (is("random", argv)) {
    char *p = anonymous(2 << 20, PROT_READ | PROT_WRITE, 0); struct iovec v[64]; for (int i = 0; i < 64; i++) v[i] = (struct iovec){p, 2 << 20};
    printf("%ld", (long)readv(open("/dev/urandom", O_RDONLY), v, 64) >> 20); printf(" %ld", (long)readv(open("/dev/zero", O_RDONLY), v, 64) >> 20);
    p = anonymous(32 << 20, PROT_READ | PROT_WRITE, 0); printf(" %ld\n", (long)getrandom(p, 32 << 20, 0));
  } else if (is("populate", argv)) {
    char *p = mmap(NULL, 4 * GIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_NORESERVE, -1, 0);
    printf("%s", p == MAP_FAILED ? failure(-1) : "mapped"); printf(" %s\n", failure(munmap(p, 4 * GIB)));
  } else if (is("terabytes", argv)) {
    char *p = anonymous(32768 * GIB, PROT_READ, 0);
    for (long i = 0; i < 512; i++) if (p[i * 64 * GIB]) return 1;
    printf("%s", failure(mprotect(p, 32768 * GIB, PROT_NONE))); printf(" %s", failure(madvise(p, 32768 * GIB, MADV_DONTNEED))); printf(" %s", failure(mlock2(p, 32768 * GIB, MLOCK_ONFAULT)));
    printf(" %s", failure(mincore(p, 32768 * GIB, (void *)64))); printf(" %s", failure(msync(p, 32768 * GIB, MS_SYNC))); printf(" %s\n", failure(munmap(p, 32768 * GIB)));
  } else if (is("areas", argv)) {
    char *p = many_areas(); pid_t pid = fork(); int status;
    if (pid == 0) _exit(p[4096]);
    waitpid(pid, &status, 0);
    /* Read in small pieces, as stdio does. */
    int fd = open("/proc/self/maps", O_RDONLY); char text[1000]; long lines = 0, n;
    while ((n = read(fd, text, sizeof text)) > 0) for (long i = 0; i < n; i++) lines += text[i] == '\n';
    printf("%d %s", status, lines >= 64000 && lines < 64050 ? "all lines" : "other"); printf(" %s", failure(mprotect(p, 32000UL * 8192, PROT_READ | PROT_WRITE))); printf(" %s\n", failure(munmap(p, 32000UL * 8192)));
  } else if (is("listing", argv)) {
    char name[32]; mkdir("/tmp/d", 0700); chdir("/tmp/d");
    for (int i = 0; i < 20000; i++) { sprintf(name, "%d", i); close(open(name, O_CREAT | O_WRONLY, 0600)); }
    int fd = open(".", O_RDONLY | O_DIRECTORY), names = 0; char buffer[4096]; long n;
    double start = now();
    while ((n = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) for (long at = 0; at < n; at += *(unsigned short *)(buffer + at + 16)) names++;
    printf("%d %s\n", names, now() - start < 1.5 ? "soon" : "late");
  } else if (is("signals", argv)) {
    /* A handler runs in the midst of calls that would take long; a call that can't be cut short is done before. */
    signal(SIGALRM, on_alarm); setitimer(ITIMER_REAL, &(struct itimerval){{0, 5000}, {0, 5000}}, NULL);
    char *p = anonymous(32 << 20, PROT_READ | PROT_WRITE, 0); long got = 0;
    for (int i = 0; i < 8; i++) { long n = getrandom(p, 32 << 20, 0); if (n < 1) return 1; got += n; }
    char *q = mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0); unsigned char seen[1]; mincore(q + (127 << 20), 4096, seen);
    printf("%s %s %d\n", got > 0 && alarms > 0 ? "handled" : "not handled", q == MAP_FAILED ? "failed" : "whole", seen[0] & 1);
  } else if (is("killed", argv)) {
    pid_t pid = fork(); int status;
    if (pid == 0) { struct iovec v[1024]; char *p = anonymous(2 << 20, PROT_READ | PROT_WRITE, 0); for (int i = 0; i < 1024; i++) v[i] = (struct iovec){p, 2 << 20}; readv(open("/dev/urandom", O_RDONLY), v, 1024); _exit(0); }
    usleep(30000); double start = now(); kill(pid, SIGKILL); waitpid(pid, &status, 0);
    printf("%d %s\n", status, now() - start < 0.5 ? "at once" : "late");
  } else if (is("threads", argv)) {
    /* Thousands that wait for one word are moved to another, some woken, and the rest ends with the process. */
    pid_t pid = fork(); int status;
    if (pid == 0) {
      pthread_attr_t small; pthread_attr_init(&small); pthread_attr_setstacksize(&small, 16384); pthread_t t; int made = 0;
      for (; made < 3000; made++) if (pthread_create(&t, &small, wait_for_word, NULL)) break;
      while (waiting < made) sched_yield();
      usleep(1000);
      long moved = syscall(SYS_futex, words, FUTEX_REQUEUE_PRIVATE, 10, 1 << 30, words + 1, 0); long woken = syscall(SYS_futex, words + 1, FUTEX_WAKE_PRIVATE, 1000, 0, 0, 0);
      printf("%d %ld %ld", made > 1000, moved == made || moved == 10 || moved > 1000, woken); fflush(stdout); _exit(3);
    }
    waitpid(pid, &status, 0); printf(" %d\n", status >> 8);
  } else if (is("polls", argv)) {
    struct rlimit most = {20000, 65536}; setrlimit(RLIMIT_NOFILE, &most);
    int p[2]; pipe(p); static struct pollfd polls[16000]; int e = epoll_create1(0);
    for (int i = 0; i < 16000; i++) { polls[i].fd = dup(p[0]); polls[i].events = POLLIN; epoll_ctl(e, EPOLL_CTL_ADD, polls[i].fd, &(struct epoll_event){EPOLLIN}); }
    int none = poll(polls, 16000, 0); write(p[1], "x", 1); int all = poll(polls, 16000, 0); static struct epoll_event events[16000]; int ready = epoll_wait(e, events, 16000, 0);
    pid_t pid = fork(); int status; if (pid == 0) _exit(close_range(3, ~0U, 0)); waitpid(pid, &status, 0);
    printf("%d %d %d %d\n", none, all, ready, status);
  } else if (is("watches", argv)) {
    char name[64]; int n = inotify_init1(IN_NONBLOCK), made = 0; mkdir("/tmp/w", 0700);
    for (int i = 0; i < 20000; i++) { sprintf(name, "/tmp/w/%d", i); close(open(name, O_CREAT | O_WRONLY, 0600)); if (inotify_add_watch(n, name, IN_ALL_EVENTS) > 0) made++; }
    for (int i = 0; i < 20000; i++) { sprintf(name, "/tmp/w/%d", i); unlink(name); }
    static char events[1 << 20]; long bytes = read(n, events, sizeof events); close(n);
    printf("%d %s\n", made, bytes > 50000 ? "events" : "none");
  } else if (is("passed", argv)) {
    /* Each pair of sockets is in the queue of the next, and nowhere else. */
    struct rlimit most = {20000, 65536}; setrlimit(RLIMIT_NOFILE, &most);
    int before[2], pair[2], made = 0; socketpair(AF_UNIX, SOCK_STREAM, 0, before);
    for (; made < 8000; made++) { if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || give(pair[0], before[0]) < 0 || give(pair[0], before[1]) < 0) break; close(before[0]); close(before[1]); memcpy(before, pair, sizeof pair); }
    printf("%d", made); close(before[0]); close(before[1]); printf(" closed\n");
  } else if (is("kept", argv)) {
    /* What messages, semaphores and sockets keep with the host has an end, whoever raises their limits; then there is room again. */
    static char big[200008]; *(long *)big = 1; struct rlimit most = {20000, 65536}; setrlimit(RLIMIT_NOFILE, &most);
    int q = msgget(IPC_PRIVATE, 0600), n = 0; struct msqid_ds d; msgctl(q, IPC_STAT, &d); d.msg_qbytes = 1UL << 31; msgctl(q, IPC_SET, &d); while (n < 100000 && msgsnd(q, big, 8192, IPC_NOWAIT) == 0) n++; printf("%s", failure(-1)); msgctl(q, IPC_RMID, 0);
    int sets[20000]; for (n = 0; n < 20000 && (sets[n] = semget(IPC_PRIVATE, 32000, 0600)) >= 0; n++); printf(" %s", failure(-1)); while (n > 0) semctl(sets[--n], 0, IPC_RMID); q = semget(IPC_PRIVATE, 32000, 0600);
    printf(" %s", failure(q)); semctl(q, 0, IPC_RMID);
    int p[2]; for (n = 0; n < 9000; n++) { int room = 1 << 28; if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p)) break; setsockopt(p[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room); if (send(p[0], big, 200000, 0) < 0) break; }
    printf(" %s", failure(-1)); close_range(3, ~0U, 0); socketpair(AF_UNIX, SOCK_DGRAM, 0, p); printf(" %ld\n", (long)send(p[0], big, 100000, 0));
  } else if (is("told", argv)) {
    struct rlimit most = {20000, 65536}; setrlimit(RLIMIT_NOFILE, &most);
    struct sockaddr_in at = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}; int made = 0, n = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
    while (made < 15000 && bind(socket(AF_INET, SOCK_DGRAM, 0), (void *)&at, sizeof at) == 0) made++;
    printf("%d", told(n, 1)); printf(" %d\n", told(n, 65535));
  } else if (is("remap", argv)) {
    char *p = anonymous(96 << 20, PROT_READ | PROT_WRITE, MAP_POPULATE); for (long i = 0; i < 96 << 20; i += 4096) p[i] = i >> 12;
    char *q = mremap(p, 96 << 20, 128 << 20, MREMAP_MAYMOVE | MREMAP_DONTUNMAP); if (q == MAP_FAILED) q = mremap(p, 96 << 20, 112 << 20, MREMAP_MAYMOVE | MREMAP_FIXED, p - GIB);
    long wrong = 0; for (long i = 0; i < 96 << 20; i += 4096) wrong += q[i] != (char)(i >> 12);
    pid_t pid = fork(); int status; if (pid == 0) { for (long i = 0; i < 96 << 20; i += 4096) wrong += q[i] != (char)(i >> 12); _exit(wrong != 0); } waitpid(pid, &status, 0);
    printf("%ld %d\n", wrong, status);
  }
  return 0;
}
