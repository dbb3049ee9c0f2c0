/* What a FUSE server says unasked of content: it stores some (FUSE_NOTIFY_STORE) and wants it back (FUSE_NOTIFY_RETRIEVE),
   as far as it is kept. */
#include "served.h"

#define MOUNT "/tmp/notices-of-servers"

static char bytes[9000], large[100000];

static int answer(struct fuse_in_header *in, char *body) {
  if (in->opcode == FUSE_NOTIFY_REPLY) {
    struct fuse_notify_retrieve_in *ask = (void *)body;
    char *data = body + sizeof *ask;
    unsigned zeros = 0;
    for (unsigned at = 0; at < ask->size; at++) zeros += !data[at];
    note(" back(%llx, node %d, offset %d, size %d, length %d, uid %d, zeros %d: %.6s)", (unsigned long long)in->unique,
      (int)in->nodeid, (int)ask->offset, ask->size, (int)(in->len - sizeof *in - sizeof *ask), in->uid, zeros, ask->size > 6 ? data : "");
    return 1;
  }
  if (in->opcode == FUSE_WRITE) {
    struct fuse_write_in *ask = (void *)body;
    struct fuse_write_out out = {.size = ask->size};
    reply(in->unique, 0, &out, sizeof out);
    return 1;
  }
  if (in->opcode == FUSE_READ) {
    struct fuse_read_in *ask = (void *)body;
    unsigned left = ask->offset < content_size ? content_size - ask->offset : 0;
    reply(in->unique, 0, bytes, left < ask->size ? left : ask->size);
    return 1;
  }
  if (in->opcode == FUSE_SETATTR) content_size = ((struct fuse_setattr_in *)body)->size;
  return 0;
}

static long told(int code, const void *head, size_t head_size, const void *body, size_t size) {
  struct fuse_out_header out = {sizeof out + head_size + size, code, 0};
  struct iovec parts[] = {{&out, sizeof out}, {(void *)head, head_size}, {(void *)body, size}};
  return writev(device, parts, 3);
}

static long store(uint64_t node, uint64_t offset, const void *data, unsigned size) {
  struct fuse_notify_store_out out = {node, offset, size};
  return told(FUSE_NOTIFY_STORE, &out, sizeof out, data, size);
}

static long back(uint64_t node, uint64_t offset, unsigned size) {
  static uint64_t unique = 0x7000000000000001;
  struct fuse_notify_retrieve_out out = {unique++, node, offset, size};
  return told(FUSE_NOTIFY_RETRIEVE, &out, sizeof out, NULL, 0);
}

static long forget_content(uint64_t node, int64_t offset, int64_t length) {
  struct fuse_notify_inval_inode_out out = {node, offset, length};
  return told(FUSE_NOTIFY_INVAL_INODE, &out, sizeof out, NULL, 0);
}

int main(void) {
  struct stat status;
  memset(bytes, 'a', sizeof bytes);
  memset(large, 'b', sizeof large);
  attr_valid = 1000;
  serve(MOUNT, "");
  SHOW(store(HELLO, 0, bytes, 13));
  SHOW(back(HELLO, 0, 13));
  SHOW(stat(MOUNT "/hello", &status));
  SHOW(stat(MOUNT "/sub", &status));
  asked();
  SHOW(back(HELLO, 0, 100)); asked();
  SHOW(store(HELLO, 0, "abcdefghijklm", 13));
  SHOW(back(HELLO, 0, 100)); asked();
  SHOW(back(HELLO, 3, 4)); asked();
  SHOW(back(HELLO, 13, 4)); asked();
  SHOW(back(HELLO, 500, 4)); asked();
  SHOW(back(HELLO, 0, 0)); asked();
  SHOW(store(HELLO, 2, "XYZ", 3));
  SHOW(back(HELLO, 0, 100)); asked();
  SHOW(store(SUB, 0, bytes, 13));
  SHOW(back(SUB, 0, 13));
  SHOW(store(99, 0, bytes, 13));
  SHOW(back(99, 0, 13));
  SHOW(store(HELLO, 0, bytes, 0));
  struct fuse_notify_store_out wrong = {HELLO, 0, 5};
  SHOW(told(FUSE_NOTIFY_STORE, &wrong, sizeof wrong, bytes, 4));
  SHOW(told(FUSE_NOTIFY_STORE, &wrong, sizeof wrong, bytes, 6));
  SHOW(told(FUSE_NOTIFY_STORE, &wrong, 8, NULL, 0));
  SHOW(told(FUSE_NOTIFY_RETRIEVE, &wrong, sizeof wrong, NULL, 0));
  SHOW(told(FUSE_NOTIFY_STORE, &wrong, sizeof wrong, NULL, 5));
  SHOW(told(99, NULL, 0, NULL, 0));
  asked();

  /* More than a page, and beyond the end. */
  SHOW(store(HELLO, 0, bytes, 9000));
  content_size = 9000;
  SHOW(stat(MOUNT "/hello", &status));
  printf("size %d\n", (int)status.st_size);
  SHOW(back(HELLO, 0, 10000)); asked();
  SHOW(back(HELLO, 5000, 10000)); asked();
  SHOW(store(HELLO, 4096 * 4 + 100, "middle", 6));
  content_size = 4096 * 4 + 106;
  SHOW(stat(MOUNT "/hello", &status));
  printf("size %d\n", (int)status.st_size);
  SHOW(back(HELLO, 4096 * 4 + 100, 100)); asked();
  SHOW(back(HELLO, 8192, 100000)); asked();
  SHOW(forget_content(HELLO, 4096, 4096));
  SHOW(back(HELLO, 0, 100000)); asked();
  SHOW(back(HELLO, 8192, 100)); asked();
  SHOW(forget_content(HELLO, -1, 0));
  SHOW(back(HELLO, 0, 100000)); asked();
  SHOW(forget_content(HELLO, 0, 0));
  SHOW(back(HELLO, 0, 100000)); asked();
  SHOW(store(HELLO, 0, large, sizeof large));
  content_size = sizeof large;
  SHOW(back(HELLO, 0, 100000)); asked();

  /* What is written meanwhile. */
  int fd;
  SHOW((fd = open(MOUNT "/hello", O_RDWR)) > 2);
  SHOW(back(HELLO, 0, 100000)); asked();
  SHOW(store(HELLO, 0, large, 8192));
  SHOW(pwrite(fd, "123456789", 9, 4090));
  SHOW(back(HELLO, 4090, 9)); asked();
  SHOW(ftruncate(fd, 4096));
  SHOW(back(HELLO, 0, 100000)); asked();
  SHOW(fstat(fd, &status));
  printf("size %d\n", (int)status.st_size);
  close(fd);
  SHOW(umount2(MOUNT, 0));
  SHOW(store(HELLO, 0, bytes, 13));
  SHOW(back(HELLO, 0, 13));
  SHOW(rmdir(MOUNT));
  return 0;
}
