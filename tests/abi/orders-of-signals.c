/* Which of several signals comes first; what is checked first where several things are wrong; what timers count for. */
#include "abi.h"
#include <sys/epoll.h>
#include <sys/resource.h>

static int taken[64], count;
static void on_signal(int signal) { taken[count++] = signal; }
static const int signals[] = {SIGHUP, SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGUSR1, SIGSEGV, SIGPIPE, SIGSYS, SIGTERM};
enum { SIGNALS = sizeof signals / sizeof *signals };
static void show(void) { for (int i = 0; i < count; i++) printf("%d ", taken[i]); printf("\n"); count = 0; }
/* To the process, to the thread, or to both in turns. */
static void send_all(int way) { for (int i = 0; i < SIGNALS; i++) if (way == 0 || (way == 2 && i % 2 == 0)) kill(getpid(), signals[i]); else raise(signals[i]); }

/* Faults come before what has a lower number, and the thread's own before the process's. */
static void orders(void) {
  sigset_t set; struct timespec now = {0, 0}; sigemptyset(&set);
  for (int i = 0; i < SIGNALS; i++) { struct sigaction action = {.sa_handler = on_signal}; sigfillset(&action.sa_mask); sigaction(signals[i], &action, NULL); sigaddset(&set, signals[i]); }
  for (int way = 0; way < 3; way++) {
    sigprocmask(SIG_BLOCK, &set, NULL); send_all(way); sigprocmask(SIG_UNBLOCK, &set, NULL); show();
    sigprocmask(SIG_BLOCK, &set, NULL); send_all(way); while ((taken[count] = sigtimedwait(&set, NULL, &now)) > 0) count++; show();
  }
  sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void masks(void) {
  struct sigaction action = {.sa_handler = on_signal}, kept; sigfillset(&action.sa_mask); SHOW(sigaction(SIGUSR1, &action, NULL)); SHOW(sigaction(SIGUSR1, NULL, &kept));
  SHOW(sigismember(&kept.sa_mask, SIGKILL)); SHOW(sigismember(&kept.sa_mask, SIGSTOP)); SHOW(sigismember(&kept.sa_mask, SIGTSTP));
}

/* SIGCONT without a handler is dropped as what is ignored is, and ends no wait. */
static void continued(void) {
  sigset_t set, pending; sigemptyset(&set); sigaddset(&set, SIGCONT); sigaddset(&set, SIGCHLD); sigprocmask(SIG_BLOCK, &set, NULL); raise(SIGCONT); raise(SIGCHLD);
  sigpending(&pending); SHOW(sigismember(&pending, SIGCONT)); SHOW(sigismember(&pending, SIGCHLD)); signal(SIGCONT, SIG_DFL); signal(SIGCHLD, SIG_DFL); sigpending(&pending); SHOW(sigismember(&pending, SIGCONT)); SHOW(sigismember(&pending, SIGCHLD));
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  int child = fork(), status; struct epoll_event event;
  if (child == 0) { errno = 0; int got = epoll_wait(epoll_create1(0), &event, 1, 120); _exit(got == 0 ? 10 : errno); }
  usleep(40000); SHOW(kill(child, SIGCONT)); waitpid(child, &status, 0); SHOW(WEXITSTATUS(status));
}

static void clocks(void) {
  clockid_t own; struct timespec t; clock_gettime(CLOCK_REALTIME, &t);
  SHOW(clock_getcpuclockid(0, &own)); SHOW(clock_settime(own, &t)); SHOW(syscall(SYS_clock_settime, own, 8)); SHOW(syscall(SYS_clock_settime, (~0x7fffffu << 3) | 2, &t)); SHOW(syscall(SYS_clock_settime, (~7u << 3) | 3, &t));
  int none[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC, CLOCK_BOOTTIME, 99}; for (int i = 0; i < 5; i++) SHOW(syscall(SYS_clock_settime, none[i], 8));
  for (int kind = 0; kind < 8; kind++) { t.tv_nsec = 77; SHOW(syscall(SYS_clock_getres, (~0u << 3) | kind, &t)); SHOW(t.tv_nsec); }
}

/* A timer keeps a place for its signal, of those that a user may have queued (RLIMIT_SIGPENDING). */
static void timers(void) {
  int id; struct rlimit limit = {5000, 5000}; int child = fork();
  if (child == 0) { int made = 0; setrlimit(RLIMIT_SIGPENDING, &limit); while (made < 6000 && syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id) == 0) made++; HOLDS(made >= 4000 && made <= 5000); _exit(0); }
  waitpid(child, NULL, 0); if ((child = fork()) != 0) { waitpid(child, NULL, 0); return; }
  if (setuid(31338)) _exit(1);
  limit.rlim_cur = limit.rlim_max = 3; setrlimit(RLIMIT_SIGPENDING, &limit); struct sigevent silent = {.sigev_notify = SIGEV_NONE}; union sigval value = {1}; sigset_t set; sigemptyset(&set); sigaddset(&set, SIGRTMIN); sigaddset(&set, SIGALRM); sigprocmask(SIG_BLOCK, &set, NULL);
  for (int i = 0; i < 5; i++) SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, i % 2 ? &silent : NULL, &id));
  SHOW(sigqueue(getpid(), SIGRTMIN, value)); SHOW(timer_delete((timer_t)1)); SHOW(sigqueue(getpid(), SIGRTMIN, value)); SHOW(sigqueue(getpid(), SIGRTMIN, value)); SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
  /* One that has expired is counted once. */
  struct itimerspec soon = {{0, 0}, {0, 1000000}}; struct timespec now = {0, 0}; SHOW(timer_settime((timer_t)0, 0, &soon, NULL)); usleep(20000); sigset_t first; sigemptyset(&first); sigaddset(&first, SIGRTMIN); SHOW(sigtimedwait(&first, NULL, &now) == SIGRTMIN); SHOW(sigqueue(getpid(), SIGRTMIN, value)); SHOW(sigqueue(getpid(), SIGRTMIN, value));
  char line[128]; FILE *status = fopen("/proc/self/status", "r"); while (fgets(line, sizeof line, status)) if (strncmp(line, "SigQ", 4) == 0) printf("%s", line); fclose(status);
  /* A child has none of its parent's timers, but shares the limit; what it had is given back at its end. */
  if ((child = fork()) == 0) { SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id)); _exit(0); } waitpid(child, NULL, 0);
  sigdelset(&set, SIGRTMIN); SHOW(sigtimedwait(&set, NULL, &now)); SHOW(timer_delete((timer_t)0)); if ((child = fork()) == 0) { SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id)); SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id)); _exit(0); } waitpid(child, NULL, 0);
  SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
  /* To all whom one may signal: it is no error that these are none. */
  SHOW(kill(-1, 0)); SHOW(kill(-1, 65)); SHOW(kill(1, 0)); SHOW(kill(1, 65)); SHOW(kill((int)0x80000000, 0)); _exit(0);
}

