/* Shared mappings of a FUSE server's file that are written: when the server has it, and who sees it before. */
#include "served.h"
#include <sys/wait.h>

#define MOUNT "/tmp/mapped-for-writing"
#define PAGES 100

static char bytes[PAGES * 4096];

static int answer(struct fuse_in_header *in, char *body) {
  switch (in->opcode) {
    case FUSE_SETATTR: {
      unsigned size = ((struct fuse_setattr_in *)body)->size;
      if (size > content_size) memset(bytes + content_size, 0, size - content_size);
      content_size = size;
      return 0;
    }
    case FUSE_READ: {
      struct fuse_read_in *ask = (void *)body;
      unsigned left = ask->offset < content_size ? content_size - ask->offset : 0;
      reply(in->unique, 0, bytes + ask->offset, left < ask->size ? left : ask->size);
      return 1;
    }
    case FUSE_WRITE: {
      struct fuse_write_in *ask = (void *)body;
      struct fuse_write_out out = {.size = ask->size};
      if (ask->offset + ask->size > content_size) content_size = ask->offset + ask->size;
      memcpy(bytes + ask->offset, body + sizeof *ask, ask->size);
      reply(in->unique, 0, &out, sizeof out);
      return 1;
    }
  }
  return 0;
}

/* What the server has at the beginning of some pages. */
static void has(const char *when, const int *pages, int count) {
  printf("%s:", when);
  for (int at = 0; at < count; at++) {
    char *page = bytes + pages[at] * 4096;
    printf(" %d%.3s", pages[at], page[0] ? page : "0");
  }
  printf("\n");
  fflush(stdout);
}
#define HAS(when, ...) do { int list[] = {__VA_ARGS__}; has(when, list, sizeof list / sizeof *list); } while (0)

int main(void) {
  char read_back[4];
  int fd, other;
  content_size = PAGES * 4096;
  memset(bytes, 'a', sizeof bytes);
  serve(MOUNT, "");

  SHOW((fd = open(MOUNT "/hello", O_RDWR)) > 2);
  char *map = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  SHOW(map != MAP_FAILED);
  /* Who reads the file has it at once, through another description, too. */
  memcpy(map + 4096, "one", 3);
  SHOW(pread(fd, read_back, 3, 4096));
  SHOW(memcmp(read_back, "one", 3));
  SHOW((other = open(MOUNT "/hello", O_RDONLY)) > 2);
  SHOW(pread(other, read_back, 3, 4096));
  SHOW(memcmp(read_back, "one", 3));
  close(other);
  /* msync(2), and again after it. */
  memcpy(map, "two", 3);
  SHOW(msync(map, PAGES * 4096, MS_SYNC));
  HAS("synced", 0, 1, 2);
  memcpy(map, "too", 3);
  memcpy(map + 50 * 4096, "mid", 3);
  SHOW(msync(map, 4096, MS_ASYNC));
  SHOW(fsync(fd));
  HAS("fsynced", 0, 1, 50);
  /* What is written to the file is in the mapping, and what the mapping has is kept. */
  memcpy(map + 2 * 4096, "map", 3);
  SHOW(pwrite(fd, "file", 4, 2 * 4096 + 100));
  SHOW(memcmp(map + 2 * 4096, "map", 3));
  SHOW(memcmp(map + 2 * 4096 + 100, "file", 4));
  SHOW(fdatasync(fd));
  HAS("both", 2);
  SHOW(memcmp(bytes + 2 * 4096 + 100, "file", 4));
  /* Backwards, so that no two pages follow each other. */
  for (int page = PAGES - 1; page >= 60; page--) memcpy(map + page * 4096, "rev", 3);
  /* Another mapping of it while that waits. */
  char *second = mmap(NULL, PAGES * 4096, PROT_READ, MAP_SHARED, fd, 0);
  SHOW(memcmp(second + 60 * 4096, "rev", 3));
  /* A descriptor that is closed. */
  SHOW(close(fd));
  HAS("closed", 60, 61, 80, 99);
  /* The last mapping that can be written goes. */
  memcpy(map + 3 * 4096, "end", 3);
  memcpy(map + 98 * 4096, "end", 3);
  SHOW(munmap(map, PAGES * 4096));
  HAS("unmapped", 3, 98);
  SHOW(memcmp(second + 3 * 4096, "end", 3));
  SHOW(munmap(second, PAGES * 4096));

  /* By a child that ends without a word. */
  SHOW((fd = open(MOUNT "/hello", O_RDWR)) > 2);
  map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096 * 4);
  SHOW(close(fd));
  pid_t child = fork();
  if (child == 0) {
    memcpy(map + 4096, "kid", 3);
    _exit(0);
  }
  int status;
  SHOW(waitpid(child, &status, 0) == child);
  SHOW(status);
  HAS("by a child", 5);
  SHOW(memcmp(map + 4096, "kid", 3));
  /* Part of what was mapped goes. */
  memcpy(map, "par", 3);
  SHOW(munmap(map, 4096));
  HAS("in part", 4);
  SHOW(munmap(map + 4096, 4096));

  /* The last page is written as far as the file goes. */
  content_size = 4096 + 10;
  struct stat about;
  SHOW((fd = open(MOUNT "/hello", O_RDWR)) > 2);
  SHOW(fstat(fd, &about));
  memset(bytes + 4096, 'x', 4096);
  map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  memset(map + 4096, 'y', 4096);
  SHOW(msync(map, 8192, MS_SYNC));
  SHOW(content_size);
  SHOW(bytes[4096 + 9]);
  SHOW(bytes[4096 + 10]);
  SHOW(ftruncate(fd, 100));
  memcpy(map, "cut", 3);
  SHOW(fsync(fd));
  HAS("cut", 0);
  SHOW(munmap(map, 8192));
  /* It becomes longer under a mapping, and is written there from both sides. */
  map = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  SHOW(ftruncate(fd, 3 * 4096));
  SHOW(pwrite(fd, "new", 3, 2 * 4096));
  SHOW(memcmp(map + 2 * 4096, "new", 4));
  memcpy(map + 2 * 4096 + 1, "ow", 2);
  SHOW(map[4096]);
  SHOW(fsync(fd));
  HAS("longer", 1, 2);
  SHOW(munmap(map, 4 * 4096));
  SHOW(close(fd));
  SHOW(umount2(MOUNT, 0));
  SHOW(rmdir(MOUNT));
  return 0;
}
