/* Processor time: what is used in the program, and what in the kernel (times(2), getrusage(2), proc_pid_stat(5), setitimer(2)). */
#define _GNU_SOURCE
#include "abi.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

/* Long enough that a read goes on in pieces: with virtual time nothing else in the kernel takes any. */
static char buffer[32 << 20];
static volatile sig_atomic_t fired;
static void on_signal(int number) { (void)number; fired++; }

static double seconds(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }
static double used(void) { struct timespec t; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); return t.tv_sec + t.tv_nsec / 1e9; }

static void in_program(double most) {
  volatile unsigned sum = 0;
  for (double end = used() + most; used() < end;) for (unsigned i = 0; i < 200000; i++) sum += i;
}

static void in_kernel(double most) {
  int fd = open("/dev/zero", O_RDONLY);
  for (double end = used() + most; used() < end;) if (read(fd, buffer, sizeof buffer) < 0) exit(1);
  close(fd);
}

/* Fields 14 and 15 of /proc/self/stat, in ticks. */
static void from_proc(long *user, long *system) {
  char text[1024] = ""; int fd = open("/proc/self/stat", O_RDONLY); if (read(fd, text, sizeof text - 1) < 0) exit(1); close(fd);
  char *at = strrchr(text, ')') + 2;
  sscanf(at, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", user, system);
}

int main(void) {
  struct rusage before, after; struct tms t;
  getrusage(RUSAGE_SELF, &before); in_program(0.06); getrusage(RUSAGE_SELF, &after);
  double user = seconds(after.ru_utime) - seconds(before.ru_utime), system = seconds(after.ru_stime) - seconds(before.ru_stime);
  printf("a program that computes is in user mode: %d\n", user > 3 * system && user > 0.03);
  before = after; in_kernel(0.2); getrusage(RUSAGE_SELF, &after);
  user = seconds(after.ru_utime) - seconds(before.ru_utime), system = seconds(after.ru_stime) - seconds(before.ru_stime);
  printf("one that reads is in the kernel: %d\n", system > 2 * user && system > 0.1);
  times(&t); long u, s; from_proc(&u, &s); getrusage(RUSAGE_THREAD, &before);
  printf("times, /proc and getrusage agree: %d %d %d\n", labs(t.tms_utime - u) < 10 && labs(t.tms_stime - s) < 10, labs(t.tms_stime - (long)(seconds(after.ru_stime) * 100)) < 10,
         before.ru_stime.tv_sec * 1000000 + before.ru_stime.tv_usec >= after.ru_stime.tv_sec * 1000000 + after.ru_stime.tv_usec);
  /* Neither goes back. */
  int back = 0; getrusage(RUSAGE_SELF, &before);
  for (int i = 0; i < 500; i++) {
    if (i % 50 == 0) usleep(1); else if (read(open("/dev/null", O_RDONLY), buffer, 1) < 0) exit(1); else close(3);
    getrusage(RUSAGE_SELF, &after); back += seconds(after.ru_utime) < seconds(before.ru_utime) || seconds(after.ru_stime) < seconds(before.ru_stime); before = after;
  }
  printf("times that went back: %d\n", back);
  signal(SIGVTALRM, on_signal); struct itimerval timer = {{0, 0}, {0, 60000}};
  setitimer(ITIMER_VIRTUAL, &timer, NULL); in_kernel(0.2); printf("ITIMER_VIRTUAL after time in the kernel: %d\n", (int)fired);
  in_program(0.1); printf("and in the program: %d\n", (int)fired);
  fflush(stdout);
  pid_t pid = fork(); if (pid == 0) { in_kernel(0.2); _exit(0); }
  waitpid(pid, NULL, 0); times(&t); getrusage(RUSAGE_CHILDREN, &after);
  printf("the child's: %d %d\n", t.tms_cstime > 2 * t.tms_cutime && t.tms_cstime > 10, seconds(after.ru_stime) > 2 * seconds(after.ru_utime));
  return 0;
}
