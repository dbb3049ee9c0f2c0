/**
 * Goal: what a program does doesn't depend on the address mode. Method: programs of Debian from one seed in each mode,
 * which fork, share and protect memory, fault, and print their page faults and their clock.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { stratosRun } from "./support/stratos.ts";
import { ensureTestImage } from "./support/test-image.ts";

const FORKS = `
import mmap, os, resource, signal, time
table = [bytearray([n % 251]) * 5000 for n in range(300)]
shared = mmap.mmap(-1, 1 << 20)
private = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
private[4090:4100] = b"0123456789"
def total():
    sum = 0
    for row in table:
        for byte in row[::61]: sum = (sum * 31 + byte) % 1000003
    return sum
print(total())
for round in range(4):
    child = os.fork()
    if child == 0:
        for row in table[round::4]: row[0] = 255
        private[4090:4100] = b"child     "
        shared[round * 8:round * 8 + 8] = total().to_bytes(8, "little")
        if round == 3: os.kill(os.getpid(), signal.SIGSEGV)
        os._exit(round)
    table[round][1] = 7
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), int.from_bytes(shared[round * 8:round * 8 + 8], "little"))
print(total(), private[4085:4105])
print(resource.getrusage(resource.RUSAGE_SELF), time.time_ns(), open("/proc/self/smaps").read())
`;

before(ensureTestImage);

interface Outcome {
  readonly stdout: string;
  readonly instructions: number;
}

async function run(mode: string, command: readonly string[], ...options: string[]): Promise<Outcome> {
  const arguments_ = ["--address-mode", mode, "--no-cache", "--seed", "5", "--stats", ...options, "--", ...command];
  const { stdout, stderr, status } = await stratosRun(arguments_);
  assert.equal(status, 0, stderr);
  const { instructions } = JSON.parse(stderr.split("\n").find((line) => line.startsWith("{"))!) as Outcome;
  return { stdout, instructions };
}

for (const [name, command, options] of [
  ["a program that forks, shares and writes", ["python3", "-c", FORKS], []],
  [
    "a shell with pipes and children",
    [
      "bash",
      "-c",
      'for i in 1 2 3; do seq 3000 | sort -r | md5sum; done; (exit 3) || echo $?; bash -c "kill -11 \\$\\$" || :',
    ],
    [],
  ],
  ["a memory that is too small", ["bash", "-c", "head -c 90m /dev/zero | tail | wc -c; echo $?"], ["--memory", "64M"]],
] as const)
  (command[0] === "python3" ? test : extendedTest)(`${name} gives one result in each address mode`, async () => {
    const paged = await run("paged", command, ...options);
    const window = await run("window", command, ...options);
    assert.equal(window.stdout, paged.stdout);
    assert.equal(window.instructions, paged.instructions);
  });
