#include "abi.h"
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

/* Mounts that show files with other owners (mount_setattr(2), "ID-mapped mounts"). */
#define AT(name) "/tmp/idmapped-mounts/" name
#define D AT_FDCWD
struct attr { uint64_t set, clear, propagation, userns; };
enum { RDONLY = 1, IDMAP = 0x100000, EMPTY = 0x1000, CLONE = 1, RECURSIVE = 0x8000, F_EMPTY_PATH = 4 };

/* A user namespace with these maps, whose file is returned; null: without. */
static int user_namespace(const char *uids, const char *gids) {
  int ready[2], go[2]; pipe(ready); pipe(go);
  int pid = fork();
  char c, name[50];
  if (pid == 0) { unshare(CLONE_NEWUSER); write(ready[1], "", 1); close(go[1]); read(go[0], &c, 1); _exit(0); }
  read(ready[0], &c, 1);
  for (int i = 0; i < 2; i++) {
    const char *map = i ? gids : uids;
    if (map == NULL) continue;
    snprintf(name, sizeof name, "/proc/%d/%s", pid, i ? "gid_map" : "uid_map");
    int fd = open(name, O_WRONLY);
    if (write(fd, map, strlen(map)) < 0) printf("%s: %s\n", map, name_of(errno));
    close(fd);
  }
  snprintf(name, sizeof name, "/proc/%d/ns/user", pid);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  close(go[1]); close(go[0]); close(ready[0]); close(ready[1]);
  waitpid(pid, NULL, 0);
  return fd;
}
static long change(int at, const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t fd) {
  struct attr a = {set, clear, 0, fd};
  return syscall(442, at, path, flags, &a, sizeof a);
}
static int copy_of(const char *path, unsigned flags) { return syscall(428, D, path, CLONE | O_CLOEXEC | flags); }
static int mapped(const char *path, int namespace) {
  int fd = copy_of(path, 0);
  if (change(fd, "", EMPTY, IDMAP, 0, namespace) < 0) printf("not mapped: %s\n", name_of(errno));
  return fd;
}
static void owner(int at, const char *path) {
  struct stat s; struct statx x = {0};
  if (fstatat(at, path, &s, EMPTY | AT_SYMLINK_NOFOLLOW) < 0) { printf("  %s: %s\n", path, name_of(errno)); return; }
  statx(at, path, EMPTY | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x);
  printf("  %s: %d %d %o%s\n", path, s.st_uid, s.st_gid, s.st_mode, x.stx_uid == s.st_uid && x.stx_gid == s.st_gid ? "" : ", otherwise for statx");
  fflush(stdout);
}
static int touch(int at, const char *path, int mode, int uid, int gid) {
  int fd = openat(at, path, O_CREAT | O_RDWR | O_EXCL, mode);
  if (fd >= 0) { fchown(fd, uid, gid); fchmod(fd, mode); }
  return fd;
}
static void as(int uid, int gid) { setgroups(0, NULL); setresgid(gid, gid, gid); setresuid(uid, uid, uid); }
/* What follows is done by a child, as another. */
#define AS(uid, gid) for (int c_ = (fflush(stdout), fork()); c_ >= 0; c_ = (c_ == 0 ? (_exit(0), -1) : (waitpid(c_, NULL, 0), -1))) if (c_ == 0 && (as(uid, gid), 1))

static void mountinfo(const char *path) {
  char line[1000], place[300], flags[200];
  FILE *f = fopen("/proc/self/mountinfo", "r");
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "%*d %*d %*s %*s %299s %199s", place, flags) == 2 && strcmp(place, path) == 0) printf("  %s: %s\n", path, flags);
  fclose(f);
  f = fopen("/proc/self/mounts", "r");
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "%*s %299s %*s %199s", place, flags) == 2 && strcmp(place, path) == 0) printf("  %s: %s\n", path, strstr(flags, ",idmapped") ? "idmapped" : "plain");
  fclose(f); fflush(stdout);
}

static int both, high;

