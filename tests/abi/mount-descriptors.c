#include "abi.h"
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>

/* Mounts that are made, looked at and moved by descriptors: fsopen(2), fsconfig(2), fsmount(2), fspick(2),
   open_tree(2), move_mount(2). */
#define AT(name) "/tmp/descriptors/" name
#define D AT_FDCWD

static int fsopen_(const char *t, unsigned f) { return syscall(430, t, f); }
static int fsconfig_(int fd, unsigned c, const void *k, const void *v, int aux) { return syscall(431, fd, c, k, v, aux); }
static int fsmount_(int fd, unsigned f, unsigned a) { return syscall(432, fd, f, a); }
static int fspick_(int d, const char *p, unsigned f) { return syscall(433, d, p, f); }
static int open_tree_(int d, const char *p, unsigned f) { return syscall(428, d, p, f); }
static int move_mount_(int d, const char *p, int e, const char *q, unsigned f) { return syscall(429, d, p, e, q, f); }

enum { FLAG, STRING, BINARY, PATH, PATH_EMPTY, FD, CREATE, RECONFIGURE, CREATE_EXCL };
enum { CLOEXEC = 1, RECURSIVE = 0x8000, CLONE = 1, EMPTY = 0x1000 };
enum { F_EMPTY = 4, T_EMPTY = 0x40, SET_GROUP = 0x100, BENEATH = 0x200 };

static char told[500];
static const char *message(int fd) {
  memset(told, 0, sizeof told);
  errno = 0;
  long n = read(fd, told, sizeof told - 1);
  if (n < 0) return name_of(errno);
  for (char *c = told; *c; c++) if (*c == '\n') *c = '$';
  return told;
}
#define SAYS(fd) do { printf("  %s\n", message(fd)); fflush(stdout); } while (0)

