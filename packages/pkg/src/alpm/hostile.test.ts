/**
 * Goal: whatever comes from outside is answered with an error of ours, never with another, and never with a path that
 * leads out.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom, byteString } from "@stratos/base";
import { TarType, tarEntry } from "@stratos/formats";
import { makeAlpmPackage, packageInfo, testAlpmPorts } from "../testing/alpm-repository.ts";
import { ConfigurationError, readConfiguration } from "./configuration.ts";
import { parseAlpmDependency } from "./dependency.ts";
import { DescError } from "./desc.ts";
import { HookError, parseHook } from "./hooks.ts";
import { formatMtree, parseMtree, type MtreeEntry } from "./mtree.ts";
import { openAlpmPackage, writeAlpmPackage } from "./package-archive.ts";
import { readSyncDatabase, writeSyncDatabase } from "./sync-database.ts";

const ports = testAlpmPorts();
const SEED = 20261120;

function damaged(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes);
  for (let flips = 1 + random.below(6); flips > 0 && copy.length > 0; flips--)
    copy[random.below(copy.length)] = random.below(256);
  return copy;
}

const { bytes: _, ...sample } = await makeAlpmPackage("tool", "1-1", {
  install: "post_install() { :; }\n",
  files: { "usr/bin/tool": "x", "usr/link": "-> bin", "usr/hard": "=> usr/bin/tool" },
});

test("3 000 damaged packages and databases are answered", async () => {
  const random = new SeededRandom(SEED);
  const plain = await writeAlpmPackage({ info: sample.info, files: sample.files }, ports, "none");
  const { backup: __, ...info } = sample.info;
  const database = writeSyncDatabase(
    [
      {
        package: {
          ...info,
          repository: "core",
          fileName: "tool-1-1-any.pkg.tar.zst",
          downloadSize: 1,
          sha256: "0".repeat(64),
          md5: "",
          signature: "",
        },
        files: ["usr/"],
      },
    ],
    { withFiles: true, mtime: 1 },
  );
  for (let round = 0; round < 3000; round++) {
    const isPackage = random.below(2) === 0;
    try {
      if (isPackage) {
        const archive = await openAlpmPackage(damaged(random, plain), "p", ports.decompress);
        for (const { path } of archive.files) assert.ok(!path.startsWith("/") && !path.split("/").includes(".."), path);
      } else await readSyncDatabase("core", damaged(random, database), ports);
    } catch (error) {
      assert.ok(
        error instanceof DescError,
        `seed ${SEED}, round ${round}: ${error instanceof Error ? error.stack : String(error)}`,
      );
    }
  }
});

test("packages with paths that lead out, or one path twice, are refused by name", async () => {
  const file = (path: string): { path: string; entry: ReturnType<typeof tarEntry>; content: Uint8Array } => ({
    path,
    entry: tarEntry(path, TarType.file),
    content: new Uint8Array(0),
  });
  for (const path of ["../x", "/etc/x", "a/../../x", "a//b", "a/./b", "a\nb"]) {
    await assert.rejects(
      writeAlpmPackage({ info: sample.info, files: [file(path)] }, ports),
      (error) => error instanceof DescError && /not? .*path|a path that is none/.test(error.message),
      path,
    );
  }
  await assert.rejects(writeAlpmPackage({ info: sample.info, files: [file("a"), file("a")] }, ports), /holds a twice/);
  for (const [name, version] of [
    ["../x", "1-1"],
    ["x", "1/2-1"],
    ["x", "1"],
    ["-x", "1-1"],
    ["", "1-1"],
  ] as const) {
    const bytes = await writeAlpmPackage({ info: packageInfo(name, version), files: [] }, ports);
    await assert.rejects(
      openAlpmPackage(bytes, "p", ports.decompress),
      (error) => error instanceof DescError && error.message.startsWith("p: "),
      `${name} ${version}`,
    );
  }
});

test("an mtree is read back as it was, whatever the names hold", () => {
  const random = new SeededRandom(SEED);
  const entries: MtreeEntry[] = Array.from({ length: 200 }, (_each, index) => {
    const path =
      `f${index}` +
      byteString(Uint8Array.from({ length: 1 + random.below(12) }, () => 1 + random.below(255))).replace(/\//g, "_");
    const meta = {
      uid: random.below(3),
      gid: random.below(3),
      mode: random.below(0o10000),
      mtime: random.below(2 ** 31),
    };
    return index % 3 === 0
      ? { path, kind: "directory", meta }
      : index % 3 === 1
        ? { path, kind: "symlink", meta, target: `t ${path}` }
        : { path, kind: "file", meta, sizeBytes: index, md5: "m", sha256: "s" };
  });
  assert.deepEqual(parseMtree(formatMtree(entries)), entries);
});

test("20 000 damaged texts are answered", () => {
  const random = new SeededRandom(SEED);
  const hook =
    "[Trigger]\nOperation = Install\nType = Path\nTarget = usr/*\n[Action]\nWhen = PostTransaction\n" +
    "Exec = /bin/sh -c 'a b' \"c\"\nNeedsTargets\n";
  const configuration =
    "[options]\nArchitecture = auto\nSigLevel = Required TrustedOnly\n[core]\nUsage = Sync\nServer = http://x/$repo\n";
  for (let round = 0; round < 20_000; round++) {
    const kind = random.below(3);
    const text = byteString(damaged(random, Buffer.from([hook, configuration, "name>=1:2-3: for more"][kind]!)));
    try {
      if (kind === 0) parseHook(text, "x.hook");
      else if (kind === 1) readConfiguration("c", { read: () => text, glob: () => [], machine: "x86_64" });
      else parseAlpmDependency(text);
    } catch (error) {
      assert.ok(
        error instanceof HookError || error instanceof ConfigurationError,
        `seed ${SEED}, round ${round}: ${error instanceof Error ? error.stack : String(error)}`,
      );
    }
  }
});
