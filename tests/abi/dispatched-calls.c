#include "abi.h"
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

/* prctl(PR_SET_SYSCALL_USER_DISPATCH): a program takes its own system calls. */
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#define DISPATCH(mode, offset, len, selector) syscall(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, (long)(mode), (long)(offset), (long)(len), (long)(selector))
#define ON(selector) DISPATCH(1, 0, 0, selector)
#define OFF DISPATCH(0, 0, 0, 0)
enum { ALLOW = 0, BLOCK = 1 };
struct config { unsigned long mode, selector, offset, len; };
static volatile char selector;
static volatile int count, code, number, has_address, errnum;
static void take(int s, siginfo_t *i, void *c) {
  (void)s; (void)c; selector = ALLOW; count++;
  code = i->si_code; number = i->si_syscall; errnum = i->si_errno; has_address = i->si_call_addr != 0;
}
static long blocked(long call) { selector = BLOCK; long r = syscall(call); selector = ALLOW; return r; }
static void *in_thread(void *unused) { selector = BLOCK; unsigned char c = syscall(SYS_gettid) > 0; selector = ALLOW; return (void *)(long)(c + (unused != 0)); }
#define CHILD(body) do { fflush(stdout); int status_, child_ = fork(); if (child_ == 0) { body; _exit(0); } waitpid(child_, &status_, 0); \
  printf("%s: exit %d signal %d\n", #body, WIFEXITED(status_) ? WEXITSTATUS(status_) : -1, WIFSIGNALED(status_) ? WTERMSIG(status_) : 0); fflush(stdout); } while (0)

int main(int argc, char **argv) {
  if (argc > 1) { int r = syscall(SYS_getppid) > 0; printf("a new program calls: %d\n", r); return 0; }
  struct sigaction action = {.sa_sigaction = take, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &action, 0);
  puts("-- what is refused");
  SHOW(DISPATCH(3, 0, 0, 0)); SHOW(DISPATCH(-1, 0, 0, 0)); SHOW(DISPATCH(0, 1, 0, 0)); SHOW(DISPATCH(0, 0, 1, 0)); SHOW(DISPATCH(0, 0, 0, &selector));
  SHOW(DISPATCH(1, 1, 0, &selector)); SHOW(DISPATCH(1, 1, -1, &selector)); SHOW(DISPATCH(1, -1, 1, &selector)); SHOW(DISPATCH(1, 0, 0, -1)); SHOW(OFF);
  puts("-- a byte says which calls are taken");
  SHOW(ON(&selector)); SHOW(syscall(SYS_getppid) > 0);
  blocked(SYS_getppid); SHOW(count); SHOW(code); SHOW(errnum); SHOW(number == SYS_getppid); SHOW(has_address);
  blocked(0xf001); SHOW(count); SHOW(number == 0xf001); blocked(-1); SHOW(count); SHOW(number);
  puts("-- a range is not asked");
  SHOW(DISPATCH(1, 0, -1, &selector)); HOLDS(blocked(SYS_getppid) > 0); SHOW(count);
  SHOW(DISPATCH(1, 0x1000, 0x1000, &selector)); blocked(SYS_getppid); SHOW(count);
  SHOW(DISPATCH(1, 0x1000, 0x7fffffffffff, &selector)); HOLDS(blocked(SYS_getppid) > 0); SHOW(count);
  puts("-- threads, children and new programs begin without it");
  SHOW(ON(&selector)); pthread_t thread; void *result; pthread_create(&thread, 0, in_thread, 0); pthread_join(thread, &result); SHOW((long)result); SHOW(count);
  CHILD(selector = BLOCK; int r = syscall(SYS_getppid) > 0; selector = ALLOW; _exit(r * 10 + (count > 4)));
  CHILD(ON(&selector); execl("/proc/self/exe", argv[0], "again", (char *)0));
  puts("-- what ends it");
  CHILD(ON(&selector); selector = 2; syscall(SYS_getppid));
  CHILD(char *gone = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); ON(gone); munmap(gone, 4096));
  CHILD(signal(SIGSYS, SIG_IGN); ON(&selector); selector = BLOCK; syscall(SYS_getppid));
  CHILD(sigset_t set; sigemptyset(&set); sigaddset(&set, SIGSYS); sigprocmask(SIG_BLOCK, &set, 0); ON(&selector); selector = BLOCK; syscall(SYS_getppid));
  CHILD(DISPATCH(1, 0, 0, 0); _exit(3));
  SHOW(OFF); HOLDS(blocked(SYS_getppid) > 0);
  puts("-- tracers");
  fflush(stdout); int status, child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0); ON(&selector); count = 0; raise(SIGSTOP);
    int before = count; blocked(SYS_getppid); raise(SIGSTOP); blocked(SYS_getppid); _exit(before * 10 + count);
  }
  struct config config; memset(&config, -1, sizeof config); waitpid(child, &status, 0);
  SHOW(ptrace(0x4211, child, 1, &config)); SHOW(ptrace(0x4211, child, sizeof config, &config));
  SHOW(config.mode); SHOW(config.offset); SHOW(config.len); HOLDS(config.selector == (unsigned long)&selector);
  config.offset = 5; config.len = 0; SHOW(ptrace(0x4210, child, sizeof config, &config)); config.offset = 0; SHOW(ptrace(0x4210, child, 1, &config));
  SHOW(ptrace(0x4210, child, sizeof config, 8));
  ptrace(PTRACE_SYSCALL, child, 0, 0);
  /* The tracer sees the handler's signal, and no stop of the call. */
  int sigsys = 0; for (;;) {
    waitpid(child, &status, 0); if (!WIFSTOPPED(status)) break;
    int sig = WSTOPSIG(status); if (sig == SIGSYS) sigsys++;
    if (sig == SIGSTOP) { memset(&config, 0, sizeof config); SHOW(ptrace(0x4210, child, sizeof config, &config)); SHOW(sigsys); }
    ptrace(PTRACE_SYSCALL, child, 0, sig == SIGSYS ? sig : 0);
  }
  SHOW(sigsys); SHOW(WEXITSTATUS(status));
  return 0;
}