static void refused(void) {
  printf("- refused\n");
  int none = user_namespace(NULL, NULL), uids = user_namespace("0 10000 100", NULL), own = open("/proc/self/ns/user", O_RDONLY), other = open("/proc/self/ns/mnt", O_RDONLY), path = open("/proc/self/ns/user", O_PATH);
  int fd = copy_of(AT("m"), 0);
  SHOW(change(fd, "", EMPTY, IDMAP, 0, none)); SHOW(change(fd, "", EMPTY, IDMAP, 0, uids)); SHOW(change(fd, "", EMPTY, IDMAP, 0, own)); SHOW(change(fd, "", EMPTY, IDMAP, 0, other));
  SHOW(change(fd, "", EMPTY, IDMAP, 0, fd)); SHOW(change(fd, "", EMPTY, IDMAP, 0, 99)); SHOW(change(fd, "", EMPTY, IDMAP, 0, -1)); SHOW(change(fd, "", EMPTY, IDMAP, 0, 1ul << 31)); SHOW(change(fd, "", EMPTY, IDMAP, 0, path));
  SHOW(change(fd, "", EMPTY, 0, IDMAP, both)); SHOW(change(fd, "", EMPTY, IDMAP, IDMAP, both)); SHOW(change(fd, "", EMPTY, IDMAP | 0x10, 0, 99)); SHOW(change(fd, "", EMPTY, IDMAP | 0x100, 0, both));
  SHOW(change(D, AT("m"), 0, IDMAP, 0, both)); SHOW(change(D, AT("none"), 0, IDMAP, 0, both)); SHOW(change(D, AT("none"), 0, IDMAP, 0, 99)); SHOW(change(D, AT("m/sub"), 0, IDMAP, 0, none));
  mkdir(AT("m/sub"), 0755); SHOW(change(fd, "sub", 0, IDMAP, 0, both)); SHOW(change(D, AT("m/sub"), 0, IDMAP, 0, none)); rmdir(AT("m/sub"));
  const char *others[] = {"/proc", "/sys", "/dev/pts", AT("r"), AT("c")};
  for (int i = 0; i < 5; i++) { int o = copy_of(others[i], 0); printf("%s: ", others[i]); SHOW(change(o, "", EMPTY, IDMAP, 0, both)); close(o); }
  int file = openat(fd, "open", O_CREAT | O_RDWR, 0600);
  SHOW(change(fd, "", EMPTY, IDMAP, 0, both)); close(file); unlinkat(fd, "open", 0);
  file = openat(fd, ".", O_RDONLY); SHOW(change(fd, "", EMPTY, IDMAP, 0, both)); close(file);
  SHOW(change(fd, "", EMPTY, IDMAP, 0, both)); SHOW(change(fd, "", EMPTY, IDMAP, 0, high)); SHOW(change(fd, "", EMPTY, 0, IDMAP, 0)); owner(fd, "");
  close(fd);
  AS(1000, 1000) { SHOW(copy_of(AT("m"), 0)); SHOW(change(D, AT("m"), 0, IDMAP, 0, both)); }
  /* All of the tree, or nothing. */
  mkdir(AT("m/p"), 0755); mount("none", AT("m/p"), "ramfs", 0, NULL);
  fd = copy_of(AT("m"), RECURSIVE); SHOW(change(fd, "", EMPTY | RECURSIVE, IDMAP, 0, both)); owner(fd, ""); SHOW(change(fd, "", EMPTY, IDMAP, 0, both)); owner(fd, ""); owner(fd, "p"); close(fd);
  umount(AT("m/p")); mount("none", AT("m/p"), "tmpfs", 0, NULL);
  fd = copy_of(AT("m"), RECURSIVE); SHOW(change(fd, "", EMPTY | RECURSIVE, IDMAP | RDONLY, 0, both)); owner(fd, ""); owner(fd, "p"); SHOW(openat(fd, "p/x", O_CREAT | O_RDWR, 0600)); close(fd);
  umount(AT("m/p")); rmdir(AT("m/p"));
  close(none); close(uids); close(own); close(other); close(path);
}

