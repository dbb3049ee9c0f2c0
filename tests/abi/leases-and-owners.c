/* Leases, O_ASYNC signals, running executables, calls whose condition comes with a signal; fcntl(2), open(2), wait(2). */
#include "abi.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/timex.h>
#include <sys/syscall.h>
#include <grp.h>
#include <sys/time.h>

static volatile int got, got_fd, got_code;
static void on_io(int signal, siginfo_t *info, void *context) { got++; got_fd = info->si_fd; got_code = info->si_code; }
static volatile int handled;
static void on_signal(int signal) { handled++; }

static void leases(void) {
  char name[] = "/tmp/abi-lease-XXXXXX"; int fd = mkstemp(name); if (write(fd, "abc", 3) != 3) exit(1);
  struct sigaction action = {.sa_sigaction = on_io, .sa_flags = SA_SIGINFO}; sigaction(SIGRTMIN + 1, &action, NULL);
  SHOW(fcntl(fd, F_GETLEASE)); SHOW(fcntl(fd, F_SETLEASE, F_RDLCK)); SHOW(fcntl(fd, F_SETLEASE, F_UNLCK)); SHOW(fcntl(fd, F_SETLEASE, 77));
  SHOW(fcntl(fd, F_SETLEASE, F_WRLCK)); SHOW(fcntl(fd, F_GETLEASE)); SHOW(fcntl(fd, F_SETSIG, SIGRTMIN + 1));
  int other; SHOW(other = open(name, O_RDONLY | O_NONBLOCK)); SHOW(got); SHOW(got_fd == fd); SHOW(fcntl(fd, F_GETLEASE)); SHOW(fcntl(fd, F_SETLEASE, F_WRLCK)); SHOW(fcntl(fd, F_SETLEASE, F_RDLCK));
  SHOW(fcntl(fd, F_SETLEASE, F_UNLCK)); close(fd);
  fd = open(name, O_RDONLY); SHOW(fcntl(fd, F_SETLEASE, F_RDLCK)); SHOW(fcntl(fd, F_SETSIG, SIGRTMIN + 1)); other = open(name, O_RDONLY); SHOW(other >= 0); SHOW(fcntl(other, F_SETLEASE, F_RDLCK)); SHOW(fcntl(other, F_SETLEASE, F_WRLCK)); close(other);
  got = 0; int child = fork();
  if (child == 0) { int writer = open(name, O_WRONLY); _exit(writer >= 0 ? 0 : 1); }
  while (!got) usleep(1000); int status = -1; SHOW(waitpid(child, &status, WNOHANG)); SHOW(fcntl(fd, F_GETLEASE)); SHOW(fcntl(fd, F_SETLEASE, F_UNLCK)); waitpid(child, &status, 0); SHOW(status);
  int directory = open("/tmp", O_RDONLY); SHOW(fcntl(directory, F_SETLEASE, F_RDLCK)); close(directory); close(fd); unlink(name);
}

static void async(void) {
  int p[2]; char c; if (pipe(p)) exit(1);
  SHOW(fcntl(p[0], F_GETOWN)); SHOW(fcntl(p[0], F_SETOWN, 999999)); SHOW(fcntl(p[0], F_SETOWN, getpid())); SHOW(fcntl(p[0], F_GETOWN) == getpid()); SHOW(fcntl(p[0], F_SETSIG, SIGRTMIN + 1)); SHOW(fcntl(p[0], F_GETSIG) == SIGRTMIN + 1);
  got = 0; SHOW(fcntl(p[0], F_SETFL, O_ASYNC)); SHOW((fcntl(p[0], F_GETFL) & O_ASYNC) != 0); if (write(p[1], "x", 1) != 1) exit(1); SHOW(got); SHOW(got_fd == p[0]); SHOW(got_code);
  if (read(p[0], &c, 1) != 1) exit(1); SHOW(got); SHOW(fcntl(p[0], F_SETFL, 0)); if (write(p[1], "x", 1) != 1) exit(1); SHOW(got); close(p[0]); close(p[1]);
}

