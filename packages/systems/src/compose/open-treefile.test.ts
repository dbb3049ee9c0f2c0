/** Goal: a treefile says what it says, or is refused with its place. Method: files as editors leave them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openTreefile } from "./open-treefile.ts";

test("a treefile or a part of one that is not UTF-8 is refused; a byte order mark is none of its text", async () => {
  const folder = mkdtempSync(join(tmpdir(), "treefile-"));
  const put = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, Buffer.from(text, "latin1"));
    return path;
  };
  try {
    const body = "name: t\nbase: essential\noutputs: {root: null}\n";
    assert.ok(await openTreefile(put("mark.yaml", `\xef\xbb\xbf${body}`)));
    await assert.rejects(openTreefile(put("latin.yaml", `${body}description: "gr\xfcn"\n`)), {
      message: `${join(folder, "latin.yaml")}:4:17: is not UTF-8 (byte 0xfc)`,
    });
    await assert.rejects(openTreefile(put("other.yaml", `include: [latin.yaml]\n${body}`)), /latin\.yaml:4:17/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
