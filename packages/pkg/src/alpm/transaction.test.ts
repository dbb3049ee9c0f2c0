/**
 * Goal: what we install, upgrade and remove is what pacman would have, and pacman itself finds nothing to complain
 * about (`pacman -Qkk`). Roots are folders; the web is a map.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import * as openpgp from "openpgp";
import { nodeAlpmSystem } from "@stratos/tools-node/packages";
import {
  collectingListener,
  makeAlpmPackage,
  publishRepository,
  testAlpmPorts,
  testConfiguration,
  type TestAlpmPorts,
  type TestPackageSpec,
} from "../testing/alpm-repository.ts";
import { Alpm, AlpmLockError, type AlpmOptions } from "./alpm.ts";
import type { AlpmListener } from "./events.ts";
import type { TransactionWish } from "./plan-transaction.ts";
import { FileConflictError } from "./stage-files.ts";
import type { TransactionOptions } from "./transaction.ts";

let folder = "",
  ports: TestAlpmPorts;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "alpm-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

let serial = 0;

interface World {
  root: string;
  options: AlpmOptions;
  events: ReturnType<typeof collectingListener>["events"];
}

async function world(
  repositories: Record<string, readonly (readonly [string, string, TestPackageSpec?])[]>,
  settings: { options?: string; listener?: Partial<AlpmListener> } = {},
): Promise<World> {
  const root = join(folder, `root-${serial++}`);
  mkdirSync(root);
  ports = testAlpmPorts();
  for (const [name, packages] of Object.entries(repositories)) await publishRepository(ports, name, packages);
  const listener = collectingListener(settings.listener);
  const options: AlpmOptions = {
    ports,
    system: { ...nodeAlpmSystem(root), runner: undefined },
    configuration: testConfiguration(Object.keys(repositories), settings.options),
    listener,
  };
  return { root, options, events: listener.events };
}

async function apply(there: World, wish: TransactionWish, options: TransactionOptions = {}): Promise<string[]> {
  const alpm = await Alpm.open(there.options);
  try {
    if (alpm.databases.length === 0) await alpm.refresh();
    const transaction = await alpm.prepare(wish, options);
    await alpm.commit(transaction);
    return alpm.local
      .packages()
      .map((one) => `${one.name} ${one.version}`)
      .sort();
  } finally {
    alpm.close();
  }
}

function pacman(root: string, ...args: string[]): string {
  const result = spawnSync("pacman", ["--root", root, "--dbpath", join(root, "var/lib/pacman"), ...args], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  assert.equal(result.stderr, "", args.join(" "));
  return result.stdout;
}

const FILES: TestPackageSpec = {
  depends: ["lib>=2"],
  backup: ["etc/tool.conf"],
  optionalDepends: ["extra: for more"],
  groups: ["tools"],
  licenses: ["GPL", "custom:x"],
  files: {
    "etc/tool.conf": "a=1\n",
    "usr/bin/tool": "#!/bin/sh\n",
    "usr/bin/alias": "=> usr/bin/tool",
    "usr/bin/link": "-> tool",
    "usr/share/de mo/ä": "x",
    "var/empty/": "",
  },
  modes: { "usr/bin/tool": 0o755, "var/empty/": 0o700 },
};

test("pacman finds what was installed as it should be, and removes it without a trace", async () => {
  const there = await world({
    core: [
      ["tool", "1:1.0-1", FILES],
      ["lib", "2.1-1", { files: { "usr/lib/lib.so": "binary" } }],
      ["other", "1-1"],
    ],
  });
  assert.deepEqual(await apply(there, { install: ["tool"] }), ["lib 2.1-1", "tool 1:1.0-1"]);
  assert.equal(
    pacman(there.root, "-Qkk"),
    "lib: 3 total files, 0 altered files\ntool: 12 total files, 0 altered files\n",
  );
  assert.equal(pacman(there.root, "-Q"), "lib 2.1-1\ntool 1:1.0-1\n");
  assert.equal(pacman(there.root, "-Qd"), "lib 2.1-1\n");
  const info = pacman(there.root, "-Qi", "tool");
  for (const line of [
    "Name            : tool",
    "Version         : 1:1.0-1",
    "Licenses        : GPL  custom:x",
    "Groups          : tools",
    "Depends On      : lib>=2",
    "Optional Deps   : extra: for more",
    "Install Reason  : Explicitly installed",
    "Validated By    : SHA-256 Sum",
  ]) {
    assert.ok(info.includes(line), `${line}\n${info}`);
  }
  assert.match(pacman(there.root, "-Dk"), /No database errors/);
  assert.equal(lstatSync(join(there.root, "usr/bin/alias")).ino, lstatSync(join(there.root, "usr/bin/tool")).ino);
  writeFileSync(join(there.root, "usr/lib/lib.so"), "changed");
  assert.match(
    spawnSync("pacman", ["--root", there.root, "--dbpath", join(there.root, "var/lib/pacman"), "-Qkk", "lib"], {
      encoding: "utf8",
    }).stdout,
    /1 altered file/,
  );
  pacman(there.root, "--noconfirm", "--logfile", "/dev/null", "--hookdir", "/nonexistent", "-R", "tool", "lib");
  assert.ok(!existsSync(join(there.root, "usr/bin")));
});

test("what pacman installed is ours to upgrade and remove", async () => {
  const there = await world({
    core: [["tool", "2.0-1", { ...FILES, depends: [], files: { "usr/bin/tool": "two\n", "usr/share/new": "n" } }]],
  });
  const old = await makeAlpmPackage("tool", "1.0-1", { ...FILES, depends: [] });
  const file = join(folder, "tool-1.0-1-any.pkg.tar.zst");
  writeFileSync(file, old.bytes);
  mkdirSync(join(there.root, "var/lib/pacman"), { recursive: true });
  pacman(there.root, "--noconfirm", "--logfile", "/dev/null", "--hookdir", "/nonexistent", "-U", file);
  writeFileSync(join(there.root, "etc/tool.conf"), "a=mine\n");
  assert.deepEqual(await apply(there, { upgrade: true }), ["tool 2.0-1"]);
  assert.equal(pacman(there.root, "-Qkk"), "tool: 5 total files, 0 altered files\n");
  assert.deepEqual(readdirSync(join(there.root, "usr/bin")), ["tool"]);
  assert.equal(
    readFileSync(join(there.root, "etc/tool.conf.pacsave"), "utf8"),
    "a=mine\n",
    "what was changed and is no longer in the package is kept",
  );
  assert.ok(!existsSync(join(there.root, "var/empty")));
  assert.deepEqual(await apply(there, { remove: ["tool"] }), []);
  assert.equal(pacman(there.root, "-Q"), "");
  assert.deepEqual(
    [readdirSync(there.root).sort(), readdirSync(join(there.root, "etc"))],
    [["etc", "var"], ["tool.conf.pacsave"]],
  );
});

test("configuration files: what was changed here is kept, what was not is renewed", async () => {
  const packages = (version: string, content: string): readonly [string, string, TestPackageSpec] => [
    "tool",
    version,
    { backup: ["etc/a", "etc/b", "etc/c"], files: { "etc/a": content, "etc/b": content, "etc/c": "same" } },
  ];
  const there = await world({ core: [packages("1-1", "one")] });
  await apply(there, { install: ["tool"] });
  writeFileSync(join(there.root, "etc/b"), "mine");
  writeFileSync(join(there.root, "etc/c"), "mine");
  await publishRepository(ports, "core", [packages("2-1", "two")]);
  const alpm = await Alpm.open(there.options);
  await alpm.refresh();
  alpm.close();
  await apply(there, { upgrade: true });
  const text = (path: string): string => readFileSync(join(there.root, path), "utf8");
  assert.deepEqual(
    [text("etc/a"), text("etc/b"), text("etc/b.pacnew"), text("etc/c"), existsSync(join(there.root, "etc/c.pacnew"))],
    ["two", "mine", "two", "mine", false],
  );
  assert.ok(there.events.some((event) => event.kind === "saved" && event.as === "etc/b.pacnew"));
  await apply(there, { remove: ["tool"] });
  assert.deepEqual(readdirSync(join(there.root, "etc")).sort(), ["b.pacnew", "b.pacsave", "c.pacsave"]);
});

test(
  "NoExtract leaves files out, NoUpgrade lays them beside, --purge takes changed ones too, and optional " +
    "dependencies are told",
  async () => {
    const spec = (content: string): TestPackageSpec => ({
      backup: ["etc/conf"],
      optionalDepends: ["more: for more"],
      files: { "etc/conf": content, "etc/fixed": content, "usr/share/help/de/x": "x", "usr/share/help/C/x": "x" },
    });
    const there = await world(
      { core: [["tool", "1-1", spec("one")]] },
      { options: "NoExtract = usr/share/help/* !usr/share/help/C/*\nNoUpgrade = etc/fixed" },
    );
    await apply(there, { install: ["tool"] });
    assert.deepEqual(
      [existsSync(join(there.root, "usr/share/help/de/x")), existsSync(join(there.root, "usr/share/help/C/x"))],
      [false, true],
    );
    assert.deepEqual(
      there.events.filter((event) => event.kind === "optional"),
      [{ kind: "optional", package: "tool", dependencies: ["more: for more"] }],
    );
    await publishRepository(ports, "core", [["tool", "2-1", spec("two")]]);
    const alpm = await Alpm.open(there.options);
    await alpm.refresh();
    alpm.close();
    await apply(there, { upgrade: true });
    assert.deepEqual(
      [
        readFileSync(join(there.root, "etc/fixed"), "utf8"),
        readFileSync(join(there.root, "etc/fixed.pacnew"), "utf8"),
        readFileSync(join(there.root, "etc/conf"), "utf8"),
      ],
      ["one", "two", "two"],
    );
    writeFileSync(join(there.root, "etc/conf"), "mine");
    await apply(there, { remove: ["tool"] }, { purge: true });
    assert.deepEqual(readdirSync(join(there.root, "etc")), ["fixed.pacnew"]);
  },
);

test("files in the way stop a transaction before anything happens, unless they may be overwritten", async () => {
  const there = await world({
    core: [
      ["one", "1-1", { files: { "usr/x": "one" } }],
      ["two", "1-1", { files: { "usr/x": "two", "usr/y": "two" } }],
    ],
  });
  await apply(there, { install: ["one"] });
  writeFileSync(join(there.root, "usr/y"), "nobody's");
  await assert.rejects(
    apply(there, { install: ["two"] }),
    (error) =>
      error instanceof FileConflictError &&
      error.message.includes("two: /usr/x belongs to one") &&
      error.message.includes("two: /usr/y exists and belongs to no package"),
  );
  assert.equal(readFileSync(join(there.root, "usr/x"), "utf8"), "one");
  assert.equal(pacman(there.root, "-Q"), "one 1-1\n");
  assert.deepEqual(readdirSync(join(there.root, "var/lib/stratos/changes")), ["1"]);
  const asked: string[] = [];
  there.options.listener.confirm = async (question) => {
    if (question.kind === "overwrite") asked.push(question.path);
    return true;
  };
  await apply(there, { install: ["two"] });
  assert.deepEqual(asked, ["usr/x", "usr/y"]);
  assert.equal(readFileSync(join(there.root, "usr/x"), "utf8"), "two");
});

test("a file may move from one package to another in one transaction", async () => {
  const there = await world({
    core: [
      ["a", "1-1", { files: { "usr/moved": "old" } }],
      ["b", "1-1"],
    ],
  });
  await apply(there, { install: ["a", "b"] });
  await publishRepository(ports, "core", [
    ["a", "2-1", { files: { "usr/else": "a" } }],
    ["b", "2-1", { files: { "usr/moved": "new" } }],
  ]);
  const alpm = await Alpm.open(there.options);
  await alpm.refresh();
  await alpm.commit(await alpm.prepare({ upgrade: true }));
  alpm.close();
  assert.equal(readFileSync(join(there.root, "usr/moved"), "utf8"), "new");
  assert.equal(pacman(there.root, "-Qkk"), "a: 2 total files, 0 altered files\nb: 2 total files, 0 altered files\n");
});

test("a folder that is all the package's own may become a link, and back; one with others' files may not", async () => {
  const before: TestPackageSpec = { files: { "usr/lib64/a": "a", "usr/lib64/sub/b": "b", "usr/lib/": "" } },
    later: TestPackageSpec = { files: { "usr/lib/a": "a", "usr/lib/sub/b": "b", "usr/lib64": "-> lib" } };
  const there = await world({ core: [["p", "1-1", before]] });
  await apply(there, { install: ["p"] });
  const upgradeTo = async (version: string, spec: TestPackageSpec): Promise<void> => {
    await publishRepository(ports, "core", [["p", version, spec]]);
    const alpm = await Alpm.open(there.options);
    try {
      await alpm.refresh();
      await alpm.commit(await alpm.prepare({ upgrade: true }));
    } finally {
      alpm.close();
    }
  };
  await upgradeTo("2-1", later);
  assert.equal(readFileSync(join(there.root, "usr/lib64/sub/b"), "utf8"), "b");
  assert.ok(lstatSync(join(there.root, "usr/lib64")).isSymbolicLink());
  assert.equal(pacman(there.root, "-Qkk"), "p: 6 total files, 0 altered files\n");
  await upgradeTo("3-1", { files: { "usr/lib64": "plain", "usr/lib/x": "x" } });
  assert.deepEqual(
    [readFileSync(join(there.root, "usr/lib64"), "utf8"), readdirSync(join(there.root, "usr/lib"))],
    ["plain", ["x"]],
  );
  writeFileSync(join(there.root, "usr/lib/foreign"), "");
  await assert.rejects(
    upgradeTo("4-1", { files: { "usr/lib": "-> lib64" } }),
    /p: \/usr\/lib exists and belongs to no package/,
  );
  assert.equal(pacman(there.root, "-Q"), "p 3-1\n");
});

test("signed repositories: what is signed well is installed as such, anything else is refused by name", async () => {
  const { privateKey, publicKey } = await openpgp.generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    userIDs: [{ name: "Packager" }],
    format: "object",
    date: new Date(1_700_000_000_000),
  });
  const sign = async (bytes: Uint8Array): Promise<Uint8Array> =>
    (await openpgp.sign({
      message: await openpgp.createMessage({ binary: bytes }),
      signingKeys: privateKey,
      detached: true,
      format: "binary",
      date: new Date(1_750_000_000_000),
    })) as Uint8Array;
  const there = await world({ core: [["a", "1-1"]] }, { options: "SigLevel = Required" });
  await assert.rejects(apply(there, { install: ["a"] }), /core.db: is not signed, and a signature is required/);
  mkdirSync(join(there.root, "usr/share/pacman/keyrings"), { recursive: true });
  writeFileSync(join(there.root, "usr/share/pacman/keyrings/own.gpg"), publicKey.write());
  ports.web.set("http://mirror/core/core.db.sig", await sign(ports.web.get("http://mirror/core/core.db")!));
  const file = "http://mirror/core/a-1-1-any.pkg.tar.zst";
  await assert.rejects(
    apply(there, { install: ["a"] }),
    /a-1-1-any.pkg.tar.zst: is not signed, and a signature is required/,
  );
  assert.ok(!existsSync(join(there.root, "usr/share/a")));
  ports.web.set(`${file}.sig`, await sign(Buffer.from("something else")));
  await assert.rejects(apply(there, { install: ["a"] }), /a-1-1-any.pkg.tar.zst: has a bad signature/);
  ports.web.set(`${file}.sig`, await sign(ports.web.get(file)!));
  assert.deepEqual(await apply(there, { install: ["a"] }), ["a 1-1"]);
  assert.match(pacman(there.root, "-Qi", "a"), /Validated By +: Signature/);
  assert.match(
    readFileSync(join(there.root, "var/log/pacman.log"), "utf8"),
    /^\[2027-01-15T08:00:00\+0000\] \[ALPM\] transaction started\n.*installed a \(1-1\)\n.*transaction completed\n$/,
  );
  // An index that was changed after it was signed.
  ports.web.set(
    "http://mirror/core/core.db",
    Buffer.concat([ports.web.get("http://mirror/core/core.db")!, Buffer.from("x")]),
  );
  const alpm = await Alpm.open(there.options);
  await assert.rejects(alpm.refresh(), /core.db: has a bad signature/);
  assert.equal(alpm.databases.length, 1, "the last good list stays");
  alpm.close();
});

test("what comes after the commit is done by whoever opens the system next, once", async () => {
  const install = "post_install() { echo installed >> /log; }\n";
  const there = await world({ core: [["tool", "1-1", { install }]] });
  bringShell(there.root);
  const system = nodeAlpmSystem(there.root);
  // The process ends when the scriptlet was to run.
  there.options.system = { ...system, runner: { run: () => Promise.reject(new Error("killed")) } };
  await assert.rejects(apply(there, { install: ["tool"] }), /killed/);
  assert.ok(existsSync(join(there.root, "usr/share/tool")));
  there.options.system = system;
  for (let round = 0; round < 2; round++) (await Alpm.open(there.options)).close();
  assert.equal(readFileSync(join(there.root, "log"), "utf8"), "installed\n");
  assert.deepEqual(
    there.events.filter((event) => event.kind === "recovered"),
    [{ kind: "recovered", title: "installed tool (1-1)" }],
  );
});

test("links of the root are followed within it, never out of it", async () => {
  const there = await world({
    core: [
      ["filesystem", "1-1", { files: { "usr/lib/": "", lib: "-> usr/lib", escape: "-> ../../../../../../tmp" } }],
      ["evil", "1-1", { files: { "lib/inside": "x", "escape/caught": "y" } }],
    ],
  });
  await apply(there, { install: ["filesystem", "evil"] });
  assert.equal(readFileSync(join(there.root, "usr/lib/inside"), "utf8"), "x");
  assert.equal(readFileSync(join(there.root, "tmp/caught"), "utf8"), "y");
});

test("a transaction is taken back, and with it the database", async () => {
  const there = await world({
    core: [
      ["a", "1-1"],
      ["b", "1-1", { depends: ["a"] }],
    ],
  });
  await apply(there, { install: ["a"] });
  await apply(there, { install: ["b"], remove: [] });
  const alpm = await Alpm.open(there.options);
  assert.deepEqual(
    alpm.history().map((record) => record.note.title),
    ["installed a (1-1)", "installed b (1-1)"],
  );
  assert.deepEqual(await alpm.rollback(), ["installed b (1-1)"]);
  assert.deepEqual(
    alpm.local.packages().map((one) => one.name),
    ["a"],
  );
  assert.equal(pacman(there.root, "-Qkk"), "a: 3 total files, 0 altered files\n");
  assert.deepEqual(await alpm.rollback(1), ["installed a (1-1)"]);
  assert.equal(pacman(there.root, "-Q"), "");
  assert.deepEqual(alpm.history(), []);
  alpm.close();
});

test("the lock is pacman's, and one left behind by a killed process is taken over", async () => {
  const there = await world({ core: [["a", "1-1"]] });
  const alpm = await Alpm.open(there.options);
  await assert.rejects(
    Alpm.open(there.options),
    (error) => error instanceof AlpmLockError && /held by process/.test(error.message),
  );
  assert.match(
    spawnSync(
      "pacman",
      ["--root", there.root, "--dbpath", join(there.root, "var/lib/pacman"), "--noconfirm", "-D", "--asdeps", "a"],
      { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } },
    ).stderr,
    /unable to lock database/,
  );
  alpm.close();
  writeFileSync(join(there.root, "var/lib/pacman/db.lck"), "");
  await assert.rejects(Alpm.open(there.options), /pacman is at work/);
  writeFileSync(join(there.root, "var/lib/pacman/db.lck"), "stratos 999999999 5\n");
  (await Alpm.open(there.options)).close();
  assert.ok(!existsSync(join(there.root, "var/lib/pacman/db.lck")));
});

test("scriptlets and hooks run in the root, in pacman's order, and see what they are to see", async () => {
  const log = (word: string): string => `echo "${word} $*" >> /log`;
  const install = ["pre_install", "post_install", "pre_upgrade", "post_upgrade", "pre_remove", "post_remove"]
    .map((name) => `${name}() { ${log(name)}; }\n`)
    .join("");
  const hook = (when: string, type: string, target: string): string =>
    `[Trigger]\nOperation = Install\nOperation = Upgrade\nOperation = Remove\nType = ${type}\nTarget = ${target}` +
    `\n[Action]\nDescription = d\nWhen = ${when}\nExec = /bin/sh -c 'while read x; do echo "${when} $x" >> /log; ` +
    "done'\nNeedsTargets\n";
  const there = await world({
    core: [
      ["tool", "1-1", { install, files: { "usr/share/tool": "1" } }],
      [
        "shells",
        "1-1",
        {
          files: {
            "usr/share/libalpm/hooks/10-pre.hook": hook("PreTransaction", "Package", "tool"),
            "usr/share/libalpm/hooks/20-post.hook": hook("PostTransaction", "Path", "usr/share/to*"),
            "usr/share/libalpm/hooks/30-off.hook": hook("PostTransaction", "Package", "*"),
            "etc/pacman.d/hooks/30-off.hook": "-> /dev/null",
          },
        },
      ],
    ],
  });
  bringShell(there.root);
  there.options.system = nodeAlpmSystem(there.root);
  await apply(there, { install: ["shells"] });
  await apply(there, { install: ["tool"] });
  await publishRepository(ports, "core", [["tool", "2-1", { install, files: { "usr/share/tool": "2" } }]]);
  const alpm = await Alpm.open(there.options);
  await alpm.refresh();
  alpm.close();
  await apply(there, { upgrade: true });
  await apply(there, { remove: ["tool"] });
  assert.deepEqual(readFileSync(join(there.root, "log"), "utf8").trim().split("\n"), [
    "PreTransaction tool",
    "pre_install 1-1",
    "post_install 1-1",
    "PostTransaction usr/share/tool",
    "PreTransaction tool",
    "pre_upgrade 2-1 1-1",
    "post_upgrade 2-1 1-1",
    "PostTransaction usr/share/tool",
    "PreTransaction tool",
    "pre_remove 2-1",
    "post_remove 2-1",
    "PostTransaction usr/share/tool",
  ]);
});

/** The host's shell with the libraries that it needs. */
function bringShell(root: string): void {
  const libraries = execFileSync("ldd", ["/bin/sh"], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
  for (const path of ["/bin/sh", ...libraries]) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    execFileSync("cp", ["-L", path, join(root, path)]);
  }
}
