#include "abi.h"
#include <sched.h>
#include <stdint.h>
#include <grp.h>
#include <sys/mount.h>
#include <sys/xattr.h>

/* Overlays whose layers show files with other owners (mount_setattr(2), "ID-mapped mounts"). */
#define AT(name) "/tmp/idmapped-layers/" name
struct attr { uint64_t set, clear, propagation, userns; };

static int user_namespace(const char *uids, const char *gids) {
  int ready[2], go[2];
  char c, name[50];
  pipe(ready);
  pipe(go);
  int pid = fork();
  if (pid == 0) {
    unshare(CLONE_NEWUSER);
    write(ready[1], "", 1);
    close(go[1]);
    read(go[0], &c, 1);
    _exit(0);
  }
  read(ready[0], &c, 1);
  for (int i = 0; i < 2; i++) {
    snprintf(name, sizeof name, "/proc/%d/%s", pid, i ? "gid_map" : "uid_map");
    int fd = open(name, O_WRONLY);
    const char *map = i ? gids : uids;
    if (write(fd, map, strlen(map)) < 0) printf("%s: %s\n", map, name_of(errno));
    close(fd);
  }
  snprintf(name, sizeof name, "/proc/%d/ns/user", pid);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  close(go[1]);
  close(go[0]);
  waitpid(pid, NULL, 0);
  return fd;
}

static void map(const char *from, const char *to, int namespace) {
  int fd = syscall(428, AT_FDCWD, from, 1);
  struct attr a = {0x100000, 0, 0, namespace};
  mkdir(to, 0755);
  if (syscall(442, fd, "", 0x1000, &a, sizeof a) < 0) printf("not mapped: %s\n", name_of(errno));
  if (syscall(429, fd, "", AT_FDCWD, to, 4) < 0) printf("not placed: %s\n", name_of(errno));
  close(fd);
}

static void owner(const char *path) {
  struct stat s;
  if (lstat(path, &s) < 0) printf("  %s: %s\n", path, name_of(errno));
  else printf("  %s: %d %d %o\n", path, s.st_uid, s.st_gid, s.st_mode);
  fflush(stdout);
}

static void make(const char *path, int mode, int uid, int gid) {
  int fd = open(path, O_CREAT | O_RDWR, 0600);
  write(fd, "text\n", 5);
  fchown(fd, uid, gid);
  fchmod(fd, mode);
  close(fd);
}

static void as(int uid, int gid) { setgroups(0, NULL); setresgid(gid, gid, gid); setresuid(uid, uid, uid); }
#define AS(uid, gid) for (int c_ = (fflush(stdout), fork()); c_ >= 0; c_ = (c_ == 0 ? (_exit(0), -1) : (waitpid(c_, NULL, 0), -1))) if (c_ == 0 && (as(uid, gid), 1))

static void show_acl(const char *path) {
  unsigned char list[200];
  int size = getxattr(path, "system.posix_acl_access", list, sizeof list);
  if (size < 0) printf("  %s: no list, %s\n", path, name_of(errno));
  for (int at = 4; at < size; at += 8) printf("  %s: %d %o %d\n", path, list[at], list[at + 2], *(int *)(list + at + 4));
  fflush(stdout);
}

static const unsigned char list[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 7, 0, 5, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255,
  16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255};

static void lower_layers(void) {
  int both = user_namespace("0 10000 100", "0 20000 100");
  puts("- a lower layer");
  mkdir(AT("l"), 0755);
  mkdir(AT("l/folder"), 0755);
  make(AT("l/of-root"), 0644, 0, 0);
  make(AT("l/folder/inner"), 0600, 5, 6);
  make(AT("l/listed"), 0640, 0, 0);
  setxattr(AT("l/listed"), "system.posix_acl_access", list, sizeof list, 0);
  make(AT("l/of-others"), 0644, 5000, 6000);
  symlink("of-root", AT("l/link"));
  map(AT("l"), AT("ml"), both);
  mkdir(AT("p"), 0755);
  make(AT("p/plain"), 0644, 3, 4);
  make(AT("p/of-root"), 0600, 3, 4);
  mkdir(AT("u"), 0755);
  mkdir(AT("w"), 0755);
  mkdir(AT("o"), 0755);
  SHOW(mount("none", AT("o"), "overlay", 0, "lowerdir=" AT("ml") ":" AT("p") ",upperdir=" AT("u") ",workdir=" AT("w")));
  owner(AT("o"));
  owner(AT("o/of-root"));
  owner(AT("o/folder"));
  owner(AT("o/folder/inner"));
  owner(AT("o/of-others"));
  owner(AT("o/link"));
  owner(AT("o/plain"));
  show_acl(AT("o/listed"));
  AS(10005, 1) {
    SHOW(open(AT("o/folder/inner"), O_RDONLY) >= 0);
    SHOW(open(AT("o/listed"), O_RDWR) >= 0);
    SHOW(chmod(AT("o/of-root"), 0600));
    SHOW(chmod(AT("o/folder/inner"), 0640));
  }
  AS(5, 6) {
    SHOW(open(AT("o/folder/inner"), O_RDONLY));
    SHOW(open(AT("o/listed"), O_RDONLY));
  }
  owner(AT("u/folder"));
  owner(AT("u/folder/inner"));
  owner(AT("l/folder/inner"));
  show_acl(AT("u/listed"));
  show_acl(AT("o/listed"));
  show_acl(AT("l/listed"));
  SHOW(chmod(AT("o/of-others"), 0600));
  SHOW(chown(AT("o/of-root"), 7, -1));
  owner(AT("o/of-root"));
  owner(AT("u/of-root"));
  SHOW(chown(AT("o/link"), 8, 9) + lchown(AT("o/link"), 8, 9));
  owner(AT("u/link"));
  make(AT("o/folder/new"), 0644, 0, 0);
  owner(AT("u/folder/new"));
  SHOW(truncate(AT("o/plain"), 2));
  owner(AT("u/plain"));
  SHOW(umount2(AT("o"), 0));
}

