/**
 * Goal: a user asks where a byte of a recorded run came from, and is told the calls and the functions it went through,
 * up to what the run was given. Method: Debian's programs, recorded, and asked about bytes that went through pipes,
 * files, sockets, splice(2), memory that processes share, and mapped files.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest, isExtended } from "@stratos/base/testing";
import { stratos, stratosRun } from "./support/stratos.ts";
import { ensureTestImage } from "./support/test-image.ts";

let folder: string;
let pipeline: string;
let moves: string;

const PIPELINE = 'printf "pear\\napple\\nfig\\n" | sort > /tmp/o; cat /tmp/o';

/** One text goes all ways. */
const MOVES = `import mmap, os, socket
a, b = socket.socketpair()
shared = mmap.mmap(-1, 4096)
file = os.open("/tmp/mapped", os.O_RDWR | os.O_CREAT)
os.ftruncate(file, 4096)
mapped = mmap.mmap(file, 4096)
if os.fork() == 0:
    shared[8:12] = b.recv(4)
    os._exit(0)
a.send(os.read(0, 16)[0:4])
os.wait()
r, w = os.pipe()
q, v = os.pipe()
os.write(w, shared[8:12])
os.splice(r, v, 4)
mapped[100:104] = os.read(q, 4)
os.write(1, os.pread(file, 4, 100) + b"\\n")
`;

before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-why-"));
  pipeline = join(folder, "pipeline");
  const sorted = await stratosRun(["--record", pipeline, "--", "bash", "-c", PIPELINE]);
  assert.equal(sorted.stdout, "apple\nfig\npear\n");
  moves = join(folder, "moves");
  const script = join(folder, "moves.py");
  writeFileSync(script, MOVES);
  const moved = await stratosRun(
    ["--record", moves, "-v", `${script}:/moves.py:ro`, "--", "python3", "-I", "-S", "/moves.py"],
    { stdin: "ABCDEFGH" },
  );
  assert.equal(moved.stdout, "ABCD\n");
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Hop {
  kind: string;
  position: number;
  pid: number;
  program: string;
  text: string;
  stack: { name: string | null; object: string }[];
}

