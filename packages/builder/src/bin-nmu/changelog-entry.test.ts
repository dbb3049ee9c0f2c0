/** Goal: entries of binNMUs are as sbuild writes them, and go through a `.buildinfo` unchanged. Method: golden text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceError } from "@stratos/pkg";
import { parseBuildInfo, requestOfBuildInfo } from "../verify/buildinfo.ts";
import { changelogEntry, type BinNmu } from "./changelog-entry.ts";

const SOURCE = { name: "hello", version: "2.10-3" };
const PLACE = { suite: "trixie", architecture: "amd64" };
const NMU: BinNmu = { number: 1, reason: "Rebuild against libgreet2.", dateSeconds: 1_769_817_600 };

// Source: sbuild 0.85.0, Build.pm, with --binNMU=1 --make-binNMU=… --binNMU-timestamp=1769817600 --maintainer=….
const ENTRY =
  "hello (2.10-3+b1) trixie; urgency=low, binary-only=yes\n\n" +
  "  * Binary-only non-maintainer upload for amd64; no source changes.\n  * Rebuild against libgreet2.\n\n" +
  " -- Stratos builder <builder@localhost>  Sat, 31 Jan 2026 00:00:00 +0000\n\n";

test("an entry is written as sbuild writes it", () => {
  assert.deepEqual(changelogEntry(NMU, SOURCE, PLACE), { version: "2.10-3+b1", entry: ENTRY });
  const epoch = changelogEntry({ ...NMU, number: 12, dateSeconds: 0 }, { ...SOURCE, version: "1:2" }, PLACE);
  assert.equal(epoch.version, "1:2+b12");
  assert.match(epoch.entry, / {2}Thu, 01 Jan 1970 00:00:00 \+0000\n\n$/);
});

test("what would break the changelog, or is another version, is refused", () => {
  for (const [more, words] of [
    [{ number: 0 }, /from 1 to 9999/],
    [{ number: 1.5 }, /from 1 to 9999/],
    [{ reason: " " }, /one line/],
    [{ reason: "a\n -- Mallory <m@mirror.example>  Thu" }, /one line/],
    [{ reason: "x".repeat(501) }, /one line/],
    [{ maintainer: "Nobody" }, /NAME <ADDRESS>/],
    [{ maintainer: "A <a@b>\n <c>" }, /NAME <ADDRESS>/],
    [{ of: "2.10-2" }, /hello is version 2\.10-3; 2\.10-2 was to be built anew/],
  ] as const)
    assert.throws(
      () => changelogEntry({ ...NMU, ...more }, SOURCE, PLACE),
      (error) => error instanceof SourceError && words.test(error.message),
      JSON.stringify(more),
    );
});

test("the record of a binNMU repeats it, entry and all", () => {
  const field = `\n${ENTRY.trimEnd()}`
    .split("\n")
    .map((line) => ` ${line === "" ? "." : line}`)
    .join("\n");
  const text =
    "Format: 1.0\nSource: hello (2.10-3)\nBinary: hello\nArchitecture: amd64\nVersion: 2.10-3+b1\n" +
    `Binary-Only-Changes:${field.replace(/^ \.\n/, "\n")}\n` +
    `Checksums-Sha256:\n ${"0".repeat(64)} 1 hello_2.10-3+b1_amd64.deb\nInstalled-Build-Depends:\n gcc (= 4)\n`;
  const info = parseBuildInfo(text, "test");
  assert.deepEqual(info.binNmu, { version: "2.10-3+b1", entry: ENTRY });
  const request = requestOfBuildInfo(info, { suite: "trixie" });
  assert.deepEqual(request.source, { kind: "name", name: "hello", version: "2.10-3" });
  assert.equal(changelogEntry(request.binNmu!, SOURCE, { suite: "other", architecture: "amd64" }).entry, ENTRY);
});
