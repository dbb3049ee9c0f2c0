/* signalfd(2): whose signals are read, across fork, and with what. */
#include "abi.h"
#include <sys/signalfd.h>
#include <poll.h>
#include <sys/epoll.h>
static void show(struct signalfd_siginfo*s){printf("signo %d code %d status %d int %d utime %d overrun %d tid %d band %d fd %d trapno %d\n",s->ssi_signo,s->ssi_code,s->ssi_status,s->ssi_int,0,s->ssi_overrun,s->ssi_tid,s->ssi_band,s->ssi_fd,s->ssi_trapno);fflush(stdout);}
int main(void){
  sigset_t m; sigemptyset(&m); sigaddset(&m,SIGUSR1); sigaddset(&m,SIGCHLD); sigaddset(&m,SIGRTMIN); sigaddset(&m,SIGKILL); sigaddset(&m,SIGSEGV); sigprocmask(SIG_BLOCK,&m,0);
  SHOW(signalfd(-1,&m,8)); SHOW(syscall(SYS_signalfd4,-1,&m,4,0)); SHOW(signalfd(0,&m,0)); SHOW(signalfd(99,&m,0)); SHOW(syscall(SYS_signalfd4,-1,8,8,0));
  int f=signalfd(-1,&m,SFD_NONBLOCK|SFD_CLOEXEC); struct signalfd_siginfo s[4]; SHOW(read(f,s,sizeof s)); SHOW(read(f,s,100)); SHOW(write(f,s,128)); SHOW(lseek(f,0,0));
  struct pollfd p={f,POLLIN|POLLOUT,0}; SHOW(poll(&p,1,0)); kill(getpid(),SIGUSR1); kill(getpid(),SIGUSR1); SHOW(poll(&p,1,0)); SHOW(p.revents);
  union sigval v={.sival_int=7}; sigqueue(getpid(),SIGRTMIN,v); v.sival_int=8; sigqueue(getpid(),SIGRTMIN,v); raise(SIGUSR1);
  SHOW(read(f,s,sizeof s)); show(s); show(s+1); show(s+2); show(s+3); SHOW(read(f,s,sizeof s));
  /* child reads its own signals with parent's fd */
  int pid=fork(); if(!pid){ kill(getppid(),SIGUSR1); SHOW(read(f,s,sizeof s)); SHOW(poll(&p,1,0)); raise(SIGUSR1); SHOW(poll(&p,1,0)); SHOW(read(f,s,sizeof s)); show(s); HOLDS(s[0].ssi_pid==getpid()); _exit(5);} waitpid(pid,0,0); SHOW(read(f,s,sizeof s)); show(s); show(s+1); HOLDS(s[0].ssi_pid==pid); HOLDS(s[0].ssi_uid==getuid());
  sigemptyset(&m); sigaddset(&m,SIGUSR2); SHOW(signalfd(f,&m,0)==f); SHOW(fcntl(f,F_GETFL)); raise(SIGUSR1); SHOW(poll(&p,1,0)); sigset_t u; sigemptyset(&u); sigaddset(&u,SIGUSR2); sigprocmask(SIG_BLOCK,&u,0); raise(SIGUSR2); SHOW(poll(&p,1,0)); SHOW(read(f,s,sizeof s)); show(s);
  sigemptyset(&m); sigaddset(&m,SIGALRM); sigprocmask(SIG_BLOCK,&m,0); signalfd(f,&m,0); timer_t t; struct sigevent e={0}; e.sigev_notify=SIGEV_SIGNAL; e.sigev_signo=SIGALRM; e.sigev_value.sival_int=42; timer_create(CLOCK_MONOTONIC,&e,&t); struct itimerspec i={{0,0},{0,1000000}}; timer_settime(t,0,&i,0); SHOW(poll(&p,1,2000)); SHOW(read(f,s,sizeof s)); s[0].ssi_tid=0; show(s);
  char b[256]; sprintf(b,"/proc/self/fdinfo/%d",f); FILE*x=fopen(b,"r"); while(fgets(b,256,x)) if(!strncmp(b,"sigmask",7)) printf("%s",b); fclose(x);
  int ep=epoll_create1(0); struct epoll_event ev={EPOLLIN}; SHOW(epoll_ctl(ep,EPOLL_CTL_ADD,f,&ev)); raise(SIGALRM); SHOW(epoll_wait(ep,&ev,1,0)); pid=fork(); if(!pid){ SHOW(epoll_wait(ep,&ev,1,0)); _exit(0);} waitpid(pid,0,0); 
}
