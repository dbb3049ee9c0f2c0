/**
 * Goal: the command line is the contract that scripts rely on: what is parsed, how mistakes are told, which status
 * follows. Method: `runCli` with handlers that record instead of doing.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, mock, test } from "node:test";
import { CommandError } from "./command-error.ts";
import { allCommands } from "./program/command-tree.ts";
import { ProgramCommand } from "./program-command.ts";
import { createProgram, type CommandHandlers } from "./program/program.ts";
import { runCli } from "./run-cli.ts";
import { commandArguments } from "./testing/command-line.ts";

const home = mkdtempSync(join(tmpdir(), "stratos-cli-"));
after(() => rmSync(home, { recursive: true }));

let calls: unknown[][], stdout: string, stderr: string;
const record =
  (name: string, status = 0) =>
  async (...args: unknown[]): Promise<number> => (calls.push([name, ...args]), status);
const handlers: CommandHandlers = {
  shell: record("shell"),
  run: record("run", 42),
  trace: record("trace"),
  replay: record("replay"),
  check: record("check"),
  imageList: record("ls"),
  imageBuild: record("build"),
  imageRemove: record("rm"),
  imageExport: record("export"),
  imageImport: record("import"),
  completion: record("completion"),
  man: record("man"),
};

beforeEach(() => {
  calls = [];
  stdout = stderr = "";
  mock.method(process.stdout, "write", (text: string) => ((stdout += text), true));
  mock.method(process.stderr, "write", (text: string) => ((stderr += text), true));
});
afterEach(() => mock.restoreAll());

/** Captures while `runCli` runs, so that the test runner's own output is not swallowed. */
async function cli(...args: string[]): Promise<number> {
  try {
    return await runCli(args, handlers);
  } finally {
    mock.restoreAll();
  }
}

test("everything after the program's name belongs to the program", async () => {
  assert.equal(await cli("run", "-i", "base", "ls", "-l", "--memory", "--", "-e"), 42);
  assert.deepEqual(calls[0]!.slice(0, 2), ["run", ["ls", "-l", "--memory", "--", "-e"]]);
});

test("-- ends the options", async () => {
  await cli("run", "--stats", "--", "--version", "-x");
  assert.deepEqual(calls[0]!.slice(0, 2), ["run", ["--version", "-x"]]);
});

test("options carry checked values", async () => {
  process.env["STRATOS_TEST_VALUE"] = "from host";
  await cli(
    "run",
    "-e",
    "A=1=2",
    "-e",
    "STRATOS_TEST_VALUE",
    "-e",
    "STRATOS_TEST_UNSET",
    "-v",
    "/a:b:/c//d/:ro",
    "-v",
    "x:/y",
    "-w",
    "/tmp",
    "-u",
    "nobody:7",
    "--net",
    "host",
    "--memory",
    "1.5G",
    "--timeout",
    "0.5",
    "--keep",
    "k",
    "true",
  );
  delete process.env["STRATOS_TEST_VALUE"];
  const options = calls[0]![2] as Record<string, unknown>;
  assert.deepEqual(options["env"], [
    { name: "A", value: "1=2" },
    { name: "STRATOS_TEST_VALUE", value: "from host" },
  ]);
  assert.deepEqual(options["volume"], [
    { host: "/a:b", guest: "/c/d", isReadOnly: true },
    { host: "x", guest: "/y", isReadOnly: false },
  ]);
  assert.equal(options["memory"], 1.5 * 1024 ** 3);
  assert.equal(options["timeout"], 500);
  assert.deepEqual(
    [options["workdir"], options["user"], options["net"], options["keep"]],
    ["/tmp", "nobody:7", "host", "k"],
  );
});

test("run has no network and the shell has the host's, unless told", async () => {
  await cli("run", "true");
  await runCli([], handlers);
  assert.deepEqual(
    [(calls[0]![2] as { net: string }).net, calls[1]![0], (calls[1]![1] as { net: string }).net],
    ["none", "shell", "host"],
  );
});

test("packages are given by commas or again", async () => {
  await cli("image", "build", "dev", "--packages", "gcc,make", "-p", "g++ libc6-dev");
  const [, name, options] = calls[0] as [string, string, { packages: string[]; suite: string }];
  assert.deepEqual([name, options.packages, options.suite], ["dev", ["gcc", "make", "g++", "libc6-dev"], "trixie"]);
});

