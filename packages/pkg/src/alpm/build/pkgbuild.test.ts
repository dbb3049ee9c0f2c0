/**
 * Goal: PKGBUILDs mean here what they mean to makepkg. The SRCINFO files beside them were written by the real
 * `makepkg --printsrcinfo` (pacman 6.0.2, CARCH=x86_64); ours is the same, byte for byte.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { parsePkgbuild } from "./pkgbuild.ts";
import { formatSourceInfo, packageValues, parseSourceInfo, RecipeError, valuesFor } from "./recipe.ts";
import { ShellError } from "./shell-words.ts";

const FOLDER = join(import.meta.dirname, "../../testing/pkgbuilds");
const read = (name: string, file: string): string => readFileSync(join(FOLDER, name, file), "utf8");

test("makepkg writes the same .SRCINFO", () => {
  for (const name of readdirSync(FOLDER))
    assert.equal(
      formatSourceInfo(parsePkgbuild(read(name, "PKGBUILD"), "x86_64", name).recipe),
      read(name, "SRCINFO"),
      name,
    );
});

test("a .SRCINFO is read back as it was", () => {
  for (const name of readdirSync(FOLDER))
    assert.equal(formatSourceInfo(parseSourceInfo(read(name, "SRCINFO"))), read(name, "SRCINFO"), name);
});

test("a package has what its function says, else what the base says, for its architecture", () => {
  const { recipe, functions } = parsePkgbuild(read("split", "PKGBUILD"), "x86_64");
  const of = (name: string, key: string): string[] =>
    packageValues(
      recipe,
      recipe.packages.find((one) => one.name === name)!,
      key,
      "x86_64",
    );
  assert.deepEqual(
    [
      recipe.base,
      recipe.version,
      of("suite-core", "depends"),
      of("suite-gui", "depends"),
      of("suite-docs", "depends"),
      of("suite-gui", "groups"),
      of("suite-core", "groups"),
      of("suite-gui", "conflicts"),
    ],
    ["suite", "2:4.7-1", ["zlib", "openssl>=3"], ["suite-core=2:4.7-1", "qt6-base"], [], [], ["suite"], ["suite-cli"]],
  );
  assert.deepEqual([...functions].sort(), [
    "_install",
    "build",
    "package_suite-core",
    "package_suite-docs",
    "package_suite-gui",
  ]);
  const plain = parsePkgbuild(read("plain", "PKGBUILD"), "x86_64").recipe;
  assert.equal(valuesFor(plain.attributes, "source", "x86_64").length, 4);
  assert.equal(valuesFor(plain.attributes, "source", "aarch64").length, 3);
});

test("a function ends where bash ends it, whatever stands in it", () => {
  const bodies = [
    'cat <<< "a\nb } "',
    "cat <<<word",
    "cat <<EOF\n}\nEOF\n",
    "cat <<-'E O'\n}\n\tE O\n",
    "x=$((1<<2))",
    "((x = 1 << 2, y = (3)))",
    "echo '}' \"}\" \\} $'\\'}' # }\n",
    'for x in {a,b}; do { echo ${x#"{"}; }; done',
  ];
  for (const body of bodies) {
    const { functions } = parsePkgbuild(
      `pkgname=a\npkgver=1\npkgrel=1\narch=(any)\npackage() { ${body}\n}\nbuild() { :; }\n`,
      "x86_64",
    );
    assert.deepEqual([...functions].sort(), ["build", "package"], body);
    assert.equal(
      spawnSync("bash", ["-n", "-c", `package() { ${body}\n}\nbuild() { :; }\n`]).status,
      0,
      `bash takes it: ${body}`,
    );
  }
});

test("what only a shell can tell is refused with its line, and nothing is run", () => {
  const refuse = (text: string, message: RegExp, needsShell = true): void => {
    assert.throws(
      () => parsePkgbuild(text, "x86_64"),
      (error) => error instanceof ShellError && error.needsShell === needsShell && message.test(error.message),
    );
  };
  refuse("pkgname=a\npkgver=$(date)\n", /^PKGBUILD:2: command substitution/);
  refuse("pkgname=a\n\npkgver=`date`\n", /^PKGBUILD:3: command substitution/);
  refuse('pkgname="a${b:-$(touch /tmp/x)}"\n', /^PKGBUILD:1: command substitution/);
  refuse("if true; then\npkgname=a\nfi\n", /^PKGBUILD:1: if needs a shell/);
  refuse("depends=(<(x))\n", /process substitution/);
  refuse("pkgname='a\n", /^PKGBUILD:1: a quote does not end/, false);
  refuse("depends=(a\n", /an array does not end/, false);
  refuse("build() {\n", /a function does not end/, false);
});

test("what is no package is refused in words", () => {
  const refuse = (text: string, message: RegExp): void => {
    assert.throws(
      () => parsePkgbuild(text, "x86_64"),
      (error) => error instanceof RecipeError && message.test(error.message),
    );
  };
  refuse("pkgver=1\npkgrel=1\narch=(any)\n", /has no pkgname/);
  refuse("pkgname=../x\npkgver=1\npkgrel=1\narch=(any)\n", /not a package name: "..\/x"/);
  refuse("pkgname=a\npkgver=1-2\npkgrel=1\narch=(any)\n", /not a pkgver/);
  refuse("pkgname=a\npkgver=1\npkgrel=x\narch=(any)\n", /not a pkgrel/);
  refuse("pkgname=a\npkgver=1\npkgrel=1\n", /has no arch/);
  assert.throws(
    () => parseSourceInfo("pkgbase = a\nnonsense\n"),
    /^RecipeError: .SRCINFO:2: "key = value" was expected/,
  );
});

test("5 000 damaged PKGBUILDs are answered", () => {
  const seed = 7;
  const random = new SeededRandom(seed);
  const texts = readdirSync(FOLDER).map((name) => read(name, "PKGBUILD"));
  for (let round = 0; round < 5000; round++) {
    let text = texts[random.below(texts.length)]!;
    for (let edits = 1 + random.below(4); edits > 0; edits--) {
      const at = random.below(text.length);
      const piece = ["", "'", '"', "$", "{", "}", "(", ")", "\\", "`", "${", "$((", "<<EOF\n", ",", "\n"][
        random.below(15)
      ]!;
      text = text.slice(0, at) + piece + text.slice(at + random.below(4));
    }
    try {
      parsePkgbuild(text, "x86_64");
    } catch (error) {
      assert.ok(
        error instanceof ShellError || error instanceof RecipeError,
        `seed ${seed}, round ${round}: ${String(error)}\n${text}`,
      );
    }
  }
});
