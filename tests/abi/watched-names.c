#include "abi.h"
#include <sys/inotify.h>

/* What inotify tells of names that come and go, and of folders that are read. */
int main(void) {
  char bytes[4096]; umask(0); mkdir("/tmp/watched-names", 0700); close(open("/tmp/watched-names/a", O_CREAT | O_RDWR, 0600));
  int queue = inotify_init1(IN_NONBLOCK); inotify_add_watch(queue, "/tmp/watched-names", IN_ALL_EVENTS); inotify_add_watch(queue, "/tmp/watched-names/a", IN_ALL_EVENTS);
  SHOW(link("/tmp/watched-names/a", "/tmp/watched-names/b")); int fd = open("/tmp/watched-names", O_RDONLY);
  while (syscall(SYS_getdents64, fd, bytes, sizeof bytes) > 0);
  close(fd); SHOW(mkdir("/tmp/watched-names/c", 0700)); SHOW(unlink("/tmp/watched-names/a")); SHOW(unlink("/tmp/watched-names/b")); SHOW(rmdir("/tmp/watched-names/c")); SHOW(rmdir("/tmp/watched-names"));
  long got = read(queue, bytes, sizeof bytes);
  for (long at = 0; at < got;) { struct inotify_event *event = (void *)(bytes + at); printf("  %d %x %s\n", event->wd, event->mask, event->len ? event->name : ""); at += sizeof *event + event->len; }
  return 0;
}
