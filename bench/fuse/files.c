/*
 * What a mount does in a second: `files ROW FOLDER [FILES [sync]]` runs one row and prints the nanoseconds that it took, how many things it did, and the microseconds of processor time that it had meanwhile.
 * With `sync` they include syncfs(2).
 * `files command PROGRAM ARG…` runs a program instead, without its output: one thing done, in its own processor time.
 * Rows are short, so that one system's turn falls into the same weather as the other's.
 * Direct reads and writes go past the page cache, so that each is a question to the file system.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../measured.h"

enum { BIG = 64 << 20, SMALL = 32 << 20, READS = 5000, WARM_READS = 50000, MIB = 1 << 20, TEXT = 512 << 20, SYNCS = 20, SNAPSHOTS = 20 };

static int files = 2000;
/* Of many files there are a hundred in each, as in trees of sources. */
static int folders = 20;
static char *folder;
static unsigned char *buffer;
static uint64_t state = 88172645463325252ull;

static unsigned below(unsigned bound) {
  state ^= state << 13; state ^= state >> 7; state ^= state << 17;
  return (unsigned)((state >> 11) % bound);
}

/* Processor time of this process, in microseconds, when a row began: what was prepared before is not counted. */
static uint64_t begun;

static uint64_t microseconds(const struct rusage *used) {
  return (uint64_t)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000000u + (uint64_t)(used->ru_utime.tv_usec + used->ru_stime.tv_usec);
}

static uint64_t processor(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return microseconds(&used);
}

static uint64_t begin(void) {
  begun = processor();
  return now();
}

static const char *name(int file) {
  static char text[4096];
  if (file < 0) snprintf(text, sizeof text, "%s/d%d", folder, -1 - file);
  else snprintf(text, sizeof text, "%s/d%d/file-%d", folder, file % folders, file);
  return text;
}

static int openBig(const char *which, int flags) {
  char text[4096];
  snprintf(text, sizeof text, "%s/%s", folder, which);
  int fd = open(text, flags, 0644);
  need(fd >= 0, text);
  return fd;
}

/* A caller of fsync: a file of its own, of `rounds` pages, each durable before the next is written. */
static void *syncing(void *argument) {
  long *caller = argument;
  char which[64];
  snprintf(which, sizeof which, "log%ld", caller[0]);
  int fd = openBig(which, O_CREAT | O_TRUNC | O_WRONLY);
  for (long i = 0; i < caller[1]; i++) need(pwrite(fd, buffer, 4096, (off_t)i * 4096) == 4096 && fsync(fd) == 0, "fsync");
  close(fd);
  return NULL;
}

static uint64_t syncBy(long callers, long rounds) {
  pthread_t threads[32];
  long arguments[32][2];
  for (long i = 0; i < callers; i++) {
    arguments[i][0] = i;
    arguments[i][1] = rounds;
    need(pthread_create(&threads[i], NULL, syncing, arguments[i]) == 0, "thread");
  }
  for (long i = 0; i < callers; i++) pthread_join(threads[i], NULL);
  return (uint64_t)(callers * rounds);
}

/* Words of a vocabulary: what level 1 of Zstandard makes a third or a fourth of. */
static void fillText(unsigned char *at, int size) {
  for (int end = 0; end < size;) {
    unsigned word = below(below(4) ? 300 : 30000);
    char text[16];
    int length = snprintf(text, sizeof text, "%x%s ", word * 2654435761u >> (word & 15), word & 1 ? "ing" : "");
    if (length > size - end) length = size - end;
    memcpy(at + end, text, (size_t)length);
    end += length;
  }
}

/* What a mount of ours does when a folder is made in .snapshots, and btrfs by ioctl. */
static void snapshot(int number) {
  char path[4096];
  struct statfs about;
  need(statfs(folder, &about) == 0, folder);
  if (about.f_type == BTRFS_SUPER_MAGIC) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    struct btrfs_ioctl_vol_args_v2 arguments = { .fd = fd };
    snprintf(arguments.name, sizeof arguments.name, "snapshot%d", number);
    need(fd >= 0 && ioctl(fd, BTRFS_IOC_SNAP_CREATE_V2, &arguments) == 0, arguments.name);
    close(fd);
    return;
  }
  snprintf(path, sizeof path, "%s/.snapshots/snapshot%d", folder, number);
  need(mkdir(path, 0755) == 0, path);
}