for (const [line, message] of [
  ["foo", "foo: unknown command; see --help"],
  ["comppose run x.yaml", "comppose: unknown command; did you mean compose?"],
  ["--memory 1G imgae", "imgae: unknown command; did you mean image?"],
  ["pull debian", "pull: unknown command; here it is `stratos image pull`"],
  ["docker run debian", "docker: unknown command; here it is `stratos run`, `stratos image` or `stratos ps`"],
  ["shell", "shell: unknown command; here it is `stratos run -- bash`"],
  ["volume ls", "volume: unknown command; here it is `stratos run -v` or `stratos fs`"],
  ["compose a.yaml", "a.yaml: unknown command; a treefile is composed by `stratos compose run FILE`"],
  ["constructor", "constructor: unknown command; see --help"],
  ["--bogus", "--bogus: unknown option"],
  ["run", "CMD: missing; see --help"],
  ["run --memroy 1G x", "--memroy: unknown option; did you mean --memory?"],
  ["run --memory 1X x", "--memory: '1X': expected a size such as 512M or 2G"],
  ["run --memory 1M x", "--memory: '1M': at least 64M is needed"],
  ["mcp --memory 5G", "--memory: at most 3.3G is possible"],
  ["run --timeout 0 x", "--timeout: '0': expected seconds, above 0, or a time such as 90s, 5m or 1h"],
  ["run --harts 33 x", "--harts: '33': expected a number from 1 to 32"],
  ["run -v x y", "-v, --volume: 'x': expected HOST:GUEST or HOST:GUEST:ro, where GUEST is absolute"],
  ["run -v x:/ y", "-v, --volume: 'x:/': the guest's / cannot be replaced"],
  ["run -v x:/a/../b y", "-v, --volume: 'x:/a/../b': the guest's path must not contain '.' or '..'"],
  ["run -e =1 y", "-e, --env: '=1': a name is missing before '='"],
  ["run -w tmp y", "-w, --workdir: 'tmp': expected an absolute path in the guest"],
  ["run --net lan y", "--net: 'lan': allowed choices are none, host"],
  ["run -i", "-i, --image: a value is missing"],
  ["pkg repo sign x", "-k, --key: needed; see --help"],
  [
    "run -i .x y",
    "-i, --image: '.x': a name has letters, digits, '.', '_' and '-', begins with a letter or digit, and has at " +
      "most 64 characters",
  ],
  ["pkg dist-upgrade", "dist-upgrade: unknown command; here it is `stratos pkg upgrade --full`"],
  ["pkg constructor", "constructor: unknown command; see --help"],
  ["image lss", "lss: unknown command; did you mean ls?"],
  ["image build A b", "build: too many arguments: expected 1 argument but got 2"],
  ["image build A -p G++", "-p, --packages: 'G++': 'G++' is not a package name"],
] as const) {
  test(`\`stratos ${line}\` is told as a mistaken command line`, async () => {
    assert.equal(await cli(...line.split(" ")), 2);
    assert.equal(stderr, `stratos: ${message}\n`);
    assert.equal(stdout, "");
    assert.deepEqual(calls, []);
  });
}

test("help and version go to stdout with status 0", async () => {
  assert.equal(await cli("run", "--help"), 0);
  assert.match(stdout, /^Usage: stratos run \[OPTIONS\] \[--\] CMD/);
  assert.equal(stderr, "");
});

test("help is of the command that is named, and a word that is none is told", async () => {
  for (const args of [
    ["help", "image", "build"],
    ["image", "help", "build"],
    ["image", "build", "-h"],
  ]) {
    stdout = "";
    assert.equal(await runCli(args, handlers), 0);
    assert.match(stdout, /^Usage: stratos image build /, args.join(" "));
  }
  for (const args of [
    ["help", "runn"],
    ["runn", "ls", "--help"],
    ["image", "help", "runn"],
    ["image", "runn", "-h"],
  ]) {
    stderr = "";
    assert.equal(await runCli(args, handlers), 2, args.join(" "));
    assert.match(stderr, /^stratos: runn: unknown command; (did you mean run\?|see --help)\n$/);
  }
  assert.equal(await cli("run", "help", "runn", "--help"), 42);
});

test("a failure is told in one line, a defect with its place", async () => {
  const failing = (error: unknown): CommandHandlers => ({ ...handlers, imageList: () => Promise.reject(error) });
  assert.equal(await runCli(["image", "ls"], failing(new CommandError("base", "no such image"))), 1);
  assert.equal(stderr, "stratos: base: no such image\n");
  stderr = "";
  const host = Object.assign(new Error("EACCES: permission denied, open '/x'"), {
    code: "EACCES",
    syscall: "open",
    path: "/x",
  });
  assert.equal(await runCli(["image", "ls"], failing(host)), 1);
  assert.equal(stderr, "stratos: /x: permission denied\n");
  stderr = "";
  assert.equal(await runCli(["image", "ls"], failing(new TypeError("x is undefined"))), 125);
  mock.restoreAll();
  assert.match(stderr, /^stratos: internal error: TypeError: x is undefined\n {4}at /);
});

