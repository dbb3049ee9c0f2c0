/* IOCB_CMD_POLL of io_submit(2): at once, later, of what has no queue; cancelled, closed, told by an eventfd. */
#include "abi.h"
#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <pthread.h>
#ifndef IOCB_CMD_POLL
#define IOCB_CMD_POLL 5
#endif
static aio_context_t ctx;
static struct timespec none = {0, 0}, soon = {0, 20000000};
static long submit(struct iocb *a) { return syscall(SYS_io_submit, ctx, 1, &a); }
static long get(long least, struct io_event *e, struct timespec *t) { return syscall(SYS_io_getevents, ctx, least, 4L, e, t); }
static struct iocb asks(int fd, long events) {
  return (struct iocb){.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = fd, .aio_buf = events, .aio_data = 0x1234567890abcdef};
}
static int later[2];
static void *writer(void *what) { usleep(30000); write(later[1], "x", 1); return NULL; }
int main(void) {
  struct io_event e[4];
  memset(e, 0, sizeof e);
  SHOW(syscall(SYS_io_setup, 4, &ctx));
  int p[2];
  pipe(p);
  /* At once */
  struct iocb out = asks(p[1], POLLOUT);
  SHOW(submit(&out)); SHOW(get(1, e, NULL)); SHOW(e[0].res); SHOW(e[0].res2); HOLDS(e[0].obj == (unsigned long)&out); HOLDS(e[0].data == 0x1234567890abcdef);
  int file = open("/tmp/aio-polled", O_CREAT | O_RDWR | O_TRUNC, 0600);
  unlink("/tmp/aio-polled");
  struct iocb plain = asks(file, POLLIN | POLLOUT | POLLPRI);
  SHOW(submit(&plain)); SHOW(get(1, e, NULL)); SHOW(e[0].res);
  plain = asks(file, POLLPRI); SHOW(submit(&plain));
  /* What it may not say */
  struct iocb wrong = asks(p[0], 0x10000); SHOW(submit(&wrong));
  wrong = asks(p[0], POLLIN); wrong.aio_nbytes = 1; SHOW(submit(&wrong));
  wrong = asks(p[0], POLLIN); wrong.aio_offset = 1; SHOW(submit(&wrong));
  wrong = asks(p[0], POLLIN); wrong.aio_rw_flags = 1; SHOW(submit(&wrong));
  wrong = asks(99, POLLIN); SHOW(submit(&wrong));
  /* Later */
  struct iocb in = asks(p[0], POLLIN);
  SHOW(submit(&in)); SHOW(get(1, e, &soon)); write(p[1], "a", 1); SHOW(get(1, e, NULL)); SHOW((e[0].res & POLLIN) != 0); SHOW(get(0, e, &none));
  write(p[1], "b", 1); SHOW(get(0, e, &none));
  char b[8]; read(p[0], b, 8);
  later[1] = p[1];
  pthread_t t;
  SHOW(submit(&in)); pthread_create(&t, NULL, writer, NULL); SHOW(get(1, e, NULL)); pthread_join(t, NULL); SHOW((e[0].res & POLLIN) != 0); read(p[0], b, 8);
  /* Told by an eventfd */
  int ev = eventfd(0, EFD_NONBLOCK); unsigned long counted = 0;
  in.aio_flags = IOCB_FLAG_RESFD; in.aio_resfd = ev;
  SHOW(submit(&in)); SHOW(read(ev, &counted, 8)); write(p[1], "c", 1); SHOW(read(ev, &counted, 8)); SHOW(counted); SHOW(get(1, e, &soon)); read(p[0], b, 8);
  in.aio_flags = 0;
  /* A result needs room from the beginning: Linux has more of it than was asked for. */
  /* What hangs up, and errors, come unasked */
  struct iocb nothing = asks(p[0], 0);
  SHOW(submit(&nothing)); SHOW(get(1, e, &soon)); close(p[1]); SHOW(get(1, e, NULL)); SHOW((e[0].res & POLLHUP) != 0);
  /* Closed while it waits: it waits on */
  int s[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  struct iocb sock = asks(s[0], POLLIN);
  SHOW(submit(&sock)); close(s[0]); SHOW(get(1, e, &soon)); SHOW(write(s[1], "z", 1)); SHOW(get(1, e, NULL)); SHOW((e[0].res & POLLIN) != 0);
  signal(SIGPIPE, SIG_IGN);
  usleep(20000);
  SHOW(write(s[1], "z", 1) < 0 ? errno : 0);
  /* Cancelled */
  pipe(p);
  in = asks(p[0], POLLIN);
  SHOW(submit(&in)); SHOW(syscall(SYS_io_cancel, ctx, &out, e)); SHOW(syscall(SYS_io_cancel, ctx, &in, e)); SHOW(get(1, e, NULL)); SHOW(e[0].res); HOLDS(e[0].obj == (unsigned long)&in); SHOW(syscall(SYS_io_cancel, ctx, &in, e));
  /* The context goes: nothing of it holds the pipe */
  SHOW(submit(&in)); close(p[0]); SHOW(write(p[1], "q", 1)); SHOW(syscall(SYS_io_destroy, ctx));
  usleep(20000);
  SHOW(write(p[1], "q", 1) < 0 ? errno : 0);
  /* So does the end of its process */
  pipe(p);
  pid_t child = fork();
  if (child == 0) { ctx = 0; syscall(SYS_io_setup, 4, &ctx); in = asks(p[0], POLLIN); submit(&in); _exit(0); }
  waitpid(child, NULL, 0);
  close(p[0]);
  usleep(20000);
  SHOW(write(p[1], "q", 1) < 0 ? errno : 0);
  return 0;
}
