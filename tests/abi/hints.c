/* What a program may say about itself and its memory: priorities of input and output, personality, timer slack, advice; and what it may compare. */
#include "abi.h"
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#define IO(class, level) ((class) << 13 | (level))
static long kcmp(pid_t a, pid_t b, int kind, unsigned long x, unsigned long y) { return syscall(SYS_kcmp, a, b, kind, x, y); }
int main(void) {
  int status; pid_t pid, me = getpid();
  SHOW(syscall(SYS_ioprio_get, 1, 0)); SHOW(setpriority(PRIO_PROCESS, 0, 15)); SHOW(syscall(SYS_ioprio_get, 1, 0)); SHOW(syscall(SYS_ioprio_set, 1, 0, IO(2, 3))); SHOW(syscall(SYS_ioprio_get, 1, 0)); SHOW(syscall(SYS_ioprio_set, 1, me, IO(3, 0))); SHOW(syscall(SYS_ioprio_get, 1, me)); pid = fork(); if (pid == 0) { SHOW(syscall(SYS_ioprio_get, 1, 0)); _exit(0); } waitpid(pid, NULL, 0); SHOW(syscall(SYS_ioprio_set, 1, 0, IO(0, 0))); SHOW(syscall(SYS_ioprio_set, 1, 0, IO(0, 3))); SHOW(syscall(SYS_ioprio_set, 1, 0, IO(4, 0))); SHOW(syscall(SYS_ioprio_set, 9, 0, IO(2, 0))); SHOW(syscall(SYS_ioprio_get, 0, 0)); SHOW(syscall(SYS_ioprio_set, 1, 999999, IO(2, 0))); SHOW(syscall(SYS_ioprio_get, 1, 999999));
  SHOW(personality(0xffffffff)); SHOW(personality(ADDR_NO_RANDOMIZE)); SHOW(personality(0xffffffff)); pid = fork(); if (pid == 0) { SHOW(personality(0)); SHOW(personality(0xffffffff)); char line[64]; FILE *f = fopen("/proc/self/personality", "r"); if (!fgets(line, sizeof line, f)) return 1; printf("%s", line); fflush(stdout); _exit(0); } waitpid(pid, NULL, 0); SHOW(personality(0));
  SHOW(prctl(PR_GET_TIMERSLACK)); SHOW(prctl(PR_SET_TIMERSLACK, 1234)); SHOW(prctl(PR_GET_TIMERSLACK)); pid = fork(); if (pid == 0) { SHOW(prctl(PR_GET_TIMERSLACK)); SHOW(prctl(PR_SET_TIMERSLACK, 99)); SHOW(prctl(PR_SET_TIMERSLACK, 0)); SHOW(prctl(PR_GET_TIMERSLACK)); _exit(0); } waitpid(pid, NULL, 0); SHOW(prctl(PR_SET_TIMERSLACK, 0)); SHOW(prctl(PR_GET_TIMERSLACK));
  /* Comparing: 0 the same, else the order of two is the reverse of the other way round. */
  int a = dup(1), b = open("/dev/null", O_RDWR), p[2]; if (pipe(p)) return 1; pid = fork(); if (pid == 0) { char c; if (read(p[0], &c, 1) != 1) _exit(1); _exit(0); }
  SHOW(kcmp(me, me, 0, 1, a)); long order = kcmp(me, me, 0, 1, b); HOLDS(order == 1 || order == 2); SHOW(order + kcmp(me, me, 0, b, 1)); SHOW(kcmp(me, pid, 0, 1, 1)); SHOW(kcmp(me, pid, 1, 0, 0) > 0); SHOW(kcmp(me, pid, 2, 0, 0) > 0); SHOW(kcmp(me, pid, 3, 0, 0) > 0); SHOW(kcmp(me, me, 1, 0, 0)); SHOW(kcmp(me, me, 4, 0, 0)); SHOW(kcmp(me, me, 0, 1, 77)); SHOW(kcmp(me, 999999, 0, 1, 1)); SHOW(kcmp(me, me, 99, 0, 0)); SHOW(kcmp(me, me, -1, 0, 0));
  /* Advice about another's memory, by its pidfd. */
  char *m = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); memset(m, 7, 3 * 4096); int fd = syscall(SYS_pidfd_open, pid, 0); struct iovec v[2] = {{m, 4096}, {m + 8192, 4096}}; SHOW(syscall(SYS_process_madvise, fd, v, 2, 20, 0)); SHOW(syscall(SYS_process_madvise, fd, v, 2, 3, 0)); SHOW(syscall(SYS_process_madvise, fd, v, 2, MADV_DONTNEED, 0)); SHOW(syscall(SYS_process_madvise, fd, v, 2, 20, 1)); SHOW(syscall(SYS_process_madvise, fd, v, 2000, 20, 0)); SHOW(syscall(SYS_process_madvise, 1, v, 2, 20, 0)); SHOW(syscall(SYS_process_madvise, 99, v, 2, 20, 0)); v[1].iov_base = (void *)4096; SHOW(syscall(SYS_process_madvise, fd, v, 2, 20, 0)); SHOW(syscall(SYS_process_mrelease, fd, 0)); SHOW(syscall(SYS_process_mrelease, fd, 1)); SHOW(syscall(SYS_process_mrelease, 1, 0)); SHOW(m[0]);
  if (write(p[1], "x", 1) != 1) return 1; waitpid(pid, &status, 0); SHOW(syscall(SYS_process_mrelease, fd, 0)); SHOW(syscall(SYS_process_madvise, fd, v, 1, 20, 0)); SHOW(kcmp(me, pid, 1, 0, 0));
  return 0;
}
