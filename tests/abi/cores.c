#include "abi.h"
#include <elf.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Core files: when one is written, what the wait status says, and what stands in it (core(5)). */

static char folder[] = "/tmp/cores-XXXXXX";
static char *marked;
/* The host may send cores elsewhere: then only the status can be compared, and the file is looked for where its pattern says. */
static char pattern[256];

static void limit(long bytes) { struct rlimit r = {bytes, bytes < 0 ? RLIM_INFINITY : RLIM_INFINITY}; if (bytes < 0) r.rlim_cur = RLIM_INFINITY; setrlimit(RLIMIT_CORE, &r); }
static void *other_thread(void *p) { pause(); return p; }

static void set_pattern(const char *text) { int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY | O_TRUNC); if (fd < 0 || write(fd, text, strlen(text)) < 0) printf("pattern %s\n", name_of(errno)); close(fd); }

/* Texts that stand in memory nowhere else: each letter of the source has its last bit turned. */
static void mark(char *to, const char *text) { for (int i = 0; text[i]; i++) to[i] = text[i] ^ 1; }

static int die(int how) {
  int pid = fork();
  if (pid == 0) {
    char area[3 * 4096 + 8];
    marked = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mark(marked, "uihr!hr!ho"); mark(marked + 8192, "uihr!hr!ntu"); madvise(marked + 8192, 4096, MADV_DONTDUMP);
    if (how == 1) { pthread_t t; pthread_create(&t, NULL, other_thread, NULL); usleep(20000); raise(SIGQUIT); }
    if (how == 2) *(volatile int *)8 = 1;
    if (how == 3) { setresgid(1000, 1000, 1000); abort(); }
    if (how == 6) { setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); }
    if (how == 4) { prctl(PR_SET_DUMPABLE, 0); abort(); }
    if (how == 5) { int p[2]; if (pipe(p)) exit(1); alarm(0); char c; kill(getpid(), SIGSYS); read(p[0], &c, 1); }
    abort();
  }
  int status; waitpid(pid, &status, 0);
  return status;
}

static long find(const char *bytes, long size, const char *text) {
  for (long at = 0; at + (long)strlen(text) < size; at++) { int i = 0; while (text[i] && bytes[at + i] == (text[i] ^ 1)) i++; if (!text[i]) return at; }
  return -1;
}

static void inspect(const char *name, int threads) {
  int fd = open(name, O_RDONLY); struct stat st; if (fd < 0) { printf("%s: %s\n", "core", name_of(errno)); return; }
  fstat(fd, &st); SHOW(st.st_mode & 07777); char *bytes = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  Elf64_Ehdr *e = (void *)bytes; HOLDS(!memcmp(e->e_ident, ELFMAG, 4)); SHOW(e->e_type); SHOW(e->e_phentsize);
  int status = 0, floats = 0, info = 0, auxv = 0, files = 0, process = 0; long dumped = 0; Elf64_Phdr *p = (void *)(bytes + e->e_phoff);
  for (int i = 0; i < e->e_phnum; i++) {
    if (p[i].p_type == PT_LOAD) { dumped += p[i].p_filesz; if (p[i].p_filesz > p[i].p_memsz) puts("more in the file than in memory"); continue; }
    for (long at = p[i].p_offset; at < p[i].p_offset + p[i].p_filesz;) { Elf64_Nhdr *n = (void *)(bytes + at); int type = n->n_type; status += type == NT_PRSTATUS; floats += type == NT_PRFPREG; info += type == NT_SIGINFO; auxv += type == NT_AUXV; files += type == NT_FILE; process += type == NT_PRPSINFO; at += 12 + (n->n_namesz + 3 & -4) + (n->n_descsz + 3 & -4); }
  }
  SHOW(status == threads); SHOW(info); SHOW(auxv); SHOW(files); SHOW(process); HOLDS(floats >= threads); HOLDS(dumped > 4096); HOLDS(find(bytes, st.st_size, "uihr!hr!ho") > 0); HOLDS(find(bytes, st.st_size, "uihr!hr!ntu") > 0);
  munmap(bytes, st.st_size); close(fd); unlink(name);
}

