/** Which outputs of a compose are written without hearing of signals: those that never give way. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ImageTarget } from "@stratos/compose";
import { openComposeSession } from "./compose-session.ts";

test("what is written in one go is written unheard; archives and layers give way", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-compose-session-"));
  const home = process.env["STRATOS_HOME"];
  process.env["STRATOS_HOME"] = folder;
  try {
    const target = { config: { outputs: { disk: { format: "raw" } } } } as unknown as ImageTarget;
    const unheard: string[] = [];
    let writing = "";
    const session = await openComposeSession(
      { output: folder, treefile: join(folder, "tree.yaml") },
      {
        targets: [target],
        unheard: async () => {
          unheard.push(writing);
          throw new Error("not begun");
        },
      },
    );
    try {
      for (const writer of session.ports.outputs) {
        writing = writer.format;
        await assert.rejects(writer.write({} as Parameters<typeof writer.write>[0], "x"));
      }
    } finally {
      await session.close();
    }
    const heard = session.ports.outputs.map(({ format }) => format).filter((format) => !unheard.includes(format));
    assert.deepEqual(heard.sort(), ["oci", "oci-archive", "tar"]);
    for (const format of ["raw", "qcow2", "folder", "ostree", "stratos"])
      assert.ok(unheard.includes(format as (typeof unheard)[number]), format);
  } finally {
    if (home === undefined) delete process.env["STRATOS_HOME"];
    else process.env["STRATOS_HOME"] = home;
    rmSync(folder, { recursive: true, force: true });
  }
});
