/** Which programs the host hands to an emulator: what binfmt_misc says, read as the kernel does. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { emulatorOf } from "./binfmt.ts";

const entry = (machine: string, flags = "POF", state = "enabled"): string =>
  `${state}\ninterpreter /usr/bin/qemu-static\nflags: ${flags}\noffset 0\n` +
  `magic 7f454c460201010000000000000000000200${machine}00\nmask ffffffffffffff00fffffffffffffffffeffffff\n`;

test("an emulator counts that is switched on, of the architecture, and opened when it was registered", () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-binfmt-"));
  try {
    assert.equal(emulatorOf("riscv64", folder), undefined);
    writeFileSync(join(folder, "status"), "enabled\n");
    writeFileSync(join(folder, "python"), "enabled\ninterpreter /usr/bin/python3\nflags: F\nextension .py\n");
    writeFileSync(join(folder, "off"), entry("f3", "POF", "disabled"));
    writeFileSync(join(folder, "elsewhere"), entry("f3", "PO"));
    assert.equal(emulatorOf("riscv64", folder), undefined);
    writeFileSync(join(folder, "riscv"), entry("f3"));
    assert.equal(emulatorOf("riscv64", folder), "/usr/bin/qemu-static");
    assert.equal(emulatorOf("arm64", folder), undefined);
    assert.equal(emulatorOf("s390x", folder), undefined);
    assert.equal(emulatorOf("none", folder), undefined);
    assert.equal(emulatorOf("riscv64", join(folder, "missing")), undefined);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
