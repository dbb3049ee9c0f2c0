#include "abi.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>

/* A signal that the mask of a wait holds back comes when the wait is over, before the program goes on. */
static volatile int seen;
static void on_signal(int number) { (void)number; seen++; }
static pthread_t waiter;
static void *sender(void *unused) { (void)unused; usleep(30000); pthread_kill(waiter, SIGALRM); return NULL; }
#define HELD(wait) do { pthread_t thread; seen = 0; pthread_create(&thread, NULL, sender, NULL); SHOW(wait); SHOW(seen); pthread_join(thread, NULL); } while (0)

int main(void) {
  sigset_t mask; struct timespec limit = {0, 90000000}; struct epoll_event told; int pair[2];
  struct sigaction action = {.sa_handler = on_signal}; sigaction(SIGALRM, &action, NULL); waiter = pthread_self();
  sigemptyset(&mask); sigaddset(&mask, SIGALRM);
  HELD(ppoll(NULL, 0, &limit, &mask)); HELD(pselect(0, NULL, NULL, NULL, &limit, &mask)); HELD(epoll_pwait(epoll_create1(0), &told, 1, 90, &mask));
  pipe(pair); write(pair[1], "x", 1); struct pollfd ready = {pair[0], POLLIN};
  pthread_sigmask(SIG_BLOCK, &mask, NULL); raise(SIGALRM); sigset_t none; sigemptyset(&none); seen = 0;
  SHOW(ppoll(&ready, 1, &limit, &none)); SHOW(seen); seen = 0; raise(SIGALRM); SHOW(ppoll(NULL, 0, &limit, &none)); SHOW(seen);
  return 0;
}
