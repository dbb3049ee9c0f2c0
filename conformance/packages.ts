/**
 * `npm run conformance:packages -- [--only deb,rpm,brew,msi] [--arch amd64,arm64] [--dist FOLDER] [--keep FOLDER]`: the
 * packages of a release, hardly packed, before the formats' own tools:
 *
 *     .deb    dpkg-deb reads it, lintian finds no error
 *     .rpm    rpm lists it, installs it into an empty root, verifies its files and removes it, no file stays; its
 *             program runs meanwhile, where the processor is this host's
 *     brew    Ruby's parser takes the formula; conformance/packages/formula.rb, which stands for Homebrew, loads it,
 *             and has its install and test steps say what they would do
 *     .msi    msiinfo reads its tables, msiextract takes out what dist/ has, byte for byte
 *
 * Each is made twice and must have the same bytes. Needs root for rpm's chroot, and Debian's packages rpm, lintian,
 * ruby, wixl and msitools: what is missing is named and fails. The last line is `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { VERSION } from "@stratos/sdk/version";
import { runTool } from "../tools/release-packages/native-tool.ts";
import { ARCHITECTURES, type Architecture } from "../tools/release-packages/release.ts";
import { isWhole, refuseUnknown } from "../tests/support/known-names.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "deb,rpm,brew,msi" },
    arch: { type: "string", default: Object.keys(ARCHITECTURES).join() },
    dist: { type: "string", default: "dist" },
    keep: { type: "string" },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = resolve(root, values.dist);
const folder = values.keep ?? mkdtempSync(join(tmpdir(), "stratos-conformance-packages-"));
const formats = values.only.split(",");
refuseUnknown(formats, ["deb", "rpm", "brew", "msi"], isWhole);
const architectures = values.arch.split(",") as Architecture[];
const HOST = { x64: "amd64", arm64: "arm64" }[process.arch as string];
const HOME = "https://stratos.example";

let passed = 0,
  failed = 0;
try {
  mkdirSync(folder, { recursive: true });
  for (const format of formats) {
    const first = row(`${format}: made`, () => make(format, "first"));
    if (first === null) continue;
    row(`${format}: the same bytes again`, () => {
      const second = make(format, "second");
      must(first === second, `${first}${second}`);
    });
    if (format === "deb") for (const architecture of architectures) judgeDeb(architecture);
    if (format === "rpm") for (const architecture of architectures) judgeRpm(architecture);
    if (format === "brew") judgeFormula();
    if (format === "msi") judgeMsi();
  }
} finally {
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function judgeDeb(architecture: Architecture): void {
  const path = join(folder, "first", `stratos_${VERSION}_${architecture}.deb`);
  row(`deb ${architecture}: dpkg-deb reads it`, () => {
    const fields = runTool("dpkg-deb", ["-I", path]);
    must(fields.includes(`\n Architecture: ${architecture}\n`), fields);
    must(runTool("dpkg-deb", ["-c", path]).includes("./usr/bin/stratos -> ../lib/stratos/stratos\n"), "no program");
  });
  row(`deb ${architecture}: lintian finds no error`, () => {
    runTool("lintian", ["--allow-root", "--fail-on", "error", path]);
  });
}

function judgeRpm(architecture: Architecture): void {
  const path = join(folder, "first", `stratos-${VERSION}-1.${ARCHITECTURES[architecture].rpm}.rpm`);
  row(`rpm ${architecture}: rpm lists it`, () => {
    const told = runTool("rpm", ["-qpil", path]);
    must(/^Architecture: +(x86_64|aarch64)$/m.test(told) && told.includes("\n/usr/bin/stratos\n"), told);
  });
  const system = join(folder, `rpm-${architecture}`);
  const rpm = (...args: string[]): string => runTool("rpm", ["--root", system, ...args]);
  row(`rpm ${architecture}: installed, verified, removed`, () => {
    mkdirSync(join(system, "var/lib/rpm"), { recursive: true });
    rpm("--initdb");
    // The root has no other packages, no shell for scripts, and maybe another processor.
    rpm("--install", "--nodeps", "--ignorearch", "--noscripts", path);
    rpm("--verify", "--nodeps", "--noscripts", "stratos");
    if (architecture === HOST) {
      const env = { ...process.env, STRATOS_HOME: join(folder, "home"), STRATOS_NO_CACHE: "1" };
      const { stdout, stderr } = spawnSync(
        join(system, "usr/bin/stratos"),
        ["run", "-i", "astra", "--", "echo", "hi"],
        {
          encoding: "utf8",
          env,
        },
      );
      must(stdout === "hi\n", `stratos run: ${stdout}${stderr}`);
    }
    rpm("--erase", "--noscripts", "stratos");
    const left = globSync("usr/**/*", { cwd: system }).filter((name) => !statSync(join(system, name)).isDirectory());
    must(left.length === 0 && !existsSync(join(system, "usr/lib/stratos")), `left: ${left.join(" ")}`);
  });
}

