#include "abi.h"
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

/* userfaultfd(2): pages that are not there are a program's to give, for faults of programs. */

#undef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#define PAGE 4096L
#define OURS (UFFD_FEATURE_SIGBUS | UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_EXACT_ADDRESS)
static int u; static char *area, *full;
static int made(int flags) { return syscall(SYS_userfaultfd, flags); }
static int api(int fd, unsigned long version, unsigned long features) { struct uffdio_api a = {version, features, 9}; int r = ioctl(fd, UFFDIO_API, &a), e = errno; printf("  %d, api %lx, ours %lx, ioctls %lx\n", r, (long)a.api, (long)a.features & OURS, (long)a.ioctls & 1 ? (long)a.ioctls & 0x8000000000000003 : 0); errno = e; return r; }
static unsigned long can; /* the ioctls of a range */
static int registers(int fd, void *at, long size, int mode) { struct uffdio_register r = {{(long)at, size}, mode, 0}; int e = ioctl(fd, UFFDIO_REGISTER, &r); can = r.ioctls & 0x1c; return e; }
static int ranged(int fd, unsigned long command, void *at, long size) { struct uffdio_range r = {(long)at, size}; return ioctl(fd, command, &r); }
static long done; /* bytes of the last copy */
static int copies(int fd, void *to, void *from, long size, int mode) { struct uffdio_copy c = {(long)to, (long)from, size, mode, 7}; int r = ioctl(fd, UFFDIO_COPY, &c), e = errno; done = c.copy; errno = e; return r; }
static int zeroes(int fd, void *at, long size, int mode) { struct uffdio_zeropage z = {{(long)at, size}, mode, 7}; int r = ioctl(fd, UFFDIO_ZEROPAGE, &z), e = errno; done = z.zeropage; errno = e; return r; }
static char *pages(int n, int flags) { return mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0); }
static int events(int fd) { struct pollfd p = {fd, POLLIN | POLLOUT}; poll(&p, 1, 0); return p.revents; }
/* The next message, once there is one. */
static int hears(struct uffd_msg *m) { struct pollfd p = {u, POLLIN}; if (poll(&p, 1, 3000) != 1) return -1; return read(u, m, sizeof *m); }
static void tell(struct uffd_msg *m) { printf("  event %x flags %llx at page %ld + %ld%s\n", m->event, m->arg.pagefault.flags, ((long)m->arg.pagefault.address - (long)area) / PAGE, ((long)m->arg.pagefault.address - (long)area) % PAGE, m->arg.pagefault.feat.ptid ? " of a thread" : ""); fflush(stdout); }
static void *reads(void *at) { return (void *)(long)*(volatile char *)at; }
static void *writes(void *at) { *(volatile char *)at = 9; return (void *)(long)((volatile char *)at)[1]; }
static long joined(pthread_t t) { void *r; pthread_join(t, &r); return (long)r; }
static volatile int handled; static void handler(int n) { (void)n; handled++; }
static sigjmp_buf back; static void bus(int n, siginfo_t *i, void *c) { (void)c; printf("  signal %d code %d at page %ld\n", n, i->si_code, ((long)i->si_addr - (long)area) / PAGE); siglongjmp(back, 1); }

