/** A source package that builds with what every base has: no debhelper, a second of work. */
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface SampleFields {
  readonly name?: string;
  /** of debian/control's first paragraph */
  readonly fields?: string;
  /** lines of sh(1) that fill `$D`, the package's root, before it is packed */
  readonly script?: string;
  /** of its package */
  readonly architecture?: "linux-any" | "all";
}

/** Writes an unpacked source tree. @returns its folder */
export function writeSource(
  folder: string,
  { name = "sample", fields = "", script = "", architecture = "linux-any" }: SampleFields = {},
): string {
  const tree = join(folder, `${name}-1.0`);
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(join(tree, "debian/source"), { recursive: true });
  writeFileSync(
    join(tree, "debian/control"),
    `Source: ${name}\nMaintainer: Test <test@mirror.example>\nSection: misc\nPriority: optional\n` +
      `Standards-Version: 4.7.2\nRules-Requires-Root: no\n${fields === "" ? "" : `${fields}\n`}\nPackage: ${name}\n` +
      `Architecture: ${architecture}\nDescription: sample\n A package of a test.\n`,
  );
  writeFileSync(
    join(tree, "debian/changelog"),
    `${name} (1.0) unstable; urgency=medium\n\n  * Test.\n\n -- Test <test@mirror.example>  Tue, 14 Nov 2023 ` +
      "22:13:20 +0000\n",
  );
  writeFileSync(join(tree, "debian/source/format"), "3.0 (native)\n");
  writeFileSync(
    join(tree, "debian/build.sh"),
    "set -e\nD=debian/tmp\nrm -rf $D\nmkdir -p $D/DEBIAN $D/usr/share/sample\necho content " +
      `>$D/usr/share/sample/file\n${script}\ndpkg-gencontrol -P$D\nchmod -R u+rwX,go=rX $D\nfind $D -newermt ` +
      "@$SOURCE_DATE_EPOCH -print0 | xargs -0r touch -h -d @$SOURCE_DATE_EPOCH\ndpkg-deb --root-owner-group -b $D ..\n",
  );
  writeFileSync(
    join(tree, "debian/rules"),
    "#!/usr/bin/make -f\nclean:\n\trm -rf debian/tmp debian/files\nbuild build-arch build-indep:\n" +
      (architecture === "all" ? "binary-arch:\nbinary-indep" : "binary-indep:\nbinary-arch") +
      " binary:\n\tsh debian/build.sh\n.PHONY: clean build build-arch build-indep binary binary-arch binary-indep\n",
    { mode: 0o755 },
  );
  return tree;
}

/** Packs a tree as `3.0 (native)`. @param words  more of them for tar @returns the path of the .dsc */
export function packSource(folder: string, tree: string, name = "sample", words: readonly string[] = []): string {
  const archive = `${name}_1.0.tar.gz`;
  const { status, stderr } = spawnSync(
    "tar",
    [
      "-C",
      join(tree, ".."),
      ...words,
      "--sort=name",
      "--owner=0",
      "--group=0",
      "-czf",
      join(folder, archive),
      `${name}-1.0`,
    ],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr);
  const control = readFileSync(join(tree, "debian/control"), "utf8"),
    bytes = readFileSync(join(folder, archive));
  const listed = (algorithm: string): string =>
    `${createHash(algorithm).update(bytes).digest("hex")} ${statSync(join(folder, archive)).size} ${archive}`;
  const architecture = /^Architecture: (.*)$/m.exec(control)![1]!;
  const needs = /^Build-Depends:.*$/m.exec(control)?.[0];
  const dsc = join(folder, `${name}_1.0.dsc`);
  writeFileSync(
    dsc,
    `Format: 3.0 (native)\nSource: ${name}\nBinary: ${name}\nArchitecture: ${architecture}\nVersion: 1.0\n` +
      "Maintainer: Test <test@mirror.example>\nStandards-Version: 4.7.2\n" +
      `${needs === undefined ? "" : `${needs}\n`}Checksums-Sha256:\n ${listed("sha256")}\nFiles:\n ${listed("md5")}\n`,
  );
  return dsc;
}
