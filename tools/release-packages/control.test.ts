/**
 * Goal: what dpkg, apt and a reader of the package are told is what the release is; a version that dpkg would sort
 * wrongly, or a maintainer that would break a field, does not come so far.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { parseSingleStanza, controlProblems } from "@stratos/pkg";
import { debChangelog, debControl, debCopyright, maintainerScripts, rpmDate } from "./control.ts";
import { ReleaseError, debFileNameOf, msiFileNameOf, releaseOf, rpmFileNameOf } from "./release.ts";

const facts = { version: "1.2.0-rc.1", epoch: 1_795_658_260, maintainer: "A B <a@b.example>" };
const release = releaseOf({ ...facts, homepage: "https://b.example/stratos" });

test("a version has the form that each format sorts by; an older one of the same numbers sorts before", () => {
  assert.equal(debFileNameOf(release, "arm64"), "stratos_1.2.0~rc.1_arm64.deb");
  assert.equal(rpmFileNameOf(release, "amd64"), "stratos-1.2.0~rc.1-1.x86_64.rpm");
  assert.equal(msiFileNameOf(release), "stratos-1.2.0-rc.1-x64.msi");
  assert.equal(release.plainVersion, "1.2.0");
  assert.equal(releaseOf({ ...facts, version: "1.2.0-rc-2" }).sortingVersion, "1.2.0~rc.2");
  assert.equal(releaseOf({ ...facts, version: "1.2.0" }).sortingVersion, "1.2.0");
});

test("what would break a field is refused in words", () => {
  for (const [change, why] of [
    [{ version: "v1.2" }, "'v1.2' is no version: three numbers, as 1.2.0, or 1.2.0-rc.1"],
    [{ version: "1.2.0\nDepends: x" }, "'1.2.0\nDepends: x' is no version: three numbers, as 1.2.0, or 1.2.0-rc.1"],
    [{ maintainer: "A\nB <a@b>" }, "'A\nB <a@b>' is no maintainer: Name <name@host>"],
    [{ homepage: 'https://x/"#{1}' }, "'https://x/\"#{1}' is no address of a page: https://…"],
    [{ epoch: NaN }, "SOURCE_DATE_EPOCH is no number of seconds"],
  ] as const)
    assert.throws(
      () => releaseOf({ ...facts, ...change }),
      (error) => error instanceof ReleaseError && error.message === why,
    );
});

test("the control file is one that our own reader takes, and names what Node is linked with", () => {
  const control = parseSingleStanza(debControl(release, "arm64"), "control");
  assert.deepEqual(controlProblems(control), []);
  assert.equal(control.get("Version"), "1.2.0~rc.1");
  assert.equal(control.get("Architecture"), "arm64");
  assert.equal(control.get("Homepage"), "https://b.example/stratos");
  assert.match(control.get("Depends")!, /^libc6 \(>= 2\.28\), libgcc-s1 .*, libstdc\+\+6 /);
  assert.ok(!debControl(releaseOf(facts), "arm64").includes("Homepage"));
});

test("changelog and dates are of the release, not of the clock", () => {
  assert.match(debChangelog(release), /^stratos \(1\.2\.0~rc\.1\) unstable; urgency=medium\n\n {2}\* .+\n\n -- A B /);
  assert.match(debChangelog(release), /<a@b\.example> {2}Thu, 26 Nov 2026 01:57:40 \+0000\n$/);
  assert.equal(rpmDate(release.epoch), "Thu Nov 26 2026");
});

test("the copyright file has the licence's words, in the form that paragraphs have there", () => {
  const text = debCopyright(
    release,
    "MIT License\n\nCopyright (c) 2026 Us\n\nPermission is hereby granted\n\nto all.\n",
  );
  assert.match(text, /^Copyright: 2026 Us$/m);
  assert.match(text, /\nLicense: MIT\n Permission is hereby granted\n \.\n to all\.\n/);
});

test("scripts are a shell's, know their unit, and there are none without units", () => {
  assert.deepEqual(maintainerScripts([]), {});
  const scripts = maintainerScripts(["a.service", "b.service"]);
  assert.deepEqual(Object.keys(scripts), ["postinst", "prerm", "postrm"]);
  for (const [name, script] of Object.entries(scripts)) {
    const { status, stderr } = spawnSync("sh", ["-n"], { input: script, encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""], name);
    assert.match(script, /a\.service b\.service/);
  }
});
