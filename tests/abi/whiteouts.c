#include "abi.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

/* What stands where a name was, for overlays of file systems. */
#define WHITEOUT 4
#define HERE "/tmp/whiteouts"
static int move(const char *from, const char *to, unsigned flags) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags); }
static void look(const char *path) {
  struct stat s; if (lstat(path, &s)) { printf("  %s: %s\n", path, name_of(errno)); return; }
  printf("  %s: %o, device %u:%u, links %lu, size %ld\n", path, s.st_mode, major(s.st_rdev), minor(s.st_rdev), (unsigned long)s.st_nlink, S_ISDIR(s.st_mode) ? 0 : (long)s.st_size);
}
static void make(const char *path, const char *text) { int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644); write(fd, text, strlen(text)); close(fd); }
int main(void) {
  umask(0); unshare(CLONE_NEWNS); mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL); mkdir(HERE, 0755); mount("none", HERE, "tmpfs", 0, NULL); chdir(HERE);
  mkdir("d", 0755); make("a", "a"); make("b", "old b");
  SHOW(move("a", "b", WHITEOUT)); look("a"); look("b"); SHOW(open("a", O_RDONLY));
  SHOW(move("b", "d/c", WHITEOUT | 1)); look("b"); look("d/c"); SHOW(move("d/c", "a", WHITEOUT | 1)); SHOW(move("d/c", "a", WHITEOUT | 2)); SHOW(move("d/c", "a", 8)); SHOW(move("none", "x", WHITEOUT));
  mkdir("e", 0755); make("e/f", "f"); SHOW(move("e", "g", WHITEOUT)); look("e"); look("g"); look("g/f"); SHOW(unlink("e")); SHOW(move("g/f", "g/h", WHITEOUT)); SHOW(rmdir("g")); SHOW(unlink("g/f")); SHOW(unlink("g/h")); SHOW(rmdir("g"));
  make("h", "h"); link("h", "i"); SHOW(move("h", "i", WHITEOUT)); look("h"); look("i");
  chmod(".", 0777); setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); make("mine", "m"); SHOW(move("mine", "yours", WHITEOUT)); look("mine"); SHOW(mknod("made", S_IFCHR | 0600, 0)); look("made"); SHOW(mknod("device", S_IFCHR | 0600, makedev(1, 3)));
  return 0;
}