static void dropSnapshot(int number) {
  char path[4096];
  struct statfs about;
  need(statfs(folder, &about) == 0, folder);
  if (about.f_type == BTRFS_SUPER_MAGIC) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    struct btrfs_ioctl_vol_args arguments = { 0 };
    snprintf(arguments.name, sizeof arguments.name, "snapshot%d", number);
    need(fd >= 0 && ioctl(fd, BTRFS_IOC_SNAP_DESTROY, &arguments) == 0, arguments.name);
    close(fd);
    return;
  }
  snprintf(path, sizeof path, "%s/.snapshots/snapshot%d", folder, number);
  need(rmdir(path) == 0, path);
}

/* What a backup does: lists a folder, then looks at each file, opens it and reads it. */
static uint64_t readFolder(const char *path) {
  uint64_t count = 0;
  DIR *listing = opendir(path);
  need(listing != NULL, path);
  for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
    struct stat st;
    if (entry->d_name[0] == '.') continue;
    need(fstatat(dirfd(listing), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0, entry->d_name);
    int fd = openat(dirfd(listing), entry->d_name, O_RDONLY);
    need(fd >= 0 && read(fd, buffer, MIB) == st.st_size && close(fd) == 0, entry->d_name);
    count++;
  }
  closedir(listing);
  return count;
}

