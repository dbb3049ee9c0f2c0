/**
 * Goal: a debugger has a live program from its first instruction to its end, with its threads, its signals, the child
 * it forks and the program that this executes. Method: a program in C under `stratos run --gdb`, and a client of the
 * protocol by hand, which knows the program's addresses from its symbols.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { extendedTest } from "@stratos/base/testing";
import { launcher, start, stratosRun } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";
import { Heard, until } from "./support/until.ts";

const PROGRAM = `#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
volatile int seen;
__thread volatile int own = 5;
void on_usr1(int signal) { (void)signal; seen++; }
void *work(void *unused) { own = 7; return unused; }
void in_child(void) {}
int main(void) {
  pthread_t thread;
  signal(SIGUSR1, on_usr1);
  pthread_create(&thread, NULL, work, NULL);
  pthread_join(thread, NULL);
  raise(SIGUSR1);
  raise(SIGUSR1);
  printf("%d\\n", seen), fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    in_child();
    execl("/usr/bin/echo", "echo", "hello", NULL);
  }
  int status;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? 40 + WEXITSTATUS(status) : 1;
}
`;

let folder: string;
let symbols: string;
before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-live-"));
  writeFileSync(join(folder, "program.c"), PROGRAM);
  execFileSync("riscv64-linux-gnu-gcc", ["-O0", "-static", "-o", "program", "program.c"], { cwd: folder });
  symbols = execFileSync("riscv64-linux-gnu-nm", ["program"], { cwd: folder, encoding: "latin1" });
});
after(() => rmSync(folder, { recursive: true, force: true }));

const addressOf = (name: string): string => new RegExp(`^0*(\\w+) . ${name}$`, "m").exec(symbols)![1]!;
const hexOf = (text: string): string => Buffer.from(text).toString("hex");

/** gdb's side: one packet at a time. */
class Gdb {
  readonly #socket: Socket;
  readonly #heard: Heard;

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#heard = new Heard(this.#socket);
  }

  async ask(data: string): Promise<string> {
    const from = this.#heard.text.length;
    const sum = Buffer.from(data, "latin1").reduce((total, byte) => (total + byte) & 255, 0);
    this.#socket.write(Buffer.from(`$${data}#${sum.toString(16).padStart(2, "0")}`, "latin1"));
    const answer = (): RegExpExecArray | null => /\$([^#]*)#[0-9a-f]{2}/.exec(this.#heard.text.slice(from));
    await until(`an answer to ${data}`, () => answer() !== null);
    return answer()![1]!;
  }

  close(): void {
    this.#socket.destroy();
  }
}

const threadOf = (reply: string): number => parseInt(/thread:p[0-9a-f]+\.([0-9a-f]+);/.exec(reply)![1]!, 16);

/** The program under `stratos run --gdb`, which waits for its debugger. */
async function startDebugged(t: TestContext) {
  const words = ["run", "-i", TEST_IMAGE, "-v", `${folder}:/t`, "--gdb", "0", "--", "/t/program"];
  const child = start([...launcher, ...words], { env: { STRATOS_HOME: TEST_HOME } });
  t.after(() => child.kill("SIGKILL"));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const output = new Heard(child.stdout!);
  const told = new Heard(child.stderr!);
  await told.includes("target remote :");
  await told.includes("\n");
  return { ended, output, told, port: Number(/target remote :(\d+)\n/.exec(told.text)![1]) };
}

test("threads, signals, a forked child and the program that it executes", async (t) => {
  const { ended, output, told, port } = await startDebugged(t);
  const gdb = new Gdb(port);
  t.after(() => gdb.close());

  assert.match(await gdb.ask("qSupported:multiprocess+;exec-events+"), /exec-events\+/);
  const main = threadOf(await gdb.ask("?"));
  // Its first thread has the process's number; gdb goes on with that when another process is looked at.
  const idOf = (tid: number): string => `p${main.toString(16)}.${tid.toString(16)}`;

  assert.equal(await gdb.ask(`Z0,${addressOf("work")},2`), "OK");
  const thread = threadOf(await gdb.ask("vCont;c"));
  assert.notEqual(thread, main, "its second thread is at the breakpoint");
  assert.equal(await gdb.ask("qfThreadInfo"), `m${[main, thread].map((tid) => idOf(tid)).join(",")}`);
  assert.equal(await gdb.ask(`z0,${addressOf("work")},2`), "OK");

  // GDB_SIGNAL_USR1 is 30. The first one the program never sees.
  assert.match(await gdb.ask("vCont;c"), /^T1e/);
  assert.match(await gdb.ask("vCont;c"), /^T1e/);
  assert.equal(await gdb.ask(`qRcmd,${hexOf("follow child")}`), hexOf("at the next fork: the child\n"));
  const forked = await gdb.ask(`vCont;C1e:${idOf(main)};c:${idOf(-1)}`);
  assert.match(forked, /^T05/);
  assert.equal(output.text, "1\n", "one of two signals came");
  assert.notEqual(threadOf(forked), main);

  assert.equal(await gdb.ask(`Z0,${addressOf("in_child")},2`), "OK");
  const inChild = await gdb.ask("vCont;c");
  assert.match(inChild, /swbreak:;$/);
  assert.equal(threadOf(inChild), threadOf(forked));
  assert.match(await gdb.ask("vCont;c"), new RegExp(`exec:${hexOf("/usr/bin/echo")};$`));
  assert.equal(await gdb.ask("qXfer:exec-file:read::0,100"), "l/usr/bin/echo");
  assert.equal(await gdb.ask("vCont;c"), `W00;process:${main.toString(16)}`, "the child has ended");
  assert.equal(await gdb.ask(`D;${main.toString(16)}`), "OK");
  assert.equal(await ended, 40, told.text);
  assert.equal(output.text, "1\nhello\n");
});

test("gdb itself stops, changes and calls what is in a live program", async (t) => {
  const { ended, output, told, port } = await startDebugged(t);
  const commands = [
    "set pagination off",
    "set confirm off",
    "set remotetimeout 60",
    "set architecture riscv:rv64",
    `target remote :${port}`,
    "handle SIGUSR1 nostop noprint pass",
    "break *work",
    "continue",
    "finish",
    'printf "own is %d\\n", *(int *)&own',
    "thread 1",
    'printf "own is %d\\n", *(int *)&own',
    "info proc exe",
    `generate-core-file ${join(folder, "core")}`,
    "break on_usr1",
    "continue",
    "backtrace 1",
    "finish",
    "set var *(int *)&seen = 40",
    'printf "work of 7 is %d\\n", ((long (*)(long))work)(7)',
    "watch *(int *)&seen",
    "continue",
    "continue",
    "delete",
    "continue",
  ].flatMap((command) => ["-ex", command]);
  const gdb = await promisify(execFile)("gdb-multiarch", ["-nx", "-batch", ...commands, join(folder, "program")], {
    timeout: 150_000,
    killSignal: "SIGKILL",
  });
  assert.match(gdb.stdout, /own is 7\n[^]*own is 5\n/, gdb.stderr);
  assert.match(gdb.stdout, /^exe = '\/t\/program'$/m);
  const core = await promisify(execFile)("gdb-multiarch", [
    ...["-nx", "-batch", "-ex", 'printf "seen is %d\\n", *(int *)&seen'],
    ...[join(folder, "program"), join(folder, "core")],
  ]);
  assert.match(core.stdout, /seen is 0\n/, core.stderr);
  assert.match(gdb.stdout, /#0 .* on_usr1 \(\)/, gdb.stderr);
  assert.match(gdb.stdout, /work of 7 is 7\n/);
  assert.match(gdb.stdout, /Old value = 40\nNew value = 41\n/);
  assert.match(gdb.stdout, /exited with code 050\]/);
  assert.equal(await ended, 40, told.text);
  assert.equal(output.text, "41\nhello\n");
});

extendedTest("what a debugged run cannot be is said, and a port that is taken ends it", async (t) => {
  for (const [words, said] of [
    [["--gdb", "0", "--dap", "0"], /one debugger at a time/],
    [["--gdb", "0", "--record", join(folder, "no")], /--record.*a run under a debugger is not recorded/],
    [["--gdb", "0", "--name", "no"], /--gdb.*not for named systems/],
    [["--dap", "99999"], /expected a port, or -/],
  ] as const) {
    const refused = await stratosRun([...words, "--", "true"]);
    assert.equal(refused.status, 2, words.join(" "));
    assert.match(refused.stderr, said);
  }
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => other.close());
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  const taken = await stratosRun(["--gdb", String(port), "--", "true"]);
  assert.equal(taken.status, 125);
  assert.match(taken.stderr, /EADDRINUSE|in use/);
});
