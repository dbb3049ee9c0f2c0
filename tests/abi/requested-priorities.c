#include "abi.h"
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/uio.h>

/* Priorities that requests ask for, where a ring's array lies, and terminals of a mount of its own. */

static void asynchronous(void) {
  aio_context_t context = 0; SHOW(syscall(SYS_io_setup, 64, &context)); int fd = open("/dev/zero", O_RDONLY); char bytes[8];
  static const short asked[] = {0, 1, 2 << 13 | 4, 1 << 13, 3 << 13, -1};
  for (int i = 0; i < 6; i++) { struct iocb one = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd, .aio_buf = (long)bytes, .aio_nbytes = 8, .aio_flags = 2, .aio_reqprio = asked[i]}, *all = &one; SHOW(syscall(SYS_io_submit, context, 1, &all)); }
  syscall(SYS_io_destroy, context); close(fd);
}

static void rings(void) {
  for (int entries = 1; entries < 10; entries++) { struct io_uring_params params = {0}; int ring = syscall(SYS_io_uring_setup, entries, &params); SHOW(params.sq_off.array % 64); close(ring); }
  struct io_uring_params params = {0}; int ring = syscall(SYS_io_uring_setup, 4, &params), fd = open("/dev/zero", O_RDONLY); char bytes[8]; struct iovec part = {bytes, 8};
  char *queue = mmap(NULL, params.sq_off.array + params.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING); struct io_uring_sqe *requests = mmap(NULL, params.sq_entries * sizeof *requests, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
  static const int asked[] = {0, 1, 2 << 13 | 4, 1 << 13, 3 << 13 | 1, 4 << 13};
  for (unsigned i = 0; i < 6; i++) {
    requests[0] = (struct io_uring_sqe){.opcode = IORING_OP_READV, .fd = fd, .addr = (long)&part, .len = 1, .ioprio = asked[i]}; ((unsigned *)(queue + params.sq_off.array))[i & (params.sq_entries - 1)] = 0; *(unsigned *)(queue + params.sq_off.tail) = i + 1; __sync_synchronize();
    SHOW(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0)); struct io_uring_cqe *results = (void *)(queue + params.cq_off.cqes); SHOW(results[i & (params.cq_entries - 1)].res); *(unsigned *)(queue + params.cq_off.head) = i + 1;
  }
  close(ring); close(fd);
}

static void terminals(void) {
  mkdir("one", 0700); mkdir("two", 0700);
  SHOW(mount("devpts", "one", "devpts", 0, "newinstance,ptmxmode=666")); SHOW(mount("devpts", "two", "devpts", 0, "newinstance,ptmxmode=666")); SHOW(mount("devpts", "one", "devpts", 0, "newinstance,ptmxmode=666"));
  int a = open("one/ptmx", O_RDWR | O_NOCTTY), number = -1, lock = 0; HOLDS(a >= 0); SHOW(ioctl(a, TIOCGPTN, &number)); SHOW(number); SHOW(ioctl(a, TIOCSPTLCK, &lock)); SHOW(access("one/0", F_OK)); SHOW(access("two/0", F_OK));
  fflush(stdout);
  if (fork() == 0) { setsid(); SHOW(ioctl(a, TIOCSCTTY, 0)); int tty = open("/dev/tty", O_RDWR); HOLDS(tty >= 0); SHOW(ioctl(a, TIOCNOTTY)); exit(0); } int status; wait(&status); SHOW(status);
  close(a); umount("one"); umount("one"); umount("two"); rmdir("one"); rmdir("two");
}

int main(void) { asynchronous(); rings(); terminals(); return 0; }
