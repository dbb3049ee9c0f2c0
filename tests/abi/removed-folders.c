#include "abi.h"
#include <sys/statfs.h>

/* Folders that were removed and are still somebody's: what is above them, when that is gone, too. */
static ino_t inode(int at, const char *path) { struct stat s; return fstatat(at, path, &s, 0) == 0 ? s.st_ino : 0; }
static void above(const char *when, int fd, const ino_t *was) {
  struct stat s; char path[64], place[256]; struct statfs f; printf("- %s\n", when);
  HOLDS(inode(fd, ".") == was[2]); HOLDS(inode(fd, "..") == was[1]); HOLDS(inode(fd, "../..") == was[0]); HOLDS(inode(fd, "../../..") == inode(AT_FDCWD, "/tmp"));
  SHOW(fstatat(fd, "..", &s, 0) == 0 ? s.st_mode : -1); SHOW(s.st_nlink); SHOW(faccessat(fd, "../x", F_OK, 0)); SHOW(openat(fd, "..", O_RDONLY) >= 0); SHOW(openat(fd, "../x", O_CREAT | O_RDWR, 0600)); SHOW(mkdirat(fd, "../x", 0700)); SHOW(mkdirat(fd, "x", 0700));
  snprintf(path, sizeof path, "/proc/self/fd/%d/..", fd); int here = open(".", O_RDONLY); SHOW(statfs(path, &f)); SHOW(chdir(path)); SHOW(syscall(SYS_getcwd, place, 256)); HOLDS(inode(AT_FDCWD, ".") == was[1]);
  long size = readlink("/proc/self/cwd", place, 255); place[size < 0 ? 0 : size] = 0; printf("  %s\n", place); SHOW(chdir("..")); HOLDS(inode(AT_FDCWD, ".") == was[0]); SHOW(chdir("..")); HOLDS(inode(AT_FDCWD, ".") == inode(AT_FDCWD, "/tmp")); fchdir(here); close(here);
}

/* Each holds the one that it was in. */
static void deep(void) {
  printf("- two thousand deep\n"); mkdir("/tmp/removed-deep", 0700); chdir("/tmp/removed-deep");
  for (int each = 0; each < 2000; each++) { mkdir("d", 0700); if (chdir("d") != 0) { printf("%d %s\n", each, name_of(errno)); break; } }
  int held = open(".", O_RDONLY), removed = 0; for (; removed < 2000; removed++) { chdir(".."); if (rmdir("d") != 0) break; }
  SHOW(removed); chdir("/"); SHOW(rmdir("/tmp/removed-deep")); int above = held; struct stat s; long steps = 0;
  ino_t last = 0; for (; steps < 3000; steps++) { int next = openat(above, "..", O_RDONLY); fstat(next, &s); close(above); above = next; if (s.st_nlink != 0) break; }
  SHOW(steps); SHOW(close(above));
}

int main(void) {
  umask(0); deep(); ino_t was[3]; mkdir("/tmp/removed", 0700); mkdir("/tmp/removed/outer", 0700); mkdir("/tmp/removed/outer/inner", 0700);
  int fd = open("/tmp/removed/outer/inner", O_RDONLY | O_DIRECTORY); was[0] = inode(AT_FDCWD, "/tmp/removed"); was[1] = inode(AT_FDCWD, "/tmp/removed/outer"); was[2] = inode(fd, ".");
  SHOW(rmdir("/tmp/removed/outer/inner")); above("the inner", fd, was); unlink("/tmp/removed/outer/x"); rmdir("/tmp/removed/outer/x");
  SHOW(rmdir("/tmp/removed/outer")); above("both", fd, was);
  SHOW(rmdir("/tmp/removed")); above("all three", fd, was);
  SHOW(mkdir("/tmp/removed", 0700)); close(open("/tmp/removed/outer", O_CREAT | O_RDWR, 0600)); above("others have the names", fd, was);
  unlink("/tmp/removed/outer"); mkdir("/tmp/removed/outer", 0700); mkdir("/tmp/removed/outer/inner", 0700); mkdir("/tmp/removed/other", 0700);
  int inner = open("/tmp/removed/outer/inner", O_RDONLY); was[0] = inode(AT_FDCWD, "/tmp/removed"); was[1] = inode(AT_FDCWD, "/tmp/removed/outer"); was[2] = inode(inner, ".");
  rmdir("/tmp/removed/outer/inner"); SHOW(rename("/tmp/removed/other", "/tmp/removed/outer")); above("another moved there", inner, was);
  close(fd); close(inner); rmdir("/tmp/removed/outer"); SHOW(rmdir("/tmp/removed"));
  return 0;
}