static void opened_with_attributes(void) {
  printf("- open_tree_attr\n");
  struct attr a = {IDMAP, 0, 0, both};
  SHOW(syscall(467, D, AT("none"), CLONE, (void *)1, 32)); SHOW(syscall(467, D, AT("none"), CLONE, &a, 3)); SHOW(syscall(467, D, AT("m"), CLONE, &a, 3)); SHOW(syscall(467, D, AT("m"), CLONE, (void *)1, 32)); SHOW(syscall(467, D, AT("m"), 0, &a, 32));
  int fd = syscall(467, D, AT("m"), CLONE, &a, 32); HOLDS(fd >= 0); owner(fd, "");
  int copy = syscall(467, fd, "", EMPTY | CLONE, &a, 32); SHOW(copy >= 0); owner(copy, ""); close(copy);
  a.userns = high; copy = syscall(467, fd, "", EMPTY | CLONE, &a, 32); owner(copy, ""); close(copy);
  a.set = 0; a.clear = IDMAP; copy = syscall(467, fd, "", EMPTY | CLONE, &a, 32); owner(copy, ""); close(copy);
  a.set = IDMAP; copy = syscall(467, fd, "", EMPTY | CLONE, &a, 32); owner(copy, ""); close(copy);
  SHOW(syscall(467, fd, "", EMPTY, &a, 32)); a.userns = 99; SHOW(syscall(467, fd, "", EMPTY | CLONE, &a, 32)); a.set = 0; copy = syscall(467, fd, "", EMPTY | CLONE, &a, 32); owner(copy, ""); close(copy);
  copy = syscall(428, fd, "", EMPTY | CLONE); owner(copy, ""); close(copy); close(fd);
}

static void places(void) {
  printf("- places\n");
  int fd = mapped(AT("m"), both);
  SHOW(syscall(429, fd, "", D, AT("to"), F_EMPTY_PATH)); mountinfo(AT("to")); mountinfo(AT("m")); owner(D, AT("to")); owner(D, AT("m"));
  SHOW(mount(AT("to"), AT("bind"), NULL, MS_BIND, NULL)); mountinfo(AT("bind")); owner(D, AT("bind")); SHOW(change(D, AT("bind"), 0, RDONLY, 0, 0)); mountinfo(AT("bind"));
  SHOW(mount(NULL, AT("bind"), NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC, NULL)); mountinfo(AT("bind")); SHOW(change(D, AT("bind"), 0, IDMAP, 0, both)); umount(AT("bind"));
  fflush(stdout);
  if (fork() == 0) { unshare(CLONE_NEWNS); mountinfo(AT("to")); owner(D, AT("to")); _exit(0); } wait(NULL);
  fflush(stdout);
  if (fork() == 0) {
    struct { uint32_t size, spare; uint64_t id, param, ns; } request = {32, 0, 0, 0x6000, 0};
    struct statx x; statx(D, AT("to"), 0, 0x4000, &x); request.id = x.stx_mnt_id;
    uint32_t *report = calloc(1, 4096); char *strings = (char *)report + 512;
    for (int i = 0; i < 3; i++) {
      SHOW(syscall(457, &request, report, 4096, 0)); printf("mask %lx\n", *(long *)(report + 2));
      for (unsigned at = 0; at < 200; at++) if (strings[at] != 0 && (at == 0 || strings[at - 1] == 0)) printf("  %s\n", strings + at);
      for (int w = 20; w < 60; w++) if (report[w] != 0 && report[w] < 100) printf("  word %d: %u\n", w, report[w]);
      memset(report, 0, 4096);
      if (i == 0) { statx(D, AT("m"), 0, 0x4000, &x); long to = request.id; request.id = x.stx_mnt_id; SHOW(syscall(457, &request, report, 4096, 0)); printf("mask %lx\n", *(long *)(report + 2)); memset(report, 0, 4096); request.id = to; }
      if (i == 1) { setns(user_namespace("0 9000 5000", "0 20001 10000"), CLONE_NEWUSER); }
    }
    fflush(stdout); _exit(0);
  }
  wait(NULL);
  umount(AT("to")); close(fd);
}

