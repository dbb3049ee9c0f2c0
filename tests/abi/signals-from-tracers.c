#include "abi.h"
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
/* What a tracee is told of a signal with which its tracer lets it go on, by the stop in which it was. */
static pid_t tracer, child; static int status;
static const char *whose(pid_t pid) { return pid == 0 ? "nobody" : pid == tracer ? "the tracer" : pid == getpid() ? "itself" : "another"; }
static volatile int times;
static void heard(int number, siginfo_t *info, void *context) { (void)context; times++; printf("  heard %d code %d from %s\n", number, info->si_code, whose(info->si_pid)); fflush(stdout); }
static void begin(void (*body)(void)) {
  fflush(stdout); child = fork(); if (child != 0) return;
  struct sigaction action = {.sa_sigaction = heard, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &action, NULL); sigaction(SIGUSR2, &action, NULL);
  ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); body(); _exit(7);
}
static void tell(const char *what) {
  siginfo_t info = {0}; waitpid(child, &status, __WALL);
  if (!WIFSTOPPED(status)) { printf("%s: ended %x\n", what, status); return; }
  int r = ptrace(PTRACE_GETSIGINFO, child, 0, &info) < 0; printf("%s: stop %x", what, status >> 8);
  if (!r && (status >> 16) == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80)) printf(" signo %d code %d from %s", info.si_signo, info.si_code, whose(info.si_pid)); puts("");
}
static void go(int request, int signal) { fflush(stdout); if (ptrace(request, child, 0, (long)signal) < 0) printf("go: %s\n", strerror(errno)); }
static void calls(void) { syscall(SYS_getppid); syscall(SYS_getppid); }
static void forks(void) { if (fork() == 0) _exit(0); wait(NULL); }
static void raises(void) { raise(SIGUSR1); raise(SIGUSR1); }
static void start(void (*body)(void), long options) { begin(body); tell("start"); ptrace(PTRACE_SETOPTIONS, child, 0, options | PTRACE_O_TRACESYSGOOD); }
/* A fork whose way begins with a call that is the same everywhere. */
static void clones(void) { long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); if (pid == 0) _exit(times); int r; wait(&r); printf("  its child had heard %d\n", WEXITSTATUS(r)); fflush(stdout); }
static void stops(void) { syscall(SYS_tgkill, getpid(), getpid(), SIGSTOP); }
static int op_of_call(void) { struct { unsigned char op; char rest[100]; } info = {77}; long r = ptrace(0x420e, child, sizeof info, &info); return r < 0 ? -1 : info.op; }
static void told_of_call(const char *what) { printf("%s: op %d\n", what, op_of_call()); }
static void heard_by_parent(const char *what) {
  siginfo_t info = {0}; int r = waitid(P_PID, child, &info, WSTOPPED | WCONTINUED | WEXITED | WNOHANG);
  printf("%s: %d code %d status %d\n", what, r, info.si_pid ? info.si_code : 0, info.si_pid ? info.si_status : 0); fflush(stdout);
}
int main(void) {
  tracer = getpid();
  puts("before a call"); start(calls, 0); go(PTRACE_SYSCALL, 0); tell("entry"); go(PTRACE_SYSCALL, SIGUSR1); tell("exit"); go(PTRACE_SYSCALL, 0); tell("signal"); go(PTRACE_CONT, SIGUSR1); tell("end");
  puts("after a call"); start(calls, 0); go(PTRACE_SYSCALL, 0); tell("entry"); go(PTRACE_SYSCALL, 0); tell("exit"); go(PTRACE_CONT, SIGUSR2); tell("signal"); go(PTRACE_CONT, SIGUSR1); tell("end");
  puts("let go after a call"); start(calls, 0); go(PTRACE_SYSCALL, 0); tell("entry"); go(PTRACE_SYSCALL, 0); tell("exit"); go(PTRACE_DETACH, SIGUSR1); tell("end");
  puts("before a signal"); start(raises, 0); go(PTRACE_CONT, 0); tell("signal"); go(PTRACE_CONT, SIGUSR1); tell("signal"); go(PTRACE_CONT, SIGUSR2); tell("end");
  puts("let go before a signal"); start(raises, 0); go(PTRACE_CONT, 0); tell("signal"); go(PTRACE_DETACH, SIGUSR2); tell("end");
  puts("in an event"); start(forks, PTRACE_O_TRACEFORK); go(PTRACE_CONT, 0); tell("event"); unsigned long other = 0; ptrace(PTRACE_GETEVENTMSG, child, 0, &other); go(PTRACE_CONT, SIGUSR1);
  waitpid(other, &status, __WALL); ptrace(PTRACE_DETACH, other, 0, 0); do tell("then"); while (WIFSTOPPED(status) && (ptrace(PTRACE_CONT, child, 0, 0), 1));
  puts("let go in an event"); start(forks, PTRACE_O_TRACEFORK); go(PTRACE_CONT, 0); tell("event"); ptrace(PTRACE_GETEVENTMSG, child, 0, &other);
  waitpid(other, &status, __WALL); ptrace(PTRACE_DETACH, other, 0, 0); go(PTRACE_DETACH, SIGUSR1); tell("end");
  puts("who begins to be traced by itself"); start(forks, PTRACE_O_TRACEFORK); go(PTRACE_CONT, 0); tell("event"); ptrace(PTRACE_GETEVENTMSG, child, 0, &other);
  pid_t first = child; child = other; tell("child"); ptrace(PTRACE_DETACH, other, 0, 0); child = first; go(PTRACE_DETACH, 0); tell("end");
  puts("before a fork"); start(clones, 0); go(PTRACE_SYSCALL, 0); tell("entry"); told_of_call("entry"); go(PTRACE_SYSCALL, SIGUSR1); tell("exit"); told_of_call("exit");
  siginfo_t info = {.si_signo = SIGUSR2, .si_code = -60}; printf("another siginfo: %ld\n", (long)ptrace(PTRACE_SETSIGINFO, child, 0, &info)); told_of_call("exit");
  go(PTRACE_CONT, 0); tell("signal"); go(PTRACE_CONT, SIGUSR1); do tell("then"); while (WIFSTOPPED(status) && (ptrace(PTRACE_CONT, child, 0, 0), 1));
  puts("calls that look like traps"); start(calls, 0); ptrace(PTRACE_SETOPTIONS, child, 0, 0); go(PTRACE_SYSCALL, 0); waitpid(child, &status, __WALL); told_of_call("entry"); go(PTRACE_SYSCALL, 0); waitpid(child, &status, __WALL); told_of_call("exit"); go(PTRACE_DETACH, 0); tell("end");
  puts("let go while stopped"); start(stops, 0); go(PTRACE_CONT, 0); tell("signal"); go(PTRACE_CONT, SIGSTOP); waitpid(child, &status, __WALL); printf("stopped %x\n", status); heard_by_parent("traced"); go(PTRACE_DETACH, 0); heard_by_parent("let go"); heard_by_parent("again");
  kill(child, SIGCONT); waitpid(child, &status, 0); printf("end %x\n", status);
  return 0;
}
