#include "abi.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>

/* Waiting with signal masks, edges, nested interest lists, and descriptors of processes. */

static volatile sig_atomic_t handled;
static void note(int signal) { handled++; (void)signal; }

static void show_events(const char *label, int e) {
  struct epoll_event out[8];
  int n = epoll_wait(e, out, 8, 0);
  printf("%s: %d", label, n);
  for (int i = 0; i < n; i++) printf(" %lu=%#x", (unsigned long)out[i].data.u64, out[i].events);
  printf("\n");
  fflush(stdout);
}

static void masks(void) {
  sigset_t blocked, empty, now;
  struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
  sigemptyset(&empty); sigemptyset(&blocked); sigaddset(&blocked, SIGUSR1); sigaction(SIGUSR1, &action, NULL); sigaction(SIGALRM, &action, NULL); sigprocmask(SIG_BLOCK, &blocked, NULL);
  int p[2]; if (pipe(p)) exit(1);
  struct pollfd f = {p[0], POLLIN, 0};
  raise(SIGUSR1); struct timespec t = {5, 0}; SHOW(handled); SHOW(ppoll(&f, 1, &t, &empty)); SHOW(handled); sigprocmask(SIG_SETMASK, NULL, &now); SHOW(sigismember(&now, SIGUSR1));
  /* Ready descriptors come first: the signal stays pending. */
  raise(SIGUSR1); if (write(p[1], "x", 1) != 1) exit(1); SHOW(ppoll(&f, 1, &t, &empty)); SHOW(handled); sigset_t pending; sigpending(&pending); SHOW(sigismember(&pending, SIGUSR1));
  int e = epoll_create1(0); struct epoll_event ev = {EPOLLIN, {.u64 = 1}}, out; SHOW(epoll_pwait(e, &out, 1, 1000, &empty)); SHOW(handled);
  fd_set r; FD_ZERO(&r); raise(SIGUSR1); SHOW(pselect(0, NULL, NULL, NULL, &t, &empty)); SHOW(handled);
  /* An alarm interrupts although its handler restarts other calls; the kernel writes back what is left. */
  struct itimerval alarm = {{0, 0}, {0, 50000}}; setitimer(ITIMER_REAL, &alarm, NULL); struct timeval tv = {2, 0}; SHOW(select(0, NULL, NULL, NULL, &tv)); HOLDS(tv.tv_sec == 1 && tv.tv_usec > 500000); SHOW(handled);
  setitimer(ITIMER_REAL, &alarm, NULL); t.tv_sec = 2; t.tv_nsec = 0; SHOW(syscall(SYS_ppoll, NULL, 0, &t, NULL, 8)); HOLDS(t.tv_sec == 1 && t.tv_nsec > 500000000);
  setitimer(ITIMER_REAL, &alarm, NULL); SHOW(epoll_wait(e, &out, 1, 2000)); setitimer(ITIMER_REAL, &alarm, NULL); char c; if (read(p[0], &c, 1) != 1) exit(1);
  /* A read, on the other hand, is restarted. */
  int child = fork(); if (child == 0) { usleep(150000); _exit(write(p[1], "y", 1) == 1 ? 0 : 1); } SHOW(read(p[0], &c, 1)); SHOW(c); waitpid(child, NULL, 0); SHOW(handled);
  t.tv_sec = -1; SHOW(ppoll(&f, 1, &t, NULL)); t.tv_sec = 0; t.tv_nsec = 1000000000; SHOW(ppoll(&f, 1, &t, NULL)); SHOW(syscall(SYS_ppoll, &f, 1, NULL, &empty, 4)); SHOW(ppoll((void *)8, 1, NULL, NULL)); SHOW(pselect(-1, NULL, NULL, NULL, NULL, NULL));
  t.tv_nsec = 0; FD_SET(p[0], &r); SHOW(select(p[0] + 1, &r, &r, &r, (struct timeval *)&t)); SHOW(FD_ISSET(p[0], &r)); FD_SET(50, &r); SHOW(select(51, &r, NULL, NULL, (struct timeval *)&t));
  close(e); close(p[0]); close(p[1]);
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

static void edges(void) {
  int p[2], e = epoll_create1(0), outer = epoll_create1(0);
  char b[16];
  if (pipe(p)) exit(1);
  struct epoll_event ev = {EPOLLIN | EPOLLET, {.u64 = 1}};
  SHOW(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev)); ev.data.u64 = 2; ev.events = EPOLLOUT | EPOLLET; SHOW(epoll_ctl(e, EPOLL_CTL_ADD, p[1], &ev)); show_events("writable", e); show_events("nothing new", e);
  if (write(p[1], "abc", 3) != 3) exit(1); show_events("readable", e); if (read(p[0], b, 1) != 1) exit(1); show_events("a part was read", e); if (write(p[1], "d", 1) != 1) exit(1); show_events("more", e);
  ev.events = EPOLLIN; ev.data.u64 = 3; SHOW(epoll_ctl(outer, EPOLL_CTL_ADD, e, &ev)); show_events("outer", outer); ev.events = EPOLLIN | EPOLLET; ev.data.u64 = 1; SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev)); show_events("outer", outer); show_events("inner", e); show_events("outer", outer);
  struct pollfd f = {e, POLLIN, 0}; SHOW(poll(&f, 1, 0)); if (write(p[1], "e", 1) != 1) exit(1); SHOW(poll(&f, 1, 0)); SHOW(f.revents);
  close(p[1]); show_events("closed", e); int copy = dup(p[0]); close(p[0]); ev.events = EPOLLIN; SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev)); if (read(copy, b, 16) < 0) exit(1); show_events("still there", e); close(copy); show_events("gone", e);
  int s[2]; if (socketpair(AF_UNIX, SOCK_STREAM, 0, s)) exit(1); ev.events = EPOLLIN | EPOLLRDHUP; ev.data.u64 = 4; SHOW(epoll_ctl(e, EPOLL_CTL_ADD, s[0], &ev)); show_events("socket", e); shutdown(s[1], SHUT_WR); show_events("half closed", e); close(s[1]); show_events("closed", e); close(s[0]); show_events("gone", e);
  int v = eventfd(0, EFD_NONBLOCK); unsigned long u = 0xfffffffffffffffe; ev.events = EPOLLIN | EPOLLOUT; ev.data.u64 = 5; SHOW(epoll_ctl(e, EPOLL_CTL_ADD, v, &ev)); show_events("empty", e); SHOW(write(v, &u, 8)); show_events("full", e); u = 1; SHOW(write(v, &u, 8)); SHOW(read(v, &u, 8)); HOLDS(u == 0xfffffffffffffffe); show_events("empty", e);
  ev.events = EPOLLIN | EPOLLOUT | EPOLLONESHOT; SHOW(epoll_ctl(e, EPOLL_CTL_MOD, v, &ev)); show_events("once", e); show_events("not again", e); SHOW(epoll_ctl(e, EPOLL_CTL_MOD, v, &ev)); show_events("armed", e); ev.events = EPOLLIN | (1u << 28); SHOW(epoll_ctl(e, EPOLL_CTL_MOD, v, &ev)); SHOW(epoll_ctl(e, EPOLL_CTL_DEL, v, NULL)); SHOW(epoll_ctl(e, EPOLL_CTL_ADD, v, &ev)); ev.events = EPOLLIN; SHOW(epoll_ctl(e, EPOLL_CTL_MOD, v, &ev));
  SHOW(epoll_ctl(e, EPOLL_CTL_ADD, outer, &ev)); SHOW(epoll_ctl(e, 9, v, &ev)); SHOW(epoll_ctl(v, EPOLL_CTL_ADD, e, &ev)); int null = open("/dev/null", O_RDONLY); SHOW(epoll_ctl(e, EPOLL_CTL_ADD, null, &ev)); SHOW(epoll_wait(v, &ev, 1, 0)); SHOW(epoll_wait(e, NULL, -1, 0)); SHOW(epoll_create(0)); SHOW(epoll_create1(77));
  close(null); close(v); close(e); close(outer);
}

