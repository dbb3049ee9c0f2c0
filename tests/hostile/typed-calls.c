/*
 * Executes a list of system calls (/calls, made by call-generator.ts) in children of forty calls each: what a child breaks in itself, it takes with it.
 *
 * A record: u32 number, u32 bytes of data, u64 arguments[6], the data, padded to 8 bytes. The data is copied to DATA before the call. Where descriptors and
 * memory are is fixed, so that the list can name them; both files say the same (call-generator.ts: FIRST_FD, DATA …).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#define FIRST_FD 100
#define DATA ((char *)0x40000000)
#define BIG ((char *)0x50000000)
#define READ_ONLY ((char *)0x70000000)
#define AREAS ((char *)0x80000000)
#define GROUP 40
static int next_fd = FIRST_FD;
static void keep(int fd) { if (fd >= 0 && fd != next_fd) { dup2(fd, next_fd); close(fd); } next_fd++; }
static void map(char *at, size_t bytes, int protection) { if (mmap(at, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != at) exit(2); }
/* Rings of io_uring(7): a plain one, and one with large entries and results (RING_FDS of call-generator.ts). */
struct ring { int fd; unsigned entries, stride, *head, *tail, *done, *made, *array; char *sqes; } rings[2];
static void make_ring(struct ring *r, unsigned flags) {
  unsigned p[30] = {0}; p[2] = flags; int fd = syscall(425, 32, p); keep(fd); r->fd = next_fd - 1; r->entries = p[0]; r->stride = flags & 1 << 10 ? 128 : 64;
  char *at = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0); size_t size = p[25] + p[1] * (flags & 1 << 11 ? 32 : 16) + p[0] * 4;
  if (at == MAP_FAILED) at = mmap(0, (size + 4095) & ~4095ul, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
  r->sqes = mmap(0, p[0] * r->stride, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0x10000000); if (at == MAP_FAILED || r->sqes == MAP_FAILED) exit(3);
  r->head = (void *)(at + p[10]); r->tail = (void *)(at + p[11]); r->array = (void *)(at + p[16]); r->done = (void *)(at + p[20]); r->made = (void *)(at + p[21]);
}
/* What the data begins with are entries. */
static void submit(struct ring *r, unsigned count) {
  for (unsigned i = 0; i < count && i < r->entries; i++) { unsigned at = (*r->tail + i) & (r->entries - 1); memcpy(r->sqes + at * r->stride, DATA + i * 64, 64); r->array[at] = at; }
  *r->tail += count < r->entries ? count : r->entries; *r->done = *r->made;
}
static void set_up(void) {
  map(DATA, 1 << 20, PROT_READ | PROT_WRITE); map(BIG, 256 << 20, PROT_READ | PROT_WRITE); map(READ_ONLY, 128 << 20, PROT_READ); map(AREAS, 4000 * 4096, PROT_READ | PROT_WRITE);
  for (int i = 0; i < 4000; i += 2) mprotect(AREAS + i * 4096, 4096, PROT_READ);
  char name[64]; mkdir("/tmp/d", 0777); mkdir("/tmp/m", 0777); mkdir("/tmp/e", 0777);
  for (int i = 0; i < 3000; i++) { sprintf(name, "/tmp/d/%d", i); close(open(name, O_CREAT | O_WRONLY, 0666)); }
  char text[200] = "/tmp/"; for (int i = 0; i < 40; i++) { sprintf(name, "/tmp/l%d", i); sprintf(text, i == 39 ? "/tmp/file" : "/tmp/../tmp/./l%d", i + 1); symlink(text, name); }
  int fd = open("/tmp/file", O_CREAT | O_RDWR, 0666); for (int i = 0; i < 16; i++) write(fd, READ_ONLY, 4096); keep(fd);
  fd = open("/tmp/sparse", O_CREAT | O_RDWR, 0666); ftruncate(fd, 1L << 43); pwrite(fd, "x", 1, 1L << 42); keep(fd);
  fd = memfd_create("m", MFD_ALLOW_SEALING); ftruncate(fd, 1 << 20); keep(fd);
  fd = memfd_create("s", 0); ftruncate(fd, 1L << 50); keep(fd);
  keep(open("/tmp/d", O_RDONLY | O_DIRECTORY)); keep(open("/", O_RDONLY | O_DIRECTORY)); keep(open("/proc", O_RDONLY | O_DIRECTORY)); keep(open("/tmp/file", O_PATH)); keep(open("/tmp/file", O_WRONLY | O_APPEND));
  int p[2]; pipe2(p, 0); keep(p[0]); keep(p[1]); pipe2(p, O_NONBLOCK); while (write(p[1], READ_ONLY, 4096) > 0); keep(p[0]); keep(p[1]);
  socketpair(AF_UNIX, SOCK_STREAM, 0, p); keep(p[0]); keep(p[1]); socketpair(AF_UNIX, SOCK_DGRAM, 0, p); keep(p[0]); keep(p[1]);
  keep(socket(AF_UNIX, SOCK_SEQPACKET, 0)); keep(socket(AF_NETLINK, SOCK_RAW, 0)); keep(socket(AF_INET, SOCK_STREAM, 0)); keep(socket(AF_INET6, SOCK_DGRAM, 0));
  keep(eventfd(3, 0)); keep(timerfd_create(CLOCK_MONOTONIC, 0)); sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); keep(signalfd(-1, &set, 0));
  int e = epoll_create1(0); for (int i = 0; i < 200; i++) { int v = dup(100 + i % 20); struct epoll_event event = {EPOLLIN | EPOLLOUT}; epoll_ctl(e, EPOLL_CTL_ADD, v, &event); } keep(e);
  fd = inotify_init1(0); inotify_add_watch(fd, "/tmp/d", IN_ALL_EVENTS); inotify_add_watch(fd, "/tmp", IN_ALL_EVENTS); keep(fd);
  keep(syscall(SYS_pidfd_open, getpid(), 0)); keep(open("/dev/null", O_RDWR)); keep(open("/dev/zero", O_RDWR)); keep(open("/dev/urandom", O_RDWR)); keep(open("/dev/full", O_RDWR)); keep(open("/dev/ptmx", O_RDWR | O_NOCTTY));
  keep(open("/proc/self/maps", O_RDONLY)); keep(open("/proc/self/smaps", O_RDONLY)); keep(open("/proc/self/mountinfo", O_RDONLY)); keep(open("/proc/self/status", O_RDONLY)); keep(open("/proc/stat", O_RDONLY)); keep(open("/proc/sys/kernel/hostname", O_RDWR));
  keep(mq_open("/q", O_CREAT | O_RDWR | O_NONBLOCK, 0666, NULL));
  keep(socket(AF_NETLINK, SOCK_RAW, 12)); keep(socket(AF_NETLINK, SOCK_RAW, 16)); keep(socket(AF_NETLINK, SOCK_RAW, 4));
  make_ring(&rings[0], 0); make_ring(&rings[1], 1 << 4 | 1 << 7 | 1 << 10 | 1 << 11);
  unsigned long handled[2] = {0x7fff, 3}; keep(syscall(444, handled, sizeof handled, 0));
}
struct record { unsigned number, bytes; unsigned long arguments[6]; };
static char *list, *end;
static struct record *after(struct record *r) { return (struct record *)((char *)r + sizeof *r + ((r->bytes + 7) & ~7u)); }
static void run(struct record *r, int count) {
  pid_t self = getpid();
  for (int i = 0; i < count && (char *)r < end; i++, r = after(r)) {
    memcpy(DATA, (char *)r + sizeof *r, r->bytes);
    if (r->number == 426) for (int k = 0; k < 2; k++) if (r->arguments[0] == rings[k].fd) submit(&rings[k], r->arguments[1]);
    syscall(r->number, r->arguments[0], r->arguments[1], r->arguments[2], r->arguments[3], r->arguments[4], r->arguments[5]);
    if (syscall(SYS_getpid) != self) syscall(SYS_exit_group, 0);
  }
  syscall(SYS_exit_group, 0);
}
int main(int argc, char **argv) {
  /* A child has executed the program anew. */
  if (strcmp(argv[0], "program")) return 0;
  int fd = open("/calls", O_RDONLY); struct stat s; fstat(fd, &s);
  list = mmap(NULL, s.st_size, PROT_READ, MAP_PRIVATE, fd, 0); end = list + s.st_size; close(fd);
  set_up();
  for (int n = 1; n < 65; n++) if (n != SIGCHLD && n != SIGALRM && n != SIGSEGV && n != SIGBUS && n != SIGILL) signal(n, SIG_IGN);
  for (struct record *r = (struct record *)list; (char *)r < end; ) {
    pid_t pid = fork();
    if (pid == 0) { setpgid(0, 0); alarm(1); run(r, GROUP); }
    /* A child that blocks the alarm is ended from here. */
    int status; for (int i = 0; i < 150 && waitpid(pid, &status, WNOHANG) == 0; i++) { struct timespec t = {0, i < 20 ? 1000000 : 10000000}; nanosleep(&t, NULL); }
    kill(-pid, SIGKILL); kill(pid, SIGKILL); kill(pid, SIGCONT); while (waitpid(-1, &status, WNOHANG) > 0);
    for (int i = 0; i < GROUP && (char *)r < end; i++) r = after(r);
  }
  int status; while (wait(&status) > 0);
  write(1, "survived\n", 9);
  return 0;
}
