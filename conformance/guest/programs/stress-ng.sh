# Debian: stress-ng
set -euo pipefail
stress-ng --timeout 60 --fork 1 --fork-ops 50 --pipe 1 --pipe-ops 2000 --mmap 1 --mmap-ops 20 --futex 1 \
  --futex-ops 500 --sem 1 --sem-ops 500 --mq 1 --mq-ops 200 --shm 1 --shm-ops 20 --timer 1 --timer-ops 100
