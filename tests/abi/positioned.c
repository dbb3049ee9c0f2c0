/* preadv2(2) and pwritev2(2) with flags, vectors and offsets at their limits; lseek(2). */
#include "abi.h"
#include <sys/uio.h>
static struct iovec v[3];
#define R(f,n,o,fl) SHOW(syscall(SYS_preadv2,f,v,n,(long)(o),(long)0,fl))
#define W(f,n,o,fl) SHOW(syscall(SYS_pwritev2,f,v,n,(long)(o),(long)0,fl))
int main(void){
  char d[]="/dev/shm/pvXXXXXX"; mkdtemp(d); chdir(d); int f=open("f",O_CREAT|O_RDWR,0600), ap=open("f",O_RDWR|O_APPEND); char a[16]="abcdefgh",b[16]; v[0]=(struct iovec){a,4}; v[1]=(struct iovec){a+4,4}; v[2]=(struct iovec){b,16}; int p[2]; pipe(p);
  int F[]={0,1,2,4,0x10,0x20,0x200,3,0x30,0x24};
  for(int i=0;i<10;i++){ printf("flag %x\n",F[i]); W(f,2,0,F[i]); W(f,2,-1,F[i]); SHOW(lseek(f,0,1)); SHOW(lseek(f,0,2)); lseek(f,2,0); R(f,1,0,F[i]); R(f,1,-1,F[i]); SHOW(lseek(f,0,1)); W(ap,1,0,F[i]); SHOW(lseek(ap,0,2)); ftruncate(f,8); }
  fcntl(p[0],F_SETFL,0); R(p[0],1,-1,8); R(p[0],1,0,8); W(p[1],1,-1,8); W(p[1],1,0,0); R(p[0],1,-1,0x20); W(p[1],1,-1,0);R(p[0],1,-1,0); R(f,1,-2,0); W(f,1,-2,0); R(f,1025,0,0); R(f,-1,0,0); R(f,0,0,0); v[0].iov_len=-1; R(f,1,0,0); v[0]=(struct iovec){(void*)8,4}; R(f,1,0,0); v[0]=(struct iovec){b,4}; v[1]=(struct iovec){(void*)8,4}; R(f,2,0,0); W(f,2,0,0); SHOW(syscall(SYS_preadv2,f,(void*)8,1,0L,0L,0)); int s=socket(1,1,0); R(s,1,-1,8); int r=open("f",O_RDONLY), w=open("f",O_WRONLY); W(r,1,0,0); R(w,1,0,0); int dd=open(".",O_RDONLY); R(dd,1,0,0); R(dd,1,-1,0);
  R(f,1,0x7fffffffffffffff,0); W(f,1,0x7ffffffffffffffe,0); SHOW(pread(f,b,0,-1)); SHOW(pread(f,b,1,-1)); SHOW(pwrite(f,b,1,-5)); SHOW(pread(p[0],b,1,0)); SHOW(read(f,NULL,0)); SHOW(read(99,NULL,0)); SHOW(write(r,NULL,0)); SHOW(write(f,(void*)8,0)); SHOW(write(p[1],(void*)8,0)); SHOW(read(p[0],(void*)8,0)); SHOW(read(dd,b,0)); SHOW(lseek(f,-1,0)); SHOW(lseek(f,-9,2)); SHOW(lseek(f,0,5)); SHOW(lseek(f,0,3)); SHOW(lseek(f,0,4)); SHOW(lseek(f,100,3)); SHOW(lseek(f,-1,3)); SHOW(lseek(f,8,4)); SHOW(lseek(p[0],0,0)); SHOW(lseek(dd,5,0)); SHOW(lseek(f,0x7fffffffffffffff,1));
  puts("where places end"); v[0]=(struct iovec){b,4}; v[1]=(struct iovec){b,1}; long M=0x7fffffffffffffff, at[]={M-2000,M-5,M-4,M-3,M-1,M};
  for(int i=0;i<6;i++){ printf("%ld\n",at[i]-M); SHOW(pread(f,b,4,at[i])); SHOW(pread(f,b,0,at[i])); SHOW(pwrite(f,b,0,at[i])); R(f,1,at[i],0); SHOW(syscall(SYS_sync_file_range,f,at[i],4,0)); SHOW(syscall(SYS_sync_file_range,f,4L,at[i],0)); SHOW(syscall(SYS_sync_file_range,f,(1L<<62)+1,1L<<62,0)); int e=open("e",O_CREAT|O_RDWR,0600); long o=at[i]; if(i>=3){ SHOW(syscall(SYS_splice,e,&o,p[1],0L,4L,0)); o=at[i]; SHOW(syscall(SYS_sendfile,p[1],e,&o,4L)); } else { SHOW(syscall(SYS_splice,e,&o,p[1],0L,4L,2)); SHOW(o==at[i]); } o=at[i]; long to=0; SHOW(syscall(SYS_copy_file_range,e,&o,f,&to,4L,0)); close(e); }
  long o=-1, to=0; SHOW(syscall(SYS_copy_file_range,f,&o,w,&to,4L,0)); SHOW(syscall(SYS_copy_file_range,f,&o,w,&to,1L,0)); SHOW(syscall(SYS_copy_file_range,f,&o,w,&to,0L,0)); o=-5; SHOW(syscall(SYS_copy_file_range,f,&o,w,&to,4L,0)); SHOW(syscall(SYS_copy_file_range,f,&o,w,&to,5L,0)); o=0; to=-1; SHOW(syscall(SYS_copy_file_range,f,&o,w,&to,4L,0)); to=-9; SHOW(syscall(SYS_copy_file_range,f,&o,w,&to,4L,0));
}
