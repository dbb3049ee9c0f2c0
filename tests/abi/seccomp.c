#include "abi.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#ifdef __riscv
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#else
#define ARCHITECTURE AUDIT_ARCH_X86_64
#endif
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(v) BPF_STMT(BPF_RET | BPF_K, v)
#define PROGRAM(name, ...) struct sock_filter name##_code[] = {__VA_ARGS__}; struct sock_fprog name = {sizeof name##_code / sizeof *name##_code, name##_code}
static int filter(struct sock_fprog *p, unsigned flags) { return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, p); }
static volatile int trapped, code, number, error, architecture; static void *volatile place;
static void trap(int s, siginfo_t *i, void *u) { trapped = s; code = i->si_code; number = i->si_syscall; error = i->si_errno; architecture = i->si_arch; place = i->si_call_addr; (void)u; }
static int in_child(struct sock_fprog *p, long (*what)(void)) { fflush(stdout); pid_t pid = fork(); if (pid == 0) { if (filter(p, 0)) _exit(99); long r = what(); _exit(r < 0 ? 200 + errno % 50 : r); } int status; while (waitpid(pid, &status, 0) < 0) {} return status; }
static long parent_of(void) { return syscall(SYS_getppid) > 0 ? 7 : 8; }
static long fail_silently(void) { return syscall(SYS_getppid); }
static void *quiet(void *p) { usleep(50000); (void)p; return NULL; } static void *killed(void *p) { syscall(SYS_getppid); return p; }
static void *asks(void *p) { usleep(40000); errno = 0; long r = syscall(SYS_getppid); return (void *)(r == -1 ? (long)errno : 0); }
int main(void) {
  PROGRAM(allow, RETURN(SECCOMP_RET_ALLOW)); unsigned action;
  SHOW(prctl(PR_GET_SECCOMP)); SHOW(syscall(SYS_seccomp, 99, 0, NULL)); SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL)); SHOW(filter(NULL, 0)); SHOW(filter(&allow, 1 << 20)); action = SECCOMP_RET_ERRNO; SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action)); action = 0x12340000; SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action)); SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 1, &action)); SHOW(prctl(PR_SET_SECCOMP, 5, NULL));
  /* Programs that are none. */
  struct sock_fprog wrong = {0, allow_code}; SHOW(filter(&wrong, 0)); wrong.len = 5000; SHOW(filter(&wrong, 0)); wrong.len = 1; wrong.filter = (void *)8; SHOW(filter(&wrong, 0));
  PROGRAM(no_return, LOAD(nr)); SHOW(filter(&no_return, 0)); PROGRAM(far_jump, BPF_STMT(BPF_JMP | BPF_JA, 9), RETURN(0)); SHOW(filter(&far_jump, 0)); PROGRAM(far_branch, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RETURN(0)); SHOW(filter(&far_branch, 0)); PROGRAM(odd_load, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 3), RETURN(0)); SHOW(filter(&odd_load, 0)); PROGRAM(past_load, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RETURN(0)); SHOW(filter(&past_load, 0)); PROGRAM(half_load, BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), RETURN(0)); SHOW(filter(&half_load, 0)); PROGRAM(by_zero, BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RETURN(0)); SHOW(filter(&by_zero, 0)); PROGRAM(memory, BPF_STMT(BPF_LD | BPF_MEM, 3), RETURN(0)); SHOW(filter(&memory, 0)); PROGRAM(one_way, LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_MEM, 3), RETURN(0)); SHOW(filter(&one_way, 0)); PROGRAM(far_memory, BPF_STMT(BPF_ST, 16), RETURN(0)); SHOW(filter(&far_memory, 0)); PROGRAM(modulo, BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RETURN(0)); SHOW(filter(&modulo, 0));
  /* Without privilege only after no_new_privs. */
  pid_t pid = fork(); if (pid == 0) { if (setuid(65534)) _exit(1); SHOW(filter(&allow, 0)); SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); SHOW(filter(&allow, 0)); SHOW(prctl(PR_GET_SECCOMP)); _exit(0); } while (waitpid(pid, NULL, 0) < 0) {}
  /* Actions. */
