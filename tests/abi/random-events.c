/* Random calls on signals, timers, pipes, events and credentials of a process, and what each tells afterwards. */
#include "random-calls.h"
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

static int fds[10];
static int fd(void) {
  if (one_in(40)) return (int)below(40) - 5;
  return any_of(fds, COUNT_OF(fds));
}
static void keep(long opened) { keep_in(fds, COUNT_OF(fds), opened); }
static char buffer[1 << 17];
static int caught[65];
static void catch(int signal) { caught[signal]++; }
static void show_caught(void) {
  for (int i = 1; i < 65; i++) if (caught[i]) { printf("  caught %d x %d\n", i, caught[i]); caught[i] = 0; }
}
/* None that would end or stop the program. */
static const int signals[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGALRM, 34, 35, 64};
static int any_signal(void) { return one_in(20) ? (int)below(70) - 2 : ANY(signals); }
static int harmless(int signal) {
  for (int i = 0; i < COUNT_OF(signals); i++) if (signals[i] == signal) return 1;
  return signal <= 0 || signal > 64;
}
static uint64_t set_of(int count) {
  uint64_t set = 0;
  while (count-- > 0) set |= 1ull << (ANY(signals) - 1);
  return set;
}
static const int ids[] = {0, 0, 1000, 2000, 3000, -1};

