/* ptrace(2): where a tracee stands, what its tracer sees and changes there, and how both come apart. */
#include "abi.h"
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <elf.h>

struct info {
  unsigned char op, pad[3];
  unsigned arch;
  unsigned long long ip, sp;
  union {
    struct { unsigned long long nr, args[6]; } entry;
    struct { long long rval; unsigned char is_error; } exit;
  };
};

static volatile long word = 0x1122334455667788;
static int ends[2];

static const char *call_name(unsigned long long nr) {
  return nr == SYS_getppid ? "getppid" : nr == SYS_read ? "read" : nr == SYS_close ? "close"
       : nr == SYS_exit_group ? "exit_group" : nr == SYS_rt_sigreturn ? "rt_sigreturn" : nr == SYS_gettid ? "gettid" : "other";
}

/* Waits for a tracee and says what it tells. */
static int waits(pid_t pid) {
  int status;
  if (waitpid(pid, &status, __WALL) != pid) return printf("wait: %s\n", name_of(errno)), -1;
  if (WIFEXITED(status)) printf("  exited %d\n", WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) printf("  killed %d\n", WTERMSIG(status));
  else if (WIFSTOPPED(status)) {
    struct info info;
    memset(&info, 0, sizeof info);
    ptrace(0x420e, pid, sizeof info, &info);
    printf("  stopped %d event %d", WSTOPSIG(status), status >> 16);
    if (info.op == 1) printf(": begins %s", call_name(info.entry.nr));
    if (info.op == 2) printf(": returns %lld error %d", info.exit.is_error ? info.exit.rval : 0, info.exit.is_error);
    printf("\n");
  } else printf("  status %x\n", status);
  fflush(stdout);
  return status;
}

static int goes(int request, pid_t pid, int signal) {
  if (ptrace(request, pid, 0, signal) < 0) printf("  goes: %s\n", name_of(errno));
  return waits(pid);
}

static pid_t child(void (*body)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    body();
    _exit(7);
  }
  return pid;
}

static void handler(int signal) { word = signal; }
static void calls(void) { syscall(SYS_getppid); syscall(SYS_close, -1); }
static void signals(void) { signal(SIGUSR1, handler); raise(SIGUSR1); raise(SIGUSR1); raise(SIGWINCH); _exit(word == SIGUSR1 ? 1 : 0); }
static void changes(void) { raise(SIGUSR2); _exit(word == 42 ? 3 : 4); }
static void forks(void) { pid_t pid = fork(); if (pid == 0) _exit(5); waitpid(pid, NULL, 0); }
static void vforks(void) { pid_t pid = vfork(); if (pid == 0) _exit(5); waitpid(pid, NULL, 0); }
static void *thread(void *unused) { syscall(SYS_gettid); return unused; }
static void threads(void) { pthread_t id; pthread_create(&id, NULL, thread, NULL); pthread_join(id, NULL); }
static void starts(void) { execl("/proc/self/exe", "program", "started", NULL); }
static void reads(void) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  char byte;
  _exit(read(ends[0], &byte, 1) == 1 ? 9 : 8);
}

static void until_asleep(pid_t pid) {
  char path[64], text[512];
  for (;;) {
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    text[size > 0 ? size : 0] = 0;
    char *state = strrchr(text, ')');
    if (state != NULL && state[2] == 'S') return;
    usleep(1000);
  }
}

static int says(pid_t pid, const char *key, const char *value) {
  char path[64], line[256], wanted[256];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  snprintf(wanted, sizeof wanted, "%s:\t%s\n", key, value);
  FILE *file = fopen(path, "r");
  int found = 0;
  while (file != NULL && fgets(line, sizeof line, file)) found |= strcmp(line, wanted) == 0;
  if (file != NULL) fclose(file);
  return found;
}

