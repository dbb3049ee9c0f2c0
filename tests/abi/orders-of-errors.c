#include "abi.h"
#include <mqueue.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <pthread.h>
#include <linux/capability.h>
/* In which order mistakes are told, where a call has several: POSIX timers and message queues; and clocks of time in user mode. */
static int id; static struct sigevent good = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1}, bad = {.sigev_notify = 77}, wrong = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 99};
#define CREATE(clock, event, at) SHOW(syscall(SYS_timer_create, clock, event, at))
static void timers(void) {
  printf("- timer_create\n"); int none = ~(1 << 27) << 3 | 2, ofFd = ~3 << 3 | 3;
  CREATE(99, (void *)8, &id); CREATE(99, &bad, &id); CREATE(99, &good, (void *)8); CREATE(CLOCK_MONOTONIC_RAW, (void *)8, &id); CREATE(CLOCK_MONOTONIC_RAW, &bad, &id); CREATE(CLOCK_REALTIME_COARSE, &good, (void *)8);
  CREATE(ofFd, &good, &id); CREATE(ofFd, &bad, (void *)8); CREATE(none, &good, &id); CREATE(none, &bad, &id); CREATE(none, &good, (void *)8); CREATE(none, (void *)8, &id); CREATE(CLOCK_MONOTONIC, &bad, (void *)8); CREATE(CLOCK_MONOTONIC, &wrong, (void *)8); CREATE(CLOCK_MONOTONIC, &good, (void *)8);
  CREATE(-1 & ~7 | 2 | 8, &good, &id); CREATE(CLOCK_TAI, NULL, &id); HOLDS(id > 0);
  CREATE(17, &good, &id); CREATE(12, &good, &id); CREATE(11, &good, &id); CREATE(10, &good, &id);
  int before = id; CREATE(CLOCK_REALTIME, NULL, &id); int first = id; CREATE(CLOCK_REALTIME, &bad, &id); CREATE(CLOCK_REALTIME, &good, (void *)8); CREATE(none, &good, &id); CREATE(99, &good, &id); CREATE(CLOCK_REALTIME, NULL, &id); SHOW(id - first);
  struct rlimit limit = {0, 0}, old; getrlimit(RLIMIT_SIGPENDING, &old); limit.rlim_max = old.rlim_max; setrlimit(RLIMIT_SIGPENDING, &limit); CREATE(CLOCK_REALTIME, &bad, &id); CREATE(CLOCK_REALTIME, (void *)8, &id); CREATE(none, &good, &id); CREATE(99, &good, &id); CREATE(CLOCK_BOOTTIME, NULL, (void *)8); setrlimit(RLIMIT_SIGPENDING, &old);
  struct itimerspec nothing = {{0, -1}, {0, 0}}; SHOW(syscall(SYS_timer_settime, 9999, 0, NULL, NULL)); SHOW(syscall(SYS_timer_settime, 9999, 0, 8, NULL)); SHOW(syscall(SYS_timer_settime, 9999, 0, &nothing, NULL)); SHOW(syscall(SYS_timer_settime, first, 0, &nothing, 8)); SHOW(syscall(SYS_timer_gettime, 9999, 8)); SHOW(syscall(SYS_timer_gettime, first, 8)); SHOW(syscall(SYS_timer_delete, 9999)); SHOW(syscall(SYS_timer_getoverrun, 9999));
}
static void queues(void) {
  printf("- mq_open\n"); static char name[5000]; memset(name, 'a', 4999); struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 8};
