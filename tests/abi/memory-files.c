/* /proc/PID/mem: what is mapped is read and written whatever its protection; private pages are copied, holes are EIO. */
#include "abi.h"
#include <sys/prctl.h>
#define P 4096L
int main(void) {
  char b[3 * P], name[64]; long k; int status, p[2], q[2]; char c; if (pipe(p) || pipe(q)) return 1;
  int f = open("/proc/self/mem", O_RDWR); HOLDS(f >= 0); struct stat s; fstat(f, &s); SHOW(s.st_mode); SHOW(s.st_size);
  char *m = mmap(NULL, 8 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); memset(m, 1, 6 * P); munmap(m + 3 * P, P); long at = (long)m;
  SHOW(pread(f, b, 2 * P, at + 10)); SHOW(b[0]); SHOW(pread(f, b, 2 * P, at + 2 * P)); SHOW(pread(f, b, 10, at + 3 * P)); SHOW(pread(f, b, 10, at + 4 * P - 2)); SHOW(pread(f, b, 10, 0)); SHOW(pread(f, b, 0, 0)); SHOW(pread(f, (void *)8, 10, at)); SHOW(pread(f, b, 4, at + 7 * P)); SHOW(b[0]);
  SHOW(lseek(f, at, SEEK_SET) == at); SHOW(read(f, b, 5)); SHOW(lseek(f, 0, SEEK_CUR) - at); SHOW(lseek(f, -1, SEEK_CUR) - at); SHOW(lseek(f, 0, SEEK_END)); SHOW(write(f, "xy", 2)); SHOW(m[4]); SHOW(m[5]); SHOW(pwrite(f, b, 2 * P, at + 2 * P)); SHOW(pwrite(f, b, 2 * P, at + 3 * P));
  /* Protections count for the process alone. */
  mprotect(m, P, PROT_NONE); SHOW(pread(f, b, 1, at)); SHOW(b[0]); SHOW(pwrite(f, "N", 1, at)); SHOW(mprotect(m, P, PROT_READ)); SHOW(m[0]); SHOW(pwrite(f, "R", 1, at)); SHOW(m[0]); int pid = fork(); if (pid == 0) { m[0] = 1; _exit(0); } waitpid(pid, &status, 0); SHOW(WTERMSIG(status)); mprotect(m + P, P, PROT_NONE); pid = fork(); if (pid == 0) { SHOW(pwrite(f, "c", 1, at + P)); int own = open("/proc/self/mem", O_RDWR); SHOW(pwrite(own, "d", 1, at + P)); SHOW(pread(f, b, 1, at + P)); SHOW(b[0]); SHOW(pread(own, b, 1, at + P)); SHOW(b[0]); c = m[P]; _exit(0); } waitpid(pid, &status, 0); SHOW(WTERMSIG(status));
  /* Files: a private mapping gets its own copy, a shared one is written only as its process could. */
  int fd = memfd_create("m", 0); SHOW(ftruncate(fd, 2 * P)); SHOW(pwrite(fd, "file", 4, 0)); char *r = mmap(NULL, 3 * P, PROT_READ, MAP_PRIVATE, fd, 0), *sh = mmap(NULL, P, PROT_READ, MAP_SHARED, fd, 0), *w = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  SHOW(pwrite(f, "MINE", 4, (long)r)); printf("%.4s %.4s\n", r, sh); SHOW(pwrite(fd, "FILE", 4, 0)); printf("%.4s %.4s\n", r, sh); SHOW(pwrite(f, "shar", 4, (long)sh)); SHOW(pread(f, b, 4, (long)sh)); SHOW(pwrite(f, "both", 4, (long)w)); printf("%.4s %.4s\n", r, sh); SHOW(pwrite(f, "x", 1, (long)r + P)); SHOW(pread(fd, b, 1, P)); SHOW(b[0]); SHOW(pread(f, b, 1, (long)r + 2 * P)); SHOW(pwrite(f, "x", 1, (long)r + 2 * P));
  /* Code that is written is executed as it is then: a breakpoint of a debugger. */
  unsigned *code = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); WRITE_RETURN(code, 5); int (*run)(void) = mmap(NULL, P, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0); SHOW(run()); unsigned next[4]; WRITE_RETURN(next, 6); SHOW(pwrite(f, next, 8, (long)run)); SHOW(run()); WRITE_RETURN(next, 7); SHOW(pwrite(f, next, 8, (long)run)); __builtin___clear_cache((char *)run, (char *)run + 8); SHOW(run()); SHOW(((int (*)(void))mmap(NULL, P, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0))());
  /* Another's. */
  pid = fork(); if (pid == 0) { m[4 * P] = 'k'; if (write(q[1], "r", 1) != 1 || read(p[0], &c, 1) != 1) _exit(1); printf("%c\n", m[4 * P]); fflush(stdout); execl("/proc/self/exe", "x", "y", NULL); _exit(0); }
  if (getpid() == 0 || read(q[0], &c, 1) != 1) return 1; sprintf(name, "/proc/%d/mem", pid); int o = open(name, O_RDWR); SHOW(pread(o, b, 1, at + 4 * P)); SHOW(b[0]); SHOW(pwrite(o, "K", 1, at + 4 * P)); SHOW(m[4 * P]); kill(pid, SIGSTOP); waitpid(pid, &status, WUNTRACED); SHOW(pread(o, b, 1, at)); kill(pid, SIGKILL); siginfo_t i; waitid(P_PID, pid, &i, WEXITED | WNOWAIT); SHOW(pread(o, b, 1, at)); SHOW(pwrite(o, b, 1, at)); SHOW(open(name, O_RDONLY)); waitpid(pid, NULL, 0); SHOW(pread(o, b, 1, at)); SHOW(open(name, O_RDONLY));
  int ro = open("/proc/self/mem", O_RDONLY); SHOW(pwrite(ro, "x", 1, at)); prctl(PR_SET_DUMPABLE, 0); pid = fork(); if (pid == 0) { setresuid(1000, 1000, 1000); sprintf(name, "/proc/%d/mem", getppid()); SHOW(open(name, O_RDONLY)); _exit(0); } waitpid(pid, NULL, 0);
  return 0;
}
