#define _GNU_SOURCE
#include "abi.h"
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>

/* Jumps to where no code is, above 4 GiB too: the fault tells the whole address, and nothing runs. Then wild accesses. */

#ifdef __riscv
#define PC(context) ((context)->uc_mcontext.__gregs[0])
#else
#define PC(context) ((context)->uc_mcontext.gregs[REG_RIP])
#endif

typedef long function(long);

static long counted;
static sigjmp_buf back;
static volatile uintptr_t wanted, next;

__attribute__((noinline)) static long count(long by) { counted += by; return counted; }

static void on_fault(int signal, siginfo_t *info, void *context) {
  ucontext_t *user = context;
  printf("  signal %d code %d address %s pc %s\n", signal, info->si_code, (uintptr_t)info->si_addr == wanted ? "right" : "wrong",
         (uintptr_t)PC(user) == wanted ? "there" : "elsewhere");
  fflush(stdout);
  if (next != 0) { PC(user) = wanted = next; next = 0; return; }
  siglongjmp(back, 1);
}

/* Calls what works often, so that it is translated, and then the other. */
__attribute__((noinline)) static void call_after(long rounds, function *last) {
  function *volatile to = count;
  for (long i = 0; i <= rounds; i++) { if (i == rounds) to = last; to(1); }
}

__attribute__((noinline)) static long tail(function *to, long by) { return to(by); }

static void jump_after(long rounds, function *last) {
  for (long i = 0; i < rounds; i++) tail(count, 1);
  tail(last, 1);
}

static void attempt(const char *name, void (*how)(long, function *), long rounds, uintptr_t to) {
  printf("%s\n", name); fflush(stdout);
  long before = counted; wanted = to;
  if (sigsetjmp(back, 1) == 0) how(rounds, (function *)to);
  printf("  counted %ld\n", counted - before); fflush(stdout);
}

__attribute__((noinline)) static void load(uintptr_t from) { *(volatile char *)from; }
__attribute__((noinline)) static void store(uintptr_t to) { *(volatile long *)to = 1; }

static void reach(const char *name, void (*how)(uintptr_t), uintptr_t at) {
  printf("%s\n", name); fflush(stdout);
  wanted = at;
  if (sigsetjmp(back, 1) == 0) how(at);
}

int main(void) {
  static char stack[65536]; stack_t other = { .ss_sp = stack, .ss_size = sizeof stack }; sigaltstack(&other, NULL);
  struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK }; sigaction(SIGSEGV, &action, NULL);
  /* Where only the high half differs from real code. */
  uintptr_t far = ((uintptr_t)count & 0xffffffff) | (uintptr_t)0x12 << 32;
  attempt("call", call_after, 0, far); attempt("call in translated code", call_after, 300000, far);
  attempt("jump", jump_after, 0, far); attempt("jump in translated code", jump_after, 300000, far);
  attempt("near", call_after, 0, 0x8000); attempt("null", call_after, 0, 0);
  attempt("4 GiB exactly", call_after, 0, (uintptr_t)1 << 32);
  next = far; attempt("back from a handler to where no code is", call_after, 0, (uintptr_t)0x34 << 32);
  char *data = mmap((void *)((uintptr_t)0x56 << 32), 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  SHOW(data == MAP_FAILED ? -1 : 0);
  attempt("data", call_after, 0, (uintptr_t)data); attempt("behind data", call_after, 300000, (uintptr_t)data + 4096);
  reach("load", load, 0x1234567812ULL); reach("store", store, 0x123400001238ULL); reach("load near", load, 0x812);
  action.sa_sigaction = (void *)far; sigaction(SIGUSR1, &action, NULL);
  wanted = far; printf("a handler where no code is\n"); fflush(stdout);
  if (sigsetjmp(back, 1) == 0) raise(SIGUSR1);
  return 0;
}
