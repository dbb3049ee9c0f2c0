#include "abi.h"
#include <sys/prctl.h>
#include <sys/resource.h>

/* MAP_DROPPABLE: memory that may go at any time is neither locked, dumped, promised nor inherited. */

#undef MAP_DROPPABLE
#define MAP_DROPPABLE 8
#define SIZE 65536
static char *mapped(int flags) { return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0); }
static int maps(int flags) { char *at = mapped(flags); if (at == MAP_FAILED) return -1; munmap(at, SIZE); return 0; }
/* What is said of the area that begins there: its pages, and the flags that concern this. */
static void tell(const char *name, void *at) {
  FILE *f = fopen("/proc/self/smaps", "r"); char line[512]; int is = 0; printf("%s:", name);
  while (fgets(line, sizeof line, f)) {
    unsigned long from, to; char *word; if (sscanf(line, "%lx-%lx ", &from, &to) == 2) { is = from <= (unsigned long)at && (unsigned long)at < to; if (is) printf(" %ld of %ld", ((long)at - (long)from) / 4096, (long)(to - from) / 4096); continue; }
    if (is && !strncmp(line, "VmFlags:", 8)) for (word = strtok(line + 8, " \n"); word; word = strtok(NULL, " \n")) if (strstr("rd wr ex lo dc ac nr wf dd dp", word)) printf(" %s", word);
  }
  printf("\n"); fclose(f); fflush(stdout);
}
static void sealed_and_moved(char *at) {
  SHOW(mprotect(at + 4096, 4096, PROT_READ)); tell("read only", at + 4096); SHOW(mprotect(at + 4096, 4096, PROT_READ | PROT_WRITE)); tell("again", at);
  char *to = mremap(at, SIZE, 2 * SIZE, MREMAP_MAYMOVE); HOLDS(to != MAP_FAILED); tell("moved", to); HOLDS(to[0] == 5); munmap(to, 2 * SIZE);
}

int main(void) {
  SHOW(maps(MAP_DROPPABLE)); SHOW(maps(MAP_DROPPABLE | MAP_PRIVATE)); SHOW(maps(MAP_DROPPABLE | MAP_SHARED)); SHOW(maps(MAP_DROPPABLE | MAP_SHARED_VALIDATE)); SHOW(maps(MAP_DROPPABLE | MAP_LOCKED)); SHOW(maps(MAP_DROPPABLE | MAP_GROWSDOWN)); SHOW(maps(MAP_DROPPABLE | MAP_HUGETLB)); SHOW(maps(MAP_DROPPABLE | MAP_NORESERVE | MAP_POPULATE | MAP_STACK)); SHOW(maps(4)); SHOW(maps(12));
  int m = memfd_create("m", 0); SHOW(ftruncate(m, SIZE)); SHOW((long)mmap(NULL, SIZE, PROT_READ, MAP_DROPPABLE, m, 0)); SHOW((long)mmap(NULL, SIZE, PROT_READ, MAP_DROPPABLE, 99, 0)); SHOW((long)mmap(NULL, 0, PROT_READ, MAP_DROPPABLE | MAP_ANONYMOUS, -1, 0));
  char *at = mmap(NULL, 4 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + SIZE; mmap(at, SIZE, PROT_READ | PROT_WRITE, MAP_DROPPABLE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); HOLDS(at[0] == 0); at[0] = 5; at[8192] = 6; tell("made", at);
  char *beside = mmap(at + SIZE, SIZE, PROT_READ | PROT_WRITE, MAP_DROPPABLE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); tell("grown", beside); mmap(beside, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  beside = mmap(at + SIZE, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); madvise(beside, SIZE, MADV_DONTDUMP); madvise(beside, SIZE, MADV_WIPEONFORK); tell("another", beside); mmap(beside, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  SHOW(madvise(at, 4096, MADV_DODUMP)); SHOW(madvise(at, 4096, MADV_KEEPONFORK)); SHOW(madvise(at, 4096, MADV_DONTDUMP)); SHOW(madvise(at, 4096, MADV_WIPEONFORK)); SHOW(madvise(at, SIZE, MADV_DONTFORK)); tell("not inherited", at); SHOW(madvise(at, SIZE, MADV_DOFORK)); SHOW(madvise(at + 8192, 4096, MADV_FREE)); SHOW(madvise(at + 8192, 4096, MADV_DONTNEED)); HOLDS(at[8192] == 0); SHOW(madvise(at, SIZE, MADV_COLD)); SHOW(madvise(at, SIZE, MADV_POPULATE_WRITE)); HOLDS(at[0] == 5);
  SHOW(mlock(at, SIZE)); tell("locked", at); SHOW(mlock2(at, 4096, MLOCK_ONFAULT)); SHOW(munlock(at, SIZE)); SHOW(mlockall(MCL_CURRENT)); tell("all locked", at); SHOW(munlockall()); tell("unlocked", at);
  SHOW(mlockall(MCL_FUTURE)); char *later = mapped(MAP_DROPPABLE); tell("made later", later); SHOW(munlock(later, SIZE)); tell("and unlocked", later); SHOW(munlockall()); tell("and all", later); munmap(later, SIZE);
  fflush(stdout); if (fork() == 0) { HOLDS(at[0] == 0 && at[4096] == 0); tell("a child's", at); at[0] = 9; _exit(0); } wait(NULL); HOLDS(at[0] == 5);
  sealed_and_moved(at); return 0;
}
