/* Writes to memory and files of each kind, as the numbers that it reads say, and tells after each what all of it holds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define SIZE (24 * 4096)
static uint8_t stored[SIZE];
static uint8_t *heap, *shared, *segment, *mapped, *own;
static int file, queue[2], pair[2], master, slave;
static int piped, paired, typed;
static uint32_t state;

static uint32_t next(uint32_t bound) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % bound;
}

/* A change of one of the places; the numbers do not depend on what they hold. */
static void change(void) {
  uint32_t kind = next(12), at = next(SIZE), value = next(256);
  uint8_t byte = value;
  switch (kind) {
    case 0: stored[at] = value; break;
    case 1: heap[at] ^= value; break;
    case 2: shared[at] += value; break;
    case 3: segment[at] ^= value; break;
    case 4: mapped[at] = value; break;
    case 5: if (pwrite(file, &byte, 1, at) != 1) abort(); break;
    case 6: own[at] ^= value; break;
    case 7:
      if (piped > 0 && value < 100) { if (read(queue[0], &byte, 1) != 1) abort(); piped--; stored[at] = byte; }
      else { if (write(queue[1], &byte, 1) != 1) abort(); piped++; }
      break;
    case 8:
      if (paired > 0 && value < 100) { if (read(pair[0], &byte, 1) != 1) abort(); paired--; stored[at] = byte; }
      else { if (write(pair[1], &byte, 1) != 1) abort(); paired++; }
      break;
    case 9:
      if (typed > 0 && value < 100) { if (read(slave, &byte, 1) != 1) abort(); typed--; stored[at] = byte; }
      else if (typed < 200) { byte = 'a' + value % 26; if (write(master, &byte, 1) != 1) abort(); typed++; }
      break;
    case 10: {
      pid_t child = fork();
      if (child == 0) { heap[at]++; shared[at]++; segment[at] += 3; mapped[at]++; _exit(0); }
      if (waitpid(child, NULL, 0) != child) abort();
      break;
    }
    case 11:
      if (ftruncate(file, SIZE - at % 5000) != 0 || ftruncate(file, SIZE) != 0) abort();
      if (value < 40) madvise(heap + at / 4096 * 4096, 4096, MADV_DONTNEED);
  }
}

static uint32_t sum(const uint8_t *bytes) {
  uint32_t hash = 2166136261u;
  for (int at = 0; at < SIZE; at++) hash = (hash ^ bytes[at]) * 16777619u;
  return hash;
}

int main(void) {
  char line[32];
  uint8_t *read_back = malloc(SIZE);
  heap = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  segment = shmat(shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600), NULL, 0);
  file = open("/tmp/file", O_RDWR | O_CREAT, 0600);
  if (ftruncate(file, SIZE) != 0 || pipe(queue) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 2;
  mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  own = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  master = posix_openpt(O_RDWR | O_NOCTTY);
  if (grantpt(master) != 0 || unlockpt(master) != 0 || (slave = open(ptsname(master), O_RDWR | O_NOCTTY)) < 0) return 3;
  struct termios raw;
  tcgetattr(slave, &raw);
  cfmakeraw(&raw);
  tcsetattr(slave, TCSANOW, &raw);
  setvbuf(stdin, NULL, _IONBF, 0);
  while (fgets(line, sizeof line, stdin) != NULL) {
    state = strtoul(line, NULL, 10) | 1;
    for (int left = 60; left > 0; left--) change();
    if (pread(file, read_back, SIZE, 0) != SIZE) abort();
    printf("%s %08x %08x %08x %08x %08x %08x %08x %d %d %d\n", strtok(line, "\n"), sum(stored), sum(heap), sum(shared),
           sum(segment), sum(mapped), sum(own), sum(read_back), piped, paired, typed);
    fflush(stdout);
  }
  return 0;
}
