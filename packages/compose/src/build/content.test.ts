/**
 * What a treefile brings besides packages: overlays, local packages, answers, what is left out, scripts at several
 * points. Goal: each is in the image as it was said, in its order, the same each time; what cannot be is told with its
 * place. Judges: dpkg, debconf-set-selections.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileEntry, fileTreeOf, MemoryBlob, TarType, type FileEntry } from "@stratos/formats";
import { BASE, makeWorld, packageOf, sha256, textIn, type TestWorld } from "../testing/test-compose.ts";
import { answerQuestions, DEBCONF_CONFIG } from "./debconf.ts";
import { pathFilter, pathFilterText } from "./path-filter.ts";

const OUTPUTS = "outputs: {root: {format: tar}}\n";
const file = (path: string, text: string, mode = 0o640): FileEntry =>
  fileEntry(path, "file", {
    content: new MemoryBlob(Buffer.from(text), sha256),
    mode,
    uid: 1000,
    gid: 1000,
    mtime: 5_000_000_000,
  });
const folder = (path: string, mode = 0o700): FileEntry => fileEntry(path, "directory", { mode, uid: 1000, gid: 1000 });

async function world(...packages: Parameters<TestWorld["publish"]>[0][number][]): Promise<TestWorld> {
  const made = makeWorld();
  await made.publish([
    ...BASE,
    packageOf("tool", {}, [{ path: "./usr/bin/" }, { path: "./usr/bin/tool", text: "tool 1" }]),
    ...packages,
  ]);
  return made;
}

const entryIn = (one: TestWorld, path: string): FileEntry =>
  [...one.trees.get("root")!.entries()].find((entry) => entry.path === path)!;

test(
  "an overlay lies over the image by rules of its own, whatever the host says of owners and modes, and files of " +
    "the treefile above it",
  async () => {
    const make = async (mode: number): Promise<TestWorld> => {
      const one = await world();
      one.folders.set(
        "extra",
        fileTreeOf([
          folder("", mode),
          folder("etc"),
          folder("etc/skel"),
          file("etc/skel/.bashrc", "skel"),
          folder("etc/app"),
          file("etc/app/key", "secret"),
          file("etc/motd", "of the overlay"),
          folder("bin"),
          file("bin/run", "#!", mode | 0o100),
          folder("home"),
          folder("home/ann"),
          file("home/ann/note", "hers"),
          fileEntry("etc/now", "symlink", { target: "app/key" }),
          fileEntry("etc/other", "hardLink", { target: "etc/app/key" }),
        ]),
      );
      one.folders.set("site", fileTreeOf([folder(""), file("index", "page")]));
      await one.compose(
        "name: t\nusers: {ann: {uid: 1500}}\nfiles: {/etc/motd: {content: of the file}}\noverlay:\n- source: " +
          'extra\n  rules: [{path: /etc/app/*, mode: "0600"}, {path: "/home/ann/**", user: ann, group: ann}, {path: ' +
          `/etc/app, folder-mode: "0711"}]\n- {source: site, target: /srv/www}\n${OUTPUTS}`,
      );
      return one;
    };
    const one = await make(0o600),
      two = await make(0o644);
    assert.deepEqual(one.outputs.get("t-default-riscv64.tar"), two.outputs.get("t-default-riscv64.tar"));
    const tree = one.trees.get("root")!;
    const about = (path: string): unknown[] => {
      const { kind, mode, uid, gid, mtime } = entryIn(one, path);
      return [kind, mode.toString(8), uid, gid, mtime < 2_000_000_000];
    };
    assert.deepEqual(
      [about("etc/app/key"), about("etc/app"), about("home/ann/note"), about("home/ann"), about("srv/www")],
      [
        ["file", "600", 0, 0, true],
        ["directory", "711", 0, 0, true],
        ["file", "644", 1500, 1500, true],
        ["directory", "700", 1500, 1500, true],
        ["directory", "755", 0, 0, true],
      ],
    );
    assert.deepEqual(
      [
        textIn(tree, "etc/motd"),
        textIn(tree, "home/ann/.bashrc"),
        textIn(tree, "srv/www/index"),
        entryIn(one, "etc/now").target,
        entryIn(one, "etc/other").kind,
      ],
      ["of the file", "skel", "page", "app/key", "hardLink"],
    );
    // Where the image has a link to a folder, what it leads to is meant.
    assert.deepEqual(about("usr/bin/run"), ["file", "755", 0, 0, true]);
    const jobs = one.runner.jobs.length;
    one.folders.set("site", fileTreeOf([folder(""), file("index", "another")]));
    await one.compose(`name: t\noverlay: [site]\n${OUTPUTS}`);
    assert.equal(textIn(one.trees.get("root")!, "index"), "another");
    assert.equal(one.runner.jobs.length, jobs, "no package is configured again");
  },
);

test("an overlay that does not fit is told", async () => {
  const one = await world();
  const failing = async (entries: FileEntry[], text = "[extra]"): Promise<string> => {
    one.folders.set("extra", fileTreeOf([folder(""), ...entries]));
    const { steps } = await one.compose(`name: t\noverlay: ${text}\n${OUTPUTS}`);
    return steps.find(({ status }) => status === "failed")?.reason ?? "";
  };
  assert.match(
    await failing([folder("usr"), file("usr/bin", "x")]),
    /overlay extra: \/usr\/bin: is a file, and a folder in the image/,
  );
  assert.match(
    await failing([fileEntry("pipe", "fifo")]),
    /overlay extra: \/pipe: an overlay holds files, folders and links alone/,
  );
  assert.match(
    await failing([file("x", "x")], "[{source: extra, rules: [{path: /x, user: eve}]}]"),
    /overlay extra: \/x: there is no user eve in the image/,
  );
  await assert.rejects(
    one.compose(`name: t\noverlay: [{target: /x}]\n${OUTPUTS}`),
    /t\.yaml:2:11: overlay\[0\]: .*source/,
  );
});

test(
  "a .deb beside the treefile is a package like others: with what it depends " + "on, and in the lock by its bytes",
  async () => {
    const one = await world(
      packageOf("libown", {}, [{ path: "./usr/lib/" }, { path: "./usr/lib/libown", text: "lib" }]),
    );
    const deb = (text: string): Uint8Array => {
      const at = mkdtempSync(join(tmpdir(), "stratos-deb-"));
      try {
        mkdirSync(join(at, "own/DEBIAN"), { recursive: true });
        mkdirSync(join(at, "own/opt"));
        writeFileSync(
          join(at, "own/DEBIAN/control"),
          "Package: own\nVersion: 2\nArchitecture: all\nMaintainer: M <m@x>\nDepends: libown\nDescription: own\n",
        );
        writeFileSync(join(at, "own/opt/own"), text);
        execFileSync("dpkg-deb", ["--root-owner-group", "-Zgzip", "-b", join(at, "own"), join(at, "own.deb")], {
          env: { ...process.env, SOURCE_DATE_EPOCH: "1700000000" },
          stdio: "ignore",
        });
        return readFileSync(join(at, "own.deb"));
      } finally {
        rmSync(at, { recursive: true });
      }
    };
    one.sources.set("debs/own_2_all.deb", deb("first"));
    const text = `name: t\npackages: [debs/own_2_all.deb]\n${OUTPUTS}`;
    const { lock } = await one.compose(text);
    assert.equal(textIn(one.trees.get("root")!, "opt/own"), "first");
    assert.deepEqual(
      lock.images["default/riscv64"]!.packages.slice(-2).map(({ name, url, isAutomatic }) => [
        name,
        url.replace(/^http.*/, "archive"),
        isAutomatic,
      ]),
      [
        ["libown", "archive", true],
        ["own", "treefile:debs/own_2_all.deb", false],
      ],
    );
    one.sources.set("debs/own_2_all.deb", deb("second"));
    const { lock: second } = await one.compose(text, { lock });
    assert.notDeepEqual(second, lock);
    assert.equal(textIn(one.trees.get("root")!, "opt/own"), "second");
    const { steps } = await one.compose(text, { lock, lockMode: "locked" });
    assert.match(steps[0]!.reason, /the lock file does not fit default\/riscv64 any more/);
    one.sources.set("debs/own_2_all.deb", Buffer.from("no package"));
    const broken = await one.compose(text);
    assert.match(
      broken.steps.find(({ status }) => status === "failed")!.reason,
      /^t\.yaml:2:12: packages\[0\]: debs\/own_2_all\.deb: /,
    );
  },
);

