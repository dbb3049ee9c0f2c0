#include "abi.h"
#include <sched.h>
#include <sys/mount.h>
static void say(int fd) { char link[64], to[4096]; snprintf(link, 64, "/proc/self/fd/%d", fd); long n = readlink(link, to, 4095); if (n < 0) printf("%s\n", name_of(errno)); else { to[n] = 0; printf("  %s\n", to); } fflush(stdout); }
static void here(void) { char b[4096]; long n = syscall(SYS_getcwd, b, 4096); if (n < 0) printf("  cwd %s\n", name_of(errno)); else printf("  cwd %s\n", b); fflush(stdout); }
int main(void) {
  SHOW(unshare(CLONE_NEWNS)); mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL); mkdir("/tmp/taken-mounts", 0755); SHOW(mount("t", "/tmp/taken-mounts", "tmpfs", 0, NULL)); mkdir("/tmp/taken-mounts/a", 0755); mkdir("/tmp/taken-mounts/a/b", 0755); SHOW(mount("t", "/tmp/taken-mounts/a", "tmpfs", 0, NULL)); mkdir("/tmp/taken-mounts/a/c", 0755);
  int top = open("/tmp/taken-mounts", O_PATH), sub = open("/tmp/taken-mounts/a", O_PATH), in = open("/tmp/taken-mounts/a/c", O_PATH), file = open("/tmp/taken-mounts/a/f", O_CREAT | O_RDWR, 0600); say(top); say(sub); say(in); say(file); SHOW(chdir("/tmp/taken-mounts/a/c")); here();
  SHOW(umount2("/tmp/taken-mounts", MNT_DETACH)); say(top); say(sub); say(in); say(file); here();
  struct stat one, two; SHOW(chdir("..")); here(); stat(".", &one); stat("..", &two); SHOW(one.st_ino == two.st_ino && one.st_dev == two.st_dev); SHOW(chdir("..")); here(); stat(".", &one); fstat(sub, &two); SHOW(one.st_ino == two.st_ino && one.st_dev == two.st_dev);
  SHOW(fchdir(top)); here(); SHOW(mount(NULL, ".", NULL, MS_SLAVE, NULL)); SHOW(mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)); SHOW(mount("t", ".", "tmpfs", 0, NULL)); SHOW(mount(".", ".", NULL, MS_BIND, NULL)); SHOW(chdir("..")); here(); SHOW(faccessat(top, "a", F_OK, 0)); SHOW(faccessat(top, "a/b", F_OK, 0)); SHOW(faccessat(top, "a/c", F_OK, 0)); fstatat(top, "a", &one, 0); fstat(sub, &two); SHOW(one.st_dev == two.st_dev); SHOW(faccessat(sub, "c", F_OK, 0)); SHOW(faccessat(sub, "../b", F_OK, 0)); SHOW(mkdirat(sub, "new", 0755)); SHOW(faccessat(sub, "new", F_OK, 0));
  SHOW(fchdir(sub)); SHOW(chroot(".")); here(); SHOW(access("/c", F_OK)); SHOW(access("/../c", F_OK)); say(top); say(in);
}