int main(int argc, char **argv) {
  if (argc > 1) return argv[1][0] == 'w' ? geteuid() == 0 ? 20 : 21 : 6;
  pid_t pid;
  char own[16];
  snprintf(own, sizeof own, "%d", getpid());

  printf("calls, one by one\n");
  pid = child(calls);
  waits(pid);
  HOLDS(says(pid, "TracerPid", own));
  HOLDS(says(pid, "State", "t (tracing stop)"));
  SHOW(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
  for (int i = 0; i < 5; i++) goes(PTRACE_SYSCALL, pid, 0);
  goes(PTRACE_CONT, pid, 0);

  printf("signals: dropped, changed, those that do nothing\n");
  pid = child(signals);
  waits(pid);
  goes(PTRACE_CONT, pid, 0);
  siginfo_t info;
  SHOW(ptrace(PTRACE_GETSIGINFO, pid, 0, &info));
  HOLDS(info.si_signo == SIGUSR1 && info.si_pid == pid);
  goes(PTRACE_CONT, pid, 0);
  goes(PTRACE_CONT, pid, SIGWINCH);
  goes(PTRACE_CONT, pid, SIGTERM);

  printf("memory and registers\n");
  pid = child(changes);
  waits(pid);
  goes(PTRACE_CONT, pid, 0);
  errno = 0;
  printf("%lx\n", ptrace(PTRACE_PEEKDATA, pid, &word, 0));
  SHOW(ptrace(PTRACE_POKEDATA, pid, &word, 42));
  SHOW(ptrace(PTRACE_PEEKDATA, pid, 0, 0));
  long text = ptrace(PTRACE_PEEKTEXT, pid, main, 0);
  SHOW(ptrace(PTRACE_POKETEXT, pid, main, ~text));
  HOLDS(ptrace(PTRACE_PEEKTEXT, pid, main, 0) == ~text && *(volatile long *)main == text);
  unsigned long registers[64];
  struct iovec vector = {registers, sizeof registers};
  SHOW(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector));
  HOLDS(vector.iov_len < sizeof registers && vector.iov_len % 8 == 0);
  SHOW(ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &vector));
  SHOW(ptrace(PTRACE_GETREGSET, pid, 0x7777, &vector));
  goes(PTRACE_CONT, pid, 0);

  printf("a blocked call and a handler\n");
  pipe(ends);
  pid = child(reads);
  waits(pid);
  ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  int status;
  do status = goes(PTRACE_SYSCALL, pid, 0); while (WIFSTOPPED(status) && ({ struct info at; ptrace(0x420e, pid, sizeof at, &at); at.op != 1 || at.entry.nr != SYS_read; }));
  ptrace(PTRACE_SYSCALL, pid, 0, 0);
  until_asleep(pid);
  kill(pid, SIGUSR1);
  waits(pid);
  goes(PTRACE_SYSCALL, pid, 0);
  goes(PTRACE_SYSCALL, pid, SIGUSR1);
  goes(PTRACE_SYSCALL, pid, 0);
  goes(PTRACE_SYSCALL, pid, 0);
  ptrace(PTRACE_SYSCALL, pid, 0, 0);
  until_asleep(pid);
  write(ends[1], "x", 1);
  waits(pid);
  goes(PTRACE_CONT, pid, 0);

  void (*bodies[])(void) = {forks, vforks, threads, starts};
  for (int i = 0; i < 4; i++) {
    printf("children, threads and programs %d\n", i);
    pid = child(bodies[i]);
    waits(pid);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
           PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT);
    status = goes(PTRACE_CONT, pid, 0);
    unsigned long message = 0;
    SHOW(ptrace(PTRACE_GETEVENTMSG, pid, 0, &message));
    if (i == 3) HOLDS(message == pid);
    else {
      pid_t young = message;
      HOLDS(young > 0 && young != pid);
      waits(young);
      while (WIFSTOPPED(goes(PTRACE_CONT, young, 0)));
      if (i == 1) ptrace(PTRACE_CONT, pid, 0, 0), waits(pid);
    }
    while (WIFSTOPPED(goes(PTRACE_CONT, pid, 0)));
  }

  printf("seized, interrupted and let go\n");
  fflush(stdout);
  pid = fork();
  if (pid == 0) { char byte; read(ends[0], &byte, 1); _exit(byte == 'y' ? 1 : 2); }
  until_asleep(pid);
  SHOW(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
  SHOW(ptrace(PTRACE_SEIZE, pid, 0, 0));
  SHOW(ptrace(PTRACE_CONT, pid, 0, 0));
  SHOW(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
  waits(pid);
  goes(PTRACE_SYSCALL, pid, 0);
  SHOW(ptrace(PTRACE_DETACH, pid, 0, 0));
  HOLDS(says(pid, "TracerPid", "0"));
  SHOW(ptrace(PTRACE_ATTACH, pid, 0, 0));
  waits(pid);
  SHOW(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
  SHOW(ptrace(PTRACE_SETOPTIONS, pid, 0, 1 << 30));
  SHOW(ptrace(PTRACE_DETACH, pid, 0, 0));
  write(ends[1], "y", 1);
  waits(pid);

  printf("a tracer that ends\n");
  for (int kills = 0; kills < 2; kills++) {
    fflush(stdout);
    pid = fork();
    if (pid == 0) { char byte; read(ends[0], &byte, 1); _exit(11); }
    until_asleep(pid);
    pid_t tracer = fork();
    if (tracer == 0) _exit(ptrace(PTRACE_SEIZE, pid, 0, kills ? PTRACE_O_EXITKILL : 0) == 0 ? 12 : 13);
    waits(tracer);
    if (!kills) write(ends[1], "z", 1);
    waits(pid);
  }

  printf("a set-user-id program, untraced and traced by who is not root\n");
  char copy[64], buffer[65536];
  snprintf(copy, sizeof copy, "/tmp/tracing-%d", getpid());
  int from = open("/proc/self/exe", O_RDONLY), to = open(copy, O_WRONLY | O_CREAT | O_EXCL, 0755);
  for (ssize_t size; (size = read(from, buffer, sizeof buffer)) > 0;) write(to, buffer, size);
  close(to);
  SHOW(chmod(copy, 04755));
  for (int traced = 0; traced < 2; traced++) {
    fflush(stdout);
    pid_t tracer = fork();
    if (tracer == 0) {
      setresuid(1000, 1000, 1000);
      pid = fork();
      if (pid == 0) {
        if (traced) ptrace(PTRACE_TRACEME, 0, 0, 0);
        execl(copy, "program", "who", NULL);
        _exit(22);
      }
      status = waits(pid);
      while (WIFSTOPPED(status)) status = goes(PTRACE_CONT, pid, 0);
      errno = 0;
      SHOW(ptrace(PTRACE_ATTACH, getppid(), 0, 0));
      _exit(0);
    }
    waits(tracer);
  }
  unlink(copy);
  SHOW(ptrace(PTRACE_ATTACH, getpid(), 0, 0));
  SHOW(ptrace(PTRACE_CONT, 999999, 0, 0));
  return 0;
}