static void processes(void) {
  int p[2];
  char c;
  if (pipe(p)) exit(1);
  int pid = fork();
  if (pid == 0) { close(p[1]); _exit(read(p[0], &c, 1) == 1 ? 5 : 6); }
  int fd = syscall(SYS_pidfd_open, pid, 0); HOLDS(fd >= 0); HOLDS((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  struct pollfd f = {fd, POLLIN, 0}; SHOW(poll(&f, 1, 20)); SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0)); SHOW(syscall(SYS_pidfd_send_signal, fd, 99, NULL, 0)); SHOW(syscall(SYS_pidfd_send_signal, p[0], 0, NULL, 0)); SHOW(read(fd, &c, 1)); SHOW(syscall(SYS_pidfd_open, -1, 0)); SHOW(syscall(SYS_pidfd_open, 1, 0x10000)); SHOW(syscall(SYS_pidfd_open, 3999999, 0));
  int taken = syscall(SYS_pidfd_getfd, fd, p[0], 0); HOLDS(taken >= 0); SHOW(syscall(SYS_pidfd_getfd, fd, 88, 0)); SHOW(syscall(SYS_pidfd_getfd, fd, 0, 1)); if (write(p[1], "zz", 2) != 2) exit(1); SHOW(poll(&f, 1, 2000)); SHOW(f.revents & POLLIN); SHOW(read(taken, &c, 1));
  siginfo_t info; SHOW(waitid(P_PIDFD, fd, &info, WEXITED | WNOWAIT)); SHOW(info.si_status); SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0)); SHOW(waitid(P_PIDFD, fd, &info, WEXITED)); SHOW(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0)); SHOW(poll(&f, 1, 0)); SHOW(waitid(P_PIDFD, fd, &info, WEXITED));
  pid = fork(); if (pid == 0) { pause(); _exit(0); } fd = syscall(SYS_pidfd_open, pid, 0); SHOW(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0)); int status; HOLDS(waitpid(pid, &status, 0) == pid); SHOW(WTERMSIG(status));
}

