import assert from "node:assert/strict";
import { test } from "node:test";
import { EFAULT, SYSCALL_NUMBERS } from "@stratos/abi";
import { syscallLine, type CallerMemory } from "./syscall-line.ts";

const memory: CallerMemory = {
  loadString: (address) => (address === 0x1000 ? 'a"b\n' : -EFAULT),
  copyIn: (address, into, at, count) => {
    if (address !== 0x2000) return -EFAULT;
    for (let index = 0; index < count; index++) into[at + index] = 65 + (index % 26);
    return 0;
  },
};
const line = (name: string, args: number[], result: number | undefined): string =>
  syscallLine(memory, SYSCALL_NUMBERS.get(name)!, [...args, 0, 0, 0, 0, 0, 0].slice(0, 6), result);

test("arguments read as in strace", () => {
  assert.equal(
    line("openat", [-100, 0x1000, 0o2001101, 0o644], 3),
    'openat(AT_FDCWD, "a\\"b\\n", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0644) = 3',
  );
  assert.equal(line("openat", [5, 0, 0, 0], -EFAULT), "openat(5, NULL, O_RDONLY, 00) = -1 EFAULT");
  assert.equal(line("write", [1, 0x2000, 4], 4), 'write(1, "ABCD", 4) = 4');
  assert.equal(line("write", [1, 0x2000, 100], 100), 'write(1, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF"..., 100) = 100');
  assert.equal(line("read", [0, 0x2000, 100], undefined), 'read(0, "", 100) = ? (waits)');
  assert.equal(
    line("mmap", [0, 4096, 3, 0x22, -1, 0], 0x7f000000),
    "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f000000",
  );
  assert.equal(line("kill", [7, 15], 0), "kill(7, SIGTERM) = 0");
  assert.equal(line("getpid", [], 7), "getpid() = 7");
});
