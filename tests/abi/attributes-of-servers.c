/* Extended attributes of files that a FUSE server has: which names it is asked for, with what room, by whom; lists of
   acl(5), which it keeps as they are. */
#include "served.h"
#include <sys/xattr.h>

#define MOUNT "/tmp/attributes-of-servers"

static char large[70000];
static int is_quiet;

static int answer(struct fuse_in_header *in, char *body) {
  switch (in->opcode) {
    case FUSE_SETXATTR: {
      struct fuse_setxattr_in *ask = (void *)body;
      char *name = body + 8, *value = name + strlen(name) + 1;
      note(" set(%d, %s, flags %d, %d: %.*s)", (int)in->nodeid, name, ask->flags, ask->size, ask->size < 20 ? ask->size : 0, value);
      if (strstr(name, "refused")) reply(in->unique, -EXDEV, NULL, 0);
      else reply(in->unique, 0, NULL, 0);
      return 1;
    }
    case FUSE_GETXATTR: {
      struct fuse_getxattr_in *ask = (void *)body;
      char *name = body + sizeof *ask;
      struct fuse_getxattr_out size = {.size = 5};
      if (!is_quiet) note(" get(%d, %s, %d)", (int)in->nodeid, name, ask->size);
      if (strstr(name, "huge")) size.size = 1 << 20;
      if (strstr(name, "none")) reply(in->unique, -ENODATA, NULL, 0);
      else if (strstr(name, "acl_access")) reply(in->unique, 0, "\2\0\0\0\1\0\6\0\377\377\377\377\4\0\4\0\377\377\377\377\40\0\4\0\377\377\377\377", 28);
      else if (strstr(name, "acl_default")) reply(in->unique, 0, "wrong", 5);
      else if (strstr(name, "stubborn")) reply(in->unique, 0, "value", 5);
      else if (ask->size && ask->size < 5) reply(in->unique, -ERANGE, NULL, 0);
      else if (ask->size) reply(in->unique, 0, "value", 5);
      else reply(in->unique, 0, &size, sizeof size);
      return 1;
    }
    case FUSE_LISTXATTR: {
      struct fuse_getxattr_in *ask = (void *)body;
      static const char names[] = "user.b\0trusted.a\0anything\0security.x\0";
      struct fuse_getxattr_out size = {.size = in->nodeid == SUB ? 1 << 20 : sizeof names - 1};
      note(" list(%d, %d)", (int)in->nodeid, ask->size);
      if (in->nodeid == LINK) reply(in->unique, 0, "a\0\0", ask->size ? 3 : 8);
      else if (!ask->size) reply(in->unique, 0, &size, sizeof size);
      else if (ask->size < sizeof names - 1) reply(in->unique, -ERANGE, NULL, 0);
      else if (in->nodeid == SUB) reply(in->unique, 0, "unended", 7);
      else reply(in->unique, 0, names, sizeof names - 1);
      return 1;
    }
    case FUSE_REMOVEXATTR:
      note(" remove(%d, %s)", (int)in->nodeid, body);
      reply(in->unique, strstr(body, "none") ? -ENODATA : 0, NULL, 0);
      return 1;
  }
  return 0;
}

static void each(const char *path, const char *name) {
  char value[100] = "";
  printf("%s %s\n", path + sizeof MOUNT, name);
  fflush(stdout);
  SHOW(lsetxattr(path, name, "v", 1, 0)); asked();
  SHOW(lgetxattr(path, name, value, sizeof value)); asked();
  SHOW(lremovexattr(path, name)); asked();
}

static void all(void) {
  static const char *names[] = {"user.one", "user.", "trusted.one", "security.one", "system.one", "one", "a.b",
    "system.posix_acl_access", "system.posix_acl_default"};
  for (unsigned at = 0; at < sizeof names / sizeof *names; at++) {
    each(MOUNT "/hello", names[at]);
    each(MOUNT "/sub", names[at]);
    each(MOUNT "/link", names[at]);
  }
}

