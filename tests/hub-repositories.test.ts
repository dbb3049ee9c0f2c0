/**
 * Goal: what a hub builds is a repository at once, for its own next builds and for everybody's apt. Method: a hub and a
 * worker as programs; a source that needs another one's package is submitted before it; Debian's own apt is the judge.
 */
import assert from "node:assert/strict";
import { spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import type { RebuildView, TaskDetails } from "@stratos/hub-api";
import { buildObstacle } from "@stratos/tools-node/builder";
import { packSource, writeSource } from "./builder/sample-source.ts";
import { endProgram, startProgram } from "./hub/programs.ts";
import { freePort } from "./support/free-port.ts";
import { launcher, run } from "./support/stratos.ts";
import { TEST_HOME } from "./support/test-image.ts";
import { until } from "./support/until.ts";

const options = { skip: buildObstacle() ?? false };
const folder = mkdtempSync(join(tmpdir(), "stratos-hub-repositories-"));
const environment: Record<string, string> = { STRATOS_HOME: TEST_HOME };
const everything = (): NodeJS.ProcessEnv => ({ ...process.env, ...environment });
const children: ChildProcess[] = [];
let url = "";

async function good(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run([...launcher, ...args], { env: environment, timeoutMs: 900_000 });
  assert.equal(status, 0, `stratos ${args.join(" ")}: ${stderr}`);
  return stdout;
}
const hub = (...args: string[]): Promise<string> => good("hub", ...args, "--token-file", join(folder, "token"));
/** By its API: a program for each look would take more than the build that is waited for. */
const taskOf = async (id: string): Promise<TaskDetails> => {
  const authorization = `Bearer ${readFileSync(join(folder, "token"), "utf8").trim()}`;
  return (await (await fetch(`${url}/v1/tasks/${id}`, { headers: { authorization } })).json()) as TaskDetails;
};

before(async () => {
  if (options.skip !== false) return;
  mkdirSync(TEST_HOME, { recursive: true });
  await good("builder", "root", "make");
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  environment["STRATOS_HUB"] = url;
  const token = join(folder, "token");
  const place = ["--database", "memory", "--state", join(folder, "state"), "--token-file", token];
  children.push((await startProgram(["hub", "-l", String(port), ...place], { environment: everything() })).child);
  const worker = ["worker", "--name", "w", "--folder", join(folder, "worker"), "--token-file", token];
  children.push((await startProgram(worker, { environment: everything(), first: "stderr" })).child);
});
after(async () => {
  for (const child of children.reverse()) await endProgram(child);
  rmSync(folder, { recursive: true, force: true });
});

/** apt with a root of its own that has nothing installed, and one repository. */
function apt(channel: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const root = join(folder, `apt-${channel}`);
  for (const name of ["lists/partial", "cache/archives/partial", "parts"])
    mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, "status"), "");
  writeFileSync(join(root, "sources.list"), readFileSync(join(folder, `${channel}.list`), "utf8"));
  const settings = {
    "Dir::State::lists": join(root, "lists"),
    "Dir::State::status": join(root, "status"),
    "Dir::Cache": join(root, "cache"),
    "Dir::Etc::sourcelist": join(root, "sources.list"),
    "Dir::Etc::sourceparts": join(root, "parts"),
    "APT::Sandbox::User": "root",
    "Acquire::http::Proxy": "DIRECT",
  };
  const set = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return spawnSync("apt-get", [...set, ...args], { cwd: root, encoding: "utf8", timeout: 300_000 });
}

