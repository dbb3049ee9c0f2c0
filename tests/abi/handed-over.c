#include "abi.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

/* Who waits gets what it waits for when it comes: nobody is before it, and nothing takes it back, before it runs. */
union semun { int val; struct semid_ds *buf; unsigned short *array; };
static int value(int set, int index) { return semctl(set, index, GETVAL); }
static int change(int set, int index, int by, int flags) { struct sembuf op = {index, by, flags}; return semop(set, &op, 1); }
static void handler(int s) { (void)s; }
static void slept(void) { usleep(60000); }
static int status;
static int end_of(pid_t child) { waitpid(child, &status, 0); return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }
/* 0 when the call succeeded, its errno otherwise. */
#define CHILD(call) ({ fflush(stdout); pid_t made_ = fork(); if (made_ == 0) _exit((call) == -1 ? errno : 0); made_; })
static pid_t waits(int set, int index, int by, int flags) {
  pid_t child = CHILD(change(set, index, by, flags)); slept(); return child;
}
static int new_set(int first) { int set = semget(IPC_PRIVATE, 3, 0600); union semun v = {first}; semctl(set, 0, SETVAL, v); return set; }

static void semaphores(void) {
  puts("-- semaphores");
  int set = new_set(1); pid_t child = waits(set, 0, 0, 0), other;
  SHOW(change(set, 0, -1, 0)); SHOW(semctl(set, 0, IPC_RMID)); SHOW(end_of(child));
  set = new_set(1); child = waits(set, 0, 0, 0); SHOW(change(set, 0, -1, 0)); SHOW(change(set, 0, 1, 0)); SHOW(semctl(set, 0, GETZCNT)); SHOW(end_of(child));
  union semun zero = {0}, two = {2}; semctl(set, 0, SETVAL, zero);
  child = waits(set, 0, -1, 0); SHOW(change(set, 0, 1, 0)); SHOW(value(set, 0)); HOLDS(semctl(set, 0, GETPID) == child); SHOW(change(set, 0, -1, IPC_NOWAIT)); SHOW(end_of(child));
  /* In their order, and past those for whom it is not enough. */
  child = waits(set, 0, -2, 0); other = waits(set, 0, -1, 0); SHOW(change(set, 0, 1, 0)); SHOW(semctl(set, 0, GETNCNT)); SHOW(end_of(other)); SHOW(change(set, 0, 2, 0)); SHOW(value(set, 0)); SHOW(end_of(child));
  /* What one does lets the next go on. */
  struct sembuf pass[2] = {{0, -1, 0}, {1, 1, 0}}; other = waits(set, 1, -1, 0); child = CHILD(semop(set, pass, 2)); slept();
  SHOW(change(set, 0, 1, 0)); SHOW(value(set, 0)); SHOW(value(set, 1)); HOLDS(semctl(set, 1, GETPID) == other); SHOW(end_of(child)); SHOW(end_of(other));
  child = waits(set, 0, -2, 0); SHOW(semctl(set, 0, SETVAL, two)); SHOW(value(set, 0)); SHOW(end_of(child));
  unsigned short values[3] = {0, 0, 1}; union semun all = {.array = values}; child = waits(set, 2, -1, 0); SHOW(semctl(set, 0, SETALL, all)); SHOW(value(set, 2)); SHOW(end_of(child));
  child = waits(set, 0, -1, SEM_UNDO); SHOW(change(set, 0, 1, 0)); SHOW(end_of(child)); SHOW(value(set, 0)); semctl(set, 0, SETVAL, zero);
  /* What an end undoes is handed over, too. */
  int told[2]; pipe(told); fflush(stdout); other = fork(); if (other == 0) { change(set, 1, 1, 0); struct sembuf o[2] = {{0, 1, 0}, {0, -1, SEM_UNDO}}; semop(set, o, 2); char c; read(told[0], &c, 1); _exit(0); }
  slept(); child = waits(set, 0, -1, 0); write(told[1], "x", 1); SHOW(end_of(other)); SHOW(value(set, 0)); SHOW(end_of(child));
  /* A signal that comes afterwards does not take it away; one that came before does not have it. */
  child = waits(set, 0, -1, 0); SHOW(change(set, 0, 1, 0)); SHOW(kill(child, SIGUSR1)); SHOW(end_of(child)); SHOW(value(set, 0));
  child = waits(set, 0, -1, 0); SHOW(kill(child, SIGUSR1)); SHOW(end_of(child) == EINTR); SHOW(change(set, 0, 1, 0)); SHOW(value(set, 0)); semctl(set, 0, SETVAL, zero);
  child = waits(set, 0, -1, 0); SHOW(kill(child, SIGKILL)); SHOW(end_of(child)); SHOW(change(set, 0, 1, 0)); SHOW(value(set, 0));
  SHOW(semctl(set, 0, IPC_RMID));
}

