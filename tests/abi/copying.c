/* copy_file_range(2), sendfile(2), splice(2): offsets, ends, overlaps, and which files they are for. */
#include "abi.h"
#include <sys/sendfile.h>
#define C(a,o,b,p,n,f) syscall(SYS_copy_file_range,a,o,b,p,(size_t)(n),f)
int main(void){
  char d[]="/dev/shm/cfXXXXXX"; mkdtemp(d); chdir(d); int a=open("a",O_CREAT|O_RDWR,0600), b=open("b",O_CREAT|O_RDWR,0600); for(int i=0;i<1000;i++) write(a,"0123456789",10); loff_t o=0,p=0; int pp[2]; pipe(pp);
  SHOW(C(a,&o,b,&p,100,0)); SHOW(o); SHOW(p); SHOW(C(a,&o,b,&p,100,1)); o=9990; SHOW(C(a,&o,b,&p,100,0)); SHOW(o); SHOW(C(a,&o,b,&p,100,0)); o=20000; SHOW(C(a,&o,b,&p,100,0)); o=0; p=0; SHOW(C(a,&o,b,&p,-1,0)); SHOW(C(a,&o,b,&p,0,0));
  o=0;p=5; SHOW(C(a,&o,a,&p,10,0)); p=10; SHOW(C(a,&o,a,&p,10,0)); o=0;p=0; SHOW(C(a,&o,a,&p,10,0)); o=9000;p=9500; SHOW(C(a,&o,a,&p,1000,0));
  SHOW(C(pp[0],0,b,0,10,0)); SHOW(C(a,0,pp[1],0,10,0)); int r=open("a",O_RDONLY), w=open("b",O_WRONLY), ap=open("b",O_RDWR|O_APPEND), dir=open(".",O_RDONLY), path=open("a",O_PATH); SHOW(C(w,0,a,0,10,0)); SHOW(C(a,0,r,0,10,0)); SHOW(C(a,0,ap,0,10,0)); SHOW(C(dir,0,b,0,10,0)); SHOW(C(a,0,dir,0,10,0)); SHOW(C(path,0,b,0,10,0)); SHOW(C(99,0,b,0,10,0)); lseek(a,100,0); lseek(b,0,0); SHOW(C(a,0,b,0,50,0)); SHOW(lseek(a,0,1)); SHOW(lseek(b,0,1)); SHOW(C(a,(void*)8,b,0,50,0)); int n=open("/dev/null",O_RDWR),z=open("/dev/zero",O_RDWR); SHOW(C(z,0,b,0,10,0)); SHOW(C(a,0,n,0,10,0)); int pr=open("/proc/version",O_RDONLY); SHOW(C(pr,0,b,0,10,0)); struct stat st; fstat(b,&st); SHOW(st.st_size);
  o=0; SHOW(sendfile(b,a,&o,10)); SHOW(o); SHOW(sendfile(b,pp[0],0,10)); SHOW(sendfile(pp[1],a,0,10)); o=-1; SHOW(sendfile(b,a,&o,10)); SHOW(sendfile(ap,a,0,10)); SHOW(sendfile(r,a,0,10)); SHOW(sendfile(b,w,0,10)); SHOW(sendfile(b,dir,0,10)); SHOW(sendfile(b,z,0,10)); o=0; SHOW(sendfile(a,a,&o,5)); SHOW(sendfile(b,pr,0,3));
  o=0; SHOW(splice(a,&o,pp[1],0,5,0)); SHOW(splice(a,0,b,0,5,0)); SHOW(splice(pp[0],&o,b,0,5,0)); SHOW(splice(pp[0],0,ap,0,5,0)); SHOW(splice(pp[0],0,b,0,5,64)); SHOW(splice(pp[0],0,pp[1],0,5,0)); SHOW(tee(pp[0],pp[1],5,0)); SHOW(splice(pp[0],0,r,0,5,0)); SHOW(splice(z,0,pp[1],0,5,0)); SHOW(splice(pp[0],0,n,0,100,0)); SHOW(splice(pp[0],0,n,0,100,SPLICE_F_NONBLOCK)); SHOW(splice(dir,0,pp[1],0,5,0)); SHOW(vmsplice(pp[1],NULL,1,0)); SHOW(splice(a,&o,pp[1],0,0,0)); o=-5; SHOW(splice(a,&o,pp[1],0,5,0)); o=100000; SHOW(splice(a,&o,pp[1],0,5,0));
  /* Nothing that is copied makes no file larger. */
  int e=open("e",O_CREAT|O_RDWR,0600); lseek(e,6,0); lseek(a,3,0); SHOW(C(a,0,e,0,0,0)); SHOW(fstat(e,&st)); SHOW(st.st_size); o=20000; p=50; SHOW(C(a,&o,e,&p,10,0)); fstat(e,&st); SHOW(st.st_size); SHOW(o); SHOW(p); SHOW(lseek(e,0,1));
  /* O_NOATIME: whatever is done through it, no access shows. */
  struct timespec old[2]={{1000000000,0},{1000000001,0}}; struct stat was; mkdir("dir",0700); close(open("dir/f",O_CREAT,0600)); SHOW(utimensat(AT_FDCWD,"dir",old,0)); SHOW(utimensat(AT_FDCWD,"a",old,0)); char some[4096];
  int nd=open("dir",O_RDONLY|O_DIRECTORY|O_NOATIME), na=open("a",O_RDONLY|O_NOATIME); HOLDS(syscall(SYS_getdents64,nd,some,sizeof some)>0); stat("dir",&was); SHOW(was.st_atime); SHOW(read(na,some,9)); HOLDS(mmap(0,4096,PROT_READ,MAP_PRIVATE,na,0)!=MAP_FAILED); stat("a",&was); SHOW(was.st_atime);
  int yd=open("dir",O_RDONLY|O_DIRECTORY), ya=open("a",O_RDONLY); HOLDS(syscall(SYS_getdents64,yd,some,sizeof some)>0); stat("dir",&was); HOLDS(was.st_atime>1000000000); HOLDS(mmap(0,4096,PROT_READ,MAP_PRIVATE,ya,0)!=MAP_FAILED); stat("a",&was); HOLDS(was.st_atime>1000000000);
}
