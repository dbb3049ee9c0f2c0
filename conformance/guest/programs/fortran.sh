# Debian: gfortran
set -euo pipefail
cd /tmp
printf 'program p\n integer :: i, s\n s = 0\n do i = 1, 100\n s = s + i\n end do\n print *, s\nend program\n' > f.f90
gfortran f.f90 -o f
./f | grep 5050
