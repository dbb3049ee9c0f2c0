/* What a parent is told of a child's end: clone's CSIGNAL, CLONE_PARENT, __WCLONE and __WALL; what execve and adoption make of it. */
#include "abi.h"
#include <sched.h>
#include <sys/prctl.h>
#include <pthread.h>

static long clone_of(unsigned long flags) { return syscall(SYS_clone, flags, 0, 0, 0, 0); }
static volatile int got, got_code, got_status, got_pid;
static void handler(int signal, siginfo_t *info, void *context) { got = signal; got_code = info->si_code; got_status = info->si_status; got_pid = info->si_pid; }
static void listen_to(int signal) { struct sigaction a = {0}; a.sa_sigaction = handler; a.sa_flags = SA_SIGINFO; sigaction(signal, &a, NULL); }
static void told(void) { for (int i = 0; i < 200 && !got; i++) usleep(1000); SHOW(got); SHOW(got_code); SHOW(got_status); got = got_code = got_status = 0; }
static void quiet(void) { usleep(20000); SHOW(got); got = 0; }
static void wait_how(int options) { int s = 0; errno = 0; int r = waitpid(-1, &s, options | WNOHANG); printf("wait %x: %s %s %x\n", options, r > 0 ? "child" : r ? "-1" : "0", name_of(errno), s); siginfo_t i = {0}; errno = 0; r = waitid(P_ALL, 0, &i, WEXITED | WNOHANG | WNOWAIT | options); printf("waitid %x: %d %s signo %d code %d status %d\n", options, r, name_of(errno), i.si_signo, i.si_code, i.si_status); fflush(stdout); }
/* Waits for the end without collecting it. */
static void ended(int pid) { siginfo_t i; waitid(P_PID, pid, &i, WEXITED | WNOWAIT | __WALL); }

static void own_signal(int signal, int end) {
  printf("signal %d\n", signal); int pid = clone_of(signal); if (pid == 0) { if (end > 0) _exit(end); raise(-end); }
  HOLDS(pid > 0); if (pid < 0) return; ended(pid); told(); wait_how(0); wait_how(__WCLONE); wait_how(__WALL); wait_how(__WALL);
}

static void ignored(int signal, int handling, int flags) {
  struct sigaction a = {0}; a.sa_handler = (void *)(long)handling; a.sa_flags = flags; sigaction(SIGCHLD, &a, NULL);
  int pid = clone_of(signal); if (pid == 0) _exit(1); usleep(20000); wait_how(__WALL); wait_how(__WALL); signal = SIGCHLD; a.sa_handler = SIG_DFL; a.sa_flags = 0; sigaction(SIGCHLD, &a, NULL);
}

/* A brother's signal is its brother's, whatever the caller asks. */
static void brothers(int first, int second) {
  int p[2]; pipe(p); int pid = clone_of(first);
  if (pid == 0) { int other = clone_of(CLONE_PARENT | second); if (other == 0) _exit(7); write(p[1], &other, 4); for (;;) pause(); }
  int other = 0; read(p[0], &other, 4); HOLDS(other > 0); ended(other); told(); HOLDS(got_pid == other); wait_how(0); wait_how(__WCLONE); kill(pid, SIGKILL); waitpid(pid, NULL, __WALL); waitpid(other, NULL, __WALL); got = 0; close(p[0]); close(p[1]);
}

static void *program(void *argument) { execl("/proc/self/exe", "program", "end", NULL); return NULL; }

/* A new program's end is told by SIGCHLD. */
static void new_program(int with_thread) { int pid = clone_of(SIGUSR1); if (pid == 0) { if (with_thread) { pthread_t t; pthread_create(&t, NULL, program, NULL); pthread_join(t, NULL); } program(NULL); _exit(99); } ended(pid); told(); wait_how(__WCLONE); wait_how(0); }

