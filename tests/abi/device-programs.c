/* bpf(2): programs that a control group asks which devices its processes may use, as container runtimes load them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define I(c, d, s, o, i) ((struct bpf_insn){.code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i})
#define LOAD(d, o) I(BPF_LDX | BPF_MEM | BPF_W, d, BPF_REG_1, o, 0)
#define MOVE(d, i) I(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define COPY(d, s) I(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define DO(op, d, i) I(BPF_ALU | op | BPF_K, d, 0, 0, i)
#define IF(op, d, i, o) I(BPF_JMP | op | BPF_K, d, 0, o, i)
#define END I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static const char *name(int result) { return result < 0 ? strerrorname_np(errno) : "0"; }
static void tell(const char *what, int result) { printf("%s: %s\n", what, name(result)); }

static char verdict[65536];

static int load_type(int type, const struct bpf_insn *program, int count) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.prog_type = type;
  attr.insns = (uintptr_t)program;
  attr.insn_cnt = count;
  attr.license = (uintptr_t) "GPL";
  attr.log_level = 1;
  attr.log_buf = (uintptr_t)verdict;
  attr.log_size = sizeof verdict;
  return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
}

#define LOADED(...) ({ \
    struct bpf_insn program[] = {__VA_ARGS__}; \
    load_type(BPF_PROG_TYPE_CGROUP_DEVICE, program, sizeof program / sizeof *program); \
  })

static int attach(int group, int program, int flags, int replaced) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.target_fd = group;
  attr.attach_bpf_fd = program;
  attr.attach_type = BPF_CGROUP_DEVICE;
  attr.attach_flags = flags;
  attr.replace_bpf_fd = replaced;
  return syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr);
}

static int detach(int group, int program) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.target_fd = group;
  attr.attach_bpf_fd = program;
  attr.attach_type = BPF_CGROUP_DEVICE;
  return syscall(SYS_bpf, BPF_PROG_DETACH, &attr, sizeof attr);
}

static void count(const char *what, int group, int flags, int room) {
  union bpf_attr attr;
  uint32_t ids[8] = {0};
  memset(&attr, 0, sizeof attr);
  attr.query.target_fd = group;
  attr.query.attach_type = BPF_CGROUP_DEVICE;
  attr.query.query_flags = flags;
  attr.query.prog_ids = (uintptr_t)ids;
  attr.query.prog_cnt = room;
  int result = syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr);
  printf("%s: %s, %u programs", what, name(result), attr.query.prog_cnt);
  if (result == 0 && room > 0 && attr.query.prog_cnt > 0) {
    memset(&attr, 0, sizeof attr);
    attr.prog_id = ids[0];
    int fd = syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attr, sizeof attr);
    printf(", the first %s", fd < 0 ? name(fd) : "is opened");
    if (fd >= 0) close(fd);
  }
  printf("\n");
}

/* What is told of a kind of attachment, with how it is. */
static void told_of(const char *what, int group, int type, int flags) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.query.target_fd = group;
  attr.query.attach_type = type;
  attr.query.query_flags = flags;
  int result = syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr);
  printf("%s: %s, %u programs, flags %x\n", what, name(result), attr.query.prog_cnt, attr.query.attach_flags);
}

static int try(const char *path, int flags) {
  int fd = open(path, flags);
  if (fd >= 0) close(fd);
  return fd;
}

