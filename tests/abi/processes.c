#include "abi.h"
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
static int child_stack_value;
static int thread_like(void *arg) { child_stack_value = 42; return *(int *)arg; }
int main(void) {
  int status; struct rusage usage;
  SHOW(waitpid(-1, &status, 0));
  pid_t pid = fork();
  if (pid == 0) _exit(3);
  HOLDS(waitpid(pid, &status, 0) == pid);
  SHOW(WIFEXITED(status)); SHOW(WEXITSTATUS(status));
  pid = fork();
  if (pid == 0) { raise(SIGTERM); _exit(0); }
  HOLDS(wait4(pid, &status, 0, &usage) == pid);
  SHOW(WIFSIGNALED(status)); SHOW(WTERMSIG(status));
  /* A stopped and continued child. */
  pid = fork();
  if (pid == 0) { raise(SIGSTOP); _exit(9); }
  HOLDS(waitpid(pid, &status, WUNTRACED) == pid);
  SHOW(WIFSTOPPED(status)); SHOW(WSTOPSIG(status));
  SHOW(waitpid(pid, &status, WNOHANG));
  SHOW(kill(pid, SIGCONT));
  siginfo_t info; memset(&info, 0, sizeof info);
  SHOW(waitid(P_PID, pid, &info, WEXITED | WNOWAIT)); SHOW(info.si_code); SHOW(info.si_status); HOLDS(info.si_pid == pid);
  HOLDS(waitpid(pid, &status, 0) == pid); SHOW(WEXITSTATUS(status));
  SHOW(waitpid(pid, &status, 0));
  SHOW(waitid(P_ALL, 0, &info, 0));
  SHOW(kill(pid, 0));
  /* Groups and sessions. */
  pid = fork();
  if (pid == 0) {
    HOLDS(getpgrp() == getpgid(getppid()));
    SHOW(setpgid(0, 0)); HOLDS(getpgrp() == getpid());
    SHOW(setsid());
    pid_t inner = fork();
    if (inner == 0) { HOLDS(setsid() == getpid()); HOLDS(getsid(0) == getpid()); SHOW(setpgid(0, 0)); _exit(0); }
    waitpid(inner, &status, 0);
    _exit(0);
  }
  waitpid(pid, &status, 0);
  SHOW(setpgid(pid, 0)); SHOW(setpgid(0, -1)); SHOW(getpgid(999999)); SHOW(getsid(999999));
  /* vfork: the parent waits; the memory is shared. */
  static volatile int shared = 1;
  pid = vfork();
  if (pid == 0) { shared = 2; _exit(0); }
  SHOW(shared);
  waitpid(pid, &status, 0);
  /* clone with a stack and shared memory. */
  static char stack[65536]; int argument = 17;
  pid = clone(thread_like, stack + sizeof stack, CLONE_VM | SIGCHLD, &argument);
  HOLDS(waitpid(pid, &status, 0) == pid); SHOW(WEXITSTATUS(status)); SHOW(child_stack_value);
  SHOW(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0)); SHOW(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0));
  /* exec errors. */
  char *argv[] = {"x", NULL}, *env[] = {NULL};
  SHOW(execve("/nonexistent", argv, env)); SHOW(execve("/", argv, env)); SHOW(execve("", argv, env));
  int fd = open("/tmp/notelf", O_CREAT | O_WRONLY | O_TRUNC, 0755); if (write(fd, "garbage", 7) != 7) return 1;
  SHOW(execve("/tmp/notelf", argv, env) == -1 && errno == ETXTBSY);
  close(fd);
  SHOW(execve("/tmp/notelf", argv, env));
  chmod("/tmp/notelf", 0644); SHOW(execve("/tmp/notelf", argv, env)); SHOW(execve("/tmp/notelf/x", argv, env));
  unlink("/tmp/notelf");
  /* Limits and names. */
  struct rlimit limit; SHOW(getrlimit(RLIMIT_NOFILE, &limit)); limit.rlim_cur = 64; SHOW(setrlimit(RLIMIT_NOFILE, &limit));
  int last = -1, next; while ((next = dup(0)) >= 0) last = next; SHOW(last); SHOW(errno == EMFILE);
  for (int i = 3; i <= last; i++) close(i);
  SHOW(dup2(0, 64)); SHOW(fcntl(0, F_DUPFD, 64)); SHOW(getrlimit(99, &limit));
  char name[16]; SHOW(prctl(PR_SET_NAME, "a-name-longer-than-15")); SHOW(prctl(PR_GET_NAME, name)); puts(name);
  SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)); SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); SHOW(prctl(99999)); SHOW(prctl(PR_SET_THP_DISABLE, 0, 0, 5, 0)); SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  SHOW(getpriority(PRIO_PROCESS, 0)); SHOW(setpriority(PRIO_PROCESS, 0, 5)); SHOW(getpriority(PRIO_PROCESS, 0));
  /* What a child used is known of it, and afterwards of all children; vfork'd memory was the parent's. */
  pid = fork();
  if (pid == 0) { char *much = malloc(24 << 20); memset(much, 1, 24 << 20); usleep(1000); _exit(much[12345] - 1); }
  HOLDS(wait4(pid, &status, 0, &usage) == pid); HOLDS(usage.ru_maxrss >= 24 << 10); HOLDS(usage.ru_maxrss < 100 << 10); HOLDS(usage.ru_nvcsw > 0);
  SHOW(getrusage(RUSAGE_CHILDREN, &usage)); HOLDS(usage.ru_maxrss >= 24 << 10); HOLDS(usage.ru_nvcsw > 0); HOLDS(usage.ru_minflt > 100);
  SHOW(getrusage(RUSAGE_SELF, &usage)); HOLDS(usage.ru_maxrss > 0);
  /* Signals through a process's directory in /proc. */
  pid = fork();
  if (pid == 0) { pause(); _exit(0); }
  char place[64]; snprintf(place, sizeof place, "/proc/%d", pid);
  int directory = open(place, O_RDONLY | O_DIRECTORY); HOLDS(directory >= 0); SHOW(syscall(SYS_pidfd_send_signal, directory, 0, NULL, 0)); SHOW(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0));
  int root = open("/", O_RDONLY), named = open(place, O_PATH); SHOW(syscall(SYS_pidfd_send_signal, root, 0, NULL, 0)); SHOW(syscall(SYS_pidfd_send_signal, named, 0, NULL, 0));
  strcat(place, "/task"); int inner_directory = open(place, O_RDONLY); SHOW(syscall(SYS_pidfd_send_signal, inner_directory, 0, NULL, 0));
  SHOW(syscall(SYS_pidfd_send_signal, directory, SIGTERM, NULL, 0)); waitpid(pid, &status, 0); SHOW(WTERMSIG(status)); SHOW(syscall(SYS_pidfd_send_signal, directory, 0, NULL, 0));
  close(directory); close(root); close(named); close(inner_directory);
  /* An orphan goes to someone else. */
  int p[2]; if (pipe(p)) return 1;
  pid = fork();
  if (pid == 0) {
    pid_t me = getpid();
    if (fork() == 0) { while (getppid() == me) usleep(1000); char yes = getppid() != me; if (write(p[1], &yes, 1) != 1) _exit(1); _exit(0); }
    _exit(0);
  }
  waitpid(pid, &status, 0); char yes = 0; SHOW(read(p[0], &yes, 1)); SHOW(yes);
  return 0;
}
