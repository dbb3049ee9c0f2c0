#include "abi.h"
/* remap_file_pages(2) of a file and of memory that has none: which page stands where, and what is written there. */
#define P 4096
#define PAGES 8
static void show(const char *name, const char *at) {
  printf("%s:", name);
  for (int i = 0; i < PAGES; i++) printf(" %d", at[i * P]);
  printf("\n");
}
static void remap(const char *name, int fd, int flags) {
  char *at = mmap(NULL, PAGES * P, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);
  for (int i = 0; i < PAGES; i++) at[i * P] = i;
  for (int i = 0; i < PAGES; i++) SHOW(remap_file_pages(at + i * P, P, 0, PAGES - 1 - i, 0));
  show(name, at);
  at[0] = 70;
  SHOW(remap_file_pages(at + 4 * P, 2 * P, 0, 6, 0));
  show(name, at);
  SHOW(remap_file_pages(at, P, PROT_READ, 0, 0));
  int status;
  if (fork() == 0) {
    at[P] = 71;
    _exit(0);
  }
  wait(&status);
  SHOW(remap_file_pages(at, PAGES * P, 0, 0, 0));
  show(name, at);
  SHOW(munmap(at, PAGES * P));
}
int main(void) {
  int fd = memfd_create("pages", 0);
  if (ftruncate(fd, PAGES * P)) return 1;
  remap("memfd", fd, 0);
  remap("anonymous", -1, MAP_ANONYMOUS);
  char *own = mmap(NULL, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SHOW(remap_file_pages(own, P, 0, 0, 0));
  return 0;
}
