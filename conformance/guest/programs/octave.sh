# Debian: octave
# Image: pictures
set -euo pipefail
cd /tmp
octave --no-gui --quiet --eval '
A = [4 1 2; 1 3 0; 2 0 5];
x = A \ [1; 2; 3];
assert (A * x, [1; 2; 3], 1e-12);
[Q, R] = qr (A); assert (Q * R, A, 1e-12);
assert (sort (eig (A)), sort (real (roots (poly (A)))), 1e-9);
s = fft (sin (2 * pi * (0:63) / 8)); [~, at] = max (abs (s(1:32))); assert (at, 9);
[t, y] = ode45 (@(t, y) -y, [0 1], 1); assert (y(end), exp (-1), 1e-3);
disp ("all right")' | grep -x 'all right'
