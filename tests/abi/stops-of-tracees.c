#include "abi.h"
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/ptrace.h>
#include <linux/filter.h>
#include <sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#ifdef __riscv
typedef struct { unsigned long pc, x[31]; } Registers;
#define PC(r) (r).pc
#define RESULT(r) (r).x[9]
/* Before a signal that interrupts a call is delivered: riscv64 shows the call again, x86 that it is to be restarted. */
#define IS_TO_RESTART(r) (ptrace(PTRACE_PEEKTEXT, child, PC(r), 0) << 32 == 0x73L << 32)
#define BREAK_BYTES "\x73\x00\x10\x00" /* ebreak */
#define BREAK_SIZE 4
#define PAST_BREAK 0
#define STACK(r) (r).x[1]
#define NO_RESTART(r) 0
#else
#include <sys/user.h>
typedef struct user_regs_struct Registers;
#define PC(r) (r).rip
#define RESULT(r) (r).rax
#define IS_TO_RESTART(r) ((long)RESULT(r) == -512)
#define BREAK_BYTES "\xcc"
#define BREAK_SIZE 1
#define PAST_BREAK 1
#define STACK(r) (r).rsp
#define NO_RESTART(r) ((r).orig_rax = -1)
#endif
/* What a tracer sees, in words that do not depend on the processor. */
static pid_t child;
static int status;
static void tell(void) {
  if (WIFEXITED(status)) printf("exited %d\n", WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) printf("killed by %d\n", WTERMSIG(status));
  else if (WIFCONTINUED(status)) printf("continued\n");
  else printf("stopped by %d%s event %d\n", WSTOPSIG(status) & 0x7f, WSTOPSIG(status) & 0x80 ? "|80" : "", status >> 16);
}
static pid_t wait_and_tell(pid_t pid) { pid_t got = waitpid(pid, &status, __WALL); if (got < 0) printf("wait: %s\n", strerror(errno)); else tell(); return got; }
static void call_info(void) {
  struct ptrace_syscall_info info = {0}; long size = ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) printf("entry %s size %ld arg %ld\n", info.entry.nr == SYS_getppid ? "getppid" : info.entry.nr == SYS_write ? "write" : info.entry.nr == SYS_exit_group ? "exit_group" : info.entry.nr == SYS_kill ? "kill" : info.entry.nr == SYS_wait4 ? "wait4" : info.entry.nr == SYS_close ? "close" : "other", size, info.entry.nr == SYS_write ? (long)info.entry.args[0] : 0L);
  else if (info.op == PTRACE_SYSCALL_INFO_EXIT) printf("exit size %ld error %d %s\n", size, info.exit.is_error, info.exit.rval == getpid() ? "my pid" : info.exit.is_error ? strerror(-info.exit.rval) : "fine");
  else printf("op %d size %ld\n", info.op, size);
}
static void signal_info(void) { siginfo_t info; memset(&info, 0, sizeof info); long r = ptrace(PTRACE_GETSIGINFO, child, 0, &info); if (r < 0) printf("siginfo: %s\n", strerror(errno)); else printf("siginfo %d code %d\n", info.si_signo, info.si_code); }
static volatile int seen; static void handler(int s) { seen = s; }
static volatile long word = 0x1122334455667788;
__attribute__((noinline)) static long broken(long n) { __asm__ volatile("" ::: "memory"); return n + seen; }
static void begin(void (*body)(void)) { fflush(stdout); child = fork(); if (child == 0) { body(); _exit(7); } }
static void traceme(void) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); }

