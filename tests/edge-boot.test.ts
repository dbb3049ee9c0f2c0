/**
 * The programs of the edge sample that join ostree and systemd-boot. Goal: what ostree has deployed is what the loader
 * may start; a new system is on trial; one that was given up is noted and not tried again; a good one is tried no more.
 * The machine is a folder. conformance/edge.ts does the same with a real one.
 */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { extendedTest } from "@stratos/base/testing";

const repository = dirname(dirname(fileURLToPath(import.meta.url)));
let root = "";
const at = (path: string): string => join(root, path);
const commit = (letter: string): string => letter.repeat(64);
const entries = (): string[] => readdirSync(at("efi/loader/entries")).sort();

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "stratos-edge-boot-"));
  for (const path of [
    "efi/loader/entries",
    "boot/ostree",
    "sysroot/ostree/boot.1/edge",
    "var/lib",
    "run",
    "bin",
    "etc/edge/health.d",
  ])
    mkdirSync(at(path), { recursive: true });
  // Called instead of the real one, it says what it was asked for.
  writeFileSync(at("bin/systemctl"), '#!/bin/sh\necho "systemctl $*"\n', { mode: 0o755 });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** ostree has deployed these commits, the first to be started next, and `running` runs. */
function deployed(running: string, ...commits: readonly string[]): void {
  rmSync(at("boot/loader"), { recursive: true, force: true });
  mkdirSync(at("boot/loader/entries"), { recursive: true });
  commits.forEach((letter, index) => {
    const kernels = `edge-${letter}`,
      system = at(`sysroot/ostree/deploy/edge/deploy/${commit(letter)}.0`),
      version = commits.length - index;
    mkdirSync(join(system, "usr/lib/edge"), { recursive: true });
    for (const name of ["edge-boot", "edge-health"])
      cpSync(join(repository, "images/edge", name), join(system, "usr/lib/edge", name));
    mkdirSync(at(`boot/ostree/${kernels}`), { recursive: true });
    for (const name of ["vmlinuz", "initramfs"])
      writeFileSync(at(`boot/ostree/${kernels}/${name}`), `${name} of ${letter}`);
    mkdirSync(at(`sysroot/ostree/boot.1/edge/${letter}`), { recursive: true });
    rmSync(at(`sysroot/ostree/boot.1/edge/${letter}/0`), { force: true });
    symlinkSync(`../../../deploy/edge/deploy/${commit(letter)}.0`, at(`sysroot/ostree/boot.1/edge/${letter}/0`));
    writeFileSync(
      at(`boot/loader/entries/ostree-${version}.conf`),
      `title ${letter}\nversion ${version}\noptions root=UUID=x ostree=/ostree/boot.1/edge/${letter}/0\nlinux ` +
        `/ostree/${kernels}/vmlinuz\ninitrd /ostree/${kernels}/initramfs\n`,
    );
  });
  rmSync(at("usr"), { force: true });
  symlinkSync(`sysroot/ostree/deploy/edge/deploy/${commit(running)}.0/usr`, at("usr"));
}

function run(
  program: "edge-boot" | "edge-health",
  ...args: string[]
): { status: number | null; stdout: string; stderr: string } {
  const place = at(`usr/lib/edge/${program}`);
  chmodSync(place, 0o755);
  return spawnSync("sh", [place, ...args], {
    encoding: "utf8",
    env: { ...process.env, EDGE_ROOT: root, PATH: `${at("bin")}:${process.env["PATH"] ?? ""}` },
  });
}

function sync(): void {
  const { status, stderr } = run("edge-boot", "sync");
  assert.deepEqual([status, stderr], [0, ""]);
}

test("what runs is a good one, what is new is on trial, and what ostree knows no more goes", () => {
  deployed("a", "a");
  writeFileSync(at("efi/loader/entries/ostree-old.0.conf"), "old");
  mkdirSync(at("efi/ostree/edge-old"), { recursive: true });
  writeFileSync(at("efi/ostree/edge-old/vmlinuz"), "old");
  sync();
  assert.deepEqual(entries(), [`ostree-${"a".repeat(16)}.0.conf`]);
  assert.equal(existsSync(at("efi/ostree/edge-old")), false);
  assert.match(
    readFileSync(at(`efi/loader/entries/${entries()[0]!}`), "utf8"),
    // wide: one pattern
    /^title a\nversion 1\noptions root=UUID=x ostree=\/ostree\/boot\.1\/edge\/a\/0\nlinux \/ostree\/edge-a\/vmlinuz\ninitrd \/ostree\/edge-a\/initramfs\nsort-key ostree\n$/,
  );
  deployed("a", "b", "a");
  sync();
  assert.deepEqual(entries(), [`ostree-${"a".repeat(16)}.0.conf`, `ostree-${"b".repeat(16)}.0+3.conf`]);
  assert.equal(readFileSync(at("efi/ostree/edge-b/vmlinuz"), "utf8"), "vmlinuz of b");
  sync();
  assert.deepEqual(
    entries(),
    [`ostree-${"a".repeat(16)}.0.conf`, `ostree-${"b".repeat(16)}.0+3.conf`],
    "once more changes nothing",
  );
});

