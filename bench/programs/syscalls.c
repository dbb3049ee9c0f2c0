/*
 * The cost of system calls, and of reading the clock, which is none. Prints one line for each kind: `name nanoseconds-per-call`. Data goes through a pipe that the same
 * process reads, and through a file in /tmp.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void check(long got, long wanted, const char *what) {
  if (got == wanted) return;
  fprintf(stderr, "syscalls: %s: %ld, not %ld\n", what, got, wanted);
  exit(1);
}

static void through_pipe(const char *name, size_t size, int calls) {
  int ends[2];
  check(pipe(ends), 0, "pipe");
  fcntl(ends[1], F_SETPIPE_SZ, 1 << 17);
  long long start = now();
  for (int i = 0; i < calls; i++) {
    check(write(ends[1], buffer, size), (long)size, "write to a pipe");
    check(read(ends[0], buffer, size), (long)size, "read from a pipe");
  }
  printf("%s %.1f\n", name, (double)(now() - start) / calls / 2);
  close(ends[0]);
  close(ends[1]);
}

static void through_file(const char *suffix, size_t size, int calls) {
  char path[] = "/tmp/syscalls.XXXXXX";
  int fd = mkstemp(path);
  unlink(path);
  long long start = now();
  for (int i = 0; i < calls; i++) {
    if (i % 64 == 0) lseek(fd, 0, SEEK_SET);
    check(write(fd, buffer, size), (long)size, "write to a file");
  }
  printf("write-file-%s %.1f\n", suffix, (double)(now() - start) / calls);
  start = now();
  for (int i = 0; i < calls; i++) {
    if (i % 64 == 0) lseek(fd, 0, SEEK_SET);
    check(read(fd, buffer, size), (long)size, "read from a file");
  }
  printf("read-file-%s %.1f\n", suffix, (double)(now() - start) / calls);
  close(fd);
}

int main(void) {
  enum { SMALL = 200000, LARGE = 4000 };
  long long start = now();
  for (int i = 0; i < SMALL * 2; i++) syscall(SYS_getpid);
  printf("getpid %.1f\n", (double)(now() - start) / (SMALL * 2));
  start = now();
  for (int i = 0; i < SMALL * 10; i++) now();
  printf("clock_gettime %.1f\n", (double)(now() - start) / (SMALL * 10));
  through_pipe("pipe-1", 1, SMALL);
  through_pipe("pipe-64k", 65536, LARGE);
  through_file("1", 1, SMALL);
  through_file("64k", 65536, LARGE);
  return 0;
}
