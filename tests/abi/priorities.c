/* sched_ calls, nice values and resource limits: ranges, errors, rights. */
#include "abi.h"
#ifndef MFD_EXEC
#define MFD_NOEXEC_SEAL 8
#define MFD_EXEC 16
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 16
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#include <sched.h>
#include <sys/resource.h>
struct sa{unsigned size,policy;unsigned long flags;int nice;unsigned prio;unsigned long rt,dl,pe;unsigned umin,umax;};
static long set(struct sa*a,unsigned fl){return syscall(SYS_sched_setattr,0,a,fl);}
int main(void){
  struct sched_param p={0}; struct timespec ts; cpu_set_t c; struct sa a;
  SHOW(sched_getscheduler(0)); SHOW(sched_getscheduler(-1)); SHOW(sched_getscheduler(999999)); SHOW(sched_setscheduler(0,SCHED_FIFO,&p)); p.sched_priority=1; SHOW(sched_setscheduler(0,SCHED_OTHER,&p)); SHOW(sched_setscheduler(0,SCHED_FIFO,&p)); SHOW(sched_getparam(0,&p)); SHOW(p.sched_priority); SHOW(sched_rr_get_interval(0,&ts)); SHOW(ts.tv_nsec); SHOW(sched_setscheduler(0,SCHED_RR|SCHED_RESET_ON_FORK,&p)); SHOW(sched_getscheduler(0)); SHOW(sched_rr_get_interval(0,&ts)); SHOW(ts.tv_nsec); int k=fork(); if(!k){SHOW(sched_getscheduler(0)); SHOW(getpriority(0,0)); _exit(0);} waitpid(k,0,0); p.sched_priority=100; SHOW(sched_setparam(0,&p)); p.sched_priority=99; SHOW(sched_setparam(0,&p)); SHOW(sched_setparam(0,NULL)); p.sched_priority=0; SHOW(sched_setscheduler(0,SCHED_BATCH,&p)); SHOW(sched_setscheduler(0,SCHED_IDLE,&p)); SHOW(sched_setscheduler(0,SCHED_OTHER,&p)); SHOW(sched_setscheduler(0,7,&p)); SHOW(sched_setscheduler(0,SCHED_DEADLINE,&p)); SHOW(sched_setscheduler(0,-1,&p)); for(int i=0;i<8;i++){SHOW(sched_get_priority_max(i));SHOW(sched_get_priority_min(i));}
  memset(&a,0,sizeof a); SHOW(syscall(SYS_sched_getattr,0,&a,48,0)); SHOW(a.size); SHOW(a.policy); SHOW(syscall(SYS_sched_getattr,0,&a,47,0)); memset(&a,0xff,sizeof a); SHOW(syscall(SYS_sched_getattr,0,&a,56,0)); SHOW(a.size); SHOW(a.umin); SHOW(syscall(SYS_sched_getattr,0,&a,56,1)); SHOW(syscall(SYS_sched_getattr,-1,&a,56,0)); memset(&a,0,sizeof a); a.size=48; a.nice=5; SHOW(set(&a,0)); SHOW(getpriority(0,0)); a.nice=40; SHOW(set(&a,0)); SHOW(getpriority(0,0)); a.nice=0; SHOW(set(&a,1)); a.size=10; SHOW(set(&a,0)); SHOW(a.size); a.size=5000; SHOW(set(&a,0)); a.size=0; SHOW(set(&a,0)); a.size=48; a.policy=6; a.rt=1000000;a.dl=2000000;a.pe=3000000; SHOW(set(&a,0)); SHOW(sched_getscheduler(0)); memset(&a,0,sizeof a); SHOW(syscall(SYS_sched_getattr,0,&a,56,0)); SHOW(a.rt); SHOW(a.dl); SHOW(a.pe); k=fork(); SHOW(k); a.rt=100; SHOW(set(&a,0)); a.rt=3000000; SHOW(set(&a,0)); a.rt=1000000; a.pe=1000000; SHOW(set(&a,0)); memset(&a,0,sizeof a); a.size=48; a.flags=0x80; SHOW(set(&a,0)); a.flags=8; SHOW(set(&a,0)); SHOW(sched_getscheduler(0)); a.flags=0; a.policy=0; SHOW(set(&a,0)); a.policy=1; SHOW(set(&a,0)); a.prio=5; a.flags=1; SHOW(set(&a,0)); SHOW(sched_getscheduler(0)); a.policy=0;a.prio=0;a.flags=0; set(&a,0);
  SHOW(sched_getaffinity(0,4,(void*)&c)); SHOW(syscall(SYS_sched_getaffinity,0,7,&c)); SHOW(syscall(SYS_sched_getaffinity,0,0,&c)); SHOW(syscall(SYS_sched_getaffinity,999999,128,&c)); CPU_ZERO(&c); SHOW(sched_setaffinity(0,sizeof c,&c)); CPU_SET(1000,&c); SHOW(sched_setaffinity(0,sizeof c,&c)); CPU_SET(0,&c); SHOW(sched_setaffinity(0,sizeof c,&c)); CPU_ZERO(&c); sched_getaffinity(0,sizeof c,&c); SHOW(CPU_COUNT(&c)); SHOW(sched_getcpu()); SHOW(sched_setaffinity(999999,sizeof c,&c)); SHOW(sched_setaffinity(0,8,(void*)8));
  SHOW(setpriority(0,0,-30)); SHOW(getpriority(0,0)); SHOW(setpriority(0,0,50)); SHOW(getpriority(0,0)); SHOW(setpriority(3,0,0)); SHOW(getpriority(0,999999)); SHOW(getpriority(PRIO_USER,54321)); SHOW(setpriority(PRIO_USER,54321,0)); SHOW(nice(0)); 
  struct rlimit r; SHOW(getrlimit(99,&r)); SHOW(setrlimit(99,&r)); r.rlim_cur=10;r.rlim_max=5; SHOW(setrlimit(RLIMIT_CORE,&r)); SHOW(prlimit(0,RLIMIT_CORE,&r,0)); r.rlim_cur=5; SHOW(prlimit(0,RLIMIT_CORE,&r,0)); struct rlimit o; r.rlim_cur=r.rlim_max=3; SHOW(prlimit(0,RLIMIT_CORE,&r,&o)); SHOW(o.rlim_cur); SHOW(prlimit(999999,0,0,&o)); SHOW(prlimit(0,0,(void*)8,0)); SHOW(prlimit(0,0,0,(void*)8)); SHOW(prlimit(0,0,0,0)); k=fork(); if(!k){setresuid(1000,1000,1000); SHOW(prlimit(getppid(),RLIMIT_CORE,0,&o)); r.rlim_cur=2; r.rlim_max=3; SHOW(setrlimit(RLIMIT_CORE,&r)); r.rlim_max=4; SHOW(setrlimit(RLIMIT_CORE,&r)); SHOW(setpriority(0,0,-1)); SHOW(nice(1)); SHOW(setpriority(0,getppid(),0)); p.sched_priority=1; SHOW(sched_setscheduler(0,SCHED_FIFO,&p)); p.sched_priority=0; SHOW(sched_setscheduler(getppid(),SCHED_OTHER,&p)); SHOW(sched_setscheduler(0,SCHED_IDLE,&p)); SHOW(sched_setscheduler(0,SCHED_OTHER,&p)); CPU_ZERO(&c);CPU_SET(0,&c); SHOW(sched_setaffinity(getppid(),sizeof c,&c)); _exit(0);} waitpid(k,0,0);
  r.rlim_cur=3; r.rlim_max=100; prlimit(0,RLIMIT_NOFILE,&r,0); SHOW(dup(0)); SHOW(open("/",0)); int pp[2]; SHOW(pipe(pp)); SHOW(dup2(0,3)); SHOW(dup2(0,2)); SHOW(fcntl(0,F_DUPFD,3)); SHOW(fcntl(0,F_DUPFD,2)); SHOW(memfd_create("x",0)); r.rlim_cur=20; prlimit(0,RLIMIT_NOFILE,&r,0); r.rlim_cur=r.rlim_max=100; signal(SIGXFSZ,SIG_IGN); setrlimit(RLIMIT_FSIZE,&r); int f=open("/tmp/fsz",O_CREAT|O_RDWR,0600); char b[200]; SHOW(write(f,b,150)); SHOW(write(f,b,1)); SHOW(ftruncate(f,101)); SHOW(pwrite(f,b,10,95)); SHOW(fallocate(f,0,0,101)); unlink("/tmp/fsz"); r.rlim_cur=r.rlim_max=1<<20; SHOW(setrlimit(RLIMIT_AS,&r)); SHOW(mmap(0,1<<24,3,MAP_PRIVATE|MAP_ANONYMOUS,-1,0)==MAP_FAILED); SHOW(errno); 
}
