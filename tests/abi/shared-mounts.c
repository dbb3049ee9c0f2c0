#include "abi.h"
#include <sched.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Which mounts are told of which (mount_namespaces(7), "Shared subtrees"). All below /tmp/shared, a tmpfs of its own. */
#define AT(name) "/tmp/shared/" name

/* What stands at a place: the name of the tmpfs that shows there, of its files "is-NAME". */
static void at(const char *path) {
  char file[200];
  printf("%s:", path + strlen("/tmp/shared/"));
  for (const char *name = "abcdefg"; *name; name++) {
    snprintf(file, sizeof file, "%s/is-%c", path, *name);
    if (access(file, F_OK) == 0) printf(" %c", *name);
  }
  printf("\n");
}

static int tmpfs(const char *path, char name) {
  char file[200];
  if (mount("none", path, "tmpfs", 0, "") != 0) return -1;
  snprintf(file, sizeof file, "%s/is-%c", path, name);
  close(open(file, O_CREAT | O_WRONLY, 0600));
  for (const char *sub = "xyz"; *sub; sub++) { snprintf(file, sizeof file, "%s/%c", path, *sub); mkdir(file, 0700); }
  return 0;
}

/* The optional fields of the topmost mount at a place; groups are named in the order in which they are met. */
static int groups[64], groupCount;
static int named(int id) {
  for (int i = 0; i < groupCount; i++) if (groups[i] == id) return i + 1;
  groups[groupCount++] = id;
  return groupCount;
}
static void fields(const char *path) {
  char line[1000], place[300], rest[500], shown[500] = "";
  FILE *f = fopen("/proc/self/mountinfo", "r");
  while (fgets(line, sizeof line, f)) {
    if (sscanf(line, "%*d %*d %*s %*s %299s %*s %499[^\n]", place, rest) == 2 && strcmp(place, path) == 0) strcpy(shown, rest);
  }
  fclose(f);
  printf("%s is", path + strlen("/tmp/shared/"));
  for (char *word = strtok(shown, " "); word && strcmp(word, "-"); word = strtok(NULL, " ")) {
    char *colon = strchr(word, ':');
    if (colon) printf(" %.*s:%d", (int)(colon - word), word, named(atoi(colon + 1)));
    else printf(" %s", word);
  }
  printf("\n");
}

static void folders(void) {
  const char *names[] = {"a", "b", "c", "d", "e", "f", "g", "old"};
  for (int i = 0; i < 8; i++) { char path[100]; snprintf(path, sizeof path, AT("%s"), names[i]); mkdir(path, 0700); }
}

static void fresh(void) {
  while (umount2("/tmp/shared", MNT_DETACH) == 0);
  mkdir("/tmp/shared", 0700);
  if (mount("none", "/tmp/shared", "tmpfs", 0, "") != 0) exit(1);
  if (mount(NULL, "/tmp/shared", NULL, MS_PRIVATE, NULL) != 0) exit(1);
  folders();
  groupCount = 0;
}

static void peers(void) {
  printf("- peers\n");
  fresh();
  SHOW(tmpfs(AT("a"), 'a'));
  SHOW(mount(NULL, AT("a"), NULL, MS_SHARED, NULL));
  SHOW(mount(AT("a"), AT("b"), NULL, MS_BIND, NULL));
  fields(AT("a")); fields(AT("b"));
  SHOW(tmpfs(AT("a/x"), 'c'));
  at(AT("a/x")); at(AT("b/x")); fields(AT("a/x")); fields(AT("b/x"));
  /* The other way round, deeper, and away again. */
  SHOW(tmpfs(AT("b/x/y"), 'd'));
  at(AT("a/x/y")); at(AT("b/x/y"));
  SHOW(umount(AT("a/x/y"))); at(AT("b/x/y")); at(AT("a/x/y"));
  /* In use elsewhere. */
  int fd = open(AT("b/x/is-c"), O_RDONLY);
  SHOW(umount(AT("a/x")));
  close(fd);
  SHOW(umount(AT("a/x"))); at(AT("b/x"));
  /* A part of it hears of what lies in it. */
  SHOW(mount(AT("a/y"), AT("c"), NULL, MS_BIND, NULL));
  SHOW(tmpfs(AT("a/x"), 'c')); mkdir(AT("a/y/in"), 0700);
  SHOW(tmpfs(AT("b/y/in"), 'e'));
  at(AT("c")); at(AT("c/in"));
  SHOW(umount(AT("c/in"))); at(AT("a/y/in"));
}

