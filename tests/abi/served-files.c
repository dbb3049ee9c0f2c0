/* FUSE as its raw protocol: what a call asks the program that serves a file, what its replies may be, and what becomes
   of calls when that program is slow, wrong or gone. */
#include "abi.h"
#include <dirent.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#define MOUNT "/tmp/served-files"
enum { HELLO = 2, SUB = 3, LINK = 4, MADE = 5, SLOW = 6, INNER = 7, WRONG = 8 };

static int device = -1;
static char content[65536] = "hello, world\n";
static unsigned content_size = 13;
static char made[65536];
static unsigned made_size;
static int made_exists, sub_gone;
static volatile int tells = 1, release_slow, interrupted;
static char log_lines[8192];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *op_name(unsigned op) {
  static const char *names[] = {[1] = "LOOKUP", [3] = "GETATTR", [4] = "SETATTR", [5] = "READLINK", [6] = "SYMLINK",
    [8] = "MKNOD", [9] = "MKDIR", [10] = "UNLINK", [11] = "RMDIR", [12] = "RENAME", [13] = "LINK", [14] = "OPEN",
    [15] = "READ", [16] = "WRITE", [17] = "STATFS", [18] = "RELEASE", [20] = "FSYNC", [21] = "SETXATTR",
    [22] = "GETXATTR", [23] = "LISTXATTR", [24] = "REMOVEXATTR", [25] = "FLUSH", [26] = "INIT", [27] = "OPENDIR",
    [28] = "READDIR", [29] = "RELEASEDIR", [34] = "ACCESS", [35] = "CREATE", [36] = "INTERRUPT", [45] = "RENAME2"};
  return op < 46 && names[op] ? names[op] : "?";
}

static void attr(struct fuse_attr *to, uint64_t node) {
  memset(to, 0, sizeof *to);
  to->ino = node;
  to->nlink = 1;
  to->blksize = 4096;
  to->mtime = to->ctime = to->atime = 1000000000;
  to->mode = node == 1 || node == SUB ? S_IFDIR | 0755 : node == LINK ? S_IFLNK | 0777 : S_IFREG | 0644;
  to->size = node == HELLO ? content_size : node == MADE ? made_size : node == LINK ? 5 : node == 1 ? 0 : 3;
  if (node == WRONG) to->mode = 0644;
}

static void reply(uint64_t unique, int error, const void *body, size_t size) {
  struct fuse_out_header head = {sizeof head + size, error, unique};
  struct iovec parts[] = {{&head, sizeof head}, {(void *)body, size}};
  if (writev(device, parts, size ? 2 : 1) < 0 && tells) printf("reply: %s\n", name_of(errno));
}

static void entry(uint64_t unique, uint64_t node) {
  struct fuse_entry_out out = {.nodeid = node};
  if (node) attr(&out.attr, node);
  reply(unique, 0, &out, sizeof out);
}

static size_t dirent(char *at, uint64_t ino, uint64_t off, unsigned type, const char *name) {
  struct fuse_dirent *d = (void *)at;
  d->ino = ino;
  d->off = off;
  d->namelen = strlen(name);
  d->type = type;
  memcpy(d->name, name, d->namelen);
  return FUSE_DIRENT_SIZE(d);
}

