/**
 * Goal: the interactive shell behaves as on a Linux console. Method: `script` gives Stratos a pseudo-terminal of the
 * host; keys are sent when what they answer to has appeared.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { dialogue } from "./support/dialogue.ts";
import { ensureTestImage, TEST_IMAGE } from "./support/test-image.ts";

before(ensureTestImage);

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
