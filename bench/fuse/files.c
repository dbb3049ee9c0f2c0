/*
 * What a mount does in a second: `files ROW FOLDER` runs one row and prints the nanoseconds that it took and how many things it did.
 * Direct reads and writes go past the page cache, so that each is a question to the file system.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 10000, FOLDERS = 20, BIG = 256 << 20, SMALL = 64 << 20, READS = 30000, MIB = 1 << 20 };

static char *folder;
static unsigned char *buffer;
static uint64_t state = 88172645463325252ull;

static unsigned below(unsigned bound) {
  state ^= state << 13; state ^= state >> 7; state ^= state << 17;
  return (unsigned)((state >> 11) % bound);
}

static void need(int ok, const char *what) {
  if (!ok) { fprintf(stderr, "%s: %s\n", what, strerror(errno)); exit(1); }
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static const char *name(int file) {
  static char text[4096];
  if (file < 0) snprintf(text, sizeof text, "%s/d%d", folder, -1 - file);
  else snprintf(text, sizeof text, "%s/d%d/file-%d", folder, file % FOLDERS, file);
  return text;
}

static int openBig(const char *which, int flags) {
  char text[4096];
  snprintf(text, sizeof text, "%s/%s", folder, which);
  int fd = open(text, flags, 0644);
  need(fd >= 0, text);
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  const char *row = argv[1];
  folder = argv[2];
  need(posix_memalign((void **)&buffer, 4096, MIB) == 0, "memory");
  for (int at = 0; at < MIB; at += 8) { below(2); memcpy(buffer + at, &state, 8); }
  uint64_t start, count;
  int fd;
  if (!strcmp(row, "create")) {
    for (int d = 0; d < FOLDERS; d++) need(mkdir(name(-1 - d), 0755) == 0, name(-1 - d));
    start = now();
    for (int file = 0; file < FILES; file++) {
      fd = open(name(file), O_CREAT | O_WRONLY | O_EXCL, 0644);
      need(fd >= 0 && write(fd, buffer + (file & 127) * 4096, 4096) == 4096 && close(fd) == 0, name(file));
    }
    count = FILES;
  } else if (!strcmp(row, "stat")) {
    struct stat st;
    start = now();
    for (int file = 0; file < FILES; file++) need(stat(name((file * 7919) % FILES), &st) == 0, name(file));
    count = FILES;
  } else if (!strcmp(row, "read-files")) {
    start = now();
    for (int file = 0; file < FILES; file++) {
      fd = open(name((file * 7919) % FILES), O_RDONLY);
      need(fd >= 0 && read(fd, buffer, 4096) == 4096 && close(fd) == 0, name(file));
    }
    count = FILES;
  } else if (!strcmp(row, "unlink")) {
    start = now();
    for (int file = 0; file < FILES; file++) need(unlink(name(file)) == 0, name(file));
    count = FILES;
    for (int d = 0; d < FOLDERS; d++) rmdir(name(-1 - d));
  } else if (!strcmp(row, "seq-write")) {
    fd = openBig("big", O_CREAT | O_TRUNC | O_WRONLY | O_DIRECT);
    start = now();
    for (int at = 0; at < BIG; at += MIB) need(pwrite(fd, buffer, MIB, at) == MIB, "write");
    count = BIG / MIB;
  } else if (!strcmp(row, "seq-read")) {
    fd = openBig("big", O_RDONLY | O_DIRECT);
    start = now();
    for (int at = 0; at < BIG; at += MIB) need(pread(fd, buffer, MIB, at) == MIB, "read");
    count = BIG / MIB;
  } else if (!strcmp(row, "seq-read-buffered")) {
    fd = openBig("big", O_RDONLY);
    start = now();
    for (int at = 0; at < BIG; at += MIB) need(pread(fd, buffer, MIB, at) == MIB, "read");
    count = BIG / MIB;
  } else if (!strcmp(row, "rand-read")) {
    fd = openBig("big", O_RDONLY | O_DIRECT);
    start = now();
    for (int i = 0; i < READS; i++) need(pread(fd, buffer, 4096, (off_t)below(BIG / 4096) * 4096) == 4096, "read");
    count = READS;
  } else if (!strcmp(row, "warm-read")) {
    fd = openBig("big", O_RDONLY);
    for (int at = 0; at < SMALL; at += MIB) need(pread(fd, buffer, MIB, at) == MIB, "read");
    start = now();
    for (int i = 0; i < 200000; i++) need(pread(fd, buffer, 4096, (off_t)below(SMALL / 4096) * 4096) == 4096, "read");
    count = 200000;
  } else if (!strcmp(row, "buffered-write")) {
    fd = openBig("big", O_RDWR);
    for (int at = 0; at < SMALL; at += MIB) need(pread(fd, buffer, MIB, at) == MIB, "read");
    start = now();
    for (int i = 0; i < READS; i++) need(pwrite(fd, buffer, 4096, (off_t)below(SMALL / 4096) * 4096) == 4096, "write");
    count = READS;
  } else if (!strcmp(row, "fsync")) {
    fd = openBig("log", O_CREAT | O_TRUNC | O_WRONLY);
    start = now();
    for (int i = 0; i < 1000; i++) need(pwrite(fd, buffer, 4096, (off_t)i * 4096) == 4096 && fdatasync(fd) == 0, "fsync");
    count = 1000;
  } else return 2;
  uint64_t took = now() - start;
  printf("%llu %llu\n", (unsigned long long)took, (unsigned long long)count);
  return 0;
}
