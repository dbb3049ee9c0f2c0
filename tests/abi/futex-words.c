/* Futexes as of Linux 6.7: waiting for one word or any of several, with sizes in flags. */
#include "abi.h"
#include <pthread.h>
#define U32 2
struct waiter { unsigned long value, address; unsigned flags, reserved; };
static unsigned words[4]; static long result;
static long wait2(unsigned *w, unsigned long v, unsigned long mask, unsigned flags, struct timespec *t, int clock) { return syscall(455, w, v, mask, flags, t, clock); }
static long wake2(unsigned *w, unsigned long mask, int count, unsigned flags) { return syscall(454, w, mask, count, flags); }
static long waitv(struct waiter *w, unsigned count, unsigned flags, struct timespec *t, int clock) { return syscall(449, w, count, flags, t, clock); }
static long requeue2(struct waiter *w, unsigned flags, int wake, int move) { return syscall(456, w, flags, wake, move); }
static void *waits_one(void *p) { result = wait2(&words[0], 0, -1u, U32 | 128, NULL, 0); return p; }
static void *waits_any(void *p) { struct waiter w[3] = {{0, (long)&words[1], U32 | 128}, {0, (long)&words[2], U32 | 128}, {0, (long)&words[3], U32 | 128}}; result = waitv(w, 3, 0, NULL, 0); return p; }
static struct timespec in(int clock, long ms) { struct timespec t; clock_gettime(clock, &t); t.tv_nsec += ms * 1000000; t.tv_sec += t.tv_nsec / 1000000000; t.tv_nsec %= 1000000000; return t; }
int main(void) {
  pthread_t t; struct timespec soon, bad = {0, 1000000000}; struct waiter w[2] = {{0, (long)&words[0], U32 | 128}, {0, (long)&words[1], U32 | 128}};
  SHOW(wait2(&words[0], 1, -1u, U32, NULL, 0)); SHOW(wait2(&words[0], 0, -1u, 0, NULL, 0)); SHOW(wait2(&words[0], 0, -1u, 3, NULL, 0)); SHOW(wait2(&words[0], 0, -1u, U32 | 64, NULL, 0)); SHOW(wait2((void *)((char *)words + 1), 0, -1u, U32, NULL, 0)); SHOW(wait2(&words[0], 0, 0, U32, NULL, 0)); SHOW(wait2(&words[0], 1ul << 32, -1u, U32, NULL, 0)); SHOW(wait2(&words[0], 0, 1ul << 32, U32, NULL, 0)); SHOW(wait2((void *)8, 0, -1u, U32, NULL, 0)); SHOW(wait2(&words[0], 0, -1u, U32, &bad, CLOCK_MONOTONIC)); soon = in(CLOCK_MONOTONIC, 20); SHOW(wait2(&words[0], 0, -1u, U32, &soon, CLOCK_MONOTONIC)); soon = in(CLOCK_REALTIME, 20); SHOW(wait2(&words[0], 0, -1u, U32, &soon, CLOCK_REALTIME)); soon = in(CLOCK_MONOTONIC, 20); SHOW(wait2(&words[0], 0, -1u, U32, &soon, 7));
  SHOW(wake2(&words[0], -1u, 1, U32)); SHOW(wake2(&words[0], 0, 1, U32)); SHOW(wake2(&words[0], -1u, 1, 0)); pthread_create(&t, NULL, waits_one, NULL); usleep(30000); SHOW(wake2(&words[0], -1u, 5, U32 | 128)); pthread_join(t, NULL); SHOW(result);
  SHOW(waitv(w, 0, 0, NULL, 0)); SHOW(waitv(w, 129, 0, NULL, 0)); SHOW(waitv(w, 2, 1, NULL, 0)); SHOW(waitv(NULL, 2, 0, NULL, 0)); w[1].value = 5; SHOW(waitv(w, 2, 0, NULL, 0)); w[1].value = 0; w[1].reserved = 1; SHOW(waitv(w, 2, 0, NULL, 0)); w[1].reserved = 0; w[1].flags = 0; SHOW(waitv(w, 2, 0, NULL, 0)); w[1].flags = U32 | 128; soon = in(CLOCK_MONOTONIC, 20); SHOW(waitv(w, 2, 0, &soon, CLOCK_MONOTONIC)); pthread_create(&t, NULL, waits_any, NULL); usleep(30000); SHOW(syscall(SYS_futex, &words[2], 1 | 128, 9)); pthread_join(t, NULL); SHOW(result); SHOW(wake2(&words[1], -1u, 9, U32 | 128)); SHOW(wake2(&words[3], -1u, 9, U32 | 128));
  pthread_create(&t, NULL, waits_one, NULL); usleep(30000); w[0].value = 1; SHOW(requeue2(w, 0, 0, 1)); w[0].value = 0; SHOW(requeue2(w, 1, 0, 1)); SHOW(requeue2(w, 0, -1, 1)); SHOW(requeue2(w, 0, 0, 1)); SHOW(wake2(&words[0], -1u, 9, U32 | 128)); SHOW(wake2(&words[1], -1u, 9, U32 | 128)); pthread_join(t, NULL); SHOW(result);
  return 0;
}
