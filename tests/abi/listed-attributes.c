/* Lists of extended attributes on a tmpfs: their order, and what too little room and too long a list are. */
#include "abi.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#define AT "/tmp/listed-attributes"

static char text[200000];

static void list(const char *path) {
  int got = llistxattr(path, text, sizeof text);
  printf("%s:", path + sizeof AT);
  for (int at = 0; at < got; at += strlen(text + at) + 1) printf(" %s", text + at);
  puts(got < 0 ? name_of(errno) : "");
  fflush(stdout);
}

int main(void) {
  mkdir(AT, 0755);
  unshare(CLONE_NEWNS);
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  SHOW(mount("listed", AT, "tmpfs", 0, NULL));
  SHOW(close(open(AT "/file", O_CREAT | O_RDWR, 0644)));
  SHOW(symlink("file", AT "/link"));
  static const char *names[] = {"user.b", "user.a", "trusted.z", "user.ab", "security.x", "user.B", "user.a\303\251", "trusted.y"};
  for (unsigned at = 0; at < sizeof names / sizeof *names; at++) SHOW(setxattr(AT "/file", names[at], "v", 1, 0));
  list(AT "/file");
  static const char named[] = "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\7\0\350\3\0\0\4\0\4\0\377\377\377\377\20\0\7\0\377\377\377\377\40\0\4\0\377\377\377\377";
  SHOW(setxattr(AT "/file", "system.posix_acl_access", named, sizeof named - 1, 0));
  SHOW(setxattr(AT "/file", "user.b", "other", 5, XATTR_REPLACE));
  list(AT "/file");
  SHOW(removexattr(AT "/file", "user.a"));
  SHOW(setxattr(AT "/file", "user.a", "again", 5, XATTR_CREATE));
  list(AT "/file");
  SHOW(lsetxattr(AT "/link", "trusted.l", "v", 1, 0));
  SHOW(lsetxattr(AT "/link", "user.l", "v", 1, 0));
  list(AT "/link");
  SHOW(listxattr(AT "/file", NULL, 0));
  SHOW(listxattr(AT "/file", text, 3));
  SHOW(listxattr(AT "/file", NULL, 200));
  SHOW(listxattr(AT "/absent", NULL, 0));
  fflush(stdout);
  if (fork() == 0) {
    setgid(1000);
    setuid(1000);
    list(AT "/file");
    list(AT "/link");
    SHOW(setxattr(AT "/file", "other", "v", 1, 0));
    SHOW(getxattr(AT "/file", "other", text, 1));
    chmod(AT "/file", 0600);
    _exit(0);
  }
  wait(NULL);
  SHOW(setxattr(AT "/file", "other", "v", 1, 0));
  SHOW(getxattr(AT "/file", "other", text, 1));
  chmod(AT "/file", 0600);
  if (fork() == 0) {
    setgid(1001);
    setuid(1001);
    SHOW(getxattr(AT "/file", "other", text, 1));
    SHOW(getxattr(AT "/file", "user.b", text, 1));
    SHOW(getxattr(AT "/file", "security.x", text, 1));
    list(AT "/file");
    _exit(0);
  }
  wait(NULL);

  SHOW(close(open(AT "/many", O_CREAT | O_RDWR, 0644)));
  for (int at = 0; at < 300; at++) {
    char name[256];
    memset(name, 'x', sizeof name);
    memcpy(name, "user.", 5);
    sprintf(name + 240, "%03d", at);
    setxattr(AT "/many", name, "v", 1, 0);
  }
  SHOW(listxattr(AT "/many", NULL, 0));
  SHOW(listxattr(AT "/many", text, 1000));
  SHOW(listxattr(AT "/many", text, 65535));
  SHOW(listxattr(AT "/many", text, 65536));
  SHOW(listxattr(AT "/many", text, sizeof text));
  SHOW(umount2(AT, 0));
  SHOW(rmdir(AT));
  return 0;
}
