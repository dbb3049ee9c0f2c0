#include "abi.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/vfs.h>

/* Mounts that came from another user namespace go with what they are on alone; who still is there sees nothing of what they cover. */

static void look(int at, const char *path) { int f = openat(at, path, O_RDONLY); if (f < 0) { printf("  %s: %s\n", path, name_of(errno)); } else { struct stat s; fstat(f, &s); printf("  %s: there, %d links\n", path, s.st_nlink == 0 ? 0 : 1); close(f); } fflush(stdout); }
static void put(const char *path) { int f = open(path, O_CREAT | O_WRONLY, 0644); if (f >= 0) close(f); }
static void map(const char *file, const char *text) { int f = open(file, O_WRONLY); if (write(f, text, strlen(text)) < 0) printf("%s: %s\n", file, name_of(errno)); close(f); }
static void child(void) {
  SHOW(unshare(CLONE_NEWUSER | CLONE_NEWNS)); map("/proc/self/setgroups", "deny"); map("/proc/self/uid_map", "0 0 1"); map("/proc/self/gid_map", "0 0 1");
  SHOW(umount2("/tmp/covered/top/in/deep", MNT_DETACH)); SHOW(umount2("/tmp/covered/top/in", MNT_DETACH)); SHOW(umount2("/tmp/covered/top", MNT_DETACH)); int root = open("/tmp/covered", O_RDONLY | O_DIRECTORY); look(root, "top/in/deep/shown");
  /* A copy, whose top is the copier's own. */
  SHOW(mkdir("/tmp/covered/other", 0755)); SHOW(mount("/tmp/covered/top", "/tmp/covered/other", NULL, MS_BIND, NULL)); SHOW(mount("/tmp/covered/top", "/tmp/covered/other", NULL, MS_BIND | MS_REC, NULL));
  int top = open("/tmp/covered/other", O_RDONLY | O_DIRECTORY), in = open("/tmp/covered/other/in", O_RDONLY | O_DIRECTORY), deep = open("/tmp/covered/other/in/deep", O_RDONLY | O_DIRECTORY);
  SHOW(umount2("/tmp/covered/other/in", MNT_DETACH)); SHOW(umount2("/tmp/covered/other", MNT_DETACH)); look(root, "other/in");
  look(top, "in"); look(top, "in/hidden"); look(top, "in/deep"); look(top, "in/deep/hidden"); look(top, "in/deep/shown"); look(in, "deep/hidden"); look(in, "deep/shown"); look(in, "../in/hidden"); look(in, ".."); look(deep, "shown"); look(deep, "../hidden"); look(deep, "../../in/shown");
  SHOW(close(top)); look(in, "deep/hidden"); look(in, "deep/shown"); look(in, ".."); look(in, "../in/shown"); SHOW(close(in)); look(deep, "shown"); look(deep, "../shown"); look(deep, ".."); SHOW(close(deep));
  /* In use when it goes, by files alone. */
  SHOW(mount("/tmp/covered/top", "/tmp/covered/other", NULL, MS_BIND | MS_REC, NULL)); int f = open("/tmp/covered/other/in/deep/shown", O_RDONLY); SHOW(chdir("/tmp/covered/other/in")); SHOW(umount2("/tmp/covered/other", MNT_DETACH)); look(AT_FDCWD, "deep/shown"); look(AT_FDCWD, "hidden"); SHOW(chdir("/")); char c; SHOW(read(f, &c, 1)); close(f); SHOW(rmdir("/tmp/covered/other"));
}
int main(void) {
  SHOW(unshare(CLONE_NEWNS)); SHOW(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)); mkdir("/tmp/covered", 0755); SHOW(mount("none", "/tmp/covered", "tmpfs", 0, "mode=755"));
  mkdir("/tmp/covered/top", 0755); SHOW(mount("none", "/tmp/covered/top", "tmpfs", 0, NULL)); mkdir("/tmp/covered/top/in", 0755); put("/tmp/covered/top/in/hidden"); SHOW(mount("none", "/tmp/covered/top/in", "tmpfs", 0, NULL)); put("/tmp/covered/top/in/shown"); mkdir("/tmp/covered/top/in/deep", 0755); put("/tmp/covered/top/in/deep/hidden"); SHOW(mount("none", "/tmp/covered/top/in/deep", "tmpfs", 0, NULL)); put("/tmp/covered/top/in/deep/shown");
  fflush(stdout); if (fork() == 0) { child(); _exit(0); } wait(NULL); SHOW(umount2("/tmp/covered", MNT_DETACH)); SHOW(rmdir("/tmp/covered")); return 0;
}
