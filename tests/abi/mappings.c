/* mincore, madvise, mremap, mmap, mprotect and mlock: arguments, holes and corners. */
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
#define P 4096
static char *M(int n,int prot,int fl){return mmap(0,n*P,prot,fl|MAP_PRIVATE|MAP_ANONYMOUS,-1,0);}
static void core(char*a,int n){unsigned char v[64];memset(v,9,64);errno=0;int r=mincore(a,n*P,v);printf("mincore %d %s",r,name_of(errno));for(int i=0;i<n&&i<16;i++)printf(" %d",v[i]);puts("");fflush(stdout);}
int main(void){
  char*a=M(8,3,0); core(a,8); a[0]=1;a[3*P]=1; core(a,8); SHOW(mincore(a+1,P,(void*)a)); SHOW(mincore(a,P,(void*)8)); SHOW(mincore(a,0,(void*)8)); SHOW(madvise(a,P,MADV_DONTNEED)); SHOW(a[0]); core(a,4); SHOW(madvise(a+1,P,MADV_DONTNEED)); SHOW(madvise(a,P,999)); SHOW(madvise(a,-1,MADV_NORMAL)); SHOW(madvise(a,0,MADV_DONTNEED)); SHOW(madvise(a,0,999)); munmap(a+2*P,P); SHOW(madvise(a,4*P,MADV_DONTNEED)); SHOW(a[3*P]); SHOW(madvise(a,4*P,MADV_WILLNEED)); SHOW(madvise(a,4*P,MADV_NORMAL)); SHOW(mprotect(a,4*P,1)); SHOW(msync(a,4*P,MS_ASYNC)); SHOW(msync(a,P,MS_ASYNC|MS_SYNC)); SHOW(msync(a,P,8)); SHOW(msync(a+1,P,MS_SYNC)); SHOW(msync(a,0,MS_SYNC)); SHOW(mlock(a,4*P)); SHOW(munlock(a,4*P)); SHOW(madvise(a,P,MADV_FREE)); SHOW(madvise(a,P,MADV_COLD)); SHOW(madvise(a,P,MADV_PAGEOUT)); SHOW(madvise(a,P,MADV_POPULATE_READ)); SHOW(madvise(a,P,MADV_POPULATE_WRITE)); SHOW(madvise(a+2*P,P,MADV_POPULATE_READ)); SHOW(madvise(a,P,MADV_HUGEPAGE)); SHOW(madvise(a,P,MADV_NOHUGEPAGE)); SHOW(madvise(a,P,MADV_DONTDUMP)); SHOW(madvise(a,P,MADV_DODUMP)); SHOW(madvise(a,P,MADV_DONTFORK)); SHOW(madvise(a,P,MADV_DOFORK)); SHOW(madvise(a,P,MADV_WIPEONFORK)); SHOW(madvise(a,P,MADV_KEEPONFORK)); SHOW(madvise(a,P,MADV_REMOVE)); SHOW(madvise(a,P,MADV_SEQUENTIAL)); SHOW(madvise(a,P,MADV_RANDOM));
  char*s=mmap(0,4*P,3,MAP_SHARED|MAP_ANONYMOUS,-1,0); s[0]=5; SHOW(madvise(s,P,MADV_FREE)); SHOW(madvise(s,P,MADV_WIPEONFORK)); SHOW(madvise(s,P,MADV_DONTNEED)); SHOW(s[0]); SHOW(madvise(s,P,MADV_DONTNEED_LOCKED)); mlock(s,P); SHOW(madvise(s,P,MADV_DONTNEED)); SHOW(madvise(s,P,MADV_DONTNEED_LOCKED)); munlock(s,P);
  /* mremap that gives up what has holes */
  char *holes = M(4, 3, 0);
  holes[0] = 'x';
  munmap(holes + P, P);
  SHOW(mremap(holes, 4 * P, P, 0) == holes);
  SHOW(holes[0]);
  core(holes, 1);
  SHOW(mincore(holes + 2 * P, P, (void *)holes));
  char *kept = M(2, 3, 0);
  munmap(kept + P, P);
  SHOW(mremap(kept, 2 * P, 2 * P, 0) == kept);
  SHOW(mremap(kept, 2 * P, 3 * P, MREMAP_MAYMOVE) == MAP_FAILED);
  SHOW(errno);
  /* mremap */
  char*m=M(4,3,0); m[0]='a'; m[P]='b'; SHOW(mremap(m,0,P,0)==MAP_FAILED); SHOW(errno); SHOW(mremap(m,4*P,0,0)==MAP_FAILED); SHOW(errno); SHOW(mremap(m+1,P,P,0)==MAP_FAILED); SHOW(errno); SHOW(mremap(m,P,P,8)==MAP_FAILED); SHOW(errno); SHOW(mremap(m,P,P,MREMAP_FIXED,m)==MAP_FAILED); SHOW(errno); SHOW(mremap(m,4*P,4*P,MREMAP_MAYMOVE|MREMAP_FIXED,m+P)==MAP_FAILED); SHOW(errno); SHOW(mremap(m,4*P,2*P,0)==m); SHOW(mincore(m+2*P,P,(void*)m)); SHOW(mremap(m,4*P,6*P,MREMAP_MAYMOVE)==MAP_FAILED); SHOW(errno);
  char*big=mremap(m,2*P,64*P,MREMAP_MAYMOVE); HOLDS(big!=MAP_FAILED); SHOW(big[0]); SHOW(big[P]); SHOW(big[63*P]); char*t=M(8,0,0); char*u=mremap(big,2*P,2*P,MREMAP_MAYMOVE|MREMAP_FIXED,t+P); HOLDS(u==t+P); SHOW(u[0]); SHOW(mincore(big,P,(void*)s)); char*d=mremap(u,2*P,2*P,MREMAP_MAYMOVE|MREMAP_DONTUNMAP,0); HOLDS(d!=MAP_FAILED&&d!=u); SHOW(d[0]); SHOW(u[0]); SHOW(mremap(d,2*P,3*P,MREMAP_MAYMOVE|MREMAP_DONTUNMAP,0)==MAP_FAILED); SHOW(errno); SHOW(mremap(s,P,P,MREMAP_MAYMOVE|MREMAP_DONTUNMAP,0)==MAP_FAILED); char*dup=mremap(s,0,P,MREMAP_MAYMOVE); HOLDS(dup!=MAP_FAILED); s[7]=9; SHOW(dup[7]); char*pdup=mremap(d,0,P,MREMAP_MAYMOVE); SHOW(pdup==MAP_FAILED); SHOW(errno); 
  SHOW(mmap(0,0,3,MAP_PRIVATE|MAP_ANONYMOUS,-1,0)==MAP_FAILED); SHOW(errno); SHOW(mmap(0,P,3,MAP_ANONYMOUS,-1,0)==MAP_FAILED); SHOW(errno); SHOW(mmap(0,P,3,MAP_PRIVATE|MAP_ANONYMOUS|MAP_SHARED,-1,0)==MAP_FAILED); SHOW(errno); SHOW(mmap(0,P,3,MAP_PRIVATE,-1,0)==MAP_FAILED); SHOW(errno); SHOW(mmap(0,P,3,MAP_PRIVATE|MAP_ANONYMOUS,-1,1)==MAP_FAILED); SHOW(errno); SHOW(mmap((void*)1,P,3,MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED,-1,0)==MAP_FAILED); SHOW(errno); SHOW(mmap(u,P,3,MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE,-1,0)==MAP_FAILED); SHOW(errno); SHOW(mmap(0,-P,3,MAP_PRIVATE|MAP_ANONYMOUS,-1,0)==MAP_FAILED); SHOW(errno); SHOW(mmap(0,P,3,MAP_SHARED_VALIDATE|MAP_ANONYMOUS,-1,0)!=MAP_FAILED); SHOW(errno); SHOW(mmap(0,P,0x10,MAP_PRIVATE|MAP_ANONYMOUS,-1,0)!=MAP_FAILED); int z=open("/dev/zero",O_RDWR), r=open("/dev/zero",O_RDONLY), w=open("/tmp/mmw",O_CREAT|O_WRONLY,0600); SHOW(mmap(0,P,3,MAP_SHARED,r,0)==MAP_FAILED); SHOW(errno); SHOW(mmap(0,P,1,MAP_SHARED,w,0)==MAP_FAILED); SHOW(errno); SHOW(mmap(0,P,3,MAP_PRIVATE,r,0)!=MAP_FAILED); char*rr=mmap(0,P,1,MAP_SHARED,r,0); SHOW(mprotect(rr,P,3)); int pp[2]; pipe(pp); SHOW(mmap(0,P,1,MAP_PRIVATE,pp[0],0)==MAP_FAILED); SHOW(errno); int dd=open("/tmp",O_RDONLY); SHOW(mmap(0,P,1,MAP_PRIVATE,dd,0)==MAP_FAILED); SHOW(errno); unlink("/tmp/mmw"); int o=open("/dev/zero",O_PATH); SHOW(mmap(0,P,1,MAP_PRIVATE,o,0)==MAP_FAILED); SHOW(errno); SHOW(mmap(0,P,1,MAP_SHARED_VALIDATE|0x80000,w,0)==MAP_FAILED); SHOW(errno);
  SHOW(munmap(u+1,P)); SHOW(munmap(u,0)); SHOW(munmap((void*)(1L<<62),P)); SHOW(mprotect(u+1,P,1)); SHOW(mprotect(u,0,1)); SHOW(mprotect(u,P,0x100)); SHOW(mprotect(u,P,PROT_GROWSDOWN)); SHOW(mprotect(u,P,PROT_GROWSDOWN|PROT_GROWSUP)); SHOW(mprotect((void*)P,P,1)); SHOW(munmap((void*)P,P)); SHOW(mlock2(u,P,1)); SHOW(mlock2(u,P,2)); SHOW(munlock(u,P)); SHOW(mlockall(0)); SHOW(mlockall(8)); SHOW(mlockall(MCL_ONFAULT)); SHOW(mlockall(MCL_CURRENT|MCL_ONFAULT)); SHOW(munlockall());
}
