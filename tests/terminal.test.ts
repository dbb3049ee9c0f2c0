/**
 * Goal: the interactive shell behaves as on a Linux console. Method: `script` gives Stratos a pseudo-terminal of the
 * host; keys are sent when what they answer to has appeared.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { launcher, start } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

before(ensureTestImage);

const STEP_MS = 300_000;

/**
 * A dialogue: each step waits for `expect` in what came since the last step, then sends `send`. @returns all output,
 * and the exit status
 */
async function dialogue(
  args: readonly string[],
  steps: readonly { expect: string | RegExp; send: string }[],
): Promise<{ output: string; status: number }> {
  const command = ["stty rows 30 cols 100;", "exec", ...[...launcher, ...args].map((word) => `'${word}'`)].join(" ");
  const child = start(["script", "-qec", command, "/dev/null"], {
    env: { STRATOS_HOME: TEST_HOME, TERM: "xterm-256color" },
  });
  let output = "",
    seen = 0;
  let changed = (): void => {};
  child.stdout!.on("data", (bytes: Buffer) => {
    output += bytes.toString("utf8");
    changed();
  });
  const closed = new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? -1)));
  try {
    for (const { expect, send } of steps) {
      const deadline = Date.now() + STEP_MS;
      for (;;) {
        const rest = output.slice(seen);
        const at = typeof expect === "string" ? rest.indexOf(expect) : rest.search(expect);
        if (at !== -1) {
          seen += at + (typeof expect === "string" ? expect.length : expect.exec(rest)![0].length);
          break;
        }
        if (Date.now() > deadline)
          throw new assert.AssertionError({ message: `no ${String(expect)} in ${JSON.stringify(rest)}` });
        await new Promise<void>((resolve) => {
          changed = resolve;
          setTimeout(resolve, 250);
        });
      }
      child.stdin!.write(send);
    }
    const status = await Promise.race([
      closed,
      new Promise<number>((resolve) => setTimeout(() => resolve(-2), STEP_MS).unref()),
    ]);
    return { output, status };
  } finally {
    child.kill("SIGKILL");
  }
}

const shell = ["-i", TEST_IMAGE, "--net", "none"];

test("the shell is a login shell of root on a terminal of the host's size", async () => {
  const { output, status } = await dialogue(shell, [
    { expect: "# ", send: "stty size; tty; echo $TERM $0 $PWD $(id -un) $(hostname); test -t 0 && echo terminal\r" },
    { expect: "terminal\r\n", send: "exit 3\r" },
  ]);
  assert.match(output, /30 100\r\n/);
  assert.match(output, /xterm-256color -bash \/root root stratos\r\n/);
  assert.equal(status, 3);
});

test("Ctrl-C under a flood of output stops it, and what the terminal has not shown is dropped", async () => {
  // The terminal is this test, which is slow to read: `script` then takes no more from Stratos.
  const { output, status } = await dialogue(shell, [
    { expect: "# ", send: "yes 'a flood of output'\r" },
    { expect: /(?:a flood of output\r\n){2000}/, send: "\x03" },
    { expect: "^C", send: "echo; echo over; exit\r" },
    { expect: "\r\nover\r\n", send: "" },
  ]);
  assert.equal(status, 0);
  // The pipe to this test and the host's terminal hold some 64 KiB each.
  assert.ok(
    output.length - output.indexOf("^C") < 1 << 20,
    `${output.length - output.indexOf("^C")} bytes after the interrupt`,
  );
});

test("line editing, Ctrl-C, Ctrl-D and Ctrl-Z with job control", async () => {
  // It speaks when it has the terminal: what is typed before goes to the shell.
  const sleeping = "sh -c 'echo asleep; exec sleep 200'\r";
  const { output, status } = await dialogue(shell, [
    { expect: "# ", send: "echo wrnog\x1b[D\x1b[D\x7f\x1b[Co\x01: a; \x05; echo\r" },
    { expect: "wroog\r\n\r\n", send: sleeping },
    { expect: "\rasleep\r\n", send: "\x03" },
    { expect: "^C", send: "echo status $?\r" },
    { expect: "status 130", send: sleeping },
    { expect: "\rasleep\r\n", send: "\x1a" },
    { expect: "Stopped", send: "jobs; kill %1; wait; echo killed\r" },
    { expect: "\r\nkilled", send: "sh -c 'echo open; exec cat'\r" },
    { expect: "\ropen\r\n", send: "typed\r\x04" },
    { expect: "typed\r\ntyped\r\n", send: "" },
    { expect: "# ", send: "\x04" },
  ]);
  assert.equal(status, 0);
  assert.match(output, /logout/);
});

test("full-screen programs: vi writes a file, less scrolls and leaves, top draws", async () => {
  const { status } = await dialogue(shell, [
    { expect: "# ", send: "vi.tiny /tmp/f 2>/dev/null || vi /tmp/f\r" },
    { expect: "~", send: "ihello vi\x1b:wq\r" },
    { expect: "written", send: "cat /tmp/f; seq 1000 > /tmp/n; less /tmp/n\r" },
    { expect: "/tmp/n", send: "G" },
    { expect: "1000", send: "q" },
    { expect: "# ", send: "top -d 1\r" },
    { expect: "load average", send: "q" },
    { expect: "# ", send: "exit\r" },
  ]);
  assert.equal(status, 0);
});

test("the Python prompt and a pager in a program that is run", async () => {
  const { output, status } = await dialogue(
    ["run", "-i", TEST_IMAGE, "--", "python3", "-q"],
    [
      { expect: ">>> ", send: "6 * 7\r" },
      { expect: "42", send: "import sys; sys.stdin.isatty(), sys.stdout.isatty()\r" },
      { expect: "(True, True)", send: "exit(5)\r" },
    ],
  );
  assert.match(output, /42/);
  assert.equal(status, 5);
});
