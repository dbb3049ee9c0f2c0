/* Locks of files whose FUSE server keeps them: what it is asked by fcntl(2), for a description, by flock(2), when a
   descriptor is closed and when a signal comes; and what becomes of its answers. */
#include "served.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#define MOUNT "/tmp/locks-of-servers"
#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

static uint64_t owners[16];
static int owner_count;
static uint64_t waiting;
static int error, client;
static struct fuse_file_lock held;

/* Their numbers are the kernel's matter: who comes first is a. */
static char owner(uint64_t number) {
  if (!number) return '0';
  for (int at = 0; at < owner_count; at++) if (owners[at] == number) return 'a' + at;
  owners[owner_count++] = number;
  return 'a' + owner_count - 1;
}

static int answer(struct fuse_in_header *in, char *body) {
  switch (in->opcode) {
    case FUSE_GETLK:
    case FUSE_SETLK:
    case FUSE_SETLKW: {
      struct fuse_lk_in *ask = (void *)body;
      note(" %s(%d, fh %d, %c, %lld-%llx, type %d, %s, flags %d)",
        in->opcode == FUSE_GETLK ? "get" : in->opcode == FUSE_SETLK ? "set" : "wait", (int)in->nodeid, (int)ask->fh,
        owner(ask->owner), (long long)ask->lk.start, (long long)ask->lk.end, ask->lk.type,
        ask->lk.pid == 0 ? "nobody" : (int)ask->lk.pid == client ? "client" : "other", ask->lk_flags);
      if (in->opcode == FUSE_GETLK) reply(in->unique, error, &held, error ? 0 : sizeof held);
      else if (in->opcode == FUSE_SETLKW && error == -EAGAIN) waiting = in->unique;
      else reply(in->unique, error, NULL, 0);
      return 1;
    }
    case FUSE_INTERRUPT:
      note(" interrupt");
      reply(waiting, -EINTR, NULL, 0);
      return 1;
    case FUSE_FLUSH:
      note(" flush(%c)", owner(((struct fuse_flush_in *)body)->lock_owner));
      return 0;
    case FUSE_RELEASE: {
      struct fuse_release_in *ask = (void *)body;
      note(" release(flags %d, %c)", ask->release_flags, owner(ask->lock_owner));
      return 0;
    }
  }
  return 0;
}

static struct flock range(int type, int whence, long start, long length) {
  struct flock lock = {.l_type = type, .l_whence = whence, .l_start = start, .l_len = length};
  return lock;
}

static void set(int fd, int command, int type, long start, long length) {
  struct flock lock = range(type, SEEK_SET, start, length);
  SHOW(fcntl(fd, command, &lock));
  asked();
}

static void get(int fd, int command, int type) {
  struct flock lock = range(type, SEEK_SET, 10, 20);
  SHOW(fcntl(fd, command, &lock));
  printf(" type %d, whence %d, %ld, %ld, pid %s\n", lock.l_type, lock.l_whence, (long)lock.l_start, (long)lock.l_len,
    lock.l_pid == 0 ? "0" : lock.l_pid == -1 ? "-1" : lock.l_pid == client ? "client" : "other");
  asked();
}

static void found(int type, uint64_t start, uint64_t end) {
  held = (struct fuse_file_lock){.start = start, .end = end, .type = type, .pid = client};
}

static int handled;
static void handle(int number) { (void)number; if (++handled == 2) error = 0; }

static void interrupted(int fd, int flags) {
  struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
  struct flock lock = range(F_WRLCK, SEEK_SET, 0, 0);
  handled = flags ? 1 : 0;
  error = -EAGAIN;
  sigaction(SIGALRM, &action, NULL);
  ualarm(50000, 0);
  SHOW(fcntl(fd, F_SETLKW, &lock));
  asked();
  error = 0;
}

int main(void) {
  client = getpid();
  wants = FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS;
  serve(MOUNT, "");
  int fd = open(MOUNT "/hello", O_RDWR), only = open(MOUNT "/hello", O_RDONLY);
  asked();
  set(fd, F_SETLK, F_RDLCK, 0, 0);
  set(fd, F_SETLK, F_WRLCK, 5, 10);
  set(fd, F_SETLKW, F_WRLCK, 7, 1);
  set(fd, F_SETLK, F_UNLCK, 0, 0);
  set(only, F_SETLK, F_WRLCK, 0, 0);
  set(fd, F_OFD_SETLK, F_WRLCK, 5, 10);
  set(only, F_OFD_SETLKW, F_RDLCK, 5, 10);
  set(fd, F_OFD_SETLK, F_UNLCK, 5, 10);
  error = -EAGAIN;
  set(fd, F_SETLK, F_WRLCK, 5, 10);
  error = -EDEADLK;
  set(fd, F_SETLKW, F_WRLCK, 5, 10);
  error = 0;
  found(F_UNLCK, 0, 0);
  get(fd, F_GETLK, F_WRLCK);
  found(F_RDLCK, 3, 8);
  get(fd, F_GETLK, F_WRLCK);
  get(fd, F_OFD_GETLK, F_WRLCK);
  found(F_WRLCK, 3, 0x7fffffffffffffff);
  get(fd, F_GETLK, F_RDLCK);
  found(F_WRLCK, 3, 2);
  get(fd, F_GETLK, F_RDLCK);
  found(F_WRLCK, 3, 0x8000000000000000);
  get(fd, F_GETLK, F_RDLCK);
  found(7, 3, 9);
  get(fd, F_GETLK, F_RDLCK);
  error = -EACCES;
  get(fd, F_GETLK, F_RDLCK);
  error = 0;
  interrupted(fd, 0);
  interrupted(fd, SA_RESTART);
  SHOW(flock(only, LOCK_SH)); asked();
  SHOW(flock(only, LOCK_EX | LOCK_NB)); asked();
  SHOW(flock(only, LOCK_UN)); asked();
  error = -EAGAIN;
  SHOW(flock(only, LOCK_EX | LOCK_NB)); asked();
  error = 0;
  SHOW(flock(fd, LOCK_SH)); asked();
  if (fork() == 0) {
    struct flock lock = range(F_RDLCK, SEEK_CUR, 0, 3);
    client = getpid();
    fcntl(fd, F_SETLK, &lock);
    close(fd);
    _exit(0);
  }
  wait(NULL);
  asked();
  SHOW(close(dup(fd))); asked();
  SHOW(close(fd)); asked();
  SHOW(close(only)); asked();
  int folder = open(MOUNT "/sub", O_RDONLY);
  SHOW(flock(folder, LOCK_EX)); asked();
  close(folder);
  /* Its locks are its own matter there. */
  SHOW(umount2(MOUNT, MNT_DETACH));
  return 0;
}
