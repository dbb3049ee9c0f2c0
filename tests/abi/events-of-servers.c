/* poll(2), select(2) and epoll(7) of files that a FUSE server has: when it is asked what they are ready for, what its
   notices do, and what becomes of one that knows nothing of that, or is gone. */
#include "served.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#define MOUNT "/tmp/events-of-servers"

static uint64_t handles[8];
static int handle_count, revents, error;
/* After so many questions it has something, and tells so. */
static int later;

static int handle(uint64_t kh) {
  for (int at = 0; at < handle_count; at++) if (handles[at] == kh) return at;
  handles[handle_count++] = kh;
  return handle_count - 1;
}

static void tell(uint64_t kh) {
  struct fuse_notify_poll_wakeup_out out = {.kh = kh};
  reply(0, FUSE_NOTIFY_POLL, &out, sizeof out);
}

static void *ready(void *kh) {
  usleep(30000);
  revents = POLLIN | POLLRDNORM;
  tell((uint64_t)kh);
  return NULL;
}

static int answer(struct fuse_in_header *in, char *body) {
  if (in->opcode != FUSE_POLL) return 0;
  struct fuse_poll_in *ask = (void *)body;
  struct fuse_poll_out out = {.revents = revents};
  note(" poll(%d, fh %d, %d, flags %d, events %x)", (int)in->nodeid, (int)ask->fh, handle(ask->kh), ask->flags,
    ask->events);
  reply(in->unique, error, &out, error ? 0 : sizeof out);
  if (later && --later == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, ready, (void *)ask->kh);
  }
  return 1;
}

static void watch(const char *what, int fd, int events, int timeout) {
  struct pollfd one = {fd, events, 0};
  printf("%s: %d", what, poll(&one, 1, timeout));
  printf(" %x\n", one.revents);
  asked();
}

int main(void) {
  serve(MOUNT, "");
  int fd = open(MOUNT "/hello", O_RDWR), other = open(MOUNT "/hello", O_RDONLY), folder = open(MOUNT, O_RDONLY);
  watch("nothing", fd, POLLIN, 0);
  watch("nothing, in time", fd, POLLIN | POLLOUT, 20);
  revents = POLLIN | POLLRDNORM;
  watch("there", fd, POLLIN, -1);
  watch("not asked for", fd, POLLPRI, 0);
  revents = POLLHUP;
  watch("hung up", fd, POLLIN, -1);
  revents = 0;
  later = 1;
  watch("later", fd, POLLIN, 1000);
  revents = 0;
  struct pollfd two[2] = {{fd, POLLIN, 0}, {other, POLLIN, 0}};
  SHOW(poll(two, 2, 0)); asked();
  later = 2;
  SHOW(poll(two, 2, 1000));
  printf(" %x %x\n", two[0].revents, two[1].revents); asked();
  revents = POLLOUT | POLLWRNORM;
  fd_set set;
  struct timeval none = {0, 0};
  FD_ZERO(&set);
  FD_SET(fd, &set);
  SHOW(select(fd + 1, NULL, &set, NULL, &none)); asked();
  FD_SET(fd, &set);
  SHOW(select(fd + 1, &set, NULL, NULL, &none));
  revents = 0;
  int queue = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 7};
  asked();
  SHOW(epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event)); asked();
  SHOW(epoll_ctl(queue, EPOLL_CTL_ADD, folder, &event)); asked();
  SHOW(epoll_wait(queue, &event, 1, 0)); asked();
  revents = POLLIN;
  tell(handles[0]);
  SHOW(epoll_wait(queue, &event, 1, 1000));
  printf(" %x %d\n", event.events, (int)event.data.u64); asked();
  SHOW(epoll_wait(queue, &event, 1, 1000)); asked();
  revents = 0;
  SHOW(epoll_wait(queue, &event, 1, 0)); asked();
  event = (struct epoll_event){.events = EPOLLIN | EPOLLET};
  later = 1;
  SHOW(epoll_ctl(queue, EPOLL_CTL_MOD, fd, &event));
  SHOW(epoll_wait(queue, &event, 1, 1000)); asked();
  SHOW(epoll_wait(queue, &event, 1, 0)); asked();
  tell(handles[0]);
  SHOW(epoll_wait(queue, &event, 1, 1000)); asked();
  tell(123456);
  SHOW(epoll_wait(queue, &event, 1, 0)); asked();
  error = -EIO;
  watch("an error", fd, POLLIN, -1);
  error = -ENOSYS;
  watch("none", fd, POLLIN | POLLOUT, -1);
  watch("none any more", other, POLLIN | POLLOUT, -1);
  watch("a folder", folder, POLLIN | POLLOUT, -1);
  /* Open to the end, they would wait for a server that ends with them. */
  close(queue), close(fd), close(other), close(folder);
  SHOW(umount2(MOUNT, MNT_DETACH));
  return 0;
}
