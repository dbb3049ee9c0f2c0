# Debian: flex gcc libc6-dev
set -euo pipefail
cd /tmp
printf '%%%%\n[0-9]+ printf("N");\n%%%%\nint main() { yylex(); }\nint yywrap() { return 1; }\n' > l.l
flex l.l
gcc -w lex.yy.c -o l
echo 12 34 | ./l | grep N
