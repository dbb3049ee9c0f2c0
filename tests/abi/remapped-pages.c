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
#define AGAIN(a, o, n, f, to) (char *)syscall(SYS_mremap, a, o, n, f, to)
/* mremap(2) with MREMAP_DONTUNMAP and an address: a hint. */
static void hints(void) {
  char *old = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *place = mmap(NULL, 16 * P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); old[0] = 'o'; munmap(place, 16 * P);
  char *now = AGAIN(old, P, P, 1 | 4, place + 4 * P); HOLDS(now == place + 4 * P); HOLDS(now[0] == 'o' && old[0] == 0); old[0] = 'p';
  now = AGAIN(old, P, P, 1 | 4, place + 4 * P); HOLDS(now != MAP_FAILED && now != place + 4 * P && now[0] == 'p'); SHOW(place[4 * P] == 'o');
  SHOW(AGAIN(old, P, P, 1 | 4, place + 6 * P + 5) == MAP_FAILED); SHOW(AGAIN(old, P, P, 1 | 4, old) == MAP_FAILED); HOLDS(AGAIN(old, P, P, 1 | 4, 4096L) != MAP_FAILED); SHOW(AGAIN(old, P, 2 * P, 1 | 4, NULL) == MAP_FAILED); SHOW(AGAIN(old, P, P, 4, NULL) == MAP_FAILED); HOLDS(AGAIN(old, P, P, 1 | 4, (void *)1) != MAP_FAILED);
}

int main(void) {
  int fd = memfd_create("pages", 0);
  if (ftruncate(fd, PAGES * P)) return 1;
  remap("memfd", fd, 0);
  remap("anonymous", -1, MAP_ANONYMOUS); hints();
  char *own = mmap(NULL, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SHOW(remap_file_pages(own, P, 0, 0, 0));
  return 0;
}
