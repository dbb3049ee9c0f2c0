#include "abi.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Rules that few programs count on, and those do. */
static int word;
static void *waiter(void *at) { syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0); __atomic_store_n((int *)at, 1, __ATOMIC_SEQ_CST); return NULL; }

static void futexes(void) {
  printf("- a wake of nobody wakes one\n");
  pthread_t thread; int woken = 0; long count = 0;
  pthread_create(&thread, NULL, waiter, &woken);
  for (int turn = 0; turn < 5000 && count == 0; turn++) { count = syscall(SYS_futex, &word, FUTEX_WAKE, 0, NULL, NULL, 0); usleep(1000); }
  printf("  %ld\n", count); fflush(stdout);
  pthread_join(thread, NULL); printf("  woken %d\n", woken);
}

static void access_modes(void) {
  printf("- opened for neither\n");
  int fd = open("/tmp/lesser-known", O_RDWR | O_CREAT, 0600); write(fd, "text", 4); close(fd);
  char byte; SHOW(fd = open("/tmp/lesser-known", 3)); fd = open("/tmp/lesser-known", 3);
  SHOW(read(fd, &byte, 1)); SHOW(write(fd, "x", 1)); SHOW(fcntl(fd, F_GETFL) & O_ACCMODE); SHOW(ftruncate(fd, 0)); SHOW(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
  HOLDS(lseek(fd, 0, SEEK_END) == 4);
  close(fd); unlink("/tmp/lesser-known");
}

static void memory(void) {
  printf("- memory\n"); fflush(stdout);
  char *at = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SHOW(mlock(at, 4096)); SHOW(munlock(at, 4096));
  SHOW(mprotect(at, (size_t)-4096, PROT_READ)); SHOW(mprotect(at, (size_t)-1, PROT_READ)); SHOW(mprotect(at, 0, PROT_READ));
  if (fork() == 0) {
    struct rlimit none = {0, 0}; setrlimit(RLIMIT_MEMLOCK, &none); setgid(77); setuid(88);
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0)); SHOW(mlock(at, 4096)); SHOW(mlockall(MCL_FUTURE));
    _exit(0);
  }
  wait(NULL);
}

static void names(void) {
  printf("- a stream's sender\n");
  int ear = socket(AF_UNIX, SOCK_STREAM, 0), from = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un here = {AF_UNIX, "\0lesser-ear"}, there = {AF_UNIX, "\0lesser-from"}, got;
  bind(ear, (void *)&here, 2 + 11); listen(ear, 1); bind(from, (void *)&there, 2 + 12); connect(from, (void *)&here, 2 + 11);
  int end = accept(ear, NULL, NULL); char bytes[10]; socklen_t size = sizeof got;
  send(from, "hello", 5, 0); send(end, "back", 4, 0);
  SHOW(recvfrom(end, bytes, 5, 0, (void *)&got, &size)); printf("  %u %.11s\n", size, got.sun_path + 1);
  size = sizeof got; SHOW(recvfrom(from, bytes, 4, 0, (void *)&got, &size)); printf("  %u %.10s\n", size, size > 2 ? got.sun_path + 1 : "");
  int pair[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, pair); send(pair[0], "x", 1, 0);
  size = sizeof got; SHOW(recvfrom(pair[1], bytes, 1, 0, (void *)&got, &size)); printf("  %u\n", size);
}

static void groups(void) {
  printf("- setgroups\n"); fflush(stdout);
  for (int turn = 0; turn < 5; turn++) {
    const char *texts[] = {"deny", "allow\n", "deny  \n", "denying", "allow  \n"}; int sizes[] = {5, 6, 7, 7, 7};
    if (fork() == 0) {
      unshare(CLONE_NEWUSER);
      int fd = open("/proc/self/setgroups", O_WRONLY);
      printf("  %d: ", turn); SHOW(write(fd, texts[turn], sizes[turn]));
      _exit(0);
    }
    wait(NULL);
  }
}

static void times(void) {
  printf("- a length that stays\n");
  int fd = open("/tmp/lesser-known", O_RDWR | O_CREAT, 0600); write(fd, "text", 4);
  struct timespec old[2] = {{1000, 0}, {1000, 0}}; struct stat st;
  futimens(fd, old); SHOW(ftruncate(fd, 4)); fstat(fd, &st); HOLDS(st.st_mtime == 1000);
  futimens(fd, old); SHOW(truncate("/tmp/lesser-known", 4)); fstat(fd, &st); HOLDS(st.st_mtime == 1000);
  unlink("/tmp/lesser-known");
}

int main(void) {
  futexes(); access_modes(); memory(); names(); groups(); times();
  return 0;
}
