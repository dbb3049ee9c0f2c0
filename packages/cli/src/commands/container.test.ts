/**
 * What container tools make of our OCI images: skopeo copies one and reads its labels, umoci unpacks it into a bundle,
 * and runc runs the bundle. Not every machine lets runc start containers (nested ones may not), so a bundle made by
 * hand is tried first; where that does not run, the test says so and looks at the bundle alone.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

const folder = testFolder("stratos-container");
const at = (name: string): string => join(folder, name);
const sbin = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
const root = at("root");
const architecture = arch() === "arm64" ? "arm64" : arch() === "riscv64" ? "riscv64" : "amd64";
const isRoot = process.getuid?.() === 0;

interface BundleConfig {
  process: { terminal: boolean; args: string[]; env: string[]; rlimits?: unknown };
  root: { path: string };
  linux: { resources?: unknown; namespaces: unknown };
}

before(() => {
  process.env["STRATOS_HOME"] = at("home");
  for (const path of ["usr/bin", "etc", "proc", "dev", "sys", "run", "tmp", "usr/lib/modules/6.1"])
    mkdirSync(join(root, path), { recursive: true });
  writeFileSync(
    at("hello.c"),
    "#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n" +
      'int main(void) { printf("hello from %d as %d in %s\\n", (int)getpid(), (int)getuid(), getenv("PATH")); ' +
      "return 7; }\n",
  );
  execFileSync("gcc", ["-static", "-O1", "-o", join(root, "usr/bin/hello"), at("hello.c")]);
  symlinkSync("usr/bin", join(root, "bin"));
  writeFileSync(join(root, "usr/lib/modules/6.1/vmlinuz"), "kernel");
  writeFileSync(join(root, "usr/lib/modules/6.1/initramfs.img"), "first root");
  writeFileSync(join(root, "etc/secret"), "kept");
  chmodSync(join(root, "etc/secret"), 0o640);
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function convert(name: string, ...more: string[]): Promise<void> {
  const { status, stderr } = await runCommand(
    "image",
    "convert",
    root,
    at(name),
    "--to",
    "oci",
    "--arch",
    architecture,
    "--name",
    "box",
    "--root",
    ...more,
  );
  assert.equal(status, 0, stderr);
}

/** Runs a bundle's program. @returns null when the machine does not let runc start it */
function runBundle(bundle: string, name: string): { status: number | null; stdout: string; stderr: string } {
  const path = join(bundle, "config.json"),
    config = JSON.parse(readFileSync(path, "utf8")) as BundleConfig;
  config.process.terminal = false;
  config.process.args = ["/bin/hello"];
  // Neither limits nor devices are what is tried here, and not every machine lets them be set.
  delete config.process.rlimits;
  delete config.linux.resources;
  writeFileSync(path, JSON.stringify(config));
  return spawnSync("runc", ["--root", at("runc"), "run", "-b", bundle, name], {
    encoding: "utf8",
    env: sbin,
    timeout: 600_000,
    input: "",
  });
}

test(
  "umoci unpacks an image, and runc runs what is in it",
  {
    skip: isRoot ? false : "owners of unpacked files take root",
  },
  async (context) => {
    await convert("gzip", "-c", "gzip");
    execFileSync("umoci", ["unpack", "--image", `${at("gzip")}:box`, at("bundle")], { stdio: "pipe" });
    assert.equal(readFileSync(at("bundle/rootfs/etc/secret"), "utf8"), "kept");
    assert.equal(lstatSync(at("bundle/rootfs/etc/secret")).mode & 0o777, 0o640);
    assert.ok(lstatSync(at("bundle/rootfs/bin")).isSymbolicLink());
    mkdirSync(at("reference/rootfs/bin"), { recursive: true });
    for (const path of ["proc", "dev", "sys"]) mkdirSync(at(`reference/rootfs/${path}`));
    copyFileSync(join(root, "usr/bin/hello"), at("reference/rootfs/bin/hello"));
    execFileSync("runc", ["spec", "-b", at("reference")], { env: sbin });
    const reference = runBundle(at("reference"), `stratos-reference-${process.pid}`);
    if (reference.status !== 7)
      return context.diagnostic(`runc starts no container on this machine: ${reference.stderr.trim()}`);
    const own = runBundle(at("bundle"), `stratos-own-${process.pid}`);
    assert.deepEqual(
      [own.stdout, own.status],
      ["hello from 1 as 0 in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n", 7],
      own.stderr,
    );
  },
);

test("skopeo copies images of each packing, and reads the labels by which bootc knows its own", async () => {
  for (const kind of ["gzip", "zstd"]) {
    await convert(`copy-${kind}`, "-c", kind, "--bootc");
    execFileSync("skopeo", ["copy", "-q", `oci:${at(`copy-${kind}`)}:box`, `oci:${at(`copied-${kind}`)}:box`]);
    const config = JSON.parse(
      execFileSync("skopeo", ["inspect", "--config", `oci:${at(`copied-${kind}`)}:box`], { encoding: "utf8" }),
    ) as { os: string; config: { Labels: Record<string, string> } };
    assert.equal(config.os, "linux");
    assert.deepEqual(config.config.Labels, { "containers.bootc": "1", "ostree.bootable": "1", "ostree.linux": "6.1" });
  }
});
