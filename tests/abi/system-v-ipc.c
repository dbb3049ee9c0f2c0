#include "abi.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
/* Of this process alone: the host's keys are everybody's. */
#define KEY (0x7a000000 | (getpid() & 0xffffff))
union semun { int val; struct semid_ds *buf; unsigned short *array; };
static struct message { long type; char text[64]; } message;
static int send_text(int q, long type, const char *text, int flags) { struct message m = {type}; strcpy(m.text, text); return msgsnd(q, &m, strlen(text) + 1, flags); }
static long receive(int q, size_t size, long type, int flags) { memset(&message, 0, sizeof message); return msgrcv(q, &message, size, type, flags); }
static int change(int set, int index, int by, int flags) { struct sembuf op = {index, by, flags}; return semop(set, &op, 1); }
static void handler(int s) { (void)s; }
static void semaphores(void) {
  union semun arg; struct semid_ds ds; unsigned short values[3] = {5, 6, 7}; int status;
  SHOW(semget(IPC_PRIVATE, 0, 0600)); SHOW(semget(IPC_PRIVATE, -1, 0600)); SHOW(semget(KEY, 1, 0)); SHOW(semop(-1, NULL, 1));
  int set = semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0640); HOLDS(set >= 0); SHOW(semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0600)); HOLDS(semget(KEY, 2, 0) == set); SHOW(semget(KEY, 4, 0));
  arg.array = values; SHOW(semctl(set, 0, SETALL, arg)); SHOW(semctl(set, 1, GETVAL)); arg.val = 32768; SHOW(semctl(set, 0, SETVAL, arg)); arg.val = 1; SHOW(semctl(set, 3, SETVAL, arg)); SHOW(semctl(set, 0, SETVAL, arg)); HOLDS(semctl(set, 0, GETPID) == getpid());
  arg.buf = &ds; SHOW(semctl(set, 0, IPC_STAT, arg)); SHOW(ds.sem_nsems); SHOW(ds.sem_perm.mode); HOLDS(ds.sem_perm.__key == KEY); HOLDS(ds.sem_otime == 0 && ds.sem_ctime > 0); SHOW(semctl(set, 0, 99));
  SHOW(change(set, 3, 1, 0)); SHOW(change(set, 0, -2, IPC_NOWAIT)); SHOW(change(set, 1, 32767, 0)); SHOW(change(set, 1, 0, IPC_NOWAIT));
  /* All operations or none. */
  struct sembuf both[2] = {{1, -1, 0}, {0, -9, IPC_NOWAIT}}; SHOW(semop(set, both, 2)); SHOW(semctl(set, 1, GETVAL)); both[1].sem_op = -1; SHOW(semop(set, both, 2)); SHOW(semctl(set, 1, GETVAL)); SHOW(semctl(set, 0, GETVAL));
  struct timespec soon = {0, 5000000}, wrong = {-1, 0}; struct sembuf take = {0, -1, 0}; SHOW(semtimedop(set, &take, 1, &soon)); SHOW(semtimedop(set, &take, 1, &wrong)); SHOW(semop(set, &take, 0));
  /* A waiter is counted, woken, and undone. */
  pid_t pid = fork(); if (pid == 0) { if (change(set, 0, -1, SEM_UNDO)) _exit(1); _exit(change(set, 2, -2, SEM_UNDO) ? 2 : 3); }
  while (semctl(set, 0, GETNCNT) != 1) usleep(1000); SHOW(semctl(set, 0, GETZCNT)); SHOW(change(set, 0, 1, 0)); waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status)); SHOW(semctl(set, 0, GETVAL)); SHOW(semctl(set, 2, GETVAL));
  pid = fork(); if (pid == 0) _exit(change(set, 2, 0, 0) ? 1 : 0);
  while (semctl(set, 2, GETZCNT) != 1) usleep(1000); arg.val = 0; SHOW(semctl(set, 2, SETVAL, arg)); waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status));
  /* A handler ends the wait, whatever SA_RESTART says; removal too. */
  struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART}; sigaction(SIGALRM, &sa, NULL);
  pid = fork(); if (pid == 0) { alarm(1); int r = change(set, 2, -1, 0); _exit(r == -1 && errno == EINTR ? 4 : 5); } waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status));
  pid = fork(); if (pid == 0) { int r = change(set, 2, -1, 0); _exit(r == -1 && errno == EIDRM ? 6 : 7); }
  while (semctl(set, 2, GETNCNT) != 1) usleep(1000); SHOW(semctl(set, 0, IPC_RMID)); waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status)); HOLDS(semctl(set, 0, GETVAL) == -1 && (errno == EINVAL || errno == EIDRM));
}
static void messages(void) {
  int status; struct msqid_ds ds;
  SHOW(msgget(KEY, 0)); int q = msgget(KEY, IPC_CREAT | 0600); HOLDS(q >= 0); HOLDS(msgget(KEY, 0) == q); SHOW(msgget(KEY, IPC_CREAT | IPC_EXCL));
  SHOW(send_text(q, 0, "x", 0)); SHOW(send_text(q, -1, "x", 0)); SHOW(msgsnd(q, &message, 100000, 0)); SHOW(msgsnd(-1, &message, 1, 0)); SHOW(receive(q, 64, 0, IPC_NOWAIT));
  SHOW(send_text(q, 3, "three", 0)); SHOW(send_text(q, 1, "one", 0)); SHOW(send_text(q, 2, "two", 0)); SHOW(send_text(q, 1, "one again", 0));
  SHOW(msgctl(q, IPC_STAT, &ds)); SHOW(ds.msg_qnum); SHOW(ds.__msg_cbytes); SHOW(ds.msg_qbytes); HOLDS(ds.msg_lspid == getpid()); SHOW(ds.msg_lrpid); SHOW(ds.msg_perm.mode);
  SHOW(receive(q, 2, 0, 0)); SHOW(receive(q, 2, 0, MSG_NOERROR)); puts(message.text); SHOW(receive(q, 64, 2, 0)); puts(message.text); SHOW(receive(q, 64, 1, MSG_EXCEPT | IPC_NOWAIT)); SHOW(receive(q, 64, -5, 0)); puts(message.text); SHOW(receive(q, 64, 9, IPC_NOWAIT)); SHOW(receive(q, 64, 0, 0)); puts(message.text); SHOW(message.type);
  /* Full: waits, and goes on when there is room. */
  ds.msg_qbytes = 10; SHOW(msgctl(q, IPC_SET, &ds)); SHOW(send_text(q, 1, "123456789", 0)); SHOW(send_text(q, 1, "x", IPC_NOWAIT));
  pid_t pid = fork(); if (pid == 0) _exit(send_text(q, 8, "late", 0) ? 1 : 2);
  usleep(20000); SHOW(receive(q, 64, 0, 0)); SHOW(receive(q, 64, 8, 0)); puts(message.text); waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status));
  /* A type is a long, each bit of it. */
  long far = 0x7facefed5adc0ded, least = 1L << 63, most = ~least; ds.msg_qbytes = 100; SHOW(msgctl(q, IPC_SET, &ds)); SHOW(send_text(q, far, "far", 0)); SHOW(send_text(q, far - 1, "nearer", 0)); SHOW(send_text(q, most, "most", 0)); SHOW(send_text(q, least, "x", 0));
  SHOW(receive(q, 64, far + 1, IPC_NOWAIT)); SHOW(receive(q, 64, -far + 2, IPC_NOWAIT)); SHOW(receive(q, 64, far, MSG_EXCEPT | IPC_NOWAIT)); puts(message.text); SHOW(receive(q, 64, -far, IPC_NOWAIT)); puts(message.text); SHOW(message.type == far); SHOW(receive(q, 64, -most + 1, IPC_NOWAIT)); SHOW(receive(q, 64, least, IPC_NOWAIT)); puts(message.text);
  pid = fork(); if (pid == 0) { long r = receive(q, 64, far, 0); _exit(r == 4 && message.type == far ? 5 : 6); }
  usleep(20000); SHOW(send_text(q, far + 1, "other", 0)); SHOW(send_text(q, far, "far", 0)); waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status)); SHOW(receive(q, 64, 0, IPC_NOWAIT)); puts(message.text);
  pid = fork(); if (pid == 0) { long r = receive(q, 64, 0, 0); _exit(r == -1 && errno == EIDRM ? 3 : 4); }
  usleep(20000); SHOW(msgctl(q, IPC_RMID, NULL)); waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status)); HOLDS(receive(q, 64, 0, IPC_NOWAIT) == -1 && (errno == EINVAL || errno == EIDRM));
}
static void memory(void) {
  int status; struct shmid_ds ds;
  SHOW(shmget(IPC_PRIVATE, 0, 0600)); SHOW(shmget(KEY, 10, 0)); int id = shmget(KEY, 6000, IPC_CREAT | 0600); HOLDS(id >= 0); SHOW(shmget(KEY, 6001, 0)); HOLDS(shmget(KEY, 0, 0) == id); SHOW(shmget(KEY, 10, IPC_CREAT | IPC_EXCL));
  char *at = shmat(id, NULL, 0), *again = shmat(id, NULL, SHM_RDONLY); HOLDS(at != (void *)-1 && again != (void *)-1 && at != again); strcpy(at + 5990, "shared"); puts(again + 5990); SHOW(at[8191]); SHOW((long)shmat(id, at, 0)); SHOW((long)shmat(id, (char *)1, 0)); SHOW((long)shmat(-1, NULL, 0));
  SHOW(shmctl(id, IPC_STAT, &ds)); SHOW(ds.shm_nattch); SHOW(ds.shm_segsz); HOLDS(ds.shm_cpid == getpid()); SHOW(ds.shm_perm.mode);
  pid_t pid = fork(); if (pid == 0) { shmctl(id, IPC_STAT, &ds); at[0] = ds.shm_nattch; SHOW(shmdt(at)); _exit(again[0]); } waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status)); SHOW(again[0]);
  pid = fork(); if (pid == 0) { again[0] = 1; _exit(0); } waitpid(pid, &status, 0); SHOW(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  SHOW(shmdt(at + 4096)); SHOW(shmdt(again)); SHOW(shmdt(again)); SHOW(shmctl(id, IPC_STAT, &ds)); SHOW(ds.shm_nattch); HOLDS(ds.shm_atime > 0 && ds.shm_dtime > 0);
  /* Removed: nobody finds it, who is attached keeps it, the last to leave destroys it. */
  SHOW(shmctl(id, IPC_RMID, NULL)); SHOW(shmget(KEY, 10, 0)); puts(at + 5990); SHOW(shmctl(id, IPC_STAT, &ds)); SHOW(ds.shm_perm.mode); SHOW(shmdt(at)); HOLDS(shmctl(id, IPC_STAT, &ds) == -1 && (errno == EINVAL || errno == EIDRM));
  id = shmget(IPC_PRIVATE, 4096, 0600); at = shmat(id, NULL, 0); HOLDS(mprotect(at, 4096, PROT_READ) == 0); SHOW(shmdt(at)); SHOW(shmctl(id, IPC_RMID, NULL)); SHOW(shmctl(id, IPC_RMID, NULL));
}
int main(void) { semaphores(); messages(); memory(); return 0; }