static void options(const char *path) {
  char line[1000], place[300], flags[200], super[300], shown[600] = "nothing";
  FILE *f = fopen("/proc/self/mountinfo", "r");
  while (fgets(line, sizeof line, f)) {
    char *dash = strstr(line, " - ");
    if (dash && sscanf(line, "%*d %*d %*s %*s %299s %199s", place, flags) == 2 && strcmp(place, path) == 0 &&
        sscanf(dash, " - %*s %*s %299s", super) == 1) {
      char *size = strstr(super, "size=");
      if (size) size[strcspn(size, ",")] = 0;
      snprintf(shown, sizeof shown, "%s; %.2s %s", flags, super, size && super[2] == ',' ? size : "");
    }
  }
  fclose(f);
  printf("  %s: %s\n", path, shown);
  fflush(stdout);
}
static const char *link_of(int fd) {
  static char text[300]; char name[50];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  long n = readlink(name, text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  return text;
}
static int made(const char *size) {
  int fd = fsopen_("tmpfs", CLOEXEC);
  if (size && fsconfig_(fd, STRING, "size", size, 0) != 0) return -1;
  if (fsconfig_(fd, CREATE, 0, 0, 0) != 0) return -1;
  int m = fsmount_(fd, CLOEXEC, 0);
  close(fd);
  return m;
}
static void touch(int dir, const char *name) { close(openat(dir, name, O_CREAT | O_WRONLY, 0600)); }

static void arguments(void) {
  printf("- arguments\n");
  SHOW(fsopen_("tmpfs", 2)); SHOW(fsopen_("nothing", 0)); SHOW(fsopen_((char *)1, 0));
  int fd = fsopen_("tmpfs", 0);
  printf("%s flags %o cloexec %d\n", link_of(fd), fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
  SHOW(fsconfig_(-1, CREATE, 0, 0, 0)); SHOW(fsconfig_(99, CREATE, 0, 0, 0)); SHOW(fsconfig_(1, CREATE, 0, 0, 0));
  SHOW(fsconfig_(fd, 9, 0, 0, 0)); SHOW(fsconfig_(fd, 100, "size", 0, 0));
  SHOW(fsconfig_(fd, FLAG, 0, 0, 0)); SHOW(fsconfig_(fd, FLAG, "ro", "x", 0)); SHOW(fsconfig_(fd, FLAG, "ro", 0, 1));
  SHOW(fsconfig_(fd, STRING, "size", 0, 0)); SHOW(fsconfig_(fd, STRING, 0, "1m", 0)); SHOW(fsconfig_(fd, STRING, "size", "1m", 1));
  SHOW(fsconfig_(fd, BINARY, "size", "1m", 0)); SHOW(fsconfig_(fd, BINARY, "size", "1m", 2)); SAYS(fd);
  SHOW(fsconfig_(fd, BINARY, "size", "1m", 1024 * 1024 + 1));
  SHOW(fsconfig_(fd, PATH, "size", "/tmp", -1)); SHOW(fsconfig_(fd, PATH, "size", "/tmp", D)); SAYS(fd);
  SHOW(fsconfig_(fd, PATH_EMPTY, "size", "", D)); SAYS(fd);
  SHOW(fsconfig_(fd, FD, "size", 0, -1)); SHOW(fsconfig_(fd, FD, "size", 0, 99)); SHOW(fsconfig_(fd, FD, "size", 0, 1)); SAYS(fd);
  SHOW(fsconfig_(fd, CREATE, "x", 0, 0)); SHOW(fsconfig_(fd, CREATE, 0, "x", 0)); SHOW(fsconfig_(fd, CREATE, 0, 0, 1));
  SHOW(fsconfig_(fd, STRING, (char *)1, "1m", 0)); SHOW(fsconfig_(fd, STRING, "size", (char *)1, 0));
  char *long_ = malloc(400); memset(long_, 'a', 399); long_[399] = 0;
  SHOW(fsconfig_(fd, STRING, long_, "1m", 0)); SHOW(fsconfig_(fd, STRING, "size", long_, 0)); SAYS(fd);
  SHOW(fsconfig_(fd, STRING, "", "1m", 0)); SAYS(fd);
  SHOW(fsconfig_(fd, FLAG, "nothing", 0, 0)); SAYS(fd);
  SHOW(fsconfig_(fd, STRING, "size", "much", 0)); SAYS(fd);
  SHOW(fsconfig_(fd, STRING, "mode", "8", 0)); SAYS(fd);
  SHOW(fsconfig_(fd, FLAG, "size", 0, 0)); SAYS(fd);
  SHOW(fsconfig_(fd, STRING, "ro", "yes", 0)); SAYS(fd);
  SHOW(fsconfig_(fd, FLAG, "source", 0, 0)); SAYS(fd);
  SHOW(fsconfig_(fd, STRING, "source", "one", 0)); SHOW(fsconfig_(fd, STRING, "source", "two", 0)); SAYS(fd);
  SHOW(fsmount_(fd, 0, 0)); SHOW(fsconfig_(fd, RECONFIGURE, 0, 0, 0)); SHOW(fsconfig_(fd, 99, 0, 0, 0));
  SHOW(fsconfig_(fd, CREATE, 0, 0, 0)); SHOW(fsconfig_(fd, CREATE, 0, 0, 0)); SHOW(fsconfig_(fd, STRING, "size", "1m", 0));
  SHOW(fsmount_(fd, 2, 0)); SHOW(fsmount_(fd, 0, 0x100)); SHOW(fsmount_(fd, 0, 0x30)); SHOW(fsmount_(fd, 0, 0x40));
  SHOW(fsmount_(1, 0, 0)); SHOW(fsmount_(-1, 0, 0));
  int m = fsmount_(fd, 0, 0);
  printf("%s flags %o cloexec %d\n", link_of(m), fcntl(m, F_GETFL), fcntl(m, F_GETFD));
  SHOW(fsmount_(fd, 0, 0));
  /* The context goes on as one that changes what it made. */
  SHOW(fsconfig_(fd, STRING, "size", "2m", 0)); SHOW(fsconfig_(fd, RECONFIGURE, 0, 0, 0)); SHOW(fsconfig_(fd, RECONFIGURE, 0, 0, 0));
  SHOW(fsconfig_(fd, CREATE, 0, 0, 0));
  SHOW(lseek(fd, 0, SEEK_SET)); SHOW(write(fd, "x", 1));
  char small[3]; fsconfig_(fd, FLAG, "nothing", 0, 0); SHOW(read(fd, small, 3)); SAYS(fd); SAYS(fd);
  for (int i = 0; i < 10; i++) { char key[] = "no?"; key[2] = '0' + i; fsconfig_(fd, FLAG, key, 0, 0); }
  for (int i = 0; i < 9; i++) SAYS(fd);
  close(fd); close(m);
  /* What lies on a device says what it does not know before it has one. */
  fd = fsopen_("ext4", 0);
  SHOW(fsconfig_(fd, FLAG, "norecovery", 0, 0)); SHOW(fsconfig_(fd, FLAG, "nothing", 0, 0)); SAYS(fd); close(fd);
  fd = fsopen_("tmpfs", CLOEXEC);
  SHOW(fsconfig_(fd, CREATE_EXCL, 0, 0, 0));
  printf("cloexec %d\n", fcntl(fd, F_GETFD));
  close(fd);
}

static void moves(void) {
  printf("- moves\n");
  int fd = fsopen_("tmpfs", 0);
  SHOW(fsconfig_(fd, STRING, "source", "mine", 0)); SHOW(fsconfig_(fd, STRING, "size", "1m", 0)); SHOW(fsconfig_(fd, STRING, "mode", "0750", 0));
  SHOW(fsconfig_(fd, CREATE, 0, 0, 0));
  int m = fsmount_(fd, CLOEXEC, 0x2 | 0x8 | 0x10);
  close(fd);
  SHOW(mkdirat(m, "sub", 0700)); touch(m, "here"); touch(m, "sub/below");
  SHOW(openat(m, "../descriptors", O_RDONLY));
  SHOW(faccessat(m, "..//here", F_OK, 0));
  options(AT("a"));
  /* What may be moved, and where to. */
  SHOW(move_mount_(m, "", D, AT("a"), 0)); SHOW(move_mount_(m, "", D, AT("none"), F_EMPTY)); SHOW(move_mount_(m, "", D, AT("file"), F_EMPTY));
  SHOW(move_mount_(m, "sub", D, AT("a"), 0)); SHOW(move_mount_(m, "", D, AT("a"), F_EMPTY | 8)); SHOW(move_mount_(m, "", m, "sub", F_EMPTY));
  SHOW(move_mount_(99, "", D, AT("a"), F_EMPTY)); SHOW(move_mount_(m, "", 99, "", F_EMPTY | T_EMPTY));
  SHOW(move_mount_(m, "", D, AT("a"), F_EMPTY | SET_GROUP | BENEATH));
  SHOW(move_mount_(m, "", D, AT("a"), F_EMPTY));
  options(AT("a")); SHOW(access(AT("a/sub/below"), F_OK));
  printf("%s\n", link_of(m));
  close(m);
  SHOW(access(AT("a/sub/below"), F_OK));
  /* One that nobody mounts goes with its descriptor, as long as nobody else is in it. */
  m = made("1m"); touch(m, "kept"); int in = openat(m, "kept", O_RDONLY), copy = dup(m);
  close(m); SHOW(move_mount_(copy, "", D, AT("b"), F_EMPTY)); SHOW(umount(AT("b")));
  close(in); SHOW(umount(AT("b"))); SHOW(move_mount_(copy, "", D, AT("b"), F_EMPTY)); close(copy);
  m = made("1m"); touch(m, "kept"); int place = openat(m, ".", O_PATH);
  SHOW(move_mount_(place, "", D, AT("b"), F_EMPTY)); SHOW(umount(AT("b")));
  SHOW(move_mount_(place, "", D, AT("b"), F_EMPTY)); close(m); close(place);
  m = made("1m"); place = openat(m, ".", O_PATH); close(m);
  SHOW(move_mount_(place, "", D, AT("b"), F_EMPTY)); touch(place, "late"); SHOW(faccessat(place, "late", F_OK, 0)); close(place);
  /* One that stands already. */
  SHOW(move_mount_(D, AT("a"), D, AT("b"), 0)); options(AT("a")); options(AT("b"));
  SHOW(move_mount_(D, AT("b/sub"), D, AT("a"), 0)); SHOW(move_mount_(D, AT("b"), D, AT("b/sub"), 0)); SHOW(move_mount_(D, AT("b"), D, AT("file"), 0));
  SHOW(move_mount_(D, AT("link"), D, AT("a"), 0)); SHOW(move_mount_(D, AT("link"), D, AT("a"), 1));
  SHOW(access(AT("a/sub/below"), F_OK));
  SHOW(umount(AT("a")));
}

static void trees(void) {
  printf("- trees\n");
  mount("none", AT("a"), "tmpfs", 0, "size=1m"); mkdir(AT("a/x"), 0700); mkdir(AT("a/y"), 0700);
  mount("none", AT("a/x"), "tmpfs", 0, "size=1m"); touch(D, AT("a/x/deep")); touch(D, AT("a/top"));
  SHOW(open_tree_(D, AT("a"), 2)); SHOW(open_tree_(D, AT("a"), RECURSIVE)); SHOW(open_tree_(D, AT("none"), CLONE)); SHOW(open_tree_(99, "x", 0));
  SHOW(open_tree_(D, "", 0));
  int fd = open_tree_(D, AT("a/x"), 0);
  printf("%s flags %o cloexec %d\n", link_of(fd), fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
  SHOW(read(fd, told, 1)); close(fd);
  fd = open_tree_(D, AT("link"), 0x100); printf("%s\n", link_of(fd)); close(fd);
  /* Alone, and with all below. */
  fd = open_tree_(D, AT("a"), CLONE | O_CLOEXEC);
  printf("%s flags %o cloexec %d\n", link_of(fd), fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
  SHOW(faccessat(fd, "top", F_OK, 0)); SHOW(faccessat(fd, "x/deep", F_OK, 0)); close(fd);
  fd = open_tree_(D, AT("a"), CLONE | RECURSIVE);
  SHOW(faccessat(fd, "x/deep", F_OK, 0));
  SHOW(move_mount_(fd, "x", D, AT("c"), 0));
  int again = open_tree_(fd, "", CLONE | RECURSIVE | EMPTY); SHOW(faccessat(again, "x/deep", F_OK, 0)); close(again);
  again = open_tree_(fd, "x", CLONE); SHOW(faccessat(again, "deep", F_OK, 0)); close(again);
  SHOW(mount("none", AT("a/y"), "tmpfs", 0, "")); touch(D, AT("a/y/new")); SHOW(faccessat(fd, "y/new", F_OK, 0)); umount(AT("a/y"));
  /* Onto a tree that stands nowhere. */
  int m = made("1m"); touch(m, "on");
  SHOW(move_mount_(m, "", fd, "y", F_EMPTY)); SHOW(faccessat(fd, "y/on", F_OK, 0)); SHOW(access(AT("a/y/on"), F_OK)); close(m);
  SHOW(faccessat(fd, "y/on", F_OK, 0));
  SHOW(move_mount_(fd, "", D, AT("b"), F_EMPTY)); SHOW(access(AT("b/x/deep"), F_OK)); SHOW(access(AT("b/y/on"), F_OK));
  SHOW(move_mount_(fd, "", D, AT("c"), F_EMPTY)); SHOW(access(AT("c/x/deep"), F_OK)); SHOW(access(AT("b/top"), F_OK));
  close(fd); SHOW(access(AT("c/y/on"), F_OK));
  SHOW(umount2(AT("c"), MNT_DETACH));
  /* Of a folder, and of a file. */
  fd = open_tree_(D, AT("a/x"), CLONE); SHOW(move_mount_(fd, "", D, AT("b"), F_EMPTY)); SHOW(access(AT("b/deep"), F_OK)); close(fd); umount(AT("b"));
  fd = open_tree_(D, AT("a/top"), CLONE); SHOW(move_mount_(fd, "", D, AT("b"), F_EMPTY)); SHOW(move_mount_(fd, "", D, AT("file"), F_EMPTY)); close(fd); SHOW(umount(AT("file")));
  mount(NULL, AT("a"), NULL, MS_UNBINDABLE, NULL); SHOW(open_tree_(D, AT("a"), CLONE)); SHOW(open_tree_(D, AT("a"), CLONE | RECURSIVE));
  mount(NULL, AT("a"), NULL, MS_SHARED, NULL);
  /* A tree that is nowhere hears of its peers, and they of it. */
  fd = open_tree_(D, AT("a"), CLONE);
  SHOW(mount("none", AT("a/y"), "tmpfs", 0, "")); touch(D, AT("a/y/new")); SHOW(faccessat(fd, "y/new", F_OK, 0));
  m = made("1m"); touch(m, "on"); SHOW(move_mount_(m, "", fd, "x", F_EMPTY)); SHOW(access(AT("a/x/on"), F_OK));
  close(fd); close(m); SHOW(access(AT("a/x/on"), F_OK)); SHOW(access(AT("a/y/new"), F_OK));
  /* A shared parent lets nothing go. */
  SHOW(move_mount_(D, AT("a/y"), D, AT("b"), 0));
  umount2(AT("a"), MNT_DETACH);
}

static void picked(void) {
  printf("- picked\n");
  mount("none", AT("a"), "tmpfs", 0, "size=1m"); mkdir(AT("a/x"), 0700);
  SHOW(fspick_(D, AT("a"), 0x10)); SHOW(fspick_(D, AT("a/x"), 0)); SHOW(fspick_(D, AT("none"), 0)); SHOW(fspick_(99, "x", 0)); SHOW(fspick_(D, "", 0));
  int fd = fspick_(D, AT("a"), CLOEXEC);
  printf("%s flags %o cloexec %d\n", link_of(fd), fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
  SHOW(fsconfig_(fd, CREATE, 0, 0, 0)); SHOW(fsmount_(fd, 0, 0));
  SHOW(fsconfig_(fd, STRING, "size", "2m", 0)); SHOW(fsconfig_(fd, FLAG, "ro", 0, 0)); options(AT("a"));
  SHOW(fsconfig_(fd, RECONFIGURE, 0, 0, 0)); options(AT("a"));
  SHOW(open(AT("a/new"), O_CREAT | O_WRONLY, 0600));
  SHOW(fsconfig_(fd, STRING, "size", "none", 0)); SAYS(fd);
  SHOW(fsconfig_(fd, STRING, "nothing", "x", 0)); SAYS(fd);
  SHOW(fsconfig_(fd, FLAG, "rw", 0, 0)); SHOW(fsconfig_(fd, RECONFIGURE, 0, 0, 0)); options(AT("a"));
  close(fd);
  int dir = open(AT("a"), O_RDONLY);
  fd = fspick_(dir, "", 8); SHOW(fsconfig_(fd, FLAG, "ro", 0, 0)); 
  int writer = open(AT("a/new"), O_CREAT | O_WRONLY, 0600);
  SHOW(fsconfig_(fd, RECONFIGURE, 0, 0, 0)); SAYS(fd); options(AT("a"));
  SHOW(fsconfig_(fd, RECONFIGURE, 0, 0, 0));
  SHOW(mount(NULL, AT("a"), NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)); SHOW(mount(NULL, AT("a"), NULL, MS_REMOUNT | MS_RDONLY, NULL));
  close(writer); close(fd);
  SHOW(mount(NULL, AT("a"), NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)); options(AT("a"));
  SHOW(mount(NULL, AT("a"), NULL, MS_REMOUNT, NULL)); options(AT("a"));
  SHOW(mount(NULL, AT("a"), NULL, MS_REMOUNT | MS_RDONLY, NULL)); options(AT("a"));
  SHOW(mount(NULL, AT("a"), NULL, MS_REMOUNT | MS_BIND, NULL)); options(AT("a")); SHOW(open(AT("a/new"), O_WRONLY));
  close(dir);
  umount(AT("a"));
}

static void cleared(void) {
  while (umount2(AT("a"), MNT_DETACH) == 0);
  while (umount2(AT("b"), MNT_DETACH) == 0);
  while (umount2(AT("c"), MNT_DETACH) == 0);
}
static void is(const char *path) {
  printf("  %s:", path + strlen("/tmp/descriptors/"));
  for (char c = 'p'; c <= 't'; c++) { char f[100]; snprintf(f, sizeof f, "%s/%c", path, c); if (access(f, F_OK) == 0) printf(" %c", c); }
  printf("\n"); fflush(stdout);
}
static void beneath(void) {
  printf("- beneath\n");
  mount("none", AT("a"), "tmpfs", 0, "size=1m"); touch(D, AT("a/p"));
  int m = made("1m"); touch(m, "q");
  SHOW(move_mount_(m, "", D, AT("b"), F_EMPTY | BENEATH)); SHOW(move_mount_(m, "", D, "/", F_EMPTY | BENEATH));
  SHOW(move_mount_(m, "", D, AT("a"), F_EMPTY | BENEATH)); close(m);
  is(AT("a")); SHOW(umount(AT("a"))); is(AT("a"));
  m = made("1m"); touch(m, "r"); SHOW(move_mount_(m, "", D, AT("a"), F_EMPTY)); close(m);
  m = made("1m"); touch(m, "s"); SHOW(move_mount_(m, "", D, AT("a"), F_EMPTY | BENEATH)); close(m);
  is(AT("a")); SHOW(umount(AT("a"))); is(AT("a")); SHOW(umount(AT("a"))); is(AT("a"));
  mkdir(AT("a/sub"), 0700); mount("none", AT("a/sub"), "tmpfs", 0, "");
  SHOW(move_mount_(D, AT("a/sub"), D, AT("a"), BENEATH));
  /* Propagation would put a copy over the one below which it goes. */
  mount(NULL, AT("a"), NULL, MS_SHARED, NULL); mount("none", AT("b"), "tmpfs", 0, ""); touch(D, AT("b/t"));
  SHOW(move_mount_(D, AT("b"), D, AT("a/sub"), BENEATH)); is(AT("a/sub")); umount(AT("a/sub")); is(AT("a/sub"));
  umount2(AT("a"), MNT_DETACH); umount2(AT("a"), MNT_DETACH); umount2(AT("b"), MNT_DETACH);
}

static void groups(void) {
  printf("- groups\n");
  mount("none", AT("a"), "tmpfs", 0, "size=1m"); mkdir(AT("a/x"), 0700);
  mount(AT("a"), AT("b"), NULL, MS_BIND, NULL);
  SHOW(move_mount_(D, AT("a"), D, AT("b"), SET_GROUP));
  mount(NULL, AT("a"), NULL, MS_SHARED, NULL);
  SHOW(move_mount_(D, AT("a/x"), D, AT("b"), SET_GROUP)); SHOW(move_mount_(D, AT("a"), D, AT("b/x"), SET_GROUP));
  SHOW(move_mount_(D, AT("a"), D, AT("b"), SET_GROUP)); SHOW(move_mount_(D, AT("a"), D, AT("b"), SET_GROUP));
  SHOW(mount("none", AT("a/x"), "tmpfs", 0, "")); touch(D, AT("a/x/p")); SHOW(access(AT("b/x/p"), F_OK)); umount(AT("a/x"));
  mount("none", AT("c"), "tmpfs", 0, "");
  SHOW(move_mount_(D, AT("a"), D, AT("c"), SET_GROUP)); umount(AT("c"));
  mount(AT("a/x"), AT("c"), NULL, MS_BIND, NULL); mount(NULL, AT("c"), NULL, MS_PRIVATE, NULL); mount(NULL, AT("b"), NULL, MS_PRIVATE, NULL);
  mount(NULL, AT("c"), NULL, MS_SHARED, NULL); SHOW(move_mount_(D, AT("c"), D, AT("b"), SET_GROUP));
  umount(AT("c")); umount(AT("b")); umount(AT("a"));
}

static void rights(void) {
  printf("- rights\n");
  int m = made("1m"), fd = fsopen_("tmpfs", 0);
  fflush(stdout);
  if (fork() == 0) {
    setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000);
    SHOW(fsopen_("tmpfs", 0)); SHOW(fsopen_("nothing", 9)); SHOW(fsconfig_(fd, STRING, "size", "1m", 0)); SHOW(fsconfig_(fd, CREATE, 0, 0, 0)); 
    SHOW(fsmount_(fd, 0, 0)); SHOW(fspick_(D, "/", 0)); SHOW(open_tree_(D, "/tmp", CLONE)); SHOW(move_mount_(m, "", D, "/tmp", F_EMPTY));
    int tree = open_tree_(D, "/tmp", 0); printf("%s\n", link_of(tree));
    exit(0);
  }
  wait(NULL);
  SHOW(fsconfig_(fd, CREATE, 0, 0, 0));
  if (fork() == 0) {
    SHOW(unshare(CLONE_NEWNS));
    int tree = open_tree_(D, AT("b"), CLONE | O_CLOEXEC); (void)tree;
    SHOW(move_mount_(m, "", D, AT("b"), F_EMPTY)); SHOW(umount(AT("b")));
    exit(0);
  }
  wait(NULL);
  /* In a user namespace: tmpfs is, ramfs and what the machine owns are not. */
  if (fork() == 0) {
    SHOW(unshare(CLONE_NEWUSER | CLONE_NEWNS));
    int own = fsopen_("tmpfs", 0); SHOW(fsconfig_(own, CREATE, 0, 0, 0)); int mine = fsmount_(own, 0, 0);
    SHOW(move_mount_(mine, "", D, AT("b"), F_EMPTY));
    int devices = fsopen_("devtmpfs", 0); SHOW(fsconfig_(devices, CREATE, 0, 0, 0)); 
    SHOW(fspick_(D, AT("c"), 0)); 
    int pick = fspick_(D, "/tmp/descriptors", 0); SHOW(fsconfig_(pick, FLAG, "ro", 0, 0)); SHOW(fsconfig_(pick, RECONFIGURE, 0, 0, 0));
    exit(0);
  }
  wait(NULL);
  close(m); close(fd);
}

int main(void) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0) return 1;
  mkdir("/tmp/descriptors", 0755);
  if (mount("none", "/tmp/descriptors", "tmpfs", 0, "mode=755") != 0) return 1;
  mkdir(AT("a"), 0755); mkdir(AT("b"), 0755); mkdir(AT("c"), 0755); touch(D, AT("file"));
  SHOW(symlink("b", AT("link")));
  arguments(); moves(); cleared(); trees(); cleared(); picked(); cleared(); beneath(); cleared(); groups(); cleared(); rights();
  umount2("/tmp/descriptors", MNT_DETACH);
  SHOW(rmdir("/tmp/descriptors"));
  return 0;
}
