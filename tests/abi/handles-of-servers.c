/* By which open file a FUSE server is asked for attributes, and to set them. */
#include "served.h"

#define MOUNT "/tmp/handles-of-servers"

static int opened;

static int answer(struct fuse_in_header *in, char *body) {
  switch (in->opcode) {
    case FUSE_OPEN: {
      struct fuse_open_out out = {.fh = 1000 + opened++};
      reply(in->unique, 0, &out, sizeof out);
      return 1;
    }
    case FUSE_GETATTR: {
      struct fuse_getattr_in *ask = (void *)body;
      note(" getattr(%d, flags %x, fh %d)", (int)in->nodeid, ask->getattr_flags, (int)ask->fh);
      return 0;
    }
    case FUSE_SETATTR: {
      struct fuse_setattr_in *ask = (void *)body;
      /* The time of change has its own flag where the kernel keeps times. */
      note(" setattr(%d, valid %x, fh %d, size %d, owner %s)", (int)in->nodeid, ask->valid, (int)ask->fh, (int)ask->size,
           ask->lock_owner ? "yes" : "no");
      if (ask->valid & FATTR_SIZE) content_size = ask->size;
      return 0;
    }
    case FUSE_READ:
      note(" read");
      reply(in->unique, 0, "hello, world\n", 13);
      return 1;
    case FUSE_FALLOCATE: {
      struct fuse_fallocate_in *ask = (void *)body;
      note(" fallocate(fh %d)", (int)ask->fh);
      reply(in->unique, 0, NULL, 0);
      return 1;
    }
    case FUSE_LSEEK:
      note(" lseek");
      return 0;
  }
  return 0;
}

int main(void) {
  char text[100];
  struct stat st;
  struct statx stx;
  serve(MOUNT, "");
  int one = open(MOUNT "/hello", O_RDWR), two = open(MOUNT "/hello", O_RDWR), folder = open(MOUNT "/sub", O_RDONLY);
  asked();
  SHOW(fstat(one, &st)); asked();
  SHOW(fstat(two, &st)); asked();
  SHOW(statx(two, "", AT_EMPTY_PATH, STATX_SIZE, &stx)); asked();
  SHOW(fstat(folder, &st)); asked();
  SHOW(stat(MOUNT "/hello", &st)); asked();
  SHOW(lseek(two, 0, SEEK_END)); asked();
  SHOW(lseek(one, 0, SEEK_END)); asked();
  SHOW(lseek(one, 0, SEEK_SET)); asked();
  SHOW(ftruncate(two, 10)); asked();
  SHOW(ftruncate(one, 11)); asked();
  SHOW(ftruncate(two, 11)); asked();
  SHOW(truncate(MOUNT "/hello", 12)); asked();
  SHOW(fallocate(two, 0, 0, 5)); asked();
  SHOW(fallocate(one, FALLOC_FL_KEEP_SIZE, 0, 5)); asked();
  SHOW(fchmod(two, 0640)); asked();
  SHOW(chmod(MOUNT "/hello", 0644)); asked();
  struct timespec times[2] = {{1, 2}, {3, 4}};
  SHOW(futimens(two, times)); asked();
  SHOW(futimens(two, NULL)); asked();
  SHOW(utimensat(AT_FDCWD, MOUNT "/hello", times, 0)); asked();
  int three = open(MOUNT "/hello", O_RDWR | O_TRUNC);
  asked();
  SHOW(ftruncate(three, 13)); asked();
  SHOW(close(three));
  SHOW(close(two));
  SHOW(close(one));
  SHOW(close(folder));
  SHOW(umount2(MOUNT, 0));
  SHOW(rmdir(MOUNT));
  return 0;
}