static int command(char **program) {
  struct rusage used;
  int status;
  uint64_t start = now();
  pid_t child = fork();
  need(child >= 0, "fork");
  if (child == 0) {
    need(freopen("/dev/null", "w", stdout) != NULL, "/dev/null");
    execvp(program[0], program);
    need(0, program[0]);
  }
  need(wait4(child, &status, 0, &used) == child, "wait4");
  if (status != 0) return 1;
  printf("%llu 1 %llu\n", (unsigned long long)(now() - start), (unsigned long long)microseconds(&used));
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  if (!strcmp(argv[1], "command")) return command(argv + 2);
  if (argc > 3) files = atoi(argv[3]);
  if (files >= 10000) folders = files / 100;
  const char *row = argv[1];
  folder = argv[2];
  need(posix_memalign((void **)&buffer, 4096, MIB) == 0, "memory");
  for (int at = 0; at < MIB; at += 8) { below(2); memcpy(buffer + at, &state, 8); }
  state ^= (uint64_t)getpid() << 20;
  uint64_t start, count;
  int fd;
  if (!strcmp(row, "create")) {
    for (int d = 0; d < folders; d++) need(mkdir(name(-1 - d), 0755) == 0, name(-1 - d));
    start = begin();
    for (int file = 0; file < files; file++) {
      fd = open(name(file), O_CREAT | O_WRONLY | O_EXCL, 0644);
      need(fd >= 0 && write(fd, buffer + (file & 127) * 4096, 4096) == 4096 && close(fd) == 0, name(file));
    }
    count = files;
  } else if (!strcmp(row, "stat")) {
    struct stat st;
    start = begin();
    for (int file = 0; file < files; file++) need(stat(name((file * 7919) % files), &st) == 0, name(file));
    count = files;
  } else if (!strcmp(row, "read-files")) {
    start = begin();
    for (int file = 0; file < files; file++) {
      fd = open(name((file * 7919) % files), O_RDONLY);
      need(fd >= 0 && read(fd, buffer, 4096) == 4096 && close(fd) == 0, name(file));
    }
    count = files;
  } else if (!strcmp(row, "read-tree")) {
    start = begin();
    count = 0;
    for (int d = 0; d < folders; d++) count += readFolder(name(-1 - d));
    need(count == (uint64_t)files, "files");
  } else if (!strcmp(row, "unlink")) {
    start = begin();
    for (int file = 0; file < files; file++) need(unlink(name(file)) == 0, name(file));
    count = files;
    for (int d = 0; d < folders; d++) need(rmdir(name(-1 - d)) == 0, name(-1 - d));
  } else if (!strcmp(row, "seq-write")) {
    fd = openBig("big", O_CREAT | O_TRUNC | O_WRONLY | O_DIRECT);
    start = begin();
    for (int at = 0; at < BIG; at += MIB) need(pwrite(fd, buffer, MIB, at) == MIB, "write");
    count = BIG / MIB;
  } else if (!strcmp(row, "seq-read")) {
    fd = openBig("big", O_RDONLY | O_DIRECT);
    start = begin();
    for (int at = 0; at < BIG; at += MIB) need(pread(fd, buffer, MIB, at) == MIB, "read");
    count = BIG / MIB;
  } else if (!strcmp(row, "seq-read-buffered")) {
    fd = openBig("big", O_RDONLY);
    start = begin();
    for (int at = 0; at < BIG; at += MIB) need(pread(fd, buffer, MIB, at) == MIB, "read");
    count = BIG / MIB;
  } else if (!strcmp(row, "rand-read")) {
    fd = openBig("big", O_RDONLY | O_DIRECT);
    start = begin();
    for (int i = 0; i < READS; i++) need(pread(fd, buffer, 4096, (off_t)below(BIG / 4096) * 4096) == 4096, "read");
    count = READS;
  } else if (!strcmp(row, "warm-read")) {
    fd = openBig("big", O_RDONLY);
    for (int at = 0; at < SMALL; at += MIB) need(pread(fd, buffer, MIB, at) == MIB, "read");
    start = begin();
    for (int i = 0; i < WARM_READS; i++) need(pread(fd, buffer, 4096, (off_t)below(SMALL / 4096) * 4096) == 4096, "read");
    count = WARM_READS;
  } else if (!strcmp(row, "buffered-write")) {
    fd = openBig("big", O_RDWR);
    for (int at = 0; at < SMALL; at += MIB) need(pread(fd, buffer, MIB, at) == MIB, "read");
    start = begin();
    for (int i = 0; i < READS; i++) need(pwrite(fd, buffer, 4096, (off_t)below(SMALL / 4096) * 4096) == 4096, "write");
    count = READS;
  } else if (!strcmp(row, "fsync-1") || !strcmp(row, "fsync-32")) {
    long callers = atol(row + 6);
    start = begin();
    count = syncBy(callers, callers == 1 ? 10 * SYNCS : SYNCS);
  } else if (!strcmp(row, "text-write")) {
    /* Each MiB is another one: eight fillings, at another start. */
    unsigned char *text = malloc(9 * MIB);
    fillText(text, 9 * MIB);
    fd = openBig("text", O_CREAT | O_TRUNC | O_WRONLY);
    start = begin();
    for (int at = 0; at < TEXT; at += MIB) need(pwrite(fd, text + below(8 * MIB), MIB, at) == MIB, "write");
    need(fsync(fd) == 0, "fsync");
    count = TEXT / MIB;
  } else if (!strcmp(row, "text-read")) {
    fd = openBig("text", O_RDONLY);
    need(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "fadvise");
    start = begin();
    for (int at = 0; at < TEXT; at += MIB) need(pread(fd, buffer, MIB, at) == MIB, "read");
    count = TEXT / MIB;
  } else if (!strcmp(row, "snapshot")) {
    uint64_t took = 0;
    for (int i = 0; i < SNAPSHOTS; i++) {
      need((fd = openBig("changed", O_CREAT | O_TRUNC | O_WRONLY)) >= 0 && write(fd, buffer, 100) == 100 && close(fd) == 0, "change");
      start = now();
      snapshot(i);
      took += now() - start;
    }
    for (int i = 0; i < SNAPSHOTS; i++) dropSnapshot(i);
    start = now() - took;
    count = SNAPSHOTS;
  } else return 2;
  if (argc > 4) {
    fd = open(folder, O_RDONLY);
    need(fd >= 0 && syncfs(fd) == 0, "syncfs");
  }
  uint64_t took = now() - start;
  printf("%llu %llu %llu\n", (unsigned long long)took, (unsigned long long)count, (unsigned long long)(processor() - begun));
  return 0;
}
