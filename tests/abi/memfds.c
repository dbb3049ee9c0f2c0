/* memfd_create(2): names, flags, and what each seal refuses. */
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
#include <sys/uio.h>
int main(void){
  SHOW(memfd_create("x",0x20)); SHOW(memfd_create(NULL,0)); char big[300]; memset(big,'a',299); big[299]=0; SHOW(memfd_create(big,0)); big[249]=0; int b=memfd_create(big,0); HOLDS(b>=0); SHOW(memfd_create("x",MFD_NOEXEC_SEAL|MFD_EXEC)); int n=memfd_create("n",MFD_NOEXEC_SEAL); SHOW(fcntl(n,F_GET_SEALS)); struct stat st; fstat(n,&st); printf("%o\n",st.st_mode); SHOW(fchmod(n,0777)); SHOW(fchmod(n,0666));
  int f=memfd_create("x",0); SHOW(fcntl(f,F_GET_SEALS)); SHOW(fcntl(f,F_ADD_SEALS,F_SEAL_WRITE)); f=memfd_create("x",MFD_ALLOW_SEALING); SHOW(fcntl(f,F_GET_SEALS)); SHOW(ftruncate(f,8192)); char*m=mmap(0,8192,3,MAP_SHARED,f,0); SHOW(fcntl(f,F_ADD_SEALS,F_SEAL_WRITE)); SHOW(fcntl(f,F_ADD_SEALS,F_SEAL_FUTURE_WRITE)); m[0]='z'; SHOW(write(f,"a",1)); SHOW(mmap(0,4096,3,MAP_SHARED,f,0)==MAP_FAILED); SHOW(errno); char*p=mmap(0,4096,1,MAP_SHARED,f,0); HOLDS(p!=MAP_FAILED); SHOW(mprotect(p,4096,3)); SHOW(munmap(m,8192)); SHOW(fcntl(f,F_ADD_SEALS,F_SEAL_WRITE)); SHOW(fcntl(f,F_GET_SEALS)); SHOW(ftruncate(f,4096)); SHOW(fcntl(f,F_ADD_SEALS,F_SEAL_SHRINK)); SHOW(ftruncate(f,4095)); SHOW(ftruncate(f,8192)); SHOW(fcntl(f,F_ADD_SEALS,F_SEAL_GROW)); SHOW(ftruncate(f,8193)); SHOW(ftruncate(f,8192)); SHOW(fallocate(f,0,0,9000)); SHOW(fallocate(f,1,8192,10)); SHOW(fallocate(f,3,0,4096)); SHOW(fcntl(f,F_ADD_SEALS,0x100)); SHOW(fcntl(f,F_ADD_SEALS,0)); SHOW(fcntl(f,F_ADD_SEALS,F_SEAL_SEAL)); SHOW(fcntl(f,F_ADD_SEALS,F_SEAL_GROW)); SHOW(fcntl(f,F_ADD_SEALS,0)); char pa[64]; sprintf(pa,"/proc/self/fd/%d",f); int r=open(pa,O_RDONLY); SHOW(fcntl(r,F_GET_SEALS)); SHOW(fcntl(r,F_ADD_SEALS,F_SEAL_GROW)); int w=open(pa,O_RDWR); SHOW(write(w,"a",1)); SHOW(open(pa,O_RDWR|O_TRUNC)); 
  int fd=memfd_create("g",MFD_ALLOW_SEALING); ftruncate(fd,100); fcntl(fd,F_ADD_SEALS,F_SEAL_GROW); SHOW(pwrite(fd,"abc",3,98)); SHOW(pwrite(fd,"abc",3,100)); SHOW(pwrite(fd,"abc",3,200)); SHOW(fallocate(fd,0,0,100)); SHOW(fallocate(fd,0,90,20)); SHOW(fallocate(fd,FALLOC_FL_KEEP_SIZE,90,20)); 
  SHOW(fcntl(0,F_GET_SEALS)); int pp[2]; pipe(pp); SHOW(fcntl(pp[0],F_GET_SEALS)); SHOW(linkat(f,"",AT_FDCWD,"/tmp/ml",AT_EMPTY_PATH)); SHOW(flock(f,2)); SHOW(fsync(f)); SHOW(syncfs(f)); SHOW(posix_fadvise(f,0,0,7)); SHOW(posix_fadvise(pp[0],0,0,0)); SHOW(readahead(f,0,10)); SHOW(readahead(pp[0],0,10)); SHOW(getdents64(f,big,100)); SHOW(fchdir(f)); SHOW(fexecve(f,(char*[]){"a",0},(char*[]){0}));
}
