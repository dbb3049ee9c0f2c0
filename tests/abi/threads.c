#include "abi.h"
#include <pthread.h>
#include <semaphore.h>
#include <linux/futex.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; static pthread_cond_t cond = PTHREAD_COND_INITIALIZER; static int ready, total; static __thread int own = 5; static pthread_barrier_t barrier;
static void *add(void *arg) { own += (int)(long)arg; for (int i = 0; i < 20000; i++) { pthread_mutex_lock(&mutex); total++; pthread_mutex_unlock(&mutex); } pthread_barrier_wait(&barrier); return (void *)(long)own; }
static void *waiter(void *arg) { pthread_mutex_lock(&mutex); while (!ready) pthread_cond_wait(&cond, &mutex); ready++; pthread_mutex_unlock(&mutex); return arg; }
static void *robust(void *m) { pthread_mutex_lock(m); return NULL; }
static volatile int handled; static void handler(int s) { (void)s; handled++; }
static void *sleeper(void *arg) { (void)arg; pause(); return (void *)7; }
static void *forever(void *arg) { for (;;) pthread_testcancel(), usleep(1000); return arg; }
static volatile int taken; static void *taker(void *arg) { pthread_mutex_lock(&mutex); taken++; pthread_mutex_unlock(&mutex); return arg; }
static void *futex_waiter(void *arg) { struct timespec long_time = {10, 0}; int *word = arg; long r = syscall(SYS_futex, word, FUTEX_WAIT, 1, word[1] ? &long_time : NULL); return (void *)(r < 0 ? -errno : r); }
static void *waits_for_signal(void *set) { int signal; sigwait(set, &signal); return (void *)(long)signal; }
int main(void) {
  pthread_t t[8]; void *result; pthread_barrier_init(&barrier, NULL, 4);
  for (long i = 0; i < 4; i++) SHOW(pthread_create(&t[i], NULL, add, (void *)i));
  long sum = 0; for (int i = 0; i < 4; i++) { pthread_join(t[i], &result); sum += (long)result; } SHOW(sum); SHOW(total); SHOW(own);
  for (int i = 0; i < 3; i++) pthread_create(&t[i], NULL, waiter, NULL);
  usleep(20000); pthread_mutex_lock(&mutex); ready = 1; pthread_cond_broadcast(&cond); pthread_mutex_unlock(&mutex); for (int i = 0; i < 3; i++) pthread_join(t[i], NULL); SHOW(ready);
  struct timespec soon; clock_gettime(CLOCK_REALTIME, &soon); soon.tv_nsec += 20000000; if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
  pthread_mutex_lock(&mutex); SHOW(pthread_cond_timedwait(&cond, &mutex, &soon) == ETIMEDOUT); pthread_mutex_unlock(&mutex);
  sem_t sem; sem_init(&sem, 0, 0); SHOW(sem_trywait(&sem)); clock_gettime(CLOCK_REALTIME, &soon); SHOW(sem_timedwait(&sem, &soon)); sem_post(&sem); SHOW(sem_wait(&sem));
  pthread_mutexattr_t attr; pthread_mutexattr_init(&attr); pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST); pthread_mutex_t rm; pthread_mutex_init(&rm, &attr);
  pthread_create(&t[0], NULL, robust, &rm); pthread_join(t[0], NULL); SHOW(pthread_mutex_lock(&rm) == EOWNERDEAD); SHOW(pthread_mutex_consistent(&rm)); SHOW(pthread_mutex_unlock(&rm));
  signal(SIGUSR1, handler); pthread_create(&t[0], NULL, sleeper, NULL); usleep(20000); SHOW(pthread_kill(t[0], SIGUSR1)); pthread_join(t[0], &result); SHOW((long)result); SHOW(handled);
  pthread_create(&t[0], NULL, forever, NULL); usleep(5000); SHOW(pthread_cancel(t[0])); pthread_join(t[0], &result); SHOW(result == PTHREAD_CANCELED);
  int word = 1; SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 2, NULL)); struct timespec short_time = {0, 1000000}; SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 1, &short_time)); SHOW(syscall(SYS_futex, &word, FUTEX_WAKE, 1)); SHOW(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 1, NULL)); SHOW(syscall(SYS_futex, 16, FUTEX_WAIT, 1, NULL)); SHOW(syscall(SYS_futex, &word, 99, 1, NULL));
  /* Who unlocks and locks in a loop doesn't keep the others out for ever. */
  pthread_mutex_lock(&mutex); for (int i = 0; i < 3; i++) pthread_create(&t[i], NULL, taker, NULL);
  while (taken < 3) { pthread_mutex_unlock(&mutex); for (volatile int i = 0; i < 10; i++) {} pthread_mutex_lock(&mutex); } pthread_mutex_unlock(&mutex); for (int i = 0; i < 3; i++) pthread_join(t[i], NULL); SHOW(taken);
  /* A handler with SA_RESTART: the wait goes on and the waker finds it, once; with a time limit it ends. */
  struct sigaction restart = {.sa_handler = handler, .sa_flags = SA_RESTART}; sigaction(SIGUSR2, &restart, NULL); int words[2] = {1, 0};
  pthread_create(&t[0], NULL, futex_waiter, words); usleep(20000); handled = 0; pthread_kill(t[0], SIGUSR2); usleep(20000); SHOW(handled); SHOW(syscall(SYS_futex, words, FUTEX_WAKE, 1)); pthread_join(t[0], &result); SHOW((long)result); SHOW(syscall(SYS_futex, words, FUTEX_WAKE, 9));
  words[1] = 1; pthread_create(&t[0], NULL, futex_waiter, words); usleep(20000); pthread_kill(t[0], SIGUSR2); pthread_join(t[0], &result); SHOW((long)result == -EINTR); SHOW(syscall(SYS_futex, words, FUTEX_WAKE, 9));
  /* Of threads that all block a signal of the process, one that waits for it gets it, whichever began first. */
  sigset_t set; sigemptyset(&set); sigaddset(&set, SIGTERM); sigaddset(&set, SIGCHLD); pthread_sigmask(SIG_BLOCK, &set, NULL);
  pthread_create(&t[0], NULL, waits_for_signal, &set); usleep(20000); kill(getpid(), SIGTERM); pthread_join(t[0], &result); SHOW((long)result);
  pthread_create(&t[0], NULL, waits_for_signal, &set); usleep(20000); pid_t child = fork(); if (child == 0) _exit(0); pthread_join(t[0], &result); SHOW((long)result); waitpid(child, NULL, 0); pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  /* A futex in shared memory wakes another process. */
  int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t pid = fork(); if (pid == 0) { while (*shared == 0) syscall(SYS_futex, shared, FUTEX_WAIT, 0, NULL); _exit(*shared); }
  usleep(10000); *shared = 33; syscall(SYS_futex, shared, FUTEX_WAKE, 1); int status; waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status));
  /* fork in a thread's company keeps one thread; exit_group ends them all. */
  pthread_create(&t[0], NULL, forever, NULL); pid = fork(); if (pid == 0) { exit(4); } waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status));
  return 6;
}
