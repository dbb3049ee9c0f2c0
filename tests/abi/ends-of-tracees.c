/* PTRACE_EVENT_EXIT of what somebody else ends, and who may wait for a tracee's end first. */
#include "abi.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static pid_t leader;
static int status;

static const char *who(pid_t pid) { return pid == leader ? "the leader" : pid > 0 ? "another" : pid == 0 ? "nobody" : strerrorname_np(errno); }

static void told(const char *what, pid_t got) {
  printf("%s: %s", what, who(got));
  if (got > 0 && WIFSTOPPED(status)) {
    unsigned long message = 0;
    ptrace(PTRACE_GETEVENTMSG, got, 0, &message);
    if (status >> 16 == PTRACE_EVENT_EXIT) printf(", event %d, message %lx", status >> 16, message);
    else printf(", event %d, stop %x%s", status >> 16, WSTOPSIG(status), status >> 16 == 0 ? "" : message == 0 ? ", no message" : ", a message");
  } else if (got > 0) printf(", status %x", status);
  printf("\n");
}

static void next(const char *what, pid_t pid) { told(what, waitpid(pid, &status, __WALL)); }
static void poll_(const char *what, pid_t pid) { told(what, waitpid(pid, &status, __WALL | WNOHANG)); }
static void go(pid_t pid) { ptrace(PTRACE_CONT, pid, 0, 0); }

static void start(int options, void (*body)(void)) {
  fflush(stdout);
  leader = fork();
  if (leader == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    body();
    _exit(7);
  }
  waitpid(leader, &status, 0);
  ptrace(PTRACE_SETOPTIONS, leader, 0, options);
}

static void nothing(void) {}
static void sleeps(void) { for (;;) pause(); }
static void spins(void) { for (volatile long n = 0;; n++); }
static void in_vfork(void) { if (vfork() == 0) { prctl(PR_SET_PDEATHSIG, SIGKILL); pause(); _exit(0); } }

static void kills(void) {
  printf("-- SIGKILL at a stop\n");
  start(PTRACE_O_TRACEEXIT, nothing);
  kill(leader, SIGKILL);
  next("killed", leader);
  poll_("and then", leader);
  go(leader);
  next("went on", leader);

  printf("-- without the option\n");
  start(0, nothing);
  kill(leader, SIGKILL);
  next("killed", leader);

  void (*bodies[])(void) = {sleeps, spins, in_vfork};
  for (int i = 0; i < 3; i++) {
    printf("-- SIGKILL, body %d\n", i);
    start(PTRACE_O_TRACEEXIT, bodies[i]);
    go(leader);
    usleep(50000);
    kill(leader, SIGKILL);
    next("killed", leader);
    kill(leader, SIGKILL);
    usleep(20000);
    poll_("killed again", leader);
    go(leader);
    next("went on", leader);
  }

  printf("-- SIGTERM\n");
  start(PTRACE_O_TRACEEXIT, sleeps);
  go(leader);
  kill(leader, SIGTERM);
  next("a signal", leader);
  ptrace(PTRACE_CONT, leader, 0, SIGTERM);
  next("its end", leader);
  kill(leader, SIGKILL);
  usleep(20000);
  poll_("killed meanwhile", leader);
  go(leader);
  next("went on", leader);

  printf("-- let go at its end\n");
  start(PTRACE_O_TRACEEXIT, sleeps);
  kill(leader, SIGKILL);
  next("killed", leader);
  printf("detached: %ld\n", (long)ptrace(PTRACE_DETACH, leader, 0, 0));
  next("its end", leader);

  printf("-- seized\n");
  fflush(stdout);
  leader = fork();
  if (leader == 0) sleeps();
  ptrace(PTRACE_SEIZE, leader, 0, PTRACE_O_TRACEEXIT);
  kill(leader, SIGKILL);
  next("killed", leader);
  go(leader);
  next("went on", leader);
}

/* ---- Threads */

static int pipe_[2];
static void *waits(void *unused) { for (;;) pause(); return NULL; }
static void *executes(void *unused) {
  char c;
  read(pipe_[0], &c, 1);
  execl("/proc/self/exe", "ends-of-tracees", "--nothing", NULL);
  _exit(9);
}
static void *exits(void *unused) {
  char c;
  read(pipe_[0], &c, 1);
  _exit(5);
}

static void threads(void *(*one)(void *)) {
  pthread_t thread;
  pthread_create(&thread, NULL, one, NULL);
  pthread_create(&thread, NULL, waits, NULL);
  for (;;) pause();
}
static void two_execute(void) { threads(executes); }
static void two_exit(void) { threads(exits); }
static void two_wait(void) { threads(waits); }

static pid_t tids[2];

/* The leader and two threads of it, all of which go. */
static void start_threads(int options, void (*body)(void)) {
  pipe(pipe_);
  start(options | PTRACE_O_TRACECLONE, body);
  go(leader);
  for (int i = 0; i < 2; i++) {
    unsigned long message = 0;
    waitpid(leader, &status, 0);
    ptrace(PTRACE_GETEVENTMSG, leader, 0, &message);
    tids[i] = message;
    waitpid(tids[i], &status, __WALL);
    go(tids[i]);
    go(leader);
  }
  usleep(50000);
}

