/**
 * Goal: each file is one component in its folder, whose code stays from version to version, as Windows Installer needs
 * it to replace one by the next; a new version is another product; nothing of the clock or of chance is in it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseOf } from "./release.ts";
import { ENVIRONMENT_TABLE, LAUNCHER, LAUNCHER_TEXT, steadySummary, wixSource } from "./wxs.ts";

const facts = { version: "1.2.0-rc.1", epoch: 1_795_658_260, maintainer: 'A & "B" <a@b.example>' };
const release = releaseOf(facts);
const files = ["main.cjs", "console/tab/index.html", LAUNCHER, "console/a&b.js"];

test("files lie in their folders, each a component that the feature has", () => {
  const source = wixSource(release, files);
  const components = [...source.matchAll(/<Component Id="(\w+)"/g)].map(([, id]) => id);
  assert.equal(new Set(components).size, files.length);
  assert.deepEqual(
    [...source.matchAll(/<ComponentRef Id="(\w+)"/g)].map(([, id]) => id).sort(),
    [...components].sort(),
  );
  assert.match(
    source,
    /Name="console">\n.*Name="a&amp;b\.js" .*\n.*<Directory Id="d\w+" Name="tab">\n.*Name="index\.html"/,
  );
  assert.match(source, /Version="1\.2\.0"\n {6}Manufacturer="A &amp; &quot;B&quot;"/);
  assert.equal(source, wixSource(release, [...files].reverse()));
});

test("another version keeps the codes of components and of upgrades, and is another product", () => {
  const codes = (version: string, pattern: RegExp): (string | undefined)[] =>
    [...wixSource(releaseOf({ ...facts, version }), files).matchAll(pattern)].map(([, code]) => code).sort();
  for (const kept of [/Guid="([^"]+)"/g, /UpgradeCode="([^"]+)"/g])
    assert.deepEqual(codes("1.2.0", kept), codes("1.3.0", kept));
  assert.notDeepEqual(codes("1.2.0", /<Product Id="([^"]+)"/g), codes("1.3.0", /<Product Id="([^"]+)"/g));
  for (const code of codes("1.2.0", /(?:Guid|UpgradeCode|Product Id)="([^"]+)"/g))
    assert.match(code!, /^[0-9A-F]{8}-[0-9A-F]{4}-5[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
});

test("the entry in PATH goes with the launcher, which says what it needs", () => {
  const component = /^Path\t=-\*PATH\t\[~\];\[INSTALLDIR\]\t(\w+)\r$/m.exec(ENVIRONMENT_TABLE)![1]!;
  assert.match(wixSource(release, files), new RegExp(`<Component Id="${component}".*Name="stratos\\.cmd"`));
  assert.match(LAUNCHER_TEXT, /Node\.js 24 or later/);
});

test("a summary has the release's time, and a code of what is in the package", () => {
  const made = "1\t1252\r\n9\t{0}\r\n12\t2030/01/01 00:00:00\r\n13\t2030/01/01 00:00:00\r\n14\t500\r\n";
  const steady = steadySummary(made, release, "content");
  assert.match(steady, /^1\t1252\r\n9\t\{[0-9A-F-]{36}\}\r\n12\t2026\/11\/26 01:57:40\r\n13\t.*:40\r\n14\t500\r\n$/);
  assert.notEqual(steadySummary(made, release, "other"), steady);
});
