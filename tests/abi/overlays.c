/* overlayfs: what a tree of several layers shows, what is copied up, what hides what, and what is refused. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *name(int result) { return result < 0 ? strerrorname_np(errno) : "0"; }
static void tell(const char *what, int result) { printf("%s: %s\n", what, name(result)); }

static void put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) printf("put %s: %s\n", path, name(-1));
  if (fd >= 0) close(fd);
}

static void show(const char *path) {
  char text[256];
  int fd = open(path, O_RDONLY);
  int count = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (count < 0) printf("%s: %s\n", path, name(-1));
  else {
    text[count] = 0;
    printf("%s: \"%s\"\n", path, text);
  }
  if (fd >= 0) close(fd);
}

static int by_name(const void *one, const void *other) { return strcmp(*(char **)one, *(char **)other); }

/* Names with their kinds: / folder, @ link, w whiteout, c other device, = socket, | fifo. */
static void list(const char *path) {
  DIR *folder = opendir(path);
  char *names[64];
  int count = 0;
  printf("%s:", path);
  if (folder == NULL) {
    printf(" %s\n", name(-1));
    return;
  }
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    struct stat status;
    char text[300];
    if (fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
      snprintf(text, sizeof text, "%s(%s)", entry->d_name, name(-1));
    } else {
      const char *kind = S_ISDIR(status.st_mode) ? "/" : S_ISLNK(status.st_mode) ? "@" : S_ISSOCK(status.st_mode) ? "="
        : S_ISFIFO(status.st_mode) ? "|" : S_ISCHR(status.st_mode) ? (status.st_rdev == 0 ? "w" : "c") : "";
      snprintf(text, sizeof text, "%s%s%s", entry->d_name, kind, S_ISDIR(status.st_mode) || entry->d_ino == status.st_ino ? "" : "(other number)");
    }
    names[count++] = strdup(text);
  }
  closedir(folder);
  qsort(names, count, sizeof *names, by_name);
  for (int at = 0; at < count; at++) printf(" %s", names[at]);
  printf("\n");
}

static void mark(const char *path, const char *attribute) {
  char value[16];
  int length = getxattr(path, attribute, value, sizeof value);
  if (length < 0) printf("%s of %s: %s\n", attribute, path, name(-1));
  else printf("%s of %s: %.*s\n", attribute, path, length, value);
}

static void look(const char *path) {
  struct stat status;
  if (lstat(path, &status) < 0) printf("%s: %s\n", path, name(-1));
  else if (S_ISCHR(status.st_mode) && status.st_rdev == 0) printf("%s: whiteout\n", path);
  else
    printf("%s: %o %d:%d, %d links, %lld bytes, changed %lld\n", path, status.st_mode, status.st_uid, status.st_gid,
           (int)status.st_nlink, S_ISDIR(status.st_mode) ? -1LL : (long long)status.st_size,
           S_ISDIR(status.st_mode) ? -1LL : (long long)status.st_mtime > 1000000000 ? 1LL : (long long)status.st_mtime);
}