static void slaves(void) {
  printf("- slaves\n");
  fresh();
  tmpfs(AT("a"), 'a');
  mount(NULL, AT("a"), NULL, MS_SHARED, NULL);
  mount(AT("a"), AT("b"), NULL, MS_BIND, NULL);
  SHOW(mount(NULL, AT("b"), NULL, MS_SLAVE, NULL));
  fields(AT("a")); fields(AT("b"));
  SHOW(tmpfs(AT("a/x"), 'c')); at(AT("b/x")); fields(AT("b/x"));
  SHOW(tmpfs(AT("b/y"), 'd')); at(AT("a/y"));
  SHOW(mount(NULL, AT("b"), NULL, MS_SHARED, NULL));
  mount(AT("b"), AT("c"), NULL, MS_BIND, NULL);
  mount(AT("c"), AT("d"), NULL, MS_BIND, NULL);
  SHOW(mount(NULL, AT("d"), NULL, MS_SLAVE, NULL));
  fields(AT("b")); fields(AT("c")); fields(AT("d"));
  SHOW(tmpfs(AT("a/z"), 'e'));
  at(AT("b/z")); at(AT("c/z")); at(AT("d/z"));
  fields(AT("a/z")); fields(AT("b/z")); fields(AT("c/z")); fields(AT("d/z"));
  SHOW(umount(AT("a/z"))); at(AT("b/z")); at(AT("c/z")); at(AT("d/z"));
  /* What has something of its own on it stays. */
  SHOW(tmpfs(AT("d/x/x"), 'f'));
  SHOW(umount(AT("a/x"))); at(AT("b/x")); at(AT("d/x")); at(AT("d/x/x"));
  /* The group ends: its slaves go to its master, or are nobody's. */
  SHOW(mount(NULL, AT("b"), NULL, MS_PRIVATE, NULL)); SHOW(mount(NULL, AT("c"), NULL, MS_PRIVATE, NULL));
  fields(AT("b")); fields(AT("c")); fields(AT("d"));
  SHOW(mount(NULL, AT("a"), NULL, MS_SLAVE, NULL));
  fields(AT("a")); fields(AT("d"));
  SHOW(tmpfs(AT("a/z"), 'e')); at(AT("d/z"));
}

static void whole(void) {
  printf("- trees\n");
  fresh();
  tmpfs(AT("a"), 'a'); tmpfs(AT("a/x"), 'b'); tmpfs(AT("a/x/y"), 'c');
  SHOW(mount(NULL, AT("a"), NULL, MS_SHARED | MS_REC, NULL));
  fields(AT("a")); fields(AT("a/x")); fields(AT("a/x/y"));
  SHOW(mount(AT("a"), AT("b"), NULL, MS_BIND | MS_REC, NULL));
  fields(AT("b")); fields(AT("b/x")); fields(AT("b/x/y"));
  SHOW(tmpfs(AT("b/x/z"), 'd')); at(AT("a/x/z"));
  SHOW(mount(AT("a"), AT("c"), NULL, MS_BIND, NULL)); at(AT("c")); at(AT("c/x"));
  /* A tree that is bound into a shared mount comes to all, and is shared there. */
  tmpfs(AT("e"), 'e'); tmpfs(AT("e/x"), 'f');
  SHOW(mount(AT("e"), AT("a/z"), NULL, MS_BIND | MS_REC, NULL));
  at(AT("b/z")); at(AT("b/z/x")); fields(AT("e")); fields(AT("a/z")); fields(AT("b/z")); fields(AT("b/z/x"));
  /* Onto itself. */
  SHOW(mount(AT("a"), AT("a/y"), NULL, MS_BIND, NULL)); at(AT("b/y")); at(AT("a/y/y")); at(AT("c/y"));
  /* A whole tree goes, everywhere. */
  SHOW(umount2(AT("a/z"), MNT_DETACH)); at(AT("b/z")); at(AT("c/z")); at(AT("e/x"));
}

