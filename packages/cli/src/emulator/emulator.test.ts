/**
 * A machine's command line, and what is said where there is none. Judge: QEMU itself, which takes each line where it is
 * there.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";
import { emulatorArguments, emulatorObstacle, emulatorProgram, mediumOf, usualFirmware } from "./emulator.ts";

test(
  "each board has its own disks and network, what is written is gone, and credentials go in as the board can take " +
    "them",
  () => {
    const line = (architecture: "amd64" | "arm64" | "riscv64"): string =>
      emulatorArguments({
        architecture,
        firmware: usualFirmware(architecture),
        memory: 512,
        processors: 1,
        media: [mediumOf("/x/a,b.vmdk"), mediumOf("/x/c.iso")],
        network: "user",
        forwards: [{ host: 2222, guest: 22 }],
        credentials: { "ssh.authorized_keys.root": Buffer.from("key") },
      }).join(" ");
    for (const architecture of ["amd64", "arm64", "riscv64"] as const) {
      assert.match(line(architecture), /format=vmdk,file=\/x\/a,,b\.vmdk,snapshot=on/);
      assert.match(line(architecture), /media=cdrom,readonly=on,format=raw,file=\/x\/c\.iso/);
      assert.match(line(architecture), /user,id=net,hostfwd=tcp:127\.0\.0\.1:2222-:22/);
    }
    assert.match(
      line("amd64"),
      /-smbios type=11,value=io\.systemd\.credential\.binary:ssh\.authorized_keys\.root=a2V5/,
    );
    assert.match(line("riscv64"), /-fw_cfg name=opt\/io\.systemd\.credentials\/ssh\.authorized_keys\.root,string=key/);
    assert.throws(() => mediumOf("x.tar"), /no disk or medium/);
  },
);

test("QEMU takes the line", (context) => {
  if (emulatorObstacle({ architecture: "amd64", firmware: "uefi" }) !== null)
    return context.diagnostic("no QEMU here to judge");
  const line = emulatorArguments({
    architecture: "amd64",
    firmware: "uefi",
    memory: 128,
    processors: 1,
    media: [],
    network: "user",
    credentials: { "ssh.authorized_keys.root": Buffer.from("key") },
  });
  const result = spawnSync(
    emulatorProgram("amd64"),
    [...line, "-display", "none", "-serial", "none", "-monitor", "stdio", "-S"],
    { input: "quit\n", encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(result.status, 0, result.stderr);
});

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
