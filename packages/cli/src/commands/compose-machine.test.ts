/** What is said where no machine can be started from what was composed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
