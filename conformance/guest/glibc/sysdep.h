#include <sys/syscall.h>
#include <unistd.h>
