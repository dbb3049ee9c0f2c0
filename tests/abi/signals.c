#include "abi.h"
#include <setjmp.h>
#include <sys/time.h>
static volatile int count, last_code, order[16], orders; static sigjmp_buf jump; static volatile long where;
static void counter(int s) { count++; order[orders++ & 15] = s; }
static void detail(int s, siginfo_t *i, void *u) { count++; last_code = i->si_code; where = (long)i->si_value.sival_ptr; (void)s; (void)u; }
static void fault(int s, siginfo_t *i, void *u) { (void)u; last_code = i->si_code; where = (long)i->si_addr; siglongjmp(jump, s); }
static void nested(int s) { count++; if (count < 3) raise(s); }
static char alternate[32768]; static volatile int on_alternate;
static void on_stack(int s) { char here; on_alternate = &here >= alternate && &here < alternate + sizeof alternate; stack_t st; sigaltstack(NULL, &st); count = st.ss_flags == SS_ONSTACK; (void)s; }
int main(void) {
  struct sigaction sa = {0}, old;
  SHOW(sigaction(SIGKILL, &sa, NULL)); SHOW(sigaction(65, &sa, NULL)); SHOW(sigaction(0, &sa, NULL)); SHOW(kill(getpid(), 65));
  sa.sa_handler = counter; SHOW(sigaction(SIGUSR1, &sa, &old)); SHOW(old.sa_handler == SIG_DFL);
  SHOW(raise(SIGUSR1)); SHOW(count);
  sigset_t set, pending; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigaddset(&set, SIGRTMIN); sigaddset(&set, SIGRTMIN + 1);
  SHOW(sigprocmask(SIG_BLOCK, &set, NULL)); raise(SIGUSR1); raise(SIGUSR1); SHOW(count);
  SHOW(sigpending(&pending)); SHOW(sigismember(&pending, SIGUSR1)); SHOW(sigismember(&pending, SIGUSR2));
  SHOW(sigprocmask(SIG_UNBLOCK, &set, NULL)); SHOW(count);
  /* Real-time signals queue with their values, lowest first. */
  sigprocmask(SIG_BLOCK, &set, NULL);
  sa.sa_sigaction = detail; sa.sa_flags = SA_SIGINFO; sigaction(SIGRTMIN, &sa, NULL); sigaction(SIGRTMIN + 1, &sa, NULL);
  for (long i = 1; i <= 3; i++) { union sigval v = {.sival_ptr = (void *)(i * 100)}; sigqueue(getpid(), SIGRTMIN, v); }
  siginfo_t info; struct timespec none = {0, 0};
  SHOW(sigtimedwait(&set, &info, &none) == SIGRTMIN); SHOW((long)info.si_value.sival_ptr); SHOW(info.si_code);
  count = 0; sigprocmask(SIG_UNBLOCK, &set, NULL); SHOW(count); SHOW(where); SHOW(last_code);
  SHOW(sigtimedwait(&set, &info, &none));
  /* sigsuspend, EINTR and restart. */
  sa.sa_handler = counter; sa.sa_flags = 0; sigaction(SIGALRM, &sa, NULL);
  struct itimerval it = {{0, 0}, {0, 20000}}; sigset_t empty; sigemptyset(&empty);
  count = 0; setitimer(ITIMER_REAL, &it, NULL); SHOW(sigsuspend(&empty)); SHOW(count);
  int p[2]; if (pipe(p)) return 1; char c;
  setitimer(ITIMER_REAL, &it, NULL); SHOW(read(p[0], &c, 1)); SHOW(count);
  sa.sa_flags = SA_RESTART; sigaction(SIGALRM, &sa, NULL);
  pid_t pid = fork(); if (pid == 0) { usleep(60000); if (write(p[1], "x", 1) != 1) _exit(1); _exit(0); }
  setitimer(ITIMER_REAL, &it, NULL); SHOW(read(p[0], &c, 1)); SHOW(count); while (waitpid(pid, NULL, 0) < 0) {}
  struct timespec second = {10, 0}, left = {0, 0}; setitimer(ITIMER_REAL, &it, NULL); SHOW(nanosleep(&second, &left)); HOLDS(left.tv_sec == 9);
  /* Faults. */
  sa.sa_sigaction = fault; sa.sa_flags = SA_SIGINFO | SA_NODEFER; sigaction(SIGSEGV, &sa, NULL); sigaction(SIGBUS, &sa, NULL); sigaction(SIGILL, &sa, NULL); sigaction(SIGTRAP, &sa, NULL);
  int s = sigsetjmp(jump, 1); if (!s) *(volatile int *)0x1230 = 1; SHOW(s); SHOW(last_code); SHOW(where);
  char *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  s = sigsetjmp(jump, 1); if (!s) *(volatile char *)ro = 1; SHOW(s); SHOW(last_code); HOLDS(where == (long)ro);
  s = sigsetjmp(jump, 1); if (!s) ((void (*)(void))ro)(); SHOW(s); SHOW(last_code); HOLDS(where == (long)ro);
  int fd = open("/tmp/short", O_CREAT | O_RDWR | O_TRUNC, 0600); if (ftruncate(fd, 10)) return 1;
  char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  s = sigsetjmp(jump, 1); if (!s) c = *(volatile char *)(m + 4096); SHOW(s); SHOW(last_code); HOLDS(where == (long)m + 4096); unlink("/tmp/short");
  s = sigsetjmp(jump, 1); if (!s) ILLEGAL; SHOW(s);
  s = sigsetjmp(jump, 1); if (!s) BREAK; SHOW(s);
  /* Handlers within handlers; one-shot; the alternate stack. */
  sa.sa_handler = nested; sa.sa_flags = SA_NODEFER; sigaction(SIGUSR2, &sa, NULL); count = 0; raise(SIGUSR2); SHOW(count);
  sa.sa_handler = counter; sa.sa_flags = SA_RESETHAND; sigaction(SIGUSR2, &sa, NULL); raise(SIGUSR2); sigaction(SIGUSR2, NULL, &old); SHOW(old.sa_handler == SIG_DFL);
  stack_t st = {.ss_sp = alternate, .ss_size = sizeof alternate}; SHOW(sigaltstack(&st, NULL));
  sa.sa_handler = on_stack; sa.sa_flags = SA_ONSTACK; sigaction(SIGUSR2, &sa, NULL); raise(SIGUSR2); SHOW(on_alternate); SHOW(count);
  st.ss_size = 100; SHOW(sigaltstack(&st, NULL));
  /* Two blocked signals come lowest first. */
  sigemptyset(&set); sigaddset(&set, SIGUSR1); sigaddset(&set, SIGHUP); sa.sa_handler = counter; sa.sa_flags = 0; sigfillset(&sa.sa_mask); sigaction(SIGHUP, &sa, NULL); sigaction(SIGUSR1, &sa, NULL);
  sigprocmask(SIG_BLOCK, &set, NULL); raise(SIGUSR1); raise(SIGHUP); orders = 0; sigprocmask(SIG_UNBLOCK, &set, NULL); SHOW(order[0]); SHOW(order[1]);
  /* Registers survive a handler. */
  double d = 1.25; long v = 0x123456789abcdef; raise(SIGUSR1); SHOW(d == 1.25 && v == 0x123456789abcdef);
  /* SIGPIPE and a fatal signal's status. */
  pid = fork(); if (pid == 0) { close(p[0]); signal(SIGPIPE, SIG_DFL); if (write(p[1], "x", 1) < 0) _exit(1); _exit(0); }
  close(p[0]); int status; waitpid(pid, &status, 0); HOLDS(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
  signal(SIGPIPE, SIG_IGN); SHOW(write(p[1], "x", 1));
  pid = fork(); if (pid == 0) { signal(SIGSEGV, SIG_DFL); *(volatile int *)8 = 1; _exit(0); }
  waitpid(pid, &status, 0); SHOW(WIFSIGNALED(status)); SHOW(WTERMSIG(status));
  pid = fork(); if (pid == 0) { abort(); } waitpid(pid, &status, 0); SHOW(WTERMSIG(status));
  signal(SIGCHLD, SIG_IGN); pid = fork(); if (pid == 0) _exit(0); SHOW(waitpid(pid, &status, 0));
  return 0;
}
