#define LIBC_SONAME "libc.so.6"
