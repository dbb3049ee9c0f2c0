#include "abi.h"
#include <sys/ptrace.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/uio.h>
#include <elf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#ifdef __riscv
typedef struct { unsigned long pc, x[31]; } Registers;
#define NUMBER(r) (r).x[16]
#define RESULT(r) (r).x[9]
#else
#include <sys/user.h>
typedef struct user_regs_struct Registers;
#define NUMBER(r) (r).orig_rax
#define RESULT(r) (r).rax
#endif
/* What a tracer is told of a call's stop, of its sender and of pending signals; and calls that it answers itself. */
#define PEEK ((enum __ptrace_request)0x4209)
#define SUSPEND (1 << 21)
struct peek { unsigned long long off; unsigned flags; int nr; };
static pid_t child; static int status;
static void message(const char *what) {
  unsigned long m = 99; ptrace(PTRACE_GETEVENTMSG, child, 0, &m);
  siginfo_t info; memset(&info, 0, sizeof info); ptrace(PTRACE_GETSIGINFO, child, 0, &info);
  printf("%s: stop %x message %lx signo %d code %x from %s uid %d\n", what, status >> 8, m, info.si_signo, info.si_code,
         info.si_pid == child ? "the tracee" : info.si_pid == getpid() ? "the tracer" : info.si_pid == 0 ? "nobody" : "another", info.si_uid);
}
static void next(void) { ptrace(PTRACE_SYSCALL, child, 0, 0); waitpid(child, &status, 0); }
static void start(int options, void (*body)(void)) {
  fflush(stdout); child = fork();
  if (child == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); body(); _exit(7); }
  waitpid(child, &status, 0); ptrace(PTRACE_SETOPTIONS, child, 0, options);
}
static void filter(unsigned call, unsigned action) {
  struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, action), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
  struct sock_fprog program = { 4, code }; prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); prctl(PR_SET_SECCOMP, 2, &program);
}
static void answer(long result) {
  Registers r; struct iovec v = { &r, sizeof r }; ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &v);
  NUMBER(r) = -1; RESULT(r) = result; ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &v);
}
static void one_call(void) { long r = syscall(SYS_getppid, 1); exit(r == 1234 ? 1 : r == -1 && errno == ESRCH ? 2 : r == -1 && errno == ENOSYS ? 3 : 4); }
static void unknown_calls(void) {
  long a = syscall(-1), b = errno, c = syscall(-101), d = errno, e = syscall(100000), f = errno;
  exit(a == -1 && b == ENOSYS && c == -1 && d == ENOSYS && e == -1 && f == ENOSYS ? 5 : 6);
}
static void filtered(void) { filter(SYS_getppid, SECCOMP_RET_TRACE | 0x42); one_call(); }
static void refused(void) { filter(SYS_getppid, SECCOMP_RET_ERRNO | ESRCH); one_call(); }
static void queue(void) {
  sigset_t all; sigfillset(&all); sigprocmask(SIG_SETMASK, &all, 0);
  union sigval value; for (int i = 0; i < 3; i++) { value.sival_int = 70 + i; sigqueue(getpid(), SIGRTMIN + i, value); }
  kill(getpid(), SIGUSR1); syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR2);
  syscall(SYS_getppid);
}
static void twice(void) {
  struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
  struct sock_fprog program = { 2, code };
  syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &program);
  filter(SYS_getppid, SECCOMP_RET_ERRNO | ESRCH); syscall(SYS_close, -1); pause();
}
static void filters(void) {
  for (int i = -1; i < 3; i++) {
    struct sock_filter code[16]; memset(code, 0, sizeof code);
    long n = ptrace(PTRACE_SECCOMP_GET_FILTER, child, i, 0), m = ptrace(PTRACE_SECCOMP_GET_FILTER, child, i, code);
    if (n < 0) printf("filter %d: %s\n", i, strerror(errno));
    else printf("filter %d: %ld %ld, begins with %x %d %d %x, then %x\n", i, n, m, code[0].code, code[0].jt, code[0].jf, code[0].k, code[1].code);
    struct { unsigned long long off, flags; } about = { i, 77 };
    long got = ptrace(PTRACE_SECCOMP_GET_METADATA, child, 64, &about);
    if (got < 0) printf("about %d: %s\n", i, strerror(errno)); else printf("about %d: %ld bytes, flags %llu\n", i, got, about.flags);
  }
  unsigned long long about[2] = { 0, 77 };
  printf("short: %ld", (long)ptrace(PTRACE_SECCOMP_GET_METADATA, child, 8, about)); printf(" flags %llu\n", about[1]);
  printf("too short: %s\n", ptrace(PTRACE_SECCOMP_GET_METADATA, child, 7, about) < 0 ? strerror(errno) : "fine");
  printf("bad place: %s\n", ptrace(PTRACE_SECCOMP_GET_FILTER, child, 0, 16) < 0 ? strerror(errno) : "fine");
}
static void peek(unsigned flags, int count, unsigned long long from, void *to) {
  siginfo_t all[8]; struct peek args = { from, flags, count }; long got = ptrace(PEEK, child, &args, to ? to : all);
  printf("flags %u, %d from %llu: %ld", flags, count, from, got);
  if (got < 0) printf(" %s", strerror(errno));
  for (long i = 0; i < got && !to; i++) printf(" [%d code %d]", all[i].si_signo, all[i].si_code);
  printf("\n");
}
static void find(long call) { for (int i = 0; i < 100; i++) { next(); Registers r; struct iovec v = { &r, sizeof r }; ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &v); if ((long)NUMBER(r) == call) return; } }