test("paths that are excluded stay away as dpkg has them stay away, and it still knows them", async (context) => {
  const files = [
    "./usr/",
    "./usr/share/",
    "./usr/share/doc/",
    "./usr/share/doc/big/",
    "./usr/share/doc/big/manual",
    "./usr/share/doc/big/copyright",
    "./usr/share/man/",
    "./usr/share/man/man1/",
    "./usr/share/man/man1/big.1",
    "./usr/share/locale/",
    "./usr/share/locale/de/",
    "./usr/share/locale/de/LC",
    "./usr/share/locale/fr/",
    "./usr/share/locale/fr/LC",
  ];
  // Of an earlier stage: its list names folders that are not there.
  const early = packageOf("early", { Essential: "yes", Priority: "required" }, [
    { path: "./usr/share/" },
    { path: "./usr/share/man/" },
    { path: "./usr/share/man/cs/" },
    { path: "./usr/share/man/cs/man1/" },
    { path: "./usr/share/man/cs/man1/early.1", text: "early" },
  ]);
  const one = await world(
    early,
    packageOf(
      "big",
      {},
      files.slice(2).map((path) => (path.endsWith("/") ? { path } : { path, text: path })),
    ),
  );
  const filters = {
    excludes: ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/[!d]*"],
    includes: ["/usr/share/doc/*/copyright"],
  };
  await one.compose(
    `name: t\npackages: [big]\npath-excludes: ${JSON.stringify(filters.excludes)}\npath-includes: ` +
      `${JSON.stringify(filters.includes)}\n${OUTPUTS}`,
  );
  const ours = [...one.trees.get("root")!.entries()]
    .map(({ path }) => path)
    .filter((path) => /^usr\/share\/(doc\/big|man|locale)/.test(path));
  assert.deepEqual(ours, [
    "usr/share/doc/big",
    "usr/share/doc/big/copyright",
    "usr/share/locale",
    "usr/share/locale/de",
    "usr/share/locale/de/LC",
    "usr/share/man",
  ]);
  assert.match(textIn(one.trees.get("root")!, "var/lib/dpkg/info/big.list"), /\/usr\/share\/doc\/big\/manual\n/);
  if (process.getuid?.() !== 0) return context.diagnostic("dpkg, the judge, unpacks for root alone");
  const at = mkdtempSync(join(tmpdir(), "stratos-dpkg-"));
  try {
    for (const path of files)
      path.endsWith("/")
        ? mkdirSync(join(at, "deb", path), { recursive: true })
        : writeFileSync(join(at, "deb", path), path);
    mkdirSync(join(at, "deb/DEBIAN"));
    writeFileSync(
      join(at, "deb/DEBIAN/control"),
      "Package: big\nVersion: 1\nArchitecture: all\nMaintainer: M <m@x>\nDescription: big\n",
    );
    execFileSync("dpkg-deb", ["-b", join(at, "deb"), join(at, "big.deb")], { stdio: "ignore" });
    mkdirSync(join(at, "root/var/lib/dpkg/updates"), { recursive: true });
    mkdirSync(join(at, "root/var/lib/dpkg/info"));
    writeFileSync(join(at, "root/var/lib/dpkg/status"), "");
    writeFileSync(join(at, "filters"), pathFilterText(filters));
    const options = readFileSync(join(at, "filters"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("path-"))
      .map((line) => `--${line}`);
    execFileSync(
      "dpkg",
      [`--root=${join(at, "root")}`, "--force-all", "--log=/dev/null", ...options, "--unpack", join(at, "big.deb")],
      { stdio: "ignore" },
    );
    const theirs = execFileSync("find", ["usr/share/doc/big", "usr/share/man", "usr/share/locale"], {
      cwd: join(at, "root"),
      encoding: "utf8",
    })
      .trim()
      .split("\n")
      .sort();
    assert.deepEqual([...ours].sort(), theirs);
    assert.match(readFileSync(join(at, "root/var/lib/dpkg/info/big.list"), "utf8"), /\/usr\/share\/doc\/big\/manual\n/);
  } finally {
    rmSync(at, { recursive: true });
  }
});

test("a link to a file that is left out takes its place", async () => {
  const one = await world(
    packageOf("two", {}, [
      { path: "./usr/a/" },
      { path: "./usr/a/one", text: "content" },
      { path: "./usr/b/" },
      { path: "./usr/b/two", fields: { type: TarType.hardLink, linkPath: "./usr/a/one" } },
      { path: "./usr/b/three", fields: { type: TarType.hardLink, linkPath: "./usr/a/one" } },
    ]),
  );
  await one.compose(`name: t\npackages: [two]\npath-excludes: [/usr/a/*]\n${OUTPUTS}`);
  const tree = one.trees.get("root")!,
    paths = [...tree.entries()].map(({ path }) => path);
  assert.ok(!paths.includes("usr/a/one"));
  assert.equal(
    textIn(
      tree,
      paths.includes("usr/b/three") && entryIn(one, "usr/b/three").kind === "file" ? "usr/b/three" : "usr/b/two",
    ),
    "content",
  );
  assert.equal(pathFilter({ excludes: [], includes: ["/x"] }), undefined);
});

test(
  "answers are debconf's own, there before the package that asks is configured, and only its stage is made anew by " +
    "another",
  async (context) => {
    const one = await world();
    const answers = {
      "tool/text": { type: "string", value: 'grün "b"' },
      "tool/yes": { type: "boolean", value: true },
      "shared/m": { type: "multiselect", value: "a, b", package: "tool", seen: false },
      "tool/pw": { type: "password", value: "geheim" },
    } as const;
    const text = (value: string): string =>
      "name: t\npackages: [tool]\ndebconf: " +
      `${JSON.stringify({ ...answers, "tool/text": { type: "string", value } })}\n${OUTPUTS}`;
    await one.compose(text(answers["tool/text"].value));
    const job = one.runner.jobs.at(-1)!,
      jobs = one.runner.jobs.length;
    const config = textIn(job.tree, DEBCONF_CONFIG);
    assert.equal(
      Buffer.from(config, "latin1").toString(),
      "Name: shared/m\nTemplate: shared/m\nOwners: tool\nValue: a, b\n\nName: tool/text\nTemplate: tool/text\n" +
        'Owners: tool\nValue: grün "b"\nFlags: seen\n\nName: tool/yes\nTemplate: tool/yes\nOwners: tool\n' +
        "Value: true\nFlags: seen\n\n",
    );
    assert.match(textIn(job.tree, "var/cache/debconf/passwords.dat"), /^Name: tool\/pw\n[\s\S]*Value: geheim\n/);
    assert.equal([...job.tree.entries()].find(({ path }) => path.endsWith("passwords.dat"))!.mode, 0o600);
    await one.compose(text("another"));
    assert.equal(one.runner.jobs.length, jobs + 1);
    await assert.rejects(
      one.compose(`name: t\ndebconf: {x/y: {type: wish, value: a}}\n${OUTPUTS}`),
      /t\.yaml:2:17: debconf\."x\/y"\.type: expected one of string/,
    );
    const { steps } = await one.compose(`name: t\ndebconf: {other/y: {type: string, value: a}}\n${OUTPUTS}`);
    assert.match(
      steps.find(({ status }) => status === "failed")!.reason,
      /t\.yaml:2:11: .*the image has no package other that would ask/,
    );
    // The judge: what debconf itself makes of the same answers, read back by ours, is the same.
    const at = mkdtempSync(join(tmpdir(), "stratos-debconf-"));
    try {
      const environment = { ...process.env, DEBCONF_DB_REPLACE: `File{${join(at, "config.dat")}}` };
      const ran = execFileSync(
        "sh",
        ["-c", "command -v debconf-set-selections >/dev/null && debconf-set-selections 2>/dev/null; true"],
        { input: 'tool tool/text string grün "b"\ntool tool/yes boolean true\n', env: environment },
      );
      assert.equal(ran.length, 0);
      const theirs = readFileSync(join(at, "config.dat"), "utf8");
      const fields = (stanzas: string): string[][] =>
        stanzas
          .trim()
          .split("\n\n")
          .map((stanza) => stanza.split("\n").sort());
      const { ["tool/text"]: first, ["tool/yes"]: second } = answers;
      const own = answerQuestions({ "tool/text": first, "tool/yes": second }, () => undefined).find(
        ({ path }) => path === DEBCONF_CONFIG,
      )!.text;
      assert.deepEqual(fields(Buffer.from(own, "latin1").toString()), fields(theirs));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      context.diagnostic("no debconf-set-selections here to judge");
    } finally {
      rmSync(at, { recursive: true });
    }
  },
);

test("hooks run at their points, in order, and see what stands there by then", async () => {
  const one = await world();
  const seen: string[] = [];
  one.runner.effects = (job) => {
    if (!job.script.startsWith("var/tmp/")) return undefined;
    const script = textIn(job.tree, "var/tmp/stratos-compose/0").trim().split("\n").at(-1)!;
    const has = (path: string): string => ([...job.tree.entries()].some((entry) => entry.path === path) ? "+" : "-");
    seen.push(`${script}: tool${has("usr/bin/tool")} motd${has("etc/motd")} doc${has("usr/share/doc/base")}`);
    return {
      removed: [],
      changed: [fileEntry(`made-${script}`, "file", { content: new MemoryBlob(Buffer.from(script), sha256) })],
    };
  };
  await one.compose(
    "name: t\npackages: [tool]\nfiles: {/etc/motd: {content: x}}\nremove-files: [/usr/share/doc/base]\nscripts: " +
      `[mine]\nhooks: {prepare: [prep], post-install: [post], finalize: [fin]}\n${OUTPUTS}`,
  );
  assert.deepEqual(seen, [
    "prep: tool- motd- doc+",
    "post: tool+ motd- doc+",
    "mine: tool+ motd+ doc+",
    "fin: tool+ motd+ doc-",
  ]);
  for (const name of ["prep", "post", "mine", "fin"])
    assert.equal(textIn(one.trees.get("root")!, `made-${name}`), name);
  await one.compose(
    "name: t\npackages: [tool]\nfiles: {/etc/motd: {content: x}}\nscripts: [mine]\nhooks: {prepare: [prep], " +
      `post-install: [post], finalize: [other]}\n${OUTPUTS}`,
  );
  assert.deepEqual(
    seen.slice(4).map((line) => line.split(":")[0]),
    ["post", "mine", "other"],
    "what stands before a hook is kept",
  );
});
