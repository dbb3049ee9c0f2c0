/**
 * `stratos pkg` on a system in a folder. Goal: what is installed and what its sources offer is told; links in it lead
 * nowhere else.
 */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { nodePackagePorts, readDebFolder, RepositoryFolder } from "@stratos/tools-node/packages";
import { buildDeb, createSigningKey } from "@stratos/pkg";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

test("packages of a system in a folder are listed, explained and compared with what its sources offer", async () => {
  const folder = testFolder("stratos-root");
  const ports = nodePackagePorts(join(folder, "downloads"));
  const before = process.env["STRATOS_HOME"];
  process.env["STRATOS_HOME"] = join(folder, "home");
  try {
    const put = (path: string, text: string): void => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    };
    const repository = RepositoryFolder.create(join(folder, "repository"), {
      suite: "own",
      codename: "own",
      origin: "Own",
      label: "Own",
      description: "",
      architectures: ["riscv64"],
      components: ["main"],
      validDays: 0,
    });
    put(
      "tree/DEBIAN/control",
      "Package: lib\nVersion: 2\nArchitecture: all\nMaintainer: T <t@e.x>\nDescription: a library\n",
    );
    const built = await buildDeb(readDebFolder(join(folder, "tree")), 0, {
      hasher: ports.hasher,
      suffix: "",
      compress: async (pieces) => Buffer.concat(Array.from(pieces, (piece) => Buffer.from(piece))),
    });
    writeFileSync(join(folder, built.fileName), built.bytes);
    await repository.add(join(folder, built.fileName), "main", ports);
    const key = await createSigningKey("Own", Math.floor(Date.now() / 1000) - 60);
    await repository.sign(key.privateKey, ports);
    put("root/var/lib/dpkg/arch", "riscv64\n");
    put(
      "root/var/lib/dpkg/status",
      "Package: lib\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\nPackage: top\n" +
        "Status: install ok installed\nVersion: 1\nArchitecture: riscv64\nDepends: lib\n\n",
    );
    put("root/var/lib/apt/extended_states", "Package: lib\nArchitecture: riscv64\nAuto-Installed: 1\n\n");
    put("root/usr/share/key.asc", key.publicKey);
    mkdirSync(join(folder, "root/etc/apt"), { recursive: true });
    symlinkSync("/usr/share", join(folder, "root/etc/apt/keys"));
    put(
      "root/etc/apt/sources.list",
      `deb [signed-by=/etc/apt/keys/key.asc] ${pathToFileURL(repository.folder).href} own main\n`,
    );
    const pkg = async (...args: string[]): Promise<string> => {
      const result = await runCommand("pkg", ...args, "--root", join(folder, "root"));
      assert.equal(result.status, 0, result.stderr);
      return result.stdout;
    };
    assert.equal(await pkg("list", "--names"), "lib\ntop\n");
    assert.match(await pkg("list", "--upgradable"), /lib +1 +2/);
    assert.equal(await pkg("why", "lib"), "top was asked for\ntop depends on lib\n");
    assert.equal(await pkg("depends", "-r", "lib"), "top depends on lib\n");
    assert.deepEqual(
      (JSON.parse(await pkg("show", "--json", "-a", "lib")) as { Version: string }[]).map((one) => one.Version),
      ["2", "1"],
    );
    // A link that would lead out of the folder leads to its own root.
    rmSync(join(folder, "root/usr/share/key.asc"));
    symlinkSync(join("../../../..", folder, "outside.asc"), join(folder, "root/usr/share/key.asc"));
    put("outside.asc", key.publicKey);
    rmSync(join(folder, "home"), { recursive: true });
    const refused = await runCommand("pkg", "list", "--root", join(folder, "root"));
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /there is no \/etc\/apt\/keys\/key\.asc, which is to hold the keys that sign it/);
    const empty = await runCommand("pkg", "list", "--root", folder);
    assert.match(empty.stderr, /holds no Debian system/);
  } finally {
    if (before === undefined) delete process.env["STRATOS_HOME"];
    else process.env["STRATOS_HOME"] = before;
    await ports.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
