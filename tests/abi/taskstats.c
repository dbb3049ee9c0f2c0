#include "abi.h"
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
/* Generic netlink tells of tasks and processes: what they are, what they did, and who may ask. */
static int s, family; static char answer[8192]; static struct taskstats t; static unsigned told;
static struct nlattr *next(struct nlattr *a) { return (void *)((char *)a + ((a->nla_len + 3) & ~3)); }
static long request(int type, int command, int attribute, const void *value, int length) {
  struct { struct nlmsghdr h; struct genlmsghdr g; struct nlattr a; char v[32]; } r = {{20, type, NLM_F_REQUEST, 1}, {command, 1}, {4 + length, attribute}}; if (attribute >= 0) { memcpy(r.v, value, length); r.h.nlmsg_len = 24 + ((length + 3) & ~3); }
  struct sockaddr_nl k = {AF_NETLINK}; if (sendto(s, &r, r.h.nlmsg_len, 0, (void *)&k, sizeof k) < 0) return -1; long n = recv(s, answer, sizeof answer, 0); struct nlmsghdr *h = (void *)answer; if (h->nlmsg_type == NLMSG_ERROR) { errno = -*(int *)NLMSG_DATA(h); return -1; } return n;
}
static int controller(void) {
  long n = request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, "TASKSTATS", 10); if (n < 0) return -1; int id = 0;
  for (struct nlattr *a = (void *)(answer + 20); (char *)a < answer + n; a = next(a)) { int type = a->nla_type & 0x3fff, value = *(int *)(a + 1);
    if (type == CTRL_ATTR_FAMILY_ID) id = value & 0xffff; else if (type == CTRL_ATTR_OPS) { for (struct nlattr *o = a + 1, *p; (char *)o < (char *)a + a->nla_len; o = next(o)) { p = o + 1; int command = *(int *)(p + 1); if (command == TASKSTATS_CMD_GET) printf("  operation %d: %x\n", command, *(int *)(next(p) + 1)); } }
    else if (type == CTRL_ATTR_FAMILY_NAME) printf("  name %s\n", (char *)(a + 1)); else if (type != CTRL_ATTR_MCAST_GROUPS) printf("  %d: %d\n", type, value); }
  return id;
}
/* 0, or −1 with errno; what was told is in `t`. */
static int ask(int attribute, unsigned id) {
  if (request(family, TASKSTATS_CMD_GET, attribute, &id, 4) < 0) return -1; struct nlmsghdr *h = (void *)answer; struct nlattr *whole = (void *)(answer + 20); int version = ((struct genlmsghdr *)NLMSG_DATA(h))->cmd * 10 + ((struct genlmsghdr *)NLMSG_DATA(h))->version; printf("  type %s, %d:", h->nlmsg_type == family ? "the family's" : "?", version); memset(&t, 0, sizeof t);
  for (struct nlattr *a = whole + 1; (char *)a < (char *)whole + whole->nla_len; a = next(a)) { if (a->nla_type == TASKSTATS_TYPE_NULL) continue; printf(" %d in %d", a->nla_type, whole->nla_type); if (a->nla_type == TASKSTATS_TYPE_STATS) memcpy(&t, a + 1, a->nla_len - 4 < (int)sizeof t ? a->nla_len - 4 : (int)sizeof t); else told = *(unsigned *)(a + 1); }
  printf("\n"); return 0;
}
static void *sleeper(void *pipe_end) { char c; read(*(int *)pipe_end, &c, 1); return NULL; }
static char stack[65536] __attribute__((aligned(16)));
static int thread(void *pipe_end) { sleeper(pipe_end); syscall(SYS_exit, 0); return 0; }
int main(void) {
  s = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC); family = controller(); SHOW(family > GENL_ID_CTRL); prctl(PR_SET_NAME, "asked"); setpriority(PRIO_PROCESS, 0, 5); volatile unsigned long spin = 0; struct rusage u; do { spin++; getrusage(RUSAGE_SELF, &u); } while (u.ru_utime.tv_usec + u.ru_stime.tv_usec < 20000); usleep(2000);
  SHOW(ask(TASKSTATS_CMD_ATTR_PID, getpid())); SHOW(told == (unsigned)getpid()); SHOW(t.version >= 13); SHOW(t.ac_pid == (unsigned)getpid()); SHOW(t.ac_tgid == (unsigned)getpid()); SHOW(t.ac_ppid == (unsigned)getppid()); printf("  \"%s\", uid %u, gid %u, nice %d, policy %d, flags %x, exit %u\n", t.ac_comm, t.ac_uid, t.ac_gid, (signed char)t.ac_nice, t.ac_sched, t.ac_flag & 1, t.ac_exitcode);
  SHOW(t.ac_utime + t.ac_stime >= 15000); SHOW(t.ac_etime >= t.ac_utime + t.ac_stime); SHOW(t.cpu_run_real_total >= 15000000); SHOW(t.nvcsw > 0); SHOW(t.ac_minflt > 0); SHOW(t.hiwater_rss > 0 && t.hiwater_vm >= t.hiwater_rss); SHOW(t.ac_btime > 1500000000 && t.ac_btime64 == t.ac_btime); SHOW(t.ac_exe_inode > 0);
  struct taskstats before = t; static char bytes[8192]; int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY); fflush(stdout); ask(TASKSTATS_CMD_ATTR_PID, getpid()); before = t; read(zero, bytes, 8192); for (int i = 0; i < 1024; i++) write(null, bytes, 2); ask(TASKSTATS_CMD_ATTR_PID, getpid()); printf("  read %llu in %llu, written %llu in %llu\n", t.read_char - before.read_char, t.read_syscalls - before.read_syscalls, t.write_char - before.write_char, t.write_syscalls - before.write_syscalls);
  int hold[2]; pipe(hold); int tid = clone(thread, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, hold); usleep(2000);
  SHOW(ask(TASKSTATS_CMD_ATTR_PID, tid)); SHOW(t.ac_pid == (unsigned)tid); SHOW(t.ac_tgid == (unsigned)getpid()); SHOW(ask(TASKSTATS_CMD_ATTR_TGID, getpid())); SHOW(told == (unsigned)getpid()); SHOW(t.version >= 13); printf("  pid %u, \"%s\"\n", t.ac_pid, t.ac_comm); SHOW(t.nvcsw > 0); SHOW(t.ac_utime + t.ac_stime >= 15000); write(hold[1], "x", 1);
  fflush(stdout); pid_t child = fork(); if (child == 0) _exit(3); siginfo_t info; waitid(P_PID, child, &info, WEXITED | WNOWAIT); SHOW(ask(TASKSTATS_CMD_ATTR_PID, child)); printf("  exit %x, flags %x\n", t.ac_exitcode, t.ac_flag & 1); waitpid(child, NULL, 0); SHOW(ask(TASKSTATS_CMD_ATTR_PID, child));
  SHOW(ask(TASKSTATS_CMD_ATTR_PID, 0)); SHOW(ask(TASKSTATS_CMD_ATTR_TGID, 4194305)); SHOW(request(family, TASKSTATS_CMD_GET, -1, NULL, 0)); SHOW(request(family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_PID, "x", 1)); SHOW(request(family, 9, TASKSTATS_CMD_ATTR_PID, &child, 4)); SHOW(request(family, TASKSTATS_CMD_NEW, TASKSTATS_CMD_ATTR_PID, &child, 4));
  fflush(stdout); if (fork() == 0) { setresuid(65534, 65534, 65534); family = controller(); SHOW(ask(TASKSTATS_CMD_ATTR_PID, getpid())); fflush(stdout); _exit(0); } wait(NULL);
}
