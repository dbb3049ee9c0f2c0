/** Packages whose words are meant for the terminal. Goal: what is printed of them moves no cursor and hides nothing. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { TarType, tarEnd, tarEntry, tarHeader, tarPadding, writeAr } from "@stratos/formats";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

const folder = testFolder("hostile-package");
after(() => rmSync(folder, { recursive: true, force: true }));

function tarOf(path: string, text: string): Uint8Array {
  const content = Buffer.from(text, "utf8");
  return Buffer.concat([
    tarHeader(tarEntry(Buffer.from(path, "utf8").toString("latin1"), TarType.file, { mtime: 0, size: content.length })),
    content,
    new Uint8Array(tarPadding(content.length)),
    tarEnd(),
  ]);
}

function debOf(control: string, path: string): string {
  const member = { mtime: 0, uid: 0, gid: 0, mode: 0o100644 };
  const file = join(folder, "x.deb");
  writeFileSync(
    file,
    writeAr([
      { ...member, name: "debian-binary", data: Buffer.from("2.0\n") },
      { ...member, name: "control.tar", data: tarOf("control", control) },
      { ...member, name: "data.tar", data: tarOf(path, "") },
    ]),
  );
  return file;
}

test("control characters in fields, names of files and messages are shown, not sent", async () => {
  const file = debOf(
    "Package: x\nVersion: 1\u001b[2J\nArchitecture: all\nMaintainer: Größe\u009b31m <m@x>\n" +
      "Homepage: \u001b]0;owned\u0007\nDescription: x\n",
    "./na\u001b[31mme\u0007",
  );
  const info = await runCommand("pkg", "deb", "info", file);
  assert.match(
    info.stdout,
    /^Version: 1\\x1b\[2J\n.*\nMaintainer: Größe\\x9b31m <m@x>\nHomepage: \\x1b\]0;owned\\x07\n/ms,
  );
  assert.match((await runCommand("pkg", "deb", "contents", file)).stdout, / \.\/na\\x1b\[31mme\\x07\n$/);
  assert.match((await runCommand("pkg", "deb", "verify", file)).stdout, /: 1\\x1b\[2J is no version\n/);
  const unknown = await runCommand("image", "build", "a\u001b[2J");
  assert.match(unknown.stderr, /^stratos: .*a\\x1b\[2J/);
  for (const { stdout, stderr } of [info, unknown])
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
});