int main(void) {
  char text[70000];
  serve(MOUNT, ",allow_other");
  all();
  SHOW(getxattr(MOUNT "/hello", "one", NULL, 0)); asked();
  SHOW(getxattr(MOUNT "/hello", "one", text, 2)); asked();
  SHOW(getxattr(MOUNT "/hello", "one", text, 5)); asked();
  SHOW(getxattr(MOUNT "/hello", "one", text, sizeof text)); asked();
  SHOW(getxattr(MOUNT "/hello", "one", NULL, 5)); asked();
  SHOW(getxattr(MOUNT "/hello", "stubborn", text, 3)); asked();
  SHOW(getxattr(MOUNT "/hello", "stubborn", NULL, 0)); asked();
  SHOW(getxattr(MOUNT "/hello", "huge", NULL, 0)); asked();
  SHOW(getxattr(MOUNT "/hello", "", text, 5)); asked();
  SHOW(setxattr(MOUNT "/hello", "refused", "v", 1, XATTR_CREATE)); asked();
  SHOW(setxattr(MOUNT "/hello", "empty", "", 0, XATTR_REPLACE)); asked();
  SHOW(setxattr(MOUNT "/hello", "large", large, 65536, 0)); asked();
  SHOW(setxattr(MOUNT "/hello", "larger", large, 65537, 0)); asked();
  SHOW(listxattr(MOUNT "/hello", NULL, 0)); asked();
  SHOW(listxattr(MOUNT "/hello", text, 5)); asked();
  int got;
  SHOW(got = listxattr(MOUNT "/hello", text, sizeof text)); asked();
  for (int at = 0; at < got; at += strlen(text + at) + 1) printf("%s\n", text + at);
  SHOW(listxattr(MOUNT "/sub", NULL, 0)); asked();
  SHOW(listxattr(MOUNT "/sub", text, sizeof text)); asked();
  SHOW(llistxattr(MOUNT "/link", text, sizeof text)); asked();
  SHOW(llistxattr(MOUNT "/link", NULL, 0)); asked();
  SHOW(removexattr(MOUNT "/hello", "none")); asked();
  SHOW(getxattr(MOUNT "/hello", "none", text, 5)); asked();

  /* Lists of acl(5). */
  static const char minimal[] = "\2\0\0\0\1\0\6\0\377\377\377\377\4\0\4\0\377\377\377\377\40\0\4\0\377\377\377\377";
  static const char named[] = "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\7\0\350\3\0\0\4\0\4\0\377\377\377\377\20\0\7\0\377\377\377\377\40\0\4\0\377\377\377\377";
  static const char unsorted[] = "\2\0\0\0\4\0\4\0\377\377\377\377\1\0\6\0\377\377\377\377\40\0\4\0\377\377\377\377";
  SHOW(setxattr(MOUNT "/hello", "system.posix_acl_access", minimal, sizeof minimal - 1, 0)); asked();
  SHOW(setxattr(MOUNT "/hello", "system.posix_acl_access", named, sizeof named - 1, XATTR_CREATE)); asked();
  SHOW(setxattr(MOUNT "/hello", "system.posix_acl_access", unsorted, sizeof unsorted - 1, 0)); asked();
  SHOW(setxattr(MOUNT "/hello", "system.posix_acl_access", minimal, 0, 0)); asked();
  SHOW(setxattr(MOUNT "/hello", "system.posix_acl_access", minimal, 4, 0)); asked();
  SHOW(setxattr(MOUNT "/hello", "system.posix_acl_default", minimal, sizeof minimal - 1, 0)); asked();
  SHOW(setxattr(MOUNT "/hello", "system.posix_acl_default", minimal, 0, 0)); asked();
  SHOW(setxattr(MOUNT "/sub", "system.posix_acl_default", minimal, sizeof minimal - 1, 0)); asked();
  SHOW(getxattr(MOUNT "/hello", "system.posix_acl_access", NULL, 0)); asked();
  SHOW(getxattr(MOUNT "/hello", "system.posix_acl_access", text, 20)); asked();
  SHOW(getxattr(MOUNT "/hello", "system.posix_acl_access", text, 28)); asked();
  SHOW(getxattr(MOUNT "/sub", "system.posix_acl_default", text, 100)); asked();
  SHOW(removexattr(MOUNT "/sub", "system.posix_acl_default")); asked();

  /* Capabilities are read in two steps, which nobody need follow. */
  is_quiet = 1;
  SHOW(setxattr(MOUNT "/hello", "security.capability", "v", 1, 0)); asked();
  SHOW(getxattr(MOUNT "/hello", "security.capability", text, 100)); asked();
  SHOW(removexattr(MOUNT "/hello", "security.capability")); asked();
  is_quiet = 0;

  puts("another user");
  fflush(stdout);
  if (fork() == 0) {
    setgid(1000);
    setuid(1000);
    all();
    SHOW(removexattr(MOUNT "/hello", "security.capability"));
    SHOW(listxattr(MOUNT "/hello", text, sizeof text));
    _exit(0);
  }
  wait(NULL);
  asked();
  SHOW(umount2(MOUNT, 0));
  close(device);

  puts("with default_permissions");
  serve(MOUNT, ",allow_other,default_permissions");
  fflush(stdout);
  if (fork() == 0) {
    setgid(1000);
    setuid(1000);
    each(MOUNT "/hello", "user.one");
    each(MOUNT "/hello", "one");
    each(MOUNT "/sub", "user.one");
    _exit(0);
  }
  wait(NULL);
  asked();
  SHOW(umount2(MOUNT, 0));
  SHOW(rmdir(MOUNT));
  return 0;
}
