# Debian: zsh fish
set -euo pipefail
zsh -fc 'coproc cat; print -p x; read -p y; [[ $y = x ]]'
fish -c 'set -l x (math 6 x 7); test $x = 42'
