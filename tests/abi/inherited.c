/* What of a process its child and the program that it executes have of it: fork(2), execve(2), prctl(2). */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif
#define GET_REGISTRATIONS 512

static long error(long result) { return result < 0 ? -errno : result; }
static long membarrier(int command) { return error(syscall(__NR_membarrier, command, 0, 0)); }

static void line(const char *path, const char *name) {
  char text[4096];
  FILE *file = fopen(path, "r");
  while (file != NULL && fgets(text, sizeof text, file) != NULL)
    if (name == NULL || strncmp(text, name, strlen(name)) == 0) printf("%s %s", path, text);
  if (file != NULL) fclose(file);
}

static void tell(const char *who) {
  printf("-- %s\n", who);
  printf("membarrier %ld, registered %ld\n", membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED), membarrier(GET_REGISTRATIONS));
  printf("personality %x\n", personality(0xffffffff));
  printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
  printf("keepcaps %d\n", prctl(PR_GET_KEEPCAPS));
  printf("no new privileges %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  printf("thp disabled %d\n", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  printf("timer slack %d\n", prctl(PR_GET_TIMERSLACK));
  int value = -1;
  prctl(PR_GET_PDEATHSIG, &value);
  printf("death signal %d\n", value);
  prctl(PR_GET_CHILD_SUBREAPER, &value);
  printf("subreaper %d\n", value);
  printf("machine check %d\n", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
  char name[17] = "";
  prctl(PR_GET_NAME, name);
  printf("name %s\n", name);
  struct itimerval timer;
  getitimer(ITIMER_REAL, &timer);
  printf("timer %d\n", timer.it_value.tv_sec > 0);
  printf("priority %d\n", getpriority(PRIO_PROCESS, 0));
  printf("io priority %ld\n", error(syscall(__NR_ioprio_get, 1, 0)));
  struct sched_param parameters;
  sched_getparam(0, &parameters);
  printf("scheduler %d %d\n", sched_getscheduler(0), parameters.sched_priority);
  stack_t stack;
  sigaltstack(NULL, &stack);
  printf("alternate stack %s %zu\n", stack.ss_flags == SS_DISABLE ? "none" : "there", stack.ss_size);
  sigset_t pending, blocked;
  sigpending(&pending);
  sigprocmask(SIG_SETMASK, NULL, &blocked);
  printf("pending %d, blocked %d\n", sigismember(&pending, SIGUSR1), sigismember(&blocked, SIGUSR1));
  struct sigaction one, two;
  sigaction(SIGUSR2, NULL, &one);
  sigaction(SIGHUP, NULL, &two);
  printf("handled %d, ignored %d\n", one.sa_handler != SIG_DFL, two.sa_handler == SIG_IGN);
  mode_t mask = umask(0);
  umask(mask);
  printf("umask %o\n", mask);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  printf("files %lu\n", (unsigned long)limit.rlim_cur);
  line("/proc/self/coredump_filter", NULL);
  line("/proc/self/oom_score_adj", NULL);
  line("/proc/self/status", "VmLck:");
  line("/proc/self/status", "SigPnd:");
  line("/proc/self/status", "Seccomp:");
  unsigned long affinity = 0;
  sched_getaffinity(0, sizeof affinity, (cpu_set_t *)&affinity);
  printf("affinity %lx\n", affinity & 1);
  fflush(stdout);
}

static void handler(int number) { (void)number; }

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  if (file != NULL) { fputs(text, file); fclose(file); }
}

int main(int count, char **words) {
  if (count > 1) { tell("executed"); return 0; }
  membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
  personality(ADDR_NO_RANDOMIZE);
  prctl(PR_SET_KEEPCAPS, 1);
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  prctl(PR_SET_TIMERSLACK, 77000);
  prctl(PR_SET_PDEATHSIG, SIGUSR2);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0);
  prctl(PR_SET_NAME, "mother");
  struct itimerval timer = {{0, 0}, {1000, 0}};
  setitimer(ITIMER_REAL, &timer, NULL);
  setpriority(PRIO_PROCESS, 0, 3);
  syscall(__NR_ioprio_set, 1, 0, (2 << 13) | 6);
  struct sched_param parameters = {0};
  sched_setscheduler(0, SCHED_BATCH, &parameters);
  static char space[65536];
  stack_t stack = {.ss_sp = space, .ss_size = sizeof space};
  sigaltstack(&stack, NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGUSR1);
  signal(SIGUSR2, handler);
  signal(SIGHUP, SIG_IGN);
  umask(031);
  struct rlimit limit = {100, 200};
  setrlimit(RLIMIT_NOFILE, &limit);
  write_file("/proc/self/coredump_filter", "0x5");
  write_file("/proc/self/oom_score_adj", "55");
  mlock(space, 4096);
  tell("mother");
  if (fork() == 0) {
    tell("child");
    execl("/proc/self/exe", words[0], "executed", NULL);
    _exit(1);
  }
  wait(NULL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0);
  mlockall(MCL_CURRENT | MCL_FUTURE);
  if (fork() == 0) {
    printf("-- again: no new privileges %d, dumpable %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_DUMPABLE));
    line("/proc/self/status", "VmLck:");
    fflush(stdout);
    execl("/proc/self/exe", words[0], "executed", NULL);
    printf("exec %d\n", errno);
    _exit(1);
  }
  wait(NULL);
  return 0;
}