test("a word that is no signal is refused before a system is looked for", async () => {
  for (const name of ["FOO", "0", "32", "SIG", "SIG9"]) {
    stderr = "";
    assert.equal(await runCli(["kill", "-s", name, "dev"], handlers), 2, name);
    assert.equal(
      stderr,
      `stratos: -s, --signal: '${name}': expected a name such as SIGTERM or TERM, or a number from 1 to 31\n`,
    );
  }
  mock.restoreAll();
});

test("a failure of ours is not taken for the status of a program, nor for what was found of it", async () => {
  const failing = (): Promise<number> => Promise.reject(new CommandError("base", "no such image"));
  const failed = { ...handlers, run: failing, trace: failing, replay: failing, check: failing, shell: failing };
  for (const command of ["run", "trace", "replay", "check"])
    assert.equal(await runCli([command, "word"], failed), 125, command);
  assert.equal(await runCli(["-i", "absent"], failed), 125);
  assert.equal(await runCli(["run", "--memroy", "word"], failed), 2);
  mock.restoreAll();
});

test("every command whose help tells of status 125 ends so", async () => {
  const program = await createProgram(handlers, () => {}, { words: [], scope: "all" });
  const telling = allCommands(program).filter(({ command }) => {
    let help = "";
    command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
    return /\b125 when\s/.test(help);
  });
  assert.deepEqual(telling.map(({ path }) => path.join(" ")).sort(), ["check", "exec", "explore", "run"]);
  for (const { path, command } of telling) assert.ok(command instanceof ProgramCommand, path.join(" "));
});

test("who reads no more ends a command without a word, with the status that SIGPIPE gives", () => {
  for (const args of ["fs --help", "man fs", "fs device list"]) {
    // The reader has gone before the first byte comes; what the shell itself says of SIGPIPE isn't ours.
    const result = spawnSync(
      "sh",
      ["-c", `{ "$@" ${args}; echo status $? >&2; } | true`, "sh", process.execPath, ...commandArguments],
      { encoding: "utf8", env: { ...process.env, STRATOS_HOME: home } },
    );
    assert.equal(result.stderr, "status 141\n", args);
  }
});

test("a full disk below standard output is told in one line", () => {
  const full = openSync("/dev/full", "w");
  try {
    for (const args of [["--version"], ["man", "fs"], ["fs", "device", "list"]]) {
      const { status, stderr } = spawnSync(process.execPath, [...commandArguments, ...args], {
        encoding: "utf8",
        stdio: ["ignore", full, "pipe"],
        env: { ...process.env, STRATOS_HOME: home },
      });
      assert.equal(stderr, "stratos: standard output: no space left on device\n", args.join(" "));
      assert.equal(status, 1, args.join(" "));
    }
  } finally {
    closeSync(full);
  }
});

test("man takes a command's words as they are written, and names those that are none", async () => {
  const { commandHandlers } = await import("./program/command-handlers.ts");
  const shown = async (...words: string[]): Promise<string> => {
    stdout = "";
    await commandHandlers.man(await createProgram(commandHandlers, () => {}, { words: ["man"], scope: "all" }), words);
    return stdout;
  };
  assert.match(await shown("image", "build"), /^\.TH STRATOS-IMAGE-BUILD 1/);
  assert.equal(await shown("image-build"), await shown("image", "build"));
  await assert.rejects(shown("image", "buidl"), /image buidl: no such command/);
});

test("a process with too few addresses for a machine is told that, not where it failed", () => {
  const code =
    'import { tell } from "./run-cli.ts"; try { new WebAssembly.Memory({ initial: 65536 }); } ' +
    "catch (error) { process.exit(tell(error)); }";
  const { status, stderr } = spawnSync(
    "bash",
    ["-c", 'ulimit -v 4000000; exec "$@"', "bash", process.execPath, "--input-type=module", "-e", code],
    { cwd: import.meta.dirname, encoding: "utf8" },
  );
  assert.match(stderr, /^stratos: memory: the host gives no room for a machine, .*ulimit -v/);
  assert.equal(status, 125);
});