/* A parent that is a new program since is told by SIGCHLD, too. */
static void new_parent(void) { int pid = fork(); if (pid == 0) { int p[2]; pipe(p); int child = clone_of(SIGUSR1); if (child == 0) { char c; close(p[1]); read(p[0], &c, 1); _exit(4); } char a[16], b[16]; sprintf(a, "%d", child); sprintf(b, "%d", p[1]); fflush(stdout); execl("/proc/self/exe", "program", "parent", a, b, NULL); } int s; waitpid(pid, &s, 0); SHOW(s); }
static void after_exec(int child, int end) { listen_to(SIGUSR1); listen_to(SIGCHLD); close(end); ended(child); told(); wait_how(0); wait_how(__WCLONE); wait_how(__WALL); fflush(stdout); _exit(0); }

/* Who adopts a child is told by SIGCHLD. */
static void adopted(void) { prctl(PR_SET_CHILD_SUBREAPER, 1); int p[2], q[2]; pipe(p); pipe(q); int pid = fork(); if (pid == 0) { int child = clone_of(SIGUSR1); if (child == 0) { char c; close(q[1]); read(q[0], &c, 1); _exit(5); } write(p[1], &child, 4); _exit(0); }
  int child = 0; read(p[0], &child, 4); waitpid(pid, NULL, 0); got = 0; close(q[1]); ended(child); told(); wait_how(__WCLONE); wait_how(0); close(q[0]); close(p[0]); close(p[1]);
  /* One that had ended before. */
  pipe(p); pid = fork(); if (pid == 0) { int other = clone_of(SIGUSR1); if (other == 0) _exit(6); ended(other); write(p[1], &other, 4); _exit(0); } int other = 0; read(p[0], &other, 4); waitpid(pid, NULL, 0); usleep(20000); got = 0; wait_how(__WCLONE); wait_how(0); prctl(PR_SET_CHILD_SUBREAPER, 0); }

/* Children are the thread's that made them, for __WNOTHREAD, and for PR_SET_PDEATHSIG. */
static int born; static int pipes[2];
static void *mother(void *argument) { born = fork(); if (born == 0) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR2); sigprocmask(SIG_BLOCK, &set, NULL); prctl(PR_SET_PDEATHSIG, SIGUSR2); write(pipes[1], "", 1); struct timespec t = {0, 300000000}; int s = sigtimedwait(&set, NULL, &t); HOLDS(s == SIGUSR2); _exit(8); } char c; read(pipes[0], &c, 1); if (argument) SHOW(waitpid(-1, NULL, WNOHANG | __WNOTHREAD)); return NULL; }
static void mothers(void) { pthread_t t; pipe(pipes); pthread_create(&t, NULL, mother, (void *)1); pthread_join(t, NULL); int s; HOLDS(waitpid(born, &s, __WNOTHREAD) == born || errno == ECHILD); while (waitpid(-1, &s, 0) > 0); 
  int other = fork(); if (other == 0) { pause(); _exit(0); } pthread_t u; void *looks(void *p) { errno = 0; SHOW(waitpid(-1, NULL, WNOHANG | __WNOTHREAD)); SHOW(waitpid(-1, NULL, WNOHANG)); return NULL; } pthread_create(&u, NULL, looks, NULL); pthread_join(u, NULL); kill(other, SIGKILL); HOLDS(waitpid(other, NULL, __WNOTHREAD) == other); }

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "end")) return 3;
  if (argc > 1) { after_exec(atoi(argv[2]), atoi(argv[3])); }
  listen_to(SIGCHLD); listen_to(SIGUSR1); listen_to(SIGUSR2); listen_to(SIGRTMIN);
  own_signal(SIGCHLD, 2); own_signal(SIGUSR1, 2); own_signal(SIGUSR1, -SIGTERM); own_signal(SIGRTMIN, 3); own_signal(0, 2); own_signal(65, 2); own_signal(200, 2);
  brothers(SIGCHLD, SIGUSR1); brothers(SIGUSR1, SIGUSR2); brothers(SIGUSR1, 0);
  new_program(0); new_program(1); new_parent(); adopted(); 
  ignored(SIGCHLD, 1, 0); ignored(SIGUSR1, 1, 0); ignored(SIGCHLD, 0, SA_NOCLDWAIT); ignored(SIGUSR1, 0, SA_NOCLDWAIT); listen_to(SIGCHLD); 
  mothers(); quiet();
  return 0;
}