static void let_in(void) { write(pipe_[1], "x", 1); close(pipe_[0]), close(pipe_[1]); }

static void several(void) {
  for (int i = 0; i < 3; i++) {
    printf("-- execve of a thread, %s\n", i == 0 ? "told of ends" : i == 1 ? "told of ends and programs" : "told of programs");
    start_threads(i == 0 ? PTRACE_O_TRACEEXIT : i == 1 ? PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC : PTRACE_O_TRACEEXEC, two_execute);
    let_in();
    usleep(50000);
    if (i < 2) {
      next("the leader ends", leader);
      poll_("who executes", tids[0]);
      next("the other ends", tids[1]);
      go(tids[1]);
      next("the other", tids[1]);
      poll_("who executes", tids[0]);
      go(leader);
    } else next("the other", tids[1]);
    next("the program", leader);
    poll_("who executed", tids[0]);
    kill(leader, SIGKILL);
    next("killed", leader);
    go(leader);
    if (i < 2) next("went on", leader);
  }

  for (int i = 0; i < 2; i++) {
    printf("-- %s\n", i == 0 ? "exit_group of a thread" : "SIGKILL");
    start_threads(PTRACE_O_TRACEEXIT, i == 0 ? two_exit : two_wait);
    if (i == 0) let_in(); else kill(leader, SIGKILL);
    next("the leader", leader);
    next("one", tids[0]);
    next("the other", tids[1]);
    go(tids[0]);
    next("one", tids[0]);
    poll_("the leader", leader);
    go(leader);
    poll_("the leader", leader);
    go(tids[1]);
    next("the other", tids[1]);
    next("the leader", leader);
  }
}

/* ---- A tracer that isn't the parent */

static void (*traced)(void);
static int *shared;
static volatile int children;
static siginfo_t last;
static void on_child(int signal, siginfo_t *info, void *unused) { children++; last = *info; }

/* A parent whose child is traced by its own parent: what each hears, and when. */
static void apart(int how) {
  printf("-- traced by another than its parent%s\n", how == 1 ? ", who ends" : how == 2 ? ", who lets it go" : how == 3 ? ", killed" : "");
  struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGCHLD, &action, NULL);
  children = 0;
  memset(shared, 0, 4096);
  fflush(stdout);
  pid_t parent = fork();
  if (parent == 0) {
    prctl(PR_SET_PTRACER, -1L, 0, 0, 0);
    pid_t child = fork();
    if (child == 0) {
      while (__atomic_load_n(shared + 1, __ATOMIC_ACQUIRE) == 0) usleep(1000);
      _exit(3);
    }
    shared[0] = child;
    while (__atomic_load_n(shared + 2, __ATOMIC_ACQUIRE) == 0) usleep(1000);
    errno = 0;
    int status = 0;
    pid_t got = waitpid(child, &status, WNOHANG);
    printf("its parent, at first: %s, %d signals\n", got == 0 ? "nothing yet" : got < 0 ? strerrorname_np(errno) : "its end", children);
    __atomic_store_n(shared + 3, 1, __ATOMIC_RELEASE);
    got = waitpid(child, &status, 0);
    /* Its tracer speaks first. */
    usleep(100000);
    printf("its parent: %s %x, %d signals, code %d status %d\n", got == child ? "its end" : strerrorname_np(errno), status, children, last.si_code, last.si_status);
    fflush(stdout);
    _exit(0);
  }
  while (__atomic_load_n(shared, __ATOMIC_ACQUIRE) == 0) usleep(1000);
  leader = shared[0];
  pid_t tracer = how == 1 ? fork() : 0;
  if (tracer == 0) {
    ptrace(PTRACE_SEIZE, leader, 0, 0);
    __atomic_store_n(shared + 1, 1, __ATOMIC_RELEASE);
    if (how == 3) kill(leader, SIGKILL);
    siginfo_t info;
    memset(&info, 0, sizeof info);
    waitid(P_PID, leader, &info, WEXITED | WNOWAIT | __WALL);
    printf("its tracer: code %d status %d, %d signals, code %d\n", info.si_code, info.si_status, children, last.si_code);
    fflush(stdout);
    __atomic_store_n(shared + 2, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(shared + 3, __ATOMIC_ACQUIRE) == 0) usleep(1000);
    usleep(50000);
    if (how == 1) _exit(0);
    if (how == 2) printf("let go: %s\n", ptrace(PTRACE_DETACH, leader, 0, 0) < 0 ? strerrorname_np(errno) : "0");
    next("its tracer", leader);
    poll_("once more", leader);
  } else waitpid(tracer, &status, 0);
  waitpid(parent, &status, 0);
  signal(SIGCHLD, SIG_DFL);
}

int main(int argc, char **argv) {
  if (argc > 1) return 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  kills();
  several();
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int how = 0; how < 4; how++) apart(how);
  return 0;
}
