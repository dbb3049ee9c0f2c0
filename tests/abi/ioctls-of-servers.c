/* ioctl(2) of files that a FUSE server has: what of it the server is asked, with which bytes, and what its replies lead to;
   and which requests are asked for again after ENOSYS. */
#include "served.h"
#include <linux/fs.h>
#include <sys/ioctl.h>

#define MOUNT "/tmp/ioctls-of-servers"
#define OF(nr) ((nr) & 0xff)

static char large[16383];
static int keeps_flags;
static int released;
static unsigned kept_flags = FS_NODUMP_FL;
static struct fsxattr kept = {.fsx_xflags = FS_XFLAG_NODUMP, .fsx_projid = 5, .fsx_nextents = 7, .fsx_cowextsize = 4096};

static void done(uint64_t unique, int result, unsigned flags, const void *data, size_t size) {
  struct fuse_ioctl_out out = {.result = result, .flags = flags};
  reply2(unique, 0, &out, sizeof out, data, size);
}

static int answer(struct fuse_in_header *in, char *body) {
  switch (in->opcode) {
    case FUSE_OPEN:
    case FUSE_OPENDIR:
      note(" open(%d, %x)", (int)in->nodeid, ((struct fuse_open_in *)body)->flags & ~0x8000);
      return 0;
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
      released++;
      return 0;
    case FUSE_MKDIR:
    case FUSE_SYMLINK:
    case FUSE_UNLINK:
    case FUSE_RENAME:
    case FUSE_RENAME2:
    case FUSE_CREATE:
    case FUSE_MKNOD:
    case FUSE_FSYNC:
    case FUSE_LINK:
      note(" %d", in->opcode);
      return 0;
    case FUSE_IOCTL: {
      struct fuse_ioctl_in *ask = (void *)body;
      char *data = body + sizeof *ask;
      unsigned sum = 0;
      for (unsigned at = 0; at < ask->in_size; at++) sum += data[at];
      note(" ioctl(%d, fh %d, %x, flags %x, in %d, out %d, sum %d, length %d)", (int)in->nodeid, (int)ask->fh, ask->cmd,
        ask->flags, ask->in_size, ask->out_size, sum, (int)(in->len - sizeof *in - sizeof *ask));
      switch (ask->cmd) {
        case FS_IOC_GETFLAGS:
          if (keeps_flags) done(in->unique, 0, 0, &kept_flags, 4);
          else reply(in->unique, -ENOSYS, NULL, 0);
          return 1;
        case FS_IOC_SETFLAGS:
          memcpy(&kept_flags, data, 4);
          done(in->unique, 0, 0, NULL, 0);
          return 1;
        case FS_IOC_FSGETXATTR:
          if (keeps_flags > 1) done(in->unique, 0, 0, &kept, sizeof kept);
          else reply(in->unique, -ENOTTY, NULL, 0);
          return 1;
        case FS_IOC_FSSETXATTR:
          memcpy(&kept, data, sizeof kept);
          done(in->unique, 0, 0, NULL, 0);
          return 1;
      }
      switch (OF(ask->cmd)) {
        case 1: done(in->unique, 7, 0, NULL, 0); return 1;
        case 2: done(in->unique, 0, 0, "abcd", 4); return 1;
        case 3: done(in->unique, 0, 0, NULL, 0); return 1;
        case 4: for (unsigned at = 0; at < ask->in_size; at++) data[at]++; done(in->unique, 3, 0, data, ask->in_size); return 1;
        case 5: done(in->unique, 0, 0, "abcde", 5); return 1; /* more than there is room for */
        case 6: done(in->unique, 0, 0, "ab", 2); return 1;
        case 7: done(in->unique, 0, FUSE_IOCTL_RETRY, NULL, 0); return 1;
        case 8: reply(in->unique, -EPERM, NULL, 0); return 1;
        case 9: done(in->unique, -EXDEV, 0, NULL, 0); return 1;
        case 10: done(in->unique, -ENOSYS, 0, NULL, 0); return 1;
        case 11: reply(in->unique, 0, "short", 5); return 1;
        case 12: done(in->unique, 0, 0, large, 5000); return 1; /* beyond a page, where none is asked for */
        case 13: done(in->unique, -60000, 0, NULL, 0); return 1;
        case 15: done(in->unique, -5, 0, "abcd", 4); return 1;
      }
      return 0;
    }
  }
  return 0;
}

