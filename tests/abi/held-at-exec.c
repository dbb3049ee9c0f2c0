/* What a program holds at its end, or when it starts another: robust and priority-inheriting words, and the word that clone clears. */
#include "abi.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <stdint.h>

struct node { struct node *next; uint32_t word, pad; };
static struct shared { struct robust_list_head head; struct node nodes[8]; volatile uint32_t tid, woken, pi_result, pi_word; } *shared;
static long futex(uint32_t *at, int op, uint32_t value, struct timespec *limit) { return syscall(SYS_futex, at, op, value, limit, NULL, 0); }
static const char *shown(uint32_t word, uint32_t tid) { static char text[64]; sprintf(text, "%s%s%s", word & FUTEX_WAITERS ? "waiters " : "", word & FUTEX_OWNER_DIED ? "died " : "", (word & FUTEX_TID_MASK) == 0 ? "nobody" : (word & FUTEX_TID_MASK) == tid ? "own" : "other"); return text; }
static void *waits(void *argument) { struct timespec limit = {2, 0}; uint32_t *word = argument; int r = futex(word, FUTEX_WAIT, *word, &limit); if (r == 0) __sync_fetch_and_add(&shared->woken, 1); return NULL; }
static void entry(int at, uint32_t word) { shared->nodes[at].word = word; }
static void link_up(int count, int pi) { shared->head.list.next = (void *)&shared->nodes[0]; for (int i = 0; i < count; i++) shared->nodes[i].next = i + 1 < count ? (void *)((long)&shared->nodes[i + 1] | (i + 1 == pi)) : (void *)&shared->head; shared->head.futex_offset = 8; shared->head.list_op_pending = NULL; syscall(SYS_set_robust_list, &shared->head, sizeof shared->head); }

enum { EXIT, EXEC, EXEC_OF_THREAD, THREAD_EXIT };
static void *starts_program(void *argument) { link_up(3, -1); uint32_t tid = shared->tid = syscall(SYS_gettid); entry(0, tid); entry(1, tid | FUTEX_WAITERS); entry(2, getpid()); execl("/proc/self/exe", "program", "wait", NULL); return NULL; }
static void *ends(void *argument) { link_up(2, -1); uint32_t tid = shared->tid = syscall(SYS_gettid); entry(0, tid); entry(1, tid | FUTEX_WAITERS); return NULL; }

static void words(const char *name, int how, int count, int pi, int pending) {
  printf("%s\n", name); fflush(stdout); shared->woken = 0; int ready[2], done[2]; pipe2(ready, O_CLOEXEC); pipe2(done, 0); pthread_t waiter, other; 
  int pid = fork();
  if (pid == 0) {
    close(done[1]); char c; uint32_t tid = shared->tid = getpid();
    if (how < EXEC_OF_THREAD) { link_up(count, pi); entry(0, tid); entry(1, tid | FUTEX_WAITERS); entry(2, 1); entry(3, tid | FUTEX_OWNER_DIED); entry(4, pending == 4 ? FUTEX_WAITERS : tid); if (pending >= 0) shared->head.list_op_pending = (void *)&shared->nodes[pending]; }
    write(ready[1], "", 1); usleep(150000);
    if (how >= EXEC_OF_THREAD) { pthread_t t; pthread_create(&t, NULL, how == THREAD_EXIT ? ends : starts_program, NULL); pthread_join(t, NULL); close(ready[1]); close(ready[0]); read(done[0], &c, 1); _exit(0); }
    if (how == EXIT) _exit(0);
    char text[16]; sprintf(text, "%d", done[0]); execl("/proc/self/exe", "program", "wait", text, NULL); _exit(99);
  }
  close(ready[1]); close(done[0]); char c; read(ready[0], &c, 1);
  pthread_create(&waiter, NULL, waits, &shared->nodes[1].word); pthread_create(&other, NULL, waits, &shared->nodes[4].word);
  while (read(ready[0], &c, 1) > 0); for (int i = 0; i < 150 && shared->woken < 2; i++) usleep(2000);
  uint32_t tid = shared->tid; for (int i = 0; i < 5; i++) printf("word %d: %s\n", i, shown(shared->nodes[i].word, tid)); SHOW(shared->woken); close(done[1]); kill(pid, SIGKILL); int s; waitpid(pid, &s, 0);
  shared->nodes[1].word = shared->nodes[4].word = 0; futex(&shared->nodes[1].word, FUTEX_WAKE, 9, NULL); futex(&shared->nodes[4].word, FUTEX_WAKE, 9, NULL); pthread_join(waiter, NULL); pthread_join(other, NULL); close(ready[0]); memset(shared->nodes, 0, sizeof shared->nodes);
}

