/** Quotas by the command line: counted, limited, listed. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

let folder: string, volume: string;

before(() => {
  folder = testFolder("stratos-quota");
  volume = join(folder, "v");
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function works(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runCommand("fs", ...args);
  assert.equal(`${stderr}${status}`, "0", args.join(" "));
  return stdout;
}

test("quota on, project, set, report, off", async () => {
  await works("format", volume, "-s", "64M");
  writeFileSync(join(folder, "content"), Buffer.alloc(100_000, 1));
  await works("mkdir", `${volume}:/team`);
  await works("cp", join(folder, "content"), `${volume}:/team/first`);
  const off = await runCommand("fs", "quota", "report", volume);
  assert.match(off.stderr, /quotas are off/);
  assert.equal(off.status, 1);
  await works("quota", "on", volume);
  await works("quota", "project", `${volume}:/team`, "42");
  await works("quota", "set", volume, "--project", "42", "--size", "150K", "--inodes", "10");
  await works("quota", "set", volume, "--project", "42", "--soft-inodes", "5");
  type Row = {
    kind: string;
    id: number;
    name: string | null;
    usedBytes: number;
    hardBytes: number;
    inodes: number;
    softInodes: number;
    hardInodes: number;
    softBytes: number;
  };
  const rows = JSON.parse(await works("quota", "report", "--json", volume)) as Row[];
  assert.deepEqual(
    rows.find(({ kind, id }) => kind === "project" && id === 42),
    {
      kind: "project",
      id: 42,
      name: null,
      usedBytes: 102_400,
      softBytes: 0,
      hardBytes: 151_552,
      inodes: 2,
      softInodes: 5,
      hardInodes: 10,
    },
  );
  assert.match(await works("quota", "report", volume), /^project 42 +100K +- +148K +2 +5 +10$/m);
  assert.deepEqual(JSON.parse(await works("check", "--json", volume)).problems ?? [], []);
  await works("quota", "set", volume, "--user", "daemon", "--inodes", "7");
  const shown = JSON.parse(await works("quota", "show", "--json", volume)) as Row[];
  assert.deepEqual(
    shown.filter(({ kind, name }) => kind === "user" && name === "daemon").map(({ hardInodes }) => hardInodes),
    [7],
  );
  assert.match(
    (await runCommand("fs", "quota", "set", volume, "--group", "no such", "--size", "1M")).stderr,
    /^stratos: --group: 'no such': this host knows no such group; its number does, too$/m,
  );
  const both = await runCommand("fs", "quota", "set", volume, "--user", "1", "--group", "2");
  assert.equal(both.status, 2);
  await works("quota", "off", volume);
});
