/**
 * Goal: a configuration means here what it means to pacman: `pacman-conf` is the judge. What is wrong is told with file
 * and line.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { machine, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  ConfigurationError,
  readConfiguration,
  type AlpmConfiguration,
  type ConfigurationSources,
} from "./configuration.ts";
import type { SignatureLevel } from "./signature-level.ts";

const HOST: ConfigurationSources = {
  read: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
  glob: (pattern) => globSync(pattern).sort(),
  machine: machine(),
};

const CONFIGURATION = `
# a comment
[options]
  HoldPkg = pacman glibc
IgnorePkg = a b
IgnorePkg=c
IgnoreGroup = games
Architecture = auto x86_64_v3
Color
CheckSpace
NoExtract = usr/share/help/* !usr/share/help/C/*
NoUpgrade = etc/passwd
SigLevel = Required DatabaseOptional
LocalFileSigLevel = Optional
RemoteFileSigLevel = PackageTrustAll
ParallelDownloads = 5
CacheDir = /a/b /c
HookDir = /etc/other-hooks

[core]
Include = FOLDER/mirror*
SigLevel = PackageNever
Usage = Sync Search
[extra]
Server = http://x.example/$repo/os/$arch
Server = http://y.example/$repo/os/$arch/
SigLevel = DatabaseTrustAll
`;

test("pacman-conf says the same", () => {
  const folder = mkdtempSync(join(tmpdir(), "pacman-conf-"));
  try {
    writeFileSync(join(folder, "mirrorlist"), "Server = http://m.example/$repo/os/$arch\n");
    writeFileSync(join(folder, "pacman.conf"), CONFIGURATION.replaceAll("FOLDER", folder));
    const ours = readConfiguration(join(folder, "pacman.conf"), HOST);
    assert.deepEqual(ours.warnings, []);
    const theirs = execFileSync("pacman-conf", ["-c", join(folder, "pacman.conf")], { encoding: "utf8" })
      .trim()
      .split("\n");
    assert.deepEqual(
      asPacmanConf(ours).sort(),
      theirs
        .filter((line) => !/^(RootDir|CleanMethod|LogFile|GPGDir|DBPath|HookDir = \/usr)/.test(line))
        .map((line) => line.replace(/\/$/, ""))
        .sort(),
    );
    assert.deepEqual(
      [ours.rootFolder, ours.databasePath, ours.logFile],
      ["/", "/var/lib/pacman/", "/var/log/pacman.log"],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function asPacmanConf(ours: AlpmConfiguration): string[] {
  const lines: string[] = ["[options]"];
  const put = (key: string, values: readonly string[]): void => {
    for (const value of values) lines.push(`${key} = ${value}`.replace(/\/$/, ""));
  };
  const levels = (key: string, level: Partial<SignatureLevel>): void => {
    for (const kind of ["Package", "Database"] as const) {
      const rule = level[kind.toLowerCase() as "package" | "database"];
      if (rule === undefined) continue;
      lines.push(`${key} = ${kind}${rule.check.charAt(0).toUpperCase()}${rule.check.slice(1)}`);
      if (rule.check !== "never") lines.push(`${key} = ${kind}${rule.trustAll ? "TrustAll" : "TrustedOnly"}`);
    }
  };
  put("HoldPkg", ours.holdPackages);
  put("IgnorePkg", ours.ignorePackages);
  put("IgnoreGroup", ours.ignoreGroups);
  put("NoExtract", ours.noExtract);
  put("NoUpgrade", ours.noUpgrade);
  put("Architecture", ours.architectures);
  put("CacheDir", ours.cachePaths);
  put("HookDir", ours.hookPaths.slice(1));
  if (ours.color) lines.push("Color");
  if (ours.checkSpace) lines.push("CheckSpace");
  put("ParallelDownloads", [String(ours.parallelDownloads)]);
  levels("SigLevel", ours.signatures);
  levels("LocalFileSigLevel", { package: ours.localFileSignatures });
  levels("RemoteFileSigLevel", { package: ours.remoteFileSignatures });
  for (const repository of ours.repositories) {
    lines.push(`[${repository.name}]`);
    put(
      "Usage",
      repository.use.size === 4
        ? ["All"]
        : [...repository.use].map((use) => use.charAt(0).toUpperCase() + use.slice(1)),
    );
    levels("SigLevel", repository.signatures);
    put("Server", repository.servers);
  }
  return lines;
}

test("what is wrong is told with its place, and what is not known is a warning", () => {
  const read = (text: string): AlpmConfiguration =>
    readConfiguration("/c", {
      ...HOST,
      read: (path) => (path === "/c" ? text : undefined),
      glob: (pattern) => [pattern],
    });
  const fails = (text: string, message: RegExp): void => {
    assert.throws(
      () => read(text),
      (error) => error instanceof ConfigurationError && message.test(error.message),
    );
  };
  fails("[options]\nSigLevel = Sometimes\n", /^\/c:2: SigLevel does not know Sometimes/);
  fails("Color\n", /^\/c:1: Color stands in no section/);
  fails("[core\n", /^\/c:1: bad section name/);
  fails("[../x]\n", /^\/c:1: .* cannot be a repository's name/);
  fails("[options]\nInclude = /c\n", /included more than 10 deep/);
  fails("[core]\nInclude = /missing\n", /^\/missing: cannot be read/);
  fails("[options]\nParallelDownloads = 0\n", /ParallelDownloads/);
  fails("[options]\nArchitecture = a'b\n", /Architecture: not a name/);
  fails("[core]\nUsage = Fun\n", /^\/c:2: Usage knows/);
  assert.deepEqual(read("[options]\nShiny = 1\n").warnings, ["/c:2: Shiny is not known in [options]"]);
});
