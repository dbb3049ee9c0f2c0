#include "abi.h"
#include <sys/time.h>
#include <sys/times.h>
static volatile int ticks; static void tick(int s) { (void)s; ticks++; }
int main(void) {
  struct timespec a, b, req = {0, 20000000}; SHOW(clock_gettime(CLOCK_MONOTONIC, &a)); SHOW(nanosleep(&req, NULL)); clock_gettime(CLOCK_MONOTONIC, &b); long ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000; HOLDS(ms >= 19 && ms < 2000);
  SHOW(clock_gettime(99, &a)); SHOW(clock_getres(CLOCK_REALTIME, &a)); HOLDS(a.tv_sec == 0 && a.tv_nsec <= 10000000); req.tv_nsec = 1000000000; SHOW(nanosleep(&req, NULL)); req.tv_nsec = -1; SHOW(nanosleep(&req, NULL));
  clock_gettime(CLOCK_MONOTONIC, &a); a.tv_nsec += 10000000; if (a.tv_nsec >= 1000000000) a.tv_sec++, a.tv_nsec -= 1000000000; SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, NULL)); clock_gettime(CLOCK_MONOTONIC, &b); HOLDS(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec)); SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &a, NULL));
  struct timeval tv; SHOW(gettimeofday(&tv, NULL)); HOLDS(tv.tv_sec > 1700000000); HOLDS(time(NULL) - tv.tv_sec <= 1);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a); volatile double x = 1; for (int i = 0; i < 3000000; i++) x *= 1.0000001; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b); HOLDS(b.tv_sec > a.tv_sec || b.tv_nsec > a.tv_nsec);
  signal(SIGALRM, tick); struct itimerval it = {{0, 5000}, {0, 5000}}, old; SHOW(setitimer(ITIMER_REAL, &it, NULL)); while (ticks < 3) pause(); HOLDS(ticks >= 3); memset(&it, 0, sizeof it); SHOW(setitimer(ITIMER_REAL, &it, &old)); SHOW(old.it_interval.tv_usec); SHOW(alarm(100)); HOLDS(alarm(0) >= 99); it.it_value.tv_usec = 1000000; SHOW(setitimer(ITIMER_REAL, &it, NULL)); SHOW(setitimer(5, &it, NULL));
  timer_t timer; struct sigevent se = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM}; SHOW(timer_create(CLOCK_MONOTONIC, &se, &timer)); struct itimerspec its = {{0, 5000000}, {0, 5000000}}, now; ticks = 0; SHOW(timer_settime(timer, 0, &its, NULL)); while (ticks < 2) pause(); SHOW(timer_gettime(timer, &now)); SHOW(now.it_interval.tv_nsec); SHOW(timer_delete(timer)); SHOW(timer_delete(timer)); se.sigev_signo = 99; SHOW(timer_create(CLOCK_MONOTONIC, &se, &timer));
  struct timespec ts0; SHOW(clock_gettime(-1, &ts0)); SHOW(clock_gettime(99, &ts0)); SHOW(clock_getres(-1, &ts0));
  struct tms t; HOLDS(times(&t) > 0); /* Timers on CPU time: sleeping doesn't bring them nearer. */
  struct sigaction cpu = {.sa_handler = tick}; sigaction(SIGVTALRM, &cpu, NULL); sigaction(SIGPROF, &cpu, NULL); struct itimerval virtual = {{0, 0}, {0, 50000}}, cpu_left; ticks = 0; SHOW(setitimer(ITIMER_VIRTUAL, &virtual, NULL)); usleep(100000); SHOW(ticks); SHOW(getitimer(ITIMER_VIRTUAL, &cpu_left)); HOLDS(cpu_left.it_value.tv_usec > 20000); while (!ticks) {} SHOW(ticks); SHOW(getitimer(ITIMER_VIRTUAL, &cpu_left)); SHOW(cpu_left.it_value.tv_usec);
  virtual.it_value.tv_usec = 20000; virtual.it_interval.tv_usec = 20000; ticks = 0; SHOW(setitimer(ITIMER_PROF, &virtual, NULL)); while (ticks < 3) {} memset(&virtual, 0, sizeof virtual); SHOW(setitimer(ITIMER_PROF, &virtual, &cpu_left)); SHOW(cpu_left.it_interval.tv_usec);
  struct sigevent on_cpu = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF}; timer_t cpu_timer; struct itimerspec soon = {{0, 0}, {0, 20000000}}; ticks = 0; SHOW(timer_create(CLOCK_THREAD_CPUTIME_ID, &on_cpu, &cpu_timer)); SHOW(timer_settime(cpu_timer, 0, &soon, NULL)); usleep(60000); SHOW(ticks); while (!ticks) {} SHOW(timer_delete(cpu_timer));
  SHOW(timer_create(CLOCK_PROCESS_CPUTIME_ID, &on_cpu, &cpu_timer)); struct timespec used; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used); soon.it_value = used; soon.it_value.tv_nsec += 20000000; if (soon.it_value.tv_nsec >= 1000000000) { soon.it_value.tv_nsec -= 1000000000; soon.it_value.tv_sec++; } ticks = 0; SHOW(timer_settime(cpu_timer, TIMER_ABSTIME, &soon, NULL)); usleep(60000); SHOW(ticks); while (!ticks) {} SHOW(ticks); SHOW(timer_delete(cpu_timer));
  return 0;
}
