#include "abi.h"
#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <pthread.h>
static aio_context_t ctx;
static long submit(struct iocb *a) { return syscall(SYS_io_submit, ctx, 1, &a); }
static long get(long least, long most, struct io_event *e, struct timespec *t) { return syscall(SYS_io_getevents, ctx, least, most, e, t); }
static void *later(void *p) { usleep(30000); submit(p); return NULL; }
int main(void) {
  char b[64] = ""; struct io_event e[4]; struct timespec none = {0, 0}, soon = {0, 20000000}, bad = {0, 1000000000}; struct iocb *list[3]; aio_context_t other = 0;
  int fd = open("/tmp/aio", O_CREAT | O_RDWR | O_TRUNC, 0600), ro = open("/tmp/aio", O_RDONLY), ev = eventfd(0, EFD_NONBLOCK);
  SHOW(syscall(SYS_io_setup, 0, &ctx)); SHOW(syscall(SYS_io_setup, 4, 8)); SHOW(syscall(SYS_io_setup, 4, &ctx)); HOLDS(ctx != 0); SHOW(syscall(SYS_io_setup, 4, &ctx)); SHOW(syscall(SYS_io_setup, 1000000000, &other)); SHOW(syscall(SYS_io_destroy, 12345)); SHOW(get(0, 0, e, &none)); SHOW(get(2, 1, e, &none)); SHOW(get(-1, 1, e, &none)); SHOW(get(1, 1, e, &bad)); SHOW(get(1, 1, e, &soon)); SHOW(syscall(SYS_io_getevents, 12345, 0, 1, e, &none));
  struct iocb w = {.aio_data = 0x1122334455667788, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = fd, .aio_buf = (long)"hello world", .aio_nbytes = 11, .aio_offset = 5}; SHOW(submit(&w)); memset(e, 9, sizeof e); SHOW(get(1, 4, e, NULL)); HOLDS(e[0].data == 0x1122334455667788); HOLDS(e[0].obj == (unsigned long)&w); SHOW(e[0].res); SHOW(e[0].res2); SHOW(get(0, 4, e, &none)); SHOW(lseek(fd, 0, SEEK_CUR)); SHOW(lseek(fd, 0, SEEK_END));
  struct iocb r = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = ro, .aio_buf = (long)b, .aio_nbytes = 20, .aio_offset = 5, .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = ev}; SHOW(submit(&r)); SHOW(get(1, 1, e, NULL)); SHOW(e[0].res); SHOW(memcmp(b, "hello world", 11)); unsigned long counted = 0; SHOW(read(ev, &counted, 8)); SHOW(counted);
  struct iovec v[2] = {{b, 3}, {b + 32, 4}}; struct iocb rv = {.aio_lio_opcode = IOCB_CMD_PREADV, .aio_fildes = fd, .aio_buf = (long)v, .aio_nbytes = 2, .aio_offset = 5}, s = {.aio_lio_opcode = IOCB_CMD_FSYNC, .aio_fildes = fd}, ds = {.aio_lio_opcode = IOCB_CMD_FDSYNC, .aio_fildes = fd}; list[0] = &rv; list[1] = &s; list[2] = &ds; SHOW(syscall(SYS_io_submit, ctx, 3, list)); SHOW(get(3, 4, e, NULL)); long sum = 0; for (int i = 0; i < 3; i++) sum += e[i].res; SHOW(sum); SHOW(memcmp(b + 32, "lo w", 4));
  /* What is wrong with the first is the result; what is wrong with a later one ends the list. */
  struct iocb x = w; x.aio_fildes = 99; SHOW(submit(&x)); x = w; x.aio_fildes = ro; SHOW(submit(&x)); x = w; x.aio_lio_opcode = 77; SHOW(submit(&x)); x = w; x.aio_reserved2 = 1; SHOW(submit(&x)); x = w; x.aio_flags = IOCB_FLAG_RESFD; x.aio_resfd = fd; SHOW(submit(&x)); x.aio_resfd = 99; SHOW(submit(&x)); x = r; x.aio_flags = 0; x.aio_nbytes = -1; SHOW(submit(&x)); SHOW(submit((void *)8)); SHOW(syscall(SYS_io_submit, ctx, 1, 8)); SHOW(syscall(SYS_io_submit, ctx, -1L, list)); SHOW(syscall(SYS_io_submit, ctx, 0, list)); SHOW(syscall(SYS_io_submit, 12345, 1, list)); x = w; x.aio_fildes = 99; list[0] = &w; list[1] = &x; SHOW(syscall(SYS_io_submit, ctx, 2, list)); SHOW(get(1, 4, e, &none));
  x = s; x.aio_nbytes = 3; SHOW(submit(&x)); SHOW(syscall(SYS_io_cancel, ctx, &w, e)); SHOW(syscall(SYS_io_cancel, 12345, &w, e));
  int p[2]; if (pipe(p)) return 1; x = w; x.aio_fildes = p[1]; x.aio_offset = 0; SHOW(submit(&x)); SHOW(get(1, 1, e, NULL)); SHOW(e[0].res); SHOW(read(p[0], b, 20));
  pthread_t t; pthread_create(&t, NULL, later, &w); SHOW(get(1, 1, e, NULL)); pthread_join(t, NULL); SHOW(e[0].res); SHOW(submit(&w)); SHOW(get(1, 1, (void *)8, NULL)); SHOW(syscall(SYS_io_destroy, ctx)); SHOW(submit(&w));
  /* Whole lists of long requests are taken, and each is done to its end. */
  aio_context_t many = 0; static struct iocb part[8]; struct iocb *all[8]; struct io_event done[8]; long length = 3 << 20; char *block = malloc(length); memset(block, 'x', length); SHOW(syscall(SYS_io_setup, 8, &many));
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 8; i++) part[i] = (struct iocb){.aio_lio_opcode = round ? IOCB_CMD_PREAD : IOCB_CMD_PWRITE, .aio_fildes = fd, .aio_buf = (long)block, .aio_nbytes = length, .aio_offset = i * length}, all[i] = &part[i];
    SHOW(syscall(SYS_io_submit, many, 8, all)); memset(done, 0, sizeof done); SHOW(syscall(SYS_io_getevents, many, 8, 8, done, NULL)); for (int i = 0; i < 8; i++) SHOW(done[i].res); SHOW(lseek(fd, 0, SEEK_END));
  }
  /* What a context is known by is moved, and not made larger. */
  char *apart = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); SHOW(mremap((void *)many, 4096, 1 << 20, MREMAP_MAYMOVE | MREMAP_FIXED, apart) == MAP_FAILED ? -errno : 0); SHOW(mremap((void *)many, 4096, 8192, 0) == MAP_FAILED ? -errno : 0); SHOW(syscall(SYS_io_destroy, many));
  unlink("/tmp/aio");
  return 0;
}
