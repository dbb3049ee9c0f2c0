/* Condition variables of mutexes with priority inheritance: FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI. */
#include "abi.h"
#include <pthread.h>
#include <limits.h>
#include <linux/futex.h>

#define WAITERS 3

static unsigned words[4], *const condition = &words[0], *const mutex = &words[1], *const other = &words[2];

static long futex(unsigned *word, int operation, long value, long second, unsigned *to, unsigned third) {
  return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, second, to, third);
}
static long wait_requeue(unsigned value, struct timespec *until) { return futex(condition, FUTEX_WAIT_REQUEUE_PI, value, (long)until, mutex, 0); }
static long requeue(int wake, int move, unsigned value) { return futex(condition, FUTEX_CMP_REQUEUE_PI, wake, move, mutex, value); }

static volatile int tids[WAITERS];
static volatile long results[WAITERS];
static volatile int order[WAITERS], next;
static volatile int errors[WAITERS], handled, finished;
static struct timespec *deadline;
static int way, gives_back;
static pthread_t threads[WAITERS];

static void *waits(void *argument) {
  long me = (long)argument;
  errno = 0;
  tids[me] = gettid();
  results[me] = way == FUTEX_WAIT ? futex(condition, FUTEX_WAIT, 0, 0, NULL, 0) : wait_requeue(0, deadline);
  errors[me] = errno;
  /* Who has the mutex gives it back. */
  order[next++ % WAITERS] = me;
  if (results[me] == 0 && gives_back) futex(mutex, FUTEX_UNLOCK_PI, 0, 0, NULL, 0);
  __atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static char state_of(int tid) {
  char path[64], line[256] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
  int file = open(path, O_RDONLY);
  if (file < 0) return 'X';
  read(file, line, sizeof line - 1); close(file);
  char *at = strrchr(line, ')');
  return at == NULL ? '?' : at[2];
}

/* Begins waiters one after the other, each asleep before the next. */
static void begin(int count, int how) {
  way = how; finished = 0; *condition = 0;
  for (long i = 0; i < count; i++) {
    tids[i] = 0;
    pthread_create(&threads[i], NULL, waits, (void *)i);
    while (tids[i] == 0 || state_of(tids[i]) != 'S') usleep(1000);
  }
}

static void end(int count) {
  for (int i = 0; i < count; i++) {
    pthread_join(threads[i], NULL);
    printf("  %d: %ld %s\n", i, results[i], name_of(errors[i]));
  }
  fflush(stdout);
}

/* Whose the mutex is: 0, the main thread, or a waiter. */
static void show_mutex(void) {
  unsigned tid = *mutex & FUTEX_TID_MASK;
  int who = -1;
  for (int i = 0; i < WAITERS; i++) if (tid != 0 && tid == (unsigned)tids[i]) who = i;
  printf("  mutex: %s%s%s\n", tid == 0 ? "free" : tid == (unsigned)gettid() ? "main" : who < 0 ? "nobody" : (const char *[]){"waiter 0", "waiter 1", "waiter 2"}[who],
         *mutex & FUTEX_WAITERS ? ", others wait" : "", *mutex & FUTEX_OWNER_DIED ? ", its owner died" : "");
  fflush(stdout);
}

static void handler(int signal) { handled++; }

int main(void) {
  struct timespec past = {1, 0}, wrong = {0, 1000000000}, soon;
  struct sigaction action = {.sa_handler = handler}; sigaction(SIGUSR1, &action, NULL);
  puts("what is refused");
  SHOW(wait_requeue(1, NULL)); SHOW(wait_requeue(0, &past)); SHOW(wait_requeue(0, &wrong));
  SHOW(futex(condition, FUTEX_WAIT_REQUEUE_PI, 0, 0, condition, 0));
  SHOW(futex(condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, (long)&past, mutex, 0));
  SHOW(futex(condition, FUTEX_WAIT_REQUEUE_PI, 0, 0, (void *)((char *)mutex + 1), 0));
  SHOW(requeue(1, INT_MAX, 1)); SHOW(requeue(0, 1, 0)); SHOW(requeue(2, 1, 0)); SHOW(requeue(1, -1, 0)); SHOW(requeue(1, 1, 0));
  SHOW(futex(condition, FUTEX_CMP_REQUEUE_PI, 1, 1, condition, 0)); SHOW(futex(condition, FUTEX_CMP_REQUEUE_PI, 1, 1, (void *)8, 0));
  SHOW(futex(condition, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, 0, NULL, 0)); SHOW(futex(condition, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, 0, NULL, 0));
  SHOW(futex(condition, FUTEX_CMP_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 1, 1, mutex, 0));

  puts("waiters of the other kind");
  begin(1, FUTEX_WAIT); SHOW(requeue(1, 1, 0)); SHOW(futex(condition, FUTEX_WAKE, 1, 0, NULL, 0)); end(1);
  begin(1, FUTEX_WAIT_REQUEUE_PI);
  SHOW(futex(condition, FUTEX_WAKE, 1, 0, NULL, 0)); SHOW(futex(condition, FUTEX_CMP_REQUEUE, 0, 1, other, 0)); SHOW(futex(condition, FUTEX_REQUEUE, 0, 1, other, 0));
  SHOW(futex(condition, FUTEX_CMP_REQUEUE_PI, 1, 1, other, 0));
  puts("the mutex is free");
  SHOW(requeue(1, 0, 0)); end(1); show_mutex(); *mutex = 0;

  puts("held: they are moved, and each has it in turn");
  SHOW(futex(mutex, FUTEX_LOCK_PI, 0, 0, NULL, 0));
  gives_back = 1; next = 0; begin(3, FUTEX_WAIT_REQUEUE_PI);
  SHOW(requeue(1, 0, 0)); SHOW(requeue(1, INT_MAX, 0)); SHOW(requeue(1, INT_MAX, 0)); show_mutex();
  SHOW(futex(mutex, FUTEX_WAKE, 1, 0, NULL, 0)); SHOW(futex(condition, FUTEX_WAKE, 1, 0, NULL, 0));
  SHOW(futex(mutex, FUTEX_TRYLOCK_PI, 0, 0, NULL, 0));
  SHOW(futex(mutex, FUTEX_UNLOCK_PI, 0, 0, NULL, 0)); end(3); show_mutex();
  for (int i = 0; i < 3; i++) printf("  %d.", order[i]);
  puts("");

  puts("free, with others: one has it at once");
  begin(3, FUTEX_WAIT_REQUEUE_PI); next = 0; SHOW(requeue(1, INT_MAX, 0)); end(3); show_mutex();
  for (int i = 0; i < 3; i++) printf("  %d.", order[i]);
  puts("");

  puts("a handler before the move, which goes on waiting, and after it");
  SHOW(futex(mutex, FUTEX_LOCK_PI, 0, 0, NULL, 0));
  begin(2, FUTEX_WAIT_REQUEUE_PI); handled = 0;
  pthread_kill(threads[0], SIGUSR1); while (handled < 1) usleep(1000);
  while (state_of(tids[0]) != 'S') usleep(1000);
  SHOW(requeue(1, INT_MAX, 0));
  pthread_kill(threads[0], SIGUSR1); while (finished < 1) usleep(1000);
  printf("  %ld %s\n", results[0], name_of(errors[0])); show_mutex();
  SHOW(futex(mutex, FUTEX_UNLOCK_PI, 0, 0, NULL, 0)); end(2); show_mutex();
  puts("a handler, and the word has changed");
  begin(1, FUTEX_WAIT_REQUEUE_PI); *condition = 5; pthread_kill(threads[0], SIGUSR1); end(1);

  puts("the time is over, before the move and after it");
  clock_gettime(CLOCK_MONOTONIC, &soon); soon.tv_nsec += 100000000; soon.tv_sec += soon.tv_nsec / 1000000000; soon.tv_nsec %= 1000000000;
  deadline = &soon; begin(1, FUTEX_WAIT_REQUEUE_PI); end(1); SHOW(requeue(1, 1, 0));
  SHOW(futex(mutex, FUTEX_LOCK_PI, 0, 0, NULL, 0));
  clock_gettime(CLOCK_MONOTONIC, &soon); soon.tv_sec += 3;
  begin(2, FUTEX_WAIT_REQUEUE_PI); SHOW(requeue(1, 1, 0)); end(2);
  SHOW(futex(mutex, FUTEX_UNLOCK_PI, 0, 0, NULL, 0)); show_mutex();
  return 0;
}
