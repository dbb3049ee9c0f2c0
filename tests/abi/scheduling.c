#include "abi.h"
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
struct attributes { unsigned size, policy; unsigned long flags; int nice; unsigned priority; unsigned long runtime, deadline, period; unsigned low, high; char more[8]; };
static int set(int pid, void *a, unsigned flags) { return syscall(SYS_sched_setattr, pid, a, flags); }
static int get(int pid, void *a, unsigned size, unsigned flags) { return syscall(SYS_sched_getattr, pid, a, size, flags); }
static pthread_mutex_t pi, robust; static pthread_barrier_t both; static volatile int done;
static void *lock_it(void *p) { pthread_barrier_wait(&both); long r = pthread_mutex_lock(&pi); done++; pthread_mutex_unlock(&pi); (void)p; return (void *)r; }
static void *die_with(void *p) { (void)p; pthread_mutex_lock(&robust); pthread_barrier_wait(&both); usleep(20000); return NULL; }
static void *nap(void *p) { (void)p; return NULL; }
static volatile int handled; static void handler(int s) { handled++; (void)s; }
int main(void) {
  struct sched_param p = {0}; struct timespec t; struct attributes a;
  /* Policies and priorities. */
  SHOW(sched_getscheduler(0)); SHOW(sched_getscheduler(-1)); SHOW(sched_getscheduler(999999)); SHOW(sched_getparam(0, &p)); SHOW(p.sched_priority); SHOW(sched_getparam(0, NULL)); SHOW(sched_getparam(-1, &p)); SHOW(sched_getparam(999999, &p));
  p.sched_priority = 0; SHOW(sched_setscheduler(0, SCHED_BATCH, &p)); SHOW(sched_getscheduler(0)); SHOW(sched_setscheduler(0, SCHED_IDLE, &p)); SHOW(sched_getscheduler(0)); SHOW(sched_setscheduler(0, SCHED_OTHER, &p)); SHOW(sched_setscheduler(0, 4, &p)); SHOW(sched_setscheduler(0, 77, &p)); SHOW(sched_setscheduler(0, SCHED_OTHER, NULL)); SHOW(sched_setscheduler(0, SCHED_FIFO, &p)); SHOW(sched_setscheduler(0, SCHED_RR, &p)); p.sched_priority = 100; SHOW(sched_setscheduler(0, SCHED_FIFO, &p)); p.sched_priority = 1; SHOW(sched_setscheduler(0, SCHED_OTHER, &p)); SHOW(sched_setparam(0, &p)); SHOW(sched_setscheduler(-1, SCHED_OTHER, &p)); SHOW(sched_setscheduler(0, 6, &p));
  for (int policy = 0; policy < 7; policy++) { SHOW(sched_get_priority_max(policy)); SHOW(sched_get_priority_min(policy)); }
  SHOW(sched_rr_get_interval(-1, &t)); SHOW(sched_rr_get_interval(999999, &t)); SHOW(sched_rr_get_interval(0, &t));
  /* Attributes in one structure that may grow. */
  memset(&a, 0, sizeof a); SHOW(get(0, &a, 48, 0)); SHOW(a.size); SHOW(a.policy); SHOW(a.nice); SHOW(a.priority); SHOW(get(0, &a, 47, 0)); SHOW(get(0, &a, 5000, 0)); SHOW(get(0, &a, 48, 1)); SHOW(get(-1, &a, 48, 0)); SHOW(get(999999, &a, 48, 0)); SHOW(get(0, NULL, 48, 0)); SHOW(get(0, (void *)8, 48, 0));
  memset(&a, 0, sizeof a); a.size = 48; a.nice = 7; SHOW(set(0, &a, 0)); SHOW(getpriority(PRIO_PROCESS, 0)); a.nice = 100; SHOW(set(0, &a, 0)); SHOW(getpriority(PRIO_PROCESS, 0)); SHOW(set(0, &a, 1)); SHOW(set(-1, &a, 0)); SHOW(set(0, NULL, 0)); SHOW(set(0, (void *)8, 0)); SHOW(set(999999, &a, 0)); a.size = 40; SHOW(set(0, &a, 0)); HOLDS(a.size >= 56); a.size = sizeof a; a.more[0] = 1; SHOW(set(0, &a, 0)); a.more[0] = 0; a.size = 0; a.nice = 3; SHOW(set(0, &a, 0)); a.size = 48; a.flags = 1 << 20; SHOW(set(0, &a, 0)); a.flags = 0; a.policy = -1; SHOW(set(0, &a, 0)); a.policy = 6; SHOW(set(0, &a, 0)); a.runtime = 10; a.deadline = 1000000; SHOW(set(0, &a, 0));
  a.policy = 0; a.flags = 1; a.nice = -5; SHOW(set(0, &a, 0) == 0 || errno == EPERM); a.flags = 1; a.nice = 5; SHOW(set(0, &a, 0)); SHOW(sched_getscheduler(0) == SCHED_RESET_ON_FORK); memset(&a, 0, sizeof a); SHOW(get(0, &a, 48, 0)); SHOW(a.flags);
  pid_t pid = fork(); if (pid == 0) { SHOW(sched_getscheduler(0)); _exit(getpriority(PRIO_PROCESS, 0)); } int status; waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status));
  /* A slice of one's own: told within its bounds, kept by what has no word for it, inherited. */
  sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0}); memset(&a, 0, sizeof a); a.size = 48; SHOW(set(0, &a, 0)); SHOW(get(0, &a, 48, 0)); HOLDS(a.runtime >= 100000 && a.runtime <= 100000000); unsigned long base = a.runtime;
  unsigned long slices[] = {5000000, 1, 1UL << 40, ~0UL, 0}; for (int i = 0; i < 5; i++) { memset(&a, 0, sizeof a); a.size = 48; a.policy = SCHED_BATCH; a.runtime = slices[i]; SHOW(set(0, &a, 0)); get(0, &a, 48, 0); if (slices[i]) SHOW(a.runtime); else HOLDS(a.runtime == base); SHOW(a.deadline); SHOW(a.period); }
  a.runtime = 7000000; a.policy = SCHED_OTHER; a.flags = 0; SHOW(set(0, &a, 0)); p.sched_priority = 0; SHOW(sched_setscheduler(0, SCHED_BATCH, &p)); get(0, &a, 48, 0); SHOW(a.runtime); SHOW(sched_setparam(0, &p)); setpriority(PRIO_PROCESS, 0, 6); get(0, &a, 48, 0); SHOW(a.runtime); a.runtime = 9000000; a.flags = 0x10; SHOW(set(0, &a, 0)); get(0, &a, 48, 0); SHOW(a.runtime); SHOW(sched_setscheduler(0, SCHED_IDLE, &p)); get(0, &a, 48, 0); SHOW(a.runtime);
  fflush(stdout); if (fork() == 0) { get(0, &a, 48, 0); SHOW(a.runtime); _exit(0); } wait(NULL); memset(&a, 0, sizeof a); a.size = 48; a.flags = 1; a.runtime = 6000000; SHOW(set(0, &a, 0)); fflush(stdout); if (fork() == 0) { get(0, &a, 48, 0); HOLDS(a.runtime == base); _exit(0); } wait(NULL);
  /* A mutex with priority inheritance: contended, timed, recursive, robust, and across a signal handler. */
  pthread_mutexattr_t m; pthread_mutexattr_init(&m); SHOW(pthread_mutexattr_setprotocol(&m, PTHREAD_PRIO_INHERIT)); SHOW(pthread_mutex_init(&pi, &m)); pthread_barrier_init(&both, NULL, 3);
  SHOW(pthread_mutex_lock(&pi)); pthread_t one, two; pthread_create(&one, NULL, lock_it, NULL); pthread_create(&two, NULL, lock_it, NULL); pthread_barrier_wait(&both); usleep(20000); SHOW(done); SHOW(pthread_mutex_unlock(&pi)); void *r; pthread_join(one, &r); SHOW((long)r); pthread_join(two, &r); SHOW((long)r); SHOW(done);
  SHOW(pthread_mutex_trylock(&pi)); pthread_barrier_init(&both, NULL, 2); pthread_create(&one, NULL, lock_it, NULL); pthread_barrier_wait(&both); usleep(20000); struct sigaction sa = {.sa_handler = handler}; sigaction(SIGUSR1, &sa, NULL); pthread_kill(one, SIGUSR1); usleep(20000); SHOW(handled); SHOW(done); SHOW(pthread_mutex_unlock(&pi)); pthread_join(one, &r); SHOW((long)r); SHOW(done);
  pthread_mutexattr_settype(&m, PTHREAD_MUTEX_ERRORCHECK); pthread_mutex_t checked; pthread_mutex_init(&checked, &m); SHOW(pthread_mutex_unlock(&checked)); SHOW(pthread_mutex_lock(&checked)); SHOW(pthread_mutex_lock(&checked)); SHOW(pthread_mutex_trylock(&checked)); SHOW(pthread_mutex_unlock(&checked));
  pthread_mutexattr_setrobust(&m, PTHREAD_MUTEX_ROBUST); pthread_mutex_init(&robust, &m); pthread_create(&one, NULL, die_with, NULL); pthread_barrier_wait(&both); SHOW(pthread_mutex_lock(&robust)); SHOW(pthread_mutex_consistent(&robust)); SHOW(pthread_mutex_unlock(&robust)); pthread_join(one, NULL); SHOW(pthread_mutex_lock(&robust)); SHOW(pthread_mutex_unlock(&robust));
  pid = fork(); if (pid == 0) { pthread_mutex_lock(&pi); pthread_create(&one, NULL, nap, NULL); pthread_join(one, NULL); clock_gettime(CLOCK_REALTIME, &t); t.tv_nsec = (t.tv_nsec + 30000000) % 1000000000; if (t.tv_nsec < 30000000) t.tv_sec++; unsigned word = getppid(); SHOW(syscall(SYS_futex, &word, 6, 0, &t, NULL, 0)); word = 0x3ffffff0; SHOW(syscall(SYS_futex, &word, 6, 0, NULL, NULL, 0)); word = 0; SHOW(syscall(SYS_futex, &word, 8, 0, NULL, NULL, 0)); HOLDS(word == syscall(SYS_gettid)); SHOW(syscall(SYS_futex, &word, 8, 0, NULL, NULL, 0)); SHOW(syscall(SYS_futex, &word, 7, 0, NULL, NULL, 0)); SHOW(word); SHOW(syscall(SYS_futex, &word, 7, 0, NULL, NULL, 0)); _exit(0); } waitpid(pid, &status, 0); SHOW(status);
  return 0;
}
