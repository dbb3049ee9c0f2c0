/** What is said where no machine can be started from what was composed. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { delimiter, join } from "node:path";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

test("what cannot be started is told: what is missing, what is meant, what is not there", async () => {
  const folder = testFolder("stratos-boot");
  try {
    const told = async (...args: string[]): Promise<string> => {
      const { status, stderr } = await runCommand("compose", ...args);
      assert.notEqual(status, 0);
      return stderr;
    };
    assert.match(
      await told("boot", join(folder, "none.raw")),
      /is not there; give a file that a compose has made, or its folder/,
    );
    writeFileSync(join(folder, "root.tar"), "");
    assert.match(await told("boot", join(folder, "root.tar")), /is no disk or medium that a machine starts from/);
    const made = join(folder, "made");
    mkdirSync(made);
    for (const name of ["a.raw", "b.qcow2"]) writeFileSync(join(made, name), "");
    const info = (artifacts: object[]): void =>
      writeFileSync(join(made, "composeinfo.json"), JSON.stringify({ images: [{ architecture: "amd64", artifacts }] }));
    info([
      { path: "a.raw", format: "raw" },
      { path: "b.qcow2", format: "qcow2" },
    ]);
    assert.match(await told("boot", made), /say which one: .*a\.raw, .*b\.qcow2/);
    info([{ path: "c.tar", format: "tar" }]);
    assert.match(await told("boot", made), /has made nothing that a machine starts from/);
    // An extension's file has a disk's name.
    info([{ path: "a.raw", format: "ext4" }]);
    assert.match(await told("boot", join(made, "a.raw")), /a\.raw: is of the format ext4: no machine starts from it/);
    info([{ path: "a.raw", format: "raw" }]);
    const path = process.env["PATH"];
    process.env["PATH"] = folder;
    try {
      assert.match(
        await told("boot", made),
        /a\.raw: needs qemu-system-x86_64: apt-get install --no-install-recommends qemu-system-x86 ovmf/,
      );
      assert.match(await told("ssh", made), /needs ssh: apt-get install --no-install-recommends openssh-client/);
    } finally {
      process.env["PATH"] = path;
    }
    assert.match(await told("boot", "--net", "none", "-p", "80:80", made), /needs --net user|needs qemu/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** An emulator, `ssh` and `ssh-keygen` of a few lines, and a command that uses them. */
function fakeMachine(t: TestContext, ssh: string): { readonly folder: string; readonly words: readonly string[] } {
  const folder = testFolder("stratos-ssh"),
    { PATH: path, TMPDIR: place } = process.env;
  t.after(() => {
    process.env["PATH"] = path;
    if (place === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = place;
    rmSync(folder, { recursive: true, force: true });
  });
  const program = (name: string, lines: string): void =>
    writeFileSync(join(folder, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  const started = join(folder, "started");
  program(
    "qemu-system-x86_64",
    `trap 'echo "qemu: terminating on signal 15" >&2; exit 0' TERM
echo "qemu: warning" >&2; : > '${started}'
while :; do sleep 0.05; done`,
  );
  program("ssh", `while ! [ -e '${started}' ]; do sleep 0.05; done; ${ssh}`);
  program("ssh-keygen", 'while [ "$1" != -f ]; do shift; done; echo secret > "$2"; echo public > "$2.pub"');
  process.env["PATH"] = `${folder}${delimiter}${path}`;
  process.env["TMPDIR"] = folder;
  writeFileSync(join(folder, "a.raw"), "");
  return { folder, words: ["--firmware", "bios", "--arch", "amd64", "--no-kvm", join(folder, "a.raw"), "true"] };
}

const keysIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith("stratos-ssh-"));

test("the machine behind a login warns, and its end is not told", { timeout: 60_000 }, async (t) => {
  const { words, folder } = fakeMachine(t, "sleep 0.1");
  const { status, stderr } = await runCommand("compose", "ssh", ...words);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^stratos: starting .*a\.raw.*\nqemu: warning\n$/);
  assert.deepEqual(keysIn(folder), []);
});

test("a signal that ends the wait for a login takes the key along", { timeout: 60_000 }, async (t) => {
  const { words, folder } = fakeMachine(t, ': > "$TMPDIR/tried"; exit 255');
  const ended = new Promise<string[]>((resolve) => t.mock.method(process, "exit", () => void resolve(keysIn(folder))));
  const command = runCommand("compose", "ssh", ...words);
  while (!existsSync(join(folder, "tried"))) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(keysIn(folder).length, 1);
  process.emit("SIGHUP");
  assert.deepEqual(await ended, []);
  assert.match((await command).stderr, /the machine has ended before anybody could log in/);
});

test("a machine whose network answers without sshd is told apart", { timeout: 60_000 }, async (t) => {
  const { words } = fakeMachine(t, 'echo "kex_exchange_identification: read: Connection reset by peer" >&2; exit 255');
  const { status, stderr } = await runCommand("compose", "ssh", "--timeout", "1", ...words);
  assert.notEqual(status, 0);
  assert.match(stderr, /has a network, and no sshd answers there; the image needs openssh-server, with host keys/);
});