#define ONLY(call, value) LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0), RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), RETURN(value), RETURN(SECCOMP_RET_ALLOW)
  PROGRAM(fails, ONLY(SYS_getppid, SECCOMP_RET_ERRNO | ENOTTY)); SHOW(in_child(&fails, fail_silently) == ((200 + ENOTTY) << 8)); PROGRAM(nothing, ONLY(SYS_getppid, SECCOMP_RET_ERRNO | 0)); SHOW(in_child(&nothing, parent_of) >> 8); PROGRAM(kills, ONLY(SYS_getppid, SECCOMP_RET_KILL_PROCESS)); SHOW(in_child(&kills, parent_of) & 0x7f); PROGRAM(kills_thread, ONLY(SYS_getppid, SECCOMP_RET_KILL_THREAD)); SHOW(in_child(&kills_thread, parent_of) & 0x7f); PROGRAM(traps, ONLY(SYS_getppid, SECCOMP_RET_TRAP | 55)); SHOW(in_child(&traps, parent_of) & 0x7f); PROGRAM(traced, ONLY(SYS_getppid, SECCOMP_RET_TRACE)); SHOW(in_child(&traced, fail_silently) == ((200 + ENOSYS) << 8)); PROGRAM(logs, ONLY(SYS_getppid, SECCOMP_RET_LOG)); SHOW(in_child(&logs, parent_of) >> 8);
  struct sigaction sa = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO}; sigaction(SIGSYS, &sa, NULL); pid = fork(); if (pid == 0) { SHOW(filter(&traps, 0)); syscall(SYS_getppid, 11, 12); SHOW(trapped == SIGSYS); SHOW(code); HOLDS(number == SYS_getppid); SHOW(error); HOLDS(architecture == (int)ARCHITECTURE); HOLDS(place != NULL); _exit(0); } int status; while (waitpid(pid, &status, 0) < 0) {} SHOW(status);
  pid = fork(); if (pid == 0) { pthread_t one; void *r = (void *)1; SHOW(filter(&kills_thread, 0)); pthread_create(&one, NULL, killed, NULL); usleep(50000); SHOW(getpid() > 1); _exit(3); } while (waitpid(pid, &status, 0) < 0) {} SHOW(status);
  pid = fork(); if (pid == 0) { SHOW(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)); char c = '.'; if (write(1, "strict\n", 7) != 7) syscall(SYS_exit, 2); (void)c; getppid(); syscall(SYS_exit, 1); } while (waitpid(pid, &status, 0) < 0) {} SHOW(status);
  /* The strictest of several counts; of equal ones the latest; children and programs keep them; arguments are seen. */
  PROGRAM(fails_2, ONLY(SYS_getppid, SECCOMP_RET_ERRNO | EIO)); PROGRAM(argument, LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_dup, 0, 4), LOAD(args[0]), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 77, 0, 1), RETURN(SECCOMP_RET_ERRNO | EDOM), RETURN(SECCOMP_RET_ALLOW));
  pid = fork(); if (pid == 0) { SHOW(filter(&fails, 0)); SHOW(filter(&logs, 0)); SHOW(syscall(SYS_getppid)); SHOW(filter(&fails_2, 0)); SHOW(syscall(SYS_getppid)); SHOW(filter(&argument, 0)); SHOW(dup(77)); SHOW(dup(78)); SHOW(dup(70)); SHOW(dup(256 + 70)); SHOW(prctl(PR_GET_SECCOMP)); fflush(stdout); if (fork() == 0) { SHOW(syscall(SYS_getppid)); _exit(0); } while (wait(NULL) < 0) {} char line[128]; FILE *f = fopen("/proc/self/status", "r"); while (fgets(line, sizeof line, f)) if (!strncmp(line, "Seccomp", 7)) printf("%s", line); fflush(stdout); SHOW(filter(&kills, 0)); syscall(SYS_getppid); _exit(0); } while (waitpid(pid, &status, 0) < 0) {} SHOW(status & 0x7f);
  PROGRAM(arithmetic, LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0), RETURN(SECCOMP_RET_ALLOW), BPF_STMT(BPF_LD | BPF_IMM, 7), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 9), BPF_STMT(BPF_ST, 2), BPF_STMT(BPF_LDX | BPF_MEM, 2), BPF_STMT(BPF_LD | BPF_LEN, 0), BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2), BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 1), BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 3), BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0)); SHOW(in_child(&arithmetic, fail_silently) >> 8);
  /* All threads at once. */
  pid = fork(); if (pid == 0) { pthread_t one; void *r; pthread_create(&one, NULL, asks, NULL); SHOW(filter(&fails, SECCOMP_FILTER_FLAG_TSYNC)); pthread_join(one, &r); SHOW((long)r == ENOTTY); _exit(0); } while (waitpid(pid, &status, 0) < 0) {} SHOW(status);
  return 0;
}