static void wrong(void) {
  siginfo_t info; memset(&info, 0, sizeof info); info.si_code = SI_QUEUE; int nobody = 0x7ffffff0;
  SHOW(kill(nobody, 99)); SHOW(kill(-nobody, 99)); SHOW(kill(getpid(), 99)); SHOW(syscall(SYS_tgkill, getpid(), nobody, 99)); SHOW(syscall(SYS_tgkill, getpid(), getpid(), 99)); SHOW(syscall(SYS_tgkill, getpid(), 0, 99)); SHOW(syscall(SYS_tkill, nobody, 99));
  SHOW(syscall(SYS_rt_sigqueueinfo, nobody, SIGUSR1, 8)); SHOW(syscall(SYS_rt_sigqueueinfo, nobody, 99, &info)); SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), 99, &info)); SHOW(syscall(SYS_rt_sigqueueinfo, 0, SIGUSR1, &info)); SHOW(syscall(SYS_rt_sigqueueinfo, -1, SIGUSR1, &info));
  SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), nobody, 9, 8)); SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), nobody, 99, &info)); SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 99, &info)); SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, 99, 8));
  info.si_code = SI_USER; SHOW(syscall(SYS_rt_sigqueueinfo, nobody, SIGUSR1, &info)); SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), nobody, SIGUSR1, &info)); SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), 0, &info));
}

int main(void) { orders(); masks(); continued(); clocks(); timers(); wrong(); return 0; }