/* A sleep that a signal interrupts has told what is left before its tracer sees it over, and doesn't tell it again. */
static struct timespec *left;
static void woken(int s) { (void)s; }
static void sleeper(void) { signal(SIGUSR1, woken); struct timespec t = {100, 0}; nanosleep(&t, left); }
static void sleeper_by_clock(void) { signal(SIGUSR1, woken); struct timespec t = {100, 0}; clock_nanosleep(CLOCK_MONOTONIC, 0, &t, left); }
static void sleeper_until(void) { signal(SIGUSR1, woken); struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); t.tv_sec += 100; clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, left); }
static void interrupted_sleep(const char *what, void (*body)(void), long number) {
  memset(left, 0, sizeof *left); start(PTRACE_O_TRACESYSGOOD, body);
  find(number);
  ptrace(PTRACE_SYSCALL, child, 0, 0); usleep(50000); kill(child, SIGUSR1); waitpid(child, &status, 0);
  Registers r; struct iovec v = { &r, sizeof r }; ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &v); struct timespec seen = *left; printf("%s: seems to return %ld, left %d s\n", what, (long)RESULT(r), (int)seen.tv_sec);
  usleep(20000); ptrace(PTRACE_CONT, child, 0, 0); waitpid(child, &status, 0); ptrace(PTRACE_CONT, child, 0, SIGUSR1); waitpid(child, &status, 0);
  printf("%s: ended %x, left the same: %d\n", what, status, memcmp(&seen, left, sizeof seen) == 0);
}
int main(void) {
  start(PTRACE_O_TRACESYSGOOD, one_call); message("signal"); find(SYS_getppid); message("entry"); next(); message("exit");
  kill(child, SIGKILL); waitpid(child, &status, 0);
  start(PTRACE_O_TRACESYSGOOD, one_call); find(SYS_getppid); answer(1234); next(); ptrace(PTRACE_CONT, child, 0, 0);
  waitpid(child, &status, 0); printf("answered: %d\n", WEXITSTATUS(status));
  start(PTRACE_O_TRACESYSGOOD, one_call); find(SYS_getppid); answer(-ESRCH); next(); ptrace(PTRACE_CONT, child, 0, 0);
  waitpid(child, &status, 0); printf("failed: %d\n", WEXITSTATUS(status));
  start(PTRACE_O_TRACESYSGOOD, unknown_calls);
  for (int i = 0; i < 6; i++) { next(); message("unknown call"); }
  ptrace(PTRACE_CONT, child, 0, 0); waitpid(child, &status, 0); printf("unknown calls: %d\n", WEXITSTATUS(status));
  start(PTRACE_O_TRACESECCOMP, filtered); ptrace(PTRACE_CONT, child, 0, 0); waitpid(child, &status, 0); message("filter");
  answer(1234); ptrace(PTRACE_CONT, child, 0, 0); waitpid(child, &status, 0); printf("answered: %d\n", WEXITSTATUS(status));
  start(0, refused); ptrace(PTRACE_CONT, child, 0, 0); waitpid(child, &status, 0); printf("filtered: %d\n", WEXITSTATUS(status));
  start(SUSPEND, refused); ptrace(PTRACE_CONT, child, 0, 0); waitpid(child, &status, 0); printf("suspended: %d\n", WEXITSTATUS(status));
  start(0, queue); find(SYS_getppid);
  peek(1, 8, 0, 0); peek(1, 2, 1, 0); peek(0, 8, 0, 0); peek(1, 8, 9, 0); peek(1, 0, 0, 0); peek(2, 1, 0, 0); peek(0, -1, 0, 0);
  peek(1, 1, 0, (void *)16);
  kill(child, SIGKILL); waitpid(child, &status, 0);
  start(0, one_call); printf("not filtered: %s\n", ptrace(PTRACE_SECCOMP_GET_FILTER, child, 0, 0) < 0 ? strerror(errno) : "fine");
  kill(child, SIGKILL); waitpid(child, &status, 0);
  start(0, twice); find(SYS_close); filters(); kill(child, SIGKILL); waitpid(child, &status, 0);
  start(0, one_call); printf("unknown option: %s\n", ptrace(PTRACE_SETOPTIONS, child, 0, 1 << 22) < 0 ? strerror(errno) : "fine");
  fflush(stdout); if (fork() == 0) {
    filter(SYS_getppid, SECCOMP_RET_ERRNO | ESRCH); pid_t mine = fork(); if (mine == 0) { pause(); }
    printf("filtered tracer: %s\n", ptrace(PTRACE_SEIZE, mine, 0, SUSPEND) < 0 ? strerror(errno) : "fine"); fflush(stdout);
    kill(mine, SIGKILL); _exit(0); }
  wait(0);
  kill(child, SIGKILL); waitpid(child, &status, 0);
  left = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  interrupted_sleep("nanosleep", sleeper, SYS_clock_nanosleep); interrupted_sleep("clock_nanosleep", sleeper_by_clock, SYS_clock_nanosleep);
  interrupted_sleep("until a time", sleeper_until, SYS_clock_nanosleep); return 0;
}