static struct { long type; char text[64]; } message;
static int send_text(int q, long type, const char *text) { message.type = type; strcpy(message.text, text); return msgsnd(q, &message, strlen(text) + 1, IPC_NOWAIT); }
static pid_t receives(int q, size_t size, long type, int flags) { pid_t child = CHILD(msgrcv(q, &message, size, type, flags)); slept(); return child; }
static int queued(int q) { struct msqid_ds ds; msgctl(q, IPC_STAT, &ds); return ds.msg_qnum; }
static int last_receiver(int q) { struct msqid_ds ds; msgctl(q, IPC_STAT, &ds); return ds.msg_lrpid; }

static void messages(void) {
  puts("-- messages");
  int q = msgget(IPC_PRIVATE, 0600); pid_t child = receives(q, 64, 0, 0), other;
  SHOW(send_text(q, 1, "one")); SHOW(msgctl(q, IPC_RMID, 0)); SHOW(end_of(child));
  q = msgget(IPC_PRIVATE, 0600); child = receives(q, 64, 0, 0); SHOW(send_text(q, 1, "one")); SHOW(queued(q)); HOLDS(last_receiver(q) == child); SHOW(msgrcv(q, &message, 64, 0, IPC_NOWAIT)); SHOW(end_of(child));
  child = receives(q, 64, 5, 0); other = receives(q, 64, -4, 0); SHOW(send_text(q, 3, "three")); SHOW(queued(q)); SHOW(end_of(other)); SHOW(send_text(q, 5, "five")); SHOW(end_of(child));
  /* One for whom it is too long is told so, and the next gets it. */
  child = receives(q, 2, 0, 0); other = receives(q, 2, 0, MSG_NOERROR); SHOW(send_text(q, 1, "long")); SHOW(queued(q)); SHOW(end_of(child) == E2BIG); SHOW(end_of(other));
  child = receives(q, 2, 0, 0); SHOW(send_text(q, 1, "long")); SHOW(queued(q)); SHOW(end_of(child) == E2BIG); SHOW(msgrcv(q, &message, 64, 0, IPC_NOWAIT));
  child = receives(q, 64, 0, 0); SHOW(send_text(q, 1, "one")); SHOW(kill(child, SIGUSR1)); SHOW(end_of(child)); SHOW(queued(q));
  /* What can't be written is gone. */
  SHOW(send_text(q, 1, "lost")); SHOW(msgrcv(q, (void *)8, 64, 0, 0)); SHOW(queued(q));
  SHOW(msgctl(q, IPC_RMID, 0));
}

static int current(mqd_t q) { struct mq_attr a; mq_getattr(q, &a); return a.mq_curmsgs; }
static char text[64];
static void posix_messages(void) {
  puts("-- POSIX messages");
  struct mq_attr shape = {.mq_maxmsg = 2, .mq_msgsize = 64}; char name[32]; sprintf(name, "/handed-%d", getpid());
  mqd_t q = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &shape), hasty = mq_open(name, O_RDWR | O_NONBLOCK); mq_unlink(name);
  pid_t child = CHILD(mq_receive(q, text, 64, 0)); slept(); SHOW(mq_send(hasty, "one", 4, 0)); SHOW(current(q)); SHOW(mq_receive(hasty, text, 64, 0)); SHOW(end_of(child));
  child = CHILD(mq_receive(q, text, 64, 0)); slept(); SHOW(mq_send(hasty, "one", 4, 0)); SHOW(kill(child, SIGUSR1)); SHOW(end_of(child)); SHOW(current(q));
  /* Room is for who waits to send. */
  SHOW(mq_send(q, "a", 2, 0)); SHOW(mq_send(q, "b", 2, 0)); child = CHILD(mq_send(q, "c", 2, 9)); slept();
  SHOW(mq_receive(hasty, text, 64, 0)); puts(text); SHOW(current(q)); SHOW(mq_send(hasty, "d", 2, 0)); SHOW(mq_receive(hasty, text, 64, 0)); puts(text); SHOW(end_of(child)); SHOW(current(q));
  SHOW(mq_send(q, "e", 2, 0)); child = CHILD(mq_send(q, "f", 2, 9)); slept(); SHOW(mq_receive(hasty, text, 64, 0)); SHOW(kill(child, SIGUSR1)); SHOW(end_of(child)); SHOW(current(q));
}

int main(void) {
  /* Handlers end waits: no SA_RESTART. */
  struct sigaction sa = {.sa_handler = handler}; sigaction(SIGUSR1, &sa, NULL); setvbuf(stdout, 0, _IOLBF, 0);
  semaphores(); messages(); posix_messages();
  return 0;
}
