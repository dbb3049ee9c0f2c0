#include "abi.h"
#include <pthread.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>

/* Which thread acts on a signal of the process: the one that was told, and those that begin a wait meanwhile go on. */
static pthread_t leader;
static int empty[2], go[2];
static volatile int by_leader, by_other, may_end;

static void on_signal(int number) {
  if (pthread_equal(pthread_self(), leader)) by_leader++;
  else by_other++;
}

/* Stays in its handler, which blocks SIGUSR2, until that has come to the other thread. */
static void on_first(int number) {
  for (int i = 0; i < 2000 && !by_other; i++) usleep(1000);
  by_leader += pthread_equal(pthread_self(), leader) ? 10 : 100;
}

static void *other(void *kind) {
  char byte;
  struct pollfd ready = {empty[0], POLLIN};
  struct timespec soon = {0, 20000000};
  struct epoll_event event;
  int instance = epoll_create1(0);
  sigset_t none;
  sigemptyset(&none);
  /* Who is told has the processor after it alone. */
  setpriority(PRIO_PROCESS, syscall(SYS_gettid), -15);
  read(go[0], &byte, 1);
  usleep(20000);
  switch ((long)kind) {
  case 0:
    kill(getpid(), SIGUSR1);
    SHOW(poll(&ready, 1, 20));
    break;
  case 1:
    kill(getpid(), SIGUSR1);
    SHOW(nanosleep(&soon, NULL));
    break;
  case 2:
    kill(getpid(), SIGUSR1);
    SHOW(epoll_wait(instance, &event, 1, 20));
    break;
  case 3:
    /* A mask of its own makes it look. */
    kill(getpid(), SIGUSR1);
    SHOW(ppoll(&ready, 1, &soon, NULL));
    break;
  case 4:
    /* Two of them, for two threads. */
    pthread_kill(leader, SIGHUP);
    kill(getpid(), SIGUSR2);
    poll(&ready, 1, 100);
    break;
  }
  while (!may_end) usleep(1000);
  return NULL;
}

int main(void) {
  leader = pthread_self();
  pipe(empty);
  pipe(go);
  struct sigaction action = {.sa_handler = on_signal}, first = {.sa_handler = on_first};
  sigaddset(&first.sa_mask, SIGUSR2);
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  sigaction(SIGHUP, &first, NULL);
  for (long kind = 0; kind < 5; kind++) {
    pthread_t thread;
    by_leader = by_other = may_end = 0;
    pthread_create(&thread, NULL, other, (void *)kind);
    write(go[1], "x", 1);
    pause();
    may_end = 1;
    pthread_join(thread, NULL);
    printf("%ld: leader %d, other %d\n", kind, by_leader, by_other);
  }
  return 0;
}
