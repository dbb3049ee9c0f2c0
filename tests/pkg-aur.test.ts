/**
 * Goal: packages of the AUR and of repositories come into one system, through the command line alone. The AUR is a
 * server of our own on the loopback (its RPC, and git repositories); recipes are built in clean roots whose shell is
 * the host's. With paru in PATH the same commands hand over to it, and the system comes out the same.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { makeAlpmPackage, type TestPackageSpec } from "../packages/pkg/src/testing/alpm-repository.ts";
import { launcher } from "./support/stratos.ts";

let folder = "",
  url = "",
  server: Server;
const asked: string[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "pkg-aur-"));
  mkdirSync(join(folder, "git"));
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, "http://x");
    if (pathname.startsWith("/rpc/v5/")) {
      asked.push(pathname + new URL(request.url!, "http://x").search);
      const results = pathname.startsWith("/rpc/v5/info")
        ? AUR.filter((one) => searchParams.getAll("arg[]").includes(one.Name))
        : AUR.filter((one) =>
            searchParams.get("by") === "provides"
              ? [one.Name, ...(one.Provides ?? [])]
                  .map((text) => text.replace(/=.*/, ""))
                  .includes(decodeURIComponent(pathname.slice(15)))
              : one.Name.includes(decodeURIComponent(pathname.slice(15))),
          );
      response.end(JSON.stringify({ version: 5, type: "multiinfo", resultcount: results.length, results }));
      return;
    }
    // git's dumb protocol is plain files.
    const path = join(folder, "git", pathname);
    if (!existsSync(path) || pathname.includes("..")) {
      response.statusCode = 404;
      response.end();
    } else response.end(readFileSync(path));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const [base, files] of Object.entries(RECIPES)) makeGit(base, files);
});
after(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface AurRow {
  Name: string;
  PackageBase: string;
  Version: string;
  Depends?: string[];
  MakeDepends?: string[];
  CheckDepends?: string[];
  Provides?: string[];
  Description: string;
  NumVotes: number;
  Popularity: number;
}
const row = (Name: string, Version: string, fields: Partial<AurRow> = {}): AurRow => ({
  Name,
  PackageBase: Name,
  Version,
  Description: `${Name} – für alle`,
  NumVotes: 3,
  Popularity: 0.5,
  ...fields,
});
const AUR: AurRow[] = [
  row("app", "1.0-1", {
    Depends: ["helper>=2", "lib"],
    MakeDepends: ["tool-for-building"],
    CheckDepends: ["virtual-checker"],
  }),
  row("helper", "2.1-1", { PackageBase: "helpers" }),
  row("helper-extra", "2.1-1", { PackageBase: "helpers", Depends: ["helper"] }),
  row("checker-one", "1-1", { Provides: ["virtual-checker=1"], Popularity: 0.1 }),
  row("checker-two", "1-1", { Provides: ["virtual-checker=1"], Popularity: 9 }),
  row("circle-a", "1-1", { Depends: ["circle-b"] }),
  row("circle-b", "1-1", { MakeDepends: ["circle-a"] }),
  row("needy", "1-1", { Depends: ["nobody-has-this"] }),
];

const RECIPES: Record<string, Record<string, string>> = {
  app: {
    PKGBUILD: `pkgname=app
pkgver=1.0
pkgrel=1
pkgdesc="An app"
arch=(any)
url=https://example.org
license=(MIT)
depends=('helper>=2' lib)
makedepends=(tool-for-building)
checkdepends=(virtual-checker)
backup=(etc/app.conf)
install=app.install
source=(app.sh data.tar.gz)
sha256sums=(SHA_APP SKIP)
prepare() { sed -i s/OLD/new/ app.sh; }
build() { cat data/words /usr/share/helper > words; test -e /usr/share/tool-for-building; }
check() { test -e /usr/share/checker-two; grep -q new app.sh; }
package() {
  mkdir -p "$pkgdir"/usr/{bin,share/app,share/man/man1} "$pkgdir/etc"
  cp app.sh "$pkgdir/usr/bin/app"; chmod 755 "$pkgdir/usr/bin/app"
  cp words "$pkgdir/usr/share/app/"
  printf 'a=1\\n' > "$pkgdir/etc/app.conf"
  printf '.TH APP 1\\n' > "$pkgdir/usr/share/man/man1/app.1"
  ln -s app "$pkgdir/usr/bin/app-link"
}
`,
    "app.sh": "#!/bin/sh\necho OLD\n",
    "app.install": "post_install() { :; }\n",
  },
  helpers: {
    PKGBUILD:
      "pkgbase=helpers\npkgname=(helper helper-extra)\npkgver=2.1\npkgrel=1\narch=(any)\npackage_helper() { " +
      "provides=(help=2); mkdir -p $pkgdir/usr/share; echo helper > $pkgdir/usr/share/helper; }\n" +
      "package_helper-extra() { depends=(helper); mkdir -p $pkgdir/usr/share; echo extra > " +
      "$pkgdir/usr/share/helper-extra; }\n",
  },
  "checker-two": {
    PKGBUILD:
      "pkgname=checker-two\npkgver=1\npkgrel=1\narch=(any)\nprovides=(virtual-checker=1)\npackage() { mkdir -p " +
      "$pkgdir/usr/share; echo > $pkgdir/usr/share/checker-two; }\n",
  },
};

function makeGit(base: string, files: Record<string, string>): void {
  const work = join(folder, "work", base);
  mkdirSync(work, { recursive: true });
  for (const [name, text] of Object.entries(files))
    writeFileSync(
      join(work, name),
      text.replace(
        "SHA_APP",
        execFileSync("sha256sum", { input: files["app.sh"] ?? "" })
          .toString()
          .slice(0, 64),
      ),
    );
  if (base === "app") {
    mkdirSync(join(work, "data"));
    writeFileSync(join(work, "data/words"), "words\n");
    execFileSync("tar", ["-C", work, "-czf", join(work, "data.tar.gz"), "data"]);
    rmSync(join(work, "data"), { recursive: true });
  }
  const git = (...args: string[]): void => {
    execFileSync("git", ["-C", work, "-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
      stdio: "ignore",
    });
  };
  git("init", "-b", "master");
  git("add", "-A");
  git("commit", "-m", "first");
  execFileSync("git", ["clone", "--quiet", "--bare", work, join(folder, "git", `${base}.git`)], { stdio: "ignore" });
  execFileSync("git", ["-C", join(folder, "git", `${base}.git`), "update-server-info"]);
}

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

function stratos(args: string[], environment: Record<string, string> = {}): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(launcher[0]!, [...launcher.slice(1), "pkg", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        STRATOS_HOME: join(folder, "home"),
        STRATOS_AUR: url,
        SOURCE_DATE_EPOCH: "1700000000",
        ...environment,
      },
    });
    let stdout = "",
      stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
}

