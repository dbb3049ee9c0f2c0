/**
 * Packages, keys and a repository of one's own through the command line, as its user meets them. Goal: from a folder to
 * a repository that the real apt reads; each failure names its thing once, and files that cannot be looked at hide
 * nothing of the others.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { stratos, type Result } from "./support/stratos.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-pkg-repo-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const pkg = (...args: string[]): Promise<Result> =>
  stratos(["pkg", ...args], { cwd: folder, env: { STRATOS_HOME: join(folder, "home") } });

async function good(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await pkg(...args);
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

async function refused(args: string[], stderr: string, status = 1): Promise<void> {
  const result = await pkg(...args);
  assert.deepEqual([result.status, result.stderr], [status, `stratos: ${stderr}\n`]);
}

mkdirSync(join(folder, "tree/DEBIAN"), { recursive: true });
mkdirSync(join(folder, "tree/usr/share"), { recursive: true });
writeFileSync(
  join(folder, "tree/DEBIAN/control"),
  "Package: mine\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: mine\n",
);
writeFileSync(join(folder, "tree/usr/share/mine"), "mine\n");
writeFileSync(join(folder, "text"), "no package\n");

test(
  "a folder becomes a package, that a repository, and apt reads it",
  {
    skip: existsSync("/usr/bin/apt-get") ? false : "the host has no apt",
  },
  async () => {
    await good("deb", "build", "tree");
    await good("repo", "init", "archive", "--suite", "own", "--architectures", "amd64,riscv64");
    assert.equal(await good("repo", "add", "archive", "mine_1.0_all.deb"), "pool/main/m/mine/mine_1.0_all.deb\n");
    const fingerprint = (await good("key", "create", "release", "--owner", "Archive <archive@example.org>")).trim();
    const keys = JSON.parse(await good("key", "list", "--json")) as {
      name: string;
      fingerprint: string;
      owner: string;
    }[];
    assert.deepEqual(
      keys.map(({ name, fingerprint: own, owner }) => [name, own.toUpperCase(), owner]),
      [["release", fingerprint, "Archive <archive@example.org>"]],
    );
    assert.match(
      await good("key", "ls"),
      new RegExp(`^KEY .*\\nrelease +${fingerprint} +Archive <archive@example\\.org> +\\d{4}-\\d\\d-\\d\\d`),
    );
    assert.match(
      await good("repo", "sign", "archive", "--key", "release"),
      new RegExp(`^1 package listed, signed by ${fingerprint}\n$`),
    );
    assert.deepEqual(
      (JSON.parse(await good("repo", "ls", "archive", "--json")) as { name: string }[]).map((one) => one.name),
      ["mine"],
    );

    const apt = join(folder, "apt");
    for (const name of [
      "state/lists/partial",
      "cache/archives/partial",
      "etc/apt.conf.d",
      "etc/preferences.d",
      "etc/trusted.gpg.d",
      "etc/sources.list.d",
      "log",
    ])
      mkdirSync(join(apt, name), { recursive: true });
    writeFileSync(join(apt, "status"), "");
    writeFileSync(
      join(apt, "etc/sources.list"),
      `deb [arch=amd64 signed-by=${folder}/archive/archive-key.gpg] file://${folder}/archive own main\n`,
    );
    writeFileSync(
      join(apt, "conf"),
      `Dir "${apt}"; Dir::State "${apt}/state"; Dir::State::status "${apt}/status"; Dir::Cache "${apt}/cache"; ` +
        `Dir::Etc "${apt}/etc"; Dir::Log "${apt}/log"; APT::Architecture "amd64"; APT::Architectures { "amd64"; }; ` +
        'APT::Sandbox::User "root"; Acquire::Languages "none";\n',
    );
    const run = (...args: string[]): string => {
      const { stdout, stderr } = spawnSync("apt-get", args, {
        encoding: "utf8",
        env: { ...process.env, APT_CONFIG: join(apt, "conf"), LC_ALL: "C" },
      });
      return stdout + stderr;
    };
    assert.doesNotMatch(run("update"), /^[WE]:/m);
    assert.match(run("-s", "install", "mine"), /^Inst mine \(1\.0 /m);
  },
);

test("what is wrong is told once, by name", async () => {
  await refused(["deb", "build", "nowhere"], "nowhere: no such file or directory");
  await refused(["deb", "info", "text"], "text: not a Debian package (ar: magic)");
  await refused(
    ["repo", "add", "nowhere", "text"],
    "nowhere: is no repository of Stratos; `stratos pkg repo init` makes one",
  );
  await refused(
    ["repo", "serve", "nowhere"],
    "nowhere: is no repository of Stratos; `stratos pkg repo init` makes one",
  );
  await refused(
    ["repo", "sign", "nowhere", "--key", "none"],
    "nowhere: is no repository of Stratos; `stratos pkg repo init` makes one",
  );
  await refused(["list"], "debian: no such image; `stratos image ls` lists them, `stratos image build` makes one");
  await refused(["key", "export", "none"], "none: no such key; `stratos pkg key create none` makes it");
  await good("deb", "build", "tree", "good.deb");
  const verified = await pkg("deb", "verify", "none.deb", "good.deb", "text");
  assert.deepEqual(
    [verified.status, verified.stdout, verified.stderr],
    [1, "none.deb: no such file or directory\ngood.deb: good\ntext: not a Debian package (ar: magic)\n", ""],
  );
  const damaged = readFileSync(join(folder, "good.deb"));
  damaged[damaged.length - 30]! ^= 1;
  writeFileSync(join(folder, "damaged.deb"), damaged);
  assert.match(
    (await pkg("deb", "verify", "damaged.deb")).stdout,
    /^damaged\.deb: data\.tar\.zst cannot be unpacked/,
    "the checksum of the frame, as dpkg writes it, shows any change",
  );
});