static void timers(void) {
  unsigned long u;
  int t = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
  struct itimerspec past = {{0, 0}, {1, 0}}, soon = {{0, 20000000}, {0, 30000000}}, now;
  SHOW(timerfd_settime(t, TFD_TIMER_ABSTIME, &past, NULL)); SHOW(read(t, &u, 8)); SHOW(u); SHOW(read(t, &u, 8)); SHOW(timerfd_gettime(t, &now)); SHOW(now.it_value.tv_sec); SHOW(now.it_value.tv_nsec);
  SHOW(timerfd_settime(t, 0, &soon, &now)); SHOW(now.it_value.tv_sec); SHOW(timerfd_gettime(t, &now)); HOLDS(now.it_value.tv_sec == 0 && now.it_value.tv_nsec > 0 && now.it_value.tv_nsec <= 30000000); SHOW(now.it_interval.tv_nsec);
  struct pollfd f = {t, POLLIN, 0}; SHOW(poll(&f, 1, 1000)); usleep(100000); SHOW(read(t, &u, 8)); HOLDS(u >= 4 && u < 12); SHOW(read(t, &u, 4)); SHOW(write(t, &u, 8)); SHOW(lseek(t, 9, SEEK_SET)); int v = eventfd(0, 0); SHOW(lseek(v, 9, SEEK_SET)); SHOW(lseek(epoll_create1(0), 9, SEEK_SET)); SHOW(ftruncate(v, 0)); SHOW(fsync(v)); SHOW(pread(v, &u, 8, 0)); SHOW(timerfd_settime(t, 77, &soon, NULL)); soon.it_value.tv_nsec = -1; SHOW(timerfd_settime(t, 0, &soon, NULL)); SHOW(timerfd_create(77, 0)); SHOW(timerfd_create(CLOCK_MONOTONIC, 77)); SHOW(timerfd_settime(0, 0, &past, NULL));
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  masks();
  edges();
  processes();
  timers();
  return 0;
}
