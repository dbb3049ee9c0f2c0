/* Random calls on what processes share by keys and names: messages, semaphores and memory of System V, queues of POSIX, futexes. */
#include "random-calls.h"
#include <linux/futex.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#define KEEP 6
static int queues[KEEP], sets[KEEP], segments[KEEP], mqs[KEEP];
static char *attached[KEEP];
static int any_id(const int *ids) { return one_in(20) ? (int)below(5) - 2 : ids[below(KEEP)]; }
static void keep(int *ids, long id) { if (id != -1) ids[below(KEEP)] = (int)id; }
static char buffer[9000];
static const int flags[] = {0, IPC_CREAT, IPC_CREAT, IPC_CREAT | IPC_EXCL, IPC_EXCL};
static const int modes[] = {0600, 0666, 0, 0400, 0200, 0777};
static key_t any_key(void) { static const key_t some[] = {IPC_PRIVATE, 1, 2, 3, -1, 0x7fffffff}; return ANY(some); }
static const int ids[] = {0, 0, 1000, 2000};
static const char *const names[] = {"/a", "/b", "/c", "/", "a", "", "/a/b", "/..", "/."};
static void show_permissions(const struct ipc_perm *p) { printf("  %d %d %d %d mode %o", (int)p->uid, (int)p->gid, (int)p->cuid, (int)p->cgid, p->mode); }
/* Ids are what a system likes, and so are keys' numbers. */
static long told_id(long r, const char *what, long key, int how) {
  int e = errno;
  printf("%ld %s(%ld, %#o)", call_number, what, key, how);
  if (r == -1) printf(" = -1 %s\n", name_of(e));
  else printf(" = an id\n");
  return r;
}
static int index_of(const int *ids, int id) { for (int i = 0; i < KEEP; i++) if (ids[i] == id) return i; return -1; }

