/* Times of access of symbolic links that are followed and read, by the options of their mount. */
#include "abi.h"
#include <sched.h>
#include <sys/mount.h>

static void begin(long atime) {
  struct timespec times[2] = {{atime, 0}, {100000, 0}};
  utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW);
}

static void told(const char *what) {
  struct stat s;
  fstatat(AT_FDCWD, "link", &s, AT_SYMLINK_NOFOLLOW);
  time_t now = time(NULL);
  printf("%s: %s\n", what, s.st_atime == 90000 ? "as it was" : s.st_atime > now - 100 && s.st_atime <= now ? "now" : "another");
}

static void all(const char *options, int flags) {
  printf("-- %s: ", options);
  SHOW(mount("none", "/tmp/followed", "tmpfs", flags, NULL));
  chdir("/tmp/followed");
  mkdir("folder", 0755);
  close(open("file", O_CREAT | O_WRONLY, 0644));
  symlink("file", "link");
  struct stat s;
  char text[20];
  begin(90000), lstat("link", &s), told("looked at");
  begin(90000), stat("link", &s), told("followed by stat");
  begin(90000), close(open("link", O_RDWR)), told("followed by open");
  begin(90000), open("link", O_RDONLY | O_NOFOLLOW), told("not followed by open");
  begin(90000), readlink("link", text, sizeof text), told("read");
  int fd = open("link", O_PATH | O_NOFOLLOW);
  begin(90000), readlinkat(fd, "", text, sizeof text), told("read by a descriptor");
  close(fd);
  begin(90000), rename("link", "other"), rename("other", "link"), told("renamed");
  unlink("link");
  symlink("folder", "link");
  begin(90000), close(open("link/nothing", O_RDONLY)), told("a folder, on the way");
  begin(90000), chmod("link/", 0700), told("a folder, with a slash");
  unlink("link");
  symlink("nowhere", "link");
  begin(90000), stat("link", &s), told("to nowhere");
  /* Of another day, and of this one. */
  struct timespec later[2] = {{time(NULL) - 50, 0}, {100000, 0}};
  utimensat(AT_FDCWD, "link", later, AT_SYMLINK_NOFOLLOW);
  usleep(20000);
  stat("link", &s), lstat("link", &s);
  printf("soon again: %s\n", s.st_atime == later[0].tv_sec ? "as it was" : "now");
  begin(90000);
  SHOW(mount(NULL, "/tmp/followed", NULL, MS_REMOUNT | MS_RDONLY | flags, NULL));
  stat("link", &s), told("read only");
  chdir("/");
  SHOW(umount("/tmp/followed"));
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  unshare(CLONE_NEWNS);
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  mkdir("/tmp/followed", 0755);
  all("relatime", 0);
  all("strictatime", MS_STRICTATIME);
  all("noatime", MS_NOATIME);
  all("nodiratime", MS_NODIRATIME);
  rmdir("/tmp/followed");
  return 0;
}