static void owners(void) {
  printf("- owners\n");
  int fd = mapped(AT("m"), both);
  close(touch(D, AT("m/a"), 0640, 5, 6)); close(touch(D, AT("m/none"), 0644, 5000, 6000)); symlink("a", AT("m/link")); mkdir(AT("m/dir"), 0755); chown(AT("m/dir"), 1, 2);
  owner(fd, "a"); owner(fd, "none"); owner(fd, "link"); owner(fd, "dir");
  int file = openat(fd, "a", O_RDONLY); struct stat s; fstat(file, &s); printf("  %d %d\n", s.st_uid, s.st_gid);
  SHOW(fchown(file, 10007, 20008)); owner(D, AT("m/a")); owner(fd, "a"); SHOW(fchown(file, 7, -1)); SHOW(fchown(file, -1, 8)); SHOW(fchown(file, 10100, 20000)); SHOW(fchown(file, 10099, -1)); owner(D, AT("m/a")); SHOW(fchown(file, -1, -1)); close(file);
  /* Whoever has no number there changes nothing of it. */
  SHOW(fchmodat(fd, "none", 0600, 0)); SHOW(unlinkat(fd, "none", 0)); SHOW(linkat(fd, "none", fd, "other", 0)); SHOW(linkat(fd, "a", fd, "other", 0)); SHOW(renameat(fd, "none", fd, "other")); SHOW(renameat(fd, "a", fd, "none")); SHOW(renameat(fd, "a", fd, "other"));
  SHOW(openat(fd, "none", O_RDWR)); SHOW(openat(fd, "none", O_WRONLY | O_TRUNC)); SHOW(faccessat(fd, "none", W_OK, 0)); SHOW(faccessat(fd, "none", R_OK, 0)); SHOW(utimensat(fd, "none", NULL, 0));
  struct timespec times[2] = {{5, 0}, {6, 0}}; SHOW(utimensat(fd, "none", times, 0));
  file = openat(fd, "none", O_RDONLY); HOLDS(file >= 0); SHOW(fsetxattr(file, "user.x", "y", 1, 0)); SHOW(fsetxattr(file, "trusted.x", "y", 1, 0)); SHOW(fcntl(file, F_SETLEASE, F_RDLCK)); SHOW(fcntl(file, F_SETFL, O_NOATIME)); SHOW(fchmod(file, 0600)); close(file);
  SHOW(fchownat(fd, "none", -1, -1, 0)); SHOW(fchownat(fd, "none", 10001, -1, 0)); SHOW(fchownat(fd, "none", 1, 1, 0)); SHOW(fchownat(fd, "none", 10001, 20001, 0)); owner(D, AT("m/none")); SHOW(fchmodat(fd, "none", 0600, 0));
  /* Nothing is made by who has no number there. */
  SHOW(openat(fd, "new", O_CREAT | O_RDWR, 0600)); SHOW(mkdirat(fd, "new", 0700)); SHOW(symlinkat("x", fd, "new")); SHOW(mknodat(fd, "new", S_IFIFO | 0600, 0)); SHOW(openat(fd, ".", O_TMPFILE | O_RDWR, 0600)); SHOW(openat(fd, "a", O_CREAT | O_RDONLY, 0600) >= 0); SHOW(mkdirat(fd, "a", 0700));
  chmod(AT("m"), 01777);
  AS(10003, 20004) {
    file = openat(fd, "mine", O_CREAT | O_RDWR, 04755); HOLDS(file >= 0); mkdirat(fd, "folder", 0700); symlinkat("x", fd, "symlink"); mknodat(fd, "fifo", S_IFIFO | 0600, 0);
    int unnamed = openat(fd, ".", O_TMPFILE | O_RDWR, 0600); owner(unnamed, ""); char proc[50]; snprintf(proc, sizeof proc, "/proc/self/fd/%d", unnamed); SHOW(linkat(D, proc, fd, "named", AT_SYMLINK_FOLLOW));
    int s = socket(AF_UNIX, SOCK_STREAM, 0); fchdir(fd); struct sockaddr_un name = {AF_UNIX, "socket"}; SHOW(bind(s, (void *)&name, sizeof name)); listen(s, 1);
  }
  const char *made[] = {"mine", "folder", "symlink", "fifo", "named", "socket"};
  for (int i = 0; i < 6; i++) { char path[50]; owner(fd, made[i]); snprintf(path, sizeof path, AT("m/%s"), made[i]); owner(D, path); }
  AS(3, 4) { owner(fd, "mine"); SHOW(fchmodat(fd, "mine", 0600, 0)); SHOW(openat(fd, "folder", O_RDONLY)); SHOW(unlinkat(fd, "mine", 0)); }
  AS(10003, 5) { SHOW(fchmodat(fd, "mine", 0640, 0)); SHOW(fchownat(fd, "mine", 10003, 20004, 0)); SHOW(fchownat(fd, "mine", 10004, -1, 0)); SHOW(fchownat(fd, "mine", -1, 5, 0)); SHOW(openat(fd, "new", O_CREAT | O_RDWR, 0600)); SHOW(linkat(fd, "mine", fd, "new", 0)); SHOW(renameat(fd, "mine", fd, "new")); SHOW(faccessat(fd, "mine", R_OK | W_OK, 0)); SHOW(faccessat(fd, "folder", X_OK, 0)); SHOW(unlinkat(fd, "mine", 0)); }
  AS(10003, 20004) { SHOW(fchmodat(fd, "new", 02640, 0)); SHOW(fchownat(fd, "new", -1, 20004, 0)); SHOW(renameat(fd, "new", fd, "mine")); SHOW(linkat(fd, "mine", fd, "named", 0)); SHOW(unlinkat(fd, "named", 0)); SHOW(linkat(fd, "mine", fd, "named", 0)); int s = socket(AF_UNIX, SOCK_STREAM, 0); fchdir(fd); struct sockaddr_un name = {AF_UNIX, "socket"}; SHOW(connect(s, (void *)&name, sizeof name)); }
  AS(50, 20004) { SHOW(openat(fd, "a", O_RDONLY)); SHOW(fchmodat(fd, "a", 0777, 0)); }
  chmod(AT("m"), 0755);
  for (int i = 0; i < 6; i++) if (unlinkat(fd, made[i], 0) < 0) unlinkat(fd, made[i], AT_REMOVEDIR);
  unlink(AT("m/mine")); rmdir(AT("m/dir")); unlink(AT("m/link")); unlink(AT("m/a")); unlink(AT("m/none")); close(fd);
}