async function good(args: string[], environment: Record<string, string> = {}): Promise<string> {
  const { status, stdout, stderr } = await stratos(args, environment);
  assert.equal(status, 0, `${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}

let repository = "",
  serial = 0;

/** A repository with what building needs: the host's shell and tools as a package. */
async function makeRoot(): Promise<string> {
  if (repository === "") {
    repository = join(folder, "repository");
    mkdirSync(repository);
    const packages: [string, string, TestPackageSpec?][] = [
      ["lib", "1-1"],
      ["tool-for-building", "1-1"],
      ["editor", "1-1", { depends: ["lib"] }],
      ["host-shell", "1-1", { groups: ["base-devel"], ...hostTools() }],
    ];
    for (const [name, version, spec] of packages)
      writeFileSync(
        join(repository, `${name}-${version}-any.pkg.tar.zst`),
        (await makeAlpmPackage(name, version, spec)).bytes,
      );
    await good(["alpm", "repo", "own", repository]);
  }
  const root = join(folder, `root-${serial++}`);
  mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(
    join(root, "etc/pacman.conf"),
    `[options]\nArchitecture = x86_64\nSigLevel = Never\n[own]\nServer = file://${repository}\n`,
  );
  return root;
}

/**
 * bash and the tools that a build calls, with their libraries, as text would not do: the package is made of the host's
 * files.
 */
function hostTools(): Pick<TestPackageSpec, "binaries"> {
  const programs = [
    "/bin/bash",
    "/bin/sh",
    "/usr/bin/env",
    ...["mkdir", "cp", "chmod", "cat", "sed", "ln", "grep", "tar", "gzip", "head", "tr", "find", "rm", "install"].map(
      (name) => execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim(),
    ),
  ];
  const binaries: Record<string, Uint8Array> = {};
  for (const program of programs) {
    for (const path of [program, ...(spawnSync("ldd", [program], { encoding: "utf8" }).stdout.match(/\/\S+/g) ?? [])]) {
      // One place for all, since /bin and /lib are links on the host and plain folders here.
      if (path.endsWith(":")) continue;
      binaries[path.slice(1)] = readFileSync(realpathSync(path));
      if (/^\/(usr\/)?bin\//.test(path)) binaries[`usr/bin/${path.replace(/^.*\//, "")}`] = binaries[path.slice(1)]!;
    }
  }
  return { binaries };
}

function pacman(root: string, ...args: string[]): string {
  return spawnSync("pacman", ["--root", root, "--dbpath", join(root, "var/lib/pacman"), ...args], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  }).stdout;
}