static void step(void) {
  long r, n = one_in(10) ? below(9000) : below(100);
  errno = 0;
  switch (below(34)) {
  case 0: case 1: { key_t key = any_key(); int how = ANY(flags) | ANY(modes); keep(queues, told_id(msgget(key, how), "msgget", key, how)); break; }
  case 2: case 3: case 4: {
    int id = any_id(queues);
    struct { long type; char text[9000]; } message = {one_in(20) ? below(3) - 1 : 1 + below(4), ""};
    memset(message.text, 'a' + below(26), n);
    told(msgsnd(id, &message, n, IPC_NOWAIT), "msgsnd(%d, %ld, %ld)", index_of(queues, id), message.type, n);
    break;
  }
  case 5: case 6: case 7: {
    int id = any_id(queues), how = IPC_NOWAIT | (one_in(3) ? MSG_NOERROR : 0) | (one_in(4) ? MSG_EXCEPT : 0) | (one_in(10) ? MSG_COPY : 0);
    struct { long type; char text[9000]; } message = {0, ""};
    long type = below(7) - 3;
    r = msgrcv(id, &message, n, type, how);
    told(r, "msgrcv(%d, %ld, %ld, %#x)", index_of(queues, id), n, type, how);
    if (r >= 0) printf("  type %ld sum %08x\n", message.type, sum_of(message.text, r));
    break;
  }
  case 8: case 9: {
    int id = any_id(queues), what = (int)below(4);
    struct msqid_ds d;
    if (what == IPC_RMID && !one_in(3)) break;
    memset(&d, 0, sizeof d);
    if (what == IPC_SET) { msgctl(id, IPC_STAT, &d); if (one_in(2)) d.msg_qbytes = below(16384); if (one_in(3)) d.msg_perm.mode = ANY(modes); if (one_in(5)) d.msg_perm.uid = ANY(ids); errno = 0; }
    r = msgctl(id, what, &d);
    told(r < 0 ? -1 : 0, "msgctl(%d, %d)", index_of(queues, id), what);
    if (r == 0 && what == IPC_STAT) { show_permissions(&d.msg_perm); printf(" count %ld bytes %ld of %ld\n", (long)d.msg_qnum, (long)d.__msg_cbytes, (long)d.msg_qbytes); }
    break;
  }
  case 10: case 11: { key_t key = any_key(); int how = ANY(flags) | ANY(modes), count = one_in(6) ? (int)below(40000) - 2 : (int)below(6); r = semget(key, count, how); printf("  of %d\n", count); keep(sets, told_id(r, "semget", key, how)); break; }
  case 12: case 13: case 14: case 15: {
    int id = any_id(sets), count = one_in(12) ? (int)below(3) : 1 + (int)below(3);
    struct sembuf ops[3];
    printf("  ");
    for (int i = 0; i < 3; i++) { ops[i] = (struct sembuf){(unsigned short)below(6), (short)(below(7) - 3), (short)(IPC_NOWAIT | (one_in(6) ? SEM_UNDO : 0))}; if (one_in(30)) ops[i].sem_op = 32767; if (i < count) printf(" %d:%d%s", ops[i].sem_num, ops[i].sem_op, ops[i].sem_flg & SEM_UNDO ? "u" : ""); }
    printf("\n");
    struct timespec none = {0, one_in(10) ? -1 : 0};
    told(one_in(2) ? semop(id, ops, count) : semtimedop(id, ops, count, &none), "semop(%d, %d)", index_of(sets, id), count);
    break;
  }
  case 16: case 17: case 18: {
    static const int commands[] = {GETVAL, GETALL, GETNCNT, GETZCNT, GETPID, SETVAL, SETALL, IPC_STAT, IPC_SET, IPC_RMID, 99};
    int id = any_id(sets), what = ANY(commands), number = (int)below(7) - 1;
    unsigned short values[40] = {0};
    struct semid_ds d;
    union { int val; struct semid_ds *buf; unsigned short *array; } u;
    if (what == IPC_RMID && !one_in(3)) break;
    memset(&d, 0, sizeof d);
    for (int i = 0; i < 40; i++) values[i] = (unsigned short)(one_in(30) ? 40000 : below(10));
    struct semid_ds now;
    /* As many as are written. */
    u.buf = &now;
    if ((what == GETALL || what == SETALL) && semctl(id, 0, IPC_STAT, u) == 0 && now.sem_nsems > 40) break;
    int value = one_in(8) ? (int)below(70000) - 100 : (int)below(10);
    if (what == SETVAL) u.val = value;
    else if (what == GETALL || what == SETALL) u.array = values;
    else u.buf = &d;
    if (what == IPC_SET) { d = now; if (one_in(2)) d.sem_perm.mode = ANY(modes); else d.sem_perm.mode = 0600; d.sem_perm.uid = ANY(ids); d.sem_perm.gid = 0; }
    errno = 0;
    r = semctl(id, number, what, u);
    told(what == GETPID && r > 0 ? 1 : r, "semctl(%d, %d, %d, %d)", index_of(sets, id), number, what, what == SETVAL ? value : 0);
    if (r == 0 && what == GETALL && semctl(id, 0, IPC_STAT, (u.buf = &now, u)) == 0) { printf(" "); for (unsigned long i = 0; i < now.sem_nsems && i < 40; i++) printf(" %d", values[i]); printf("\n"); }
    if (r == 0 && what == IPC_STAT) { show_permissions(&d.sem_perm); printf(" of %ld\n", (long)d.sem_nsems); }
    break;
  }
  case 19: case 20: { key_t key = any_key(); int how = ANY(flags) | ANY(modes); long size = one_in(6) ? below(3) - 1 : below(20000); r = shmget(key, size, how); printf("  of %ld\n", size); keep(segments, told_id(r, "shmget", key, how)); break; }
  case 21: case 22: {
    int id = any_id(segments), how = (one_in(3) ? SHM_RDONLY : 0) | (one_in(8) ? SHM_REMAP : 0) | (one_in(6) ? SHM_RND : 0), at = (int)below(KEEP);
    char *where = one_in(6) ? (char *)0x50000001 : 0;
    char *got = shmat(id, where, how);
    told(got == (char *)-1 ? -1 : 0, "shmat(%d, %p, %#x)", index_of(segments, id), where, how);
    if (got == (char *)-1) break;
    if (attached[at]) shmdt(attached[at]);
    attached[at] = got;
    printf("  begins %02x\n", (unsigned char)got[0]);
    if (!(how & SHM_RDONLY)) got[0] = (char)('a' + below(26));
    break;
  }
  case 23: { int at = (int)below(KEEP); char *where = attached[at] ? attached[at] + (one_in(6) ? 1 : 0) : (char *)0x1000; r = told(shmdt(where), "shmdt(%d)", at); if (r == 0) attached[at] = 0; break; }
  case 24: {
    static const int commands[] = {IPC_STAT, IPC_STAT, IPC_SET, IPC_RMID, SHM_LOCK, SHM_UNLOCK, 77};
    int id = any_id(segments), what = ANY(commands);
    struct shmid_ds d;
    memset(&d, 0, sizeof d);
    if (what == IPC_SET) { d.shm_perm.mode = ANY(modes); d.shm_perm.uid = ANY(ids); }
    r = shmctl(id, what, &d);
    told(r < 0 ? -1 : 0, "shmctl(%d, %d)", index_of(segments, id), what);
    if (r == 0 && what == IPC_STAT) { show_permissions(&d.shm_perm); printf(" size %ld attached %ld\n", (long)d.shm_segsz, (long)d.shm_nattch); }
    break;
  }
  case 25: case 26: {
    static const int ways[] = {O_RDWR | O_CREAT, O_RDWR | O_CREAT, O_RDONLY, O_WRONLY, O_RDWR | O_CREAT | O_EXCL, O_RDWR};
    const char *name = ANY(names);
    int how = ANY(ways) | O_NONBLOCK, at = (int)below(KEEP);
    struct mq_attr a = {0, one_in(6) ? below(12) - 1 : 1 + below(10), one_in(6) ? below(8193) - 1 : 1 + below(100), 0};
    int mode = ANY(modes), is_plain = one_in(8);
    r = syscall(SYS_mq_open, name, how, mode, is_plain ? 0 : &a);
    told(r >= 0 ? 0 : -1, "mq_open(%s, %#x, %#o, %ld x %ld)", name, how, mode, is_plain ? 0 : a.mq_maxmsg, is_plain ? 0 : a.mq_msgsize);
    if (r >= 0) { if (mqs[at] > 0) close(mqs[at]); mqs[at] = (int)r; }
    break;
  }
  case 27: case 28: { int at = (int)below(KEEP); unsigned priority = one_in(10) ? 40000 : (unsigned)below(4); memset(buffer, 'a' + below(26), n); told(mq_send(mqs[at], buffer, n, priority), "mq_send(%d, %ld, %u)", at, n, priority); break; }
  case 29: case 30: {
    int at = (int)below(KEEP);
    unsigned priority = 0;
    n = one_in(4) ? n : 9000;
    r = mq_receive(mqs[at], buffer, n, &priority);
    told(r, "mq_receive(%d, %ld)", at, n);
    if (r >= 0) printf("  priority %u sum %08x\n", priority, sum_of(buffer, r));
    break;
  }
  case 31: {
    int at = (int)below(KEEP);
    struct mq_attr a = {0};
    r = mq_getattr(mqs[at], &a);
    told(r, "mq_getattr(%d)", at);
    if (r == 0) printf("  flags %#lx %ld x %ld has %ld\n", a.mq_flags, a.mq_maxmsg, a.mq_msgsize, a.mq_curmsgs);
    break;
  }
  case 32: { const char *name = ANY(names); told(syscall(SYS_mq_unlink, name), "mq_unlink(%s)", name); break; }
  case 33: {
    static unsigned word;
    static const int operations[] = {FUTEX_WAKE, FUTEX_WAIT, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, FUTEX_LOCK_PI, FUTEX_UNLOCK_PI, FUTEX_TRYLOCK_PI, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET, 77, FUTEX_REQUEUE};
    int what = ANY(operations) | (one_in(2) ? FUTEX_PRIVATE_FLAG : 0) | (one_in(12) ? FUTEX_CLOCK_REALTIME : 0);
    struct timespec none = {0, one_in(8) ? 1000000000 : 0};
    unsigned value = (unsigned)below(3), bits = one_in(4) ? 0 : 1;
    unsigned other = 0, *where = one_in(12) && (what & 127) != FUTEX_UNLOCK_PI ? (unsigned *)((char *)&word + 1) : one_in(12) ? (unsigned *)8 : &word;
    if ((what & 127) == FUTEX_LOCK_PI && word != 0) break;
    /* Its number is what a system likes. */
    if (word == (unsigned)getpid()) value = 0;
    int is_waiting = (what & 127) == FUTEX_WAIT || (what & 127) == FUTEX_WAIT_BITSET || (what & 127) == FUTEX_LOCK_PI;
    r = syscall(SYS_futex, where, what, value, is_waiting ? (void *)&none : (void *)1, &other, bits);
    told(r, "futex(%s, %#x, %u, %u)", where == &word ? "word" : where == (unsigned *)8 ? "nowhere" : "odd", what, value, bits);
    if (word == (unsigned)getpid()) printf("  held\n");
    else printf("  %#x\n", word);
    if (one_in(4)) word = 0;
    break;
  }
  }
  if (one_in(60)) { static int is_root = 1; is_root = !is_root; errno = 0; told(is_root ? seteuid(0) : seteuid(1000), "seteuid(%d)", is_root ? 0 : 1000); }
}

int main(int argc, char **argv) {
  begin(argc, argv);
  for (int i = 0; i < KEEP; i++) { queues[i] = sets[i] = segments[i] = 12345; mqs[i] = -1; }
  for (call_number = 0; call_number < calls_of(argc, argv); call_number++) { step(); fflush(stdout); }
  return 0;
}
