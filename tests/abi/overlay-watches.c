#include "abi.h"
#include <dirent.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mount.h>
/* Who watches a layer of an overlay hears what is done to its files by way of the overlay. */
static int in; static const char *names[8];
static void watch(const char *path) { int w = inotify_add_watch(in, path, IN_ALL_EVENTS); HOLDS(w > 0); names[w] = path; }
static void events(const char *what) {
  char b[4096] __attribute__((aligned(8))); long n = read(in, b, sizeof b); printf("%s:\n", what);
  for (long at = 0; at < n;) { struct inotify_event *e = (void *)(b + at); printf("  %s %x %s\n", names[e->wd], e->mask, e->len ? e->name : ""); at += sizeof *e + e->len; }
}
static void write_to(const char *path, const char *text, int flags) { int fd = open(path, O_WRONLY | flags, 0644); SHOW(write(fd, text, strlen(text))); close(fd); }
int main(void) {
  char base[] = "/tmp/watches.XXXXXX"; if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || !mkdtemp(base) || mount("none", base, "tmpfs", 0, NULL) || chdir(base)) { perror("begin"); return 1; }
  mkdir("low", 0755); mkdir("up", 0755); mkdir("work", 0755); mkdir("all", 0755); mkdir("up/folder", 0755); write_to("low/below", "below", O_CREAT); write_to("up/above", "above", O_CREAT); write_to("up/folder/inner", "inner", O_CREAT);
  SHOW(mount("none", "all", "overlay", 0, "lowerdir=low,upperdir=up,workdir=work"));
  in = inotify_init1(IN_NONBLOCK); watch("low"); watch("up"); watch("up/above"); watch("up/folder"); char b[100]; int fd;
  SHOW(fd = open("all/below", O_RDONLY)); events("open a lower file"); SHOW(read(fd, b, 100)); events("read it"); close(fd); events("close it");
  fd = open("all/above", O_RDWR); events("open an upper file"); SHOW(write(fd, "more", 4)); events("write it"); SHOW(pread(fd, b, 100, 0)); events("read it"); SHOW(close(fd)); events("close it");
  fd = open("all/folder/inner", O_RDONLY); close(fd); events("open and close in a folder");
  DIR *d = opendir("all/folder"); events("open a folder"); while (readdir(d)) {} closedir(d); events("read and close it");
  SHOW(chmod("all/above", 0600)); events("chmod"); SHOW(truncate("all/above", 3)); events("truncate");
  chdir("/"); umount2(base, MNT_DETACH); rmdir(base);
}