extendedTest("a build waits for a package, goes on when it arrives, and apt installs both", options, async () => {
  const needed = packSource(folder, writeSource(folder, { name: "hub-needed" }), "hub-needed");
  const fields = "Build-Depends: hub-needed";
  const script = "mv $D/usr/share/sample $D/usr/share/user\ncp /usr/share/sample/file $D/usr/share/user/taken";
  const user = packSource(folder, writeSource(folder, { name: "hub-user", fields, script }), "hub-user");

  const waits = (await hub("build", user)).trim();
  await until("it wants a package", async () => (await taskOf(waits)).runs[0]?.state === "FAILED", 600);
  const waiting = await taskOf(waits);
  assert.equal(waiting.state, "FREE");
  assert.match(waiting.runs[0]!.message!, /Install-Deps failed: [^]*hub-needed/);

  const first = (await hub("build", needed, "--watch")).trim();
  const { artefacts } = await taskOf(first);
  const deb = artefacts.find(({ role }) => role === "package")!;
  assert.match(await hub("task", "watch", waits), /COMPLETED/);

  const got = (await hub("artefact", "get", first, deb.name, "-o", join(folder, "got"))).trim();
  assert.equal(`sha256:${createHash("sha256").update(readFileSync(got)).digest("hex")}`, deb.digest);

  const keyring = join(folder, "hub.asc");
  writeFileSync(keyring, await hub("repository", "key"));
  const lines = async (channel: string): Promise<void> =>
    writeFileSync(
      join(folder, `${channel}.list`),
      (await hub("repository", "show", channel)).replaceAll("KEYRING", keyring),
    );
  await lines("default");
  const update = apt("default", "update");
  assert.equal(update.status, 0, update.stderr);
  assert.doesNotMatch(update.stdout + update.stderr, /^[WE]:/m);
  assert.match(apt("default", "install", "-s", "hub-needed", "hub-user").stdout, /Inst hub-needed[^]*Inst hub-user/);
  const fetched = apt("default", "download", "hub-user");
  assert.equal(fetched.status, 0, fetched.stderr);
  const [name] = readdirSync(join(folder, "apt-default")).filter((one) => one.endsWith(".deb"));
  const listing = spawnSync("dpkg-deb", ["-c", join(folder, "apt-default", name!)], { encoding: "utf8" }).stdout;
  assert.match(listing, /usr\/share\/user\/taken/, "it was built with the package of the build before");

  // What needs the package is built anew, of the source that was uploaded, with a version that apt takes for newer.
  const planned = await hub("rebuild", "--reverse-depends", "hub-needed", "--plan");
  assert.match(planned, /^1 +hub-user +1\.0\+b1 +\w+ +- +hub-needed$/m);
  const rebuilt = JSON.parse(
    await hub("rebuild", "--reverse-depends", "hub-needed", "--reason", "Try it.", "--json"),
  ) as RebuildView;
  assert.deepEqual([rebuilt.items.length, rebuilt.leftOut], [1, []]);
  const again = String(rebuilt.items[0]!.task);
  assert.match(await hub("task", "watch", again), /COMPLETED/);
  await until("it is published", async () => /hub-user +1\.0\+b1/.test(await hub("package", "ls")), 60);
  assert.equal(apt("default", "update").status, 0);
  assert.match(apt("default", "install", "-s", "hub-user").stdout, /Inst hub-user \(1\.0\+b1 /);

  await hub("channel", "set", "stable");
  await hub("package", "promote", "hub-needed", "--from", "default", "--to", "stable");
  await lines("stable");
  assert.equal(apt("stable", "update").status, 0);
  assert.match(apt("stable", "install", "-s", "hub-needed").stdout, /Inst hub-needed/);
  assert.notEqual(apt("stable", "install", "-s", "hub-user").status, 0, "what was not promoted is not there");
  await hub("package", "withdraw", "hub-needed", "--channel", "stable");
  assert.equal(apt("stable", "update").status, 0);
  assert.notEqual(apt("stable", "install", "-s", "hub-needed").status, 0);
  assert.match(await hub("fsck"), /^nothing is wrong/);
});

test(
  "one command has a source built and its package in an image that starts; a failure names all three",
  options,
  async () => {
    // For all architectures, so that the image's need not be this host's.
    const tree = writeSource(folder, { name: "hub-mine", architecture: "all" });
    packSource(folder, tree, "hub-mine");
    const treefile = join(folder, "mine.yaml");
    const image = `hub-test-${process.pid}`;
    const write = (source: string, name: string): void =>
      writeFileSync(
        treefile,
        `name: mine\nbase: none\narchitectures: [riscv64]\nsources: [./${source}]\n` +
          `packages: [busybox-static, ${name}]\n` +
          `outputs: {image: {format: stratos, image: ${image}}}\n` +
          "files: {/etc/passwd: {content: 'root:x:0:0:root:/:/bin/sh'}}\n",
      );
    write("hub-mine_1.0.dsc", "hub-mine");
    const key = ["--token-file", join(folder, "token")];
    const compose = (...args: string[]) =>
      run([...launcher, "compose", ...args], { env: environment, timeoutMs: 900_000 });
    const output = ["-o", join(folder, "composed")];
    const alone = await run([...launcher, "compose", "plan", treefile, ...key], {
      env: environment,
      timeoutMs: 900_000,
    });
    assert.equal(alone.status, 1);
    assert.match(alone.stderr, /mine\.yaml:4:11: sources\[0\]: hub http.*: channel default has no packages of it/);

    const made = await compose("run", treefile, "--hub", url, ...key, ...output);
    assert.equal(made.status, 0, made.stderr);
    assert.match(made.stderr, /hub: \.\/hub-mine_1\.0\.dsc: task \d+: hub-mine 1\.0/);
    try {
      assert.equal(await good("run", "-i", image, "--", "busybox", "cat", "/usr/share/sample/file"), "content\n");
      // Again: nothing is built, and the image is what it was, by its lock.
      const tasks = await hub("task", "ls", "--json");
      const again = await compose("run", treefile, "--hub", url, ...key, ...output, "--locked");
      assert.deepEqual([again.status, again.stdout], [0, made.stdout], again.stderr);
      assert.equal(await hub("task", "ls", "--json"), tasks);
      const provenance = join(folder, "composed", "mine-default-riscv64.provenance.json");
      const rebuilt = await compose("rebuild", provenance, "-o", join(folder, "rebuilt"));
      assert.equal(rebuilt.status, 0, rebuilt.stderr);
    } finally {
      await good("image", "rm", image);
    }

    packSource(
      folder,
      writeSource(folder, { name: "hub-broken", architecture: "all", script: "exit 3" }),
      "hub-broken",
    );
    write("hub-broken_1.0.dsc", "hub-broken");
    const broken = await compose("run", treefile, "--hub", url, ...key, ...output);
    assert.equal(broken.status, 1);
    assert.match(broken.stderr, /mine\.yaml:4:11: sources\[0\]: hub http\S+: task \d+: FAILED: builder: Build failed/);
  },
);
