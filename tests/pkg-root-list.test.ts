/**
 * Goal: a list brings a Debian system in a folder, or one that has pacman's packages too, to what it says in one
 * change, which the history shows and a rollback takes back to the last file; what other programs did to the packages
 * in between is never half taken back. Method: a root made of this host's dpkg, repositories of our own, and dpkg
 * itself as the other program.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { makeAlpmPackage } from "../packages/pkg/src/testing/alpm-repository.ts";
import { rootManifest } from "./packages/root-manifest.ts";
import {
  hostArchitecture,
  makeSmallRoot,
  readInRoot,
  rootCommands,
  SampleArchive,
  script,
  smallRootObstacle,
} from "./support/sample-archive.ts";
import { stratos } from "./support/stratos.ts";

const obstacle = smallRootObstacle();
const options = { skip: obstacle ?? false };
const folder = mkdtempSync(join(tmpdir(), "stratos-pkg-root-list-"));
const root = join(folder, "root");
const env = { STRATOS_HOME: join(folder, "home"), TMPDIR: folder };
const { pkg, good } = rootCommands(root, env);
let archive: SampleArchive;

before(async () => {
  if (obstacle !== undefined) return;
  archive = new SampleArchive(join(folder, "archive"), hostArchitecture());
  await archive.open();
  await archive.offer(
    { name: "lib-sample", version: "1.0" },
    {
      name: "sample",
      version: "1.0",
      fields: "Depends: lib-sample\nRecommends: sample-doc\n",
      files: {
        "etc/sample.conf": "packaged\n",
        "usr/lib/systemd/system/sample.service":
          "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
      },
      control: { conffiles: "/etc/sample.conf\n" },
    },
    { name: "sample-doc", version: "1.0" },
    { name: "beside", version: "1.0", fields: "Depends: lib-sample\n" },
    { name: "foreign", version: "1.0" },
    { name: "broken", version: "1.0", control: { postinst: script("exit 3") } },
    { name: "provider", version: "1.0", fields: "Provides: virtual\n" },
  );
  makeSmallRoot(root, archive.source);
});

after(async () => {
  await archive?.close();
  rmSync(folder, { recursive: true, force: true });
});

function list(text: string): string {
  const path = join(folder, "system.toml");
  writeFileSync(path, text);
  return path;
}

const lines = (text: string): string[] => text.trim().split("\n").sort();
const dpkg = (...args: string[]): string => spawnSync("dpkg", ["--root", root, ...args], { encoding: "utf8" }).stdout;

const FULL = `
[system]
hostname = "workshop"
[packages]
debian = ["sample"]
[services]
enable = ["sample.service"]
[[files]]
path = "/etc/sample.conf"
content = "listed\\n"
`;

test(
  "packages, their services, files and settings come in one change, go again with the list, and are taken back as one",
  options,
  async () => {
    const empty = rootManifest(root);
    assert.deepEqual(lines(await good("diff", list(FULL))), [
      "enable sample.service",
      "hostname workshop",
      "install lib-sample 1.0",
      "install sample 1.0",
      "write /etc/sample.conf",
    ]);
    assert.equal(rootManifest(root), empty, "looking changes nothing");
    await good("apply", list(FULL));
    assert.equal(await good("apply", list(FULL)), "nothing to do\n");
    assert.equal((await pkg("diff", list(FULL), "--check")).status, 0);
    assert.deepEqual(
      [
        readInRoot(root, "etc/sample.conf"),
        readInRoot(root, "etc/hostname"),
        readlinkSync(join(root, "etc/systemd/system/multi-user.target.wants/sample.service")),
      ],
      ["listed\n", "workshop\n", "/usr/lib/systemd/system/sample.service"],
    );
    assert.equal(await good("list", "--names"), "lib-sample\nsample\n");
    assert.match(readInRoot(root, "var/lib/apt/extended_states"), /Package: lib-sample\n.*\nAuto-Installed: 1\n/);
    const history = JSON.parse(await good("history", "--json")) as {
      id: number;
      command: string;
      installed: string[];
    }[];
    assert.deepEqual(
      history.map(({ command, installed }) => [command, [...installed].sort()]),
      [["pkg apply system.toml", ["lib-sample 1.0", "sample 1.0"]]],
    );
    // The file that it brought comes back before the package goes, and what only sample needed goes with it.
    assert.deepEqual(lines(await good("apply", list('[packages]\ndebian = ["beside"]\n'))), [
      "install beside 1.0",
      "no longer enable sample.service",
      "no longer hostname workshop",
      "remove sample 1.0",
      "restore /etc/sample.conf",
    ]);
    assert.deepEqual(lines(await good("apply", list("[packages]\n"))), ["remove beside 1.0", "remove lib-sample 1.0"]);
    assert.equal(dpkg("--audit"), "");
    await good("rollback", String(history[0]!.id));
    assert.equal(rootManifest(root), empty);
  },
);

extendedTest(
  "with recommendations when the list says so; what the list makes impossible is told, and nothing has changed",
  options,
  async () => {
    const before = rootManifest(root);
    assert.deepEqual(lines(await good("diff", list('[packages]\nrecommends = true\ndebian = ["sample"]\n'))), [
      "install lib-sample 1.0",
      "install sample 1.0",
      "install sample-doc 1.0",
    ]);
    for (const [text, why] of [
      ['[packages]\ndebian = ["sample", "broken"]\n', /the folder is as it was: [^]*broken/],
      ['[packages]\ndebian = ["sample"]\n[services]\nenable = ["nope.service"]\n', /there is no unit nope.service/],
      ['[packages]\ndebian = ["virtual"]\n', /virtual is no package itself; list one that provides it: provider/],
      ['[packages]\ndebian = ["sample"]\nabsent = ["lib-sample"]\n', /sample [^]*lib-sample/],
    ] as const) {
      const { status, stderr } = await pkg("apply", list(text));
      assert.deepEqual([status, why.test(stderr)], [1, true], `${text}: ${stderr}`);
    }
    assert.equal(rootManifest(root), before);
  },
);

extendedTest(
  "an exact list keeps what it names and the base system; what was asked for by hand goes, what others need " +
    "stays for them",
  options,
  async () => {
    await good("install", "--no-recommends", "beside", "lib-sample", "foreign");
    assert.deepEqual(lines(await good("apply", list('[packages]\nexact = true\ndebian = ["beside"]\n'))), [
      "mark lib-sample as a dependency",
      "remove foreign 1.0",
    ]);
    assert.equal(await good("apply", list('[packages]\nexact = true\ndebian = ["beside"]\n')), "nothing to do\n");
    assert.deepEqual(lines(await good("apply", list("[packages]\nexact = true\n"))), [
      "remove beside 1.0",
      "remove lib-sample 1.0",
    ]);
    await good("rollback", "1");
  },
);

extendedTest(
  "what another program changed since is not half taken back; when it is gone again, the change can be taken back",
  options,
  async () => {
    const empty = rootManifest(root);
    await good("install", "foreign");
    await good("install", "beside");
    assert.equal(spawnSync("dpkg", ["--root", root, "--remove", "foreign"]).status, 0);
    const before = rootManifest(root);
    const refused = await pkg("rollback", "1");
    assert.deepEqual(
      [refused.status, /packages have been changed by another program/.test(refused.stderr)],
      [1, true],
      refused.stderr,
    );
    assert.equal(rootManifest(root), before);
    await good("download", "foreign", "-o", folder);
    const file = join(
      folder,
      readdirSync(folder).find((name) => name.startsWith("foreign_"))!,
    );
    assert.equal(spawnSync("dpkg", ["--root", root, "--install", file]).status, 0);
    await good("rollback", "1");
    assert.equal(await good("list", "--names"), "");
    // Files that only the other program touched stay as it left them.
    assert.deepEqual(
      rootManifest(root)
        .split("\n")
        .filter((line) => !empty.split("\n").includes(line) && !/dpkg.log|var\/lib\/dpkg/.test(line)),
      [],
    );
  },
);

test("while dpkg or apt holds its lock nothing is begun", options, async () => {
  // Python holds the lock, as Node cannot.
  const child = spawn(
    "python3",
    [
      "-c",
      "import fcntl,sys\nf=open(sys.argv[1],'a')\nfcntl.lockf(f,fcntl.LOCK_EX)\nprint('held',flush=True)\n" +
        "sys.stdin.read()",
      join(root, "var/lib/dpkg/lock-frontend"),
    ],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  try {
    await new Promise((resolve) => {
      child.stdout.once("data", resolve);
    });
    const before = rootManifest(root);
    const { status, stderr } = await pkg("install", "beside");
    assert.deepEqual(
      [status, stderr.includes(`process ${child.pid} (dpkg or apt) is at work on it`)],
      [1, true],
      stderr,
    );
    assert.equal(rootManifest(root), before);
  } finally {
    child.stdin.end();
  }
  await new Promise((resolve) => {
    child.once("close", resolve);
  });
  await good("install", "beside");
  await good("rollback");
});

extendedTest("one list with Debian and ALPM packages is one change", options, async () => {
  const repository = join(folder, "repository");
  mkdirSync(repository);
  for (const [name, spec] of [
    ["tool", { depends: ["tool-lib"] }],
    ["tool-lib", {}],
  ] as const)
    writeFileSync(join(repository, `${name}-1-1-any.pkg.tar.zst`), (await makeAlpmPackage(name, "1-1", spec)).bytes);
  assert.equal((await stratos(["pkg", "alpm", "repo", "own", repository], { env })).status, 0);
  writeFileSync(
    join(root, "etc/pacman.conf"),
    `[options]\nArchitecture = auto\nSigLevel = Never\n[own]\nServer = file://${repository}\n`,
  );
  assert.equal((await stratos(["pkg", "alpm", "update", "--root", root], { env })).status, 0);
  const before = rootManifest(root);
  const both = '[packages]\nofficial = ["tool"]\ndebian = ["sample"]\n[services]\nenable = ["sample.service"]\n';
  const all = ["install lib-sample 1.0", "install sample 1.0", "install tool 1-1", "install tool-lib 1-1"];
  assert.deepEqual(lines(await good("apply", list(both))), ["enable sample.service", ...all]);
  assert.equal(await good("apply", list(both)), "nothing to do\n");
  assert.equal(dpkg("--audit"), "");
  assert.match(
    spawnSync("pacman", ["--root", root, "--dbpath", join(root, "var/lib/pacman"), "-Qkk"], { encoding: "utf8" })
      .stdout,
    /tool: \d+ total files, 0 altered files/,
  );
  const history = JSON.parse(await good("history", "--json")) as { installed: string[] }[];
  assert.deepEqual(
    history.map(({ installed }) => installed.length),
    [2],
  );
  await good("rollback");
  // pacman's log goes on.
  assert.equal(rootManifest(root).replace(/^f var\/log\/pacman.log .*\n/m, ""), before);
});
