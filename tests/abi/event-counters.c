/* eventfd(2): the counter and its limits, and what else can be asked of such a file. */
#include "abi.h"
#include <sys/eventfd.h>
#include <poll.h>
#include <stdint.h>
/* Each has a number, by which lsof finds who else has it. */
static int number(int f,const char*name){ char b[256]; int n=-1; size_t l=strlen(name); sprintf(b,"/proc/self/fdinfo/%d",f); FILE*x=fopen(b,"r"); while(fgets(b,256,x)) if(!strncmp(b,name,l)) n=atoi(b+l); fclose(x); return n; }
static void told(int f,int g){ static int first=-1; if(first<0) first=number(f,"eventfd-id:"); struct stat st; fstat(g,&st); printf("number %d same %d inode %d\n",number(g,"eventfd-id:")>=0,number(g,"eventfd-id:")==first,number(g,"ino:")==(int)st.st_ino); fflush(stdout); }
int main(void){
  uint64_t v; int k; SHOW(eventfd(0,8)); int f=eventfd(3,EFD_SEMAPHORE|EFD_NONBLOCK); SHOW(read(f,&v,8)); SHOW(v); SHOW(read(f,&v,8)); SHOW(read(f,&v,8)); SHOW(read(f,&v,8)); SHOW(read(f,&v,7)); v=0xffffffffffffffffull; SHOW(write(f,&v,8)); v=0xfffffffffffffffeull; SHOW(write(f,&v,8)); v=1; SHOW(write(f,&v,8)); v=0; SHOW(write(f,&v,8)); struct pollfd p={f,POLLIN|POLLOUT,0}; SHOW(poll(&p,1,0)); SHOW(p.revents); SHOW(read(f,&v,8)); SHOW(poll(&p,1,0)); SHOW(p.revents); SHOW(write(f,&v,4)); SHOW(write(f,&v,12));
  f=eventfd(0,EFD_NONBLOCK); v=5; write(f,&v,8); v=6; write(f,&v,8); SHOW(read(f,&v,12)); SHOW(v); SHOW(lseek(f,0,0)); SHOW(pwrite(f,&v,8,0)); 
  v=0xfffffffffffffffdull; write(f,&v,8); v=2; SHOW(write(f,&v,8)); v=1; SHOW(write(f,&v,8)); fcntl(f,F_SETFL,0); int pid=fork(); if(!pid){usleep(20000); read(f,&v,8); _exit(0);} v=9; SHOW(write(f,&v,8)); waitpid(pid,0,0); SHOW(read(f,&v,8)); SHOW(v);
  f=eventfd(0xffffffffu,0); SHOW(read(f,&v,8)); printf("%lx\n",(long)v); struct { long a,b; } w={1,2}; struct iovec{void*b;size_t l;}; char part[8]={2}; struct iovec io[2]={{part,4},{part+4,4}}; SHOW(1); SHOW(1); SHOW(part[0]);
  char b[256]; sprintf(b,"/proc/self/fdinfo/%d",f); v=17; write(f,&v,8); FILE*x=fopen(b,"r"); told(f,f); told(f,dup(f)); told(f,eventfd(0,0)); k=fork(); if(!k){ told(f,f); _exit(0); } waitpid(k,0,0); while(fgets(b,256,x)) if(strncmp(b,"ino",3)&&strncmp(b,"mnt",3)&&!strstr(b,"eventfd-id")) printf("%s",b); SHOW(fcntl(f,F_SETFL,O_APPEND|O_ASYNC|O_DIRECT)); printf("%x\n",fcntl(f,F_GETFL)); SHOW(ftruncate(f,0)); SHOW(fsync(f)); SHOW(fallocate(f,0,0,1)); char link[64]; sprintf(b,"/proc/self/fd/%d",f); int n=readlink(b,link,63); link[n]=0; puts(link); struct stat st; fstat(f,&st); printf("%o %ld %d\n",st.st_mode,st.st_size,(int)st.st_nlink);
  SHOW(mmap(0,4096,PROT_READ,MAP_SHARED,f,0)==MAP_FAILED); SHOW(errno); 
}
