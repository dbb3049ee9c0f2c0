#include "abi.h"
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>

/* mount_setattr(2) and open_tree_attr(2): flags and propagation of one mount, or of a tree, all or nothing. */
#define AT(name) "/tmp/attributes/" name
#define D AT_FDCWD
struct attr { uint64_t set, clear, propagation, userns; };
enum { RDONLY = 1, NOSUID = 2, NODEV = 4, NOEXEC = 8, ATIMES = 0x70, NOATIME = 0x10, STRICT = 0x20, NODIRATIME = 0x80, NOSYMFOLLOW = 0x200000, IDMAP = 0x100000 };
enum { RECURSIVE = 0x8000, EMPTY = 0x1000, CLONE = 1 };

static long change(const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation) {
  struct attr a = {set, clear, propagation, 0};
  return syscall(442, D, path, flags, &a, sizeof a);
}
static void show(const char *path) {
  char line[1000], place[300], flags[200], rest[300], shown[600] = "nothing";
  FILE *f = fopen("/proc/self/mountinfo", "r");
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "%*d %*d %*s %*s %299s %199s %299[^-]", place, flags, rest) == 3 && strcmp(place, path) == 0)
      snprintf(shown, sizeof shown, "%s%s%s", flags, strstr(rest, "shared") ? " shared" : "", strstr(rest, "master") ? " slave" : strstr(rest, "unbindable") ? " unbindable" : "");
  fclose(f);
  printf("  %s: %s\n", path + strlen("/tmp/attributes/"), shown);
  fflush(stdout);
}
static void touch(const char *name) { close(open(name, O_CREAT | O_WRONLY, 0600)); }

static void arguments(void) {
  printf("- arguments\n");
  chdir(AT("b"));
  struct attr a[200]; memset(a, 0, sizeof a);
  SHOW(syscall(442, D, AT("a"), 4, a, 32)); SHOW(syscall(442, D, AT("a"), 0, a, 31)); SHOW(syscall(442, D, AT("a"), 0, a, 5000));
  SHOW(syscall(442, D, AT("a"), 0, (void *)1, 32)); SHOW(syscall(442, D, AT("none"), 0, a, 32)); SHOW(syscall(442, D, AT("a"), 0, a, 4096));
  a[1].set = 1; SHOW(syscall(442, D, AT("a"), 0, a, 40)); a[0].set = RDONLY; SHOW(syscall(442, D, AT("a"), 0, a, 40)); a[1].set = 0;
  SHOW(change(AT("none"), 0, RDONLY, 0, 0)); SHOW(change(AT("a/x"), 0, RDONLY, 0, 0)); SHOW(change("", EMPTY, RDONLY, 0, 0)); SHOW(change("", 0, RDONLY, 0, 0));
  SHOW(change(AT("a"), 0, 0x100, 0, 0)); SHOW(change(AT("a"), 0, 0, 1ul << 40, 0)); SHOW(change(AT("a"), 0, 0, 0, 1)); SHOW(change(AT("a"), 0, 0, 0, MS_SHARED | MS_PRIVATE));
  SHOW(change(AT("a"), 0, NOATIME, 0, 0)); SHOW(change(AT("a"), 0, NOATIME, NOATIME, 0)); SHOW(change(AT("a"), 0, 0x30, ATIMES, 0)); SHOW(change(AT("a"), 0, 0, STRICT, 0));
  a[0] = (struct attr){IDMAP, 0, 0, 99}; SHOW(syscall(442, D, AT("a"), 0, a, 32));
  a[0].userns = 1; SHOW(syscall(442, D, AT("a"), 0, a, 32)); a[0].userns = 1ul << 40; SHOW(syscall(442, D, AT("a"), 0, a, 32));
  chdir("/");
}

