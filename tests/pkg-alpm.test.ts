/**
 * Goal: a system of ALPM packages is kept through the command line alone: a repository is made, packages come and go,
 * what is wrong is told in words. Packages are those that the library writes; the real pacman looks at the result.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { makeAlpmPackage, type TestPackageSpec } from "../packages/pkg/src/testing/alpm-repository.ts";
import { launcher } from "./support/stratos.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "pkg-alpm-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

function stratos(...args: string[]): Result {
  const { status, stdout, stderr } = spawnSync(launcher[0]!, [...launcher.slice(1), "pkg", "alpm", ...args], {
    encoding: "utf8",
    env: { ...process.env, STRATOS_HOME: join(folder, "home") },
  });
  return { status, stdout, stderr };
}

function good(...args: string[]): string {
  const { status, stdout, stderr } = stratos(...args);
  assert.equal(status, 0, `${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}

let serial = 0;

/** A root that takes packages from a folder. */
async function makeRoot(
  packages: readonly (readonly [string, string, TestPackageSpec?])[],
): Promise<{ root: string; repository: string }> {
  const root = join(folder, `root-${serial}`),
    repository = join(folder, `repository-${serial++}`);
  mkdirSync(join(root, "etc"), { recursive: true });
  mkdirSync(repository);
  writeFileSync(
    join(root, "etc/pacman.conf"),
    "[options]\nArchitecture = x86_64\nSigLevel = Optional\nInclude = /etc/pacman.d/*.conf\n",
  );
  mkdirSync(join(root, "etc/pacman.d"));
  writeFileSync(join(root, "etc/pacman.d/own.conf"), `[own]\nServer = file://${repository}\n`);
  await addPackages(repository, packages);
  return { root, repository };
}

/** Older versions stay beside newer ones, of which the database tells. */
async function addPackages(
  repository: string,
  packages: readonly (readonly [string, string, TestPackageSpec?])[],
): Promise<void> {
  for (const [name, version, spec] of packages) {
    writeFileSync(
      join(repository, `${name}-${version}-any.pkg.tar.zst`),
      (await makeAlpmPackage(name, version, spec)).bytes,
    );
  }
  good("repo", "own", repository);
}

function pacman(root: string, ...args: string[]): string {
  return spawnSync("pacman", ["--root", root, "--dbpath", join(root, "var/lib/pacman"), ...args], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  }).stdout;
}

test("packages are installed, upgraded, shown, removed, and taken back", async () => {
  const { root, repository } = await makeRoot([
    ["app", "1-1", { depends: ["lib"] }],
    ["lib", "1-1"],
    ["other", "1-1"],
  ]);
  const plan = JSON.parse(good("install", "app", "--root", root, "--plan", "--json")) as {
    install: { name: string; because: string }[];
  };
  assert.deepEqual(
    plan.install.map(({ name, because }) => [name, because]),
    [
      ["lib", "needed by app: lib"],
      ["app", "asked for"],
    ],
  );
  assert.ok(!existsSync(join(root, "usr/share/app")), "a plan changes nothing");
  assert.match(good("install", "app", "--root", root), /install {2}lib 1-1 {2}\(own; needed by app: lib\)/);
  assert.equal(pacman(root, "-Qkk"), "app: 3 total files, 0 altered files\nlib: 3 total files, 0 altered files\n");
  await addPackages(repository, [["lib", "2-1"]]);
  good("update", "--root", root);
  assert.deepEqual(
    (
      JSON.parse(good("list", "--root", root, "--json")) as { name: string; newer: string | null; reason: string }[]
    ).map(({ name, newer, reason }) => [name, newer, reason]),
    [
      ["app", null, "explicit"],
      ["lib", "2-1", "dependency"],
    ],
  );
  good("upgrade", "--root", root);
  assert.equal(readFileSync(join(root, "usr/share/lib"), "utf8"), "lib 2-1\n");
  assert.deepEqual(
    (JSON.parse(good("history", "--root", root, "--json")) as { title: string }[]).map(({ title }) => title),
    ["installed lib (1-1) and 1 more", "upgraded lib (1-1 -> 2-1)"],
  );
  assert.match(good("rollback", "--root", root), /took back: upgraded lib/);
  assert.equal(readFileSync(join(root, "usr/share/lib"), "utf8"), "lib 1-1\n");
  assert.match(good("search", "--root", root, "package", "oth"), /^other +1-1 +own/m);
  assert.match(good("show", "--root", root, "app"), /Depends +lib/);
  assert.equal(good("why", "lib", "app", "--root", root), "lib: app needs lib\napp: was asked for\n");
  assert.deepEqual(JSON.parse(good("depends", "lib", "--reverse", "--root", root, "--json")), [
    { package: "app", needs: "lib", by: "lib" },
  ]);
  writeFileSync(join(root, "usr/share/lib"), "changed");
  const verified = stratos("verify", "--root", root);
  assert.deepEqual([verified.status, /lib +\/usr\/share\/lib +size 7/.test(verified.stdout)], [1, true]);
  good("remove", "app", "--recursive", "--root", root);
  assert.equal(pacman(root, "-Q"), "");
});