async function whyJson(...words: string[]): Promise<{ what: string; value: number; hops: Hop[] }> {
  const { stdout, stderr, status } = await stratos(["why", ...words, "--json"]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/** The hops that have these words are there, in this order. */
function assertWay(hops: readonly Hop[], ...ways: readonly RegExp[]): void {
  const lines = hops.map(({ program, text }) => `${program}: ${text}`);
  let at = 0;
  for (const way of ways) {
    const found = lines.findIndex((line, index) => index >= at && way.test(line));
    assert.ok(found >= 0, `${way} in\n${lines.slice(at).join("\n")}`);
    at = found + 1;
  }
}

test("a byte of the output goes back through a file, a pipe and three programs; memory on the way, too", async () => {
  const { what, value, hops } = await whyJson(pipeline, "line:1:2");
  assert.equal(what, "byte 1 of the output");
  assert.equal(String.fromCharCode(value), "p");
  assertWay(
    hops,
    /^cat: write\(2\) wrote it to the output, byte 1$/,
    /^cat: read\(2\) read it from \/tmp\/o, byte 1$/,
    /^sort: write\(2\) wrote it to \/tmp\/o, byte 1$/,
    /^sort: s\w stored it at 0x/,
    /^sort: read\(2\) read it from a pipe, byte 6$/,
    /^bash: write\(2\) wrote it to a pipe, byte 6$/,
    /^bash: argument 2 of bash: "printf/,
  );
  const positions = hops.map(({ position }) => position);
  assert.deepEqual(
    positions,
    positions.toSorted((a, b) => b - a),
    "each was before the one before",
  );

  const store = hops.findLast(({ kind }) => kind === "store")!;
  assert.ok(
    store.stack.some(({ object }) => object.endsWith("/bash")),
    "functions of bash are told",
  );
  const [, address] = /(0x[0-9a-f]+)$/.exec(store.text)!;
  const words = ["--address", address!, "--pid", String(store.pid), "--at", String(store.position)];
  const { stdout } = await stratos(["why", pipeline, ...words]);
  assert.match(
    stdout,
    /^the byte at 0x\w+ of process \d+ is 0x70 'p'\n +\d+ +process \d+ \(bash\) +s\w stored it at 0x/,
  );
  assert.match(stdout, / in .*\((libc\.so\.6|bash)\) < /);
  assert.match(stdout, /argument 2 of bash: "printf .*\n$/);
});

extendedTest("lines of one stream are told apart from those of the other that came between", async () => {
  const mixed = join(folder, "mixed");
  const lines = "printf 'one\\nt'; printf 'oops\\nlost\\n' >&2; printf 'wo\\n'; printf 'again\\n' >&2";
  const run = await stratosRun(["--record", mixed, "--", "sh", "-c", lines]);
  assert.deepEqual([run.stdout, run.stderr], ["one\ntwo\n", "oops\nlost\nagain\n"]);
  const of = async (...words: string[]): Promise<[string, string]> => {
    const { what, value } = await whyJson(mixed, ...words);
    return [what, String.fromCharCode(value)];
  };
  assert.deepEqual(await of("line:2", "--stream", "stderr"), ["byte 5 of standard error", "l"]);
  assert.deepEqual(await of("output:10", "--stream", "stderr"), ["byte 10 of standard error", "a"]);
  assert.deepEqual(await of("line:2:2", "--stream", "stdout"), ["byte 5 of standard output", "w"]);
  assert.deepEqual(await of("output:5"), ["byte 5 of the output", "o"]);
});

extendedTest(
  "a socket, shared memory, pipes, splice(2) and a mapped file lead back to the standard input",
  async () => {
    const { hops } = await whyJson(moves, "output:1");
    assertWay(
      hops,
      /^python3: write\(2\) wrote it to the output, byte 1$/,
      /^python3: pread64\(2\) read it from \/tmp\/mapped, byte 101$/,
      /^python3: s\w stored it at 0x/,
      /^python3: read\(2\) read it from a pipe, byte 1$/,
      /^python3: splice\(2\) moved it from a pipe, byte 1, to a pipe, byte 1$/,
      /^python3: write\(2\) wrote it to a pipe, byte 1$/,
      /^python3: recvfrom\(2\) read it from a Unix socket, byte 1$/,
      /^python3: sendto\(2\) wrote it to a Unix socket, byte 1$/,
      /^python3: read\(2\) read it from the standard input, byte 1$/,
      /byte 1 of the standard input of the run$/,
    );
    const of = (text: string): number => hops.find((hop) => hop.text.startsWith(text))!.pid;
    assert.notEqual(of("recvfrom"), of("sendto"), "the child has received it");
  },
);

extendedTest("a number goes through floating-point registers back to the standard input", async () => {
  const numbers = join(folder, "numbers");
  const lines = 'import os, struct; os.write(1, struct.pack("d", struct.unpack("d", os.read(0, 8))[0]))';
  const run = await stratosRun(["--record", numbers, "--", "python3", "-I", "-S", "-c", lines], { stdin: "ABCDEFGH" });
  assert.equal(run.stdout, "ABCDEFGH");
  const { hops } = await whyJson(numbers, "output:3");
  assertWay(hops, /^python3: fsd stored it at 0x/, /^python3: read\(2\) read it from the standard input, byte 3$/);
});

extendedTest("a byte is named by an argument or by an option, once", async () => {
  assert.deepEqual(await whyJson(pipeline, "--output", "2:1"), await whyJson(pipeline, "line:2:1"));
  if (isExtended) assert.deepEqual(await whyJson(pipeline, "--file", "/tmp/o:3"), await whyJson(pipeline, "/tmp/o:3"));
  for (const words of [
    ["--output", "0"],
    ["--output", "x"],
    ["--file", "tmp"],
    ["line:1", "--output", "1"],
  ])
    assert.equal((await stratos(["why", pipeline, ...words])).status, 2, words.join(" "));
});

extendedTest("what is not there, and what is no byte, is said so", async () => {
  for (const [words, status, said] of [
    [["output:999"], 125, /the output has 15 bytes/],
    [["/tmp/none"], 125, /\/tmp\/none is no file of the system there/],
    [["--address", "0x10"], 125, /has nothing at 0x10 there/],
    [["tmp/o"], 2, /expected \/PATH\[:OFFSET\], output:OFFSET or line:N/],
    [["--address", "no"], 2, /expected an address/],
    [[], 2, /one byte is asked about/],
    [["line:1", "--stream", "stderr"], 125, /standard error has 0 lines/],
    [["/tmp/o", "--stream", "stderr"], 2, /--stream.*goes with output:OFFSET or line:N/],
    [["line:1", "--stream", "stdin"], 2, /stdout, stderr/],
    [["output:1", "--at", "5"], 2, /--at.*output stays as it was written/],
  ] as const) {
    const refused = await stratos(["why", pipeline, ...words]);
    assert.match(refused.stderr, said, words.join(" "));
    assert.equal(refused.status, status, words.join(" "));
    assert.equal(refused.stdout, "");
  }
});
