#include "abi.h"
#include <stdint.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <grp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sched.h>

/*
 * fanotify: which flags go together, what each kind of listener is told of the same changes, in which words, what is
 * joined to one event, who decides, and what is kept from whom. Files are told by names that the program knows.
 */
#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x1000
#endif
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x200
#endif
#ifndef FAN_MARK_IGNORE
#define FAN_MARK_IGNORE 0x400
#endif
#define HERE "/tmp/fanotify"
static struct file_handle *handles[99]; static const char *names[99]; static int known;
/* Makes a file one whose handle is shown by a name. */
static void know(const char *path, const char *name) {
  struct file_handle *h = malloc(sizeof *h + 128); int mount; h->handle_bytes = 128;
  if (name_to_handle_at(AT_FDCWD, path, h, &mount, 0) == 0) { handles[known] = h; names[known++] = name; }
}
static const char *name_by(struct file_handle *h) {
  for (int i = known - 1; i >= 0; i--)
    if (handles[i]->handle_bytes == h->handle_bytes && memcmp(handles[i]->f_handle, h->f_handle, h->handle_bytes) == 0) return names[i];
  return "?";
}
static int q; static char buffer[65536] __attribute__((aligned(8)));
static void show(const char *what) {
  printf("%s\n", what); long got = read(q, buffer, sizeof buffer);
  if (got < 0) { printf("  %s\n", name_of(errno)); return; }
  for (long at = 0; at < got;) {
    struct fanotify_event_metadata *e = (void *)(buffer + at);
    int length = e->event_len;
    for (int in = e->metadata_len; in < (int)e->event_len;) { struct fanotify_event_info_header *h = (void *)(buffer + at + in); if (h->info_type != 4) length -= ((struct file_handle *)(h + 3))->handle_bytes; in += h->len; }
    printf("  %llx v%d len %d+%d %s %s", (unsigned long long)e->mask, e->vers, e->metadata_len, length, e->pid == getpid() ? "mine" : e->pid == 0 ? "nobody's" : "other's", e->fd >= 0 ? "fd" : e->fd == FAN_NOFD ? "nofd" : "bad");
    if (e->fd >= 0) {
      char link[64], path[256]; snprintf(link, sizeof link, "/proc/self/fd/%d", e->fd); long n = readlink(link, path, 255);
      path[n < 0 ? 0 : n] = 0; printf(" %s %o", path, fcntl(e->fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_NOATIME)); close(e->fd);
    }
    for (int in = e->metadata_len; in < (int)e->event_len;) {
      struct fanotify_event_info_header *h = (void *)(buffer + at + in);
      printf(" [%d", h->info_type);
      if (h->info_type == 4) printf(" pidfd %s", *(int *)(h + 1) >= 0 ? "yes" : "no"), close(*(int *)(h + 1));
      else {
        struct fanotify_event_info_fid *f = (void *)h; struct file_handle *fh = (void *)f->handle; char *name = (char *)fh->f_handle + fh->handle_bytes;
        printf(" %s", name_by(fh)); if (h->info_type == 2 || h->info_type >= 10) printf(" \"%s\"", name);
        printf(" %s", h->len % 4 == 0 ? "even" : "odd");
      }
      printf("]"); in += h->len;
    }
    printf("\n"); at += e->event_len;
  }
}
static int init(unsigned flags) { return q = fanotify_init(flags | FAN_NONBLOCK, O_RDONLY); }
/* A day in the life of a folder. */
static void change(void) {
  int fd = open(HERE "/d/a", O_CREAT | O_RDWR, 0644); know(HERE "/d/a", "a"); write(fd, "x", 1); char c; pread(fd, &c, 1, 0); close(fd);
  mkdir(HERE "/d/s", 0755); know(HERE "/d/s", "s"); chmod(HERE "/d/a", 0600);
  rename(HERE "/d/a", HERE "/e/b"); link(HERE "/e/b", HERE "/d/l"); truncate(HERE "/e/b", 9);
  close(open(HERE "/e/b", O_RDONLY)); close(open(HERE "/d/s", O_RDONLY)); rename(HERE "/d/s", HERE "/d/t");
  rmdir(HERE "/d/t"); unlink(HERE "/d/l"); unlink(HERE "/e/b");
}
static const struct { unsigned flags; const char *name; } kinds[] = {
  {FAN_REPORT_FID, "fid"}, {FAN_REPORT_DIR_FID, "dir"}, {FAN_REPORT_DIR_FID | FAN_REPORT_FID, "dir+fid"},
  {FAN_REPORT_DIR_FID | FAN_REPORT_NAME, "dir+name"}, {FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_FID, "all"},
  {FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_FID | FAN_REPORT_TARGET_FID, "target"},
};
#define NAMES (FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO)
#define FILES (FAN_OPEN | FAN_CLOSE | FAN_MODIFY | FAN_ACCESS)
static void mark_refusals(void) {
  init(0);
  SHOW(fanotify_mark(q, FAN_MARK_ADD, 0, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, 0, FAN_OPEN, AT_FDCWD, HERE));
  SHOW(fanotify_mark(q, FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD, FAN_ATTRIB, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, HERE));
  SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN, AT_FDCWD, HERE "/d/f")); SHOW(fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, HERE "/none"));
  SHOW(fanotify_mark(q, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD, 1ull << 40, AT_FDCWD, HERE)); SHOW(fanotify_mark(0, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, HERE)); SHOW(fanotify_mark(99, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, HERE));
  SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_EVICTABLE | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_FLUSH | FAN_MARK_ONLYDIR, 0, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_FLUSH, 0, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD, FAN_Q_OVERFLOW, AT_FDCWD, HERE));
  SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN | FAN_ONDIR, AT_FDCWD, HERE "/d/f"));
  SHOW(fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, HERE "/d")); SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_OPEN, AT_FDCWD, HERE "/d")); SHOW(fanotify_mark(q, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, HERE "/d")); SHOW(fanotify_mark(q, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, HERE "/d"));
  int p[2]; pipe(p); SHOW(fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN, p[0], NULL)); SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, p[0], NULL)); close(q);
  init(FAN_REPORT_FID); SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_CREATE, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD, FAN_RENAME, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, "/proc")); SHOW(fanotify_mark(q, FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, HERE "/d/f")); close(q);
  init(FAN_CLASS_CONTENT); SHOW(fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "/proc/self/stat")); close(q);
}
static void decide(int answer) {
  struct pollfd p = {q, POLLIN, 0};
  for (int n = 0; n < 8; n++) {
    if (poll(&p, 1, 10000) != 1 || read(q, buffer, sizeof buffer) <= 0) break;
    struct fanotify_event_metadata *e = (void *)buffer; printf("  asked %llx of %s\n", (unsigned long long)e->mask, e->pid == getpid() ? "itself" : "the child"); fflush(stdout);
    struct fanotify_response r = {e->fd, answer}; if (n == 0) { struct fanotify_response bad = {e->fd + 7, answer}; SHOW(write(q, &bad, sizeof bad)); bad.fd = e->fd; bad.response = 7; SHOW(write(q, &bad, sizeof bad)); SHOW(write(q, &bad, 4)); }
    SHOW(write(q, &r, sizeof r)); close(e->fd); if (answer == FAN_DENY || e->mask & FAN_ACCESS_PERM) break;
  }
}
static void permissions(void) {
  for (int answer = FAN_ALLOW; answer <= FAN_DENY; answer++) {
    init(FAN_CLASS_CONTENT); fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_ACCESS_PERM, AT_FDCWD, HERE "/d/f");
    printf("the answer is %d\n", answer); fflush(stdout); int told[2]; pipe(told);
    if (fork() == 0) { char c; int fd = open(HERE "/d/f", O_RDWR | O_TRUNC); int failed = errno; long n = fd < 0 ? -1 : read(fd, &c, 1); dprintf(told[1], "  open %s, read %ld\n", fd < 0 ? name_of(failed) : "done", n); _exit(0); }
    decide(answer); wait(NULL); char text[100]; long n = read(told[0], text, 99); fwrite(text, 1, n, stdout); struct stat s; stat(HERE "/d/f", &s); printf("  size %ld\n", (long)s.st_size); close(q); close(told[0]); close(told[1]);
    int fd = open(HERE "/d/f", O_WRONLY | O_CREAT | O_TRUNC, 0644); write(fd, "full", 4); close(fd);
  }
  printf("a file that its maker was asked about\n"); init(FAN_CLASS_PRE_CONTENT); fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, AT_FDCWD, HERE "/d");
  if (fork() == 0) _exit(open(HERE "/d/new", O_CREAT | O_EXCL | O_WRONLY, 0) < 0);
  struct pollfd p = {q, POLLIN, 0}; poll(&p, 1, 10000); read(q, buffer, sizeof buffer); struct fanotify_event_metadata *e = (void *)buffer; struct fanotify_response r = {e->fd, FAN_ALLOW}; write(q, &r, sizeof r); close(e->fd);
  int status; wait(&status); printf("  made %s\n", status == 0 ? "yes" : "no"); unlink(HERE "/d/new");
  printf("nobody is left to answer\n"); pid_t child = fork(); if (child == 0) { close(q); _exit(open(HERE "/d/f", O_RDONLY) < 0); }
  poll(&p, 1, 10000); close(q); wait(&status); printf("  opened %s\n", status == 0 ? "yes" : "no");
}
static void ignoring(void) {
  init(0); fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN | FAN_MODIFY, AT_FDCWD, HERE); fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, HERE "/d/f");
  close(open(HERE "/d/f", O_RDONLY)); show("ignored"); int fd = open(HERE "/d/f", O_WRONLY); write(fd, "y", 1); close(fd); close(open(HERE "/d/f", O_RDONLY)); show("until it changes");
  fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN, AT_FDCWD, HERE "/d/f"); fd = open(HERE "/d/f", O_WRONLY); write(fd, "y", 1); close(fd); close(open(HERE "/d/f", O_RDONLY)); show("for ever");
  fanotify_mark(q, FAN_MARK_FLUSH | FAN_MARK_MOUNT, 0, AT_FDCWD, HERE); close(open(HERE "/d/f", O_RDONLY)); show("flushed"); close(q);
}
static void rest(void) {
  struct stat s; init(0); fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN | FAN_CLOSE | FAN_EVENT_ON_CHILD | FAN_ONDIR, AT_FDCWD, HERE "/d"); close(open(HERE "/d/f", O_RDONLY)); close(open(HERE "/d", O_RDONLY)); int n = 0; ioctl(q, 0x541b, &n); printf("FIONREAD %d\n", n); struct pollfd p = {q, POLLIN, 0}; SHOW(poll(&p, 1, 0)); SHOW(read(q, buffer, 20)); SHOW(fstat(q, &s)); SHOW(lseek(q, 5, SEEK_SET)); SHOW(pread(q, buffer, 100, 0)); show("a folder and its child"); show("none is left");
  if (fork() == 0) { close(open(HERE "/d/f", O_RDONLY)); _exit(0); } wait(NULL); close(open(HERE "/d/f", O_RDONLY)); show("of two processes"); close(q);
  q = fanotify_init(FAN_NONBLOCK, O_RDWR | O_NONBLOCK | O_NOATIME); fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, HERE "/d/f"); close(open(HERE "/d/f", O_RDONLY)); show("how it is opened"); close(q);
  init(FAN_REPORT_PIDFD); fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, HERE "/d/f"); close(open(HERE "/d/f", O_RDONLY)); show("with a process");
  if (fork() == 0) { close(open(HERE "/d/f", O_RDONLY)); _exit(0); } wait(NULL); show("which has ended"); close(q);
  init(FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME); fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN_EXEC | FAN_EVENT_ON_CHILD, AT_FDCWD, HERE "/d"); if (fork() == 0) { char *argv[] = {HERE "/d/run", NULL}; execv(argv[0], argv); _exit(1); } wait(NULL); show("executed"); close(q);
  init(FAN_REPORT_DIR_FID | FAN_REPORT_NAME); fanotify_mark(q, FAN_MARK_ADD, FAN_RENAME, AT_FDCWD, HERE "/d"); rename(HERE "/d/f", HERE "/e/f"); show("renamed away"); rename(HERE "/e/f", HERE "/d/f"); show("renamed here"); rename(HERE "/d/f", HERE "/d/g"); show("renamed within"); rename(HERE "/d/g", HERE "/d/f"); close(q);
  char line[300]; init(FAN_CLASS_CONTENT | FAN_CLOEXEC); fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN, AT_FDCWD, HERE "/d/f"); fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM | FAN_CLOSE, AT_FDCWD, HERE); fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_ACCESS, AT_FDCWD, HERE);
  snprintf(line, sizeof line, "/proc/self/fdinfo/%d", q); fanotify_mark(q, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM, AT_FDCWD, HERE); FILE *f = fopen(line, "r");
  while (fgets(line, sizeof line, f)) if (!strncmp(line, "fanotify", 8)) { char *at = strstr(line, "mflags"), *handle = strstr(line, " fhandle"); if (handle) strcpy(handle, " and a handle\n"); printf("  %.*s %s", (int)strcspn(line + 9, ":"), line + 9, at ? at : line + 9); }
  fclose(f); close(q);
}
int main(void) {
  umask(0); unshare(CLONE_NEWNS); mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL); mkdir(HERE, 0755); mount("none", HERE, "tmpfs", 0, NULL);
  mkdir(HERE "/d", 0755); mkdir(HERE "/e", 0755); int fd = open(HERE "/d/f", O_CREAT | O_WRONLY, 0644); write(fd, "full", 4); close(fd); close(open(HERE "/d/secret", O_CREAT | O_WRONLY, 0600)); fd = open(HERE "/d/run", O_CREAT | O_WRONLY, 0755); write(fd, "#!/bin/true\n", 12); close(fd); know(HERE "/d", "d"); know(HERE "/e", "e"); know(HERE "/d/f", "f"); know(HERE "/d/run", "run"); know(HERE, "root");
  SHOW(fanotify_init(FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT, 0)); SHOW(fanotify_init(FAN_REPORT_NAME, 0)); SHOW(fanotify_init(FAN_REPORT_TARGET_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME, 0)); SHOW(fanotify_init(FAN_REPORT_PIDFD | FAN_REPORT_TID, 0)); SHOW(fanotify_init(1u << 30, 0)); SHOW(fanotify_init(0, O_CREAT)); SHOW(fanotify_init(0, O_ACCMODE)); HOLDS(fanotify_init(FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS, O_RDWR | O_LARGEFILE | O_CLOEXEC) >= 0);
  mark_refusals();
  init(FAN_CLASS_NOTIF); fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_MOUNT, FILES | FAN_OPEN_EXEC | FAN_ONDIR, AT_FDCWD, HERE); change(); show("descriptors, by a mount"); close(q);
  for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    char what[64]; uint64_t rename_too = kinds[i].flags & FAN_REPORT_NAME ? FAN_RENAME : 0;
    init(kinds[i].flags); fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FILES | NAMES | FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR | rename_too, AT_FDCWD, HERE); change(); snprintf(what, sizeof what, "%s, by the file system", kinds[i].name); show(what); close(q);
    init(kinds[i].flags); fanotify_mark(q, FAN_MARK_ADD, FILES | NAMES | FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_EVENT_ON_CHILD, AT_FDCWD, HERE "/d"); change(); snprintf(what, sizeof what, "%s, by a folder", kinds[i].name); show(what); close(q);
    init(kinds[i].flags); fanotify_mark(q, FAN_MARK_ADD, FILES | FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF, AT_FDCWD, HERE "/d/f"); close(open(HERE "/d/f", O_RDWR)); rename(HERE "/d/f", HERE "/e/f"); chmod(HERE "/e/f", 0600); rename(HERE "/e/f", HERE "/d/f"); snprintf(what, sizeof what, "%s, by a file", kinds[i].name); show(what); close(q);
  }
  permissions(); ignoring(); rest();
  init(FAN_REPORT_FID); setgroups(0, NULL); setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); SHOW(fanotify_init(0, 0)); SHOW(fanotify_init(FAN_REPORT_FID | FAN_CLASS_CONTENT, 0)); SHOW(fanotify_init(FAN_REPORT_FID | FAN_UNLIMITED_QUEUE, 0)); SHOW(fanotify_mark(q, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, HERE)); SHOW(fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, HERE "/d/secret"));
  init(FAN_REPORT_FID); fanotify_mark(q, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, HERE "/d/run"); if (fork() == 0) { close(open(HERE "/d/run", O_RDONLY)); _exit(0); } wait(NULL); close(open(HERE "/d/run", O_RDONLY)); show("to nobody in particular");
  return 0;
}
