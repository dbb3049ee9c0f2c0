/*
 * What btrfs's own ioctls take: `btrfs-snapshots FOLDER FILES` fills FOLDER, the root of a btrfs, with files up to that number, and prints the median
 * nanoseconds of taking a read-only snapshot of it, a writable one (a clone), and of making one the default subvolume (what a rollback is, at the next mount).
 * A file is changed before each, and stored, so that there is something to take and nothing else to write.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../measured.h"

enum { ROUNDS = 21, IN_FOLDER = 1000 };

static int folder;

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void change(int round) {
  char text[100];
  memset(text, 'a' + round, sizeof text);
  int fd = openat(folder, "changed", O_CREAT | O_TRUNC | O_WRONLY, 0644);
  need(fd >= 0 && write(fd, text, sizeof text) == sizeof text && close(fd) == 0 && syncfs(folder) == 0, "changed");
}

/* The number of a subvolume: BTRFS_IOC_INO_LOOKUP of its root answers with the tree that it is in. */
static uint64_t treeOf(const char *name) {
  int fd = openat(folder, name, O_RDONLY | O_DIRECTORY);
  struct btrfs_ioctl_ino_lookup_args lookup = { .objectid = 256 };
  need(fd >= 0 && ioctl(fd, BTRFS_IOC_INO_LOOKUP, &lookup) == 0 && close(fd) == 0, name);
  return lookup.treeid;
}

static uint64_t snapshot(int round, uint64_t flags) {
  struct btrfs_ioctl_vol_args_v2 arguments = { .fd = folder, .flags = flags };
  snprintf(arguments.name, sizeof arguments.name, "snapshot%d", round);
  change(round);
  uint64_t start = now();
  need(ioctl(folder, BTRFS_IOC_SNAP_CREATE_V2, &arguments) == 0, arguments.name);
  return now() - start;
}

static uint64_t makeDefault(int round) {
  char name[32];
  snprintf(name, sizeof name, "snapshot%d", round);
  __u64 tree = treeOf(name);
  change(round);
  uint64_t start = now();
  need(ioctl(folder, BTRFS_IOC_DEFAULT_SUBVOL, &tree) == 0 && syncfs(folder) == 0, name);
  return now() - start;
}

static void drop(int round) {
  struct btrfs_ioctl_vol_args arguments = { 0 };
  snprintf(arguments.name, sizeof arguments.name, "snapshot%d", round);
  need(ioctl(folder, BTRFS_IOC_SNAP_DESTROY, &arguments) == 0, arguments.name);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  folder = open(argv[1], O_RDONLY | O_DIRECTORY);
  need(folder >= 0, argv[1]);
  for (int file = 0, files = atoi(argv[2]); file < files; file++) {
    char name[64];
    snprintf(name, sizeof name, "d%d", file / IN_FOLDER);
    if (file % IN_FOLDER == 0) need(mkdirat(folder, name, 0755) == 0 || errno == EEXIST, name);
    snprintf(name, sizeof name, "d%d/%d", file / IN_FOLDER, file);
    int fd = openat(folder, name, O_CREAT | O_WRONLY, 0644);
    need(fd >= 0 && close(fd) == 0, name);
  }
  uint64_t took[3][ROUNDS];
  for (int kind = 0; kind < 3; kind++) {
    for (int round = 0; round < ROUNDS; round++) {
      if (kind < 2) took[kind][round] = snapshot(round, kind == 0 ? BTRFS_SUBVOL_RDONLY : 0);
      else took[kind][round] = makeDefault(round);
    }
    __u64 top = 5;
    if (kind != 1) need(ioctl(folder, BTRFS_IOC_DEFAULT_SUBVOL, &top) == 0, "the first default");
    /* The clones are what the third kind makes the default. */
    if (kind != 1) for (int round = 0; round < ROUNDS; round++) drop(round);
    qsort(took[kind], ROUNDS, sizeof took[kind][0], compare);
    printf("%llu%c", (unsigned long long)took[kind][ROUNDS / 2], kind < 2 ? ' ' : '\n');
  }
  return 0;
}
