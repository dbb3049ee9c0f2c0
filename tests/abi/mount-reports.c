#include "abi.h"
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>

/* statmount(2) and listmount(2). */
#define AT(name) "/tmp/reports/" name
struct request { uint32_t size, spare; uint64_t id, param, space; };
struct report {
  uint32_t size, options; uint64_t mask; uint32_t major, minor; uint64_t magic; uint32_t flags, type; uint64_t id, parent;
  uint32_t idOld, parentOld; uint64_t attributes, propagation, group, master, from; uint32_t root, point; uint64_t space;
  uint32_t subtype, source, count, array, secCount, secArray; uint64_t supported; char rest[360]; char text[4000];
};
static struct report r;
static long stat_of(uint64_t id, uint64_t mask, size_t size, unsigned flags) {
  struct request q = {32, 0, id, mask, 0};
  memset(&r, 0xee, sizeof r);
  return syscall(457, &q, &r, size, flags);
}
static long list_of(uint64_t id, uint64_t last, uint64_t *ids, size_t n, unsigned flags) {
  struct request q = {32, 0, id, last, 0};
  return syscall(458, &q, ids, n, flags);
}
static uint64_t id_of(const char *path) {
  uint64_t x[32] = {0};
  syscall(SYS_statx, AT_FDCWD, path, 0, 0x4000, x);
  return (x[0] & 0x4000) ? x[18] : 0;
}
static uint64_t old_id_of(const char *path) { uint64_t x[32] = {0}; syscall(SYS_statx, AT_FDCWD, path, 0, 0x1000, x); return (x[0] & 0x5000) == 0x1000 ? x[18] : 0; }
/* All that is the same from system to system. */
static void report(const char *path) {
  uint64_t id = id_of(path);
  if (stat_of(id, 0x33f, sizeof r, 0) != 0) { printf("%s: %s\n", path, name_of(errno)); return; }
  printf("%s: mask %lx strings %d magic %lx flags %x type %s root %s point %s source %s attributes %lx propagation %lx %s%s%s\n", path, (long)r.mask, r.size - 512, (long)r.magic,
         r.flags, r.text + r.type, r.text + r.root, r.text + r.point, r.text + r.source, (long)r.attributes, (long)r.propagation, r.group ? "group " : "", r.master ? "master " : "", r.from ? "from" : "");
  HOLDS(r.id == id); HOLDS(r.idOld == old_id_of(path)); HOLDS(r.parent == id_of("/tmp/reports") || r.parent == id_of("/tmp")); HOLDS(r.text[0] == 0);
}