static void rules(void) {
  printf("- rules of folders\n");
  int fd = mapped(AT("m"), both);
  mkdir(AT("m/sticky"), 0); chown(AT("m/sticky"), 1, 1); chmod(AT("m/sticky"), 01777);
  close(touch(D, AT("m/sticky/a"), 0666, 2, 2)); close(touch(D, AT("m/sticky/b"), 0666, 2, 2)); close(touch(D, AT("m/sticky/c"), 0666, 2, 2));
  AS(2, 2) { SHOW(unlinkat(fd, "sticky/a", 0)); } AS(10002, 2) { SHOW(unlinkat(fd, "sticky/a", 0)); } AS(10001, 2) { SHOW(unlinkat(fd, "sticky/b", 0)); } AS(10003, 2) { SHOW(unlinkat(fd, "sticky/c", 0)); SHOW(renameat(fd, "sticky/c", fd, "sticky/d")); }
  SHOW(unlinkat(fd, "sticky/c", 0)); rmdir(AT("m/sticky"));
  mkdir(AT("m/group"), 0); chown(AT("m/group"), 0, 7); chmod(AT("m/group"), 02777);
  AS(10003, 20004) { umask(0); touch(fd, "group/f", 02755, -1, -1); openat(fd, "group/g", O_CREAT | O_RDWR, 02755); mkdirat(fd, "group/d", 0755); owner(fd, "group/f"); owner(fd, "group/g"); owner(fd, "group/d"); }
  AS(10003, 20007) { umask(0); openat(fd, "group/h", O_CREAT | O_RDWR, 02755); owner(fd, "group/h"); SHOW(fchmodat(fd, "group/h", 02711, 0)); owner(fd, "group/h"); }
  AS(10003, 7) { SHOW(fchmodat(fd, "group/h", 02755, 0)); owner(fd, "group/h"); }
  owner(D, AT("m/group/g")); owner(D, AT("m/group/d"));
  /* Set-ID bits and a write. */
  close(touch(D, AT("m/group/w"), 06777, 3, 4)); int w = openat(fd, "group/w", O_WRONLY);
  AS(10003, 20004) { write(w, "x", 1); } owner(fd, "group/w"); fchmodat(fd, "group/w", 02767, 0);
  AS(10003, 20004) { write(w, "x", 1); } owner(fd, "group/w"); fchmodat(fd, "group/w", 02767, 0); AS(10003, 4) { write(w, "x", 1); } owner(fd, "group/w"); close(w);
  const char *names[] = {"f", "g", "h", "w"}; for (int i = 0; i < 4; i++) { char path[50]; snprintf(path, sizeof path, AT("m/group/%s"), names[i]); unlink(path); }
  rmdir(AT("m/group/d")); SHOW(rmdir(AT("m/group"))); close(fd);
}

