/* Uses an instruction of V (vsetvli) twice, and goes on behind it. */
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

static int count;

static void skip(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)info;
  count++;
  ((ucontext_t *)context)->uc_mcontext.__gregs[0] += 4;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &action, NULL);
  __asm__ volatile(".word 0x0d007057; .word 0x0d007057");
  printf("illegal: %d\n", count);
  return 0;
}
