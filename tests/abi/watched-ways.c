/* inotify(7): what single times, O_TRUNC, names that are gone (IN_EXCL_UNLINK) and files of /proc tell. */
#include "abi.h"
#include <sys/inotify.h>
static int queue;
static void told(const char *what) {
  char buffer[4096];
  printf("-- %s\n", what);
  long length = read(queue, buffer, sizeof buffer);
  for (char *at = buffer; at < buffer + length;) {
    struct inotify_event *event = (void *)at;
    printf("wd %d mask %x %s\n", event->wd, event->mask, event->len ? event->name : "");
    at += sizeof *event + event->len;
  }
  fflush(stdout);
}
static void times(long access, long modification) {
  struct timespec both[2] = {{1, access}, {1, modification}};
  SHOW(utimensat(AT_FDCWD, "f", both, 0));
}
int main(void) {
  char folder[] = "/dev/shm/wwXXXXXX", byte;
  mkdtemp(folder);
  chdir(folder);
  int fd = open("f", O_CREAT | O_RDWR, 0600);
  queue = inotify_init1(IN_NONBLOCK);
  SHOW(inotify_add_watch(queue, ".", IN_ALL_EVENTS));
  SHOW(inotify_add_watch(queue, "f", IN_ALL_EVENTS));
  times(UTIME_NOW, UTIME_OMIT);
  told("access time");
  times(UTIME_OMIT, 7);
  told("modification time");
  times(7, UTIME_NOW);
  told("both");
  times(UTIME_OMIT, UTIME_OMIT);
  told("neither");
  write(fd, "abc", 3);
  close(fd);
  told("written");
  fd = open("f", O_RDWR | O_TRUNC);
  told("opened and cut");
  inotify_add_watch(queue, ".", IN_ALL_EVENTS | IN_EXCL_UNLINK);
  inotify_add_watch(queue, "f", IN_ALL_EVENTS | IN_EXCL_UNLINK);
  unlink("f");
  told("unlinked");
  write(fd, "abc", 3);
  pread(fd, &byte, 1, 0);
  told("used without its name");
  ftruncate(fd, 1);
  fchmod(fd, 0644);
  told("changed without its name");
  close(fd);
  told("closed");
  mkdir("d", 0700);
  SHOW(inotify_add_watch(queue, "d", IN_ALL_EVENTS | IN_EXCL_UNLINK));
  fd = open("d", O_RDONLY | O_DIRECTORY);
  rmdir("d");
  told("a folder");
  close(fd);
  told("its end");
  SHOW(inotify_add_watch(queue, "/proc/filesystems", IN_OPEN | IN_ACCESS));
  fd = open("/proc/filesystems", O_RDONLY);
  read(fd, &byte, 1);
  told("of /proc");
  rmdir(folder);
}
