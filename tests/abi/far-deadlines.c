#include "abi.h"
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <linux/futex.h>

/* Deadlines that nobody lives to see are waited for, and a signal ends the wait; those before 1970 are refused. */
static void handler(int s) { (void)s; }
static void soon(void) {
  struct itimerval t = {.it_value = {0, 20000}};
  setitimer(ITIMER_REAL, &t, NULL);
}
static long futex(unsigned *word, int operation, unsigned value, struct timespec *until, void *other, unsigned mask) {
  return syscall(SYS_futex, word, operation, value, until, other, mask);
}
#define ENDS(e) do { soon(); SHOW(e); } while (0)

static void with(time_t seconds) {
  struct timespec t = {seconds, 0};
  struct sembuf down = {0, -1, 0};
  struct mmsghdr messages[1] = {{{0}}};
  sigset_t none;
  char byte;
  unsigned word = 0;
  int sockets[2];
  sigemptyset(&none);
  sigaddset(&none, SIGUSR1);
  ENDS(nanosleep(&t, NULL));
  ENDS(-clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == -EINTR);
  ENDS(-clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == -EINTR);
  ENDS(ppoll(NULL, 0, &t, NULL));
  ENDS(pselect(0, NULL, NULL, NULL, &t, NULL));
  ENDS(sigtimedwait(&none, NULL, &t));
  ENDS(futex(&word, FUTEX_WAIT, 0, &t, NULL, 0));
  ENDS(futex(&word, FUTEX_WAIT_BITSET, 0, &t, NULL, 1));
  ENDS(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &t, NULL, 1));
  int set = semget(IPC_PRIVATE, 1, 0600);
  ENDS(semtimedop(set, &down, 1, &t));
  semctl(set, 0, IPC_RMID);
  int epoll = epoll_create1(0);
  struct epoll_event event;
  ENDS(syscall(441, epoll, &event, 1, &t, NULL, 0));
  struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};
  mqd_t queue = mq_open("/far-deadlines", O_CREAT | O_RDWR, 0600, &attributes);
  mq_unlink("/far-deadlines");
  ENDS(mq_timedreceive(queue, &byte, 1, NULL, &t));
  mq_send(queue, "x", 1, 0);
  ENDS(mq_timedsend(queue, "y", 1, 0, &t));
  socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets);
  ENDS(recvmmsg(sockets[0], messages, 1, 0, &t));
  struct itimerspec far = {.it_value = t}, left;
  timer_t timer;
  struct sigevent quiet = {.sigev_notify = SIGEV_NONE};
  timer_create(CLOCK_MONOTONIC, &quiet, &timer);
  SHOW(timer_settime(timer, 0, &far, NULL));
  SHOW(timer_gettime(timer, &left)); HOLDS(left.it_value.tv_sec > 1000000 || seconds < 0);
  int file = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  SHOW(timerfd_settime(file, 0, &far, NULL));
  SHOW(timerfd_settime(file, TFD_TIMER_ABSTIME, &far, NULL));
  SHOW(read(file, &left, 8));
  for (int fd = 3; fd < 20; fd++) close(fd);
}

/* Who is given a higher priority runs at once, and who lowers its own lets others by. */
static volatile int *shared;
static void priorities(void) {
  cpu_set_t one;
  CPU_ZERO(&one); CPU_SET(0, &one);
  sched_setaffinity(0, sizeof one, &one);
  struct sched_param low = {1}, middle = {50};
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  SHOW(sched_setscheduler(0, SCHED_FIFO, &low));
  int child = fork();
  if (child == 0) { *shared = 1; pause(); _exit(0); }
  SHOW(*shared);
  SHOW(sched_setparam(child, &middle));
  SHOW(*shared);
  kill(child, SIGKILL); waitpid(child, NULL, 0);
  *shared = 0;
  sched_setparam(0, &middle);
  child = fork();
  if (child == 0) { *shared = 1; _exit(0); }
  SHOW(*shared);
  SHOW(sched_setparam(0, &low));
  SHOW(*shared);
  waitpid(child, NULL, 0);
}

/* How many messages a socket takes before it is full. */
static void capacities(void) {
  static char bytes[200000];
  int kinds[] = {SOCK_SEQPACKET, SOCK_DGRAM}, sizes[] = {1, 106496, 200000};
  for (int k = 0; k < 2; k++) for (int s = 0; s < 3; s++) {
    int pair[2], count = 0;
    socketpair(AF_UNIX, kinds[k] | SOCK_NONBLOCK, 0, pair);
    while (write(pair[0], bytes, sizes[s]) == sizes[s]) count++;
    printf("%d of %d bytes\n", count, sizes[s]);
    close(pair[0]); close(pair[1]);
  }
}

int main(void) {
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGALRM, &action, NULL);
  with(0x7fffffffffffffff);
  with(-1);
  capacities();
  priorities();
  return 0;
}