static int run(const char *path, const char *why) {
  printf("  %s: ", why);
  fflush(stdout);
  if (fork() == 0) {
    execl(path, "program", "who", NULL);
    printf("%s\n", name_of(errno));
    exit(0);
  }
  wait(NULL);
  return 0;
}

static void programs(void) {
  int both = user_namespace("0 10000 100", "0 20000 100");
  char bytes[65536];
  int from = open("/proc/self/exe", O_RDONLY);
  puts("- programs");
  mkdir(AT("b"), 0755);
  int to = open(AT("b/program"), O_CREAT | O_RDWR, 0755);
  for (int got; (got = read(from, bytes, sizeof bytes)) > 0;) write(to, bytes, got);
  fchown(to, 3, 4);
  fchmod(to, 06755);
  close(to);
  close(from);
  map(AT("b"), AT("mb"), both);
  mkdir(AT("e"), 0755);
  SHOW(mount("none", AT("o"), "overlay", 0, "lowerdir=" AT("mb") ":" AT("e")));
  AS(5000, 5000) run(AT("o/program"), "of the lower layer");
  AS(5000, 5000) run(AT("b/program"), "itself");
  SHOW(umount2(AT("o"), 0));
}

static void upper_layer(void) {
  int swapped = user_namespace("0 10000 1000\n10000 0 1000", "0 10000 1000\n10000 0 1000");
  puts("- the upper layer");
  mkdir(AT("d"), 0755);
  mkdir(AT("d/u"), 0755);
  chown(AT("d/u"), 10000, 10000);
  mkdir(AT("d/w"), 0755);
  chown(AT("d/w"), 10000, 10000);
  map(AT("d"), AT("md"), swapped);
  SHOW(mount("none", AT("o"), "overlay", 0, "lowerdir=" AT("p") ",upperdir=" AT("md/u") ",workdir=" AT("md/w")));
  owner(AT("o"));
  make(AT("o/new"), 0644, 0, 0);
  owner(AT("o/new"));
  owner(AT("d/u/new"));
  SHOW(chown(AT("o/new"), 10003, 4));
  owner(AT("o/new"));
  owner(AT("d/u/new"));
  SHOW(chown(AT("o/new"), 5000, 4));
  owner(AT("o/new"));
  SHOW(chmod(AT("o/plain"), 0640));
  owner(AT("o/plain"));
  owner(AT("d/u/plain"));
  SHOW(mkdir(AT("o/folder"), 0777));
  owner(AT("o/folder"));
  owner(AT("d/u/folder"));
  SHOW(chmod(AT("o/folder"), 0777));
  SHOW(symlink("x", AT("o/symlink")));
  owner(AT("d/u/symlink"));
  SHOW(setxattr(AT("o/new"), "system.posix_acl_access", list, sizeof list, 0));
  show_acl(AT("o/new"));
  show_acl(AT("d/u/new"));
  AS(5000, 5000) { SHOW(open(AT("o/folder/refused"), O_CREAT | O_RDWR, 0644)); }
  AS(500, 500) { SHOW(open(AT("o/folder/made"), O_CREAT | O_RDWR, 0644) >= 0); }
  owner(AT("o/folder/made"));
  owner(AT("d/u/folder/made"));
  SHOW(unlink(AT("o/plain")));
  owner(AT("d/u/plain"));
  SHOW(umount2(AT("o"), 0));
}

int main(int argc, char **argv) {
  if (argc > 1) {
    printf("%d %d\n", geteuid(), getegid());
    return 0;
  }
  unshare(CLONE_NEWNS);
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  umask(022);
  mkdir("/tmp/idmapped-layers", 0755);
  mount("none", "/tmp/idmapped-layers", "tmpfs", 0, "mode=0755");
  lower_layers();
  programs();
  upper_layer();
  return 0;
}
