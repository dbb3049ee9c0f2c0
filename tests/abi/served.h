/* A FUSE server in its raw protocol, of one thread, for programs that look at what it is asked. They say what it answers:
   `answer`; it has a root (1), a file (2), a folder (3) and a link (4). */
#include "abi.h"
#include <linux/fuse.h>
#include <pthread.h>
#include <stdarg.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/uio.h>

enum { ROOT = 1, HELLO = 2, SUB = 3, LINK = 4 };

static int device = -1;
static unsigned content_size = 13;
static unsigned long attr_valid;
static char asked_lines[16384];
static pthread_mutex_t asked_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t wants;

/* Does it take the request on? Else it is answered as an ordinary server does. */
static int answer(struct fuse_in_header *in, char *body);

static void note(const char *format, ...) {
  va_list list;
  va_start(list, format);
  pthread_mutex_lock(&asked_lock);
  size_t used = strlen(asked_lines);
  vsnprintf(asked_lines + used, sizeof asked_lines - used, format, list);
  pthread_mutex_unlock(&asked_lock);
  va_end(list);
}

static void reply2(uint64_t unique, int error, const void *head, size_t head_size, const void *body, size_t size) {
  struct fuse_out_header out = {sizeof out + head_size + size, error, unique};
  struct iovec parts[] = {{&out, sizeof out}, {(void *)head, head_size}, {(void *)body, size}};
  if (writev(device, parts, 3) < 0) note(" (%s)", name_of(errno));
}

static void reply(uint64_t unique, int error, const void *body, size_t size) { reply2(unique, error, body, size, NULL, 0); }

static void fill_attr(struct fuse_attr *to, uint64_t node) {
  memset(to, 0, sizeof *to);
  to->ino = node;
  to->nlink = 1;
  to->blksize = 4096;
  to->mode = node == ROOT || node == SUB ? S_IFDIR | 0755 : node == LINK ? S_IFLNK | 0777 : S_IFREG | 0644;
  to->size = node == HELLO ? content_size : node == LINK ? 5 : 0;
}

static void serve_one(char *bytes) {
  struct fuse_in_header *in = (void *)bytes;
  char *body = bytes + sizeof *in;
  if (in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET) return;
  if (in->opcode == FUSE_INIT) {
    struct fuse_init_out out = {.major = 7, .minor = 31, .max_readahead = 65536, .max_write = 65536, .flags = wants};
    reply(in->unique, 0, &out, sizeof out);
    return;
  }
  if (answer(in, body)) return;
  switch (in->opcode) {
    case FUSE_LOOKUP: {
      struct fuse_entry_out out = {.attr_valid = attr_valid};
      out.nodeid = !strcmp(body, "hello") ? HELLO : !strcmp(body, "sub") ? SUB : !strcmp(body, "link") ? LINK : 0;
      if (out.nodeid) fill_attr(&out.attr, out.nodeid);
      reply(in->unique, out.nodeid ? 0 : -ENOENT, &out, out.nodeid ? sizeof out : 0);
      return;
    }
    case FUSE_GETATTR:
    case FUSE_SETATTR: {
      struct fuse_attr_out out = {.attr_valid = attr_valid};
      fill_attr(&out.attr, in->nodeid);
      reply(in->unique, 0, &out, sizeof out);
      return;
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
      struct fuse_open_out out = {.fh = 100 + in->nodeid};
      reply(in->unique, 0, &out, sizeof out);
      return;
    }
    case FUSE_READLINK:
      reply(in->unique, 0, "hello", 5);
      return;
    case FUSE_STATFS: {
      struct fuse_statfs_out out = {{.bsize = 512, .namelen = 255}};
      reply(in->unique, 0, &out, sizeof out);
      return;
    }
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_ACCESS:
      reply(in->unique, 0, NULL, 0);
      return;
    default:
      reply(in->unique, -ENOSYS, NULL, 0);
  }
}

static void *serve_all(void *unused) {
  static char bytes[200000];
  for (;;) {
    ssize_t got = read(device, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return NULL;
    serve_one(bytes);
  }
}

/* What was asked since the last time. */
static void asked(void) {
  usleep(20000);
  pthread_mutex_lock(&asked_lock);
  printf(" asked:%s\n", asked_lines);
  fflush(stdout);
  asked_lines[0] = 0;
  pthread_mutex_unlock(&asked_lock);
}

/* In a mount namespace of its own. @param more  options */
static void serve(const char *at, const char *more) {
  char options[200];
  pthread_t server;
  mkdir(at, 0755);
  unshare(CLONE_NEWNS);
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  device = open("/dev/fuse", O_RDWR);
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0%s", device, more);
  SHOW(mount("served", at, "fuse.raw", MS_NOSUID | MS_NODEV, options));
  pthread_create(&server, NULL, serve_all, NULL);
}