static void set_time(const char *path, time_t when) {
  struct timespec times[2] = {{when, 0}, {when, 0}};
  utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

static int overlay(const char *target, const char *options) { return mount("overlay", target, "overlay", 0, options); }

static void refusals(void) {
  printf("-- refusals\n");
  mkdir("m", 0755);
  tell("nothing", overlay("m", ""));
  tell("one lower alone", overlay("m", "lowerdir=low"));
  tell("no working folder", overlay("m", "lowerdir=low,upperdir=up"));
  tell("unknown option", overlay("m", "lowerdir=low,upperdir=up,workdir=work,nonsense=1"));
  tell("bad value", overlay("m", "lowerdir=low,upperdir=up,workdir=work,index=perhaps"));
  tell("absent lower", overlay("m", "lowerdir=absent,upperdir=up,workdir=work"));
  tell("absent upper", overlay("m", "lowerdir=low,upperdir=absent,workdir=work"));
  tell("lower is a file", overlay("m", "lowerdir=low/file,upperdir=up,workdir=work"));
  tell("working folder within the upper", overlay("m", "lowerdir=low,upperdir=up,workdir=up/work"));
  tell("working folder is the upper", overlay("m", "lowerdir=low,upperdir=up,workdir=up"));
  mkdir("elsewhere", 0755);
  tell("another file system", mount("none", "elsewhere", "tmpfs", 0, NULL));
  tell("working folder elsewhere", overlay("m", "lowerdir=low,upperdir=up,workdir=elsewhere"));
  tell("upper read-only", mount(NULL, "elsewhere", NULL, MS_REMOUNT | MS_RDONLY, NULL));
  tell("a read-only upper", overlay("m", "lowerdir=low,upperdir=elsewhere,workdir=elsewhere"));
  tell("without it", umount("elsewhere"));
  tell("lower twice", overlay("m", "lowerdir=low:low"));
  tell("lower within lower", overlay("m", "lowerdir=low/folder:low"));
  tell("lower is the upper", overlay("m", "lowerdir=up,upperdir=up,workdir=work"));
}

static void merging(void) {
  printf("-- merging\n");
  list("m");
  list("m/folder");
  list("m/folder/deep");
  show("m/file");
  show("m/both");
  show("m/folder/of-low");
  look("m/file");
  look("m/folder");
  char target[64];
  int length = readlink("m/link", target, sizeof target);
  printf("link: %.*s\n", length, target);
  struct statfs system;
  statfs("m", &system);
  printf("magic %lx\n", (long)system.f_type);
  struct stat one, other, top;
  stat("m", &top);
  stat("m/file", &one);
  stat("m/folder", &other);
  printf("one device: %d\n", one.st_dev == other.st_dev && one.st_dev == top.st_dev);
  int fd = open("m/file", O_RDONLY);
  fstat(fd, &other);
  printf("the same when open: %d\n", one.st_dev == other.st_dev && one.st_ino == other.st_ino);
  close(fd);
}

static void copying_up(void) {
  printf("-- copying up\n");
  int before = open("m/file", O_RDONLY);
  struct stat one, other;
  fstat(before, &one);
  int fd = open("m/file", O_RDWR);
  tell("nothing is written yet", access("up/file", F_OK));
  fstat(fd, &other);
  printf("the same number: %d\n", one.st_ino == other.st_ino);
  pwrite(fd, "CHANGED", 7, 0);
  show("m/file");
  show("up/file");
  show("low/file");
  look("up/file");
  close(fd);
  close(before);
  tell("mode of a lower file", chmod("m/plain", 04750));
  look("m/plain");
  look("up/plain");
  look("low/plain");
  tell("time of a lower file", (set_time("m/folder/of-low", 5000), 0));
  look("m/folder/of-low");
  list("up");
  list("up/folder");
  look("up/folder");
  tell("owner of a lower link", lchown("m/link", 7, 8));
  look("up/link");
  tell("truncate", truncate("m/long", 10));
  look("m/long");
  look("low/long");
  show("m/long");
  tell("an attribute", setxattr("m/attributed", "user.more", "x", 1, 0));
  mark("up/attributed", "user.kept");
  mark("up/attributed", "user.more");
  mark("low/attributed", "user.more");
  tell("removing what is not there", removexattr("m/untouched", "user.none"));
  tell("a list that is not there", removexattr("m/untouched", "system.posix_acl_access"));
  tell("nor by an empty one", setxattr("m/untouched", "system.posix_acl_access", "", 0, 0));
  tell("one of folders", removexattr("m/untouched", "system.posix_acl_default"));
  tell("one of folders, empty", setxattr("m/untouched", "system.posix_acl_default", "", 0, 0));
  tell("of a folder", removexattr("m/folder/deep", "system.posix_acl_access"));
  tell("for what is in it", removexattr("m/folder/deep", "system.posix_acl_default"));
  tell("by an empty one", setxattr("m/folder/deep", "system.posix_acl_default", "", 0, 0));
  tell("is not copied", access("up/untouched", F_OK) && access("up/folder/deep", F_OK) ? -1 : 0);
  tell("a list of what was copied", removexattr("m/attributed", "system.posix_acl_access"));
  tell("an empty one", setxattr("m/attributed", "system.posix_acl_access", "", 0, 0));
  tell("a longer file", (fd = open("m/sparse", O_WRONLY | O_APPEND)) < 0 ? -1 : 0);
  write(fd, "end", 3);
  close(fd);
  look("m/sparse");
  fd = open("m/sparse", O_RDONLY);
  char bytes[4] = "";
  pread(fd, bytes, 3, 300000);
  printf("its end: %s\n", bytes);
  pread(fd, bytes, 3, 100000);
  printf("its middle: %d%d%d\n", bytes[0], bytes[1], bytes[2]);
  close(fd);
}

static void names(void) {
  printf("-- names\n");
  tell("remove a lower file", unlink("m/gone"));
  list("up");
  tell("it is gone", access("m/gone", F_OK));
  tell("remove it again", unlink("m/gone"));
  put("m/gone", "anew");
  show("m/gone");
  look("up/gone");
  show("low/gone");
  put("m/fresh", "fresh");
  tell("remove a file of the upper", unlink("m/fresh"));
  tell("leaves nothing", access("up/fresh", F_OK));
  tell("remove a folder that is not empty", rmdir("m/folder"));
  tell("remove what is in one", unlink("m/doomed/one"));
  tell("and it", rmdir("m/doomed"));
  look("up/doomed");
  tell("make it anew", mkdir("m/doomed", 0700));
  list("m/doomed");
  mark("up/doomed", "trusted.overlay.opaque");
  mark("m/doomed", "trusted.overlay.opaque");
  tell("a mark through the overlay", setxattr("m/doomed", "trusted.overlay.opaque", "n", 1, 0));
  mark("m/doomed", "trusted.overlay.opaque");
  mark("up/doomed", "trusted.overlay.opaque");
  mark("up/doomed", "trusted.overlay.overlay.opaque");
  char names[256] = "";
  int length = listxattr("m/doomed", names, sizeof names);
  printf("%d bytes of names, %s\n", length, names);
  tell("without it", removexattr("m/doomed", "trusted.overlay.opaque"));
  mark("up/doomed", "trusted.overlay.opaque");
  tell("a fifo", mkfifo("m/fifo", 0644));
  tell("a whiteout", mknod("m/white", S_IFCHR, 0));
  tell("a device", mknod("m/null", S_IFCHR | 0666, makedev(1, 3)));
  tell("a link", link("m/both", "m/another"));
  look("m/another");
  tell("a link to a lower file", link("m/linked", "m/linked-too"));
  look("m/linked");
  put("m/linked-too", "through the other");
  show("m/linked");
  tell("symbolic", symlink("somewhere", "m/new-link"));
  list("m");
  list("up");
}

static void moving(void) {
  printf("-- moving\n");
  tell("a lower file", rename("m/moving", "m/moved"));
  show("m/moved");
  look("up/moving");
  show("low/moving");
  tell("over a lower file", rename("m/moved", "m/target"));
  show("m/target");
  look("up/moved");
  tell("a lower folder", rename("m/folder", "m/elsewhere"));
  tell("mkdir", mkdir("m/pure", 0755));
  put("m/pure/inside", "inside");
  tell("a new folder", rename("m/pure", "m/purer"));
  show("m/purer/inside");
  look("up/pure");
  tell("empty a lower folder", unlink("m/emptied/one"));
  tell("a new folder over it", rename("m/purer", "m/emptied"));
  list("m/emptied");
  mark("up/emptied", "trusted.overlay.opaque");
  tell("a new folder to where one was", (rmdir("m/vanishing"), mkdir("m/pure", 0755), rename("m/pure", "m/vanishing")));
  list("m/vanishing");
  mark("up/vanishing", "trusted.overlay.opaque");
  tell("exchange", renameat2(AT_FDCWD, "m/both", AT_FDCWD, "m/target", RENAME_EXCHANGE));
  show("m/both");
  show("m/target");
  tell("exchange with a lower folder", renameat2(AT_FDCWD, "m/both", AT_FDCWD, "m/folder", RENAME_EXCHANGE));
  tell("not over another", renameat2(AT_FDCWD, "m/both", AT_FDCWD, "m/plain", RENAME_NOREPLACE));
  tell("with a whiteout", renameat2(AT_FDCWD, "m/both", AT_FDCWD, "m/both-moved", RENAME_WHITEOUT));
  tell("into itself", rename("m/emptied", "m/emptied/below"));
  list("up");
  list("m");
}

static void open_files(void) {
  printf("-- open files\n");
  int old = open("m/watched", O_RDONLY);
  int fd = open("m/watched", O_RDWR);
  tell("lock of one", flock(old, LOCK_EX | LOCK_NB));
  tell("and of the other", flock(fd, LOCK_EX | LOCK_NB));
  flock(old, LOCK_UN);
  char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  memcpy(map, "MAPPED", 6);
  msync(map, 4096, MS_SYNC);
  show("m/watched");
  show("low/watched");
  unlink("m/watched");
  tell("it is gone", access("m/watched", F_OK));
  struct stat status;
  fstat(fd, &status);
  printf("links of what is open: %d\n", (int)status.st_nlink);
  char bytes[8] = "";
  pread(fd, bytes, 6, 0);
  printf("it reads \"%s\"\n", bytes);
  close(fd);
  close(old);
  munmap(map, 4096);
  fd = open("m/unlinked", O_RDONLY);
  unlink("m/unlinked");
  pread(fd, bytes, 6, 0);
  printf("a lower one reads \"%s\"\n", bytes);
  close(fd);
  fd = open("m", O_TMPFILE | O_RDWR, 0644);
  tell("without a name", fd);
  write(fd, "tmp", 3);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  tell("its first", linkat(AT_FDCWD, path, AT_FDCWD, "m/named", AT_SYMLINK_FOLLOW));
  close(fd);
  show("m/named");
  show("up/named");
  int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "m/socket"};
  tell("a socket", bind(server, (struct sockaddr *)&address, sizeof address));
  listen(server, 1);
  tell("is reached", connect(client, (struct sockaddr *)&address, sizeof address));
  close(client);
  client = socket(AF_UNIX, SOCK_STREAM, 0);
  strcpy(address.sun_path, "up/socket");
  tell("through the layer, too", connect(client, (struct sockaddr *)&address, sizeof address));
  close(client);
  close(server);
  fd = open("m/script", O_WRONLY);
  tell("script for writing", fd);
  close(fd);
}

