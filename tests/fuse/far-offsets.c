/*
 * Random calls on files whose offsets go up to 2^63 - 1, from a seed; each call's outcome is one line on stdout, as of `differential.c`. What is printed may not
 * depend on the file system, as long as holes are told in blocks of 4096 bytes and files end at 2^63 - 1, as tmpfs does it.
 *
 *     far-offsets FOLDER SEED CALLS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t state;
static unsigned below(unsigned bound) {
  state ^= state << 13; state ^= state >> 7; state ^= state << 17;
  return (unsigned)((state >> 11) % bound);
}
static unsigned char bytes[1 << 17];
static const char *names[] = {"first", "second", "third"};
static int fds[3];
static long call;

static void say(const char *what, int file, long long at, long long length, long long result) {
  if (result < 0) printf("%ld %s %s %lld+%lld: -%s\n", call, what, names[file], at, length, strerrorname_np(errno));
  else printf("%ld %s %s %lld+%lld: %lld\n", call, what, names[file], at, length, result);
}

static off_t place(void) {
  static const off_t places[] = {
    0, 4096, 1LL << 31, 1LL << 32, 1LL << 41, (1LL << 44) - 4096, (1LL << 53) - 4096, (1LL << 53) - 1, 1LL << 53, (1LL << 53) + 1, 1LL << 60, 1LL << 62, INT64_MAX - 70000, INT64_MAX - 8192, INT64_MAX - 4095,
    INT64_MAX - 1, INT64_MAX,
  };
  off_t at = places[below(17)];
  switch (below(3)) {
    case 0: { off_t more = below(10000); return at > INT64_MAX - more ? INT64_MAX : at + more; }
    case 1: { off_t less = below(10000); return at < less ? 0 : at - less; }
    default: return at;
  }
}
static size_t length(void) {
  static const size_t lengths[] = {1, 2, 10, 100, 2048, 4095, 4096, 4097, 10000, 70000};
  return lengths[below(10)];
}
static void fill(size_t size) {
  unsigned char byte = (unsigned char)(1 + below(255));
  for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(byte + i % 251) | 1;
}
static void show(int file, off_t at, ssize_t count) {
  uint32_t hash = 2166136261u;
  for (ssize_t i = 0; i < count; i++) hash = (hash ^ bytes[i]) * 16777619u;
  say("pread", file, at, hash, count);
}

/* tmpfs miscounts the last page of files that end in the last pages that there can be: their holes are not asked for. */
static int tellsHoles(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && st.st_size < INT64_MAX - 8192;
}

static void step(void) {
  int file = below(3), fd = fds[file];
  off_t at = place();
  size_t size = length();
  switch (below(14)) {
    case 0: case 1: case 2:
      fill(size);
      say("pwrite", file, at, (long long)size, pwrite(fd, bytes, size, at));
      break;
    case 3: case 4: show(file, at, pread(fd, bytes, sizeof bytes, at)); break;
    case 5: say("ftruncate", file, at, 0, ftruncate(fd, at)); break;
    case 6: {
      off_t end = place();
      say("punch", file, at, end - at, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, below(2) ? end - at : (off_t)size));
      break;
    }
    /* Whether preallocated blocks that were cut at a place within are data is told in two ways: the third file has them, and is not asked for holes. */
    case 7: file = 2; fd = fds[2]; say("fallocate", file, at, (long long)size, fallocate(fd, below(2) ? FALLOC_FL_KEEP_SIZE : 0, at, (off_t)size)); break;
    case 8: file %= 2; fd = fds[file]; if (tellsHoles(fd)) say("seek data", file, at, 0, lseek(fd, at, SEEK_DATA)); break;
    case 9: file %= 2; fd = fds[file]; if (tellsHoles(fd)) say("seek hole", file, at, 0, lseek(fd, at, SEEK_HOLE)); break;
    case 10: say("seek end", file, -at, 0, lseek(fd, -at, SEEK_END)); break;
    case 11: {
      say("seek set", file, at, 0, lseek(fd, at, SEEK_SET));
      fill(size);
      say("write", file, at, (long long)size, write(fd, bytes, size));
      say("position", file, 0, 0, lseek(fd, 0, SEEK_CUR));
      break;
    }
    case 12: {
      /* What is copied has no holes: file systems may fill them or not. */
      int other = below(3);
      off_t from = place(), to = at;
      fill(size);
      ssize_t written = pwrite(fds[other], bytes, size, from);
      say("pwrite", other, from, (long long)size, written);
      if (written <= 0) break;
      ssize_t count = 0;
      for (ssize_t left = written; left > 0; left -= count) { count = copy_file_range(fds[other], &from, fd, &to, (size_t)left, 0); if (count <= 0) break; }
      say("copy_file_range", file, at, (long long)(to - at), count < 0 ? -1 : (long long)(to - at));
      break;
    }
    case 13: {
      struct stat st;
      say("fstat", file, 0, 0, fstat(fd, &st) < 0 ? -1 : (long long)st.st_size);
      if (below(10) == 0) { close(fd); unlink(names[file]); fds[file] = open(names[file], O_RDWR | O_CREAT | O_EXCL, 0644); }
      break;
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15ull + 1;
  if (chdir(argv[1])) { perror(argv[1]); return 1; }
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  for (int i = 0; i < 3; i++) if ((fds[i] = open(names[i], O_RDWR | O_CREAT, 0644)) < 0) { perror(names[i]); return 1; }
  for (call = 0; call < atol(argv[3]); call++) step();
  return 0;
}