extendedTest("what is wrong is told in words", async () => {
  const { root, repository } = await makeRoot([
    ["app", "1-1", { depends: ["nope>=2"] }],
    ["ok", "1-1"],
  ]);
  const fails = (args: string[], message: RegExp, status = 1): void => {
    const result = stratos(...args);
    assert.deepEqual([result.status, message.test(result.stderr)], [status, true], result.stderr);
  };
  fails(
    ["install", "app", "--root", root],
    // wide: one pattern
    /^stratos: .*: the transaction is not possible:\n {2}app was asked for\n {2}app 1-1 depends on nope>=2, but nothing is or provides it\n$/m,
  );
  fails(["remove", "ok", "--root", root], /ok: is not installed/);
  fails(["install", "--root", root], /name packages/, 2);
  fails(["rollback", "--root", root], /no transaction was made yet/);
  fails(["list", "--root", join(folder, "nowhere")], /\/etc\/pacman.conf: no such file; --config names another/);
  fails(["list", "--root", root, "--config", join(folder, "none.conf")], /none\.conf: no such file$/m);
  fails(["list", "--root", root, "--keyring", join(folder, "none.gpg")], /none\.gpg: no such file or directory$/m);
  const file = join(repository, "ok-1-1-any.pkg.tar.zst");
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 0xff;
  writeFileSync(file, bytes);
  fails(["install", "ok", "--root", root], /ok-1-1-any.pkg.tar.zst: does not have the SHA-256 hash/);
  fails(["install", "--file", file, "--root", root], /ok-1-1-any.pkg.tar.zst: (cannot be unpacked|damaged)/);
  writeFileSync(join(root, "etc/pacman.conf"), "[options]\nSigLevel = Required\n[own]\nServer = file:///nowhere\n");
  fails(["update", "--root", root], /file:\/\/\/nowhere\/own.db: no such file or directory$/m);
  writeFileSync(
    join(root, "etc/pacman.conf"),
    `[options]\nSigLevel = Required\n[own]\nServer = file://${repository}\n`,
  );
  fails(["update", "--root", root], /own.db: is not signed, and a signature is required/);
});

extendedTest("a transaction killed at any moment leaves the old system or the new one", async () => {
  const many = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`usr/lib/part-${index}`, `one ${index}`]));
  const { root, repository } = await makeRoot([
    ["big", "1-1", { files: many }],
    ["side", "1-1"],
  ]);
  good("install", "big", "side", "--root", root);
  await addPackages(repository, [
    [
      "big",
      "2-1",
      {
        files: Object.fromEntries(
          Object.keys(many)
            .slice(20)
            .map((path) => [path, "two"]),
        ),
      },
    ],
  ]);
  good("update", "--root", root);
  let old = 0,
    renewed = 0;
  const started = performance.now();
  await killedAfter(60_000, ["upgrade", "--root", root, "--plan"]);
  const wholeMs = performance.now() - started;
  for (let round = 0; round < 6; round++) {
    const copy = join(folder, `copy-${round}`);
    execFileSync("cp", ["-a", root, copy]);
    await killedAfter(wholeMs * (0.6 + 0.12 * round), ["upgrade", "--root", copy]);
    good("update", "--root", copy);
    const versions = pacman(copy, "-Q");
    const content = readdirSync(join(copy, "usr/lib")).map((name) => readFileSync(join(copy, "usr/lib", name), "utf8"));
    if (versions.includes("big 1-1")) {
      old++;
      assert.deepEqual([content.length, content.every((text) => text.startsWith("one "))], [120, true]);
    } else {
      renewed++;
      assert.deepEqual([content.length, content.every((text) => text === "two")], [100, true]);
    }
    assert.match(
      pacman(copy, "-Qkk"),
      /^big: \d+ total files, 0 altered files\nside: 3 total files, 0 altered files\n$/,
    );
    rmSync(copy, { recursive: true });
  }
  assert.equal(old + renewed, 6);
});

function killedAfter(ms: number, args: string[]): Promise<void> {
  return new Promise((resolve) => {
    const [node, ...rest] = launcher;
    const child = spawn(node!, [...rest, "pkg", "alpm", ...args], {
      stdio: "ignore",
      env: { ...process.env, STRATOS_HOME: join(folder, "home") },
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), ms);
    child.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
