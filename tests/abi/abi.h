/* What every program of the ABI suite uses: a line for each fact, so that two systems can be compared by their output. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static inline const char *name_of(int e) { return e ? strerrorname_np(e) : "0"; }
/* Prints the expression with its value, or its error's name. */
#define SHOW(e) do { errno = 0; long r_ = (long)(e); int e_ = errno; if (r_ == -1 && e_) printf("%s = -1 %s\n", #e, name_of(e_)); else printf("%s = %ld\n", #e, r_); fflush(stdout); } while (0)
/* Prints only whether it holds: for values that differ from run to run. */
#define HOLDS(e) do { printf("%s: %s\n", #e, (e) ? "yes" : "no"); fflush(stdout); } while (0)
/* The few things that differ between instruction sets: an illegal instruction, a breakpoint, and code that returns a number. */
#ifdef __riscv
#define ILLEGAL __asm__ volatile(".word 0")
#define BREAK __asm__ volatile("ebreak")
#define WRITE_RETURN(at, n) ((at)[0] = 0x00000513 | ((n) << 20), (at)[1] = 0x00008067)
/* A function that calls pwrite64 with its arguments and returns 1, and what makes that a 2. */
#define PWRITE_RETURN_1 {0x93, 0x08, 0x40, 0x04, 0x73, 0, 0, 0, 0x13, 0x05, 0x10, 0, 0x67, 0x80, 0, 0}
#define RETURNED_AT 8
#define RETURNED_BYTE 2
#define RETURNED_2 0x20
#else
#define ILLEGAL __asm__ volatile("ud2")
#define BREAK __asm__ volatile("int3")
#define WRITE_RETURN(at, n) (((unsigned char *)(at))[0] = 0xb8, *(int *)((char *)(at) + 1) = (n), ((unsigned char *)(at))[5] = 0xc3)
#define PWRITE_RETURN_1 {0xb8, 18, 0, 0, 0, 0x49, 0x89, 0xca, 0x0f, 0x05, 0xb8, 1, 0, 0, 0, 0xc3}
#define RETURNED_AT 11
#define RETURNED_BYTE 0
#define RETURNED_2 2
#endif
