#include "abi.h"
#include <sys/inotify.h>

/* What inotify tells of a file that takes another's name, and of two that exchange theirs, in which order. */
static int queue;
static void show(const char *what) {
  char bytes[8192] __attribute__((aligned(8))); long got = read(queue, bytes, sizeof bytes); printf("%s\n", what);
  for (long at = 0; at < got;) { struct inotify_event *event = (void *)(bytes + at); printf("  %d %x %s\n", event->wd, event->mask, event->len ? event->name : ""); at += sizeof *event + event->len; }
}
int main(void) {
  umask(0); mkdir("/tmp/watched-renames", 0700); chdir("/tmp/watched-renames"); queue = inotify_init1(IN_NONBLOCK);
  for (const char *name = "abcd"; *name; name++) { char path[2] = {*name, 0}; close(open(path, O_CREAT | O_RDWR, 0600)); inotify_add_watch(queue, path, IN_ALL_EVENTS); }
  link("d", "e"); inotify_add_watch(queue, ".", IN_ALL_EVENTS); show("watched");
  SHOW(rename("a", "b")); show("over another"); SHOW(renameat2(AT_FDCWD, "b", AT_FDCWD, "c", 2)); show("exchanged"); SHOW(rename("b", "d")); show("over one of two names");
  unlink("c"); unlink("d"); unlink("e"); chdir("/"); SHOW(rmdir("/tmp/watched-renames"));
  return 0;
}
