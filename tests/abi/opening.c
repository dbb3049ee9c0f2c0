/* openat2(2): what each RESOLVE_ flag and each flag of open makes of links, of roots, and of what isn't there. */
#include "abi.h"
#include <linux/openat2.h>
static long o2(int d,const char*p,long fl,long mode,long res,size_t sz){struct open_how h={fl,mode,res};return syscall(SYS_openat2,d,p,&h,sz);}
static void t(int d,const char*p,long fl,long mode,long res){errno=0;long r=o2(d,p,fl,mode,res,24);printf("%s fl %lx mode %lo res %lx: %s\n",p,fl,mode,res,r>=0?"ok":name_of(errno));fflush(stdout);if(r>=0)close(r);}
int main(void){
  char d[]="/dev/shm/o2XXXXXX"; mkdtemp(d); chdir(d); mkdir("a",0755); mkdir("a/b",0755); close(open("a/f",O_CREAT|O_WRONLY,0644)); symlink("f","a/rel"); symlink("/proc","a/abs"); symlink("../a/f","a/up"); symlink("../../","a/out"); symlink("/proc/self/exe","a/magic"); symlink("/f","a/rootf"); symlink("loop","a/loop"); symlink("b/../f","a/bdot");
  int a=open("a",O_PATH|O_DIRECTORY);
  long R[]={RESOLVE_NO_SYMLINKS,RESOLVE_NO_MAGICLINKS,RESOLVE_BENEATH,RESOLVE_IN_ROOT,RESOLVE_NO_XDEV,RESOLVE_BENEATH|RESOLVE_IN_ROOT,0x40,0};
  const char*P[]={"f","rel","abs","up","out","magic","rootf","loop","bdot",".","..","/","/f","b/..","b/../..","b/../../a/f","","none","f/x","/proc/self/exe","/proc/self/fd/1"};
  for(int i=0;i<8;i++) for(int j=0;j<sizeof P/sizeof*P;j++) t(a,P[j],O_RDONLY,0,R[i]);
  t(a,"new",O_RDONLY,0644,0); t(a,"new",O_CREAT|O_RDWR,0777777,0); t(a,"new",O_CREAT|O_RDWR,0644,RESOLVE_BENEATH); t(a,"new2",O_CREAT|O_RDWR,0644,RESOLVE_CACHED); t(a,"../new3",O_CREAT|O_RDWR,0644,RESOLVE_IN_ROOT); t(a,"b",O_TMPFILE|O_RDWR,0600,0); t(a,"b",O_TMPFILE|O_RDONLY,0600,0); t(a,"b",020000000|O_RDWR,0,0); t(a,"f",O_RDONLY|1L<<40,0,0); t(a,"f",O_PATH|O_RDWR,0,0); t(a,"f",O_PATH|O_CREAT,0,0); t(a,"rel",O_PATH|O_NOFOLLOW,0,RESOLVE_NO_SYMLINKS); t(a,"rel",O_PATH|O_NOFOLLOW,0,0); t(a,"rel",O_RDONLY|O_NOFOLLOW,0,0); t(a,"f",O_DIRECTORY,0,0); t(a,"f",3,0,0); t(a,"b",O_RDWR,0,0); t(a,"b",O_CREAT,0644,0); t(a,"f",O_CREAT|O_DIRECTORY,0644,0); t(a,"f",O_CREAT|O_EXCL|O_RDWR,0644,0); t(a,"f",O_RDONLY|O_TRUNC,0,RESOLVE_CACHED); t(a,"f",O_PATH|O_TRUNC,0,0);
  struct open_how h[3]={{O_RDONLY,0,0}}; SHOW(syscall(SYS_openat2,a,"f",h,23)); SHOW(syscall(SYS_openat2,a,"f",h,32)>0); h[1].flags=1; SHOW(syscall(SYS_openat2,a,"f",h,32)); SHOW(syscall(SYS_openat2,a,"f",h,4097)); SHOW(syscall(SYS_openat2,a,"f",h,0)); SHOW(syscall(SYS_openat2,a,"f",NULL,24)); SHOW(syscall(SYS_openat2,99,"f",h,24)); SHOW(syscall(SYS_openat2,a,NULL,h,24));
  }
