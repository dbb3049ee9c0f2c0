/* pidfd_open(2), pidfd_getfd(2), pidfd_send_signal(2) and waitid by a pidfd: what each refuses, before and after the end. */
#include "abi.h"
#include <poll.h>
#include <sys/prctl.h>
#define PG(f,t,fl) syscall(SYS_pidfd_getfd,f,t,fl)
int main(void){
  int me=syscall(SYS_pidfd_open,getpid(),0); HOLDS(me>=0); SHOW(fcntl(me,F_GETFD)); printf("%x\n",fcntl(me,F_GETFL)); SHOW(syscall(SYS_pidfd_open,0,0)); SHOW(syscall(SYS_pidfd_open,-1,0)); SHOW(syscall(SYS_pidfd_open,getpid(),1)); SHOW(syscall(SYS_pidfd_open,999999,0));
  int p[2]; pipe(p); int g=PG(me,p[0],0); HOLDS(g>=0); SHOW(fcntl(g,F_GETFD)); SHOW(PG(me,999,0)); SHOW(PG(me,0,1)); SHOW(PG(0,0,0)); SHOW(PG(999,0,0)); SHOW(PG(me,-1,0)); write(p[1],"a",1); char c; SHOW(read(g,&c,1)); SHOW(syscall(SYS_kcmp,getpid(),getpid(),0,g,p[0]));
  int pid=fork(); if(!pid){ char z; close(p[1]); read(p[0],&z,1); _exit(7);} int k=syscall(SYS_pidfd_open,pid,0x800); printf("%x\n",fcntl(k,F_GETFL)); struct pollfd q={k,POLLIN|POLLOUT,0}; SHOW(poll(&q,1,0)); siginfo_t i; memset(&i,0,sizeof i); SHOW(waitid(P_PIDFD,k,&i,WEXITED)); SHOW(waitid(P_PIDFD,k,&i,WEXITED|WNOHANG)); SHOW(waitid(P_PIDFD,me,&i,WEXITED)); SHOW(waitid(P_PIDFD,p[0],&i,WEXITED)); SHOW(waitid(P_PIDFD,999,&i,WEXITED)); SHOW(waitid(P_PIDFD,-1,&i,WEXITED));
  SHOW(read(k,&c,1)); SHOW(write(k,&c,1)); SHOW(lseek(k,0,0)); SHOW(mmap(0,4096,1,1,k,0)==MAP_FAILED); int og=PG(k,0,0); HOLDS(og>=0); SHOW(syscall(SYS_pidfd_send_signal,k,0,0,0)); SHOW(syscall(SYS_pidfd_send_signal,k,65,0,0)); SHOW(syscall(SYS_pidfd_send_signal,k,0,0,8)); memset(&i,0,sizeof i); i.si_signo=SIGUSR1; i.si_code=SI_USER; SHOW(syscall(SYS_pidfd_send_signal,k,SIGUSR1,&i,0)); i.si_signo=SIGUSR2; SHOW(syscall(SYS_pidfd_send_signal,k,SIGUSR1,&i,0)); SHOW(syscall(SYS_pidfd_send_signal,p[0],0,0,0));
  close(p[1]); SHOW(poll(&q,1,2000)); SHOW(q.revents); SHOW(PG(k,0,0)); SHOW(syscall(SYS_pidfd_send_signal,k,0,0,0)); memset(&i,0,sizeof i); SHOW(waitid(P_PIDFD,k,&i,WEXITED|WNOWAIT)); SHOW(i.si_status); SHOW(waitid(P_PIDFD,k,&i,WEXITED)); SHOW(waitid(P_PIDFD,k,&i,WEXITED)); SHOW(poll(&q,1,0)); printf("%x\n",q.revents); SHOW(syscall(SYS_pidfd_send_signal,k,0,0,0)); SHOW(PG(k,0,0)); SHOW(syscall(SYS_pidfd_open,pid,0));
  char b[256]; sprintf(b,"/proc/self/fdinfo/%d",k); FILE*x=fopen(b,"r"); while(fgets(b,256,x)) if(!strncmp(b,"Pid",3)||!strncmp(b,"NSpid",5)) printf("%s",b); fclose(x); sprintf(b,"/proc/self/fd/%d",k); char l[64]; int n=readlink(b,l,63); l[n]=0; puts(l);
  /* restricted getfd */
  pid=fork(); if(!pid){ prctl(PR_SET_DUMPABLE,0); pause(); } k=syscall(SYS_pidfd_open,pid,0); usleep(20000); int z=fork(); if(!z){ setresuid(1000,1000,1000); SHOW(PG(k,0,0)); SHOW(syscall(SYS_pidfd_send_signal,k,0,0,0)); _exit(0);} waitpid(z,0,0); kill(pid,9); waitpid(pid,0,0);
  struct stat st; fstat(me,&st); printf("%o\n",st.st_mode); struct stat s2; int m2=syscall(SYS_pidfd_open,getpid(),0); fstat(m2,&s2); HOLDS(st.st_ino==s2.st_ino);
}
