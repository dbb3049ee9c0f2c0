#include "abi.h"
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

/* Capabilities that files give (capabilities(7), "Transformation of capabilities during execve"). */
static char program[100];

static int give(unsigned permitted, unsigned inheritable, int effective, int revision) {
  struct { unsigned magic, sets[4], root; } data = {(unsigned)revision << 24 | (effective ? 1 : 0), {permitted, inheritable, 0, 0}, 0};
  return setxattr(program, "security.capability", &data, revision == 2 ? 20 : revision == 3 ? 24 : 12, 0);
}

static void set_caps(unsigned effective, unsigned permitted, unsigned inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{effective, permitted, inheritable}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, data) != 0) printf("capset: %s\n", name_of(errno));
}

/* What the host itself lacks isn't shown. */
#define SHOWN (1 << CAP_CHOWN | 1 << CAP_NET_RAW)
static void show(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  syscall(SYS_capget, &header, data);
  int ambient = 0;
  for (int c = 0; c < 32; c++) if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) == 1) ambient |= 1 << c;
  printf("  uid %d %d, effective %x, permitted %x, inheritable %x, ambient %x, secure %d, dumpable %d\n", getuid(), geteuid(),
         data[0].effective & SHOWN, data[0].permitted & SHOWN, data[0].inheritable & SHOWN, ambient, (int)getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1);
  fflush(stdout);
}

enum { PLAIN = 0, NNP = 1, ROOT_UID = 2, BOUNDED = 4, AMBIENT = 8, INHERITS = 16, NOROOT = 32 };
static void run(const char *what, int how) {
  printf("%s:\n", what);
  fflush(stdout);
  int child = fork();
  if (child == 0) {
    if (how & BOUNDED) prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0);
    if (how & NOROOT) prctl(PR_SET_SECUREBITS, 1, 0, 0, 0);
    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    if (!(how & ROOT_UID)) { setgid(1000); setuid(1000); }
    unsigned kept = 1 << CAP_CHOWN | 1 << CAP_NET_RAW;
    if (!(how & ROOT_UID) && (how & (AMBIENT | INHERITS))) set_caps(0, kept & ((how & BOUNDED) ? ~(1u << CAP_NET_RAW) : ~0u), 1 << CAP_CHOWN);
    else if (!(how & ROOT_UID)) set_caps(0, 0, 0);
    if (how & AMBIENT) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0);
    if (how & NNP) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    execl(program, program, "show", NULL);
    printf("  execve: %s\n", name_of(errno));
    fflush(stdout);
    _exit(1);
  }
  int status;
  waitpid(child, &status, 0);
}

static void has(const char *what) {
  char value[30];
  printf("%s: %d\n", what, (int)getxattr(program, "security.capability", value, sizeof value));
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 14);
  if (argc > 1) { show(); return 0; }
  snprintf(program, sizeof program, "/tmp/file-capabilities-%d", getpid());
  int from = open("/proc/self/exe", O_RDONLY), to = open(program, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  char block[65536];
  for (ssize_t n; (n = read(from, block, sizeof block)) > 0;) write(to, block, n);
  fchmod(to, 0755);
  close(to);
  const unsigned raw = 1 << CAP_NET_RAW, own = 1 << CAP_CHOWN;
  run("nothing given", PLAIN);
  run("nothing given, ambient", AMBIENT);
  SHOW(give(raw, 0, 1, 2));
  run("given", PLAIN); run("no new privileges", NNP); run("not in the bounding set", BOUNDED);
  run("with ambient ones", AMBIENT); run("root", ROOT_UID); run("root who is nobody", ROOT_UID | NOROOT);
  SHOW(give(raw, 0, 0, 2));
  run("given, not effective", PLAIN); run("not in the bounding set, not effective", BOUNDED);
  SHOW(give(0, own, 1, 2));
  run("inheritable", INHERITS); run("inheritable by who has none", PLAIN);
  SHOW(give(raw, own, 1, 2));
  run("both", INHERITS);
  SHOW(chmod(program, 04755));
  run("set-user-ID of root and given", PLAIN); run("the same by root", ROOT_UID);
  SHOW(chmod(program, 0755));
  SHOW(give(raw, 0, 1, 3));
  run("of revision 3", PLAIN);
  SHOW(give(raw, 0, 1, 1)); SHOW(give(raw, 0, 1, 4));
  /* It goes with a change of the file. */
  has("before");
  to = open(program, O_WRONLY | O_APPEND); write(to, "", 0); has("nothing written"); write(to, "x", 1); has("written"); close(to);
  give(raw, 0, 1, 2); chown(program, 0, 5); has("changed hands");
  give(raw, 0, 1, 2); chmod(program, 0711); has("another mode");
  give(raw, 0, 1, 2); SHOW(truncate(program, 100)); has("cut");
  unlink(program);
  return 0;
}