/* Lists of acl(5), by version 2 of its attribute. */
struct acl { uint32_t version; struct { uint16_t tag, rights; uint32_t id; } entries[6]; };
static void show_acl(int fd, const char *name) {
  struct acl a; long n = fgetxattr(fd, name, &a, sizeof a);
  printf("  %ld %s:", n, n < 0 ? name_of(errno) : "");
  for (int i = 0; i < (n - 4) / 8; i++) printf(" %x %o %d,", a.entries[i].tag, a.entries[i].rights, (int)a.entries[i].id);
  printf("\n"); fflush(stdout);
}
static void lists(void) {
  printf("- lists\n");
  int fd = mapped(AT("m"), both);
  int file = touch(D, AT("m/f"), 0600, 1, 1), shown = openat(fd, "f", O_RDONLY);
  struct acl a = {2, {{1, 6, -1}, {2, 4, 5}, {4, 0, -1}, {8, 6, 6}, {16, 6, -1}, {32, 0, -1}}};
  SHOW(fsetxattr(file, "system.posix_acl_access", &a, sizeof a, 0)); show_acl(file, "system.posix_acl_access"); show_acl(shown, "system.posix_acl_access");
  AS(10005, 1) { SHOW(faccessat(fd, "f", R_OK, 0)); SHOW(faccessat(fd, "f", W_OK, 0)); } AS(5, 1) { SHOW(faccessat(fd, "f", R_OK, 0)); SHOW(access(AT("m/f"), R_OK)); }
  AS(1, 20006) { SHOW(faccessat(fd, "f", W_OK, 0)); } AS(1, 6) { SHOW(faccessat(fd, "f", W_OK, 0)); } AS(10001, 6) { SHOW(faccessat(fd, "f", W_OK, 0)); }
  SHOW(fsetxattr(shown, "system.posix_acl_access", &a, sizeof a, 0)); a.entries[1].id = 10009; SHOW(fsetxattr(shown, "system.posix_acl_access", &a, sizeof a, 0)); a.entries[3].id = 20009;
  SHOW(fsetxattr(shown, "system.posix_acl_access", &a, sizeof a, 0)); show_acl(file, "system.posix_acl_access"); show_acl(shown, "system.posix_acl_access");
  a.entries[1].id = 7777; fsetxattr(file, "system.posix_acl_access", &a, sizeof a, 0); show_acl(shown, "system.posix_acl_access");
  AS(10001, 1) { a.entries[1].id = 10001; SHOW(fsetxattr(shown, "system.posix_acl_access", &a, sizeof a, 0)); } AS(1, 1) { SHOW(fsetxattr(shown, "system.posix_acl_access", &a, sizeof a, 0)); SHOW(fremovexattr(shown, "system.posix_acl_access")); }
  fflush(stdout);
  if (fork() == 0) { setns(user_namespace("0 10000 50", "0 20000 50"), CLONE_NEWUSER); show_acl(shown, "system.posix_acl_access"); show_acl(file, "system.posix_acl_access"); owner(fd, "f"); owner(D, AT("m/f")); _exit(0); } wait(NULL);
  SHOW(fremovexattr(shown, "system.posix_acl_access")); close(file); close(shown); unlink(AT("m/f"));
  mkdir(AT("m/d"), 0777); chmod(AT("m/d"), 0777); a.entries[1].id = 5; a.entries[3].id = 6; setxattr(AT("m/d"), "system.posix_acl_default", &a, sizeof a, 0);
  AS(10003, 20004) { file = openat(fd, "d/x", O_CREAT | O_RDWR, 0666); show_acl(file, "system.posix_acl_access"); owner(fd, "d/x"); }
  file = open(AT("m/d/x"), O_RDONLY); show_acl(file, "system.posix_acl_access"); close(file); unlink(AT("m/d/x")); rmdir(AT("m/d")); close(fd);
}

