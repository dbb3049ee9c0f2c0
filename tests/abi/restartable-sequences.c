/*
 * Restartable sequences: what can be registered, what the kernel writes there, where a disturbed sequence goes on, what
 * ends the process, and what fork, threads, exec, barriers and tracers make of it.
 */
#include "abi.h"
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <ucontext.h>

#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27
#define AT_RSEQ_ALIGN 28
#endif
#define SIGNATURE 0x1badcafe
extern const ptrdiff_t __rseq_offset;
extern const unsigned int __rseq_size;

struct area {
  uint32_t cpu_id_start, cpu_id;
  uint64_t rseq_cs;
  uint32_t flags, node_id, mm_cid, rest[9];
} __attribute__((aligned(64)));
struct sequence {
  uint32_t version, flags;
  uint64_t start_ip, post_commit_offset, abort_ip;
} __attribute__((aligned(32)));

/* spin(where, what): begins the sequence, and stays in it until it is aborted. Returns 1 behind the abort. */
extern int spin(uint64_t *where, struct sequence *what);
extern char spin_start[], spin_end[], spin_abort[];
#ifdef __riscv
__asm__(".text\n.globl spin\nspin:\n sd a1,0(a0)\nspin_start:\n1: j 1b\n .balign 4\nspin_end:\n li a0,0\n ret\n"
        " .balign 4\n .word 0x1badcafe\nspin_abort:\n li a0,1\n ret\n");
#define PC(context) ((context)->uc_mcontext.__gregs[REG_PC])
#define RSEQ_SIGNATURE 0xf1401073
#else
__asm__(".text\n.globl spin\nspin:\n mov %rsi,(%rdi)\nspin_start:\n1: pause\n jmp 1b\nspin_end:\n xor %eax,%eax\n ret\n"
        " .long 0x1badcafe\nspin_abort:\n mov $1,%eax\n ret\n");
#define PC(context) ((context)->uc_mcontext.gregs[REG_RIP])
#define RSEQ_SIGNATURE 0x53053053
#endif
#define HERE(symbol) ((uint64_t)(uintptr_t)symbol)

static struct area mine, other;
static struct sequence spinning;
static volatile uint64_t interrupted_at;
static volatile int woken;

static long rseq(void *at, unsigned length, int flags, unsigned signature) {
  return syscall(SYS_rseq, at, length, flags, signature);
}
static void note(int signal, siginfo_t *info, void *context) {
  interrupted_at = PC((ucontext_t *)context);
  woken++;
}
static void handle(int signal) {
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sigaction(signal, &action, NULL);
}
static void describe(void) {
  spinning = (struct sequence){0, 0, HERE(spin_start), HERE(spin_end) - HERE(spin_start), HERE(spin_abort)};
}
static unsigned current(void) {
  unsigned cpu = -1;
  syscall(SYS_getcpu, &cpu, NULL, NULL);
  return cpu;
}

/* How a child ends whose area names `what` and that then takes a signal, of which it has a handler. */
static void ends(const char *name, struct sequence *what, uint32_t flags, int within) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    handle(SIGUSR1);
    handle(SIGALRM);
    mine.flags = flags;
    if (within) {
      ualarm(5000, 0);
      _exit(10 + spin(&mine.rseq_cs, what));
    }
    mine.rseq_cs = (uintptr_t)what;
    raise(SIGUSR1);
    _exit(mine.rseq_cs == 0 ? 20 : 21);
  }
  int status;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) printf("%s: signal %d\n", name, WTERMSIG(status));
  else printf("%s: exit %d\n", name, WEXITSTATUS(status));
}

static void *in_a_thread(void *argument) {
  SHOW(rseq(&mine, 32, 1, SIGNATURE));
  SHOW(rseq(&other, sizeof other, 0, SIGNATURE + 1));
  HOLDS(other.cpu_id == current());
  SHOW(rseq(&other, sizeof other, 1, SIGNATURE + 1));
  return NULL;
}
static volatile int stop;
static void *in_the_way(void *argument) {
  while (!stop) sched_yield();
  return NULL;
}

