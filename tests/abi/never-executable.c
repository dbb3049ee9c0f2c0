#include "abi.h"
#include <sys/prctl.h>
#include <sys/shm.h>
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#ifndef PR_MDWE_NO_INHERIT
#define PR_MDWE_NO_INHERIT 2
#endif

/* prctl(2), PR_SET_MDWE: memory is never writable and executable, and what was not executable does not become so. */

static long map(int protection) { void *at = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); return at == MAP_FAILED ? -1 : 0; }
static void *mapped(int protection) { return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static void refused(void) {
  void *code = mapped(PROT_READ | PROT_EXEC), *both = mapped(PROT_READ | PROT_WRITE | PROT_EXEC), *data = mapped(PROT_READ | PROT_WRITE);
  SHOW(prctl(PR_GET_MDWE, 0, 0, 0, 0)); SHOW(prctl(PR_SET_MDWE, 1, 0, 0, 0)); SHOW(prctl(PR_GET_MDWE, 0, 0, 0, 0));
  SHOW(map(PROT_READ | PROT_WRITE | PROT_EXEC)); SHOW(map(PROT_WRITE | PROT_EXEC)); SHOW(map(PROT_READ | PROT_EXEC)); SHOW(map(PROT_READ | PROT_WRITE)); SHOW(map(PROT_NONE));
  SHOW(mprotect(data, 4096, PROT_READ | PROT_EXEC)); SHOW(mprotect(data, 4096, PROT_EXEC)); SHOW(mprotect(data, 4096, PROT_READ)); SHOW(mprotect(data, 4096, PROT_READ | PROT_EXEC));
  SHOW(mprotect(code, 4096, PROT_READ | PROT_WRITE)); SHOW(mprotect(code, 4096, PROT_READ | PROT_EXEC));
  SHOW(mprotect(both, 4096, PROT_READ | PROT_EXEC)); SHOW(mprotect(both, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
  int id = shmget(IPC_PRIVATE, 4096, 0700); SHOW(shmat(id, NULL, SHM_EXEC) == (void *)-1 ? -1 : 0); shmctl(id, IPC_RMID, NULL);
  SHOW(prctl(PR_SET_MDWE, 0, 0, 0, 0)); SHOW(prctl(PR_SET_MDWE, 1, 0, 0, 0)); SHOW(prctl(PR_SET_MDWE, 3, 0, 0, 0)); SHOW(prctl(PR_GET_MDWE, 0, 0, 0, 0));
  if (fork() == 0) { SHOW(prctl(PR_GET_MDWE, 0, 0, 0, 0)); SHOW(map(PROT_WRITE | PROT_EXEC)); exit(0); } wait(NULL);
}

int main(int argc, char **argv) {
  if (argc > 1) { SHOW(prctl(PR_GET_MDWE, 0, 0, 0, 0)); SHOW(map(PROT_WRITE | PROT_EXEC)); return 0; }
  SHOW(prctl(PR_SET_MDWE, 4, 0, 0, 0)); SHOW(prctl(PR_SET_MDWE, 2, 0, 0, 0)); SHOW(prctl(PR_SET_MDWE, 1, 1, 0, 0)); SHOW(prctl(PR_SET_MDWE, 1, 0, 0, 1)); SHOW(prctl(PR_GET_MDWE, 1, 0, 0, 0));
  if (fork() == 0) { refused(); exit(0); } wait(NULL);
  if (fork() == 0) {
    SHOW(prctl(PR_SET_MDWE, 3, 0, 0, 0)); SHOW(prctl(PR_GET_MDWE, 0, 0, 0, 0)); SHOW(map(PROT_WRITE | PROT_EXEC));
    if (fork() == 0) { SHOW(prctl(PR_GET_MDWE, 0, 0, 0, 0)); SHOW(map(PROT_WRITE | PROT_EXEC)); exit(0); }
    wait(NULL); exit(0);
  }
  wait(NULL);
  if (fork() == 0) { prctl(PR_SET_MDWE, 1, 0, 0, 0); execl("/proc/self/exe", argv[0], "again", NULL); exit(1); }
  wait(NULL);
  return 0;
}
