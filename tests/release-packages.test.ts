/**
 * The `.deb` of a release. Goal: it is the same each time; dpkg installs it into a root that has nothing but dpkg and
 * what Node is linked with, where its programs run without a network; purged, it leaves nothing. And: what is missing
 * or mistaken is told before anything is made. Method: a root of this host's dpkg, and namespaces. The other formats,
 * and lintian, are `npm run conformance:packages`.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { VERSION } from "@stratos/sdk/version";
import { rootManifest } from "./packages/root-manifest.ts";
import {
  addHostLibraries,
  addHostPrograms,
  hostArchitecture,
  makeSmallRoot,
  smallRootObstacle,
} from "./support/sample-archive.ts";
import { repository, run } from "./support/stratos.ts";
import { ensureAstraHome } from "./support/test-image.ts";

const EPOCH = 1_700_000_000;
const folder = mkdtempSync(join(tmpdir(), "stratos-release-packages-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function release(args: readonly string[], environment: Record<string, string> = {}): ReturnType<typeof run> {
  const tool = join(repository, "tools/release-packages.ts");
  return run([process.execPath, "--disable-warning=ExperimentalWarning", tool, ...args], {
    env: { SOURCE_DATE_EPOCH: String(EPOCH), STRATOS_HOME: join(folder, "home"), ...environment },
  });
}

const obstacle =
  smallRootObstacle() ??
  (["amd64", "arm64"].includes(hostArchitecture()) ? undefined : "no pinned Node is this host's");

extendedTest(
  "dpkg installs the package, its programs run without a network, and purged it leaves nothing",
  {
    skip: obstacle ?? false,
  },
  async () => {
    const architecture = hostArchitecture();
    const make = async (name: string, environment: Record<string, string>): Promise<string> => {
      const args = ["--version", VERSION, "--only", "deb", "--arch", architecture, "--fast"];
      const result = await release([...args, "--output", join(folder, name)], environment);
      assert.equal(result.status, 0, result.stderr);
      assert.match(result.stdout, new RegExp(`^[0-9a-f]{64}  stratos_${VERSION}_${architecture}\\.deb\n$`));
      return result.stdout;
    };
    assert.equal(await make("first", { TZ: "UTC" }), await make("second", { TZ: "Pacific/Auckland", LANG: "C" }));
    const deb = join(folder, "first", `stratos_${VERSION}_${architecture}.deb`);

    const rows = execFileSync("dpkg-deb", ["-c", deb], { encoding: "utf8", env: { ...process.env, TZ: "UTC" } })
      .trim()
      .split("\n");
    for (const row of rows) assert.match(row, /^[-dl]rw[x-]r[w-][x-]r[w-][x-] root\/root +\d+ 2023-11-14 22:13 \.\//);
    const paths = rows.map((row) => row.replace(/^.* \.\//, ""));
    const units = globSync("deploy/systemd/*.service", { cwd: repository }).map((path) => basename(path));
    for (const path of [
      "usr/bin/stratos -> ../lib/stratos/stratos",
      "usr/sbin/mount.aegisfs",
      "usr/share/man/man1/stratos-run.1.gz",
      "usr/share/bash-completion/completions/stratos",
      "usr/share/doc/stratos/copyright",
      "usr/share/doc/stratos/changelog.gz",
      "usr/lib/stratos/scheme/astra/astra.scm",
    ])
      assert.ok(paths.includes(path), path);
    for (const unit of units)
      assert.ok(
        paths.some((path) => path.endsWith(`/${unit}`)),
        unit,
      );
    const notices = execFileSync("dpkg-deb", ["--fsys-tarfile", deb], { maxBuffer: 1 << 30 });
    const text = spawnSync("sh", ["-c", "tar -xO ./usr/share/doc/stratos/THIRD-PARTY.gz | gzip -dc"], {
      input: notices,
    });
    assert.match(text.stdout.toString(), /^commander [\d.]+: MIT\n\n[^]*Permission is hereby granted/m);

    const root = join(folder, "root");
    makeSmallRoot(root, "");
    addHostPrograms(root, ["uname", "readlink", "nproc"]);
    addHostLibraries(root, process.execPath);
    writeFileSync(join(root, "var/lib/dpkg/status"), recordsOf(["libc6", "libgcc-s1", "libstdc++6"]));
    copyFileSync(deb, join(root, "tmp/stratos.deb"));
    const before = filesOf(root);

    assert.match(inRoot(root, "dpkg", "-i", "/tmp/stratos.deb"), /Setting up stratos/);
    assert.equal(inRoot(root, "stratos", "--version"), `${VERSION}\n`);
    const squares = "(import (scheme base) (scheme write) (srfi 1)) (write (map square (iota 4)))";
    assert.equal(inRoot(root, "stratos", "lisp", "-e", squares), "(0 1 4 9)");
    // The programs of `astra` would be compiled here, for a quarter of a minute, from the sources in the package.
    mkdirSync(join(root, "tmp/stratos"), { recursive: true });
    // A volume has holes, which cp(1) leaves.
    execFileSync("cp", ["-a", join(await ensureAstraHome(), "images"), join(root, "tmp/stratos/images")]);
    assert.equal(inRoot(root, "stratos", "run", "-i", "astra", "--", "echo", "hi"), "hi\n");
    assert.equal(inRoot(root, "astra", "-c", 'echo "$1 $((6 * 7))"', "x", "a b"), "a b 42\n");
    assert.match(inRoot(root, "mount.aegisfs", "--help"), /^Usage: stratos fs mount /);
    assert.equal(inRoot(root, "dpkg", "--verify", "stratos"), "");

    // The home of these runs is a user's, and nothing of the package's.
    for (const name of ["stratos", "home"]) rmSync(join(root, "tmp", name), { recursive: true, force: true });
    inRoot(root, "dpkg", "--purge", "stratos");
    assert.deepEqual(filesOf(root), before);
    assert.equal(spawnSync("dpkg-query", ["--root", root, "-W", "stratos"]).status, 1);
  },
);

/** What dpkg is told of libraries that were copied from this host. */
function recordsOf(names: readonly string[]): string {
  const format =
    "Package: ${Package}\\nStatus: install ok installed\\nArchitecture: ${Architecture}\\nMulti-Arch: same\\n" +
    "Maintainer: Test <t@example.org>\\nVersion: ${Version}\\nDescription: of this host\\n\\n";
  const qualified = names.map((name) => `${name}:${hostArchitecture()}`);
  return execFileSync("dpkg-query", ["-W", "-f", format, ...qualified], { encoding: "utf8" });
}

