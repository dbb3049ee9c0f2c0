#include "abi.h"
#include <pthread.h>
#include <sched.h>
#include <sys/ptrace.h>
static char stack[65536] __attribute__((aligned(16)));
static int leaves(void *a) { (void)a; syscall(SYS_exit, 0); return 1; }
static int ends_group(void *a) { (void)a; struct timespec t = {0, 1000000}; nanosleep(&t, NULL); syscall(SYS_exit_group, 43); return 0; }
static pid_t forked(int code, long ms) { pid_t pid = fork(); if (pid == 0) { struct timespec t = {0, ms * 1000000}; nanosleep(&t, NULL); _exit(code); } return pid; }
static pid_t cloned(int signal) { return clone(leaves, stack + sizeof stack, CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_VM | signal, NULL); }
static void settle(long ms) { struct timespec t = {0, ms * 1000000}; nanosleep(&t, NULL); }
static int ready[2], go[2]; static pid_t childs;
static void *sibling(void *own) {
  char c; childs = forked(5, 0); if (write(ready[1], "x", 1) != 1 || read(go[0], &c, 1) != 1) abort();
  if (own) { int status = 0; HOLDS(wait4(childs, &status, __WNOTHREAD, NULL) == childs); SHOW(WEXITSTATUS(status)); }
  return NULL;
}
static void traced(int options) {
  int fds[2], status = -1; char c; if (pipe(fds)) abort(); pid_t pid = fork();
  if (pid == 0) { close(fds[0]); ptrace(PTRACE_TRACEME, 0, 0, 0); close(fds[1]); _exit(0); }
  close(fds[1]); SHOW(read(fds[0], &c, 1)); HOLDS(wait4(pid, &status, options, NULL) == pid); SHOW(status); close(fds[0]);
}
int main(void) {
  int status = 0; siginfo_t info; char c; pthread_t thread;
  /* Options that are none, or too few. */
  SHOW(waitid(P_ALL, 0, NULL, 0)); SHOW(waitid(P_ALL, 0, NULL, WNOHANG)); SHOW(waitid(P_ALL, 0, NULL, 123456 | WEXITED)); SHOW(wait4(-1, &status, 123456, NULL)); SHOW(wait4(-1, &status, WEXITED, NULL)); SHOW(waitid(P_ALL, 0, NULL, WEXITED | WNOHANG | __WCLONE)); SHOW(waitid(P_ALL, 0, NULL, WEXITED | WNOHANG | __WNOTHREAD)); SHOW(waitid(P_ALL, 0, NULL, WEXITED | WNOHANG | __WALL)); SHOW(waitid(99, 0, NULL, WEXITED));
  /* Who waits for a stop, and the child ends: before, and meanwhile. */
  pid_t pid = forked(0, 0); settle(20); SHOW(waitid(P_ALL, 0, NULL, WSTOPPED)); SHOW(waitid(P_ALL, 0, NULL, WSTOPPED | WNOHANG)); SHOW(waitid(P_PID, pid, NULL, WCONTINUED)); SHOW(waitid(P_ALL, 0, NULL, WEXITED));
  pid = forked(0, 20); SHOW(waitid(P_ALL, 0, NULL, WSTOPPED | WCONTINUED)); SHOW(waitid(P_ALL, 0, NULL, WEXITED));
  pid = forked(0, 20); memset(&info, 1, sizeof info); SHOW(waitid(P_PID, pid, &info, WSTOPPED | WNOHANG)); SHOW(info.si_signo); SHOW(info.si_pid); SHOW(waitid(P_PID, pid, NULL, WEXITED));
  /* One of two ends: the other may still stop. */
  pid = forked(1, 0); pid_t other = fork(); if (other == 0) { settle(30); raise(SIGSTOP); _exit(2); }
  SHOW(waitid(P_ALL, 0, &info, WSTOPPED)); HOLDS(info.si_pid == other); SHOW(info.si_code); SHOW(kill(other, SIGCONT)); SHOW(waitid(P_PID, other, &info, WEXITED)); SHOW(info.si_status); SHOW(waitid(P_PID, pid, &info, WEXITED)); SHOW(info.si_status);
  /* A continue that nobody heard of is lost with the child's end. */
  pid = fork(); if (pid == 0) { raise(SIGSTOP); _exit(3); }
  SHOW(waitid(P_PID, pid, &info, WSTOPPED)); SHOW(kill(pid, SIGCONT)); SHOW(waitid(P_PID, pid, &info, WEXITED | WNOWAIT)); SHOW(info.si_code); SHOW(waitid(P_PID, pid, &info, WCONTINUED)); SHOW(waitid(P_PID, pid, &info, WEXITED)); SHOW(info.si_status);
  /* WNOWAIT leaves it. */
  pid = forked(42, 0); for (int i = 0; i < 2; i++) { SHOW(waitid(P_PID, pid, &info, WEXITED | WNOWAIT)); HOLDS(info.si_pid == pid); SHOW(info.si_status); }
  SHOW(kill(pid, SIGTERM)); SHOW(kill(pid, 0)); SHOW(waitid(P_PID, pid, &info, WEXITED)); SHOW(waitid(P_PID, pid, &info, WEXITED));
  /* Children that tell nobody of their end, and those that do. */
  pid = cloned(SIGCHLD); HOLDS(waitpid(pid, &status, 0) == pid); SHOW(status);
  pid = cloned(0); SHOW(waitpid(pid, &status, 0)); SHOW(waitid(P_PID, pid, &info, WEXITED)); HOLDS(wait4(pid, &status, __WCLONE, NULL) == pid);
  pid = cloned(0); SHOW(waitid(P_PID, pid, &info, WEXITED | __WCLONE)); HOLDS(info.si_pid == pid); SHOW(info.si_code);
  pid = cloned(0); SHOW(waitid(P_PID, pid, &info, WEXITED | __WALL)); SHOW(info.si_signo);
  pid = forked(0, 0); SHOW(wait4(pid, &status, WNOHANG | __WCLONE, NULL)); SHOW(waitid(P_PID, pid, &info, WEXITED | WNOHANG | __WCLONE)); HOLDS(wait4(pid, &status, __WALL, NULL) == pid);
  /* Children of another thread. */
  if (pipe(ready) || pipe(go)) abort();
  pthread_create(&thread, NULL, sibling, NULL); if (read(ready[0], &c, 1) != 1) abort();
  HOLDS(waitpid(childs, &status, 0) == childs); SHOW(WEXITSTATUS(status)); if (write(go[1], "x", 1) != 1) abort(); pthread_join(thread, NULL);
  pthread_create(&thread, NULL, sibling, &thread); if (read(ready[0], &c, 1) != 1) abort();
  SHOW(wait4(childs, &status, __WNOTHREAD, NULL)); SHOW(waitid(P_PID, childs, &info, WEXITED | __WNOTHREAD)); if (write(go[1], "x", 1) != 1) abort(); pthread_join(thread, NULL);
  /* Whoever traces may wait for either kind. */
  traced(__WCLONE); traced(0);
  /* The status of the group counts, not that of the thread that led it. */
  int group = 0; for (int i = 0; i < 20; i++) {
    pid = fork(); if (pid == 0) { clone(ends_group, stack + sizeof stack, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, NULL); syscall(SYS_exit, 42); }
    if (waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0 && info.si_status == 43) group++;
    waitpid(pid, &status, 0); if (WEXITSTATUS(status) != 43) group = -100;
  }
  SHOW(group);
  /* Nobody waits: they go by themselves, and who waits learns that at the last end. */
  signal(SIGCHLD, SIG_IGN); forked(0, 20); SHOW(waitid(P_ALL, 0, &info, WEXITED)); forked(0, 20); SHOW(waitid(P_ALL, 0, &info, WSTOPPED)); forked(0, 20); SHOW(wait4(-1, &status, 0, NULL));
}
