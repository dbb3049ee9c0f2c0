/** `.deb` files. Goal: what dpkg-deb makes is opened, what we make dpkg-deb opens, and damage is refused by name. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAr, TarType, writeAr } from "@stratos/formats";
import { SeededRandom } from "@stratos/base";
import { makeDeb, type TestFile } from "../testing/test-archive.ts";
import { testPorts } from "../testing/test-ports.ts";
import { ControlError } from "./control.ts";
import { DebError, openDeb, readTar } from "./deb-archive.ts";
import { debProblems } from "./deb-writer.ts";

const DEB = makeDeb({
  control: { Package: "a", Version: "1", Architecture: "all", Description: "x" },
  files: [{ path: "./" }, { path: "./f", text: "content" }],
  scripts: { postinst: "#!/bin/sh\n" },
});
const ports = testPorts();

test("control files and data come out", async () => {
  const archive = await openDeb(DEB, "a", ports);
  assert.equal(archive.control.get("Package"), "a");
  assert.deepEqual(
    archive.controlFiles.map((file) => [file.name, file.mode]),
    [
      ["control", 0o644],
      ["postinst", 0o755],
    ],
  );
  const found: string[] = [];
  readTar(archive.data, "a", (entry, content) => found.push(`${entry.path}=${Buffer.from(content)}`));
  assert.deepEqual(found, [".=", "./f=content"]);
});

const hasDpkgDeb = spawnSync("dpkg-deb", ["--version"]).status === 0;

test(
  "dpkg-deb and we open each other's packages",
  {
    skip: hasDpkgDeb ? false : "dpkg-deb is not installed",
  },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "deb-"));
    try {
      writeFileSync(join(folder, "ours.deb"), DEB);
      assert.equal(
        execFileSync("dpkg-deb", ["--field", join(folder, "ours.deb"), "Version"], { encoding: "utf8" }).trim(),
        "1",
      );
      mkdirSync(join(folder, "tree", "DEBIAN"), { recursive: true });
      writeFileSync(
        join(folder, "tree", "DEBIAN", "control"),
        "Package: theirs\nVersion: 2\nArchitecture: all\nMaintainer: m <m@x>\nDescription: d\n",
      );
      writeFileSync(join(folder, "tree", "file"), "theirs");
      for (const compression of ["gzip", "zstd", "none"]) {
        execFileSync(
          "dpkg-deb",
          ["--root-owner-group", `-Z${compression}`, "--build", join(folder, "tree"), join(folder, "theirs.deb")],
          { stdio: "ignore" },
        );
        const archive = await openDeb(readFileSync(join(folder, "theirs.deb")), "theirs", ports);
        assert.equal(archive.control.get("Version"), "2");
        let text = "";
        readTar(archive.data, "theirs", (entry, content) => {
          if (entry.path === "./file") text = Buffer.from(content).toString();
        });
        assert.equal(text, "theirs", compression);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test("what lacks a part is refused by name", async () => {
  const members = parseAr(DEB);
  assert.ok(typeof members !== "string");
  await assert.rejects(openDeb(Buffer.from("no"), "a", ports), /a: not a Debian package \(ar: magic\)/);
  await assert.rejects(openDeb(writeAr(members.slice(1)), "a", ports), /not a Debian package of format 2/);
  await assert.rejects(openDeb(writeAr(members.slice(0, 2)), "a", ports), /holds no data.tar/);
  await assert.rejects(openDeb(writeAr([...members, members[1]!]), "a", ports), /holds control.tar more than once/);
  await assert.rejects(
    openDeb(writeAr([...members, { ...members[2]!, name: "data.tar" }]), "a", ports),
    /holds data.tar more than once/,
  );
  await assert.rejects(
    openDeb(writeAr([members[0]!, { ...members[1]!, name: "control.tar.bz2" }, members[2]!]), "a", ports),
    /compressed in a way/,
  );
  await assert.rejects(
    openDeb(
      writeAr([members[0]!, members[1]!, { ...members[2]!, data: members[2]!.data.subarray(0, 20) }]),
      "a",
      ports,
    ),
    /data.tar.zst cannot be unpacked/,
  );
});

test("paths that lead out, lie below links, or stand for two things are found", async () => {
  const control = { Package: "odd", Version: "1", Architecture: "all", Maintainer: "m <m@x>", Description: "x" };
  const symlink = (path: string, linkPath: string): TestFile => ({
    path,
    type: TarType.symbolicLink,
    fields: { linkPath },
  });
  const hardLink = (path: string, linkPath: string): TestFile => ({
    path,
    type: TarType.hardLink,
    fields: { linkPath },
  });
  for (const [files, problems] of [
    [
      [
        { path: "./a", text: "x" },
        hardLink("./b", "./a"),
        hardLink("./c", "./b"),
        { path: "./d/" },
        { path: "./d/" },
        symlink("./e", "d"),
      ],
      [],
    ],
    [[{ path: "./../a" }], ["./../a: a path that leads out of the root"]],
    [[symlink("./a", "../../etc"), { path: "./a/b/c" }], ["a/b/c: lies below a, which is no folder"]],
    [[{ path: "./a" }, { path: "./a/" }], ["a: is there twice"]],
    [[{ path: "./a/" }, { path: "./a" }], ["a: is there twice"]],
    [
      [hardLink("./a", "../../etc/shadow")],
      ["a: is another name of ../../etc/shadow, which is no file before it in the package"],
    ],
    [[{ path: "./a\nb" }], ["a\nb: a line ends in this name"]],
  ] as const)
    assert.deepEqual(await debProblems(await openDeb(makeDeb({ control, files }), "odd", ports), ports), problems);
});

test("3 000 damaged packages are opened or refused by name", async () => {
  const random = new SeededRandom(17);
  for (let round = 0; round < 3000; round++) {
    const bytes = new Uint8Array(DEB);
    for (let flips = 1 + random.below(4); flips > 0; flips--) bytes[random.below(bytes.length)] = random.below(256);
    try {
      const archive = await openDeb(
        bytes.subarray(0, random.below(8) ? bytes.length : random.below(bytes.length)),
        "fuzz",
        ports,
      );
      readTar(archive.data, "fuzz", () => {});
    } catch (error) {
      assert.ok(error instanceof DebError || error instanceof ControlError, String(error));
    }
  }
});
