/**
 * `stratos ostree`: what is in a repository, whether it is whole, and machines that pull from it. Judge: ostree, which
 * pulls over HTTP.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandArguments } from "../testing/command-line.ts";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

const folder = testFolder("stratos-ostree-command");
const at = (name: string): string => join(folder, name);
const ostree = (...args: string[]): string =>
  execFileSync("ostree", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

before(async () => {
  mkdirSync(join(at("root"), "usr"), { recursive: true });
  for (const version of ["1", "2"]) {
    writeFileSync(join(at("root"), "usr/version"), version);
    const { status, stderr } = await runCommand(
      "image",
      "convert",
      at("root"),
      at("repo"),
      "--to",
      "ostree",
      "--ref",
      "a/b",
      "--time",
      `170000000${version}`,
    );
    assert.equal(status, 0, stderr);
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("references are listed, with their commits", async () => {
  const { stdout } = await runCommand("ostree", "refs", at("repo"), "--json"),
    [row] = JSON.parse(stdout);
  assert.deepEqual(
    [row.ref, row.checksum, row.time, row.parent === null],
    ["a/b", ostree("rev-parse", `--repo=${at("repo")}`, "a/b").trim(), "2023-11-14T22:13:22.000Z", false],
  );
  assert.match((await runCommand("ostree", "refs", at("repo"))).stdout, /^REFERENCE +COMMIT .*\na\/b +[0-9a-f]{16} /);
  const none = await runCommand("ostree", "refs", at("root"));
  assert.deepEqual([none.status, none.stderr], [1, `stratos: ${at("root")}: is no OSTree repository\n`]);
});

test("a machine pulls over HTTP from what is served, and nothing else of the folder is there for it", async () => {
  const child = spawn(process.execPath, [...commandArguments, "ostree", "serve", at("repo"), "--quiet"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(child.stdout!, "data")) as [Buffer],
      url = line.toString().trim();
    ostree("init", `--repo=${at("client")}`, "--mode=bare-user-only");
    ostree("remote", "add", "--no-gpg-verify", `--repo=${at("client")}`, "origin", url);
    ostree("pull", `--repo=${at("client")}`, "origin", "a/b");
    assert.equal(ostree("cat", `--repo=${at("client")}`, "origin:a/b", "/usr/version"), "2");
    assert.match(ostree("remote", "refs", `--repo=${at("client")}`, "origin"), /origin:a\/b/);
    writeFileSync(join(at("repo"), "private"), "x");
    for (const path of ["private", "tmp/", ".lock", "../root/usr/version", "refs/heads/../../private"])
      assert.equal((await fetch(`${url}/${path}`)).status, 404, path);
    assert.equal((await fetch(`${url}/config`)).status, 200);
    const taken = await runCommand("ostree", "serve", at("repo"), "--listen", new URL(url).port);
    assert.deepEqual(
      [taken.status, /^stratos: 127\.0\.0\.1:\d+: .*in use/.test(taken.stderr)],
      [1, true],
      taken.stderr,
    );
  } finally {
    child.kill();
    await once(child, "close");
  }
  ostree("init", `--repo=${at("plain")}`, "--mode=bare-user-only");
  assert.match(
    (await runCommand("ostree", "serve", at("plain"))).stderr,
    /has mode bare-user-only; repositories of mode archive are served/,
  );
});

test("a repository is found whole, and what was changed in it is named", async () => {
  assert.match((await runCommand("ostree", "check", at("repo"))).stdout, /^[0-9a-f]{64}: 1 files, whole\n$/);
  const parent = ostree("rev-parse", `--repo=${at("repo")}`, "a/b^").trim();
  assert.deepEqual(JSON.parse((await runCommand("ostree", "check", at("repo"), parent, "--json")).stdout), [
    { commit: parent, files: 1, bytes: 1 },
  ]);
  assert.match((await runCommand("ostree", "check", at("repo"), "no/such")).stderr, /no\/such: no such reference/);
  const objects = readdirSync(join(at("repo"), "objects"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".filez"),
  );
  for (const name of objects) {
    const path = join(at("repo"), "objects", name),
      bytes = readFileSync(path);
    bytes[bytes.length - 3]! ^= 4;
    writeFileSync(path, bytes);
  }
  const damaged = await runCommand("ostree", "check", at("repo"));
  assert.equal(damaged.status, 1);
  assert.match(damaged.stderr, /usr\/version: the file [0-9a-f]{64} has been changed/);
  assert.notEqual(spawnSync("ostree", ["fsck", `--repo=${at("repo")}`]).status, 0);
});

test("a delta is made, listed, shown and applied, and only where it makes sense", async () => {
  const repo = at("with-deltas"),
    client = at("delta-client");
  for (const version of ["1", "2"]) {
    writeFileSync(join(at("root"), "usr/version"), version);
    await runCommand(
      "image",
      "convert",
      at("root"),
      repo,
      "--to",
      "ostree",
      "--ref",
      "a/b",
      "--time",
      `170000000${version}`,
    );
    if (version === "1")
      assert.match(
        (await runCommand("ostree", "delta", "generate", repo, "a/b")).stderr,
        /a\/b: has no parent; --from names another commit, --empty makes a delta from nothing/,
      );
  }
  const made = JSON.parse((await runCommand("ostree", "delta", "generate", repo, "a/b", "--json")).stdout),
    name = `${made.from}-${made.to}`;
  assert.deepEqual([made.parts, made.objects, made.patchedFiles], [1, 3, 0]);
  assert.equal(ostree("static-delta", "list", `--repo=${repo}`).trim(), name);
  assert.deepEqual(
    JSON.parse((await runCommand("ostree", "delta", "list", repo, "--json")).stdout).map(
      ({ from, to, parts }: { from: string; to: string; parts: number }) => [from, to, parts],
    ),
    [[made.from, made.to, 1]],
  );
  const shown = JSON.parse((await runCommand("ostree", "delta", "show", repo, name, "--json")).stdout);
  assert.deepEqual([shown.files, shown.dirtrees, shown.dirmetas, shown.fallbacks], [1, 2, 0, []]);
  ostree("init", `--repo=${client}`, "--mode=archive");
  ostree("pull-local", `--repo=${client}`, repo, made.from);
  assert.equal((await runCommand("ostree", "delta", "generate", repo, "a/b", "-o", at("x.delta"))).status, 0);
  assert.match(
    (await runCommand("ostree", "delta", "generate", repo, "a/b", "-o", at("x.delta"))).stderr,
    /x\.delta: is there already/,
  );
  assert.equal(
    (await runCommand("ostree", "delta", "apply", client, at("x.delta"), "--ref", "local/b")).stdout,
    `${made.to}\n`,
  );
  assert.equal(ostree("cat", `--repo=${client}`, "local/b", "/usr/version"), "2");
  ostree("fsck", `--repo=${client}`);
  assert.match(
    (await runCommand("ostree", "delta", "apply", client, at("none.delta"))).stderr,
    /none\.delta: no such file/i,
  );
  assert.match(
    (await runCommand("ostree", "delta", "show", repo, "00")).stderr,
    /00: not a delta's name, FROM-TO or TO/,
  );
  assert.match(
    (await runCommand("ostree", "delta", "generate", repo, made.to, "--from", made.to)).stderr,
    /the two commits are one/,
  );
  assert.equal(
    (await runCommand("ostree", "delta", "generate", repo, "a/b", "--empty", "--from", made.from)).status,
    2,
  );
});
