/** Goal: a picture that cannot be written is refused before the program runs. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "stratos-picture-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What is said of each to a user who is not root, to whom the rights of files say something. */
function checked(files: readonly string[]): string[] {
  const script = `
    import { checkOutputFile } from ${JSON.stringify(new URL("./screenshot.ts", import.meta.url).href)};
    if (process.getuid() === 0) process.setuid(65534);
    const said = (file) => { try { checkOutputFile(file); return ""; } catch (error) { return error.message; } };
    console.log(JSON.stringify(process.argv.slice(1).map(said)));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script, ...files], {
    encoding: "utf8",
  });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as string[];
}

it("a file is written by its own right, and a new one by its folder's", () => {
  chmodSync(folder, 0o755);
  for (const [name, mode] of [
    ["open", 0o777],
    ["shut", 0o555],
  ] as const) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "open.png"), "");
    writeFileSync(join(folder, name, "shut.png"), "");
    chmodSync(join(folder, name, "open.png"), 0o666);
    chmodSync(join(folder, name, "shut.png"), 0o444);
    chmodSync(join(folder, name), mode);
  }
  const names = ["open/open.png", "open/new.png", "shut/open.png", "open/shut.png", "shut/new.png", "open"];
  const said = checked(names.map((name) => join(folder, name)));
  assert.deepEqual(said.slice(0, 3), ["", "", ""]);
  assert.match(said[3]!, /shut\.png/);
  assert.match(said[4]!, /new\.png/);
  assert.match(said[5]!, /is a folder/);
});
