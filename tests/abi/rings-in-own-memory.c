/* io_uring_setup(2), IORING_SETUP_NO_MMAP and REGISTERED_FD_ONLY: rings in memory of the program's, without a descriptor. */
#include "abi.h"
#include <linux/io_uring.h>
#include <sys/eventfd.h>
#ifndef IORING_SETUP_NO_MMAP
#define IORING_SETUP_NO_MMAP (1u << 14)
#define IORING_SETUP_REGISTERED_FD_ONLY (1u << 15)
#endif
#define P 4096ul
/* The addresses stand where older headers have words that are reserved. */
#define ADDRESS(offsets) (*(unsigned long long *)((char *)&(offsets) + 32))
static struct io_uring_params p;
static char *rings, *entries;
static long setup(unsigned count, unsigned flags, void *at, void *sqes) {
  memset(&p, 0, sizeof p);
  p.flags = flags;
  ADDRESS(p.cq_off) = (unsigned long)at;
  ADDRESS(p.sq_off) = (unsigned long)sqes;
  return syscall(425, count, &p);
}
static void told(const char *what, long result) { if (result < 0) printf("%s: %d %s\n", what, -1, name_of(errno)); else printf("%s: made\n", what); }
static unsigned *word(unsigned at) { return (unsigned *)(rings + at); }
/* A NOP with its user_data, submitted by descriptor or by registered number. */
static void nop(int ring, unsigned flags, unsigned long data) {
  struct io_uring_sqe *sqe = (struct io_uring_sqe *)entries;
  unsigned tail = *word(p.sq_off.tail), index = tail & *word(p.sq_off.ring_mask);
  memset(sqe + index, 0, sizeof *sqe);
  sqe[index].opcode = IORING_OP_NOP;
  sqe[index].user_data = data;
  word(p.sq_off.array)[index] = index;
  __atomic_store_n(word(p.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
  SHOW(syscall(426, ring, 1, 1, IORING_ENTER_GETEVENTS | flags, 0, 0));
  unsigned head = *word(p.cq_off.head);
  struct io_uring_cqe *cqe = (struct io_uring_cqe *)(rings + p.cq_off.cqes) + (head & *word(p.cq_off.ring_mask));
  printf("result %d of %lx, %u more\n", cqe->res, (long)cqe->user_data, __atomic_load_n(word(p.cq_off.tail), __ATOMIC_ACQUIRE) - head - 1);
  __atomic_store_n(word(p.cq_off.head), head + 1, __ATOMIC_RELEASE);
}
int main(void) {
  char *room = mmap(0, 16 * P, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  rings = room; entries = room + 4 * P;
  told("without memory", setup(8, IORING_SETUP_NO_MMAP, 0, 0));
  told("not at a page", setup(8, IORING_SETUP_NO_MMAP, rings + 64, entries));
  told("entries not at a page", setup(8, IORING_SETUP_NO_MMAP, rings, entries + 64));
  told("where nothing is", setup(8, IORING_SETUP_NO_MMAP, (void *)P, entries));
  munmap(room + 12 * P, P);
  told("entries where nothing is", setup(8, IORING_SETUP_NO_MMAP, rings, room + 12 * P));
  mprotect(room + 13 * P, P, PROT_READ);
  told("read-only", setup(8, IORING_SETUP_NO_MMAP, room + 13 * P, entries));
  told("no descriptor, but memory of the kernel's", setup(8, IORING_SETUP_REGISTERED_FD_ONLY, 0, 0));
  long fd = setup(8, IORING_SETUP_NO_MMAP, rings, entries);
  told("a ring", fd);
  HOLDS(ADDRESS(p.cq_off) == (unsigned long)rings); HOLDS(ADDRESS(p.sq_off) == (unsigned long)entries);
  SHOW(p.sq_entries); SHOW(p.cq_entries); SHOW(*word(p.sq_off.ring_entries)); SHOW(*word(p.cq_off.ring_mask));
  nop(fd, 0, 0x11); nop(fd, 0, 0x22);
  SHOW((long)mmap(0, P, 3, MAP_SHARED, fd, 0));
  SHOW((long)mmap(0, P, 3, MAP_SHARED, fd, IORING_OFF_SQES));
  SHOW(close(fd));
  rings[0] = 7; SHOW(rings[0]);
  /* Memory of several pages, and no descriptor */
  memset(room, 0, 12 * P);
  entries = room + 8 * P;
  long number = setup(128, IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY, rings, entries);
  SHOW(number);
  SHOW(p.sq_entries);
  nop(number, IORING_ENTER_REGISTERED_RING, 0x33);
  SHOW(fcntl(3, F_GETFD));
  int event = eventfd(0, 0);
  SHOW(syscall(427, number, 4 | (1u << 31), &event, 1));
  nop(number, IORING_ENTER_REGISTERED_RING, 0x44);
  unsigned long counted; SHOW(read(event, &counted, 8)); SHOW(counted);
  /* As many as there may be */
  int made = 0;
  char *more = mmap(0, 64 * P, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int at = 0; at < 17; at++) if (setup(4, IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY, more + 2 * at * P, more + (2 * at + 1) * P) >= 0) made++; else { told("one more", -1); break; }
  SHOW(made);
  fd = setup(4, 0, (void *)P, (void *)P); HOLDS(fd >= 0); HOLDS(ADDRESS(p.cq_off) == 0); HOLDS(ADDRESS(p.sq_off) == 0);
  return 0;
}
