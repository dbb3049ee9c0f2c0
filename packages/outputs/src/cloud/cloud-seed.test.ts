/** cloud-init's medium. Judges: blkid sees its label, xorriso its files, a YAML reader their content. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { MemoryDisk, readBytes } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { writeCloudSeed, type CloudSeed } from "./cloud-seed.ts";

const SEED: CloudSeed = {
  instanceId: "i-1",
  hostname: "box",
  user: "anna",
  sshKeys: ['ssh-ed25519 AAAA "me"@x'],
  time: 1_700_000_000,
};

test("a seed is found by its label and says who may log in", () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-seed-"));
  try {
    const disk = new MemoryDisk();
    writeCloudSeed(disk, SEED, nodeCodecs());
    writeFileSync(join(folder, "seed.iso"), readBytes(disk, 0, disk.size));
    assert.match(
      execFileSync("/sbin/blkid", ["-p", join(folder, "seed.iso")], { encoding: "utf8" }),
      /LABEL="CIDATA".* TYPE="iso9660"/,
    );
    execFileSync(
      "xorriso",
      ["-osirrox", "on", "-indev", join(folder, "seed.iso"), "-extract", "/", join(folder, "out")],
      { stdio: "pipe" },
    );
    const read = (name: string): string => readFileSync(join(folder, "out", name), "utf8");
    assert.deepEqual(parse(read("meta-data")), { "instance-id": "i-1", "local-hostname": "box" });
    assert.match(read("user-data"), /^#cloud-config\n/);
    const { users, manage_etc_hosts: hosts } = parse(read("user-data")) as {
      users: { name: string; ssh_authorized_keys: string[]; sudo: string }[];
      manage_etc_hosts: string;
    };
    assert.deepEqual(
      [users[0]!.name, users[0]!.ssh_authorized_keys, users[0]!.sudo, hosts],
      ["anna", SEED.sshKeys, "ALL=(ALL) NOPASSWD:ALL", "localhost"],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