#define SHOWN (1 << CAP_CHOWN | 1 << CAP_NET_RAW)
static void capabilities(const char *what) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0}; struct __user_cap_data_struct data[2];
  syscall(SYS_capget, &header, data);
  printf("  %s: uid %d %d, gid %d %d, permitted %x\n", what, getuid(), geteuid(), getgid(), getegid(), data[0].permitted & SHOWN); fflush(stdout);
}
static void show_caps(int fd) {
  uint32_t d[6] = {0}; long n = fgetxattr(fd, "security.capability", d, sizeof d);
  printf("  %ld %s: %x, root %d\n", n, n < 0 ? name_of(errno) : "", d[0], n == 24 ? (int)d[5] : -1); fflush(stdout);
}
static void run_at(int fd, const char *name, const char *what) { fflush(stdout); char *argv[] = {"x", (char *)what, NULL}; execveat(fd, name, argv, NULL, 0); printf("execveat: %s\n", name_of(errno)); fflush(stdout); }
static void programs(void) {
  printf("- programs\n");
  int fd = mapped(AT("m"), both), other = mapped(AT("m"), high);
  int from = open("/proc/self/exe", O_RDONLY), to = open(AT("m/program"), O_CREAT | O_WRONLY, 0755); char block[65536];
  for (ssize_t n; (n = read(from, block, sizeof block)) > 0;) write(to, block, n);
  fchmod(to, 0755); close(to); close(from); chmod(AT("m/program"), 0755);
  syscall(429, fd, "", D, AT("to"), F_EMPTY_PATH); syscall(429, other, "", D, AT("bind"), F_EMPTY_PATH);
  chown(AT("m/program"), 3, 4); chmod(AT("m/program"), 06755);
  AS(1000, 1000) { run_at(D, AT("m/program"), "as it is"); } AS(1000, 1000) { run_at(D, AT("to/program"), "mapped"); } AS(1000, 1000) { run_at(D, AT("bind/program"), "mapped higher"); }
  chown(AT("m/program"), 3000, 4); chmod(AT("m/program"), 06755); AS(1000, 1000) { run_at(D, AT("to/program"), "of nobody"); }
  chown(AT("m/program"), 0, 0); chmod(AT("m/program"), 0755);
  uint32_t caps[6] = {2 << 24 | 1, 1 << CAP_NET_RAW, 0, 0, 0, 0};
  SHOW(setxattr(AT("m/program"), "security.capability", caps, 20, 0)); int file = open(AT("m/program"), O_RDONLY), shown = open(AT("to/program"), O_RDONLY); show_caps(file); show_caps(shown);
  AS(1000, 1000) { run_at(D, AT("m/program"), "as it is"); } AS(1000, 1000) { run_at(D, AT("to/program"), "mapped"); }
  fflush(stdout); if (fork() == 0) { setns(user_namespace("0 10000 50\n1000 1000 1", "0 20000 50\n1000 1000 1"), CLONE_NEWUSER); show_caps(file); show_caps(shown); setresuid(1000, 1000, 1000); run_at(D, AT("to/program"), "mapped, in a namespace"); _exit(0); } wait(NULL);
  SHOW(setxattr(AT("to/program"), "security.capability", caps, 20, 0)); caps[0] = 3 << 24 | 1; caps[5] = 10000; SHOW(setxattr(AT("to/program"), "security.capability", caps, 24, 0)); show_caps(file); show_caps(shown);
  caps[5] = 10005; SHOW(setxattr(AT("to/program"), "security.capability", caps, 24, 0)); show_caps(file); show_caps(shown); caps[5] = 5; SHOW(setxattr(AT("to/program"), "security.capability", caps, 24, 0));
  caps[5] = 9; setxattr(AT("m/program"), "security.capability", caps, 24, 0); show_caps(file); show_caps(shown); caps[5] = 3000; setxattr(AT("m/program"), "security.capability", caps, 24, 0); show_caps(file); show_caps(shown); AS(1000, 1000) { run_at(D, AT("to/program"), "of nobody's root"); }
  close(file); close(shown);
  umount2(AT("to"), MNT_DETACH); umount2(AT("bind"), MNT_DETACH); close(fd); close(other); unlink(AT("m/program"));
}