test(
  "a trial ends well when the checks pass, and anew when one does not; who is " + "not on trial is never restarted",
  () => {
    deployed("a", "a");
    sync();
    assert.equal(run("edge-boot", "retry").stdout, "");
    deployed("a", "b", "a");
    sync();
    // The loader counts: two more, one done.
    renameSync(
      at(`efi/loader/entries/ostree-${"b".repeat(16)}.0+3.conf`),
      at(`efi/loader/entries/ostree-${"b".repeat(16)}.0+2-1.conf`),
    );
    deployed("b", "b", "a");
    sync();
    assert.ok(entries().includes(`ostree-${"b".repeat(16)}.0+2-1.conf`), "the loader's count stays");
    writeFileSync(at("etc/edge/health.d/disk"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const sick = run("edge-health");
    assert.deepEqual(
      [
        sick.status,
        /has not come up\nsystemctl reboot --force\n/.test(sick.stdout),
        /health\.d\/disk: this system is not fit/.test(sick.stderr),
      ],
      [1, true, true],
    );
    writeFileSync(at("etc/edge/health.d/disk"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    assert.match(run("edge-health").stdout, /is a good system/);
    assert.ok(entries().includes(`ostree-${"b".repeat(16)}.0.conf`));
    assert.equal(run("edge-boot", "retry").stdout, "", "a good one that fails later is not restarted for ever");
  },
);

test(
  "where firmware renames no files, each start of a system on trial is " + "counted once, and the third is the last",
  () => {
    const start = (): string => {
      rmSync(at("run/edge-counted"), { force: true });
      assert.deepEqual([run("edge-boot", "count").status, run("edge-boot", "count").status], [0, 0]);
      sync();
      return entries()
        .find((name) => name.startsWith("ostree-bb"))!
        .slice("ostree-".length + 18, -".conf".length);
    };
    deployed("a", "b", "a");
    sync();
    assert.equal(start(), "+3", "another system's start");
    deployed("b", "b", "a");
    assert.deepEqual([start(), start(), start(), start()], ["+2", "+1", "+0-3", "+0-3"]);
    assert.match(run("edge-health").stdout, /is a good system/);
    assert.equal(start(), "");
    deployed("a", "b", "a");
    renameSync(
      at(`efi/loader/entries/ostree-${"b".repeat(16)}.0.conf`),
      at(`efi/loader/entries/ostree-${"b".repeat(16)}.0+1-2.conf`),
    );
    deployed("b", "b", "a");
    assert.equal(start(), "+1-2", "the loader counts");
  },
);

extendedTest("what the loader has given up is noted, and not tried again when it is deployed anew", () => {
  deployed("a", "b", "a");
  sync();
  renameSync(
    at(`efi/loader/entries/ostree-${"b".repeat(16)}.0+3.conf`),
    at(`efi/loader/entries/ostree-${"b".repeat(16)}.0+0-3.conf`),
  );
  // Its last trial runs: it is not over yet.
  deployed("b", "b", "a");
  sync();
  assert.equal(run("edge-boot", "failed").stdout, "");
  deployed("a", "b", "a");
  sync();
  assert.equal(run("edge-boot", "failed").stdout, `${"b".repeat(16)}\n`);
  deployed("a", "a");
  sync();
  assert.deepEqual(entries(), [`ostree-${"a".repeat(16)}.0.conf`]);
  deployed("a", "b", "a");
  sync();
  assert.deepEqual(entries(), [`ostree-${"a".repeat(16)}.0.conf`, `ostree-${"b".repeat(16)}.0+0-3.conf`]);
  deployed("a", "c", "a");
  sync();
  assert.deepEqual(
    entries(),
    [`ostree-${"a".repeat(16)}.0.conf`, `ostree-${"c".repeat(16)}.0+3.conf`],
    "another commit has its own trial",
  );
});
