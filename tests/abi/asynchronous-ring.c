/* The ring of io_setup(2): results are read there without a call, and those that are taken so are taken; moved. */
#include "abi.h"
#include <linux/aio_abi.h>
#include <sys/mman.h>
#include <sys/socket.h>
#ifndef IOCB_CMD_POLL
#define IOCB_CMD_POLL 5
#endif
/* Linux fs/aio.c */
struct aio_ring {
  unsigned id, nr;
  volatile unsigned head, tail;
  unsigned magic, compat_features, incompat_features, header_length;
  struct io_event io_events[];
};
static aio_context_t ctx;
static struct timespec none = {0, 0};
static struct io_event e[8];
static int file;
static struct iocb write_of(unsigned long data) {
  static char text[8] = "written";
  return (struct iocb){.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = file, .aio_buf = (unsigned long)text, .aio_nbytes = data, .aio_data = data};
}
static long submit(struct iocb *a) { return syscall(SYS_io_submit, ctx, 1, &a); }
static long get(void) { memset(e, 0, sizeof e); return syscall(SYS_io_getevents, ctx, 0L, 8L, e, &none); }
static struct aio_ring *ring(void) { return (struct aio_ring *)ctx; }
/* As QEMU and fio do it. */
static long reap(struct io_event *to) {
  struct aio_ring *r = ring();
  if (r->head == r->tail) return 0;
  *to = r->io_events[r->head];
  __sync_synchronize();
  r->head = (r->head + 1) % r->nr;
  return 1;
}
int main(void) {
  SHOW(syscall(SYS_io_setup, 4, &ctx));
  SHOW(ring()->magic); SHOW(ring()->compat_features); SHOW(ring()->incompat_features); SHOW(ring()->header_length);
  SHOW(ring()->head); SHOW(ring()->tail); HOLDS(ring()->nr >= 10);
  file = open("/tmp/aio-ring", O_CREAT | O_RDWR | O_TRUNC, 0600);
  unlink("/tmp/aio-ring");
  struct iocb a = write_of(3), b = write_of(5), c = write_of(7);
  SHOW(submit(&a)); SHOW(ring()->tail - ring()->head);
  SHOW(reap(e)); SHOW(e[0].res); SHOW(e[0].res2); SHOW(e[0].data); HOLDS(e[0].obj == (unsigned long)&a); SHOW(reap(e));
  SHOW(get());
  /* One by the ring, the others by calls */
  SHOW(submit(&a)); SHOW(submit(&b)); SHOW(submit(&c));
  SHOW(reap(e)); SHOW(e[0].res); SHOW(get()); SHOW(e[0].res); SHOW(e[1].res); SHOW(reap(e)); SHOW(ring()->head == ring()->tail);
  /* Round and round, with no call but of submitting */
  long sum = 0;
  for (unsigned i = 0; i < 3 * ring()->nr; i++) { if (submit(&b) != 1) break; while (reap(e)) sum += e[0].res; }
  SHOW(sum == 15L * ring()->nr);
  /* As many as the ring has room for, which are more than were asked for */
  unsigned taken = 0;
  for (; taken < 2 * ring()->nr && submit(&a) == 1; taken++);
  HOLDS(taken >= ring()->nr / 2 && taken < ring()->nr); SHOW(submit(&a));
  for (sum = 0; reap(e); sum++);
  SHOW(sum == taken); SHOW(submit(&a)); SHOW(reap(e));
  /* What is ready later */
  int s[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  struct iocb poll = {.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = s[0], .aio_buf = 1, .aio_data = 9};
  SHOW(submit(&poll)); usleep(3000); SHOW(reap(e)); write(s[1], "x", 1); usleep(3000); SHOW(reap(e)); SHOW(e[0].data);
  /* Moved */
  unsigned long size = (sizeof(struct aio_ring) + ring()->nr * sizeof(struct io_event) + 4095) & ~4095UL;
  void *room = mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SHOW(submit(&a));
  void *moved = mremap((void *)ctx, size, size, MREMAP_FIXED | MREMAP_MAYMOVE, room);
  SHOW(moved == room);
  ctx = (aio_context_t)moved;
  SHOW(submit(&c)); usleep(3000); SHOW(reap(e)); SHOW(e[0].res); SHOW(get()); SHOW(e[0].res);
  /* What is written there by others does no harm */
  SHOW(submit(&a)); ring()->nr = 0; ring()->tail = 77;
  SHOW(syscall(SYS_io_destroy, ctx)); SHOW(syscall(SYS_io_destroy, ctx)); HOLDS(msync((void *)ctx, size, MS_ASYNC) == -1);
  return 0;
}