/* A word with priority inheritance goes to who waits. */
static void inherited(const char *name, int how, int robust) {
  printf("%s\n", name); fflush(stdout); int ready[2]; pipe2(ready, O_CLOEXEC); shared->pi_word = 0; shared->tid = 0;
  int pid = fork();
  if (pid == 0) { SHOW(futex((void *)&shared->pi_word, FUTEX_LOCK_PI, 0, NULL)); if (robust) { shared->nodes[0].next = (void *)&shared->head; shared->head.list.next = (void *)((long)&shared->nodes[0] | 1); shared->head.futex_offset = (long)&shared->pi_word - (long)&shared->nodes[0]; shared->head.list_op_pending = NULL; syscall(SYS_set_robust_list, &shared->head, sizeof shared->head); } write(ready[1], "", 1); while (!(shared->pi_word & FUTEX_WAITERS)) usleep(1000); usleep(10000); if (how == EXIT) _exit(0); execl("/proc/self/exe", "program", "wait", NULL); }
  char c; close(ready[1]); read(ready[0], &c, 1); struct timespec limit; clock_gettime(CLOCK_REALTIME, &limit); limit.tv_sec += 2; SHOW(futex((void *)&shared->pi_word, FUTEX_LOCK_PI, 0, &limit)); printf("word: %s\n", shown(shared->pi_word & ~FUTEX_WAITERS, getpid())); SHOW(futex((void *)&shared->pi_word, FUTEX_UNLOCK_PI, 0, NULL)); HOLDS(waitpid(pid, NULL, WNOHANG) == (how == EXIT ? pid : 0) || how == EXIT); kill(pid, SIGKILL); waitpid(pid, NULL, 0); close(ready[0]);
}

/* clone's word is cleared when the memory is shared with somebody still. */
static int child_execs(void *argument) { execl("/proc/self/exe", "program", "wait", NULL); return 1; }
static void cleared(unsigned flags) {
  static char stack[65536]; static volatile int word; word = 77; char *top = stack + sizeof stack - 64;
  int pid = clone(child_execs, top, flags | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, NULL, (int *)&word); for (int i = 0; i < 100 && word == 77; i++) usleep(1000); HOLDS(pid > 0); SHOW(word); kill(pid, SIGKILL); waitpid(pid, NULL, 0); SHOW(word);
}

int main(int argc, char **argv) {
  if (argc > 2) { char c; read(atoi(argv[2]), &c, 1); return 0; }
  if (argc > 1) for (;;) pause();
  setvbuf(stdout, NULL, _IOLBF, 0);
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  words("exit", EXIT, 5, -1, -1); words("execve", EXEC, 5, -1, -1); words("exit, one with inheritance", EXIT, 5, 1, -1); words("exit, unlocked and not yet woken", EXIT, 3, -1, 4); words("exit, pending and in the list", EXIT, 5, -1, 3); words("execve, unlocked and not yet woken", EXEC, 3, -1, 4);
  words("execve of another thread", EXEC_OF_THREAD, 3, -1, -1); words("a thread ends", THREAD_EXIT, 3, -1, -1);
  inherited("exit with a word that inherits", EXIT, 0); inherited("execve with a word that inherits", EXEC, 0); inherited("exit, robust", EXIT, 1); inherited("execve, robust", EXEC, 1);
  cleared(CLONE_VM); cleared(0);
  return 0;
}