static void opening(void) {
  SHOW(made(UFFD_USER_MODE_ONLY | 0x80)); SHOW(made(UFFD_USER_MODE_ONLY | 2)); u = made(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY); HOLDS(u >= 0); SHOW(fcntl(u, F_GETFD)); SHOW(fcntl(u, F_GETFL) & (O_NONBLOCK | O_ACCMODE)); struct uffd_msg m;
  SHOW(read(u, &m, sizeof m)); SHOW(write(u, &m, sizeof m)); SHOW(events(u)); SHOW(registers(u, area, PAGE, UFFDIO_REGISTER_MODE_MISSING)); SHOW(ranged(u, UFFDIO_WAKE, area, PAGE)); SHOW(ioctl(u, 0x5401, &m)); char path[64], link[64]; snprintf(path, 64, "/proc/self/fd/%d", u); int n = readlink(path, link, 64); printf("%.*s\n", n, link);
  SHOW(api(u, 1, 0)); SHOW(api(u, UFFD_API, 1UL << 63)); SHOW(ioctl(u, UFFDIO_API, NULL)); SHOW(api(u, UFFD_API, UFFD_FEATURE_THREAD_ID)); SHOW(api(u, UFFD_API, 0)); SHOW(events(u)); SHOW(read(u, &m, sizeof m)); SHOW(read(u, &m, 8)); SHOW(pread(u, &m, sizeof m, 0)); SHOW(lseek(u, 5, SEEK_SET));
  int w = made(UFFD_USER_MODE_ONLY); SHOW(api(w, UFFD_API, 0)); SHOW(events(w)); close(w);
}
static void registering(void) {
  SHOW(registers(u, area, 4 * PAGE, 0)); SHOW(registers(u, area, 4 * PAGE, 8)); SHOW(registers(u, area + 1, 4 * PAGE, 1)); SHOW(registers(u, area, 0, 1)); SHOW(registers(u, area, 100, 1)); SHOW(registers(u, NULL, PAGE, 1)); SHOW(registers(u, area, -PAGE, 1)); SHOW(registers(u, (void *)(1L << 60), PAGE, 1)); SHOW(ioctl(u, UFFDIO_REGISTER, NULL));
  char *hole = pages(4, MAP_PRIVATE); munmap(hole, 2 * PAGE); mprotect(hole + 3 * PAGE, PAGE, PROT_READ); SHOW(registers(u, hole, PAGE, 1)); SHOW(registers(u, hole, 4 * PAGE, 1)); SHOW(can); SHOW(ranged(u, UFFDIO_UNREGISTER, hole, 4 * PAGE)); SHOW(ranged(u, UFFDIO_UNREGISTER, hole, PAGE));
  SHOW(registers(u, area, 8 * PAGE, 1)); SHOW(can); SHOW(registers(u, area, 8 * PAGE, 1)); SHOW(registers(u, area + PAGE, PAGE, 1)); int w = made(UFFD_USER_MODE_ONLY | O_NONBLOCK); api(w, UFFD_API, 0); SHOW(registers(w, area, PAGE, 1)); SHOW(copies(w, area, full, PAGE, 0)); SHOW(done); SHOW(ranged(w, UFFDIO_WAKE, area, PAGE)); close(w);
}
static void giving(void) {
  pthread_t t, s; struct uffd_msg m; SHOW(copies(u, area + 7 * PAGE, full, PAGE, 0)); SHOW(done); SHOW(area[7 * PAGE]); SHOW(copies(u, area + 7 * PAGE, full, PAGE, 0)); SHOW(done); SHOW(zeroes(u, area + 7 * PAGE, PAGE, 0)); SHOW(done); SHOW(copies(u, area, full, 9 * PAGE, 0)); SHOW(copies(u, area, full, 0, 0)); SHOW(copies(u, area, full, PAGE, 8)); SHOW(copies(u, full, full, PAGE, 0)); SHOW(copies(u, area, NULL, PAGE, 0)); SHOW(copies(u, area, full + 1, PAGE, 0)); SHOW(area[0]); SHOW(zeroes(u, area, PAGE, 4)); SHOW(zeroes(u, area + 1, PAGE, 0)); SHOW(copies(u, area + PAGE, full, 8 * PAGE, 0)); SHOW(copies(u, area + 5 * PAGE, full, 3 * PAGE, 0)); SHOW(done); SHOW(copies(u, area + 4 * PAGE, full, 2 * PAGE, 0)); SHOW(done); SHOW(area[6 * PAGE + 5]);
  ranged(u, UFFDIO_UNREGISTER, area, 8 * PAGE); madvise(area, 8 * PAGE, MADV_DONTNEED); SHOW(registers(u, area, 8 * PAGE, 1));
  pthread_create(&t, NULL, reads, area + 5); SHOW(hears(&m)); tell(&m); SHOW(events(u)); SHOW(read(u, &m, sizeof m)); SHOW(copies(u, area, full, PAGE, 0)); SHOW(joined(t));
  pthread_create(&t, NULL, writes, area + PAGE); SHOW(hears(&m)); tell(&m); SHOW(copies(u, area + PAGE, full, PAGE, UFFDIO_COPY_MODE_DONTWAKE)); usleep(50000); SHOW(events(u)); SHOW(ranged(u, UFFDIO_WAKE, area + PAGE, PAGE)); SHOW(joined(t)); SHOW(area[PAGE]);
  pthread_create(&t, NULL, reads, area + 2 * PAGE); pthread_create(&s, NULL, reads, area + 2 * PAGE + 1); SHOW(hears(&m)); tell(&m); SHOW(hears(&m)); tell(&m); SHOW(zeroes(u, area + 2 * PAGE, PAGE, 0)); SHOW(done); SHOW(joined(t) + joined(s)); area[2 * PAGE] = 3; SHOW(area[2 * PAGE]);
  /* Woken without a page it asks again; what is given before it is heard need not be asked for. */
  pthread_create(&t, NULL, reads, area + 3 * PAGE); SHOW(hears(&m)); SHOW(ranged(u, UFFDIO_WAKE, area, 8 * PAGE)); SHOW(hears(&m)); tell(&m); SHOW(copies(u, area + 3 * PAGE, full, PAGE, 0)); SHOW(joined(t)); pthread_create(&t, NULL, reads, area + 4 * PAGE); struct pollfd p = {u, POLLIN}; SHOW(poll(&p, 1, 3000)); SHOW(copies(u, area + 4 * PAGE, full, PAGE, 0)); SHOW(joined(t)); SHOW(events(u)); SHOW(read(u, &m, sizeof m));
  /* A handler runs meanwhile. */
  struct sigaction a = {.sa_handler = handler}; sigaction(SIGUSR1, &a, NULL); pthread_create(&t, NULL, reads, area + 5 * PAGE); SHOW(hears(&m)); SHOW(pthread_kill(t, SIGUSR1)); SHOW(hears(&m)); tell(&m); SHOW(handled); SHOW(copies(u, area + 5 * PAGE, full, PAGE, 0)); SHOW(joined(t)); SHOW(events(u));
}
/* What /proc tells: of the descriptor, and whether the area has the flag. */
static void told(void) { char line[256]; snprintf(line, 64, "/proc/self/fdinfo/%d", u); FILE *f = fopen(line, "r"); while (fgets(line, sizeof line, f)) { unsigned long a, b, c; if (!strncmp(line, "pending:", 8) || !strncmp(line, "total:", 6)) printf("  %s", line); if (sscanf(line, "API: %lx:%lx:%lx", &a, &b, &c) == 3) printf("  API %lx %lx %lx\n", a, b & (0x80000000 | OURS), c & 0x800000000000001f); } fclose(f); f = fopen("/proc/self/smaps", "r"); int is = 0; while (fgets(line, sizeof line, f)) { unsigned long a, b; if (sscanf(line, "%lx-%lx ", &a, &b) == 2) is = a <= (unsigned long)area && (unsigned long)area < b; else if (is && !strncmp(line, "VmFlags", 7)) printf("  flag %d\n", strstr(line, " um ") != NULL); } fclose(f); fflush(stdout); }
static void others(void) {
  struct uffd_msg m; pthread_t t; madvise(area, 8 * PAGE, MADV_DONTNEED);
  /* The kernel's own accesses. */
  int p[2]; pipe(p); SHOW(write(p[1], area, 3)); write(p[1], "abc", 3); SHOW(read(p[0], area, 3)); SHOW(syscall(SYS_getcwd, area, 64)); SHOW(read(p[0], full, 3)); SHOW(events(u)); struct iovec l = {full, 8}, r = {area, 8}; SHOW(process_vm_readv(getpid(), &l, 1, &r, 1, 0)); SHOW(madvise(area, PAGE, MADV_POPULATE_READ) < 0); SHOW(mlock(area, PAGE) < 0); munlock(area, PAGE);
  /* A child has nobody to ask. */
  fflush(stdout); pid_t c = fork(); if (c == 0) { SHOW(area[PAGE]); SHOW(copies(u, area + 2 * PAGE, full, PAGE, 0)); SHOW(area[2 * PAGE]); _exit(0); } wait(NULL); SHOW(area[2 * PAGE]);
  /* Moved memory is asked for no more; grown in its place it is. */
  char *to = mremap(area + 6 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, pages(1, MAP_PRIVATE)); SHOW(*to); SHOW(copies(u, to, full, PAGE, 0)); SHOW(mprotect(area + 4 * PAGE, PAGE, PROT_NONE)); SHOW(copies(u, area + 4 * PAGE, full, PAGE, 0)); SHOW(mprotect(area + 4 * PAGE, PAGE, PROT_READ)); SHOW(area[4 * PAGE]);
  /* Who waits goes on when nobody is left to give. */
  pthread_create(&t, NULL, reads, area + 5 * PAGE); SHOW(hears(&m)); told(); SHOW(ranged(u, UFFDIO_UNREGISTER, area + 5 * PAGE, PAGE)); SHOW(joined(t)); told(); pthread_create(&t, NULL, writes, area + 3 * PAGE); SHOW(hears(&m)); SHOW(close(u)); SHOW(joined(t)); SHOW(area[7 * PAGE]);
  /* A signal instead. */
  madvise(area, 4 * PAGE, MADV_DONTNEED); u = made(O_NONBLOCK | UFFD_USER_MODE_ONLY); SHOW(api(u, UFFD_API, UFFD_FEATURE_SIGBUS)); SHOW(registers(u, area, 4 * PAGE, 1)); struct sigaction a = {.sa_sigaction = bus, .sa_flags = SA_SIGINFO}; sigaction(SIGBUS, &a, NULL); if (!sigsetjmp(back, 1)) reads(area + PAGE); SHOW(events(u)); SHOW(zeroes(u, area + PAGE, PAGE, 0)); SHOW((long)reads(area + PAGE)); close(u);
  u = made(O_NONBLOCK | UFFD_USER_MODE_ONLY); SHOW(api(u, UFFD_API, UFFD_FEATURE_EXACT_ADDRESS)); madvise(area, 4 * PAGE, MADV_DONTNEED); SHOW(registers(u, area, 4 * PAGE, 1)); pthread_create(&t, NULL, writes, area + 2 * PAGE + 77); SHOW(hears(&m)); tell(&m); SHOW(zeroes(u, area, 4 * PAGE, 0)); SHOW(joined(t));
  /* What waits dies with its process. */
  madvise(area, PAGE, MADV_DONTNEED); fflush(stdout); c = fork(); if (c == 0) { int w = made(O_NONBLOCK | UFFD_USER_MODE_ONLY); struct uffdio_api v = {UFFD_API}; ioctl(w, UFFDIO_API, &v); registers(w, area, PAGE, 1); reads(area); _exit(0); } usleep(100000); int status; SHOW(waitpid(c, &status, WNOHANG)); SHOW(kill(c, SIGTERM)); SHOW(waitpid(c, &status, 0) == c); SHOW(status);
}
int main(void) { area = pages(8, MAP_PRIVATE); mmap(area, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); madvise(area, 8 * PAGE, MADV_NOHUGEPAGE); full = pages(9, MAP_PRIVATE); memset(full, 5, 9 * PAGE); opening(); registering(); giving(); others(); return 0; }
