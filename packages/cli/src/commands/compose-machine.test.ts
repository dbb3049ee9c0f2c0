/** What is said where no machine can be started from what was composed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { delimiter, join } from "node:path";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
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

test("the machine behind a login warns, and its end is not told", { timeout: 60_000 }, async (t) => {
  const folder = testFolder("stratos-ssh");
  const path = process.env["PATH"]!;
  t.after(() => {
    process.env["PATH"] = path;
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
  program("ssh", `while ! [ -e '${started}' ]; do sleep 0.05; done; sleep 0.1`);
  program("ssh-keygen", 'while [ "$1" != -f ]; do shift; done; echo secret > "$2"; echo public > "$2.pub"');
  process.env["PATH"] = `${folder}${delimiter}${path}`;
  writeFileSync(join(folder, "a.raw"), "");
  const words = ["--firmware", "bios", "--arch", "amd64", "--no-kvm", join(folder, "a.raw"), "true"];
  const { status, stderr } = await runCommand("compose", "ssh", ...words);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^stratos: starting .*a\.raw.*\nqemu: warning\n$/);
});
