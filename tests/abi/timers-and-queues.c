#include "abi.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>

/* POSIX timers and what they miss; how many signals may wait (RLIMIT_SIGPENDING). */

static volatile int overrun = -2, calls;
static timer_t timer;
static void tick(int signal, siginfo_t *info, void *context) { calls++; if (calls == 1) { struct itimerspec none = {{0, 0}, {0, 0}}; overrun = timer_getoverrun(timer); timer_settime(timer, 0, &none, NULL); } (void)signal; (void)info; (void)context; }
static void many(int signal) { (void)signal; calls++; }

static void settings(void) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1}; struct itimerspec spec = {{0, 0}, {5, 0}}, old; int id;
  struct sigaction action = {.sa_sigaction = tick, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &action, NULL);
  int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_BOOTTIME}; int kinds[] = {SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, 3, 4, 5, -1};
  for (int i = 0; i < 4; i++) for (int k = 0; k < 7; k++) { event.sigev_notify = kinds[k]; event.sigev_signo = SIGUSR1; printf("%d %d: ", i, kinds[k]); SHOW(syscall(SYS_timer_create, clocks[i], &event, &id)); }
  event.sigev_notify = SIGEV_THREAD; event.sigev_signo = 0; SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id)); event.sigev_notify = SIGEV_NONE; event.sigev_signo = 99; SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
  event.sigev_notify = SIGEV_SIGNAL; event.sigev_signo = SIGUSR1; SHOW(timer_create(CLOCK_REALTIME, &event, &timer));
  SHOW(syscall(SYS_timer_settime, timer, 0, NULL, NULL)); SHOW(syscall(SYS_timer_settime, timer, 0, 8, NULL)); SHOW(syscall(SYS_timer_settime, timer, 0, NULL, 8)); SHOW(syscall(SYS_timer_settime, 12345, 0, &spec, NULL)); SHOW(syscall(SYS_timer_settime, 12345, 0, 8, NULL)); spec.it_value.tv_nsec = -1; SHOW(syscall(SYS_timer_settime, timer, 0, &spec, 8)); spec.it_value.tv_nsec = 1000000000; SHOW(syscall(SYS_timer_settime, timer, 0, &spec, NULL)); spec.it_value.tv_nsec = 0;
  SHOW(syscall(SYS_timer_settime, timer, 0, &spec, 8)); SHOW(timer_gettime(timer, &old)); HOLDS(old.it_value.tv_sec == 4); spec.it_value.tv_sec = 0; SHOW(timer_settime(timer, 0, &spec, &old)); HOLDS(old.it_value.tv_sec == 4); SHOW(timer_gettime(timer, &old)); SHOW(old.it_value.tv_sec + old.it_value.tv_nsec);
}

static void overruns(void) {
  /* So long ago that the count overflows: it is capped. */
  struct itimerspec spec = {{0, 1}, {0, 0}}, none = {{0, 0}, {0, 0}}, left; clock_gettime(CLOCK_REALTIME, &spec.it_value); spec.it_value.tv_sec -= 3; calls = 0; SHOW(timer_settime(timer, TIMER_ABSTIME, &spec, NULL)); while (overrun == -2) {} timer_settime(timer, 0, &none, NULL); SHOW(overrun);
  /* While the signal is blocked one expiration waits, and the others are its overrun. */
  sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); spec.it_interval.tv_nsec = 10000000; spec.it_value.tv_sec = 0; spec.it_value.tv_nsec = 10000000; timer_settime(timer, 0, &spec, NULL); usleep(105000);
  SHOW(timer_gettime(timer, &left)); HOLDS(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 10000000); siginfo_t info; SHOW(sigwaitinfo(&set, &info)); SHOW(info.si_code); HOLDS(info.si_overrun >= 8 && info.si_overrun <= 12); HOLDS(timer_getoverrun(timer) == info.si_overrun); timer_settime(timer, 0, &none, NULL); struct timespec now = {0, 0}; while (sigtimedwait(&set, &info, &now) > 0) {}
  /* A new setting takes back the signal of an expiration that nobody has seen. */
  spec.it_interval.tv_nsec = 0; timer_settime(timer, 0, &spec, NULL); usleep(20000); timer_settime(timer, 0, &none, NULL); SHOW(sigtimedwait(&set, &info, &now)); SHOW(info.si_overrun);
  /* An ignored signal doesn't stop it. */
  signal(SIGUSR1, SIG_IGN); sigprocmask(SIG_UNBLOCK, &set, NULL); spec.it_interval.tv_nsec = spec.it_value.tv_nsec = 5000000; timer_settime(timer, 0, &spec, NULL); usleep(30000); SHOW(timer_gettime(timer, &left)); HOLDS(left.it_value.tv_nsec > 0); calls = 0; signal(SIGUSR1, many); usleep(50000); usleep(50000); HOLDS(calls > 0); timer_settime(timer, 0, &none, NULL);
}