function judgeFormula(): void {
  const path = join(folder, "first/stratos.rb");
  row("brew: ruby parses it", () => {
    must(runTool("ruby", ["-c", path]).trim() === "Syntax OK", "not the syntax of Ruby");
  });
  row("brew: a stand-in for Homebrew loads and runs it", () => {
    const told = JSON.parse(runTool("ruby", [join(root, "conformance/packages/formula.rb"), path])) as object;
    const expected = {
      version: VERSION,
      homepage: HOME,
      url: `${HOME}/stratos-${VERSION}.tgz`,
      dependencies: ["node"],
      license: ["MIT", "Apache-2.0"],
      install: ["npm install", "bin", "man1", "completion"],
      tested: ["--version", "run -i astra -- echo hi"],
    };
    must(JSON.stringify(told) === JSON.stringify(expected), JSON.stringify(told));
  });
}

function judgeMsi(): void {
  const path = join(folder, "first", `stratos-${VERSION}-x64.msi`);
  row("msi: msiinfo reads its tables", () => {
    const property = runTool("msiinfo", ["export", path, "Property"]);
    must(property.includes(`ProductVersion\t${VERSION}`) && property.includes("Node.js 24 or later"), property);
    const environment = runTool("msiinfo", ["export", path, "Environment"]);
    must(environment.includes("=-*PATH\t[~];[INSTALLDIR]\t"), environment);
  });
  row("msi: msiextract takes out what dist/ has", () => {
    const out = join(folder, "msi");
    runTool("msiextract", ["-C", out, path]);
    const files = globSync("**/*", { cwd: dist }).filter(
      (name) => statSync(join(dist, name)).isFile() && !/^(?:man\/|inputs\.json$|stratos$)/.test(name),
    );
    must(files.length > 100, "dist/ is empty");
    const programs = dirname(globSync("**/stratos.cmd", { cwd: out })[0] ?? "none");
    for (const name of files)
      must(readFileSync(join(out, programs, name)).equals(readFileSync(join(dist, name))), `${name} differs`);
  });
}

/** @returns what the tool tells: hashes and names */
function make(format: string, name: string): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      ...["--disable-warning=ExperimentalWarning", join(root, "tools/release-packages.ts"), "--fast"],
      ...["--version", VERSION, "--output", join(folder, name), "--only", format, "--arch", values.arch],
      ...["--dist", dist, "--homepage", HOME, "--tarball-url", `${HOME}/stratos-${VERSION}.tgz`],
    ],
    { encoding: "utf8" },
  );
  must(status === 0, stderr);
  return stdout;
}

function row<Value>(name: string, judge: () => Value): Value | null {
  try {
    const value = judge();
    passed++;
    process.stdout.write(`${name}: passed\n`);
    return value;
  } catch (error) {
    failed++;
    process.stdout.write(`${name}: FAILED: ${(error as Error).message.trim()}\n`);
    return null;
  }
}

function must(condition: boolean, why: string): void {
  if (!condition) throw new Error(why);
}
