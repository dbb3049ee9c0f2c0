#include <stdio.h>
#include <limits.h>
#include <float.h>
#include <stdint.h>
#include <sys/types.h>
#include <signal.h>
#define S(n) printf(#n "_MAX=%ju\n" #n "_OFLOW=%ju\n", (uintmax_t)n##_MAX, (uintmax_t)n##_MAX + 1)
#define U64(n) printf(#n "_MAX=18446744073709551615\n" #n "_OFLOW=18446744073709551616\n")
#define I64(n) printf(#n "_MAX=9223372036854775807\n" #n "_OFLOW=9223372036854775808\n" #n "_MIN=-9223372036854775808\n" #n "_UFLOW=-9223372036854775809\n")
#define I(n,mn) S(n); printf(#n "_MIN=%jd\n" #n "_UFLOW=%jd\n", (intmax_t)mn, (intmax_t)mn-1)
int main(void){
 I(SCHAR,SCHAR_MIN); I(SHRT,SHRT_MIN); I(INT,INT_MIN); I64(LONG); I64(OFF_T); I64(TIME_T); I64(INTMAX); I64(SSIZE); I64(IDX); printf("CHAR_MAX=255\nCHAR_OFLOW=256\nCHAR_MIN=0\nCHAR_UFLOW=-1\n");
 S(UCHAR); S(USHRT); S(UINT); U64(ULONG); U64(SIZE); U64(UINTMAX);
 printf("UID_T_MAX=4294967295\nUID_T_OFLOW=4294967296\nGID_T_MAX=4294967295\nGID_T_OFLOW=4294967296\nPID_T_MAX=2147483647\nPID_T_OFLOW=2147483648\nPID_T_MIN=-2147483648\nPID_T_UFLOW=-2147483649\n");
 printf("SIGRTMIN=%d\nSIGRTMAX=%d\n", SIGRTMIN, SIGRTMAX);
 printf("FLT_MIN=%.*g\nFLT_MAX=%.*g\nDBL_MIN=%.*g\nDBL_MAX=%.*g\nLDBL_MIN=%.*Lg\nLDBL_MAX=%.*Lg\n", FLT_DECIMAL_DIG, FLT_MIN, FLT_DECIMAL_DIG, FLT_MAX, DBL_DECIMAL_DIG, DBL_MIN, DBL_DECIMAL_DIG, DBL_MAX, LDBL_DECIMAL_DIG, LDBL_MIN, LDBL_DECIMAL_DIG, LDBL_MAX);
 printf("IO_BUFSIZE=262144\n");
}
