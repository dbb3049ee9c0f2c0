/** A machine's command line. Judge: QEMU itself, which takes each line where it is there. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
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
    { input: "quit\n", encoding: "utf8", timeout: 600_000 },
  );
  assert.equal(result.status, 0, result.stderr);
});
