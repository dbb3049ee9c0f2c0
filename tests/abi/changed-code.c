#include "abi.h"
/* Code that was executed, until it was hot, changes in each way in which memory can change, and is executed again. */
#include <linux/futex.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/uio.h>
/* Counts down from its argument, then returns the number in its word NUMBER_WORD. */
#define ROUNDS 2000
#define NUMBER_WORD 2
#ifdef __riscv
#define CODE(n) {0xfff50513, 0xfe051ee3, 0x00000513 | (n) << 20, 0x00008067}
#define STEP_SHIFT 20
#define FENCE __asm__ volatile("fence.i" ::: "memory")
#else
#define CODE(n) {0xfc75cfff, 0xb8909090, (n), 0xc3}
#define STEP_SHIFT 0
#define FENCE
#endif
#define SIZE 16
typedef struct { unsigned word[4]; } code;
static code code_of(int n) {
  code made = {CODE(n)};
  return made;
}
static int call(void *at) { return ((int (*)(int))at)(ROUNDS); }
static int hot(void *at) {
  int sum = 0;
  for (int i = 0; i < 12; i++) sum += call(at);
  return sum;
}
static void flush(void *at) { __builtin___clear_cache((char *)at, (char *)at + SIZE); }
static void put(void *at, int n) {
  *(code *)at = code_of(n);
  flush(at);
}
static char *pages(int count, int flags) {
  return mmap(NULL, count * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, flags | MAP_ANONYMOUS, -1, 0);
}
static int pipe_ends[2], sockets[2], file;
static struct iovec vec(void *at) { return (struct iovec){at, SIZE}; }
static int in_child(int (*act)(void *, code *), void *at, code *made) {
  int status;
  pid_t pid = fork();
  if (pid == 0) _exit(act(at, made) == SIZE ? 0 : 1);
  waitpid(pid, &status, 0);
  return status == 0 ? SIZE : -1;
}
/* Each changes the code at `at`, and returns how much of it. */
static int by_store(void *at, code *made) { return *(code *)at = *made, SIZE; }
static int by_byte(void *at, code *made) {
  for (int i = 0; i < SIZE; i++) ((char *)at)[i] = ((char *)made)[i];
  return SIZE;
}
static int by_addition(void *at, code *made) {
  unsigned *number = (unsigned *)at + NUMBER_WORD;
  return __atomic_fetch_add(number, made->word[NUMBER_WORD] - *number, __ATOMIC_SEQ_CST), SIZE;
}
static int by_futex(void *at, code *made) {
  unsigned *number = (unsigned *)at + NUMBER_WORD, waits = 0;
  int step = FUTEX_OP(FUTEX_OP_ADD | FUTEX_OP_OPARG_SHIFT, STEP_SHIFT, FUTEX_OP_CMP_EQ, 0);
  while (*number < made->word[NUMBER_WORD])
    if (syscall(SYS_futex, &waits, FUTEX_WAKE_OP, 1, 1, number, step) < 0) return -1;
  return *number == made->word[NUMBER_WORD] ? SIZE : by_store(at, made);
}
static int by_vm_write(void *at, code *made) {
  struct iovec local = vec(made), remote = vec(at);
  return process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
}
static int by_childs_vm_write(void *at, code *made) {
  struct iovec local = vec(made), remote = vec(at);
  return process_vm_writev(getppid(), &local, 1, &remote, 1, 0);
}
static int by_other(void *at, code *made) { return in_child(by_childs_vm_write, at, made); }
static int by_memory_of(pid_t pid, void *at, code *made) {
  char name[40];
  sprintf(name, "/proc/%d/mem", pid);
  int memory = open(name, O_RDWR);
  int done = pwrite(memory, made, SIZE, (long)at);
  close(memory);
  return done;
}
static int by_memory(void *at, code *made) { return by_memory_of(getpid(), at, made); }
static int by_childs_memory(void *at, code *made) { return by_memory_of(getppid(), at, made); }
static int by_others_memory(void *at, code *made) { return in_child(by_childs_memory, at, made); }
static int by_read(void *at, code *made) {
  return write(pipe_ends[1], made, SIZE) < 0 ? -1 : read(pipe_ends[0], at, SIZE);
}
static int by_readv(void *at, code *made) {
  struct iovec two[2] = {{at, 6}, {(char *)at + 6, SIZE - 6}};
  return write(pipe_ends[1], made, SIZE) < 0 ? -1 : readv(pipe_ends[0], two, 2);
}
static int by_pread(void *at, code *made) {
  return pwrite(file, made, SIZE, 100) < 0 ? -1 : pread(file, at, SIZE, 100);
}
static int by_receiving(void *at, code *made) {
  return send(sockets[0], made, SIZE, 0) < 0 ? -1 : recv(sockets[1], at, SIZE, 0);
}
static int by_message(void *at, code *made) {
  struct iovec one = vec(at);
  struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1};
  return send(sockets[0], made, SIZE, 0) < 0 ? -1 : recvmsg(sockets[1], &message, 0);
}
static int by_splice(void *at, code *made) {
  struct iovec one = vec(at);
  return write(pipe_ends[1], made, SIZE) < 0 ? -1 : vmsplice(pipe_ends[0], &one, 1, 0);
}
static int by_giving_back(void *at, code *made) { return madvise(at, 4096, MADV_DONTNEED) ? -1 : by_store(at, made); }
static int by_giving_back_read(void *at, code *made) {
  return madvise(at, 4096, MADV_DONTNEED) ? -1 : by_read(at, made);
}
static int by_moving(void *at, code *made) {
  char *other = pages(1, MAP_PRIVATE);
  put(other, 0);
  hot(other);
  by_store(other, made);
  return mremap(other, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at ? SIZE : -1;
}
static int by_moving_away(void *at, code *made) {
  char *other = mremap(at, 4096, 4096, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
  by_store(at, made);
  return munmap(other, 4096) ? -1 : SIZE;
}
static int by_mapping(void *at, code *made) {
  mmap(at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  return by_store(at, made);
}
static int by_turns(void *at, code *made) {
  mprotect(at, 4096, PROT_READ | PROT_WRITE);
  by_store(at, made);
  return mprotect(at, 4096, PROT_READ | PROT_EXEC) ? -1 : SIZE;
}
static int by_turns_of_all(void *at, code *made) {
  by_turns(at, made);
  return mprotect(at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) ? -1 : SIZE;
}
#define WAY(name) {#name, name}
static const struct way { const char *name; int (*act)(void *, code *); } ways[] = {
  WAY(by_store), WAY(by_byte), WAY(by_addition), WAY(by_futex), WAY(by_vm_write), WAY(by_other), WAY(by_memory),
  WAY(by_others_memory), WAY(by_read), WAY(by_readv), WAY(by_pread), WAY(by_receiving), WAY(by_message),
  WAY(by_splice), WAY(by_giving_back), WAY(by_giving_back_read), WAY(by_moving), WAY(by_moving_away), WAY(by_mapping),
  WAY(by_turns_of_all), WAY(by_turns), WAY(by_memory), WAY(by_others_memory)};
/* The last two write to what the process may not write any more. */
static void change_own(char *at) {
  put(at, 9);
  hot(at);
  for (int i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    int sum = 0;
    for (int n = 1; n < 5; n++) {
      code made = code_of(n);
      int done = ways[i].act(at, &made);
      if (done != SIZE) printf("%s: %s\n", ways[i].name, done < 0 ? name_of(errno) : "short");
      flush(at);
      sum = sum * 8 + hot(at) / 12;
    }
    printf("%s: %o\n", ways[i].name, sum);
    fflush(stdout);
  }
  munmap(at, 4096);
}
/* Memory that has two places, one to write and one to execute: which of them is flushed, or none by name. */
static void flush_how(int how, void *written, void *executed) {
  if (how == 0) flush(executed);
  else if (how == 1) flush(written);
  else FENCE;
}
static void change_at(const char *name, char *written, char *executed, int (*act)(void *, code *)) {
  for (int how = 0; how < 3; how++) {
    int sum = 0;
    for (int n = 1; n < 5; n++) {
      code made = code_of(n);
      if (act(written, &made) != SIZE) printf("%s: %s\n", name, name_of(errno));
      flush_how(how, written, executed);
      sum = sum * 8 + hot(executed) / 12;
    }
    printf("%s %d: %o\n", name, how, sum);
    fflush(stdout);
  }
}
static char *map_file(int protection, int flags) { return mmap(NULL, 4096, protection, flags, file, 0); }
static int by_write(void *at, code *made) { return pwrite(file, made, SIZE, 0); }
static int by_truncation(void *at, code *made) {
  return ftruncate(file, 0) || ftruncate(file, 4096) ? -1 : by_write(at, made);
}
static int by_hole(void *at, code *made) {
  return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) ? -1 : by_write(at, made);
}
static int by_removal(void *at, code *made) { return madvise(at, 4096, MADV_REMOVE) ? -1 : by_store(at, made); }
static int by_splice_in(void *at, code *made) {
  loff_t offset = 0;
  return write(pipe_ends[1], made, SIZE) < 0 ? -1 : splice(pipe_ends[0], NULL, file, &offset, SIZE, 0);
}
static int by_copying(void *at, code *made) {
  loff_t from = 200, to = 0;
  return pwrite(file, made, SIZE, 200) < 0 ? -1 : copy_file_range(file, &from, file, &to, SIZE, 0);
}
static int by_childs_store(void *at, code *made) { return in_child(by_store, at, made); }
static int by_childs_read(void *at, code *made) { return in_child(by_read, at, made); }
static const struct way alias_ways[] = {
  WAY(by_store), WAY(by_read), WAY(by_vm_write), WAY(by_childs_store), WAY(by_childs_read), WAY(by_removal)};
static const struct way file_ways[] = {
  WAY(by_store), WAY(by_write), WAY(by_truncation), WAY(by_hole), WAY(by_splice_in), WAY(by_copying),
  WAY(by_childs_store), WAY(by_removal)};
static void change_aliases(const char *kind, char *written, char *executed) {
  printf("%s\n", kind);
  put(written, 9);
  FENCE;
  hot(executed);
  for (int i = 0; i < sizeof alias_ways / sizeof alias_ways[0]; i++)
    change_at(alias_ways[i].name, written, executed, alias_ways[i].act);
}
static void change_file(const char *kind, char *written, char *executed) {
  printf("%s\n", kind);
  put(written, 9);
  FENCE;
  hot(executed);
  for (int i = 0; i < sizeof file_ways / sizeof file_ways[0]; i++)
    change_at(file_ways[i].name, written, executed, file_ways[i].act);
  munmap(written, 4096);
  if (executed != written) munmap(executed, 4096);
}
static void change_files(const char *name, int opened) {
  const int all = PROT_READ | PROT_WRITE | PROT_EXEC, run = PROT_READ | PROT_EXEC;
  file = opened;
  printf("%s\n", name);
  if (ftruncate(file, 4096)) return;
  change_file("one shared mapping", map_file(all, MAP_SHARED), map_file(all, MAP_SHARED));
  change_file("a shared mapping to execute", map_file(PROT_READ | PROT_WRITE, MAP_SHARED), map_file(run, MAP_SHARED));
  change_file("a private mapping to execute", map_file(PROT_READ | PROT_WRITE, MAP_SHARED), map_file(run, MAP_PRIVATE));
  change_file("a private mapping for all", map_file(PROT_READ | PROT_WRITE, MAP_SHARED), map_file(all, MAP_PRIVATE));
}
/* What a debugger writes into the code of another: memory that fork(2) left to both. */
static void change_child(void) {
  char *at = pages(1, MAP_PRIVATE);
  put(at, 9);
  hot(at);
  int status, go[2], reply[2], result;
  if (pipe(go) || pipe(reply)) return;
  pid_t pid = fork();
  if (pid == 0) {
    while (read(go[0], &result, 1) == 1) {
      flush(at);
      result = hot(at) / 12;
      if (write(reply[1], &result, sizeof result) < 0) break;
      if (result == 4) break;
    }
    _exit(0);
  }
  for (int n = 1; n < 5; n++) {
    code made = code_of(n);
    if (by_memory_of(pid, at, &made) != SIZE || write(go[1], "", 1) < 0) return;
    if (read(reply[0], &result, sizeof result) < 0) return;
    printf("the child's %d: %d, its own %d\n", n, result, hot(at) / 12);
  }
  waitpid(pid, &status, 0);
  munmap(at, 4096);
}
/* An instruction that begins in one mapping and ends in another, which is given back. */
#ifdef __riscv
#define SPLIT_BEFORE 10
#define SPLIT_NUMBER(n) ((n) << 4)
#else
#define SPLIT_BEFORE 8
#define SPLIT_NUMBER(n) (n)
#endif
static void split(int isOne, int hasChild) {
  char *two = pages(2, MAP_PRIVATE), *at = two + 4096 - SPLIT_BEFORE;
  unsigned short rest[16];
  int sum = 0, status, gate[2];
  put(at, 9);
  memcpy(rest, two + 4096, 32);
  if (!isOne) mprotect(two, 4096, PROT_READ | PROT_EXEC);
  flush(at);
  hot(at);
  if (pipe(gate)) return;
  pid_t pid = hasChild ? fork() : 0;
  if (hasChild && pid == 0) _exit(read(gate[0], &status, 1) != 1);
  for (int n = 1; n < 5; n++) {
    madvise(two + 4096, 4096, MADV_DONTNEED);
    *(char *)rest = SPLIT_NUMBER(n);
    memcpy(two + 4096, rest, 32);
    flush(at);
    sum = sum * 8 + call(at);
    hot(at);
  }
  printf("split %d %d: %o\n", isOne, hasChild, sum);
  if (hasChild && write(gate[1], "", 1) == 1) waitpid(pid, &status, 0);
  munmap(two, 8192);
}
/* Memory with code in it grows. */
static void grow(void) {
  char *at = pages(3, MAP_PRIVATE), *grown;
  munmap(at + 4096, 8192);
  put(at, 1);
  SHOW(hot(at));
  grown = mremap(at, 4096, 8192, 0);
  HOLDS(grown == at);
  put(at + 4096, 2);
  SHOW(hot(at + 4096));
  put(at, 3);
  SHOW(hot(at));
  SHOW(hot(at + 4096));
  munmap(at, 8192);
  char *room = pages(600, MAP_PRIVATE);
  munmap(room, 599 * 4096);
  at = mmap(room + 599 * 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
  put(at, 1);
  SHOW(hot(at));
  put(at - 4096, 2);
  SHOW(hot(at - 4096));
  put(at, 3);
  SHOW(hot(at));
}
static void change_shared(void) {
  char *at = pages(1, MAP_SHARED);
  change_aliases("shared memory", at, at);
  char *other = mremap(at, 0, 4096, MREMAP_MAYMOVE);
  change_aliases("shared memory at two places", at, other);
  mprotect(other, 4096, PROT_READ | PROT_EXEC);
  change_aliases("shared memory at two places, one to execute", at, other);
  munmap(at, 4096);
  munmap(other, 4096);
  int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
  char *written = shmat(id, NULL, 0), *executed = shmat(id, NULL, SHM_RDONLY | SHM_EXEC);
  shmctl(id, IPC_RMID, NULL);
  change_aliases("System V", written, executed);
  shmdt(written);
  shmdt(executed);
}
static void change_all(void) {
  file = memfd_create("own", 0);
  change_own(pages(1, MAP_PRIVATE));
  change_child();
  for (int i = 0; i < 4; i++) split(i & 1, i >> 1);
  grow();
  change_shared();
  change_files("memfd", memfd_create("code", 0));
  change_files("file", open("/tmp/changed-code", O_CREAT | O_RDWR | O_TRUNC, 0700));
  unlink("/tmp/changed-code");
}
int main(void) {
  if (pipe(pipe_ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets)) return 1;
  change_all();
  /* Above 4 GiB memory is reached in another way. */
  mmap((void *)(1L << 33), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  change_all();
  return 0;
}
