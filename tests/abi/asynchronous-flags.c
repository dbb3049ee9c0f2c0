/* aio_rw_flags of io_submit(2): where a write goes, whatever O_APPEND says; what may not be asked, and what is told first. */
#include "abi.h"
#include <linux/aio_abi.h>
#ifndef RWF_APPEND
#define RWF_APPEND 16
#endif
#define NOAPPEND 32
static aio_context_t ctx;
static int appending, plain, reading;
static struct iocb asks(int fd, int operation, int flags) {
  static char text[4] = "xyz";
  return (struct iocb){.aio_lio_opcode = operation, .aio_fildes = fd, .aio_buf = (unsigned long)text, .aio_nbytes = 3, .aio_rw_flags = flags};
}
static long does(int fd, int operation, int flags) {
  struct iocb a = asks(fd, operation, flags), *list = &a;
  struct io_event e;
  long taken = syscall(SYS_io_submit, ctx, 1, &list);
  if (taken != 1) return taken;
  return syscall(SYS_io_getevents, ctx, 1L, 1L, &e, NULL) == 1 ? (long)e.res : -1;
}
int main(void) {
  SHOW(syscall(SYS_io_setup, 4, &ctx));
  appending = open("/tmp/aio-flags", O_CREAT | O_RDWR | O_TRUNC | O_APPEND, 0600);
  plain = open("/tmp/aio-flags", O_RDWR);
  reading = open("/tmp/aio-flags", O_RDONLY);
  write(plain, "0123456789", 10);
  SHOW(does(appending, IOCB_CMD_PWRITE, 0)); SHOW(lseek(plain, 0, SEEK_END));
  SHOW(does(appending, IOCB_CMD_PWRITE, NOAPPEND)); SHOW(lseek(plain, 0, SEEK_END));
  SHOW(does(plain, IOCB_CMD_PWRITE, RWF_APPEND)); SHOW(lseek(plain, 0, SEEK_END));
  SHOW(does(appending, IOCB_CMD_PREAD, NOAPPEND)); SHOW(does(plain, IOCB_CMD_PWRITE, NOAPPEND)); SHOW(lseek(plain, 0, SEEK_END));
  SHOW(does(appending, IOCB_CMD_PWRITE, 0)); SHOW(lseek(plain, 0, SEEK_END));
  SHOW(does(plain, IOCB_CMD_PWRITE, RWF_APPEND | NOAPPEND)); SHOW(does(plain, IOCB_CMD_PREAD, RWF_APPEND | NOAPPEND));
  SHOW(does(plain, IOCB_CMD_PWRITE, 0x400000)); SHOW(does(plain, IOCB_CMD_PREAD, 0x400000));
  SHOW(does(reading, IOCB_CMD_PWRITE, 0x400000)); SHOW(does(reading, IOCB_CMD_PWRITE, RWF_APPEND | NOAPPEND)); SHOW(does(reading, IOCB_CMD_PWRITE, 0));
  unlink("/tmp/aio-flags");
  SHOW(syscall(SYS_io_destroy, ctx));
  return 0;
}
