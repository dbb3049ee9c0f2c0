/**
 * What is run around unpacking. Goal: no package is kept waiting, and no shell started, for a script that does nothing
 * on a new system; what scripts take for granted is configured before they run.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { byteStringOf } from "@stratos/base";
import { actsBeforeUnpack, configureScript, type ScriptedPackage } from "./configure-script.ts";
import type { UnpackedPackage } from "./dpkg-database.ts";

const acts = (preinst?: string): boolean =>
  actsBeforeUnpack({
    archive: {
      controlFiles: preinst === undefined ? [] : [{ name: "preinst", content: byteStringOf(preinst) }],
    } as unknown as ScriptedPackage["archive"],
  });
const HELPER = 'dpkg-maintscript-helper rm_conffile /etc/apt/trusted.gpg.d/buster-stable.gpg 2023.3\\~\\~ -- "$@"\n';

test("a preinst that debhelper has written for upgrades does nothing on a new system", () => {
  assert.equal(acts(), false);
  assert.equal(
    acts(
      `#!/bin/sh\nset -e\n# Automatically added by dh_installdeb/13.24.2\n${HELPER}${HELPER}# End automatically ` +
        "added section\n",
    ),
    false,
  );
  assert.equal(
    acts('#!/bin/sh -e\n\n\tdpkg-maintscript-helper mv_conffile /etc/a /etc/b 1:4.7-1\\~ package -- "$@"\n\nexit 0'),
    false,
  );
  for (const name of ["symlink_to_dir /usr/share/doc/x y", "dir_to_symlink /usr/share/doc/x y"])
    assert.equal(acts(`#!/bin/sh\ndpkg-maintscript-helper ${name} 1.0-1 x -- "$@"\n`), false);
});

test("every other preinst is run", () => {
  for (const line of [
    "dpkg-divert --add /bin/x",
    `${HELPER.trim()} && touch /x`,
    HELPER.trim().replace('"$@"', "upgrade 1"),
    'dpkg-maintscript-helper rm_conffile `touch /x` 1 -- "$@"',
    'dpkg-maintscript-helper supports rm_conffile -- "$@"',
    "exit 1",
    "set -ex",
    `: ${HELPER.trim()}`,
  ]) {
    assert.equal(acts(`#!/bin/sh\nset -e\n${HELPER}${line}\n`), true, line);
  }
  assert.equal(acts(`#!/usr/bin/perl\n${HELPER}`), true);
  assert.equal(acts(HELPER), true);
});

/** A package that was unpacked, of these fields. */
function unpacked(name: string, fields: Record<string, string> = {}): UnpackedPackage {
  const control = new Map(Object.entries({ Version: "1", ...fields }));
  return {
    name,
    architecture: "riscv64",
    archive: { control, controlFiles: [] } as unknown as UnpackedPackage["archive"],
    paths: new Set(),
    conffiles: new Map(),
    md5sums: undefined,
    setAside: new Map(),
  };
}

/** What the script of `packages` has dpkg configure, step by step. */
function steps(packages: UnpackedPackage[]): string[] {
  const lines = configureScript(packages).matchAll(/^dpkg --configure(?: --force-\w+)* (.*)$/gm);
  return [...lines].map((match) => match[1]!);
}

test("essential packages and what they depend on are configured before a script may use what they make", () => {
  const libc = unpacked("libc6", { "Multi-Arch": "same", Version: "2.41-12" });
  assert.deepEqual(
    steps([
      unpacked("ksh93u+m", { Depends: "libc6 (>= 2.38)" }),
      libc,
      unpacked("mawk", { Provides: "awk", "Pre-Depends": "libc6" }),
      unpacked("gawk", { Provides: "awk" }),
      unpacked("base-files", { Essential: "yes", "Pre-Depends": "awk" }),
      unpacked("pager", { Provides: "less (= 3)" }),
      unpacked("debianutils", { Essential: "yes", Depends: "nosuch | libc6 (>= 3) | less (>= 2), absent" }),
    ]),
    ["libc6:riscv64 mawk base-files pager debianutils", "--pending"],
  );
});

test("without an essential package among them, as on top of a base, all are configured at once", () => {
  assert.deepEqual(steps([unpacked("ksh93u+m", { Depends: "libc6" })]), ["--pending"]);
});

test("packages that are added to a root are configured as whoever adds them says; the first ones are not", () => {
  const calls = (hasRunPreinsts: boolean): string[] =>
    configureScript([], { hasRunPreinsts })
      .split("\n")
      .filter((line) => line.includes("dpkg --configure"));
  assert.deepEqual(calls(false), ["dpkg --configure --force-confdef --force-confold --pending"]);
  assert.deepEqual(calls(true), ["dpkg --configure ${DPKG_CONFFILES:---force-confdef --force-confold} --pending"]);
});
