/* Makes and ends a thousand processes, threads, mappings and files; says when it has begun and when it is done. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
static void *thread(void *arg) { return arg; }
static void once(char *self) {
  pid_t pid = fork();
  if (pid == 0) { char *argv[] = {self, "child", NULL}; execv("/program", argv); _exit(1); }
  int status; waitpid(pid, &status, 0);
  pthread_t t; pthread_create(&t, NULL, thread, NULL); pthread_join(t, NULL);
  char *p = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); memset(p, 1, 1 << 16); munmap(p, 1 << 16);
  int fd = open("/tmp/file", O_CREAT | O_RDWR, 0600); p = "0123456789"; if (write(fd, p, 10) != 10) _exit(2); p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); p[1] = 2; close(fd); unlink("/tmp/file"); munmap(p, 4096);
  int pipes[2]; if (pipe(pipes)) _exit(3); close(pipes[0]); close(pipes[1]);
}
int main(int argc, char **argv) {
  if (argc > 1) return 0;
  for (int i = 0; i < 20; i++) once(argv[0]);
  if (write(1, "A", 1) != 1) return 1;
  for (int i = 0; i < 1000; i++) once(argv[0]);
  if (write(1, "B", 1) != 1) return 1;
  return 0;
}