static void executables(void) {
  char name[] = "/tmp/abi-program-XXXXXX"; int to = mkstemp(name), from = open("/proc/self/exe", O_RDONLY), p[2]; char data[65536], c; ssize_t count;
  while ((count = read(from, data, sizeof data)) > 0) if (write(to, data, count) != count) exit(1);
  close(from); fchmod(to, 0755); if (pipe(p)) exit(1);
  int child = fork(); if (child == 0) { execl(name, name, "wait", NULL); _exit(errno == ETXTBSY ? 26 : 1); } int status; waitpid(child, &status, 0); SHOW(WEXITSTATUS(status)); close(to);
  child = fork(); if (child == 0) { dup2(p[1], 1); close(p[0]); close(p[1]); execl(name, name, "wait", NULL); _exit(1); }
  close(p[1]); if (read(p[0], &c, 1) != 1) exit(1); SHOW(open(name, O_WRONLY)); SHOW(creat(name, 0755)); SHOW(truncate(name, 5)); to = open(name, O_RDONLY); SHOW(to >= 0); close(to); kill(child, SIGKILL); waitpid(child, &status, 0); SHOW(WTERMSIG(status));
  to = open(name, O_WRONLY); SHOW(to >= 0); close(to); close(p[0]); unlink(name);
}

static void conditions(void) {
  struct sigaction action = {.sa_handler = on_signal}; sigaction(SIGUSR2, &action, NULL); handled = 0;
  /* The child's end comes with its exit signal, whose handler doesn't restart calls: the wait has its child all the same. */
  int child = syscall(SYS_clone, SIGUSR2, 0, 0, 0, 0); if (child == 0) { usleep(50000); _exit(3); } int status = -1; SHOW(waitpid(child, &status, __WALL) == child); SHOW(WEXITSTATUS(status)); SHOW(handled);
  int p[2]; char c; if (pipe(p)) exit(1); handled = 0;
  child = fork(); if (child == 0) { usleep(50000); kill(getppid(), SIGUSR2); _exit(0); } SHOW(read(p[0], &c, 1)); SHOW(handled); waitpid(child, NULL, 0); close(p[0]); close(p[1]);
}

static void clocks(void) {
  struct timex t = {0}; int state = adjtimex(&t); HOLDS(state == 0 || state == 5); HOLDS(t.tick == 10000 && t.tolerance == 32768000 && t.precision > 0 && t.time.tv_sec > 0);
  t.modes = ADJ_TICK; t.tick = 8999; SHOW(adjtimex(&t)); t.tick = 11001; SHOW(adjtimex(&t)); t.modes = 0x8000; SHOW(adjtimex(&t)); SHOW(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &t)); SHOW(syscall(SYS_clock_adjtime, 99, &t)); SHOW(adjtimex((void *)8));
  struct timespec s = {0, 500000000}; SHOW(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &s, NULL)); SHOW(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &s, NULL)); s.tv_sec = -1; SHOW(clock_settime(CLOCK_REALTIME, &s)); s.tv_sec = 0; s.tv_nsec = -1; SHOW(clock_settime(CLOCK_REALTIME, &s));
  struct itimerval alarm = {{0, 0}, {0, 20000}}; struct sigaction action = {.sa_handler = on_signal}; sigaction(SIGALRM, &action, NULL); setitimer(ITIMER_REAL, &alarm, NULL); s.tv_sec = 5; s.tv_nsec = 0; SHOW(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &s, (void *)8));
}

static void rights(void) {
  char name[] = "/tmp/abi-mode-XXXXXX"; if (mkdtemp(name) == NULL) exit(1); struct stat st;
  int child = fork(); if (child == 0) {
    gid_t group = 1000; if (chown(name, 1000, 2000) || setgroups(1, &group) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)) _exit(1);
    SHOW(chmod(name, 03777)); stat(name, &st); SHOW(st.st_mode & 07777); SHOW(syscall(SYS_clone, 0x20000000 | SIGCHLD, 0, 0, 0, 0)); SHOW(syscall(SYS_clone, 0x02000000 | SIGCHLD, 0, 0, 0, 0)); fflush(stdout); _exit(0); }
  int status; waitpid(child, &status, 0); SHOW(status); rmdir(name);
  struct { unsigned version; int pid; } header = {0x20080522, -1}; unsigned data[6]; SHOW(syscall(SYS_capget, &header, data)); header.pid = 0; SHOW(syscall(SYS_capget, &header, data));
}

int main(int argc, char **argv) {
  if (argc > 1) { if (write(1, "r", 1) != 1) return 1; pause(); }
  leases(); async(); executables(); conditions(); clocks(); rights(); return 0;
}
