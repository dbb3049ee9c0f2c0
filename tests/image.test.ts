/** Goal: images come whole or not at all, and survive the way out and in. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { stratos } from "./support/stratos.ts";
import { ensureTranslations, TEST_IMAGE, TEST_PACKAGES } from "./support/test-image.ts";

let home: string;
const inHome = (...args: string[]): ReturnType<typeof stratos> => stratos(args, { env: { STRATOS_HOME: home } });
before(async () => {
  await ensureTranslations();
  home = mkdtempSync(join(tmpdir(), "stratos-images-"));
});
after(() => rmSync(home, { recursive: true, force: true }));

test("the built image lists its packages, all configured", async () => {
  const images = JSON.parse((await stratos(["image", "ls", "--json"])).stdout) as {
    name: string;
    packages: { name: string }[];
    suite: string;
  }[];
  const image = images.find(({ name }) => name === TEST_IMAGE)!;
  assert.equal(image.suite, "trixie");
  for (const wanted of ["bash", "dpkg", "apt", ...TEST_PACKAGES])
    assert.ok(
      image.packages.some(({ name }) => name === wanted),
      wanted,
    );
});

test("import takes a tar archive, export gives it back", async () => {
  const tree = join(home, "tree");
  mkdirSync(join(tree, "a/b"), { recursive: true });
  writeFileSync(join(tree, "a/f"), "x".repeat(100_000), { mode: 0o640 });
  execFileSync("sh", ["-c", "ln a/f a/b/hard; ln -s ../f a/b/soft; mkfifo a/p; touch -d @1000000000 a/f"], {
    cwd: tree,
  });
  for (const [name, flags] of [
    ["plain", []],
    ["packed", ["-z"]],
  ] as const) {
    const archive = join(home, `${name}.tar`);
    execFileSync("tar", ["-C", tree, ...flags, "-cf", archive, "."]);
    assert.equal((await inHome("image", "import", name, archive)).status, 0);
    const back = join(home, `${name}.out`);
    assert.equal((await inHome("image", "export", name, "-o", back)).status, 0);
    const list = (file: string): string =>
      execFileSync("sh", ["-c", `tar --numeric-owner -tvf ${file} | sort -k6`], { encoding: "utf8" });
    // Of two names of one file the archive that was given may call the other the first.
    const plain = (text: string): string =>
      text
        .replace(/^h(.*?) +0 /gm, "-$1 100000 ")
        .replace(/ link to .*$/gm, "")
        .replace(/ +/g, " ");
    assert.equal(plain(list(back)), plain(list(archive)));
    execFileSync("sh", [
      "-c",
      `mkdir ${back}.d && tar -C ${back}.d -xf ${back} && diff -r ${tree}/a/b ${back}.d/a/b && cmp ${tree}/a/f ` +
        `${back}.d/a/f`,
    ]);
  }
  assert.deepEqual((await inHome("image", "ls", "--names")).stdout, "packed\nplain\n");
  assert.equal((await inHome("image", "rm", "packed", "plain", "none")).status, 1);
  assert.equal((await inHome("image", "rm", "packed", "plain")).status, 0);
  assert.deepEqual(readdirSync(join(home, "images")), []);
});

test("an import that fails leaves nothing", async () => {
  writeFileSync(join(home, "bad"), "this is no archive".repeat(100));
  const result = await inHome("image", "import", "bad", join(home, "bad"));
  assert.equal(result.status, 1);
  assert.match(result.stderr, /stratos: \S+bad: .*no tar archive, and the disk has no file system that is known/);
  writeFileSync(join(home, "initramfs"), "070701".padEnd(1024, "0"));
  const ofCpio = await inHome("image", "import", "bad", join(home, "initramfs"));
  assert.match(ofCpio.stderr, /stratos: \S+initramfs: is a cpio archive, whose files are not read here/);
  assert.deepEqual(readdirSync(join(home, "images")), []);
});

test("a build without a mirror says what to set, and leaves nothing", async () => {
  const unreachable = await inHome("image", "build", "x", "--mirror", `file://${home}/nothing`);
  assert.equal(unreachable.status, 1);
  assert.match(unreachable.stderr, /stratos: x: /);
  assert.doesNotMatch(unreachable.stderr, /\n {4}at /);
  const malformed = await inHome("image", "build", "x", "--mirror", "nonsense");
  assert.match(malformed.stderr, /stratos: x: not a mirror's URL: nonsense/);
  assert.deepEqual(readdirSync(join(home, "images")), []);
});

test("an image of a name that exists is not replaced unasked", async () => {
  const result = await stratos(["image", "build", TEST_IMAGE]);
  assert.deepEqual(
    [result.status, result.stderr],
    [1, `stratos: ${TEST_IMAGE}: there is such an image already; --force replaces it\n`],
  );
});
