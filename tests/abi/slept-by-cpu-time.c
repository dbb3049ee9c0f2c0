#include "abi.h"
#include <pthread.h>
#include <sys/wait.h>
/* clock_nanosleep(2) by CPU clocks: of a process, of another thread, of another process. */
#define THREAD_CLOCK(tid) ((~(tid) << 3) | 6)
#define PROCESS_CLOCK(pid) ((~(pid) << 3) | 2)
#define NAP(clock, flags, t, left) syscall(SYS_clock_nanosleep, clock, flags, t, left)
static long ns(int clock) { struct timespec t; return syscall(SYS_clock_gettime, clock, &t) ? -1 : t.tv_sec * 1000000000L + t.tv_nsec; }
static volatile int stop, tid; static volatile long burnt;
static void *burn(void *start) { tid = gettid(); while (!stop) for (int i = 0; i < 1000; i++) burnt++; return NULL; }
static void on_signal(int s) { (void)s; }
int main(void) {
  struct timespec t = {0, 20000000}, left = {7, 7}, bad = {0, 1000000000}, zero = {0, 0}, hundred = {100, 0};
  SHOW(NAP(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL)); SHOW(NAP(THREAD_CLOCK(0), 0, &t, NULL)); SHOW(NAP(THREAD_CLOCK(gettid()), 0, &t, NULL)); SHOW(NAP(THREAD_CLOCK(gettid()), 0, &bad, NULL)); SHOW(NAP(THREAD_CLOCK(gettid()), 0, NULL, NULL));
  SHOW(NAP(CLOCK_PROCESS_CPUTIME_ID, 0, &bad, NULL)); SHOW(NAP(CLOCK_PROCESS_CPUTIME_ID, 0, NULL, NULL)); SHOW(NAP(CLOCK_PROCESS_CPUTIME_ID, 0, &zero, NULL)); SHOW(NAP(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &zero, NULL));
  SHOW(NAP(PROCESS_CLOCK(4194305), 0, &t, NULL)); SHOW(NAP(CLOCK_MONOTONIC_RAW, 0, &t, NULL)); SHOW(NAP(CLOCK_MONOTONIC_COARSE, 0, &t, NULL)); SHOW(NAP(-5, 0, &t, NULL)); SHOW(NAP(99, 0, &t, NULL));
  /* Nobody uses any: a signal ends it. */
  struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART}; sigaction(SIGALRM, &a, NULL); ualarm(30000, 0); t.tv_sec = 5;
  SHOW(NAP(CLOCK_PROCESS_CPUTIME_ID, 0, &t, &left)); HOLDS(left.tv_sec == 5 || left.tv_sec == 4 && left.tv_nsec > 900000000); left.tv_sec = 7; ualarm(30000, 0); SHOW(NAP(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &t, &left)); SHOW(left.tv_sec); ualarm(30000, 0); SHOW(NAP(CLOCK_PROCESS_CPUTIME_ID, 0, &t, (void *)8));
  /* Another thread does. */
  pthread_t thread; pthread_create(&thread, NULL, burn, NULL); while (!tid) usleep(1000); t.tv_sec = 0;
  long before = ns(CLOCK_PROCESS_CPUTIME_ID), own = ns(CLOCK_THREAD_CPUTIME_ID); SHOW(NAP(CLOCK_PROCESS_CPUTIME_ID, 0, &t, NULL)); HOLDS(ns(CLOCK_PROCESS_CPUTIME_ID) - before >= 20000000); HOLDS(ns(CLOCK_THREAD_CPUTIME_ID) - own < 15000000);
  before = ns(THREAD_CLOCK(tid)); SHOW(NAP(THREAD_CLOCK(tid), 0, &t, NULL)); HOLDS(ns(THREAD_CLOCK(tid)) - before >= 20000000);
  long until = ns(CLOCK_PROCESS_CPUTIME_ID) + 30000000; struct timespec at = {until / 1000000000, until % 1000000000}; SHOW(NAP(PROCESS_CLOCK(0), TIMER_ABSTIME, &at, NULL)); HOLDS(ns(CLOCK_PROCESS_CPUTIME_ID) >= until);
  pid_t child = fork(); if (child == 0) { SHOW(NAP(PROCESS_CLOCK(getppid()), 0, &t, NULL)); _exit(0); } wait(NULL);
  /* One that ends, or is killed, meanwhile. */
  child = fork(); if (child == 0) { for (;;) pause(); } if (fork() == 0) { usleep(30000); kill(child, SIGKILL); _exit(0); } ualarm(200000, 0); SHOW(NAP(PROCESS_CLOCK(child), 0, &t, NULL)); stop = 1; pthread_join(thread, NULL); while (wait(NULL) > 0) continue;
  child = fork(); if (child == 0) { NAP(CLOCK_PROCESS_CPUTIME_ID, 0, &hundred, NULL); _exit(0); } usleep(20000); kill(child, SIGKILL); int status; SHOW(waitpid(child, &status, 0) == child); SHOW(status);
  /* Clocks of those that have ended, and of others' threads. */
  int ready[2]; pipe(ready); child = fork(); if (child == 0) { for (long used = 0; used < 20000000; used = ns(CLOCK_PROCESS_CPUTIME_ID)) continue; write(ready[1], "x", 1); for (;;) pause(); }
  char byte; read(ready[0], &byte, 1); HOLDS(ns(PROCESS_CLOCK(child)) >= 20000000); SHOW(ns(THREAD_CLOCK(child))); SHOW(syscall(SYS_clock_getres, PROCESS_CLOCK(child), NULL)); kill(child, SIGKILL); siginfo_t info; waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  HOLDS(ns(PROCESS_CLOCK(child)) >= 20000000); SHOW(syscall(SYS_clock_getres, PROCESS_CLOCK(child), NULL)); wait(NULL); SHOW(ns(PROCESS_CLOCK(child))); HOLDS(ns(THREAD_CLOCK(gettid())) > 0); SHOW(ns(THREAD_CLOCK(1))); HOLDS(ns(PROCESS_CLOCK(1)) >= 0);
}