int main(void) {
  int value = 0x01020304;
  serve(MOUNT, ",allow_other");
  int fd = open(MOUNT "/hello", O_RDWR), folder = open(MOUNT "/sub", O_RDONLY);
  asked();
  SHOW(ioctl(fd, _IO('E', 1), 5)); asked();
  SHOW(ioctl(fd, _IOR('E', 2, int), &value)); asked();
  printf("%.4s\n", (char *)&value);
  SHOW(ioctl(fd, _IOW('E', 3, int), &value)); asked();
  SHOW(ioctl(fd, _IOWR('E', 4, int), &value)); asked();
  printf("%.4s\n", (char *)&value);
  memset(large, 'x', sizeof large);
  SHOW(ioctl(fd, _IOWR('E', 4, large), large)); asked();
  HOLDS(large[0] == 'y' && large[16382] == 'y');
  SHOW(ioctl(folder, _IOWR('E', 4, int), &value)); asked();
  SHOW(ioctl(fd, _IOR('E', 5, int), &value)); asked();
  SHOW(ioctl(fd, _IO('E', 5), &value)); asked();
  memcpy(&value, "wxyz", 4);
  SHOW(ioctl(fd, _IOR('E', 6, int), &value)); asked();
  printf("%.4s\n", (char *)&value);
  SHOW(ioctl(fd, _IOR('E', 7, int), &value)); asked();
  SHOW(ioctl(fd, _IOR('E', 8, int), &value)); asked();
  SHOW(ioctl(fd, _IOR('E', 9, int), &value)); asked();
  SHOW(ioctl(fd, _IOR('E', 10, int), &value)); asked();
  SHOW(ioctl(fd, _IOR('E', 11, int), &value)); asked();
  SHOW(ioctl(fd, _IO('E', 12), &value)); asked();
  SHOW(syscall(SYS_ioctl, fd, _IO('E', 13), &value)); asked();
  memcpy(&value, "wxyz", 4);
  SHOW(ioctl(fd, _IOR('E', 15, int), &value)); asked();
  printf("%.4s\n", (char *)&value);
  SHOW(ioctl(fd, _IO('E', 99), 5)); asked();
  SHOW(ioctl(fd, _IO('E', 99), 5)); asked();
  SHOW(ioctl(fd, _IOW('E', 3, int), NULL)); asked();
  SHOW(ioctl(fd, _IOR('E', 2, int), NULL)); asked();
  SHOW(isatty(fd)); asked();

  /* Of the kernel itself. */
  SHOW(ioctl(fd, FIONREAD, &value)); asked();
  printf("%d\n", value);
  SHOW(ioctl(folder, FIONREAD, &value)); asked();
  SHOW(ioctl(fd, FIGETBSZ, &value)); asked();
  SHOW(ioctl(fd, FICLONE, fd)); asked();

  /* Flags of files. */
  SHOW(ioctl(fd, FS_IOC_GETFLAGS, &value)); asked();
  SHOW(ioctl(fd, FS_IOC_SETFLAGS, &value)); asked();
  keeps_flags = 1;
  SHOW(ioctl(fd, FS_IOC_GETFLAGS, &value)); asked();
  printf("flags %x\n", value);
  SHOW(ioctl(folder, FS_IOC_GETFLAGS, &value)); asked();
  value = FS_NODUMP_FL | FS_COMPR_FL;
  SHOW(ioctl(fd, FS_IOC_SETFLAGS, &value)); asked();
  keeps_flags = 2;
  SHOW(ioctl(fd, FS_IOC_SETFLAGS, &value)); asked();
  printf("flags %x\n", kept_flags);
  struct fsxattr x = {0};
  SHOW(ioctl(fd, FS_IOC_FSGETXATTR, &x)); asked();
  printf("xflags %x project %d extents %d size %d cow %d\n", x.fsx_xflags, x.fsx_projid, x.fsx_nextents, x.fsx_extsize, x.fsx_cowextsize);
  x = (struct fsxattr){.fsx_xflags = FS_XFLAG_NOATIME, .fsx_projid = 9};
  SHOW(ioctl(fd, FS_IOC_FSSETXATTR, &x)); asked();
  printf("xflags %x project %d extents %d size %d cow %d\n", kept.fsx_xflags, kept.fsx_projid, kept.fsx_nextents, kept.fsx_extsize, kept.fsx_cowextsize);
  SHOW(ioctl(fd, FS_IOC_GETFLAGS, NULL)); asked();
  SHOW(ioctl(fd, FS_IOC_SETFLAGS, NULL)); asked();
  if (fork() == 0) {
    setgid(1000);
    setuid(1000);
    SHOW(ioctl(fd, FS_IOC_SETFLAGS, &value));
    SHOW(ioctl(fd, FS_IOC_FSSETXATTR, &x));
    SHOW(ioctl(fd, _IO('E', 1), 5));
    _exit(0);
  }
  wait(NULL);
  asked();
  printf("released %d\n", released);

  /* What a server doesn't know it is asked for again, or not. */
  for (int time = 0; time < 2; time++) {
    SHOW(mkdir(MOUNT "/new", 0755));
    SHOW(symlink("x", MOUNT "/new"));
    SHOW(link(MOUNT "/hello", MOUNT "/new"));
    SHOW(unlink(MOUNT "/hello"));
    SHOW(rename(MOUNT "/hello", MOUNT "/new"));
    SHOW(renameat2(AT_FDCWD, MOUNT "/hello", AT_FDCWD, MOUNT "/new", RENAME_NOREPLACE));
    SHOW(open(MOUNT "/new", O_CREAT | O_RDWR, 0644));
    SHOW(fsync(fd));
    asked();
  }
  close(fd);
  close(folder);
  SHOW(umount2(MOUNT, 0));
  SHOW(rmdir(MOUNT));
  return 0;
}
