#include "abi.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
enum { MANY = 5000 };
static struct epoll_event out[MANY + 1];
static int added(int queue, unsigned events, int count) { int event = eventfd(1, 0); for (int k = 0; k < count; k++) { int fd = dup(event); struct epoll_event e = {events, {.u64 = k}}; if (fd < 0 || epoll_ctl(queue, EPOLL_CTL_ADD, fd, &e)) return k; } return count; }
int main(void) {
  struct rlimit limit; getrlimit(RLIMIT_NOFILE, &limit); limit.rlim_cur = MANY + 100; SHOW(setrlimit(RLIMIT_NOFILE, &limit));
  /* One wait takes all that there is room for. */
  int queue = epoll_create1(0); SHOW(added(queue, EPOLLIN, MANY)); SHOW(epoll_wait(queue, out, MANY + 1, 0)); SHOW(out[MANY - 1].data.u64); SHOW(epoll_wait(queue, out, MANY - 1, 0)); SHOW(epoll_wait(queue, out, 1, 0)); SHOW(out[0].data.u64);
  /* What the array has no memory for is told by the next wait. */
  char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); mprotect(pages + 4096, 4096, PROT_NONE); struct epoll_event *end = (void *)(pages + 4096);
  queue = epoll_create1(0); SHOW(added(queue, EPOLLIN | EPOLLET, 5)); SHOW(epoll_wait(queue, end, 5, 0)); SHOW(epoll_wait(queue, end - 2, 5, 0)); SHOW(end[-1].data.u64); SHOW(epoll_wait(queue, out, 5, 0)); SHOW(out[0].data.u64); SHOW(epoll_wait(queue, out, 5, 0));
  return 0;
}
