# Debian: perl
set -euo pipefail
perl -MIO::Socket::INET -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, 0);
  if (fork) { syswrite A, "hi"; wait; exit $? >> 8 } sysread B, $x, 2; exit($x ne "hi")'