static void moved(void) {
  printf("- moved, and not bound\n");
  fresh();
  tmpfs(AT("a"), 'a'); mount(NULL, AT("a"), NULL, MS_SHARED, NULL);
  mount(AT("a"), AT("b"), NULL, MS_BIND, NULL);
  tmpfs(AT("e"), 'e'); tmpfs(AT("e/x"), 'f');
  SHOW(mount(AT("e"), AT("a/x"), NULL, MS_MOVE, NULL));
  at(AT("e")); at(AT("a/x")); at(AT("b/x")); at(AT("b/x/x")); fields(AT("a/x")); fields(AT("b/x"));
  SHOW(mount(AT("a/x"), AT("e"), NULL, MS_MOVE, NULL));
  tmpfs(AT("f"), 'g');
  SHOW(mount(NULL, AT("f"), NULL, MS_UNBINDABLE, NULL)); fields(AT("f"));
  SHOW(mount(AT("f"), AT("g"), NULL, MS_BIND, NULL));
  SHOW(mount(AT("f"), AT("a/y"), NULL, MS_MOVE, NULL));
  SHOW(mount(AT("f"), AT("e"), NULL, MS_MOVE, NULL));
  SHOW(mount(AT("e"), AT("f"), NULL, MS_MOVE, NULL));
  /* It is left out of a tree that is bound. */
  tmpfs(AT("f/x"), 'c');
  SHOW(mount("/tmp/shared", AT("g"), NULL, MS_BIND | MS_REC, NULL));
  at(AT("g/a")); at(AT("g/f")); at(AT("g/f/x")); at(AT("g/b/x"));
  SHOW(mount(NULL, AT("f"), NULL, MS_SHARED, NULL)); fields(AT("f"));
  /* What makes no sense. */
  SHOW(mount(NULL, AT("a/z"), NULL, MS_SHARED, NULL));
  SHOW(mount(NULL, AT("a"), NULL, MS_SHARED | MS_PRIVATE, NULL));
  SHOW(mount(NULL, AT("a"), NULL, MS_SHARED | MS_NOEXEC, NULL));
  SHOW(mount(NULL, AT("a"), NULL, MS_SLAVE | MS_SILENT, NULL));
}

static void namespaces(void) {
  printf("- namespaces\n");
  fresh();
  tmpfs(AT("a"), 'a'); mount(NULL, AT("a"), NULL, MS_SHARED, NULL);
  tmpfs(AT("b"), 'b');
  tmpfs(AT("c"), 'c'); mount(NULL, AT("c"), NULL, MS_UNBINDABLE, NULL);
  int down[2], up[2]; char c;
  if (pipe(down) || pipe(up)) exit(1);
  fflush(stdout);
  for (int user = 0; user < 2; user++) {
    int child = fork();
    if (child == 0) {
      groupCount = 0;
      SHOW(unshare(CLONE_NEWNS | (user ? CLONE_NEWUSER : 0)));
      fields(AT("a")); fields(AT("b")); at(AT("c"));
      write(up[1], "1", 1); read(down[0], &c, 1);
      at(AT("a/x")); at(AT("b/x")); fields(AT("a/x"));
      if (user) SHOW(umount(AT("a/x")));
      SHOW(tmpfs(AT("a/y"), 'e'));
      fields(AT("a/y"));
      /* A file needs an owner who has a number there. */
      SHOW(mkdir(AT("a/y/new"), 0700)); SHOW(symlink("x", AT("a/y/link"))); SHOW(open(AT("a/y"), O_TMPFILE | O_RDWR, 0600) < 0);
      SHOW(mount(NULL, AT("a"), NULL, MS_SHARED, NULL)); fields(AT("a"));
      fflush(stdout);
      write(up[1], "2", 1); read(down[0], &c, 1);
      at(AT("a/x")); at(AT("a/y"));
      fflush(stdout);
      _exit(0);
    }
    read(up[0], &c, 1);
    tmpfs(AT("a/x"), 'd'); tmpfs(AT("b/x"), 'd');
    write(down[1], "1", 1); read(up[0], &c, 1);
    printf("outside "); at(AT("a/y"));
    umount(AT("b/x"));
    umount(AT("a/x"));
    printf("outside "); at(AT("a/x"));
    fflush(stdout);
    write(down[1], "2", 1);
    waitpid(child, NULL, 0);
    umount2(AT("a/y"), MNT_DETACH);
  }
}

