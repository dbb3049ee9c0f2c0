/* Calls random system calls with random arguments (hostile ones more often than not), from the seed in argv[1]; argv[2] is how many. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static unsigned long state;
static unsigned long next(void) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state; }
static char *page; static char path[] = "/tmp/x"; static char page2[8192];
static long argument(void) {
  switch (next() % 20) {
    case 0: return 0; case 1: return -1; case 2: return next() % 8; case 3: return next() % 64; case 4: return (long)page; case 5: return (long)page + 4090;
    case 6: return (long)page2 + next() % 8192; case 7: return (long)path; case 8: return 0x7fffffffffffffff; case 9: return (long)0x8000000000000000; case 10: return 1L << (next() % 64);
    case 11: return next(); case 12: return next() & 0xffffffff; case 13: return -(long)(next() % 4096); case 14: return 4096 * (next() % 16); case 15: return -100; case 16: return 0xfffff000; case 17: return 16; case 18: return next() & 0xfff; default: return (long)page + (next() & 0xff8);
  }
}
/* Not tried: what ends or stops the tester (exit, kill and its kin, sigsuspend, waits without end). */
static int skipped(long n) {
  static const long list[] = {SYS_exit, SYS_exit_group, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigsuspend, SYS_rt_sigreturn, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_reboot, SYS_ppoll, SYS_pselect6, SYS_epoll_pwait, 441,
    SYS_nanosleep, SYS_clock_nanosleep, SYS_rt_sigtimedwait, SYS_futex, SYS_read, SYS_readv, SYS_wait4, SYS_waitid, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_brk, SYS_vhangup, SYS_setitimer, SYS_timer_settime, SYS_prlimit64, SYS_setrlimit, 424, SYS_pidfd_send_signal};
  for (unsigned i = 0; i < sizeof list / sizeof *list; i++) if (list[i] == n) return 1;
  return 0;
}
int main(int argc, char **argv) {
  state = strtoul(argv[1], NULL, 0) * 2654435761u + 88172645463325252u; long count = atol(argv[2]);
  page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int s = 1; s < 65; s++) if (s != SIGCHLD) signal(s, SIG_IGN);
  long done = 0;
  while (done < count) {
    /* A child for every fifty: what it breaks in itself, it takes with it. */
    pid_t pid = fork();
    if (pid == 0) {
      alarm(2); signal(SIGALRM, SIG_DFL);
      for (int i = 0; i < 50; i++) {
        long n = next() % 470; if (skipped(n)) continue;
        for (int k = 0; k < 512; k++) ((unsigned long *)page)[k] = next() % 3 ? (unsigned long)argument() : next();
        syscall(n, argument(), argument(), argument(), argument(), argument(), argument());
      }
      _exit(0);
    }
    for (int i = 0; i < 50; i++) next();
    int status; waitpid(pid, &status, 0);
    done += 50;
  }
  puts("survived");
  return 0;
}
