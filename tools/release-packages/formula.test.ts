/** Goal: the formula names the tarball, its hash and Node; nothing of an address or a hash can end a string of Ruby. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { homebrewFormula } from "./formula.ts";
import { ReleaseError, releaseOf } from "./release.ts";

const facts = { version: "1.2.0", epoch: 0, maintainer: "A <a@b.example>", homepage: "https://b.example" };
const sha256 = "0123456789abcdef".repeat(4);
const url = "https://b.example/stratos-1.2.0.tgz";

test("a formula has what Homebrew asks of one", () => {
  const text = homebrewFormula(releaseOf(facts), { url, sha256 });
  for (const line of [
    "class Stratos < Formula",
    '  homepage "https://b.example"',
    `  url "${url}"`,
    '  version "1.2.0"',
    `  sha256 "${sha256}"`,
    '  license any_of: ["MIT", "Apache-2.0"]',
    '  depends_on "node"',
  ])
    assert.ok(text.split("\n").includes(line), line);
  // `brew audit`: a description is short and does not name the formula.
  const description = /^ {2}desc "(.*)"$/m.exec(text)![1]!;
  assert.ok(description.length <= 80 && !/stratos/i.test(description), description);
});

test("what is no address, no hash, or no home page is refused", () => {
  for (const [homepage, tarball] of [
    [facts.homepage, { url: 'https://b.example/"; system("x")', sha256 }],
    [facts.homepage, { url: "file:///x.tgz", sha256 }],
    [facts.homepage, { url, sha256: sha256.toUpperCase() }],
    [undefined, { url, sha256 }],
  ] as const)
    assert.throws(() => homebrewFormula(releaseOf({ ...facts, homepage }), tarball), ReleaseError);
});