/* What root lets become of cores of processes that may know what their user must not: none, the user's, root's by a whole path alone. */
static void show_core(const char *name) { struct stat st; if (stat(name, &st)) { printf("no core\n"); return; } printf("core of %d, mode %o\n", st.st_uid, st.st_mode & 07777); unlink(name); }

static void cores_of_others(void) {
  char path[96]; sprintf(path, "%s/whole.%%d", folder);
  for (int how = 0; how < 4; how++) {
    char text[2] = {'0' + how}; int fd = open("/proc/sys/fs/suid_dumpable", O_WRONLY); SHOW(write(fd, text, 1)); close(fd);
    int pid = fork(); if (pid == 0) { setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); SHOW(prctl(PR_GET_DUMPABLE)); SHOW(open("/proc/self/environ", O_RDONLY) >= 0); char own[32]; sprintf(own, "/proc/%d/fd", getpid()); struct stat st; stat(own, &st); SHOW(st.st_uid); SHOW(prctl(PR_SET_DUMPABLE, 2)); exit(0); } waitpid(pid, NULL, 0);
    set_pattern("core"); SHOW(die(6)); show_core("core"); set_pattern(path); SHOW(die(6)); char name[96]; sprintf(name, "%s/whole.%d", folder, how > 2 ? 2 : how); close(open(name, O_CREAT | O_WRONLY, 0644)); SHOW(die(6)); show_core(name);
    unlink(name); SHOW(die(6)); show_core(name);
  }
  int fd = open("/proc/sys/fs/suid_dumpable", O_WRONLY); write(fd, "0", 1); close(fd);
}

int main(void) {
  char name[64]; int status, fd = open("/proc/sys/kernel/core_pattern", O_RDONLY); long n = read(fd, pattern, 255); close(fd); if (n > 0 && pattern[n - 1] == '\n') pattern[n - 1] = 0;
  if (!mkdtemp(folder) || chdir(folder)) return 1; chmod(folder, 0777);
  set_pattern("core"); fd = open("/proc/sys/kernel/core_uses_pid", O_WRONLY); write(fd, "0", 1); close(fd);
  limit(0); SHOW(die(0)); inspect("core", 1); limit(100); SHOW(die(0)); limit(-1); SHOW(die(0)); inspect("core", 1); SHOW(die(1)); inspect("core", 2); SHOW(die(2)); inspect("core", 1); SHOW(die(3)); inspect("core", 1); SHOW(die(4)); inspect("core", 1); SHOW(die(5)); inspect("core", 1);
  set_pattern("c.%s.%%.%d.%u%"); SHOW(die(0)); inspect("c.6.%.1.0", 1); fd = open("/proc/sys/kernel/core_uses_pid", O_WRONLY); write(fd, "1", 1); close(fd); set_pattern("core");
  int pid = fork(); if (pid == 0) { prctl(PR_SET_NAME, "a/b"); abort(); } waitpid(pid, &status, 0); SHOW(status); sprintf(name, "core.%d", pid); SHOW(access(name, F_OK)); unlink(name);
  fd = open("/proc/sys/kernel/core_uses_pid", O_WRONLY); write(fd, "0", 1); close(fd);
  /* What stands there already is removed. */
  symlink("elsewhere", "core"); SHOW(die(0)); SHOW(access("elsewhere", F_OK)); unlink("core"); close(open("core", O_CREAT | O_WRONLY, 0666)); chmod("core", 0666); SHOW(die(0)); unlink("core"); close(open("core", O_CREAT | O_WRONLY, 0600)); link("core", "second"); SHOW(die(0)); unlink("second"); SHOW(die(0)); unlink("core"); mkdir("core", 0700); SHOW(die(0)); rmdir("core");
  /* A limit cuts the file. */
  limit(20000); SHOW(die(0)); struct stat st; SHOW(stat("core", &st)); HOLDS(st.st_blocks <= 48); unlink("core"); siginfo_t info; limit(-1); pid = fork(); if (pid == 0) abort(); SHOW(waitid(P_PID, pid, &info, WEXITED)); SHOW(info.si_code); SHOW(info.si_status); unlink("core");
  cores_of_others();
  set_pattern(pattern); chdir("/"); rmdir(folder);
  return 0;
}
