#include "abi.h"
#include <linux/futex.h>
#include <sched.h>
#include <pthread.h>

/* A word of a futex with FUTEX_PRIVATE_FLAG is another one than without it, in private memory and in shared. */

#define FUTEX2_SIZE_U32 2
#define FUTEX2_PRIVATE 128
static int *word, *other;
static long futex(int op, int value, void *timeout, int *second, int third) { return syscall(SYS_futex, word, op, value, timeout, second, third); }
static int waits_private; static volatile int going;
static void *waits(void *arg) { (void)arg; struct timespec t = {0, 400000000}; going = 1; long r = futex(FUTEX_WAIT | waits_private, 0, &t, NULL, 0); return (void *)(r < 0 ? (long)errno : 0L); }
static void *waits_many(void *arg) { (void)arg; struct futex_waitv w = {0, (unsigned long)word, FUTEX2_SIZE_U32 | (waits_private ? FUTEX2_PRIVATE : 0), 0}; struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); t.tv_nsec += 400000000; t.tv_sec += t.tv_nsec / 1000000000; t.tv_nsec %= 1000000000; going = 1; long r = syscall(SYS_futex_waitv, &w, 1, 0, &t, CLOCK_MONOTONIC); return (void *)(r < 0 ? (long)errno : r); }
static void start(pthread_t *t, void *(*how)(void *)) { going = 0; pthread_create(t, NULL, how, NULL); while (!going) sched_yield(); usleep(50000); }
static void ends(pthread_t t) { void *r; pthread_join(t, &r); printf("  the wait: %s\n", name_of((long)r)); fflush(stdout); }
static void threads(const char *kind) {
  for (int many = 0; many < 2; many++) for (int wp = 0; wp < 2; wp++) for (int kp = 0; kp < 2; kp++) {
    pthread_t t; waits_private = wp ? FUTEX_PRIVATE_FLAG : 0; int how = kp ? FUTEX_PRIVATE_FLAG : 0; printf("%s memory, %s waits %s, woken %s:\n", kind, many ? "vector" : "one", wp ? "privately" : "shared", kp ? "privately" : "shared");
    start(&t, many ? waits_many : waits); SHOW(futex(FUTEX_WAKE | how, 1, NULL, NULL, 0)); ends(t);
    if (many) continue;
    start(&t, waits); SHOW(futex(FUTEX_CMP_REQUEUE | how, 0, (void *)1, other, 0)); SHOW(syscall(SYS_futex, other, FUTEX_WAKE | how, 1, NULL, NULL, 0)); ends(t);
    start(&t, waits); SHOW(futex(FUTEX_WAKE_OP | how, 1, (void *)1, other, FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 1))); ends(t);
    start(&t, waits); SHOW(syscall(454, word, 0xffffffffUL, 1, FUTEX2_SIZE_U32 | (kp ? FUTEX2_PRIVATE : 0))); ends(t);
  }
}
/* Of a process that shares the memory. */
static void processes(void) {
  for (int wp = 0; wp < 2; wp++) for (int kp = 0; kp < 2; kp++) {
    fflush(stdout); waits_private = wp ? FUTEX_PRIVATE_FLAG : 0; pid_t p = fork(); if (p == 0) { printf("  the child's wait: %s\n", name_of((long)waits(NULL))); fflush(stdout); _exit(0); }
    usleep(100000); long n = futex(FUTEX_WAKE | (kp ? FUTEX_PRIVATE_FLAG : 0), 1, NULL, NULL, 0); waitpid(p, NULL, 0); printf("waits %d, woken %d: %ld\n", wp, kp, n);
  }
}
/* Mutexes with priority inheritance. */
static void mutexes(void) {
  for (int wp = 0; wp < 2; wp++) for (int kp = 0; kp < 2; kp++) { *word = 0; SHOW(futex(FUTEX_LOCK_PI | (wp ? FUTEX_PRIVATE_FLAG : 0), 0, NULL, NULL, 0)); SHOW(futex(FUTEX_UNLOCK_PI | (kp ? FUTEX_PRIVATE_FLAG : 0), 0, NULL, NULL, 0)); }
  *word = 0;
}
/* What the end of a thread wakes is shared. */
static int stack[16384];
static int child(void *arg) { (void)arg; usleep(100000); return 0; }
static void thread_end(int how) { *word = 0; struct timespec t = {0, 400000000}; int tid = clone(child, stack + 16000, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID, NULL, word, NULL, word); (void)tid; long r = syscall(SYS_futex, word, FUTEX_WAIT | how, *word, &t, NULL, 0); printf("the end of a thread: %s\n", r ? name_of(errno) : "woken"); }

int main(void) {
  int *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  word = own, other = own + 1; threads("private"); mutexes(); thread_end(0); thread_end(FUTEX_PRIVATE_FLAG); *word = 0; word = shared, other = shared + 1; threads("shared"); mutexes(); processes(); return 0;
}