extendedTest(
  "one list with official and AUR packages: built in order, installed, and nothing to do the second time",
  async () => {
    const root = await makeRoot();
    const list = join(folder, "system.toml");
    writeFileSync(
      list,
      '[packages]\nofficial = ["editor"]\naur = ["app"]\n[[files]]\npath = "/etc/motd"\ncontent = "hello\\n"\n',
    );
    const done = await good(["apply", list, "--root", root]);
    assert.deepEqual(done.trim().split("\n").sort(), [
      "install app 1.0-1",
      "install editor 1-1",
      "install helper 2.1-1",
      "install lib 1-1",
      "write /etc/motd",
    ]);
    assert.equal(
      pacman(root, "-Qkk").replace(/: \d+ total/g, ":"),
      "app: files, 0 altered files\neditor: files, 0 altered files\nhelper: files, 0 altered files\n" +
        "lib: files, 0 altered files\n",
    );
    assert.equal(pacman(root, "-Qe"), "app 1.0-1\neditor 1-1\n");
    assert.equal(readFileSync(join(root, "usr/bin/app"), "utf8"), "#!/bin/sh\necho new\n");
    assert.equal(readFileSync(join(root, "usr/share/app/words"), "utf8"), "words\nhelper\n");
    assert.ok(existsSync(join(root, "usr/share/man/man1/app.1.gz")));
    assert.match(pacman(root, "-Qi", "app"), /Depends On +: helper>=2 +lib[\s\S]*Build Date +: .*2023/);
    assert.equal(await good(["apply", list, "--root", root]), "nothing to do\n");
    assert.deepEqual(readdirSync(join(folder, "home/builds")), [], "no build root is left");
  },
);

extendedTest("what the AUR has newer is built and installed by an upgrade that asks for it", async () => {
  const root = await makeRoot();
  await good(["alpm", "install", "--from-aur", "helper", "--root", root]);
  const aurRow = AUR.find((one) => one.Name === "helper")!,
    work = join(folder, "work/helpers");
  aurRow.Version = "2.2-1";
  writeFileSync(
    join(work, "PKGBUILD"),
    readFileSync(join(work, "PKGBUILD"), "utf8").replace("pkgver=2.1", "pkgver=2.2"),
  );
  execFileSync("git", ["-C", work, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "second"]);
  execFileSync("git", ["-C", join(folder, "git/helpers.git"), "fetch", "-q", work, "+master:master"]);
  execFileSync("git", ["-C", join(folder, "git/helpers.git"), "update-server-info"]);
  assert.equal(await good(["alpm", "upgrade", "--root", root]), "nothing to do\n");
  assert.match(await good(["alpm", "upgrade", "--from-aur", "--root", root]), /upgrade {2}helper 2.1-1 -> 2.2-1/);
  assert.equal(pacman(root, "-Qe"), "helper 2.2-1\n");
});

extendedTest("a build is reproducible, and says what it is made of", async () => {
  const root = await makeRoot();
  await good(["alpm", "update", "--root", root]);
  const version = /^pkgver=(.*)$/m.exec(readFileSync(join(folder, "work/helpers/PKGBUILD"), "utf8"))![1]!;
  const build = async (name: string): Promise<Buffer> => {
    const output = join(folder, name);
    await good(["alpm", "build", join(folder, "work/helpers"), "--root", root, "-o", output]);
    assert.deepEqual(readdirSync(output).sort(), [
      `helper-${version}-1-any.pkg.tar.zst`,
      `helper-extra-${version}-1-any.pkg.tar.zst`,
    ]);
    return readFileSync(join(output, `helper-${version}-1-any.pkg.tar.zst`));
  };
  const first = await build("out-1");
  assert.ok(first.equals(await build("out-2")));
  const info = pacman(root, "-Qip", join(folder, `out-1/helper-${version}-1-any.pkg.tar.zst`));
  assert.ok(info.includes(`: helper\nVersion         : ${version}-1`) && /Provides +: help=2/.test(info), info);
  const plan = JSON.parse(await good(["alpm", "build", "--from-aur", "app", "--root", root, "--plan", "--json"])) as {
    base: string;
    needs: string[];
  }[];
  assert.deepEqual(plan, [
    { base: "helpers", packages: [`helper ${version}-1`], needs: [] },
    { base: "checker-two", packages: ["checker-two 1-1"], needs: [] },
    { base: "app", packages: ["app 1.0-1"], needs: ["helper", "checker-two"] },
  ]);
});

