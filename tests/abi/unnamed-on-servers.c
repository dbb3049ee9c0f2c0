/* O_TMPFILE in a folder that a FUSE server has: one request makes and opens it, and link(2) gives it a name. */
#include "served.h"

#define MOUNT "/tmp/unnamed-on-servers"

static int knows = 1, links, released;

static int answer(struct fuse_in_header *in, char *body) {
  struct { struct fuse_entry_out entry; struct fuse_open_out open; } out = {{.nodeid = 9}, {.fh = 77, .open_flags = FOPEN_DIRECT_IO}};
  fill_attr(&out.entry.attr, 9);
  out.entry.attr.nlink = links;
  switch (in->opcode) {
    case FUSE_TMPFILE: {
      struct fuse_create_in *ask = (void *)body;
      note(" tmpfile(%d, mode %o, accmode %d, tmpfile %d, %s)", (int)in->nodeid, ask->mode, ask->flags & 3, !!(ask->flags & (O_TMPFILE & ~O_DIRECTORY)), body + sizeof *ask);
      if (knows) reply(in->unique, 0, &out, sizeof out);
      else reply(in->unique, -ENOSYS, NULL, 0);
      return 1;
    }
    case FUSE_LINK:
      links++;
      out.entry.attr.nlink = links;
      note(" link(%d, %d, %s)", (int)in->nodeid, (int)((struct fuse_link_in *)body)->oldnodeid, body + sizeof(struct fuse_link_in));
      reply(in->unique, 0, &out.entry, sizeof out.entry);
      return 1;
    case FUSE_GETATTR: {
      if (in->nodeid != 9) return 0;
      struct fuse_attr_out attr = {.attr = out.entry.attr};
      reply(in->unique, 0, &attr, sizeof attr);
      return 1;
    }
    case FUSE_WRITE: {
      struct fuse_write_in *ask = (void *)body;
      struct fuse_write_out written = {.size = ask->size};
      note(" write(%d, fh %d, %d)", (int)in->nodeid, (int)ask->fh, ask->size);
      reply(in->unique, 0, &written, sizeof written);
      return 1;
    }
    case FUSE_OPEN:
      note(" open(%d)", (int)in->nodeid);
      return 0;
    case FUSE_RELEASE:
      released++;
      return 0;
  }
  return 0;
}

int main(void) {
  struct stat status;
  char path[64];
  int fd;
  umask(022);
  serve(MOUNT, "");
  SHOW((fd = open(MOUNT, O_TMPFILE | O_RDWR, 0666)) > 2); asked();
  SHOW(fstat(fd, &status));
  printf("mode %o, nlink %d\n", status.st_mode, (int)status.st_nlink);
  SHOW(write(fd, "abc", 3)); asked();
  sprintf(path, "/proc/self/fd/%d", fd);
  SHOW(linkat(AT_FDCWD, path, AT_FDCWD, MOUNT "/named", AT_SYMLINK_FOLLOW)); asked();
  SHOW(fstat(fd, &status));
  printf("nlink %d\n", (int)status.st_nlink);
  SHOW(close(fd)); asked();
  links = 0;
  SHOW((fd = open(MOUNT, O_TMPFILE | O_EXCL | O_WRONLY, 0600)) > 2); asked();
  sprintf(path, "/proc/self/fd/%d", fd);
  SHOW(linkat(AT_FDCWD, path, AT_FDCWD, MOUNT "/named", AT_SYMLINK_FOLLOW)); asked();
  SHOW(close(fd)); asked();
  printf("released %d\n", released);
  knows = 0;
  for (int time = 0; time < 2; time++) {
    SHOW(open(MOUNT, O_TMPFILE | O_RDWR, 0666));
    asked();
  }
  SHOW(umount2(MOUNT, 0));
  SHOW(rmdir(MOUNT));
  return 0;
}
