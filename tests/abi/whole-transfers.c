#include "abi.h"
/* What a handler of a signal doesn't cut short: long transfers of regular files, and between memories. */
#include <sys/time.h>
#include <sys/uio.h>
#define SIZE (48L << 20)
static volatile int alarms;
static void count(int signal) { alarms++; }
int main(void) {
  signal(SIGALRM, count);
  siginterrupt(SIGALRM, 1);
  char *one = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *two = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(one, 1, SIZE);
  int fd = memfd_create("file", 0);
  struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &often, NULL);
  SHOW(pwrite(fd, one, SIZE, 0));
  SHOW(pread(fd, two, SIZE, 0));
  SHOW(write(fd, one, SIZE));
  SHOW(lseek(fd, 0, SEEK_SET));
  SHOW(read(fd, two, SIZE));
  struct iovec half[2] = {{two, SIZE / 2}, {two + SIZE / 2, SIZE / 2}};
  SHOW(preadv(fd, half, 2, 0));
  SHOW(pwritev(fd, half, 2, 0));
  close(fd);
  struct iovec local = {two, SIZE}, remote = {one, SIZE};
  SHOW(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
  SHOW(process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
  setitimer(ITIMER_REAL, &never, NULL);
  HOLDS(alarms > 0);
  SHOW(memcmp(one, two, SIZE));
  return 0;
}
