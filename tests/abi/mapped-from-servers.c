/* Mappings of a FUSE server's file whose content changes: what they show then, touched before or not. */
#include "served.h"
#include <setjmp.h>
#include <sys/statfs.h>

#define MOUNT "/tmp/mapped-from-servers"
#define PAGES 40

static char bytes[PAGES * 4096];
static sigjmp_buf back;

static int answer(struct fuse_in_header *in, char *body) {
  switch (in->opcode) {
    case FUSE_SETATTR:
      content_size = ((struct fuse_setattr_in *)body)->size;
      return 0;
    case FUSE_READ: {
      struct fuse_read_in *ask = (void *)body;
      unsigned left = ask->offset < content_size ? content_size - ask->offset : 0;
      reply(in->unique, 0, bytes + ask->offset, left < ask->size ? left : ask->size);
      return 1;
    }
    case FUSE_WRITE: {
      struct fuse_write_in *ask = (void *)body;
      struct fuse_write_out out = {.size = ask->size};
      if (ask->offset + ask->size > content_size) {
        memset(bytes + content_size, 0, sizeof bytes - content_size);
        content_size = ask->offset + ask->size;
      }
      memcpy(bytes + ask->offset, body + sizeof *ask, ask->size);
      reply(in->unique, 0, &out, sizeof out);
      return 1;
    }
    case FUSE_STATFS:
      reply(in->unique, -ENOSYS, NULL, 0);
      return 1;
  }
  return 0;
}

static void on_bus(int number) { siglongjmp(back, number); }

/* The first byte of each of some pages; '!': SIGBUS, '0': zero. */
static void shown(const char *what, const char *map, int count, const int *pages) {
  printf("%s:", what);
  for (int at = 0; at < count; at++) {
    if (sigsetjmp(back, 1)) printf(" %d!", pages[at]);
    else {
      char found = *(volatile const char *)(map + pages[at] * 4096);
      printf(" %d%c", pages[at], found ? found : '0');
    }
  }
  printf("\n");
  fflush(stdout);
}
#define SHOWN(map, ...) do { int list[] = {__VA_ARGS__}; shown(#map, map, sizeof list / sizeof *list, list); } while (0)

static char *mapped(int length, int how) {
  int fd = open(MOUNT "/hello", O_RDONLY);
  char *at = mmap(NULL, length, PROT_READ | (how == MAP_PRIVATE ? PROT_WRITE : 0), how, fd, 0);
  close(fd);
  return at;
}

static void tell(void) {
  struct fuse_notify_inval_inode_out out = {HELLO, 0, 0};
  struct fuse_out_header head = {sizeof head + sizeof out, FUSE_NOTIFY_INVAL_INODE, 0};
  struct iovec parts[] = {{&head, sizeof head}, {&out, sizeof out}};
  writev(device, parts, 2);
}

int main(void) {
  struct stat status;
  struct statfs usage;
  signal(SIGBUS, on_bus);
  content_size = PAGES * 4096;
  memset(bytes, 'a', sizeof bytes);
  serve(MOUNT, "");
  SHOW(statfs(MOUNT, &usage));

  char *first = mapped(PAGES * 4096, MAP_PRIVATE), *shared = mapped(PAGES * 4096, MAP_SHARED);
  SHOWN(first, 0);
  first[4096] = 'p';
  /* The server says so: what is mapped is asked for anew, wherever it is mapped, and what was written privately stays. */
  memset(bytes, 'b', sizeof bytes);
  tell();
  char *second = mapped(4096, MAP_PRIVATE);
  SHOWN(second, 0);
  SHOWN(first, 0, 1, 2, 20, 39);
  SHOWN(shared, 0, 1, 2, 20, 39);
  /* Again. */
  memset(bytes, 'c', sizeof bytes);
  tell();
  char *third = mapped(8192, MAP_SHARED);
  SHOWN(third, 0, 1);
  SHOWN(first, 0, 1, 2, 20, 39);
  SHOWN(shared, 0, 20, 39);
  /* It became shorter, and longer. */
  content_size = 3 * 4096 + 1;
  SHOW(stat(MOUNT "/hello", &status));
  SHOWN(first, 0, 1, 3, 4, 39);
  SHOWN(shared, 0, 3, 4, 39);
  memset(bytes, 'd', sizeof bytes);
  content_size = PAGES * 4096;
  char *fourth = mapped(4096, MAP_PRIVATE);
  SHOWN(fourth, 0);
  SHOWN(first, 0, 1, 3, 4, 39);
  SHOWN(shared, 0, 3, 4, 39);
  munmap(first, PAGES * 4096);
  munmap(second, 4096);
  munmap(third, 8192);
  munmap(fourth, 4096);
  munmap(shared, PAGES * 4096);

  /* It grows by what is written. */
  content_size = 10;
  int fd;
  SHOW((fd = open(MOUNT "/hello", O_RDWR)) > 2);
  char *grown = mmap(NULL, 8 * 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  SHOWN(grown, 0, 1);
  SHOW(pwrite(fd, "w", 1, 2 * 4096));
  SHOW(pwrite(fd, "wwwww", 5, 4 * 4096 - 2));
  SHOWN(grown, 2, 4, 5);
  SHOW(ftruncate(fd, 5));
  SHOWN(grown, 0, 1, 2);
  close(fd);
  munmap(grown, 8 * 4096);
  SHOW(umount2(MOUNT, 0));
  SHOW(rmdir(MOUNT));
  return 0;
}