static void whole(void) {
  printf("-- lower layers alone\n");
  tell("away", umount("m"));
  tell("two lowers", overlay("m", "lowerdir=up:low"));
  list("m");
  show("m/file");
  show("m/moved");
  tell("write", open("m/file", O_WRONLY));
  tell("make", mkdir("m/made", 0755));
  tell("mode", chmod("m/file", 0600));
  tell("writable", mount(NULL, "m", NULL, MS_REMOUNT, NULL));
  mkdir("n", 0755);
  mkdir("up2", 0755);
  mkdir("work2", 0755);
  tell("an overlay on one", overlay("n", "lowerdir=m,upperdir=up2,workdir=work2"));
  put("n/file", "on top");
  show("n/file");
  show("m/file");
  list("up2");
  mkdir("o", 0755);
  mkdir("up3", 0755);
  mkdir("work3", 0755);
  tell("and one more", overlay("o", "lowerdir=n,upperdir=up3,workdir=work3"));
  tell("busy below", umount("m"));
  tell("away", umount("n"));
  tell("away", umount("m"));
  tell("again", overlay("m", "lowerdir=low,upperdir=up,workdir=work"));
  list("m");
  list("m/folder");
  list("m/doomed");
  list("m/emptied");
  show("m/file");
  tell("away", umount("m"));
}

