/**
 * Goal: an image is brought to a list: files, settings, services, and packages of both kinds, whose scripts run in the
 * machine itself; all of it is one change that is taken back as one. Method: the tests' image, copied; repositories of
 * our own on the loopback.
 */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { makeAlpmPackage } from "../packages/pkg/src/testing/alpm-repository.ts";
import { stratos } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

const folder = mkdtempSync(join(tmpdir(), "pkg-list-"));
const home = join(folder, "home");
let server: Server,
  url = "";

before(async () => {
  await ensureTestImage();
  mkdirSync(join(home, "images"), { recursive: true });
  symlinkSync(join(TEST_HOME, "downloads"), join(home, "downloads"));
  // Layers are never changed, so links to them will do.
  execFileSync("cp", ["-al", join(TEST_HOME, "images", TEST_IMAGE), join(home, "images", "box")]);
  server = createServer((request, response) => {
    const path = join(folder, "repository", decodeURIComponent(request.url!));
    if (!existsSync(path)) {
      response.statusCode = 404;
      response.end();
    } else response.end(readFileSync(path));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function good(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await stratos(args, { env: { STRATOS_HOME: home } });
  assert.equal(status, 0, `${args.join(" ")}: ${stderr}${stdout}`);
  return Buffer.from(stdout, "latin1").toString("utf8");
}

const inBox = (script: string): Promise<string> => good("run", "-i", "box", "--", "sh", "-c", script);

function list(text: string): string {
  const path = join(folder, "system.toml");
  writeFileSync(path, text);
  return path;
}

const UNIT = "[Unit]\\nDescription=x\\n[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n";
const BASE = (): string => `
[system]
hostname = "workshop"
[services]
enable = ["own.service"]
[[files]]
path = "/etc/systemd/system/own.service"
content = "${UNIT}"
[[files]]
path = "/etc/pacman.conf"
content = "[options]\\nArchitecture = riscv64\\nSigLevel = Never\\n[own]\\nServer = ${url}\\n"
`;

test("files, settings and services come into an image as one change, and go again", async () => {
  const path = list(BASE());
  assert.deepEqual((await good("pkg", "diff", path, "-i", "box")).trim().split("\n").sort(), [
    "enable own.service",
    "hostname workshop",
    "write /etc/pacman.conf",
    "write /etc/systemd/system/own.service",
  ]);
  await good("pkg", "apply", path, "-i", "box");
  assert.equal(await good("pkg", "apply", path, "-i", "box"), "nothing to do\n");
  assert.equal(
    await inBox("cat /etc/hostname; readlink /etc/systemd/system/multi-user.target.wants/own.service"),
    "workshop\n/etc/systemd/system/own.service\n",
  );
  const history = JSON.parse(await good("pkg", "history", "-i", "box", "--json")) as { command: string }[];
  assert.deepEqual(
    history.map(({ command }) => command),
    ["pkg apply system.toml"],
  );
});

extendedTest(
  "ALPM packages come into an image, their scriptlets and hooks run in the machine, and a rollback takes all back",
  async () => {
    const repository = join(folder, "repository");
    mkdirSync(repository);
    const hook =
      "[Trigger]\nOperation = Install\nType = Path\nTarget = usr/share/tool\n[Action]\nWhen = PostTransaction\n" +
      "Exec = /bin/sh -c 'read x; echo \"hook $x\" >> /var/log/tool'\nNeedsTargets\n";
    for (const [name, spec] of [
      [
        "tool",
        {
          depends: ["lib"],
          install: 'post_install() { echo "installed $1 on $(uname -m)" >> /var/log/tool; }\n',
          files: { "usr/share/tool": "tool\n", "usr/share/libalpm/hooks/tool.hook": hook },
        },
      ],
      ["lib", {}],
    ] as const)
      writeFileSync(join(repository, `${name}-1-1-any.pkg.tar.zst`), (await makeAlpmPackage(name, "1-1", spec)).bytes);
    await good("pkg", "alpm", "repo", "own", repository);
    const path = list(`${BASE()}[packages]\nofficial = ["tool"]\n`);
    assert.equal(await good("pkg", "apply", path, "-i", "box"), "install lib 1-1\ninstall tool 1-1\n");
    assert.equal(
      await inBox("cat /var/log/tool; ls /var/lib/pacman/local; ls /var/lib/stratos/changes"),
      "installed 1-1 on riscv64\nhook usr/share/tool\nALPM_DB_VERSION\nlib-1-1\ntool-1-1\n",
    );
    assert.equal(await good("pkg", "apply", path, "-i", "box"), "nothing to do\n");
    await good("pkg", "rollback", "-i", "box");
    assert.equal(await inBox("ls /usr/share/tool /var/lib/pacman/local 2>/dev/null; cat /etc/hostname"), "workshop\n");
    // The same by hand.
    assert.match(await good("pkg", "alpm", "install", "tool", "-i", "box"), /install {2}tool 1-1/);
    assert.deepEqual(
      (JSON.parse(await good("pkg", "alpm", "list", "-i", "box", "--json")) as { name: string; reason: string }[]).map(
        ({ name, reason }) => [name, reason],
      ),
      [
        ["lib", "dependency"],
        ["tool", "explicit"],
      ],
    );
    assert.equal(await good("pkg", "alpm", "verify", "-i", "box"), "2 packages, no altered files\n");
    await good("pkg", "alpm", "remove", "tool", "--recursive", "-i", "box");
    assert.equal(
      await good("pkg", "alpm", "install", "lib", "--plan", "-i", "box", "--json").then(
        (text) => (JSON.parse(text) as { install: unknown[] }).install.length,
      ),
      1,
    );
    const history = JSON.parse(await good("pkg", "history", "-i", "box", "--json")) as {
      command: string;
      installed: string[];
      isUndone?: true;
    }[];
    assert.deepEqual(
      history.filter((one) => one.isUndone !== true).map(({ command, installed }) => [command, installed]),
      [
        ["pkg apply system.toml", []],
        ["pkg alpm install tool", ["lib 1-1", "tool 1-1"]],
        ["pkg alpm remove tool", []],
      ],
    );
    const { status, stderr } = await stratos(
      ["pkg", "apply", list(`${BASE()}[packages]\nofficial = ["nothing-like-it"]\n`), "-i", "box"],
      { env: { STRATOS_HOME: home } },
    );
    assert.deepEqual(
      [status, /nothing-like-it was asked for, but no package or group of that name exists/.test(stderr)],
      [1, true],
      stderr,
    );
  },
);

test(
  "a folder that is no distribution gets files and settings; packages of " + "others are passed over with a note",
  async () => {
    const root = join(folder, "plain");
    mkdirSync(root);
    writeFileSync(join(folder, "motd"), "from a file\n");
    const path = list(
      '[system]\nlocale = "C.UTF-8"\n[packages]\nofficial = ["vim"]\ndebian = ["vim"]\n[[files]]\n' +
        'path = "/etc/motd"\nsource = "motd"\n',
    );
    const { status, stdout, stderr } = await stratos(["pkg", "apply", path, "--root", root]);
    assert.deepEqual([status, stdout], [0, "write /etc/motd\nlocale C.UTF-8\n"]);
    assert.match(
      stderr,
      /official and AUR packages are passed over: the system has no etc\/pacman.conf\nDebian packages are passed over/,
    );
    assert.deepEqual(
      [readFileSync(join(root, "etc/motd"), "utf8"), readFileSync(join(root, "etc/locale.conf"), "utf8")],
      ["from a file\n", "LANG=C.UTF-8\n"],
    );
    assert.equal((await stratos(["pkg", "diff", path, "--root", root, "--check"])).status, 0);
    assert.equal(
      (await stratos(["pkg", "diff", list('[system]\nlocale = "de_DE.UTF-8"\n'), "--root", root, "--check"])).status,
      1,
    );
  },
);

test("a list that is wrong is told by file, line, column and key", async () => {
  const path = list('[packages]\nofficail = ["a"]\n\n[[files]]\npath = "etc/x"\ncontent = ""\n');
  const { status, stderr } = await stratos(["pkg", "diff", path, "--root", folder]);
  assert.equal(status, 1);
  assert.equal(
    stderr,
    `stratos: ${path}:2:1: packages.officail: unknown key; did you mean official?\n${path}:5:1: files[0].path: ` +
      'expected an absolute path, not "etc/x"\n',
  );
  assert.equal((JSON.parse(await good("pkg", "schema")) as { title: string }).title, "Stratos system list");
});