static void flags(void) {
  printf("- flags\n");
  SHOW(change(AT("a"), 0, RDONLY | NOSUID | NODEV | NOEXEC, 0, 0)); show(AT("a")); SHOW(open(AT("a/new"), O_CREAT | O_WRONLY, 0600));
  SHOW(change(AT("a"), 0, 0, RDONLY | NOSUID, 0)); show(AT("a"));
  SHOW(change(AT("a"), 0, NOATIME, ATIMES, 0)); show(AT("a"));
  SHOW(change(AT("a"), 0, NODIRATIME | NOSYMFOLLOW, 0, 0)); show(AT("a"));
  SHOW(change(AT("a"), 0, STRICT, ATIMES | NODIRATIME | NOSYMFOLLOW, 0)); show(AT("a"));
  SHOW(change(AT("a"), 0, 0, ATIMES, 0)); show(AT("a"));
  SHOW(change(AT("a"), 0, NOEXEC, NOEXEC | NODEV, 0)); show(AT("a"));
  SHOW(change(AT("a"), 0, 0, 0, MS_SHARED)); show(AT("a")); SHOW(change(AT("a"), 0, RDONLY, 0, MS_UNBINDABLE)); show(AT("a"));
  SHOW(change(AT("a"), 0, 0, RDONLY | NOEXEC, MS_PRIVATE)); show(AT("a"));
  int fd = open(AT("a"), O_RDONLY); struct attr a = {NOSUID, 0, 0, 0};
  SHOW(syscall(442, fd, "", EMPTY, &a, sizeof a)); show(AT("a")); close(fd);
  SHOW(change(AT("link"), 0x100, NODEV, 0, 0)); SHOW(change(AT("link"), 0, NODEV, NOSUID, 0)); show(AT("a"));
  change(AT("a"), 0, 0, NODEV, 0);
}

static void tree(void) {
  printf("- trees\n");
  mount("none", AT("a/x"), "tmpfs", 0, ""); mkdir(AT("a/x/y"), 0700); mount("none", AT("a/x/y"), "tmpfs", MS_NOEXEC, "");
  SHOW(change(AT("a"), 0, NODEV, 0, 0)); show(AT("a/x")); SHOW(change(AT("a"), RECURSIVE, NOSUID, NODEV, 0)); show(AT("a")); show(AT("a/x")); show(AT("a/x/y"));
  SHOW(change(AT("a"), RECURSIVE, 0, 0, MS_SHARED)); show(AT("a")); show(AT("a/x")); show(AT("a/x/y"));
  SHOW(change(AT("a"), RECURSIVE, 0, 0, MS_PRIVATE)); show(AT("a/x/y"));
  /* All or nothing: a file is open to be written in the last of them. */
  int fd = open(AT("a/x/y/file"), O_CREAT | O_WRONLY, 0600);
  SHOW(change(AT("a"), RECURSIVE, RDONLY, 0, 0)); show(AT("a")); show(AT("a/x/y")); SHOW(change(AT("a"), 0, RDONLY, 0, 0)); SHOW(change(AT("a"), RECURSIVE, RDONLY, 0, 0)); show(AT("a/x"));
  int copy = dup(fd); close(fd); SHOW(change(AT("a"), RECURSIVE, RDONLY, 0, 0)); close(copy); SHOW(change(AT("a"), RECURSIVE, RDONLY, 0, 0)); show(AT("a/x/y"));
  SHOW(change(AT("a"), RECURSIVE, 0, RDONLY, 0));
  fd = open(AT("a/x/y/file"), O_RDWR); void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); close(fd);
  SHOW(change(AT("a/x/y"), 0, RDONLY, 0, 0)); munmap(map, 4096); SHOW(change(AT("a/x/y"), 0, RDONLY, 0, 0));
  fd = open(AT("a/x/y/file"), O_RDONLY); SHOW(mount(NULL, AT("a/x/y"), NULL, MS_REMOUNT | MS_BIND, NULL)); SHOW(change(AT("a/x/y"), 0, RDONLY, 0, 0)); close(fd);
  change(AT("a/x/y"), 0, 0, RDONLY, 0);
}

