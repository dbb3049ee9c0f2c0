#include "abi.h"
#include <dirent.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
/* /proc/PID/timers, attr, projid_map and map_files. */
static char text[65536];
static const char *get(const char *path) { int fd = open(path, O_RDONLY); if (fd < 0) return NULL; long n = read(fd, text, sizeof text - 1); int e = errno; close(fd); errno = e; if (n < 0) return NULL; text[n] = 0; return text; }
static long put(const char *path, const char *value) { int fd = open(path, O_WRONLY); if (fd < 0) return -1; long n = write(fd, value, strlen(value)); int e = errno; close(fd); errno = e; return n; }
static void tell(const char *path) { errno = 0; const char *t = get(path); if (t) printf("%s:\n%s", path, t); else printf("%s: %s\n", path, name_of(errno)); fflush(stdout); }
/* The file of timers, with "pid" and "tid" in the place of the numbers. */
static void timers(void) { for (char *line = strtok((char *)get("/proc/self/timers"), "\n"); line; line = strtok(NULL, "\n")) { char *dot = strrchr(line, '.'); if (strncmp(line, "notify", 6)) { printf("%s\n", line); continue; } int id = atoi(dot + 1); *dot = 0; printf("%s.%s\n", line, id == getpid() ? "process" : "other"); } fflush(stdout); }
static long timer(int clock, struct sigevent *event) { int id = -1; return syscall(SYS_timer_create, clock, event, &id) ? -1 : id; }
static int modes(const char *path) { struct stat s; return stat(path, &s) ? -1 : s.st_mode & 07777; }
static void *other(void *nothing) { struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2, .sigev_value.sival_ptr = (void *)0x123456789abcdef0}; *(int *)((char *)&e + 16) = gettid(); SHOW(timer(CLOCK_BOOTTIME, &e)); timers(); return NULL; }
#include <pthread.h>
int main(void) {
  tell("/proc/self/timers"); SHOW(modes("/proc/self/timers")); SHOW(modes("/proc/thread-self/timers"));
  struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 7};
  SHOW(timer(CLOCK_REALTIME, NULL)); SHOW(timer(CLOCK_MONOTONIC, &e)); e.sigev_notify = SIGEV_NONE; SHOW(timer(CLOCK_PROCESS_CPUTIME_ID, &e)); e.sigev_notify = SIGEV_THREAD; SHOW(timer(CLOCK_MONOTONIC, &e)); timers();
  pthread_t t; pthread_create(&t, NULL, other, NULL); pthread_join(t, NULL); SHOW(syscall(SYS_timer_delete, 1));
  /* No security module says anything. */
  const char *attributes[] = {"current", "prev", "exec", "fscreate", "keycreate", "sockcreate", "none"};
  for (int i = 0; i < 7; i++) { char path[64]; sprintf(path, "/proc/self/attr/%s", attributes[i]); printf("%o\n", modes(path)); tell(path); SHOW(put(path, "x")); sprintf(path, "/proc/thread-self/attr/%s", attributes[i]); SHOW(modes(path) > 0); sprintf(path, "/proc/%d/attr/%s", getppid(), attributes[i]); SHOW(put(path, "x")); }
  /* Files by their addresses. */
  int fd = open("/tmp/mapped-file", O_RDWR | O_CREAT | O_TRUNC, 0644); SHOW(ftruncate(fd, 3 * 4096)); char *a = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED, fd, 0), *nothing = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), name[100], link[100];
  SHOW(mprotect(a, 4096, PROT_READ | PROT_WRITE)); a[0] = 'w';
  for (int from = 0; from < 3; from++) for (int to = from + 1; to <= 3; to++) { sprintf(name, "/proc/self/map_files/%lx-%lx", (long)a + from * 4096, (long)a + to * 4096); struct stat s; errno = 0; long n = readlink(name, link, sizeof link - 1); if (n < 0) printf("%d-%d %s\n", from, to, name_of(errno)); else { link[n] = 0; lstat(name, &s); printf("%d-%d %s %o %ld\n", from, to, link, s.st_mode & 07777, (long)s.st_size); } }
  sprintf(name, "/proc/self/map_files/%lx-%lx", (long)nothing, (long)nothing + 8192); SHOW(readlink(name, link, sizeof link)); sprintf(name, "/proc/self/map_files/0%lx-%lx", (long)a, (long)a + 4096); SHOW(readlink(name, link, sizeof link)); SHOW(readlink("/proc/self/map_files/x", link, sizeof link));
  DIR *d = opendir("/proc/self/map_files"); int seen = 0, all = 0; for (struct dirent *f; (f = readdir(d));) { all++; char *dash = strchr(f->d_name, '-'); unsigned long start = strtoul(f->d_name, NULL, 16); seen += dash && start >= (long)a && start < (long)a + 3 * 4096 && f->d_type == DT_LNK; } closedir(d); SHOW(seen); HOLDS(all > 4); printf("%o\n", modes("/proc/self/map_files"));
  SHOW(unlink("/tmp/mapped-file")); sprintf(name, "/proc/self/map_files/%lx-%lx", (long)a, (long)a + 4096); SHOW(readlink(name, link, sizeof link)); printf("%.26s\n", link); int again = open(name, O_RDONLY); HOLDS(again >= 0); SHOW(read(again, link, 1)); HOLDS(link[0] == 'w');
  /* Project ids of a user namespace. */
  tell("/proc/self/projid_map"); SHOW(put("/proc/self/projid_map", "0 0 1")); printf("%o\n", modes("/proc/self/projid_map"));
  if (fork() == 0) {
    SHOW(unshare(CLONE_NEWUSER)); tell("/proc/self/projid_map"); SHOW(put("/proc/self/projid_map", "0 5")); SHOW(put("/proc/self/projid_map", "0 5 10\n100 200 1\n")); tell("/proc/self/projid_map"); SHOW(put("/proc/self/projid_map", "0 5 10"));
    SHOW(open(name, O_RDONLY)); SHOW(readlink(name, link, sizeof link));
    fflush(stdout); _exit(0);
  }
  wait(NULL);
  if (setresuid(65534, 65534, 65534)) perror("setresuid"); SHOW(open(name, O_RDONLY)); SHOW(readlink(name, link, sizeof link)); prctl(PR_SET_DUMPABLE, 1); SHOW(open(name, O_RDONLY)); SHOW(readlink(name, link, sizeof link)); SHOW(readlink("/proc/1/map_files/1-2", link, sizeof link)); SHOW(open("/proc/1/map_files", O_RDONLY)); SHOW(put("/proc/self/attr/current", "x"));
}