static void calls(void) { traceme(); syscall(SYS_getppid); syscall(SYS_write, 99, "x", 1); syscall(SYS_close, -1); }
static void signals(void) { signal(SIGUSR1, handler); signal(SIGUSR2, SIG_IGN); traceme(); raise(SIGUSR1); raise(SIGUSR2); raise(SIGTERM); syscall(SYS_exit_group, seen); }
static void waits(void) { signal(SIGUSR1, handler); traceme(); pid_t grand = fork(); if (grand == 0) { usleep(30000); _exit(3); } int s; while (waitpid(grand, &s, 0) < 0) seen += 40; syscall(SYS_exit_group, seen + WEXITSTATUS(s)); }
__attribute__((noinline)) static void called(void) { BREAK; }
static void memory(void) { traceme(); syscall(SYS_exit_group, (int)(word & 0xff)); }
static void breaks(void) { traceme(); long r = broken(1); r += broken(2); syscall(SYS_exit_group, (int)r); }
static void forks(void) { traceme(); pid_t one = fork(); if (one == 0) _exit(1); waitpid(one, NULL, 0); pid_t two = vfork(); if (two == 0) _exit(2); waitpid(two, NULL, 0); }
static void program(void) { traceme(); char *const argv[] = {(char *)"self", (char *)"leave", NULL}; execv("/proc/self/exe", argv); }
static void filtered(void) {
  struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 42), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {4, code}; prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); traceme(); prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program); long r = syscall(SYS_getppid), failed = r < 0 ? errno : 0; if (syscall(SYS_getppid) < 0) failed++; syscall(SYS_exit_group, failed);
}
static void dies(void) { signal(SIGUSR1, handler); traceme(); raise(SIGUSR1); raise(SIGTERM); }
static void clones(void) { traceme(); pid_t one = syscall(SYS_clone, CLONE_PTRACE | SIGCHLD, 0, 0, 0, 0); if (one == 0) _exit(1); waitpid(one, NULL, 0); one = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0); if (one == 0) _exit(1); waitpid(one, NULL, 0); }
static void sleeps(void) { for (;;) pause(); }
static void stops(void) { raise(SIGSTOP); syscall(SYS_exit_group, 5); }
static void *thread(void *arg) { return arg; }
static void threads(void) { traceme(); pthread_t t; pthread_create(&t, NULL, thread, NULL); pthread_join(t, NULL); }
static void follow(int options) { begin(forks); wait_and_tell(child); SHOW(ptrace(PTRACE_SETOPTIONS, child, 0, options)); ptrace(PTRACE_CONT, child, 0, 0);
  /* Events of two processes in no certain order: each is told of its own. */
  int left = 1, parents[64], n = 0, children = 0, ends = 0, sums = 0; while (left > 0) { pid_t got = waitpid(-1, &status, __WALL); if (got < 0) break; if (WIFSTOPPED(status)) { int event = status >> 16; if (got == child) { if (event) { unsigned long message; ptrace(PTRACE_GETEVENTMSG, got, 0, &message); if (event <= 3) left++; parents[n++] = event; ptrace(PTRACE_CONT, got, 0, 0); } else ptrace(PTRACE_CONT, got, 0, WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status)); } else { if (event == 0 || event == 128) children += WSTOPSIG(status); ptrace(PTRACE_CONT, got, 0, 0); } } else { left--; ends++; if (got != child) sums += WEXITSTATUS(status); else tell(); } }
  printf("events"); for (int i = 0; i < n; i++) printf(" %d", parents[i]); printf("; children stopped %d, ends %d, sum %d\n", children, ends, sums); }