static void limits(void) {
  if (setuid(31337)) exit(1);
  struct rlimit limit = {3, 3}; sigset_t set, pending; union sigval value = {7}; siginfo_t info; struct timespec now = {0, 0};
  sigemptyset(&set); sigaddset(&set, SIGRTMIN); sigaddset(&set, SIGRTMIN + 1); sigaddset(&set, SIGUSR2); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); SHOW(setrlimit(RLIMIT_SIGPENDING, &limit));
  for (int i = 0; i < 3; i++) SHOW(sigqueue(getpid(), SIGRTMIN, value)); SHOW(sigqueue(getpid(), SIGRTMIN, value)); SHOW(syscall(SYS_tgkill, getpid(), getpid(), SIGRTMIN)); SHOW(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR2)); SHOW(kill(getpid(), SIGUSR1)); SHOW(kill(getpid(), SIGRTMIN + 1)); SHOW(kill(getpid(), SIGRTMIN + 1));
  sigpending(&pending); SHOW(sigismember(&pending, SIGUSR2)); SHOW(sigismember(&pending, SIGRTMIN + 1));
  for (;;) { memset(&info, 0, sizeof info); int s = sigtimedwait(&set, &info, &now); if (s < 0) break; printf("%d code %d mine %d value %d\n", s == SIGUSR1 ? 1 : s == SIGUSR2 ? 2 : s - SIGRTMIN + 10, info.si_code, info.si_pid == getpid(), info.si_value.sival_int == 7); }
  SHOW(sigqueue(getpid(), SIGRTMIN, value)); limit.rlim_cur = 0; setrlimit(RLIMIT_SIGPENDING, &limit); SHOW(sigqueue(getpid(), SIGRTMIN, value)); SHOW(syscall(SYS_tgkill, getpid(), getpid(), SIGRTMIN));
  /* It is a limit of the user, not of the process. */
  limit.rlim_cur = 1; setrlimit(RLIMIT_SIGPENDING, &limit); int child = fork(); if (child == 0) { SHOW(sigqueue(getpid(), SIGRTMIN, value)); _exit(0); } waitpid(child, NULL, 0);
}

/* Interval timers that are given an interval and no time, and those that have nearly none left. */
static void intervals(void) {
  for (int which = 0; which < 3; which++) {
    struct itimerval t = {{10, 20}, {0, 0}}, old; SHOW(setitimer(which, &t, NULL)); SHOW(getitimer(which, &old)); SHOW(old.it_interval.tv_sec); SHOW(old.it_value.tv_sec || old.it_value.tv_usec);
    t.it_value.tv_sec = 30; SHOW(setitimer(which, &t, &old)); SHOW(old.it_interval.tv_sec); t.it_value.tv_sec = 0; SHOW(setitimer(which, &t, &old)); SHOW(old.it_interval.tv_sec); HOLDS(old.it_value.tv_sec >= 29); SHOW(getitimer(which, &old)); SHOW(old.it_interval.tv_sec);
  }
}

int main(void) {
  settings(); overruns(); intervals(); int child = fork(); if (child == 0) { limits(); exit(0); } waitpid(child, NULL, 0);
  return 0;
}
