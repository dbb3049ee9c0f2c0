# Debian: qemu-system-x86 seabios
# Image: large
# Another computer inside: SeaBIOS boots a sector that writes to the serial line and switches off.
set -euo pipefail
cd /tmp
{
  # mov dx, 0x3f8; mov si, text; next: cs lodsb; test al, al; jz off; out dx, al; jmp next; off: mov dx, 0xf4; out dx, al
  printf '\xba\xf8\x03\xbe\x14\x7c\x2e\xac\x84\xc0\x74\x03\xee\xeb\xf7\xba\xf4\x00\xee\xf4hello from a sector\n\0'
  head -c 469 /dev/zero
  printf '\x55\xaa'
} > disk
test "$(stat -c %s disk)" = 512
status=0
timeout 300 qemu-system-x86_64 -display none -serial stdio -monitor none -nic none -device isa-debug-exit,iobase=0xf4 \
  -drive file=disk,format=raw > serial || status=$?
cat serial
test $status = 1
grep -x 'hello from a sector' serial