static void detached(void) {
  printf("- detached\n");
  struct attr a = {RDONLY, 0, MS_SHARED, 0};
  int fd = syscall(428, D, AT("a"), CLONE | RECURSIVE | O_CLOEXEC);
  SHOW(syscall(442, fd, "", EMPTY | RECURSIVE, &a, sizeof a)); SHOW(openat(fd, "x/y/new", O_CREAT | O_WRONLY, 0600)); SHOW(syscall(442, fd, "x", 0, &a, sizeof a));
  SHOW(syscall(429, fd, "", D, AT("b"), 4)); show(AT("b")); show(AT("b/x")); show(AT("a")); close(fd);
  umount2(AT("b"), MNT_DETACH);
  a = (struct attr){NODEV, 0, 0, 0};
  fd = syscall(467, D, AT("a"), CLONE | O_CLOEXEC, &a, sizeof a); SHOW(syscall(429, fd, "", D, AT("b"), 4)); show(AT("b")); show(AT("a")); close(fd); umount(AT("b"));
  SHOW(syscall(467, D, AT("a"), CLONE, &a, 8)); SHOW(syscall(467, D, AT("a"), CLONE, NULL, 32)); a.set = ATIMES; SHOW(syscall(467, D, AT("a"), CLONE, &a, sizeof a));
  SHOW(syscall(467, D, AT("a/x/y/file"), CLONE | 2, NULL, 0)); a.set = 0; fd = syscall(467, D, AT("a"), 0, &a, sizeof a); HOLDS(fd >= 0); close(fd);
}

static void rights(void) {
  printf("- rights\n");
  fflush(stdout);
  change(AT("a"), RECURSIVE, NOSUID | NODEV, NOEXEC, 0);
  if (fork() == 0) {
    setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000);
    SHOW(change(AT("a"), 0, RDONLY, 0, 0)); SHOW(change(AT("a"), 0, 0, 0, 0)); SHOW(change(AT("a"), 0, 0x100, 0, 0));
    exit(0);
  }
  wait(NULL);
  if (fork() == 0) {
    SHOW(unshare(CLONE_NEWUSER | CLONE_NEWNS));
    SHOW(change(AT("a"), 0, RDONLY, 0, 0)); SHOW(change(AT("a"), 0, 0, RDONLY, 0)); SHOW(change(AT("a"), 0, 0, NOSUID, 0)); SHOW(change(AT("a"), 0, NOATIME, ATIMES, 0));
    SHOW(change(AT("a"), 0, 0, NODEV, 0)); SHOW(change(AT("a"), RECURSIVE, NOEXEC, 0, MS_PRIVATE)); show(AT("a/x")); SHOW(change(AT("a"), 0, 0, NOEXEC, 0)); SHOW(change(AT("a/x"), 0, NOSYMFOLLOW, NOSUID, 0));
    exit(0);
  }
  wait(NULL);
  int fd = open(AT("a"), O_RDONLY); struct attr a = {RDONLY, 0, 0, 0};
  if (fork() == 0) { SHOW(unshare(CLONE_NEWNS)); SHOW(syscall(442, fd, "", EMPTY, &a, sizeof a)); exit(0); }
  wait(NULL);
}

/* Whoever unmounts the root that he has makes it read-only. */
static void ownRoot(void) {
  printf("- the root\n");
  fflush(stdout);
  mount("none", AT("b"), "tmpfs", 0, "");
  if (fork() == 0) {
    SHOW(chroot(AT("b"))); SHOW(chdir("/")); int fd = open("/file", O_CREAT | O_WRONLY, 0600);
    SHOW(umount("/")); close(fd); SHOW(umount("/")); SHOW(open("/file", O_WRONLY)); SHOW(umount("/"));
    SHOW(mount(NULL, "/", NULL, MS_REMOUNT, NULL)); SHOW(open("/file", O_WRONLY));
    SHOW(mount("/", "/", NULL, MS_BIND, NULL)); SHOW(umount("/")); SHOW(umount2("/", MNT_DETACH)); SHOW(umount("/"));
    fflush(stdout); _exit(0);
  }
  wait(NULL);
  SHOW(umount(AT("b")));
}

int main(void) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0) return 1;
  mkdir("/tmp/attributes", 0755);
  if (mount("none", "/tmp/attributes", "tmpfs", 0, "mode=755") != 0) return 1;
  mkdir(AT("a"), 0755); mkdir(AT("b"), 0755); symlink("a", AT("link"));
  mount("none", AT("a"), "tmpfs", 0, ""); mkdir(AT("a/x"), 0755);
  arguments(); flags(); tree(); detached(); rights(); ownRoot();
  while (umount2("/tmp/attributes", MNT_DETACH) == 0);
  SHOW(rmdir("/tmp/attributes"));
  return 0;
}