static void step(void) {
  int d = fd();
  long m = one_in(6) ? 0 : one_in(6) ? below(70000) : below(200), r;
  errno = 0;
  switch (below(46)) {
  case 0: case 1: {
    int s = any_signal(), how = (int)below(3);
    struct sigaction action = {.sa_flags = (int)(below(2) * SA_RESTART | below(2) * SA_NODEFER | (one_in(6) ? SA_RESETHAND : 0))};
    action.sa_handler = how == 0 ? SIG_IGN : catch;
    if (!harmless(s) && s != SIGKILL && s != SIGSTOP) break;
    told(sigaction(s, &action, 0), "sigaction(%d, %d, %#x)", s, how, action.sa_flags);
    break;
  }
  case 2: case 3: { uint64_t set = set_of((int)below(5)), old = 0; int how = (int)below(4); told(syscall(SYS_rt_sigprocmask, how, &set, &old, one_in(12) ? below(20) : 8), "sigprocmask(%d, %#lx)", how, set); printf("  old %#lx\n", old); break; }
  case 4: case 5: case 6: {
    int s = any_signal();
    if (!harmless(s)) break;
    /* One that is neither caught nor ignored would end it. */
    struct sigaction now;
    if (s > 0 && s < 65 && sigaction(s, 0, &now) == 0 && now.sa_handler == SIG_DFL && s != SIGCHLD && s != SIGCONT && s != SIGURG && s != SIGWINCH) break;
    errno = 0;
    if (one_in(2)) told(kill(getpid(), s), "kill(%d)", s);
    else told(syscall(SYS_tgkill, getpid(), getpid(), s), "tgkill(%d)", s);
    break;
  }
  case 7: { uint64_t set = 0; r = syscall(SYS_rt_sigpending, &set, 8); told(r, "sigpending"); printf("  %#lx\n", set); break; }
  case 8: case 9: { uint64_t set = set_of(4); siginfo_t info = {0}; struct timespec none = {0, one_in(8) ? 1000000000 : 0}; r = syscall(SYS_rt_sigtimedwait, &set, &info, &none, 8); told(r, "sigtimedwait(%#lx)", set); if (r > 0) printf("  code %d value %d\n", info.si_code, info.si_code == SI_QUEUE ? info.si_value.sival_int : 0); break; }
  case 10: { int s = ANY(signals); union sigval v = {.sival_int = (int)below(100)}; struct sigaction now; if (sigaction(s, 0, &now) == 0 && now.sa_handler == SIG_DFL) break; told(sigqueue(getpid(), s, v), "sigqueue(%d)", s); break; }
  case 11: { uint64_t set = set_of(3); int f = one_in(4) ? (int)below(1 << 12) : SFD_NONBLOCK, old = one_in(3) ? d : -1; r = syscall(SYS_signalfd4, old, &set, 8, f | SFD_NONBLOCK); told(r, "signalfd(%d, %#lx, %#x)", old, set, f | SFD_NONBLOCK); if (old == -1) keep(r); break; }
  case 12: { unsigned start = (unsigned)below(5); int f = one_in(4) ? (int)below(1 << 12) : EFD_NONBLOCK; f |= EFD_NONBLOCK; keep(told(eventfd(start, f), "eventfd(%u, %#x)", start, f)); break; }
  case 13: case 14: { int two[2], f = O_NONBLOCK | (one_in(4) ? O_DIRECT : 0); if (told(pipe2(two, f), "pipe2(%#x)", f) == 0) { keep(two[0]); keep(two[1]); } break; }
  case 15: { int clock = one_in(4) ? (int)below(14) : CLOCK_MONOTONIC, f = one_in(6) ? (int)below(1 << 12) : TFD_NONBLOCK; f |= TFD_NONBLOCK; if (clock == 8 || clock == 9) break; keep(told(timerfd_create(clock, f), "timerfd_create(%d, %#x)", clock, f)); break; }
  case 16: case 17: {
    struct itimerspec s = {{one_in(3) ? below(3) - 1 : 0, one_in(6) ? 1000000000 : 0}, {one_in(4) ? -1 : one_in(2) ? 1L << 36 : 0, one_in(2) ? 1 : 0}};
    int f = one_in(6) ? (int)below(8) : 0;
    told(timerfd_settime(d, f, &s, 0), "timerfd_settime(%d, %d, {%ld, %ld, %ld, %ld})", d, f, s.it_interval.tv_sec, s.it_interval.tv_nsec, s.it_value.tv_sec, s.it_value.tv_nsec);
    break;
  }
  case 18: case 19: case 20: case 21: { if (one_in(4)) *(uint64_t *)buffer = one_in(4) ? -1ull - (uint64_t)below(2) : (uint64_t)below(10); else memset(buffer, 'a' + below(26), m); told(write(d, buffer, m), "write(%d, , %ld)", d, m); break; }
  case 22: case 23: case 24: { usleep(10); struct stat s; r = read(d, buffer, m); told(r, "read(%d, , %ld)", d, m); if (r > 0 && fstat(d, &s) == 0 && S_ISFIFO(s.st_mode)) printf("  sum %08x\n", sum_of(buffer, r)); break; }
  case 25: keep(told(epoll_create1(one_in(6) ? (int)below(1 << 20) : 0), "epoll_create1")); break;
  case 26: case 27: case 28: {
    static const unsigned long events[] = {EPOLLIN, EPOLLOUT, EPOLLET, EPOLLONESHOT, EPOLLRDHUP, EPOLLPRI, EPOLLEXCLUSIVE, EPOLLWAKEUP, EPOLLHUP};
    struct epoll_event e = {.events = (uint32_t)SOME(events), .data.u32 = (uint32_t)below(100)};
    int on = fd(), op = (int)below(5);
    told(epoll_ctl(d, op, on, one_in(20) ? 0 : &e), "epoll_ctl(%d, %d, %d, %#x)", d, op, on, e.events);
    break;
  }
  case 29: case 30: {
    struct epoll_event e[8];
    int most = one_in(10) ? (int)below(4) - 2 : 8;
    r = epoll_wait(d, e, most, 0);
    told(r, "epoll_wait(%d, %d)", d, most);
    uint32_t all = 0;
    for (long i = 0; i < r; i++) all ^= e[i].events * 31u + e[i].data.u32;
    if (r > 0) printf("  %#x\n", all);
    break;
  }
  case 31: case 32: { struct pollfd p = {d, one_in(2) ? (short)~0 : (short)below(1 << 12)}; r = poll(&p, 1, 0); told(r, "poll(%d, %#x)", d, p.events & 0xffff); if (r > 0) printf("  %#x\n", p.revents & 0xffff); break; }
  case 33: { int at = (int)below(10); if (one_in(2)) break; told(close(fds[at]), "close(%d)", fds[at]); fds[at] = -1; break; }
  case 34: keep(told(dup(d), "dup(%d)", d)); break;
  case 35: {
    static const int commands[] = {F_GETPIPE_SZ, F_SETPIPE_SZ, F_GETFL, F_SETFL, F_GETFD, F_SETOWN, F_SETSIG, F_GETSIG, F_GETOWN};
    int c = ANY(commands); long v = c == F_SETFL ? O_NONBLOCK | (one_in(2) ? O_DIRECT : 0) | (one_in(4) ? O_APPEND : 0) : c == F_SETPIPE_SZ ? below(300000) - 1 : c == F_SETOWN ? 0 : below(70) - 1;
    told(fcntl(d, c, v), "fcntl(%d, %d, %ld)", d, c, v);
    break;
  }
  case 36: { int out = fd(), f = (int)below(20); told(one_in(2) ? tee(d, out, m, f | SPLICE_F_NONBLOCK) : splice(d, 0, out, 0, m, f | SPLICE_F_NONBLOCK), "tee or splice(%d, %d, %ld, %d)", d, out, m, f); break; }
  case 37: { int a = ANY(ids), b = ANY(ids), c = ANY(ids); told(syscall(SYS_setresuid, a, b, c), "setresuid(%d, %d, %d)", a, b, c); break; }
  case 38: { int a = ANY(ids), b = ANY(ids), c = ANY(ids); told(syscall(SYS_setresgid, a, b, c), "setresgid(%d, %d, %d)", a, b, c); break; }
  case 39: { int a = ANY(ids), b = ANY(ids); if (one_in(2)) told(syscall(SYS_setreuid, a, b), "setreuid(%d, %d)", a, b); else told(syscall(SYS_setuid, a), "setuid(%d)", a); break; }
  case 40: {
    int r3[3], g3[3];
    getresuid(r3, r3 + 1, r3 + 2); getresgid(g3, g3 + 1, g3 + 2);
    printf("%ld ids %d %d %d, %d %d %d fs %ld\n", call_number, r3[0], r3[1], r3[2], g3[0], g3[1], g3[2], syscall(SYS_setfsuid, -1));
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    /* As many capabilities as both know. */
    if (syscall(SYS_capget, &head, data) == 0) printf("  capabilities %x %x %x\n", data[0].effective, data[0].permitted, data[0].inheritable);
    break;
  }
  case 41: {
    struct __user_cap_header_struct head = {one_in(8) ? below(3) : _LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{(uint32_t)next() | 0x200000, (uint32_t)next() | 0x200000, (uint32_t)below(4)}, {0, 0, 0}};
    if (one_in(2)) data[0].permitted = -1u;
    if (one_in(8)) told(syscall(SYS_capset, &head, data), "capset(%x, %x, %x)", data[0].effective, data[0].permitted, data[0].inheritable);
    break;
  }
  case 42: {
    static const int options[] = {PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_GET_KEEPCAPS, PR_SET_KEEPCAPS, PR_GET_SECUREBITS, PR_GET_NO_NEW_PRIVS, PR_GET_TIMERSLACK, PR_SET_TIMERSLACK, PR_CAPBSET_READ, PR_GET_CHILD_SUBREAPER, PR_SET_CHILD_SUBREAPER, PR_GET_PDEATHSIG + 0, PR_SET_PDEATHSIG, PR_CAP_AMBIENT, 999, PR_GET_THP_DISABLE, PR_MCE_KILL_GET, PR_SET_SECUREBITS};
    int option = ANY(options); long a = below(5) - 1, b = one_in(4) ? below(50) : 0, c = one_in(8) ? 1 : 0;
    if (option == PR_GET_PDEATHSIG || option == PR_GET_CHILD_SUBREAPER) a = (long)buffer;
    if (option == PR_CAP_AMBIENT) b = below(45);
    if (option == PR_SET_TIMERSLACK) a = below(4);
    told(prctl(option, a, b, c, 0), "prctl(%d, %ld, %ld, %ld)", option, a == (long)buffer ? 0 : a, b, c);
    break;
  }
  case 43: {
    static const int resources[] = {RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NICE, RLIMIT_RTPRIO, RLIMIT_MSGQUEUE, 15, 16, 77};
    int what = ANY(resources);
    struct rlimit limit = {(rlim_t)below(1000), one_in(3) ? RLIM_INFINITY : (rlim_t)below(2000)};
    if (what == RLIMIT_FSIZE) limit.rlim_max = RLIM_INFINITY;
    if (one_in(2)) told(setrlimit(what, &limit), "setrlimit(%d, %ld, %ld)", what, limit.rlim_cur, limit.rlim_max);
    else { r = getrlimit(what, &limit); told(r, "getrlimit(%d)", what); if (r == 0 && what != RLIMIT_MSGQUEUE && what != RLIMIT_CORE) printf("  %ld %ld\n", limit.rlim_cur, limit.rlim_max); }
    break;
  }
  case 44: { int groups[3] = {ANY(ids), ANY(ids), ANY(ids)}, n = (int)below(5) - 1; told(syscall(SYS_setgroups, n, groups), "setgroups(%d)", n); break; }
  case 45: { int p = (int)below(45) - 22; if (one_in(2)) told(setpriority(PRIO_PROCESS, 0, p), "setpriority(%d)", p); else told(syscall(SYS_getpriority, PRIO_PROCESS, 0), "getpriority"); break; }
  }
  show_caught();
}

int main(int argc, char **argv) {
  begin(argc, argv);
  /* What a sandbox may have given up of root's. */
  prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0);
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  must(syscall(SYS_capget, &head, data) == 0, "capget");
  data[0].effective = data[0].permitted &= ~(1u << CAP_SYS_RESOURCE);
  must(syscall(SYS_capset, &head, data) == 0, "capset");
  for (int i = 0; i < 10; i++) fds[i] = -1;
  memset(caught, 0, sizeof caught);
  for (call_number = 0; call_number < calls_of(argc, argv); call_number++) { step(); fflush(stdout); }
  return 0;
}