int main(int argc, char **argv) {
  if (argc > 1) { syscall(SYS_exit_group, 9); }
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  puts("-- calls"); begin(calls); wait_and_tell(child); signal_info(); call_info(); SHOW(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD)); SHOW(ptrace(PTRACE_SETOPTIONS, child, 0, 1 << 20 | 1 << 30));
  for (int i = 0; i < 64; i++) { if (ptrace(PTRACE_SYSCALL, child, 0, 0) < 0) break; wait_and_tell(child); if (!WIFSTOPPED(status)) break; call_info(); signal_info(); }
  puts("-- another call, another result"); begin(calls); wait_and_tell(child); ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  for (int entries = 0;;) { ptrace(PTRACE_SYSCALL, child, 0, 0); waitpid(child, &status, __WALL); if (!WIFSTOPPED(status)) { tell(); break; } struct ptrace_syscall_info info; ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
    Registers r; struct iovec v = {&r, sizeof r}; long got = ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &v);
    if (entries == 0) { SHOW(got); SHOW(v.iov_len == sizeof r); SHOW(PC(r) == info.instruction_pointer); }
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) entries++; else if (entries == 1) { RESULT(r) = 1234; SHOW(ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &v)); ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info); SHOW(info.exit.rval); entries++; } }
  puts("-- signals"); begin(signals); wait_and_tell(child); for (int i = 0; i < 8; i++) { int s = WSTOPSIG(status); SHOW(ptrace(PTRACE_CONT, child, 0, s == SIGSTOP ? 0 : s == SIGTERM ? 0 : s)); wait_and_tell(child); if (!WIFSTOPPED(status)) break; signal_info(); }
  puts("-- a signal in place of another"); begin(signals); wait_and_tell(child); ptrace(PTRACE_CONT, child, 0, 0); wait_and_tell(child); ptrace(PTRACE_CONT, child, 0, SIGKILL); wait_and_tell(child);
  puts("-- a call that waits"); begin(waits); wait_and_tell(child); ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD); ptrace(PTRACE_CONT, child, 0, 0); usleep(10000); kill(child, SIGUSR1); wait_and_tell(child); call_info(); { Registers r; struct iovec v = {&r, sizeof r}; ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &v); SHOW(IS_TO_RESTART(r)); }
  SHOW(ptrace(PTRACE_SYSCALL, child, 0, 0)); wait_and_tell(child); call_info(); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); wait_and_tell(child); ptrace(PTRACE_CONT, child, 0, WSTOPSIG(status)); wait_and_tell(child);
  puts("-- the same, its handler run"); begin(waits); wait_and_tell(child); ptrace(PTRACE_CONT, child, 0, 0); usleep(10000); kill(child, SIGUSR1); wait_and_tell(child); ptrace(PTRACE_CONT, child, 0, SIGUSR1); wait_and_tell(child); ptrace(PTRACE_CONT, child, 0, SIGCHLD); wait_and_tell(child);
  puts("-- a function called in the midst of it"); begin(waits); wait_and_tell(child); ptrace(PTRACE_CONT, child, 0, 0); usleep(10000); kill(child, SIGUSR1); wait_and_tell(child);
  { Registers saved, r; struct iovec v = {&saved, sizeof saved}; ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &v); r = saved; PC(r) = (unsigned long)called; STACK(r) = STACK(r) - 512 & ~15UL; NO_RESTART(r); v.iov_base = &r; ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &v); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); wait_and_tell(child); v.iov_base = &saved; SHOW(ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &v)); ptrace(PTRACE_CONT, child, 0, 0); wait_and_tell(child); ptrace(PTRACE_CONT, child, 0, 0); wait_and_tell(child); }
  puts("-- memory"); begin(memory); wait_and_tell(child); errno = 0; printf("%lx\n", ptrace(PTRACE_PEEKDATA, child, &word, 0)); SHOW(ptrace(PTRACE_POKEDATA, child, &word, 0x11)); errno = 0; printf("%lx\n", ptrace(PTRACE_PEEKDATA, child, &word, 0)); errno = 0; SHOW(ptrace(PTRACE_PEEKDATA, child, 8, 0)); SHOW(ptrace(PTRACE_POKEDATA, child, 8, 0)); ptrace(PTRACE_CONT, child, 0, 0); wait_and_tell(child); SHOW(word == 0x11);
  puts("-- a breakpoint"); begin(breaks); wait_and_tell(child); { long at = (long)broken, old = ptrace(PTRACE_PEEKTEXT, child, at, 0), with = old; memcpy(&with, BREAK_BYTES, BREAK_SIZE); SHOW(ptrace(PTRACE_POKETEXT, child, at, with)); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); wait_and_tell(child); Registers r; struct iovec v = {&r, sizeof r}; ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &v); SHOW(PC(r) == at + PAST_BREAK); PC(r) = at; ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &v); ptrace(PTRACE_POKETEXT, child, at, old); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); wait_and_tell(child); }
  puts("-- forks"); follow(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE); follow(0); follow(PTRACE_O_TRACEVFORK);
  puts("-- a program"); for (int o = 0; o <= PTRACE_O_TRACEEXEC; o += PTRACE_O_TRACEEXEC) { begin(program); wait_and_tell(child); ptrace(PTRACE_SETOPTIONS, child, 0, o | PTRACE_O_TRACEEXIT); ptrace(PTRACE_CONT, child, 0, 0); wait_and_tell(child); unsigned long message = 0; if (o) { SHOW(ptrace(PTRACE_GETEVENTMSG, child, 0, &message)); SHOW(message == (unsigned long)child); } ptrace(PTRACE_CONT, child, 0, 0); wait_and_tell(child); ptrace(PTRACE_GETEVENTMSG, child, 0, &message); printf("%lx\n", message); ptrace(PTRACE_CONT, child, 0, 0); wait_and_tell(child); }
  puts("-- a filter asks"); for (int o = 0; o < 3; o++) { begin(filtered); wait_and_tell(child); ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | (o ? PTRACE_O_TRACESECCOMP : 0)); ptrace(PTRACE_CONT, child, 0, 0); wait_and_tell(child); for (int i = 0; i < 12 && WIFSTOPPED(status); i++) { struct ptrace_syscall_info info = {0}; unsigned long message = 0; if (status >> 16) { long size = ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info); ptrace(PTRACE_GETEVENTMSG, child, 0, &message); printf("op %d size %ld data %u message %lu getppid %d\n", info.op, size, info.seccomp.ret_data, message, info.seccomp.nr == SYS_getppid); } else call_info(); ptrace(o == 2 && i < 3 ? PTRACE_SYSCALL : PTRACE_CONT, child, 0, 0); wait_and_tell(child); } }
  puts("-- an end by a signal"); begin(dies); wait_and_tell(child); ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXIT); ptrace(PTRACE_CONT, child, 0, 0); wait_and_tell(child); ptrace(PTRACE_CONT, child, 0, SIGUSR1); wait_and_tell(child); ptrace(PTRACE_CONT, child, 0, SIGTERM); wait_and_tell(child); { unsigned long message = 0; ptrace(PTRACE_GETEVENTMSG, child, 0, &message); printf("%lx\n", message); } SHOW(ptrace(PTRACE_CONT, child, 0, 0)); wait_and_tell(child);
  puts("-- clone's flags"); begin(clones); wait_and_tell(child); ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEFORK); ptrace(PTRACE_CONT, child, 0, 0); { int events = 0, stopped = 0, ended = 0; for (;;) { pid_t got = waitpid(-1, &status, __WALL); if (got < 0) break; if (WIFSTOPPED(status)) { if (status >> 16) events++; else if (got != child) stopped++; ptrace(PTRACE_CONT, got, 0, 0); } else { ended++; if (got == child) tell(); } } printf("events %d, stopped %d, ended %d\n", events, stopped, ended); }
  begin(clones); wait_and_tell(child); ptrace(PTRACE_CONT, child, 0, 0); { int stopped = 0, ended = 0; for (;;) { pid_t got = waitpid(-1, &status, __WALL); if (got < 0) break; if (WIFSTOPPED(status)) { if (got != child) stopped++; ptrace(PTRACE_CONT, got, 0, 0); } else { ended++; if (got == child) tell(); } } printf("stopped %d, ended %d\n", stopped, ended); }
  puts("-- interrupted where it stands"); begin(sleeps); usleep(10000); ptrace(PTRACE_SEIZE, child, 0, 0); ptrace(PTRACE_INTERRUPT, child, 0, 0); wait_and_tell(child); SHOW(ptrace(PTRACE_INTERRUPT, child, 0, 0)); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); usleep(20000); SHOW(waitpid(child, &status, WNOHANG | __WALL) > 0); if (WIFSTOPPED(status)) tell(); kill(child, SIGKILL); wait_and_tell(child);
  puts("-- threads"); begin(threads); wait_and_tell(child); ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACECLONE); ptrace(PTRACE_CONT, child, 0, 0); { int made = 0, ended = 0, stopped = 0; for (;;) { pid_t got = waitpid(-1, &status, __WALL); if (got < 0) break; if (WIFSTOPPED(status)) { if (status >> 16 == 3) made++; else if (got != child) stopped += WSTOPSIG(status); ptrace(PTRACE_CONT, got, 0, 0); } else { ended++; if (got == child) tell(); } } printf("made %d, stopped %d, ended %d\n", made, stopped, ended); }
  puts("-- attached"); begin(sleeps); usleep(10000); SHOW(ptrace(PTRACE_ATTACH, child, 0, 0)); SHOW(ptrace(PTRACE_ATTACH, child, 0, 0)); wait_and_tell(child); signal_info(); { char line[256], path[64]; snprintf(path, sizeof path, "/proc/%d/status", child); FILE *f = fopen(path, "r"); while (fgets(line, sizeof line, f)) if (strncmp(line, "State", 5) == 0) printf("%s", line); else if (strncmp(line, "TracerPid", 9) == 0) SHOW(atoi(line + 10) == getpid()); fclose(f); }
  SHOW(ptrace(PTRACE_DETACH, child, 0, 0)); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); kill(child, SIGTERM); wait_and_tell(child);
  puts("-- seized"); begin(sleeps); usleep(10000); SHOW(ptrace(PTRACE_SEIZE, child, 0, PTRACE_O_TRACESYSGOOD)); SHOW(waitpid(child, &status, WNOHANG | __WALL)); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); SHOW(ptrace(PTRACE_INTERRUPT, child, 0, 0)); wait_and_tell(child); signal_info(); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); kill(child, SIGSTOP); wait_and_tell(child); SHOW(ptrace(PTRACE_CONT, child, 0, SIGSTOP)); wait_and_tell(child); signal_info(); SHOW(ptrace(PTRACE_LISTEN, child, 0, 0)); SHOW(waitpid(child, &status, WNOHANG | __WALL)); kill(child, SIGCONT); wait_and_tell(child); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); wait_and_tell(child); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); kill(child, SIGKILL); wait_and_tell(child);
  puts("-- a stopped one"); begin(stops); waitpid(child, &status, WUNTRACED); tell(); SHOW(ptrace(PTRACE_SEIZE, child, 0, 0)); wait_and_tell(child); SHOW(ptrace(PTRACE_DETACH, child, 0, 0)); kill(child, SIGCONT); wait_and_tell(child);
  puts("-- refused"); begin(sleeps); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); SHOW(ptrace(PTRACE_ATTACH, getpid(), 0, 0)); SHOW(ptrace(PTRACE_ATTACH, 99999, 0, 0)); SHOW(ptrace(PTRACE_SEIZE, child, 1, 0)); SHOW(ptrace(PTRACE_SEIZE, child, 0, 1 << 29)); SHOW(ptrace(PTRACE_INTERRUPT, child, 0, 0)); SHOW(ptrace(PTRACE_SEIZE, child, 0, 0)); SHOW(ptrace(PTRACE_CONT, child, 0, 0)); kill(child, SIGKILL); wait_and_tell(child); SHOW(ptrace(PTRACE_CONT, child, 0, 0));
  puts("-- the tracer ends"); { int ends[2]; pipe(ends); fflush(stdout); pid_t tracer = fork(); if (tracer == 0) { begin(sleeps); ptrace(PTRACE_SEIZE, child, 0, PTRACE_O_EXITKILL); write(ends[1], &child, sizeof child); _exit(0); } waitpid(tracer, NULL, 0); read(ends[0], &child, sizeof child); for (int i = 0; i < 1000 && kill(child, 0) == 0; i++) { char path[64], line[256] = ""; snprintf(path, sizeof path, "/proc/%d/stat", child); FILE *f = fopen(path, "r"); if (!f) break; fgets(line, sizeof line, f); fclose(f); if (strstr(line, ") Z")) break; usleep(1000); } puts("gone"); }
  fflush(stdout); return 0;
}