#define OPEN(name, flags, attr) SHOW(syscall(SYS_mq_open, name, flags, 0600, attr))
  OPEN(name, O_RDWR, NULL); name[4095] = 0; OPEN(name, O_RDWR, NULL); name[100] = '/'; OPEN(name, O_RDWR, NULL); SHOW(syscall(SYS_mq_unlink, name)); name[100] = 'a'; OPEN(name, O_CREAT, NULL); SHOW(syscall(SYS_mq_unlink, name)); name[256] = 0; OPEN(name, O_RDWR, NULL); name[255] = 0; OPEN(name, O_RDWR, NULL);
  OPEN("", O_RDWR, NULL); OPEN(".", O_RDWR, NULL); OPEN("..", O_RDWR, NULL); OPEN("a/b", O_RDWR, NULL); OPEN((void *)8, O_RDWR, (void *)8); OPEN((void *)8, O_RDWR, NULL); OPEN("a", O_RDWR, (void *)8); SHOW(syscall(SYS_mq_unlink, "")); SHOW(syscall(SYS_mq_unlink, 8)); SHOW(syscall(SYS_mq_unlink, "none"));
  OPEN("k-orders", O_CREAT | O_ACCMODE, &attr); OPEN("k-orders", O_CREAT | O_EXCL | O_ACCMODE, NULL); OPEN("k-orders", O_ACCMODE, NULL); attr.mq_maxmsg = 0; OPEN("k-orders", O_CREAT | O_EXCL, &attr); OPEN("k-other", O_CREAT, &attr); OPEN("k-other", 0, &attr);
  struct rlimit none = {0, 0}, old; getrlimit(RLIMIT_NOFILE, &old); none.rlim_max = old.rlim_max; setrlimit(RLIMIT_NOFILE, &none); OPEN("a/b", O_RDWR, NULL); OPEN("", O_RDWR, NULL); OPEN("none", O_RDWR, NULL); OPEN("k-orders", O_CREAT | O_EXCL, NULL); OPEN("k-made", O_CREAT, NULL); OPEN("k-made", O_RDWR, (void *)8); setrlimit(RLIMIT_NOFILE, &old); OPEN("k-made", O_RDWR, NULL); SHOW(syscall(SYS_mq_unlink, "k-orders"));
}
static volatile int done, fired; static void handler(int signo) { fired++; }
static long read_clock(int clock) { struct timespec now; return clock_gettime(clock, &now) < 0 ? -1 : now.tv_sec * 1000000000 + now.tv_nsec; }
static void *spins(void *arg) { while (!done) for (volatile int at = 0; at < 1000; at++); return NULL; }
static void clocks(void) {
  printf("- time in user mode\n"); int own = ~0 << 3, kinds[] = {0, 1, 2, 4, 5, 6}; struct timespec unit; int pid = ~getpid() << 3, tid = ~gettid() << 3;
  for (int each = 0; each < 6; each++) { SHOW(clock_getres(own | kinds[each], &unit)); printf("  %d: %ld\n", kinds[each], unit.tv_sec == 0 && unit.tv_nsec > 1 ? 4000000 : unit.tv_nsec); HOLDS(read_clock(own | kinds[each]) >= 0); }
  while (read_clock(own | 2) < 20000000) for (int at = 0; at < 100; at++) { munmap(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096); syscall(SYS_getpriority, 0, 0); char b[64]; int fd = open("/proc/self/stat", O_RDONLY); read(fd, b, 64); close(fd); }
  struct rusage use; getrusage(RUSAGE_SELF, &use); long user = read_clock(own | 1), both = read_clock(own), all = read_clock(own | 2);
  HOLDS(user < all); HOLDS(user <= both); HOLDS(read_clock(own | 5) < read_clock(own | 6)); HOLDS(read_clock(pid | 1) < read_clock(pid | 2)); HOLDS(read_clock(tid | 5) < read_clock(tid | 6));
  signal(SIGUSR1, handler); timer_t timer; struct itimerspec soon = {{0, 0}, {0, 20000000}}; SHOW(syscall(SYS_timer_create, own | 1, &good, &timer)); int at = (long)timer; syscall(SYS_timer_settime, at, 0, &soon, NULL); long from = read_clock(own | 1); while (!fired) for (volatile int n = 0; n < 1000; n++); HOLDS(read_clock(own | 1) - from >= 16000000);
  fired = 0; SHOW(syscall(SYS_timer_create, own | 5, &good, &timer)); at = (long)timer; syscall(SYS_timer_settime, at, 0, &soon, NULL); while (!fired) for (volatile int n = 0; n < 1000; n++); SHOW(fired);
  pthread_t other; SHOW(pthread_create(&other, NULL, spins, NULL)); struct timespec rest = {0, 30000000}; SHOW(clock_nanosleep(own | 1, 0, &rest, NULL)); SHOW(clock_nanosleep(own | 5, 0, &rest, NULL)); SHOW(clock_nanosleep(own | 3, 0, &rest, NULL)); done = 1; pthread_join(other, NULL);
}
int main(void) { timers(); queues(); clocks(); return 0; }