/* As many small files as a listing needs several calls for. */
static void many(void) {
  printf("-- many\n");
  char path[64];
  for (int at = 0; at < 700; at++) {
    snprintf(path, sizeof path, "low/many/%03d", at);
    put(path, "low");
  }
  tell("mount", overlay("m", "lowerdir=low,upperdir=up,workdir=work"));
  for (int at = 0; at < 700; at += 3) {
    snprintf(path, sizeof path, "m/many/%03d", at);
    if (at % 2) unlink(path);
    else put(path, "up");
  }
  DIR *folder = opendir("m/many");
  int count = 0, first = 0, sum = 0;
  long half = 0;
  for (struct dirent *entry; (entry = readdir(folder)); count++) {
    if (count == 300) half = telldir(folder);
    if (entry->d_name[0] != '.') sum += atoi(entry->d_name);
  }
  printf("%d names, sum %d\n", count, sum);
  seekdir(folder, half);
  while (readdir(folder)) first++;
  printf("%d from the middle on\n", first);
  rewinddir(folder);
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (entry->d_name[0] == '.') continue;
    unlinkat(dirfd(folder), entry->d_name, 0);
  }
  closedir(folder);
  tell("all removed", rmdir("m/many"));
  tell("away", umount("m"));
}

/* In a user namespace: marks lie where everybody may set them. */
static void unprivileged(void) {
  printf("-- in a user namespace\n");
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    mkdir("low4", 0755), mkdir("up4", 0777), mkdir("work4", 0777), mkdir("m4", 0777);
    put("low4/of-root", "root's");
    chmod("low4/of-root", 0666);
    put("low4/mine", "mine");
    chown("low4/mine", 1000, 1000);
    mkdir("low4/gone", 0755);
    chown("low4", 1000, 1000), chown("low4/gone", 1000, 1000), chown("up4", 1000, 1000), chown("work4", 1000, 1000);
    setgid(1000);
    setuid(1000);
    prctl(PR_SET_DUMPABLE, 1);
    tell("unshare", unshare(CLONE_NEWUSER | CLONE_NEWNS));
    int fd = open("/proc/self/setgroups", O_WRONLY);
    write(fd, "deny", 4);
    close(fd);
    fd = open("/proc/self/uid_map", O_WRONLY);
    write(fd, "0 1000 1", 8);
    close(fd);
    fd = open("/proc/self/gid_map", O_WRONLY);
    write(fd, "0 1000 1", 8);
    close(fd);
    tell("mount", overlay("m4", "lowerdir=low4,upperdir=up4,workdir=work4,userxattr"));
    tell("its own file", open("m4/mine", O_WRONLY) < 0 ? -1 : 0);
    tell("of another", open("m4/of-root", O_WRONLY) < 0 ? -1 : 0);
    tell("rmdir", rmdir("m4/gone"));
    tell("mkdir", mkdir("m4/gone", 0755));
    mark("up4/gone", "user.overlay.opaque");
    tell("remove another's", unlink("m4/of-root"));
    list("m4");
    list("up4");
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  umask(022);
  mkdir("/tmp/overlays", 0755);
  unshare(CLONE_NEWNS);
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  tell("tmpfs", mount("none", "/tmp/overlays", "tmpfs", 0, "mode=755"));
  chdir("/tmp/overlays");
  for (const char **at = (const char *[]){"low", "up", "work", "low/folder", "low/folder/deep", "low/doomed", "low/many",
                                         "low/emptied", "low/vanishing", "up/folder", NULL}; *at; at++) mkdir(*at, 0755);
  for (const char **at = (const char *[]){"file", "both", "plain", "long", "attributed", "untouched", "gone", "linked",
                                         "moving", "target", "watched", "unlinked", "folder/of-low", "folder/deep/x",
                                         "doomed/one", "emptied/one", NULL}; *at; at++) {
    char path[64], text[64];
    snprintf(path, sizeof path, "low/%s", *at);
    snprintf(text, sizeof text, "%s of low, and some more", *at);
    put(path, text);
    set_time(path, 1000);
  }
  put("up/both", "both of up");
  put("up/folder/of-up", "of up");
  symlink("file", "low/link");
  setxattr("low/attributed", "user.kept", "k", 1, 0);
  put("low/sparse", "");
  int fd = open("low/sparse", O_WRONLY);
  pwrite(fd, "\1\2\3", 3, 100000);
  ftruncate(fd, 300000);
  close(fd);
  put("low/script", "#!/bin/true\n");
  chmod("low/script", 0755);
  refusals();
  tell("overlay", overlay("m", "lowerdir=low,upperdir=up,workdir=work"));
  merging();
  copying_up();
  names();
  moving();
  open_files();
  whole();
  many();
  unprivileged();
  chdir("/");
  return 0;
}