extendedTest("what goes wrong is told in words", async () => {
  const root = await makeRoot();
  await good(["alpm", "update", "--root", root]);
  const fails = async (args: string[], message: RegExp): Promise<void> => {
    const { status, stderr } = await stratos(args);
    assert.deepEqual([status, message.test(stderr)], [1, true], stderr);
  };
  await fails(
    ["alpm", "build", "--from-aur", "needy", "--root", root],
    /needy needs nobody-has-this, which neither the repositories nor the AUR have/,
  );
  await fails(
    ["alpm", "build", "--from-aur", "circle-a", "--root", root],
    /need each other to be built: circle-a → circle-b → circle-a/,
  );
  const bare = join(folder, "bare");
  mkdirSync(join(bare, "etc"), { recursive: true });
  writeFileSync(join(bare, "etc/pacman.conf"), "[options]\nArchitecture = x86_64\n");
  await fails(
    ["alpm", "build", join(folder, "work/helpers"), "--root", bare],
    /the clean root has no bash: no repository offers base-devel/,
  );
  await fails(["alpm", "aur", "show", "nope"], /nope: the AUR has no such package/);
  const recipe = (name: string, text: string): string => {
    const path = join(folder, name);
    mkdirSync(path);
    writeFileSync(join(path, "PKGBUILD"), `pkgname=x\npkgver=1\npkgrel=1\narch=(any)\n${text}`);
    return path;
  };
  await fails(
    [
      "alpm",
      "build",
      recipe("bad-build", "build() { echo about to fail; false; }\npackage() { :; }\n"),
      "--root",
      root,
    ],
    /x: the build failed with status 4:\n.*about to fail\n.*build failed/s,
  );
  await fails(
    [
      "alpm",
      "build",
      recipe("bad-sum", `source=(PKGBUILD)\nsha256sums=(${"0".repeat(64)})\npackage() { :; }\n`),
      "--root",
      root,
    ],
    /PKGBUILD is not what the recipe says: its sha256sum is [0-9a-f]{64}/,
  );
  const shell = recipe(
    "bad-shell",
    "pkgdesc=$(echo told by bash)\npackage() { mkdir -p $pkgdir/usr; echo > $pkgdir/usr/x; }\n",
  );
  await fails(["alpm", "srcinfo", shell], /PKGBUILD:5: command substitution needs a shell/);
  // A build asks bash in a clean root.
  await good(["alpm", "build", shell, "--root", root, "-o", join(folder, "out-3")]);
  assert.match(pacman(root, "-Qip", join(folder, "out-3/x-1-1-any.pkg.tar.zst")), /Description +: told by bash/);
  assert.deepEqual(readdirSync(join(folder, "home/builds")), []);
});

test("the AUR is searched and its recipes are fetched", async () => {
  const found = JSON.parse(await good(["alpm", "aur", "search", "check", "--json"])) as {
    name: string;
    description: string;
  }[];
  assert.deepEqual(
    found.map(({ name, description }) => [name, description]),
    [
      ["checker-two", "checker-two – für alle"],
      ["checker-one", "checker-one – für alle"],
    ],
  );
  assert.match(await good(["alpm", "aur", "show", "app"]), /Depends +helper>=2 lib\nTo build +tool-for-building\n/);
  const output = join(folder, "recipes");
  mkdirSync(output);
  await good(["alpm", "aur", "fetch", "app", "-o", output]);
  assert.match(await good(["alpm", "srcinfo", join(output, "app")]), /^pkgbase = app\n\tpkgdesc = An app\n/);
});

extendedTest("with paru the same commands give the same system", async () => {
  const tools = join(folder, "tools");
  mkdirSync(tools);
  // What paru does with packages of repositories: it hands them to pacman.
  writeFileSync(
    join(tools, "paru"),
    `#!/bin/sh\necho "$@" >> ${join(folder, "paru.log")}\nexec pacman --hookdir /nonexistent "$@"\n`,
  );
  chmodSync(join(tools, "paru"), 0o755);
  const environment = { PATH: `${tools}:${process.env["PATH"]!}` };
  const roots = [await makeRoot(), await makeRoot()];
  for (const [index, root] of roots.entries()) {
    for (const place of ["var/lib/pacman", "var/cache/pacman/pkg", "var/log"])
      mkdirSync(join(root, place), { recursive: true });
    const tool = index === 0 ? [] : ["--with", "paru"];
    await good(["alpm", "install", "editor", "tool-for-building", "--update", "--root", root, ...tool], environment);
    await good(["alpm", "remove", "tool-for-building", "--root", root, ...tool], environment);
  }
  assert.equal(pacman(roots[0]!, "-Qe"), pacman(roots[1]!, "-Qe"));
  assert.equal(pacman(roots[0]!, "-Qkk"), pacman(roots[1]!, "-Qkk"));
  assert.match(
    readFileSync(join(folder, "paru.log"), "utf8"),
    /^-Sy --root \S+ .*--noconfirm editor tool-for-building\n-R --root .* tool-for-building\n$/,
  );
  const { status, stderr } = await stratos(["alpm", "install", "editor", "--root", roots[0]!, "--with", "paru"]);
  assert.deepEqual([status, stderr.includes("paru: is not installed; leave out --with paru")], [1, true]);
});
