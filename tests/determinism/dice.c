/* Threads that race for a lock, random bytes, the clock and pids: all that usually differs from run to run. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; static char order[4000]; static int at;
static void *racer(void *name) { for (int i = 0; i < 800; i++) { pthread_mutex_lock(&mutex); order[at++] = *(char *)name; pthread_mutex_unlock(&mutex); for (volatile int k = 0; k < 2000 + i * 7; k++) {} } return NULL; }
int main(void) {
  unsigned dice[4]; getrandom(dice, sizeof dice, 0); pthread_t t[4]; char *names[] = {"a", "b", "c", "d"};
  for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, racer, names[i]);
  for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
  struct timespec now; clock_gettime(CLOCK_REALTIME, &now);
  printf("%x %x %x %x\n%.*s\n%ld.%09ld %d\n", dice[0], dice[1], dice[2], dice[3], at, order, now.tv_sec, now.tv_nsec, getpid());
  return 0;
}
