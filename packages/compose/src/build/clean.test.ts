/** What a root keeps to itself is taken out, and what its host needs in its place is there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createHash } from "node:crypto";
import { checkFileTree, fileEntry, MemoryBlob, readBlob } from "@stratos/formats";
import { cleanIdentity } from "./clean.ts";
import { memoryBlobs, TreeBuilder } from "./tree-builder.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function cleaned(...paths: readonly string[]): Map<string, string> {
  return cleanedBut(new Set(), paths);
}

function cleanedBut(given: ReadonlySet<string>, paths: readonly string[]): Map<string, string> {
  const tree = new TreeBuilder(memoryBlobs(sha256));
  const folders = new Set([
    "",
    ...paths.flatMap((path) =>
      path
        .split("/")
        .slice(0, -1)
        .map((_, index, names) => names.slice(0, index + 1).join("/")),
    ),
  ]);
  for (const path of [...folders, "etc", "etc/systemd", "etc/systemd/system"]) tree.put(fileEntry(path, "directory"));
  for (const path of paths) tree.put(fileEntry(path, "file", { content: new MemoryBlob(Buffer.from("own"), sha256) }));
  cleanIdentity(tree, { epochSeconds: 1_700_000_000, sha256, given });
  assert.equal(checkFileTree(tree.build()), undefined);
  return new Map(
    [...tree.nodes]
      .filter(([, { kind }]) => kind === "file")
      .map(([path, { content }]) => [path, Buffer.from(readBlob(content!)).toString()]),
  );
}

test("keys and numbers of one host are taken out, and sshd's are made again at a boot that finds none", () => {
  const trixie = cleaned(
    "etc/machine-id",
    "etc/ssh/ssh_host_rsa_key",
    "etc/ssh/ssh_host_rsa_key.pub",
    "etc/ssh/sshd_config",
    "usr/lib/systemd/system/ssh.service",
    "usr/lib/systemd/system/sshd-keygen.service",
  );
  assert.deepEqual([...trixie.keys()].sort(), [
    "etc/machine-id",
    "etc/ssh/sshd_config",
    "etc/systemd/system/sshd-keygen.service.d/missing-host-keys.conf",
    "usr/lib/systemd/system/ssh.service",
    "usr/lib/systemd/system/sshd-keygen.service",
  ]);
  assert.equal(trixie.get("etc/machine-id"), "");
  assert.match(
    trixie.get("etc/systemd/system/sshd-keygen.service.d/missing-host-keys.conf")!,
    /^ConditionFirstBoot=\n/m,
  );
  const bookworm = cleaned("etc/ssh/ssh_host_rsa_key", "lib/systemd/system/ssh.service");
  assert.match(
    bookworm.get("etc/systemd/system/ssh.service.d/missing-host-keys.conf")!,
    /^ExecStartPre=\nExecStartPre=\/usr\/bin\/ssh-keygen -A\nExecStartPre=\/usr\/sbin\/sshd -t\n/m,
  );
  assert.deepEqual([...cleaned("etc/hostname").keys()], ["etc/hostname"]);
});

test("a key that was made with the image goes where systemd makes another, unless the treefile brought it", () => {
  const own = ["etc/ssl/certs/ssl-cert-snakeoil.pem", "etc/ssl/private/ssl-cert-snakeoil.key"],
    others = ["etc/ssl/certs/other.pem", "usr/sbin/make-ssl-cert"],
    systemd = "usr/lib/systemd/systemd";
  const made = cleaned(...own, ...others, systemd);
  assert.deepEqual(
    [...made.keys()].sort(),
    [...others, systemd, "etc/systemd/system/ssl-cert-snakeoil.service"].sort(),
  );
  assert.match(
    made.get("etc/systemd/system/ssl-cert-snakeoil.service")!,
    // wide: one pattern
    /^ConditionPathExists=!\/etc\/ssl\/private\/ssl-cert-snakeoil\.key\n[^]*^ExecStart=\/usr\/sbin\/make-ssl-cert generate-default-snakeoil\n/m,
  );
  assert.deepEqual([...cleaned(...own, ...others).keys()].sort(), [...own, ...others].sort());
  assert.deepEqual(
    [...cleanedBut(new Set(["/etc/ssl/private/ssl-cert-snakeoil.key"]), [...own, ...others, systemd]).keys()].sort(),
    [...own, ...others, systemd].sort(),
  );
});