/* What a process in the group may do. */
static void uses(const char *title, const char *procs) {
  printf("- %s\n", title);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    int fd = open(procs, O_WRONLY);
    if (write(fd, "0", 1) < 0) printf("moving: %s\n", name(-1));
    close(fd);
    tell("  null, read", try("/dev/null", O_RDONLY));
    tell("  null, write", try("/dev/null", O_WRONLY));
    tell("  zero, read", try("/dev/zero", O_RDONLY));
    tell("  zero, both", try("/dev/zero", O_RDWR));
    tell("  full, read", try("/dev/full", O_RDONLY));
    tell("  made null", mknod("/tmp/programs/null", S_IFCHR | 0600, makedev(1, 3)));
    tell("  made block", mknod("/tmp/programs/block", S_IFBLK | 0600, makedev(7, 3)));
    tell("  a fifo", mknod("/tmp/programs/fifo", S_IFIFO | 0600, 0));
    unlink("/tmp/programs/null"), unlink("/tmp/programs/block"), unlink("/tmp/programs/fifo");
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  mkdir("/tmp/programs", 0755);
  unshare(CLONE_NEWNS);
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  tell("tmpfs", mount("none", "/tmp/programs", "tmpfs", 0, NULL));
  mkdir("/tmp/programs/groups", 0755);
  tell("groups", mount("none", "/tmp/programs/groups", "cgroup2", 0, NULL));
  char path[100], procs[120], inner[120];
  snprintf(path, sizeof path, "/tmp/programs/groups/devices-%d", getpid());
  snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
  mkdir(path, 0755);
  int group = open(path, O_RDONLY | O_DIRECTORY);

  printf("-- programs\n");
  int all = LOADED(MOVE(BPF_REG_0, 1), END);
  tell("all", all);
  int none = LOADED(MOVE(BPF_REG_0, 0), END);
  tell("none", none);
  /* Major 1: minor 3 for all, 5 for reading alone; nothing else. */
  int some = LOADED(
      COPY(BPF_REG_6, BPF_REG_1), I(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_6, 0, 0), COPY(BPF_REG_3, BPF_REG_2),
      DO(BPF_AND, BPF_REG_2, 0xffff), DO(BPF_RSH, BPF_REG_3, 16), LOAD(BPF_REG_4, 4), LOAD(BPF_REG_5, 8),
      IF(BPF_JNE, BPF_REG_2, BPF_DEVCG_DEV_CHAR, 6), IF(BPF_JNE, BPF_REG_4, 1, 5), IF(BPF_JEQ, BPF_REG_5, 3, 2),
      IF(BPF_JNE, BPF_REG_5, 5, 3), IF(BPF_JNE, BPF_REG_3, BPF_DEVCG_ACC_READ, 2), MOVE(BPF_REG_0, 1), END,
      MOVE(BPF_REG_0, 0), END);
  tell("some", some);
  int wide = LOADED(I(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_0, 0, 0, -1), I(0, 0, 0, 0, 0x7fffffff),
                    I(BPF_ALU64 | BPF_ARSH | BPF_K, BPF_REG_0, 0, 0, 62), I(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_0, 0, 0, 1),
                    END);
  tell("wide numbers", wide);
  int narrow = LOADED(I(BPF_LDX | BPF_MEM | BPF_H, BPF_REG_0, BPF_REG_1, 0, 0),
                      I(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_0, 0, 0, 1), END);
  tell("half a word", narrow);
  int signs = LOADED(MOVE(BPF_REG_2, -5), MOVE(BPF_REG_0, 0), I(BPF_JMP | BPF_JSLT | BPF_K, BPF_REG_2, 0, 1, -4), END,
                     I(BPF_JMP | BPF_JGT | BPF_K, BPF_REG_2, 0, 1, 100), END, MOVE(BPF_REG_0, 1), END);
  tell("signs", signs);

  printf("-- refused\n");
  tell("no end", LOADED(MOVE(BPF_REG_0, 1)));
  tell("no value", LOADED(END));
  tell("what nobody set", LOADED(COPY(BPF_REG_0, BPF_REG_3), END));
  tell("the context as value", LOADED(COPY(BPF_REG_0, BPF_REG_1), END));
  tell("set on one way only", LOADED(LOAD(BPF_REG_2, 0), IF(BPF_JEQ, BPF_REG_2, 2, 1), MOVE(BPF_REG_0, 1), END));
  tell("beyond the context", LOADED(LOAD(BPF_REG_0, 12), END));
  tell("before it", LOADED(LOAD(BPF_REG_0, -4), END));
  tell("across", LOADED(LOAD(BPF_REG_0, 2), END));
  tell("through a number", LOADED(MOVE(BPF_REG_1, 8), LOAD(BPF_REG_0, 0), END));
  tell("to a wrong place", LOADED(MOVE(BPF_REG_0, 1), IF(BPF_JEQ, BPF_REG_0, 1, 100), END));
  tell("round and round", LOADED(MOVE(BPF_REG_0, 1), I(BPF_JMP | BPF_JA, 0, 0, -2, 0), END));
  tell("writing to the context", LOADED(MOVE(BPF_REG_0, 1), I(BPF_STX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_0, 0, 0), END));
  tell("a function that is none", LOADED(I(BPF_JMP | BPF_CALL, 0, 0, 0, 9999), END));
  verdict[0] = 0;
  LOADED(END);
  printf("a verdict is told: %d\n", verdict[0] != 0);
  struct bpf_insn one[] = {MOVE(BPF_REG_0, 1), END};
  tell("no instructions", load_type(BPF_PROG_TYPE_CGROUP_DEVICE, one, 0));
  tell("an unknown type", load_type(9999, one, 2));

  printf("-- other types, and commands\n");
  int packets = load_type(BPF_PROG_TYPE_CGROUP_SKB, one, 2);
  tell("packets", packets);
  struct bpf_insn length[] = {LOAD(BPF_REG_0, 0), I(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_0, 0, 0, 1), END};
  tell("packets, by their length", load_type(BPF_PROG_TYPE_CGROUP_SKB, length, 3));
  tell("packets, attached to devices", attach(group, packets, BPF_F_ALLOW_MULTI, 0));
  union bpf_attr nothing;
  memset(&nothing, 0, sizeof nothing);
  int unknown[] = {37, 38, 60, 100, 9999, -1};
  for (int i = 1; i < 6; i++) printf("command %d: %s\n", unknown[i], name(syscall(SYS_bpf, unknown[i], &nothing, sizeof nothing)));

  printf("-- what is told of one\n");
  struct bpf_prog_info info;
  struct bpf_insn read[2];
  memset(&info, 0, sizeof info);
  memset(&nothing, 0, sizeof nothing);
  nothing.info.bpf_fd = all;
  nothing.info.info_len = sizeof info;
  nothing.info.info = (uintptr_t)&info;
  info.xlated_prog_len = 8;
  info.xlated_prog_insns = (uintptr_t)read;
  tell("told", syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &nothing, sizeof nothing));
  printf("%u bytes, type %u, uid %u, %u bytes of instructions, the first %x, maps %u, records %u %u %u, tags %u, verified %u\n",
         nothing.info.info_len, info.type, info.created_by_uid, info.xlated_prog_len, read[0].code, info.nr_map_ids,
         info.func_info_rec_size, info.line_info_rec_size, info.jited_line_info_rec_size, info.nr_prog_tags,
         info.verified_insns);
  printf("tag ");
  for (int i = 0; i < 8; i++) printf("%02x", info.tag[i]);
  char line[200], path_of_info[64];
  snprintf(path_of_info, sizeof path_of_info, "/proc/self/fdinfo/%d", all);
  FILE *told = fopen(path_of_info, "r");
  while (fgets(line, sizeof line, told))
    if (strncmp(line, "prog_t", 6) == 0 || strncmp(line, "ver", 3) == 0) printf(", %s", strtok(line, "\n"));
  fclose(told);
  printf("\n");
  nothing.info.info_len = 8;
  tell("its beginning", syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &nothing, sizeof nothing));
  printf("%u bytes\n", nothing.info.info_len);
  nothing.info.bpf_fd = group;
  tell("of a folder", syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &nothing, sizeof nothing));
  nothing.info.bpf_fd = 999;
  tell("of nothing", syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &nothing, sizeof nothing));
  nothing.info.bpf_fd = all;
  nothing.info.info = 8;
  tell("to nowhere", syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &nothing, sizeof nothing));

  printf("-- groups\n");
  count("at first", group, 0, 8);
  uses("without", procs);
  tell("attached", attach(group, some, BPF_F_ALLOW_MULTI, 0));
  tell("twice", attach(group, some, BPF_F_ALLOW_MULTI, 0));
  count("one", group, 0, 8);
  uses("some", procs);
  tell("and none", attach(group, none, BPF_F_ALLOW_MULTI, 0));
  count("two", group, 0, 8);
  count("two, room for one", group, 0, 1);
  count("two, no room", group, 0, 0);
  uses("both", procs);
  tell("all for none", attach(group, all, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, none));
  tell("again", attach(group, all, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, none));
  uses("replaced", procs);
  snprintf(inner, sizeof inner, "%s/inner", path);
  mkdir(inner, 0755);
  int below = open(inner, O_RDONLY | O_DIRECTORY);
  snprintf(inner, sizeof inner, "%s/inner/cgroup.procs", path);
  count("below", below, 0, 8);
  count("below, in effect", below, BPF_F_QUERY_EFFECTIVE, 8);
  uses("below", inner);
  tell("none below", attach(below, none, BPF_F_ALLOW_MULTI, 0));
  uses("none below", inner);
  uses("above", procs);
  tell("detached", detach(group, some));
  tell("again", detach(group, some));
  uses("detached", procs);
  tell("wide", attach(group, wide, BPF_F_ALLOW_MULTI, 0));
  tell("signs", attach(group, signs, BPF_F_ALLOW_MULTI, 0));
  uses("wide and signs", procs);
  tell("blocks alone", attach(group, narrow, BPF_F_ALLOW_MULTI, 0));
  uses("blocks alone", procs);
  tell("wrong flags", attach(group, narrow, BPF_F_ALLOW_MULTI | BPF_F_ALLOW_OVERRIDE, 0));
  tell("to no group", attach(0, narrow, BPF_F_ALLOW_MULTI, 0));
  tell("no program", attach(group, group, BPF_F_ALLOW_MULTI, 0));
  tell("no descriptor", attach(group, 999, BPF_F_ALLOW_MULTI, 0));

  printf("-- how they are attached\n");
  char flagged[120], lower[140], lower_procs[160];
  snprintf(flagged, sizeof flagged, "%s/flagged", path);
  snprintf(lower, sizeof lower, "%s/lower", flagged);
  snprintf(lower_procs, sizeof lower_procs, "%s/cgroup.procs", lower);
  int top = group;
  for (int i = 0; i < 5; i++) detach(top, (int[]){all, wide, signs, narrow, none}[i]);
  told_of("nothing", top, BPF_CGROUP_DEVICE, 0);
  tell("detached from nothing", detach(top, all));
  mkdir(flagged, 0755);
  mkdir(lower, 0755);
  int upper_fd = open(flagged, O_RDONLY | O_DIRECTORY), lower_fd = open(lower, O_RDONLY | O_DIRECTORY);
  told_of("packets", upper_fd, BPF_CGROUP_INET_INGRESS, 0);
  told_of("sockets of a path", upper_fd, 53, 0);
  told_of("no group", 0, BPF_CGROUP_DEVICE, 0);
  told_of("no such kind", upper_fd, 4000, 0);
  told_of("wrong flags", upper_fd, BPF_CGROUP_DEVICE, 8);
  tell("alone", attach(upper_fd, all, 0, 0));
  told_of("alone", upper_fd, BPF_CGROUP_DEVICE, 0);
  tell("another for it", attach(upper_fd, some, 0, 0));
  tell("and the same again", attach(upper_fd, some, 0, 0));
  told_of("another", upper_fd, BPF_CGROUP_DEVICE, 0);
  tell("one of many beside it", attach(upper_fd, none, BPF_F_ALLOW_MULTI, 0));
  tell("one that is outdone beside it", attach(upper_fd, none, BPF_F_ALLOW_OVERRIDE, 0));
  tell("below, alone", attach(lower_fd, none, 0, 0));
  tell("below, one of many", attach(lower_fd, none, BPF_F_ALLOW_MULTI, 0));
  uses("below one alone", lower_procs);
  tell("detached by another's name", detach(upper_fd, wide));
  told_of("detached", upper_fd, BPF_CGROUP_DEVICE, 0);
  tell("outdone", attach(upper_fd, none, BPF_F_ALLOW_OVERRIDE, 0));
  told_of("outdone", upper_fd, BPF_CGROUP_DEVICE, 0);
  uses("below one that is outdone, without", lower_procs);
  tell("below it, alone", attach(lower_fd, some, 0, 0));
  told_of("below it", lower_fd, BPF_CGROUP_DEVICE, 0);
  told_of("below it, in effect", lower_fd, BPF_CGROUP_DEVICE, BPF_F_QUERY_EFFECTIVE);
  uses("below one that is outdone", lower_procs);
  tell("detached by no name", detach(upper_fd, 0));
  tell("many", attach(upper_fd, all, BPF_F_ALLOW_MULTI, 0));
  told_of("many", upper_fd, BPF_CGROUP_DEVICE, 0);
  told_of("below many, in effect", lower_fd, BPF_CGROUP_DEVICE, BPF_F_QUERY_EFFECTIVE);
  tell("of many, by no name", detach(upper_fd, 0));
  tell("for one that is not there", attach(upper_fd, wide, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, signs));
  tell("for itself", attach(upper_fd, all, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, all));
  tell("replaced alone", attach(upper_fd, all, BPF_F_REPLACE, all));
  tell("twice", attach(upper_fd, all, BPF_F_ALLOW_MULTI, 0));

  printf("-- what must be zero\n");
  char tail[400];
  memset(tail, 0, sizeof tail);
  union bpf_attr *tailed = (void *)tail;
  tailed->target_fd = lower_fd;
  tailed->attach_bpf_fd = all;
  tailed->attach_type = BPF_CGROUP_DEVICE;
  tail[40] = 1;
  tell("behind an attachment", syscall(SYS_bpf, BPF_PROG_ATTACH, tail, sizeof tail));
  tell("behind a detachment", syscall(SYS_bpf, BPF_PROG_DETACH, tail, sizeof tail));
  tail[40] = 0, tail[300] = 1;
  tell("behind all", syscall(SYS_bpf, BPF_PROG_ATTACH, tail, sizeof tail));
  memset(tail, 0, sizeof tail);
  tailed->query.target_fd = lower_fd;
  tailed->query.attach_type = BPF_CGROUP_DEVICE;
  tail[72] = 1;
  tell("behind a query", syscall(SYS_bpf, BPF_PROG_QUERY, tail, sizeof tail));
  for (int i = 0; i < 7; i++) {
    memset(&nothing, 0, sizeof nothing);
    nothing.prog_type = i == 6 ? BPF_PROG_TYPE_CGROUP_SKB : BPF_PROG_TYPE_CGROUP_DEVICE;
    nothing.insns = (uintptr_t)one;
    nothing.insn_cnt = 2;
    nothing.license = (uintptr_t) "GPL";
    if (i == 0) nothing.prog_flags = 0xffffffff;
    if (i == 1) nothing.prog_flags = BPF_F_STRICT_ALIGNMENT | BPF_F_TEST_STATE_FREQ;
    if (i == 2) nothing.prog_flags = BPF_F_SLEEPABLE;
    if (i == 3) nothing.attach_btf_id = 1;
    if (i == 4) nothing.attach_prog_fd = 1;
    if (i == 5) nothing.insns = 0;
    if (i == 6) nothing.expected_attach_type = BPF_CGROUP_DEVICE;
    char title[32];
    snprintf(title, sizeof title, "load %d", i);
    tell(title, syscall(SYS_bpf, BPF_PROG_LOAD, &nothing, sizeof nothing));
  }

  printf("-- by whom\n");
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    setuid(1000);
    tell("an ordinary user", LOADED(MOVE(BPF_REG_0, 1), END));
    told_of("asks", upper_fd, BPF_CGROUP_DEVICE, 0);
    tell("attaches what it was given", attach(upper_fd, wide, BPF_F_ALLOW_MULTI, 0));
    tell("and detaches it", detach(upper_fd, wide));
    memset(&nothing, 0, sizeof nothing);
    nothing.map_type = BPF_MAP_TYPE_ARRAY, nothing.key_size = 4, nothing.value_size = 4, nothing.max_entries = 1;
    tell("makes a map", syscall(SYS_bpf, BPF_MAP_CREATE, &nothing, sizeof nothing));
    nothing.prog_id = 1;
    tell("opens by number and more", syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &nothing, sizeof nothing));
    memset(&nothing, 0, sizeof nothing);
    nothing.prog_id = 1;
    tell("opens by number", syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &nothing, sizeof nothing));
    memset(&nothing, 0, sizeof nothing);
    nothing.info.bpf_fd = all, nothing.info.info_len = 8, nothing.info.info = (uintptr_t)&info;
    tell("is told", syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &nothing, sizeof nothing));
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  close(lower_fd), close(upper_fd);
  tell("removed", rmdir(lower));
  tell("removed", rmdir(flagged));
  snprintf(inner, sizeof inner, "%s/inner", path);
  close(below);
  close(group);
  tell("removed", rmdir(inner));
  tell("removed", rmdir(path));
  return 0;
}