/* Of a namespace's own file system: its numbers, then those of the map. */
static void within(void) {
  printf("- within a namespace\n");
  int space = user_namespace("0 10000 1000", "0 20000 1000"); fflush(stdout);
  if (fork() == 0) {
    setns(space, CLONE_NEWUSER); setresgid(0, 0, 0); setresuid(0, 0, 0); setgroups(0, NULL); prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); unshare(CLONE_NEWNS);
    SHOW(mount("none", AT("to"), "tmpfs", 0, "mode=0777")); owner(D, AT("to"));
    int own = user_namespace("0 100 100", "0 200 100"), fd = copy_of(AT("to"), 0);
    SHOW(change(fd, "", EMPTY, IDMAP, 0, space)); SHOW(change(fd, "", EMPTY, IDMAP, 0, high)); SHOW(change(fd, "", EMPTY, IDMAP, 0, own)); owner(fd, "");
    SHOW(openat(fd, "x", O_CREAT | O_RDWR, 0600)); AS(105, 206) { HOLDS(openat(fd, "x", O_CREAT | O_RDWR, 0600) >= 0); } owner(fd, "x"); owner(D, AT("to/x"));
    SHOW(fchownat(fd, "x", 0, 0, 0)); SHOW(fchownat(fd, "x", 107, 208, 0)); owner(D, AT("to/x"));
    int outer = copy_of(AT("m"), 0); SHOW(change(outer, "", EMPTY, IDMAP, 0, own));
    _exit(0);
  }
  wait(NULL); close(space);
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 14);
  if (argc > 1) { capabilities(argv[1]); return 0; }
  unshare(CLONE_NEWNS); mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL); umask(022);
  mkdir("/tmp/idmapped-mounts", 0755); mount("none", "/tmp/idmapped-mounts", "tmpfs", 0, "mode=0755");
  const char *folders[] = {AT("m"), AT("to"), AT("bind"), AT("r"), AT("c"), AT("c/l"), AT("c/k")}; for (int i = 0; i < 7; i++) mkdir(folders[i], 0755);
  mount("none", AT("m"), "tmpfs", 0, "mode=0755"); mount("none", AT("r"), "ramfs", 0, NULL); mount("none", AT("c"), "overlay", 0, "lowerdir=" AT("c/l") ":" AT("c/k"));
  both = user_namespace("0 10000 100", "0 20000 100"); high = user_namespace("0 30000 10000", "0 40000 10000");
  refused(); opened_with_attributes(); places(); owners(); rules(); lists(); programs(); within();
  return 0;
}
