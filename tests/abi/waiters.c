#include "abi.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* Who is woken: several callers of epoll_wait, several epoll files on one description, pidfds that don't block, pidfds of threads. */

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif
#define WAITERS 6

static int epolls[WAITERS], source;
static volatile int woken;

static void *waiter(void *argument) {
  struct epoll_event event;
  int n = epoll_wait(epolls[(long)argument], &event, 1, 400);
  if (n > 0) __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

/* How many of six waiters come back with an event. */
static int wake_some(int events, int share_one) {
  pthread_t threads[WAITERS];
  struct epoll_event event = {events, {.u64 = 1}};
  int p[2];
  if (pipe(p)) exit(1);
  woken = 0;
  for (long i = 0; i < WAITERS; i++) {
    if (i == 0 || !share_one) { epolls[i] = epoll_create1(0); if (epoll_ctl(epolls[i], EPOLL_CTL_ADD, p[0], &event)) exit(1); } else epolls[i] = epolls[0];
    pthread_create(&threads[i], NULL, waiter, (void *)i);
  }
  usleep(100000);
  if (write(p[1], "x", 1) != 1) exit(1);
  for (int i = 0; i < WAITERS; i++) pthread_join(threads[i], NULL);
  close(p[0]); close(p[1]);
  for (int i = 0; i < (share_one ? 1 : WAITERS); i++) close(epolls[i]);
  return woken;
}

static void nothing(int signal) { (void)signal; }
static int shared, ready_pipe[2];
static void *first_waiter(void *argument) { struct epoll_event event; *(int *)argument = epoll_wait(shared, &event, 1, 2000); return NULL; }

/* Several events at once are shared out, one to a caller. */
static void shared_events(void) {
  struct epoll_event event = {EPOLLIN | EPOLLET, {.u64 = 1}}; int p[3][2], results[2] = {9, 9}; pthread_t threads[2];
  shared = epoll_create1(0);
  for (int i = 0; i < 3; i++) { if (pipe(p[i])) exit(1); event.data.u64 = i; epoll_ctl(shared, EPOLL_CTL_ADD, p[i][0], &event); }
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, first_waiter, &results[i]);
  usleep(50000);
  for (int i = 0; i < 2; i++) if (write(p[i][1], "x", 1) != 1) exit(1);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  SHOW(results[0]); SHOW(results[1]); SHOW(epoll_wait(shared, &event, 1, 0));
}

static void pidfds(void) {
  siginfo_t info = {0};
  int child = fork(); if (child == 0) { usleep(150000); _exit(7); }
  int fd = syscall(SYS_pidfd_open, child, O_NONBLOCK); HOLDS(fd >= 0); SHOW(fcntl(fd, F_GETFL) & O_NONBLOCK);
  SHOW(waitid(P_PIDFD, fd, &info, WEXITED)); SHOW(waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG)); SHOW(info.si_pid); struct pollfd p = {fd, POLLIN}; SHOW(poll(&p, 1, 0)); SHOW(poll(&p, 1, 3000)); SHOW(p.revents); SHOW(waitid(P_PIDFD, fd, &info, WEXITED)); SHOW(info.si_status); SHOW(waitid(P_PIDFD, fd, &info, WEXITED)); close(fd);
  child = fork(); if (child == 0) { usleep(50000); _exit(8); } fd = syscall(SYS_pidfd_open, child, O_NONBLOCK); fcntl(fd, F_SETFL, 0); SHOW(waitid(P_PIDFD, fd, &info, WEXITED)); SHOW(info.si_status); close(fd);
}

static int thread_id;
static void *short_thread(void *argument) { thread_id = syscall(SYS_gettid); (void)argument; usleep(100000); return NULL; }
static void thread_pidfd(void) {
  pthread_t thread; pthread_create(&thread, NULL, short_thread, NULL); while (!thread_id) usleep(1000);
  int fd = syscall(SYS_pidfd_open, thread_id, PIDFD_THREAD); HOLDS(fd >= 0); struct pollfd p = {fd, POLLIN}; SHOW(poll(&p, 1, 0)); SHOW(poll(&p, 1, 3000)); HOLDS(p.revents & POLLIN); pthread_join(thread, NULL);
}

int main(void) {
  SHOW(wake_some(EPOLLIN | EPOLLET, 1)); SHOW(wake_some(EPOLLIN, 1)); SHOW(wake_some(EPOLLIN | EPOLLONESHOT, 1)); SHOW(wake_some(EPOLLIN, 0)); SHOW(wake_some(EPOLLIN | EPOLLEXCLUSIVE, 0)); SHOW(wake_some(EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, 0));
  shared_events(); pidfds(); thread_pidfd();
  return 0;
}