int main(void) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0) return 1;
  mkdir("/tmp/reports", 0755);
  if (mount("all", "/tmp/reports", "tmpfs", 0, "mode=755") != 0) return 1;
  mkdir(AT("a"), 0755); mkdir(AT("b"), 0755); mkdir(AT("c"), 0755); mkdir(AT("a/x"), 0755);
  mount("it", AT("a"), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOATIME, ""); mkdir(AT("a/x"), 0755); mount("x", AT("a/x"), "tmpfs", MS_STRICTATIME | MS_RDONLY, "");
  HOLDS(id_of("/tmp/reports") > 1ul << 31);
  report("/tmp/reports"); report(AT("a")); 
  mount(NULL, AT("a"), NULL, MS_SHARED, NULL); mount(AT("a/x"), AT("b"), NULL, MS_BIND, NULL); mount(AT("a"), AT("c"), NULL, MS_BIND, NULL); mount(NULL, AT("c"), NULL, MS_SLAVE, NULL);
  report(AT("a")); report(AT("b")); report(AT("c")); mount(NULL, AT("c"), NULL, MS_SHARED, NULL); report(AT("c")); mount(NULL, AT("b"), NULL, MS_UNBINDABLE, NULL); report(AT("b"));
  uint64_t a = id_of(AT("a"));
  SHOW(stat_of(a, 1, 512, 0)); SHOW(stat_of(a, 1, 100, 0)); SHOW(r.size); SHOW(stat_of(a, 1, 0, 0)); SHOW(stat_of(a, 0x20, 512, 0)); SHOW(stat_of(a, 0x20, 518, 0)); SHOW(stat_of(a, 0x20, 519, 0)); SHOW(r.size);
  SHOW(stat_of(a, 0, sizeof r, 0)); SHOW(r.mask); SHOW(stat_of(a, 1ul << 50, sizeof r, 0)); SHOW(r.mask); SHOW(stat_of(a, 0x1000, 512, 0)); SHOW(r.supported & 0x3fff); SHOW(stat_of(a, 0x900, 600, 0)); SHOW(r.mask);
  SHOW(stat_of(a, 0x40, 512, 0)); uint64_t space = r.space; HOLDS(space != 0);
  SHOW(stat_of(a, 1, 512, 1)); SHOW(stat_of(5, 1, 512, 0)); SHOW(stat_of(-1ul, 1, 512, 0)); SHOW(stat_of(a + (1 << 30), 1, 512, 0)); SHOW(stat_of(0, 1, 512, 0));
  struct request q = {24, 0, a, 1, 0}; SHOW(syscall(457, &q, &r, 512, 0)); q.size = 23; SHOW(syscall(457, &q, &r, 512, 0)); q.size = 5000; SHOW(syscall(457, &q, &r, 512, 0));
  q.size = 32; q.spare = 1; SHOW(syscall(457, &q, &r, 512, 0)); q.spare = 0; q.space = 1ul << 40; SHOW(syscall(457, &q, &r, 512, 0)); q.space = space; SHOW(syscall(457, &q, &r, 512, 0));
  SHOW(syscall(457, NULL, &r, 512, 0)); SHOW(syscall(457, &q, NULL, 512, 0));
  /* Lists: all below, by number. */
  uint64_t ids[300], again[300];
  SHOW(list_of(id_of("/tmp/reports"), 0, ids, 300, 0)); HOLDS(ids[0] == a); HOLDS(ids[1] == id_of(AT("a/x"))); HOLDS(ids[2] == id_of(AT("b")));
  SHOW(list_of(id_of("/tmp/reports"), 0, again, 300, 1)); HOLDS(again[0] == ids[3] && again[3] == ids[0]);
  SHOW(list_of(id_of("/tmp/reports"), 0, again, 2, 0)); SHOW(list_of(id_of("/tmp/reports"), again[1], again, 2, 0)); HOLDS(again[0] == ids[2]); SHOW(list_of(id_of("/tmp/reports"), again[1], again, 2, 0));
  SHOW(list_of(id_of("/tmp/reports"), ids[1], again, 2, 1)); HOLDS(again[0] == ids[0]); SHOW(list_of(a, 0, ids, 300, 0)); SHOW(list_of(id_of(AT("b")), 0, ids, 300, 0)); SHOW(list_of(a, 0, ids, 0, 0));
  long all = list_of(-1ul, 0, ids, 300, 0); HOLDS(all > 4); HOLDS(ids[all - 1] == id_of(AT("c")));
  SHOW(list_of(a, 0, ids, 1, 2)); SHOW(list_of(a, 5, ids, 1, 0)); SHOW(list_of(a, 0, ids, 1000001, 0)); SHOW(list_of(a, 0, NULL, 1, 0)); SHOW(list_of(a + (1 << 30), 0, ids, 1, 0));
  fflush(stdout);
  uint64_t above = id_of("/tmp/reports");
  if (fork() == 0) {
    SHOW(chroot(AT("a"))); report("/"); report("/x"); SHOW(list_of(-1ul, 0, ids, 300, 0)); SHOW(stat_of(above, 0x12, sizeof r, 0)); setresuid(1000, 1000, 1000);
    SHOW(list_of(-1ul, 0, ids, 300, 0)); SHOW(stat_of(a, 0x12, sizeof r, 0)); SHOW(stat_of(above, 0x12, sizeof r, 0)); SHOW(list_of(above, 0, ids, 300, 0));
    fflush(stdout); _exit(0);
  }
  wait(NULL);
  if (fork() == 0) {
    SHOW(unshare(CLONE_NEWNS)); SHOW(stat_of(a, 1, 512, 0)); HOLDS(id_of(AT("a")) != a); q = (struct request){32, 0, a, 0x10, space}; SHOW(syscall(457, &q, &r, sizeof r, 0));
    setresuid(1000, 1000, 1000); SHOW(syscall(457, &q, &r, sizeof r, 0)); SHOW(stat_of(id_of(AT("a")), 0x10, sizeof r, 0)); printf("%s\n", r.text + r.point);
    fflush(stdout); _exit(0);
  }
  wait(NULL);
  while (umount2("/tmp/reports", MNT_DETACH) == 0);
  SHOW(rmdir("/tmp/reports"));
  return 0;
}