static void serve_one(char *bytes) {
  struct fuse_in_header *in = (void *)bytes;
  char *body = bytes + sizeof *in;
  char out[70000];
  memset(out, 0, 4096);
  pthread_mutex_lock(&lock);
  if (tells && in->opcode != FUSE_FORGET && in->opcode != FUSE_BATCH_FORGET && in->opcode != FUSE_INIT)
    snprintf(log_lines + strlen(log_lines), 200, " %s(%d)", op_name(in->opcode), (int)in->nodeid);
  pthread_mutex_unlock(&lock);
  switch (in->opcode) {
    case FUSE_INIT: {
      struct fuse_init_in *init = (void *)body;
      struct fuse_init_out answer = {.major = 7, .minor = 31, .max_readahead = 65536, .max_write = 131072};
      printf("init: major %d, minor is new enough: %d, node %d\n", init->major, init->minor >= 31, (int)in->nodeid);
      reply(in->unique, 0, &answer, sizeof answer);
      return;
    }
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
      return;
    case FUSE_LOOKUP:
      if (in->nodeid == SUB) entry(in->unique, strcmp(body, "inner") ? 0 : INNER);
      else if (!strcmp(body, "hello")) entry(in->unique, HELLO);
      else if (!strcmp(body, "sub") && !sub_gone) entry(in->unique, SUB);
      else if (!strcmp(body, "link")) entry(in->unique, LINK);
      else if (!strcmp(body, "slow")) entry(in->unique, SLOW);
      else if (!strcmp(body, "wrong")) entry(in->unique, WRONG);
      else if (!strcmp(body, "made") && made_exists) entry(in->unique, MADE);
      else if (!strcmp(body, "denied")) reply(in->unique, -EACCES, NULL, 0);
      else if (!strcmp(body, "root")) entry(in->unique, 1);
      else if (!strcmp(body, "short")) reply(in->unique, 0, out, 8);
      else if (!strcmp(body, "error")) reply(in->unique, 5, NULL, 0), reply(in->unique, -EXDEV, NULL, 0);
      else reply(in->unique, -ENOENT, NULL, 0);
      return;
    case FUSE_GETATTR:
    case FUSE_SETATTR: {
      struct fuse_attr_out answer = {0};
      if (in->opcode == FUSE_SETATTR && in->nodeid == MADE) {
        struct fuse_setattr_in *set = (void *)body;
        if (set->valid & FATTR_SIZE) made_size = set->size;
      }
      attr(&answer.attr, in->nodeid);
      reply(in->unique, 0, &answer, sizeof answer);
      return;
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
      struct fuse_open_out answer = {.fh = 100 + in->nodeid, .open_flags = in->opcode == FUSE_OPEN ? FOPEN_DIRECT_IO : 0};
      reply(in->unique, 0, &answer, sizeof answer);
      return;
    }
    case FUSE_READ: {
      struct fuse_read_in *ask = (void *)body;
      if (in->nodeid == SLOW) {
        while (!release_slow) usleep(1000);
        reply(in->unique, -EINTR, NULL, 0);
        return;
      }
      char *from = in->nodeid == MADE ? made : content;
      unsigned size = in->nodeid == MADE ? made_size : content_size;
      unsigned left = ask->offset < size ? size - ask->offset : 0;
      reply(in->unique, 0, from + ask->offset, left < ask->size ? left : ask->size);
      return;
    }
    case FUSE_WRITE: {
      struct fuse_write_in *ask = (void *)body;
      struct fuse_write_out answer = {.size = ask->size};
      if (in->nodeid == MADE) {
        memcpy(made + ask->offset, body + sizeof *ask, ask->size);
        if (ask->offset + ask->size > made_size) made_size = ask->offset + ask->size;
      } else answer.size = ask->size + 1;
      reply(in->unique, 0, &answer, sizeof answer);
      return;
    }
    case FUSE_READDIR: {
      struct fuse_read_in *ask = (void *)body;
      size_t size = 0;
      if (in->nodeid == SUB) size = ask->offset ? 0 : dirent(out, 9, 1, DT_REG, "in/ner");
      else if (ask->offset < 2) {
        size += dirent(out + size, 1, 1, DT_DIR, ".");
        size += dirent(out + size, 1, 2, DT_DIR, "..");
        size += dirent(out + size, HELLO, 3, DT_REG, "hello");
      } else if (ask->offset < 5) {
        size += dirent(out + size, SUB, 4, DT_DIR, "sub");
        size += dirent(out + size, LINK, 0x7000000000000005, DT_LNK, "link");
      }
      reply(in->unique, 0, out, size);
      return;
    }
    case FUSE_READLINK:
      reply(in->unique, 0, "hello", 5);
      return;
    case FUSE_CREATE: {
      struct { struct fuse_entry_out entry; struct fuse_open_out open; } answer = {{.nodeid = MADE}, {.fh = 77, .open_flags = FOPEN_DIRECT_IO}};
      made_exists = 1;
      made_size = 0;
      attr(&answer.entry.attr, MADE);
      reply(in->unique, 0, &answer, sizeof answer);
      return;
    }
    case FUSE_UNLINK:
      made_exists = 0;
      reply(in->unique, 0, NULL, 0);
      return;
    case FUSE_RMDIR:
      reply(in->unique, -ENOTEMPTY, NULL, 0);
      return;
    case FUSE_RENAME:
      reply(in->unique, 0, NULL, 0);
      return;
    case FUSE_STATFS: {
      struct fuse_statfs_out answer = {{.blocks = 1000, .bfree = 500, .bavail = 500, .files = 10, .ffree = 5, .bsize = 512, .namelen = 200, .frsize = 512}};
      reply(in->unique, 0, &answer, sizeof answer);
      return;
    }
    case FUSE_GETXATTR: {
      struct fuse_getxattr_in *ask = (void *)body;
      struct fuse_getxattr_out size = {.size = 5};
      if (strcmp(body + sizeof *ask, "user.one")) reply(in->unique, -ENODATA, NULL, 0);
      else if (ask->size && ask->size < 5) reply(in->unique, -ERANGE, NULL, 0);
      else if (ask->size) reply(in->unique, 0, "value", 5);
      else reply(in->unique, 0, &size, sizeof size);
      return;
    }
    case FUSE_INTERRUPT:
      interrupted++;
      release_slow = 1;
      return;
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

/* One of both takes requests by a pipe, as libfuse does (FUSE_CAP_SPLICE_READ). */
static void *server(void *splices) {
  static __thread char bytes[200000];
  int by[2];
  pipe(by);
  fcntl(by[1], F_SETPIPE_SZ, 1 << 18);
  for (;;) {
    ssize_t got = splices ? splice(device, NULL, by[1], NULL, sizeof bytes, 0) : read(device, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return (void *)(long)errno;
    if (splices && read(by[0], bytes, sizeof bytes) != got) puts("a request in parts");
    serve_one(bytes);
  }
}

/* What the last calls have asked, without what has no order. */
static void asked(const char *what) {
  usleep(20000);
  pthread_mutex_lock(&lock);
  printf("%s asked:%s\n", what, log_lines);
  log_lines[0] = 0;
  pthread_mutex_unlock(&lock);
  fflush(stdout);
}

static void quiet(void) {
  usleep(20000);
  log_lines[0] = 0;
}

static int mount_with(const char *more) {
  char options[200];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0%s", device, more);
  return mount("served", MOUNT, "fuse.raw", MS_NOSUID | MS_NODEV, options);
}

static void handler(int signal) { (void)signal; }

static void *slow_reader(void *result) {
  char text[10];
  int fd = open(MOUNT "/slow", O_RDONLY);
  long got = read(fd, text, sizeof text);
  *(int *)result = got < 0 ? errno : 0;
  close(fd);
  return NULL;
}

int main(void) {
  char text[65536];
  static char big[50000];
  pthread_t servers[2], reader;
  struct stat status;
  mkdir(MOUNT, 0755);
  unshare(CLONE_NEWNS);
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);

  SHOW(device = open("/dev/fuse", O_RDWR) > 2);
  device = open("/dev/fuse", O_RDWR);
  SHOW(read(device, text, sizeof text));
  SHOW(write(device, text, 16));
  struct pollfd polled = {device, POLLIN | POLLOUT, 0};
  SHOW(poll(&polled, 1, 0));
  SHOW(polled.revents == POLLERR);
  SHOW(mount("served", MOUNT, "fuse", 0, "rootmode=40000,user_id=0,group_id=0"));
  SHOW(mount("served", MOUNT, "fuse", 0, "fd=0,rootmode=40000,user_id=0,group_id=0"));
  SHOW(mount_with(",nonsense"));
  SHOW(mount("served", MOUNT, "fuse", 0, NULL));
  SHOW(mount_with(",max_read=65536"));
  SHOW(mount_with(""));
  SHOW(read(device, text, 4096));
  int other = open("/dev/fuse", O_RDWR);
  SHOW(ioctl(other, FUSE_DEV_IOC_CLONE, &(int){0}));
  SHOW(ioctl(other, FUSE_DEV_IOC_CLONE, &device));
  SHOW(fcntl(device, F_SETFL, O_NONBLOCK));
  ssize_t got = read(device, big, sizeof big);
  HOLDS(got == 104);
  serve_one(big);
  SHOW(read(device, big, sizeof big));
  SHOW(read(device, big, 8191));
  SHOW(fcntl(device, F_SETFL, 0));
  SHOW(write(device, "0123456789", 10));
  SHOW(write(device, &(struct fuse_out_header){16, 0, 998}, 16));
  SHOW(write(device, &(struct fuse_out_header){20, 0, 998}, 16));
  SHOW(write(device, &(struct fuse_out_header){16, 1, 998}, 16));
  pthread_create(&servers[0], NULL, server, NULL);
  pthread_create(&servers[1], NULL, server, (void *)1);

  SHOW(stat(MOUNT, &status));
  printf("root: mode %o, ino %d, nlink %d\n", status.st_mode, (int)status.st_ino, (int)status.st_nlink);
  SHOW(stat(MOUNT "/hello", &status));
  printf("hello: mode %o, size %d, mtime %d\n", status.st_mode, (int)status.st_size, (int)status.st_mtime);
  SHOW(stat(MOUNT "/absent", &status));
  SHOW(stat(MOUNT "/denied", &status));
  SHOW(stat(MOUNT "/sub/inner", &status));
  SHOW(stat(MOUNT "/hello/x", &status));
  quiet();
  SHOW(stat(MOUNT "/wrong", &status));
  SHOW(stat(MOUNT "/root", &status));
  SHOW(readlink(MOUNT "/link", text, sizeof text));
  SHOW(stat(MOUNT "/link", &status));
  printf("by a link: ino %d\n", (int)status.st_ino);
  tells = 0;
  SHOW(stat(MOUNT "/short", &status));
  SHOW(stat(MOUNT "/error", &status));
  usleep(20000);
  tells = 1;
  quiet();

  int fd;
  SHOW((fd = open(MOUNT "/hello", O_RDONLY)) > 2);
  SHOW(read(fd, text, 5));
  printf("%.5s\n", text);
  SHOW(pread(fd, text, sizeof text, 7));
  SHOW(read(fd, text, sizeof text));
  SHOW(read(fd, text, sizeof text));
  SHOW(lseek(fd, -3, SEEK_END));
  char *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  HOLDS(mapped != MAP_FAILED && !memcmp(mapped, "hello, world\n", 14));
  munmap(mapped, 4096);
  SHOW(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
  SHOW(close(fd));
  quiet();

  SHOW((fd = open(MOUNT "/made", O_RDWR | O_CREAT | O_EXCL, 0640)) > 2);
  asked("create");
  SHOW(write(fd, "0123456789", 10));
  memset(big, 'x', sizeof big);
  SHOW(write(fd, big, sizeof big));
  SHOW(pread(fd, text, 20, 0));
  printf("%.20s\n", text);
  asked("writes");
  SHOW(fsync(fd));
  SHOW(ftruncate(fd, 4));
  SHOW(fstat(fd, &status));
  printf("size %d\n", (int)status.st_size);
  SHOW(close(fd));
  SHOW(open(MOUNT "/made", O_RDWR | O_CREAT | O_EXCL, 0640));
  SHOW((fd = open(MOUNT "/made", O_WRONLY | O_APPEND)) > 2);
  SHOW(write(fd, "end", 3));
  SHOW(close(fd));
  SHOW(stat(MOUNT "/made", &status));
  printf("size %d\n", (int)status.st_size);
  SHOW((fd = open(MOUNT "/hello", O_WRONLY)) > 2);
  SHOW(write(fd, "abc", 3));
  SHOW(close(fd));
  SHOW(unlink(MOUNT "/made"));
  SHOW(rmdir(MOUNT "/sub"));
  SHOW(mkdir(MOUNT "/new", 0755));
  SHOW(symlink("x", MOUNT "/new"));
  SHOW(rename(MOUNT "/hello", MOUNT "/new"));
  SHOW(getxattr(MOUNT "/hello", "user.one", text, 100));
  SHOW(getxattr(MOUNT "/hello", "user.one", text, 2));
  SHOW(getxattr(MOUNT "/hello", "user.two", text, 100));
  SHOW(setxattr(MOUNT "/hello", "user.two", "x", 1, 0));
  struct statfs space;
  SHOW(statfs(MOUNT, &space));
  printf("type %lx, blocks %d, free %d, bsize %d, names %d\n", (long)space.f_type, (int)space.f_blocks, (int)space.f_bfree, (int)space.f_bsize, (int)space.f_namelen);

  DIR *folder = opendir(MOUNT);
  for (struct dirent *d; (d = readdir(folder));) printf("entry %s, ino %d, type %d\n", d->d_name, (int)d->d_ino, d->d_type);
  rewinddir(folder);
  HOLDS(readdir(folder) != NULL);
  closedir(folder);
  folder = opendir(MOUNT "/sub");
  errno = 0;
  HOLDS(readdir(folder) == NULL);
  printf("a name with a slash: %s\n", name_of(errno));
  closedir(folder);

  /* Others may not come near. */
  fflush(stdout);
  if (fork() == 0) {
    setgid(1000);
    setuid(1000);
    SHOW(stat(MOUNT, &status));
    SHOW(open(MOUNT "/hello", O_RDONLY));
    SHOW(chdir(MOUNT));
    _exit(0);
  }
  wait(NULL);

  /* A call that waits: a signal tells the server, what kills ends it. */
  struct sigaction act = {.sa_handler = handler};
  sigaction(SIGUSR1, &act, NULL);
  int outcome = -1;
  quiet();
  pthread_create(&reader, NULL, slow_reader, &outcome);
  usleep(100000);
  pthread_kill(reader, SIGUSR1);
  pthread_join(reader, NULL);
  printf("a signal: %s, interrupts %d\n", name_of(outcome), interrupted);
  asked("slow");

  /* The server is gone. */
  release_slow = 0;
  SHOW(umount2(MOUNT, 0));
  void *ended;
  pthread_join(servers[0], &ended);
  printf("a server reads: %s\n", name_of((long)ended));
  pthread_join(servers[1], &ended);
  SHOW(poll(&polled, 1, 0));
  close(device);
  close(other);

  device = open("/dev/fuse", O_RDWR);
  SHOW(mount_with(",default_permissions,allow_other"));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    close(device);
    alarm(20);
    SHOW(stat(MOUNT, &status));
    _exit(0);
  }
  usleep(50000);
  close(device);
  int how;
  waitpid(child, &how, 0);
  SHOW(stat(MOUNT, &status));
  SHOW(open(MOUNT "/hello", O_RDONLY));
  SHOW(umount2(MOUNT, MNT_DETACH));
  SHOW(rmdir(MOUNT));
  return 0;
}
