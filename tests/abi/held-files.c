#include "abi.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What a call that waits works on, when another thread closes its descriptor or has it lead to another file. */
static int way, in, out, other; static char text[16]; static long result; static int failure;
enum { READ, READV, RECV, SPLICE, EPOLL, ACCEPT, LOCK, WRITE, WAYS };
static const char *const NAMES[] = {"read", "readv", "recvmsg", "splice", "epoll_wait", "accept", "flock", "write"};

static void *wait_in_call(void *unused) {
  struct iovec v = {text, 4}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1}; struct epoll_event e; static char much[100000];
  memset(text, 0, sizeof text);
  switch (way) {
    case READ: result = read(in, text, 4); break;
    case READV: result = readv(in, &v, 1); break;
    case RECV: result = recvmsg(in, &m, 0); break;
    case SPLICE: result = splice(in, NULL, other, NULL, 4, 0); break;
    case EPOLL: result = epoll_wait(in, &e, 1, 2000); break;
    case ACCEPT: result = accept(in, NULL, NULL) >= 0; break;
    case LOCK: result = flock(in, LOCK_EX); break;
    case WRITE: result = write(in, much, sizeof much); break;
  }
  failure = errno; return NULL;
}

/* in: what it waits on; out: by what it goes on. */
static void prepare(void) {
  int p[2]; struct sockaddr_un a = {AF_UNIX}; strcpy(a.sun_path + 1, "held");
  switch (way) {
    case RECV: socketpair(AF_UNIX, SOCK_STREAM, 0, p); in = p[0]; out = p[1]; break;
    case EPOLL: { out = eventfd(0, 0); in = epoll_create1(0); struct epoll_event e = {EPOLLIN}; epoll_ctl(in, EPOLL_CTL_ADD, out, &e); break; }
    case ACCEPT: in = socket(AF_UNIX, SOCK_STREAM, 0); bind(in, (void *)&a, 7); listen(in, 1); out = socket(AF_UNIX, SOCK_STREAM, 0); break;
    case LOCK: in = open("f", O_CREAT | O_RDWR, 0600); out = open("f", O_RDWR); flock(out, LOCK_EX); break;
    case WRITE: pipe(p); in = p[1]; out = p[0]; break;
    default: pipe(p); in = p[0]; out = p[1];
  }
  pipe(p); other = p[1];
}

static void go_on(void) {
  struct sockaddr_un a = {AF_UNIX}; strcpy(a.sun_path + 1, "held"); long one = 1; static char much[100000]; long n = 0;
  switch (way) {
    case EPOLL: write(out, &one, 8); break;
    case ACCEPT: connect(out, (void *)&a, 7); break;
    case LOCK: flock(out, LOCK_UN); break;
    case WRITE: for (long got; n < 100000 && (got = read(out, much, sizeof much)) > 0;) n += got; printf("  read %ld, then %ld\n", n, read(out, much, 1)); break;
    default: write(out, "data", 4);
  }
}

static int lowest(void) { int fd = dup(0); close(fd); return fd; }

int main(void) {
  char folder[] = "/tmp/held-files-XXXXXX"; mkdtemp(folder); chdir(folder); setbuf(stdout, NULL);
  for (way = 0; way < WAYS; way++)
    for (int replaces = 0; replaces < 2; replaces++) {
      pthread_t thread; int file = open("/dev/null", O_RDONLY); prepare(); pthread_create(&thread, NULL, wait_in_call, NULL); usleep(20000);
      if (replaces) dup2(file, in); else close(in);
      int free_before = lowest(); printf("%s, %s: the lowest free one is its own: %d\n", NAMES[way], replaces ? "replaced" : "closed", free_before == in);
      go_on(); pthread_join(thread, NULL);
      printf("  %ld %s '%s'\n", result, result < 0 ? name_of(failure) : "", text);
      char c; printf("  afterwards %s\n", fcntl(in, F_GETFD) < 0 ? "none" : read(in, &c, 1) == 0 ? "the other" : "itself"); printf("  the lowest free one again: %d\n", lowest() == free_before || way == ACCEPT);
      closefrom(3);
    }
  unlink("f"); chdir("/"); rmdir(folder);
}
