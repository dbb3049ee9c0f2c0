/*
 * Fills memory, waits for a line, and then touches what it filled in each way there is: loads, stores, system calls
 * that read and write it, copies after fork, code in it, mappings that move, change their rights, or are given back.
 * Prints a sum of each. With an argument some lies above 4 GiB.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 256

static unsigned char *map(int pages, int flags) {
  return mmap(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
}

static void fill(unsigned char *at, int pages, unsigned seed) {
  for (int i = 0; i < pages * PAGE; i++) at[i] = (seed = seed * 1103515245 + 12345) >> 16;
}

static unsigned sum(const unsigned char *at, size_t count) {
  unsigned value = 1;
  for (size_t i = 0; i < count; i++) value = value * 31 + at[i];
  return value;
}

static void tell(const char *what, unsigned value) { printf("%s %08x\n", what, value); }

/* addi a0, a0, 7; ret */
static const uint32_t CODE[] = {0x00750513, 0x00008067};

static void *wake(void *word) {
  *(volatile int *)word = 1;
  syscall(SYS_futex, word, FUTEX_WAKE, 1, 0, 0, 0);
  return 0;
}

int main(int argc, char **argv) {
  unsigned char *loads = map(PAGES, MAP_PRIVATE), *stores = map(PAGES, MAP_PRIVATE), *calls = map(PAGES, MAP_PRIVATE);
  unsigned char *copies = map(PAGES, MAP_PRIVATE), *moves = map(PAGES, MAP_PRIVATE), *rights = map(PAGES, MAP_PRIVATE);
  unsigned char *gone = map(PAGES, MAP_PRIVATE), *shared = map(16, MAP_SHARED), *code = map(2, MAP_PRIVATE);
  unsigned char *both = map(16, MAP_PRIVATE), *high = mmap((void *)(argc > 1 ? 0x2000000000 : 0x20000000), 16 * PAGE,
      PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED, -1, 0);
  unsigned char *all[] = {loads, stores, calls, copies, moves, rights, gone};
  for (int i = 0; i < 7; i++) fill(all[i], PAGES, i + 1);
  fill(shared, 16, 20), fill(both, 16, 21);
  if (high != MAP_FAILED) fill(high, 16, 22);
  memcpy(code, CODE, sizeof CODE);
  mprotect(code, 2 * PAGE, PROT_READ | PROT_EXEC);
  __builtin___clear_cache((char *)code, (char *)code + PAGE);
  int fd = open("/tmp/kept", O_RDWR | O_CREAT, 0600), ends[2], up[2];
  write(fd, loads, 8 * PAGE);
  unsigned char *file = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  fill(file, 4, 30);
  pipe(ends), pipe(up);
  write(ends[1], stores, 3 * PAGE);
  setvbuf(stdout, 0, _IOLBF, 0);
  /* A child has half of its pages in common with this one, and waits, too. */
  if (fork() == 0) {
    char go;
    read(up[0], &go, 1);
    for (int i = 0; i < 16; i += 2) both[i * PAGE + 9]++;
    tell("child, both", sum(both, 16 * PAGE));
    tell("child, loads", sum(loads + 7 * PAGE, 20 * PAGE));
    exit(0);
  }
  printf("filled\n");
  char line[16];
  if (fgets(line, sizeof line, stdin) == 0) return 2;
  tell("loads", sum(loads, PAGES * PAGE / 2));
  for (int i = 0; i < PAGES; i++) stores[i * PAGE + i] ^= 0x5a;
  tell("stores", sum(stores, PAGES * PAGE));
  write(fd, calls + 5, 9 * PAGE);
  lseek(fd, 3 * PAGE, SEEK_SET);
  tell("read", read(fd, calls + 30 * PAGE + 77, 5 * PAGE) + sum(calls + 30 * PAGE, 8 * PAGE));
  struct iovec parts[] = {{calls + 50 * PAGE - 3, 100}, {calls + 60 * PAGE, PAGE}};
  tell("readv", readv(ends[0], parts, 2) + sum(calls + 49 * PAGE, 12 * PAGE));
  unsigned char *peer = calls + 70 * PAGE;
  struct iovec from = {calls + 80 * PAGE + 1, 3 * PAGE}, to = {peer, 3 * PAGE};
  tell("process_vm_readv", process_vm_readv(getpid(), &to, 1, &from, 1, 0) + sum(peer, 4 * PAGE));
  tell("shared", sum(shared, 16 * PAGE));
  tell("code", ((unsigned (*)(unsigned))code)(35));
  tell("file", sum(file, 8 * PAGE));
  write(up[1], "g", 1);
  both[PAGE + 1]++;
  wait(0);
  tell("both", sum(both, 16 * PAGE));
  pid_t pid = fork();
  if (pid == 0) {
    copies[3]++, copies[40 * PAGE] = 1;
    tell("fork, copies", sum(copies, 60 * PAGE));
    _exit(0);
  }
  wait(0);
  copies[41 * PAGE] = 2;
  tell("copies", sum(copies, PAGES * PAGE));
  moves = mremap(moves, PAGES * PAGE, 2 * PAGES * PAGE, MREMAP_MAYMOVE);
  tell("moves", sum(moves, 2 * PAGES * PAGE));
  mprotect(rights, PAGES * PAGE, PROT_READ);
  mprotect(rights + 8 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE);
  rights[9 * PAGE] = 4;
  tell("rights", sum(rights, PAGES * PAGE));
  madvise(gone, 40 * PAGE, MADV_DONTNEED);
  munmap(gone + 100 * PAGE, 100 * PAGE);
  unsigned char *fresh = map(300, MAP_PRIVATE);
  tell("gone", sum(gone, 90 * PAGE) + sum(gone + 200 * PAGE, 50 * PAGE));
  for (int i = 0; i < 300; i++) fresh[i * PAGE + 1] = 1;
  tell("fresh", sum(fresh, 300 * PAGE));
  if (high != MAP_FAILED) tell("high", sum(high, 16 * PAGE));
  int *word = (int *)(calls + 100 * PAGE);
  *word = 0;
  pthread_t thread;
  pthread_create(&thread, 0, wake, word);
  while (*(volatile int *)word == 0) syscall(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0);
  pthread_join(thread, 0);
  tell("rest", sum(loads, PAGES * PAGE) + sum(calls, PAGES * PAGE));
  return 0;
}
