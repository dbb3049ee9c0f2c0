/* Random calls among processes: groups, sessions, signals and who may send them, ends and who is told of them. */
#include "random-calls.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* A child does what it is told, one call at a time, and tells what came of it. */
#define CHILDREN 6
struct order { int what, a, b, c; };
struct answer { long result; int error; };
static struct child { int pid, orders, answers, is_stopped, is_over; } children[CHILDREN];
static int self;
enum { GETPGID, GETSID, SETPGID, SETSID, KILL, TGKILL, SETUID, FORK, EXIT, WAIT, SUBREAPER, DEATH_SIGNAL, SIGNAL_HOW, PRIORITY, LIMIT, NICE, GETPPID, CAUGHT, PIDFD, DUMPABLE, RESGID };
static volatile int caught;
static void catch(int signal) { caught++; }
static int do_order(struct order o, struct answer *r) {
  errno = 0;
  switch (o.what) {
  case GETPGID: r->result = getpgid(o.a); break;
  case GETSID: r->result = getsid(o.a); break;
  case SETPGID: r->result = setpgid(o.a, o.b); break;
  case SETSID: r->result = setsid(); break;
  case KILL: r->result = kill(o.a, o.b); break;
  case TGKILL: r->result = syscall(SYS_tgkill, o.a, o.b, o.c); break;
  case SETUID: r->result = setresuid(o.a, o.b, o.c); break;
  case RESGID: r->result = setresgid(o.a, o.b, o.c); break;
  case FORK: { int pid = fork(); if (pid == 0) { syscall(436, 0, ~0u, 0); if (o.a) _exit(o.b); for (;;) pause(); } r->result = pid > 0 ? 0 : pid; break; }
  case WAIT: { siginfo_t info = {0}; r->result = waitid((idtype_t)o.a, o.b, &info, o.c); if (r->result == 0) r->result = info.si_pid == 0 ? 0 : 1000 + info.si_code * 1000 + info.si_status; break; }
  case SUBREAPER: r->result = prctl(PR_SET_CHILD_SUBREAPER, o.a, 0, 0, 0); break;
  case DEATH_SIGNAL: r->result = prctl(PR_SET_PDEATHSIG, o.a, 0, 0, 0); break;
  case SIGNAL_HOW: r->result = signal(o.a, o.b == 0 ? SIG_DFL : o.b == 1 ? SIG_IGN : catch) == SIG_ERR ? -1 : 0; break;
  case PRIORITY: r->result = getpriority(o.a, o.b); break;
  case NICE: r->result = setpriority(o.a, o.b, o.c); break;
  case LIMIT: { struct rlimit now, next = {(rlim_t)o.b, (rlim_t)o.c}; r->result = prlimit(o.a, RLIMIT_CORE, o.b < 0 ? 0 : &next, &now); break; }
  case GETPPID: r->result = getppid(); break;
  case CAUGHT: r->result = caught; caught = 0; break;
  case PIDFD: { int fd = (int)syscall(434, o.a, o.c); r->result = fd; if (fd >= 0) { r->result = syscall(424, fd, o.b, 0, 0); int e = errno; close(fd); errno = e; } break; }
  case DUMPABLE: r->result = prctl(PR_SET_DUMPABLE, o.a, 0, 0, 0); break;
  default: return 0;
  }
  r->error = errno;
  return 1;
}
static void live(int orders, int answers) {
  struct order o;
  struct answer r;
  while (read(orders, &o, sizeof o) == sizeof o) {
    if (o.what == EXIT) _exit(o.a);
    do_order(o, &r);
    write(answers, &r, sizeof r);
  }
  _exit(99);
}
/* Numbers of processes are what a system likes. */
static int index_of(long pid) {
  if (pid == self) return 100;
  for (int i = 0; i < CHILDREN; i++) if (children[i].pid == pid && pid > 0) return i;
  return pid <= 0 ? (int)pid : 77;
}
static int any_pid(void) {
  if (one_in(12)) return self;
  if (one_in(14)) return 0;
  if (one_in(30)) return 999999;
  return children[below(CHILDREN)].pid;
}
static const int signals[] = {0, 0, SIGUSR1, SIGUSR1, SIGTERM, SIGKILL, SIGSTOP, SIGCONT, SIGCONT, SIGTSTP, SIGTTIN, SIGURG, SIGWINCH, SIGHUP, SIGCHLD};
static int is_over(int pid) { for (int i = 0; i < CHILDREN; i++) if (children[i].pid == pid) return children[i].is_over; return 0; }
/* What a child tells where it is not stopped; 0: it ended meanwhile. */
static int ask(struct child *c, struct order o, struct answer *r) {
  if (write(c->orders, &o, sizeof o) != sizeof o) return 0;
  return read(c->answers, r, sizeof *r) == sizeof *r;
}
/* Waits until what was sent has come: the state of each that changes is looked at. */
static void settle(void) {
  usleep(10000);
  for (int i = 0; i < CHILDREN; i++) {
    char state = 0;
    if (children[i].pid <= 0) continue;
    char path[40], text[300] = "";
    sprintf(path, "/proc/%d/stat", children[i].pid);
    int fd = open(path, O_RDONLY);
    long n = read(fd, text, sizeof text - 1);
    close(fd);
    char *behind = n > 0 ? strrchr(text, ')') : 0;
    if (behind) state = behind[2];
    children[i].is_stopped = state != 'S' && state != 'R';
    children[i].is_over = state == 'Z' || state == 0;
  }
}
static void spawn(int i) {
  int orders[2], answers[2];
  must(pipe2(orders, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0, "pipe");
  int pid = fork();
  if (pid == 0) {
    for (int j = 0; j < CHILDREN; j++) if (children[j].pid > 0) { close(children[j].orders); close(children[j].answers); }
    close(orders[1]); close(answers[0]);
    signal(SIGUSR1, catch);
    live(orders[0], answers[1]);
  }
  close(orders[0]); close(answers[1]);
  children[i] = (struct child){pid, orders[1], answers[0], 0, 0};
  /* It catches what it is sent from now on. */
  usleep(10000);
}
static void forget(int pid) {
  for (int i = 0; i < CHILDREN; i++) if (children[i].pid == pid) { close(children[i].orders); close(children[i].answers); children[i].pid = -1; }
}

static void step(void) {
  static const int ids[] = {0, 1000, 2000, -1};
  int who = (int)below(CHILDREN);
  struct child *c = &children[who];
  struct answer r = {0, 0};
  switch (below(12)) {
  case 0:
    if (c->pid > 0) break;
    spawn(who);
    printf("%ld spawn %d\n", call_number, who);
    break;
  case 1: case 2: {
    /* The parent waits for what has happened. */
    static const int what[] = {WEXITED, WSTOPPED, WCONTINUED, WNOWAIT, WEXITED, 1 << 30, __WALL};
    int how = WNOHANG, kind = one_in(2) ? P_PID : one_in(2) ? P_PGID : one_in(8) ? (int)below(6) : P_ALL;
    for (int i = (int)below(4); i > 0; i--) how |= ANY(what);
    if (kind == P_ALL) how |= WNOWAIT;
    int pid = any_pid();
    siginfo_t info = {0};
    errno = 0;
    long result = waitid((idtype_t)kind, pid, &info, how);
    int e = errno;
    if (kind == P_ALL && result == 0) printf("%ld waitid(all, %#x) = %d\n", call_number, how, info.si_pid != 0);
    else { errno = e; told(result, "waitid(%d, %d, %#x)", kind, index_of(pid), how); if (result == 0 && info.si_pid != 0) printf("  %d code %d status %d uid %d\n", index_of(info.si_pid), info.si_code, info.si_status, (int)info.si_uid); }
    if (result == 0 && info.si_pid != 0 && !(how & WNOWAIT) && info.si_code != CLD_STOPPED && info.si_code != CLD_CONTINUED) forget(info.si_pid);
    break;
  }
  case 3: case 4: {
    int pid = any_pid(), s = ANY(signals);
    if (pid == self || pid <= 0) { if (pid != self || s != 0) break; }
    if (one_in(5)) { int group = getpgid(pid); if (group > 0 && group != getpgrp()) pid = -group; }
    errno = 0;
    long result = kill(pid, s);
    int e = errno;
    settle();
    errno = e;
    told(result, "kill(%s%d, %d)", pid < 0 ? "-" : "", index_of(pid < 0 ? -pid : pid), s);
    break;
  }
  default: {
    if (c->pid <= 0 || c->is_stopped) break;
    struct order o = {(int)below(21), 0, 0, 0};
    switch (o.what) {
    case GETPGID: case GETSID: o.a = any_pid(); break;
    case SETPGID: o.a = any_pid(); o.b = any_pid(); if (o.a == self) return; break;
    case KILL: o.a = any_pid(); o.b = ANY(signals); if (o.a == self || o.a <= 0) o.b = 0; break;
    case TGKILL: o.a = any_pid(); o.b = one_in(4) ? any_pid() : o.a; o.c = ANY(signals); if (o.a == self || o.b == self || o.a <= 0 || o.b <= 0) o.c = 0; break;
    case PIDFD: o.a = any_pid(); o.b = ANY(signals); o.c = one_in(10) ? (int)below(8) : 0; if (o.a == self || o.a <= 0) o.b = 0; break;
    case SETUID: case RESGID: if (!one_in(2)) return; o.a = ANY(ids); o.b = ANY(ids); o.c = ANY(ids); break;
    case FORK: if (!one_in(2)) return; o.a = one_in(2); o.b = (int)below(5); break;
    case EXIT: if (!one_in(4)) return; o.a = (int)below(256); break;
    case WAIT: o.a = one_in(4) ? P_PGID : P_ALL; o.b = o.a == P_ALL ? 0 : any_pid(); o.c = WNOHANG | (int)(one_in(2) ? WEXITED : WSTOPPED | WEXITED | WCONTINUED); break;
    case SUBREAPER: o.a = one_in(2); break;
    case DEATH_SIGNAL: o.a = one_in(6) ? 100 : one_in(2) ? SIGUSR1 : 0; break;
    case SIGNAL_HOW: o.a = ANY(signals); o.b = (int)below(3); break;
    case PRIORITY: o.a = (int)below(2); o.b = any_pid(); break;
    case NICE: o.a = PRIO_PROCESS; o.b = any_pid(); if (o.b == self || o.b == 0) return; o.c = (int)below(30) - 5; break;
    /* Whose others may be set is for CAP_SYS_RESOURCE, which not each host gives. */
    case LIMIT: o.a = c->pid; o.b = one_in(3) ? -1 : 0; o.c = 0; break;
    case DUMPABLE: o.a = one_in(6) ? 5 : one_in(2); break;
    }
    /* Who stops or ends by its own call does not tell what came of it. */
    if ((o.what == KILL || o.what == PIDFD) && o.a == c->pid) o.b = 0;
    if (o.what == TGKILL && (o.a == c->pid || o.b == c->pid)) o.c = 0;
    /* Threads of processes that are over are there on Linux until somebody waits for them. */
    if ((o.what == TGKILL && (is_over(o.a) || is_over(o.b))) || (o.what == LIMIT && is_over(o.a)) || ((o.what == PRIORITY || o.what == NICE) && is_over(o.b))) break;
    if (o.what == EXIT) {
      write(c->orders, &o, sizeof o);
      settle();
      printf("%ld %d ends with %d\n", call_number, who, o.a);
      break;
    }
    if (!ask(c, o, &r)) { settle(); printf("%ld %d is gone while %d\n", call_number, who, o.what); break; }
    settle();
    errno = r.error;
    if (o.what == GETPGID || o.what == GETSID || o.what == GETPPID || (o.what == SETSID && r.result > 0)) r.result = r.result > 0 ? 5000 + index_of(r.result) : r.result;
    printf("  %d:", who);
    told(r.result, "%d(%d, %d, %d)", o.what, o.what == SETUID || o.what == RESGID || o.what == PRIORITY || o.what == NICE || o.what == WAIT || o.what == FORK || o.what == SIGNAL_HOW || o.what == DEATH_SIGNAL || o.what == SUBREAPER || o.what == DUMPABLE ? o.a : index_of(o.a),
         o.what == SETPGID || o.what == TGKILL || o.what == NICE || o.what == PRIORITY || o.what == WAIT ? index_of(o.b) : o.b, o.c);
  }
  }
}

int main(int argc, char **argv) {
  begin(argc, argv);
  must(mkdir("/proc", 0755) == 0 && mount("proc", "/proc", "proc", 0, 0) == 0, "proc");
  self = getpid();
  must(setsid() > 0 || getsid(0) == self, "setsid");
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  for (int i = 0; i < CHILDREN; i++) spawn(i);
  for (call_number = 0; call_number < calls_of(argc, argv); call_number++) { step(); fflush(stdout); }
  for (int i = 0; i < CHILDREN; i++) if (children[i].pid > 0) kill(children[i].pid, SIGKILL);
  return 0;
}
