/* Random calls of processes in namespaces of their own: making and entering them, who is whom there, and what it may. */
#include "random-calls.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

/* A child does what it is told, one call at a time, and tells what came of it. */
#define CHILDREN 5
struct order { int what; long a, b, c, d; char text[40]; };
struct answer { long result; int error; long more[4]; };
static struct child { int pid, orders, answers, is_alone; } children[CHILDREN];
static const char *const kinds[] = {"user", "pid", "pid_for_children", "uts", "ipc", "net", "cgroup", "mnt", "time", "time_for_children"};
static const unsigned long flags_of_kinds[] = {CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWCGROUP, CLONE_NEWNS, 0x80 /* CLONE_NEWTIME */};
enum { UNSHARE, SETNS, WRITE, IDENTITY, CAPABILITIES, SET_CAPABILITIES, PRCTL, UIDS, GIDS, HOSTNAME, TOLD_NAME, FORK, KILL, PIDFD, GETFD, SECCOMP, LANDLOCK, KEY, MADE_BY, DIRECTORY, SETGROUPS, TOUCH, NS_OF, CLONE3, CHROOT, COUNT };

static struct { unsigned version; int pid; } cap_header = {0x20080522, 0};
static long ns_ioctl(const char *path, unsigned request, long argument, struct answer *r) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return -1;
  unsigned value = 0;
  long result = ioctl(fd, request, argument ? (void *)argument : (void *)&value);
  int e = errno;
  struct stat s = {0};
  if (result > 2 && (request == 0xb701 || request == 0xb702)) { fstat((int)result, &s); close((int)result); result = 1; }
  r->more[0] = request == 0xb703 ? result : request == 0xb704 ? value : 0;
  r->more[1] = s.st_ino != 0;
  close(fd);
  errno = e;
  return result;
}
/* Keyrings of threads, processes and sessions alone: those of users outlive the program. */
static long key_call(struct order o) {
  static const int spaces[] = {-1, -2, -3, -3, -9, 0, 1};
  long to = spaces[o.a % 7], r;
  switch (o.b % 7) {
  case 0: r = syscall(SYS_add_key, "user", o.text, "abc", 3, to); return r < 0 ? r : 1;
  case 1: r = syscall(SYS_request_key, "user", o.text, 0, to); return r < 0 ? r : 1;
  case 2: r = syscall(SYS_keyctl, 0, to, o.c); return r < 0 ? r : 1;
  case 3: { char text[100]; r = syscall(SYS_keyctl, 6, to, text, sizeof text); return r; }
  case 4: r = syscall(SYS_keyctl, 10, to, "user", o.text, 0); return r < 0 ? r : 1;
  case 5: return syscall(SYS_keyctl, 5, to, 0x3f3f0000);
  default: r = syscall(SYS_keyctl, 1, o.c ? o.text : 0); return r < 0 ? r : 1;
  }
}
static long filter(struct order o) {
  struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, o.a == 0 ? SYS_sethostname : o.a == 1 ? SYS_unshare : SYS_chroot, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (o.b & 0xfff)),
    BPF_STMT(BPF_RET | BPF_K, o.c == 1 ? SECCOMP_RET_LOG : SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {(unsigned short)(o.c == 2 ? 0 : o.c == 3 ? 3 : 4), code};
  return syscall(SYS_seccomp, o.d & 1 ? SECCOMP_SET_MODE_FILTER : (int)o.d % 7 + 4, o.d == 9 ? 64 : 0, o.d == 11 ? 0 : &program);
}
static long confine(struct order o) {
  struct { unsigned long files, net, scoped; } rules = {(unsigned long)o.a, 0, (unsigned long)o.c};
  if (o.b == 1) return syscall(444, 0, 0, 1) > 0 ? 1 : -1;
  int fd = (int)syscall(444, &rules, o.b == 2 ? 12 : o.b == 3 ? 4 : sizeof rules, o.b == 4 ? 8 : 0);
  if (fd < 0) return fd;
  struct { unsigned long allowed; int parent; } __attribute__((packed)) rule = {(unsigned long)o.d, open("/tmp", O_PATH)};
  long r = syscall(445, fd, o.b == 5 ? 9 : 1, &rule, o.b == 6);
  int e = errno;
  close(rule.parent);
  long enforced = syscall(446, fd, o.b == 7 ? 64 : 0);
  if (enforced == 0) errno = e;
  close(fd);
  return enforced < 0 ? enforced : r;
}
static int do_order(struct order o, struct answer *r) {
  errno = 0;
  switch (o.what) {
  case UNSHARE: r->result = unshare((int)o.a); break;
  case SETNS: { int fd = o.b ? (int)syscall(434, o.a, 0) : open(o.text, O_RDONLY); r->result = fd; if (fd >= 0) { r->result = setns(fd, (int)o.c); int e = errno; close(fd); errno = e; } break; }
  case WRITE: { char path[60]; sprintf(path, "/proc/%ld/%s", o.a, o.b == 0 ? "uid_map" : o.b == 1 ? "gid_map" : o.b == 2 ? "setgroups" : o.b == 3 ? "timens_offsets" : "oom_score_adj"); int fd = open(path, O_WRONLY); r->result = fd; if (fd >= 0) { r->result = write(fd, o.text, strlen(o.text)); int e = errno; close(fd); errno = e; } break; }
  case IDENTITY: r->result = getuid() * 1000000l + geteuid() * 1000; r->more[0] = getgid(); r->more[1] = getegid(); r->more[2] = getpid() == 1; r->more[3] = getppid() == 0; break;
  case CAPABILITIES: { unsigned data[6] = {0}; r->result = syscall(SYS_capget, &cap_header, data); for (int i = 0; i < 3; i++) r->more[i] = (data[i] | (long)data[i + 3] << 32) & ~(1l << 24); r->more[3] = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0); break; }
  case SET_CAPABILITIES: { unsigned data[6] = {0}; syscall(SYS_capget, &cap_header, data); for (int i = 0; i < 3; i++) if (o.d >> i & 1) { data[i] &= ~(unsigned)o.a; data[i + 3] &= ~(unsigned)o.b; } else if (o.c && i != 2) { data[i] |= (unsigned)o.a & ~(1u << 24); } if (o.c == 2) data[2] = data[1]; r->result = syscall(SYS_capset, &cap_header, data); break; }
  case PRCTL: r->result = prctl((int)o.a, o.b, o.c, o.d, 0); break;
  case UIDS: r->result = setresuid((int)o.a, (int)o.b, (int)o.c); break;
  case GIDS: r->result = setresgid((int)o.a, (int)o.b, (int)o.c); break;
  case HOSTNAME: r->result = o.a ? setdomainname(o.text, strlen(o.text)) : sethostname(o.text, strlen(o.text)); break;
  case TOLD_NAME: { char name[70] = ""; r->result = gethostname(name, 65); r->more[0] = sum_of(name, (long)strlen(name)); break; }
  case FORK: { int pid = fork(); if (pid == 0) _exit(getpid() == 1 ? 11 : 12); int status = 0; r->result = pid; if (pid > 0) { r->result = waitpid(pid, &status, 0) == pid; r->more[0] = status; } break; }
  case KILL: r->result = kill((int)o.a, (int)o.b); break;
  case PIDFD: { int fd = (int)syscall(434, o.a, o.c); r->result = fd; if (fd >= 0) { siginfo_t info = {0}; info.si_code = (int)o.d; info.si_signo = 0; r->result = syscall(424, fd, (int)o.b, o.d ? &info : 0, o.d == 5 ? 8 : 0); int e = errno; struct pollfd p = {fd, POLLIN, 0}; r->more[0] = poll(&p, 1, 0); close(fd); errno = e; } break; }
  case GETFD: { int fd = (int)syscall(434, o.a, 0); r->result = fd; if (fd >= 0) { r->result = syscall(438, fd, (int)o.b, (int)o.c); int e = errno; if (r->result >= 0) { close((int)r->result); r->result = 1; } close(fd); errno = e; } break; }
  case SECCOMP: r->result = filter(o); break;
  case LANDLOCK: r->result = confine(o); break;
  case KEY: r->result = key_call(o); break;
  case MADE_BY: r->result = ns_ioctl(o.text, (unsigned)o.a, 0, r); break;
  case DIRECTORY: { int fd = open("/proc/self/ns", O_RDONLY | O_DIRECTORY); r->result = fd < 0 ? -1 : 0; close(fd); break; }
  case SETGROUPS: { unsigned groups[2] = {(unsigned)o.a, (unsigned)o.b}; r->result = syscall(SYS_setgroups, o.c, groups); break; }
  case TOUCH: { char name[20]; sprintf(name, "/tmp/f%ld", o.a); int fd = open(name, O_CREAT | O_WRONLY, (int)o.b & 0777); r->result = fd < 0 ? -1 : 0; struct stat s; if (fd >= 0 && fstat(fd, &s) == 0) r->more[0] = s.st_uid, r->more[1] = s.st_gid; int e = errno; close(fd); errno = e; if (o.c) { r->result = chown(name, (int)o.d, -1); } break; }
  case NS_OF: { char one[60], other[60]; struct stat s, t; sprintf(one, "/proc/self/ns/%s", o.text); sprintf(other, "/proc/%ld/ns/%s", o.a, o.text); r->result = stat(one, &s) != 0 ? -1 : stat(other, &t) != 0 ? -1 : s.st_ino == t.st_ino; break; }
  case CLONE3: {
    struct { unsigned long flags, pidfd, child, parent, signal, stack, size, tls, set_tid, set_count, cgroup; } args = {(unsigned long)o.a, 0, 0, 0, (unsigned long)o.b};
    int tids[4] = {1, 1, 1, 1};
    if (o.c) { args.set_tid = (unsigned long)tids; args.set_count = (unsigned long)o.c; }
    long pid = syscall(435, &args, o.d ? o.d : (long)sizeof args);
    if (pid == 0) _exit(getpid() == 1 ? 21 : 22);
    r->result = pid;
    if (pid > 0) { int status = 0; r->result = waitpid((int)pid, &status, __WALL) == pid; r->more[0] = status; }
    break;
  }
  case CHROOT: r->result = chroot(o.text); break;
  default: return 0;
  }
  r->error = errno;
  return 1;
}
static void live(int orders, int answers) {
  struct order o;
  while (read(orders, &o, sizeof o) == sizeof o) {
    struct answer r = {0};
    do_order(o, &r);
    write(answers, &r, sizeof r);
  }
  _exit(99);
}
static void spawn(int i) {
  int orders[2], answers[2];
  must(pipe2(orders, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0, "pipe");
  int pid = fork();
  if (pid == 0) {
    for (int j = 0; j < CHILDREN; j++) if (j != i && children[j].pid > 0) { close(children[j].orders); close(children[j].answers); }
    int in = fcntl(orders[0], F_DUPFD_CLOEXEC, 100), out = fcntl(answers[1], F_DUPFD_CLOEXEC, 100);
    for (int fd = 0; fd < 40; fd++) close(fd);
    live(in, out);
  }
  close(orders[0]); close(answers[1]);
  children[i] = (struct child){pid, orders[1], answers[0], 0};
}
static void finish(int i) {
  close(children[i].orders); close(children[i].answers);
  kill(children[i].pid, SIGKILL);
  waitpid(children[i].pid, 0, 0);
  children[i].pid = -1;
}
static const int ids[] = {0, 0, 1000, 1000, 2000, 1, 65534, -1};
static void step(void) {
  static const char *const maps[] = {"0 0 1", "0 1000 1", "1000 1000 1", "0 0 10", "0 0 1\n1000 1000 1\n", "0 0 0", "x", "", "0 0 1\n0 1000 1", "0 4294967295 1", "0 0 4294967295", "5 0 2000", "1000 0 1", "0 0 1 1", "1 0", "deny", "allow"};
  static const char *const group_words[] = {"deny", "allow", "deny\n", "x", ""};
  static const char *const offsets[] = {"monotonic 10 0", "boottime 10 0", "monotonic -1000000000 0", "1 1 1", "realtime 1 1", "monotonic 1 1000000000", "monotonic 1"};
  int who = (int)below(CHILDREN);
  struct child *c = &children[who];
  if (c->pid > 0 && one_in(25)) { finish(who); printf("%ld end %d\n", call_number, who); }
  if (c->pid <= 0) { spawn(who); printf("%ld spawn %d\n", call_number, who); }
  struct order o = {(int)below(COUNT), 0, 0, 0, 0, ""};
  const char *shown = "";
  int other = (int)below(CHILDREN);
  long pid = one_in(12) ? (one_in(2) ? 999999 : 0) : children[other].pid;
  if (pid <= 0 && pid != 0) pid = 999999;
  char told_text[60] = "";
  switch (o.what) {
  case UNSHARE: o.a = one_in(8) ? (long)(SOME(flags_of_kinds) | (one_in(2) ? 0x100 : 0x10000)) : (long)SOME(flags_of_kinds); if (one_in(3)) o.a |= CLONE_NEWUSER; break;
  case SETNS: {
    const char *kind = ANY(kinds);
    o.a = pid; o.b = one_in(4); o.c = one_in(3) ? (long)SOME(flags_of_kinds) : 0;
    if (pid == 0) return;
    sprintf(o.text, one_in(20) ? "/tmp" : "/proc/%ld/ns/%s", o.a, kind);
    sprintf(told_text, "%d %s", pid == 999999 ? 99 : other, o.text[1] == 't' ? "/tmp" : kind);
    o.a = pid;
    break;
  }
  case WRITE: o.a = one_in(2) ? c->pid : pid; if (o.a == 0) return; o.b = below(4); strcpy(o.text, o.b < 2 ? ANY(maps) : o.b == 2 ? ANY(group_words) : ANY(offsets)); sprintf(told_text, "%d \"%s\"", o.a == c->pid ? who : other, o.text); break;
  case SET_CAPABILITIES: o.a = (long)(next() & 0xffffffff); o.b = (long)(next() & 0x1ff); o.c = one_in(4) ? 1 + below(2) : 0; o.d = 1 + below(7); if (!one_in(2)) { o.a &= 0xc8; o.b = 0; } break;
  case PRCTL: {
    static const int what[] = {PR_SET_SECUREBITS, PR_GET_SECUREBITS, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_KEEPCAPS, PR_GET_KEEPCAPS, PR_SET_DUMPABLE, PR_GET_DUMPABLE, PR_GET_SECCOMP, PR_CAP_AMBIENT, PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, PR_SET_THP_DISABLE, PR_GET_THP_DISABLE};
    o.a = ANY(what); o.b = below(4);
    if (o.a == PR_CAPBSET_READ || o.a == PR_CAPBSET_DROP) { o.b = one_in(8) ? 60 : below(41); if (o.b == 24) o.b = 5; }
    if (o.a == PR_SET_SECUREBITS) o.b = one_in(3) ? below(256) : below(4) * 16 + below(3);
    if (o.a == PR_CAP_AMBIENT) { o.b = 1 + below(5); o.c = o.b == 4 ? 0 : below(42); if (o.c == 24) o.c = 1; }
    if (o.a == PR_SET_PDEATHSIG) o.b = 0;
    if (o.a == PR_SET_NO_NEW_PRIVS && !one_in(3)) o.b = 0;
    if (one_in(10)) o.d = 1;
    break;
  }
  case UIDS: case GIDS: o.a = ANY(ids); o.b = ANY(ids); o.c = ANY(ids); break;
  case HOSTNAME: o.a = one_in(3); sprintf(o.text, "name%ld", below(3)); break;
  case KILL: o.a = pid == 0 ? 999999 : pid; o.b = one_in(3) ? 70 : 0; sprintf(told_text, "%d", other); break;
  case PIDFD: { static const int codes[] = {0, 0, -1, -6, 1, 5}; o.a = pid; o.b = one_in(5) ? 70 : 0; o.c = one_in(5) ? 1 + below(3) : 0; if (o.c) o.b = 0; o.d = ANY(codes); if (o.c == O_NONBLOCK) o.c = 0; if (pid == 0) return; sprintf(told_text, "%d", other); break; }
  case GETFD: o.a = pid; o.b = one_in(2) ? 100 + below(3) : below(6); o.c = one_in(9); if (pid == 0) return; sprintf(told_text, "%d", other); break;
  case SECCOMP: if (!one_in(2)) return; o.a = below(3); o.b = one_in(6) ? 4095 : 1 + below(40); o.c = below(5); o.d = one_in(4) ? 2 * below(6) + 4 : 1; if (o.d == 10) o.d = 8; if (o.c == 1) o.c = 0; break;
  case LANDLOCK: { if (!one_in(2)) return; o.a = one_in(5) ? (long)(next() & 0x1ffff) : (long)((1 << 1) | (1 << 8)); o.b = one_in(2) ? 0 : below(8); o.c = one_in(4) ? below(5) : 0; o.d = one_in(2) ? o.a : one_in(3) ? 0 : (long)(next() & 0xffff); break; }
  case KEY: o.a = below(7); o.b = below(7); o.c = one_in(2); sprintf(o.text, "key%ld", below(3)); if (one_in(12)) o.text[0] = 0; break;
  case MADE_BY: { static const unsigned requests[] = {0xb701, 0xb702, 0xb703, 0xb704, 0xb701, 0xb702, 0xb799}; const char *kind = ANY(kinds); if (pid == 0) return; o.a = ANY(requests); sprintf(o.text, "/proc/%ld/ns/%s", pid, kind); sprintf(told_text, "%d %s", other, kind); break; }
  case SETGROUPS: o.a = ANY(ids); o.b = ANY(ids); o.c = one_in(10) ? -1 : below(3); break;
  case TOUCH: o.a = below(4); o.b = below(2) * 066 + 0600; o.c = one_in(4); o.d = ANY(ids); break;
  case NS_OF: { const char *kind = ANY(kinds); if (pid == 0) return; o.a = pid; strcpy(o.text, kind); sprintf(told_text, "%d %s", other, kind); break; }
  case CLONE3: { static const unsigned long flags[] = {CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWCGROUP, CLONE_NEWNS, 0x80, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_PARENT, 1ul << 34, 0x100000000ul}; o.a = (long)SOME(flags) & ~(long)CLONE_PARENT; o.b = one_in(8) ? 100 : SIGCHLD; o.c = one_in(6) ? 1 + below(3) : 0; o.d = one_in(12) ? (one_in(2) ? 56 : 200) : 0; if (o.d == 200) o.d = 64; break; }
  case CHROOT: { if (!one_in(4)) return; strcpy(o.text, one_in(2) ? "/tmp/.." : "/"); break; }
  }
  struct answer r = {0};
  must(write(c->orders, &o, sizeof o) == sizeof o, "order");
  if (read(c->answers, &r, sizeof r) != sizeof r) {
    int status = 0;
    waitpid(c->pid, &status, 0);
    printf("%ld %d is gone by %d: %#x\n", call_number, who, o.what, status);
    close(c->orders); close(c->answers); c->pid = -1;
    return;
  }
  errno = r.error;
  if (o.what == SETNS || o.what == KILL || o.what == PIDFD || o.what == GETFD || o.what == NS_OF || o.what == WRITE) o.a = 0;
  if (o.what == SETNS || o.what == MADE_BY || o.what == WRITE) shown = told_text; else if (told_text[0]) shown = told_text; else shown = o.text;
  printf("  %d:", who);
  told(r.result, "%d(%#lx, %ld, %ld, %ld, %s)", o.what, o.a, o.b, o.c, o.d, shown);
  if (r.more[0] || r.more[1] || r.more[2] || r.more[3]) printf("  %lx %lx %lx %lx\n", r.more[0], r.more[1], r.more[2], r.more[3]);
}

int main(int argc, char **argv) {
  begin_as_root(argc, argv);
  must(sethostname("host", 4) == 0 && setdomainname("domain", 6) == 0, "names");
  must(syscall(SYS_keyctl, 1, 0) > 0, "session");
  for (int i = 0; i < CHILDREN; i++) children[i].pid = -1;
  for (call_number = 0; call_number < (argc > 2 ? calls_of(argc, argv) : 600); call_number++) { step(); fflush(stdout); }
  for (int i = 0; i < CHILDREN; i++) if (children[i].pid > 0) finish(i);
  return 0;
}