/* What covers one of those that go, and what stands on those that go with it. */
static void covered(void) {
  printf("- covered\n");
  fresh();
  tmpfs(AT("a"), 'a'); mount(NULL, AT("a"), NULL, MS_SHARED, NULL);
  SHOW(mount(AT("a/x"), AT("a/x"), NULL, MS_BIND, NULL));
  SHOW(tmpfs(AT("a/x"), 'b')); at(AT("a/x"));
  SHOW(umount(AT("a/x"))); at(AT("a/x")); fields(AT("a/x"));
  SHOW(umount(AT("a/x"))); SHOW(umount(AT("a/x"))); SHOW(umount(AT("a")));
  tmpfs(AT("a"), 'a'); mount(NULL, AT("a"), NULL, MS_SHARED, NULL);
  mount(AT("a"), AT("b"), NULL, MS_BIND, NULL);
  SHOW(mount(AT("a"), AT("b/x"), NULL, MS_MOVE, NULL));
  at(AT("b/x")); at(AT("b/x/x")); at(AT("b/x/x/x"));
  SHOW(tmpfs(AT("b/y"), 'c')); at(AT("b/x/y")); at(AT("b/x/x/y"));
  SHOW(umount(AT("b/x/x/y"))); at(AT("b/y"));
  SHOW(umount(AT("b/x/x"))); at(AT("b/x"));
  SHOW(umount(AT("b"))); at(AT("b"));
}

static void pivoted(void) {
  printf("- roots\n");
  fresh();
  tmpfs(AT("a"), 'a'); mkdir(AT("a/old"), 0700);
  SHOW(mount(NULL, AT("a"), NULL, MS_SHARED, NULL));
  SHOW(syscall(SYS_pivot_root, AT("a"), AT("a/old")));
  mount(NULL, "/tmp/shared", NULL, MS_SHARED, NULL);
  mount(NULL, AT("a"), NULL, MS_PRIVATE, NULL);
  SHOW(syscall(SYS_pivot_root, AT("a"), AT("a/old")));
  mount(NULL, "/tmp/shared", NULL, MS_PRIVATE, NULL);
}

/* A new root that is shared. */
static void newRoot(void) {
  fresh();
  tmpfs(AT("a"), 'a'); mkdir(AT("a/old"), 0700); mkdir(AT("a/tmp"), 0700); mkdir(AT("a/tmp/shared"), 0700); mkdir(AT("a/tmp/shared/b"), 0700);
  fflush(stdout);
  int child = fork();
  if (child == 0) {
    SHOW(unshare(CLONE_NEWNS));
    SHOW(syscall(SYS_pivot_root, AT("a"), AT("a/old")));
    SHOW(chdir("/")); SHOW(umount2("/old", MNT_DETACH));
    SHOW(mount(NULL, "/", NULL, MS_SHARED, NULL));
    SHOW(mount("/", AT("b"), NULL, MS_BIND, NULL));
    SHOW(tmpfs("/x", 'c')); at(AT("b/x")); SHOW(access("/x/is-c", F_OK));
    SHOW(umount(AT("b/x"))); SHOW(access("/x/is-c", F_OK));
    SHOW(unshare(CLONE_NEWNS));
    SHOW(tmpfs("/y", 'd')); at(AT("b/y"));
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

int main(void) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0) return 1;
  peers(); slaves(); whole(); moved(); namespaces(); covered(); pivoted(); newRoot();
  while (umount2("/tmp/shared", MNT_DETACH) == 0);
  SHOW(rmdir("/tmp/shared"));
  return 0;
}