/** Files of the root but for dpkg's own. */
function filesOf(root: string): string[] {
  return rootManifest(root)
    .split("\n")
    .filter((line) => !/^. (?:var\/lib\/dpkg|var\/log)\b/.test(line));
}

/** Runs a program in the root, as root, without a network; it must succeed. */
function inRoot(root: string, ...command: readonly string[]): string {
  const enter =
    'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" env -i HOME=/tmp/home ' +
    'PATH=/usr/sbin:/usr/bin STRATOS_HOME=/tmp/stratos STRATOS_NO_CACHE=1 "$@"';
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    ["--mount", "--net", "--pid", "--fork", "sh", "-c", enter, root, ...command],
    { encoding: "utf8", timeout: 300_000, killSignal: "SIGKILL" },
  );
  assert.equal(status, 0, `${command.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

extendedTest("what is missing or mistaken is told in one line, and nothing is made", async () => {
  const output = join(folder, "none");
  for (const [args, status, why] of [
    [["--output", output], 1, /^release: no version: --version 1\.2\.0\n$/],
    [["--version", VERSION], 1, /^release: no folder for the packages: --output FOLDER\n$/],
    [["--version", "9.9.9", "--output", output, "--only", "deb"], 1, /^release: .* is version .*, not 9\.9\.9\n$/],
    [
      ["--version", VERSION, "--output", output, "--only", "deb,ebuild"],
      1,
      /^release: 'ebuild' is no format: deb, rpm/,
    ],
    [["--version", VERSION, "--output", output, "--only", "brew"], 1, /--tarball-url, --homepage\n$/],
    [["--bogus"], 2, /^release: Unknown option '--bogus'/],
  ] as const) {
    const result = await release(args);
    assert.equal(result.status, status, result.stderr);
    assert.match(result.stderr, why);
    assert.equal(result.stdout, "");
  }
  const bare = join(folder, "bare");
  makeBare(bare);
  const args = ["--version", VERSION, "--output", output, "--only", "rpm,msi"];
  const result = await release(args, { PATH: bare });
  assert.equal(
    result.stderr,
    "release: rpmbuild is not installed: apt-get install rpm; wixl is not installed: apt-get install wixl; " +
      "msibuild is not installed: apt-get install msitools; msiinfo is not installed: apt-get install msitools\n",
  );
  assert.equal(existsSync(output), false);
});

/** A place for programs that has a shell alone. */
function makeBare(path: string): void {
  mkdirSync(path);
  symlinkSync("/bin/sh", join(path, "sh"));
}
