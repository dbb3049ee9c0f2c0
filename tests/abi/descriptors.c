/* What /proc/self/fdinfo, /proc/self/fd and fstat(2) tell of each kind of description. */
#include "abi.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/signalfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/file.h>
#include <mqueue.h>
static void info(const char*n,int fd){ char b[512]; printf("-- %s\n",n); sprintf(b,"/proc/self/fdinfo/%d",fd); FILE*x=fopen(b,"r"); if(!x){puts("none");return;} while(fgets(b,512,x)) if(strncmp(b,"ino",3)&&strncmp(b,"mnt",3)&&!strstr(b,"eventfd-id")&&strncmp(b,"it_value",8)&&strncmp(b,"lock",4)&&strncmp(b,"scm_fds",7)) { char*p=strstr(b," pos:"); if(p) strcpy(p," ...\n"); if((p=strstr(b," ino:"))) strcpy(p," ...\n"); printf("%s",b);} fclose(x); sprintf(b,"/proc/self/fd/%d",fd); char l[128]; int r=readlink(b,l,127); l[r]=0; for(char*q=l,*w=l;;q++) if(*q<'0'||*q>'9'){*w++=*q; if(!*q)break;} struct stat st; fstat(fd,&st); printf("%s %o rdev %lx\n",l,st.st_mode,(long)st.st_rdev); fflush(stdout);}
int main(void){
  int e=eventfd(17,EFD_SEMAPHORE); info("eventfd sem",e); info("eventfd",eventfd(0x1234,EFD_NONBLOCK|EFD_CLOEXEC)); int t=timerfd_create(CLOCK_MONOTONIC,0); info("timerfd",t); struct itimerspec i={{3,500},{100,0}}; timerfd_settime(t,0,&i,0); info("timerfd set",t); int tr=timerfd_create(CLOCK_REALTIME,TFD_NONBLOCK); i.it_value.tv_sec=2000000000; timerfd_settime(tr,3,&i,0); info("timerfd real",tr);
  sigset_t m; sigemptyset(&m); sigaddset(&m,SIGUSR1); sigaddset(&m,SIGRTMIN+1); info("signalfd",signalfd(-1,&m,SFD_CLOEXEC)); int ep=epoll_create1(0); struct epoll_event v={EPOLLIN|EPOLLET,{.u64=0x123456789abcull}}; epoll_ctl(ep,EPOLL_CTL_ADD,e,&v); info("epoll",ep); int in=inotify_init(); info("inotify",in); int p[2]; pipe(p); info("pipe r",p[0]); info("pipe w",p[1]); socketpair(1,1,0,p); info("socket",p[0]); int me=syscall(SYS_pidfd_open,1,0); info("pidfd",syscall(SYS_pidfd_open,getpid(),0)*0+me); info("memfd",memfd_create("x y",0)); info("null",open("/dev/null",O_RDWR|O_APPEND)); int f=open("/tmp",O_RDONLY|O_DIRECTORY|O_CLOEXEC); info("dir",f); info("path",open("/tmp",O_PATH)); f=open("/tmp/fdi",O_CREAT|O_RDWR|O_SYNC,0644); lseek(f,77,0); info("file",f); unlink("/tmp/fdi"); info("gone",f); f=open("/tmp",O_TMPFILE|O_RDWR,0600); info("tmpfile",f); info("mqueue", mq_open("/abiq",O_CREAT|O_RDWR|O_NONBLOCK,0600,NULL)); mq_unlink("/abiq"); info("ns",open("/proc/self/ns/uts",O_RDONLY)); 
}
