#include "abi.h"
/* Code that a program writes and changes, flushing no more than it wrote. */
#ifdef __riscv
/* Counts down from its argument, two instructions a round. */
#define WRITE_COUNTDOWN(at) ((at)[0] = 0xfff50513, (at)[1] = 0xfe051ee3, (at)[2] = 0x00008067)
/* `WRITE_RETURN(…, 1)` split so that the number lies behind the split. */
#define NUMBER_AT 2
#define NUMBER(n) ((n) << 4)
#else
#define WRITE_COUNTDOWN(at) memcpy((at), "\xff\xcf\x75\xfc\x31\xc0\xc3", 7)
#define NUMBER_AT 1
#define NUMBER(n) (n)
#endif
#define CALL(at) (((int (*)(int))(at))(2000))
#define FLUSH(at, size) __builtin___clear_cache((char *)(at), (char *)(at) + (size))
static char *pages(int count) {
  return mmap(NULL, count * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static int status_of(pid_t pid) {
  int status;
  waitpid(pid, &status, 0);
  return WEXITSTATUS(status);
}
int main(void) {
  /* What is flushed beside it changes nothing of a function that is hot. */
  char *code = pages(4);
  long sum = 0;
  WRITE_COUNTDOWN((unsigned *)code);
  FLUSH(code, 12);
  for (int i = 0; i < 1000; i++) {
    unsigned *small = (unsigned *)(code + 4096 + i % 3 * 16);
    WRITE_RETURN(small, i % 7);
    FLUSH(small, 8);
    sum += CALL(code) + CALL(small);
  }
  SHOW(sum);
  /* A page that is given back and comes again holds other code. */
  for (int i = 0; i < 20; i++) {
    unsigned *small = (unsigned *)(code + 8192);
    madvise(small, 4096, MADV_DONTNEED);
    WRITE_RETURN(small, i);
    FLUSH(small, 8);
    sum += CALL(small);
  }
  SHOW(sum);
  /* The kernel writes it: read(2) from a pipe. */
  int ends[2];
  unsigned source[2];
  if (pipe(ends)) return 1;
  for (int i = 0; i < 20; i++) {
    WRITE_RETURN(source, i);
    if (write(ends[1], source, 8) != 8 || read(ends[0], code + 8192, 8) != 8) return 1;
    FLUSH(code + 8192, 8);
    sum += CALL(code + 8192);
  }
  SHOW(sum);
  /* After fork(2) each side changes its own. */
  WRITE_RETURN((unsigned *)(code + 8192), 1);
  FLUSH(code + 8192, 8);
  SHOW(CALL(code + 8192));
  pid_t pid = fork();
  if (pid == 0) {
    int before = CALL(code + 8192);
    WRITE_RETURN((unsigned *)(code + 8192), 2);
    FLUSH(code + 8192, 8);
    _exit(before * 16 + CALL(code + 8192));
  }
  SHOW(status_of(pid));
  SHOW(CALL(code + 8192));
  WRITE_RETURN((unsigned *)(code + 8192), 3);
  FLUSH(code + 8192, 8);
  SHOW(CALL(code + 8192));
  /* An instruction that begins in another mapping, which isn't written. */
  char *two = pages(2), *split = two + 4096 - NUMBER_AT;
  WRITE_RETURN((unsigned *)split, 1);
  mprotect(two, 4096, PROT_READ | PROT_EXEC);
  FLUSH(split, 8);
  sum = 0;
  for (int i = 0; i < 20; i++) {
    two[4096] = NUMBER(i % 8);
    FLUSH(split, 8);
    sum += CALL(split);
  }
  SHOW(sum);
  sum = 0;
  for (int i = 0; i < 20; i++) {
    mprotect(two + 4096, 4096, PROT_READ | PROT_WRITE);
    two[4096] = NUMBER(i % 5);
    mprotect(two + 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    FLUSH(split, 8);
    sum += CALL(split);
  }
  SHOW(sum);
  /* A page that fills up, as a compiler's does: what was written before stays what it was, and what changes changes. */
  char *filling = pages(2);
  sum = 0;
  for (int i = 0; i < 300; i++) {
    unsigned *next = (unsigned *)(filling + 4096 - 640 + i * 16 % 1280);
    WRITE_RETURN(next, i);
    FLUSH(next, 8);
    for (int back = 0; back < 1280; back += 16)
      if (i * 16 >= back) sum = sum * 3 % 1000003 + CALL(filling + 4096 - 640 + back);
  }
  SHOW(sum);
  /* Changed, and changed back, before it is executed again. */
  for (int i = 0; i < 20; i++) {
    WRITE_RETURN((unsigned *)filling, i % 2);
    if (i % 3) WRITE_RETURN((unsigned *)filling, 9);
    if (i % 5) WRITE_RETURN((unsigned *)filling, 1);
    FLUSH(filling, 8);
    sum = sum * 3 % 1000003 + CALL(filling);
  }
  SHOW(sum);
  /* A private mapping of a file whose page it has not written: the file changes. */
  int file = open("/tmp/written-code", O_CREAT | O_RDWR | O_TRUNC, 0700);
  WRITE_RETURN(source, 1);
  if (write(file, source, 8) != 8) return 1;
  char *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, file, 0);
  unlink("/tmp/written-code");
  sum = 0;
  for (int i = 0; i < 20; i++) {
    WRITE_RETURN(source, i);
    if (pwrite(file, source, 8, 0) != 8) return 1;
    FLUSH(mapped, 8);
    sum += CALL(mapped);
  }
  SHOW(sum);
  return 0;
}