int main(int argc, char **argv) {
  /* The C library may have registered an area of its own: for the first thread of each program. */
  char *glibc = (char *)__builtin_thread_pointer() + __rseq_offset;
  if (argc > 1) {
    printf("after exec: %s\n", rseq(&mine, 32, 0, SIGNATURE) == 0 || errno == EINVAL ? "nothing of before" : "?");
    return 0;
  }
  if (__rseq_size > 0) rseq(glibc, 32, 1, RSEQ_SIGNATURE);
  HOLDS(getauxval(AT_RSEQ_FEATURE_SIZE) >= 28);
  SHOW(getauxval(AT_RSEQ_ALIGN));

  puts("\nRefused:");
  SHOW(rseq(&mine, 32, 1, SIGNATURE));
  SHOW(rseq(NULL, 32, 1, SIGNATURE));
  SHOW(rseq(&mine, 32, 2, SIGNATURE));
  SHOW(rseq(&mine, 32, 3, SIGNATURE));
  SHOW(rseq(&mine, 31, 0, SIGNATURE));
  SHOW(rseq(&mine, 0, 0, SIGNATURE));
  SHOW(rseq((char *)&mine + 16, 32, 0, SIGNATURE));
  SHOW(rseq((char *)&mine + 4, 48, 0, SIGNATURE));
  SHOW(rseq(NULL, 32, 0, SIGNATURE));
  SHOW(rseq((void *)-64, 32, 0, SIGNATURE));
  SHOW(rseq((void *)(1L << 62), 32, 0, SIGNATURE));
  void *closed = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SHOW(rseq(closed, 32, 0, SIGNATURE));
  int status;
  fflush(stdout);
  if (fork() == 0) {
    /* It can be read, and holds no sequence that would have to be forgotten; what is to be written can't be. */
    mprotect(closed, 4096, PROT_READ);
    SHOW(rseq(closed, 32, 0, SIGNATURE));
    _exit(0);
  }
  wait(&status);
  HOLDS(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);

  puts("\nRegistered:");
  memset(&mine, 0xff, sizeof mine);
  mine.flags = 0;
  SHOW(rseq(&mine, 32, 0, SIGNATURE));
  HOLDS(mine.cpu_id == current() && mine.cpu_id_start == mine.cpu_id);
  SHOW(mine.rseq_cs);
  SHOW(mine.node_id);
  HOLDS(mine.mm_cid < 1024);
  SHOW(mine.rest[0]);
  SHOW(rseq(&mine, 32, 0, SIGNATURE));
  SHOW(rseq(&mine, 32, 0, SIGNATURE + 1));
  SHOW(rseq(&mine, 64, 0, SIGNATURE));
  SHOW(rseq(&other, 32, 0, SIGNATURE));
  SHOW(rseq(&other, 32, 1, SIGNATURE));
  SHOW(rseq(&mine, 64, 1, SIGNATURE));
  SHOW(rseq(&mine, 32, 1, SIGNATURE + 1));
  SHOW(rseq(&mine, 32, 1, SIGNATURE));
  SHOW((int)mine.cpu_id);
  SHOW(mine.cpu_id_start);
  SHOW(mine.node_id);
  SHOW(mine.mm_cid);
  SHOW(rseq(&mine, 32, 1, SIGNATURE));
  SHOW(rseq(&mine, sizeof mine, 0, SIGNATURE));
  SHOW(rseq(&mine, sizeof mine, 1, SIGNATURE));
  SHOW(rseq(&mine, 32, 0, SIGNATURE));

  puts("\nKept up to date:");
  handle(SIGUSR1);
  handle(SIGALRM);
  mine.cpu_id = mine.cpu_id_start = 77;
  raise(SIGUSR1);
  HOLDS(mine.cpu_id == current() && mine.cpu_id_start == mine.cpu_id);
  for (int cpu = 0; cpu < 2; cpu++) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) == 0 && (mine.cpu_id != cpu || mine.cpu_id_start != cpu)) puts("elsewhere");
  }

  puts("\nSequences:");
  describe();
  mine.rseq_cs = (uintptr_t)&spinning;
  raise(SIGUSR1);
  SHOW(mine.rseq_cs);
  HOLDS(interrupted_at != HERE(spin_abort));
  /* It may be switched away from before the signal comes: once the signal is first. */
  for (int tries = 0; tries < 5000 && interrupted_at != HERE(spin_abort); tries++) {
    ualarm(1000, 0);
    if (spin(&mine.rseq_cs, &spinning) != 1) puts("not aborted");
  }
  ualarm(0, 0);
  HOLDS(interrupted_at == HERE(spin_abort));
  SHOW(mine.rseq_cs);
  pthread_t thread;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  sched_setaffinity(0, sizeof one, &one);
  pthread_create(&thread, NULL, in_the_way, NULL);
  SHOW(spin(&mine.rseq_cs, &spinning));
  SHOW(mine.rseq_cs);
  stop = 1;
  pthread_join(thread, NULL);

  puts("\nWhat is none:");
  ends("as it should be", &spinning, 0, 0);
  ends("within", &spinning, 0, 1);
  ends("unmapped", (void *)4096, 0, 0);
  ends("beyond memory", (void *)(1L << 62), 0, 0);
  ends("beyond all", (void *)-32L, 0, 0);
  struct sequence wrong = spinning;
  wrong.version = 1;
  ends("version", &wrong, 0, 0);
  wrong = spinning;
  wrong.abort_ip += 4;
  ends("signature", &wrong, 0, 0);
  wrong = spinning;
  wrong.abort_ip = wrong.start_ip;
  ends("abort within", &wrong, 0, 0);
  wrong.abort_ip = 0;
  ends("abort nowhere", &wrong, 0, 0);
  wrong = spinning;
  wrong.start_ip = -1;
  ends("start nowhere", &wrong, 0, 0);
  wrong = spinning;
  wrong.post_commit_offset = -1;
  ends("too long", &wrong, 0, 0);
  wrong = spinning;
  wrong.flags = 1;
  ends("flags, outside", &wrong, 0, 0);
  ends("flags, within", &wrong, 0, 1);
  ends("flags of the area, outside", &spinning, 2, 0);
  ends("flags of the area, within", &spinning, 2, 1);
  ends("unknown flags of the area, within", &spinning, 32, 1);
  fflush(stdout);
  if (fork() == 0) {
    struct area *gone = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    rseq(&mine, 32, 1, SIGNATURE);
    SHOW(rseq(gone, 32, 0, SIGNATURE));
    munmap(gone, 4096);
    raise(SIGUSR1);
    _exit(0);
  }
  wait(&status);
  HOLDS(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  if (fork() == 0) {
    struct area *gone = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    rseq(&mine, 32, 1, SIGNATURE);
    rseq(gone, 32, 0, SIGNATURE);
    mprotect(gone, 4096, PROT_NONE);
    SHOW(rseq(gone, 32, 1, SIGNATURE));
    _exit(0);
  }
  wait(&status);

  puts("\nOthers:");
  fflush(stdout);
  if (fork() == 0) {
    mine.cpu_id = 77;
    SHOW(rseq(&mine, 32, 0, SIGNATURE));
    raise(SIGUSR1);
    HOLDS(mine.cpu_id == current());
    _exit(0);
  }
  wait(NULL);
  stop = 0;
  pthread_create(&thread, NULL, in_a_thread, NULL);
  pthread_join(thread, NULL);
  fflush(stdout);
  if (vfork() == 0) {
    SHOW(rseq(&mine, 32, 1, SIGNATURE));
    _exit(0);
  }
  wait(NULL);
  SHOW(rseq(&mine, 32, 0, SIGNATURE));

  puts("\nBarriers:");
  HOLDS((syscall(SYS_membarrier, 0, 0, 0) & 0x180) == 0x180);
  SHOW(syscall(SYS_membarrier, 128, 0, 0));
  SHOW(syscall(SYS_membarrier, 256, 1, 0));
  SHOW(syscall(SYS_membarrier, 256, 0, 0));
  SHOW(syscall(SYS_membarrier, 512, 0, 0));
  SHOW(syscall(SYS_membarrier, 128, 0, 0));
  SHOW(syscall(SYS_membarrier, 128, 1, 0));
  SHOW(syscall(SYS_membarrier, 128, 1, 1000000));
  SHOW(syscall(SYS_membarrier, 128, 2, 0));
  SHOW(syscall(SYS_membarrier, 8, 1, 0));
  SHOW(syscall(SYS_membarrier, 8, 0, 0));
  SHOW(syscall(SYS_membarrier, 64, 0, 0));
  SHOW(syscall(SYS_membarrier, 512, 0, 0));
  SHOW(syscall(SYS_membarrier, 8, 0, 0));

  puts("\nTracers:");
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(0);
  }
  waitpid(child, &status, 0);
  struct { uint64_t at; uint32_t size, signature, flags, pad; } seen;
  memset(&seen, 0xff, sizeof seen);
  SHOW(ptrace(0x420f, child, sizeof seen, &seen));
  HOLDS(seen.at == (uintptr_t)&mine);
  SHOW(seen.size);
  SHOW(seen.signature);
  SHOW(seen.flags);
  seen.size = 5;
  SHOW(ptrace(0x420f, child, 8, &seen));
  SHOW(seen.size);
  SHOW(ptrace(0x420f, child, 24, 8));
  kill(child, SIGKILL);
  waitpid(child, &status, 0);

  fflush(stdout);
  execl("/proc/self/exe", "self", "again", NULL);
}
