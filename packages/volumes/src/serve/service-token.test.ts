/** Goal: services that begin at once have one token, whole. Method: processes that make it at the same time. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

test("of several that make a token at once all have the same", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-token-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "serve.token");
  const module = new URL("service-token.ts", import.meta.url).href;
  // All have loaded it when the moment comes.
  const script = `import { serviceToken } from ${JSON.stringify(module)};
    while (Date.now() < Number(process.argv[1]));
    console.log(serviceToken(process.argv[2]).text);`;
  const moment = String(Date.now() + 2000);
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "-e", script, moment, path];
  const texts = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], timeout: 60_000 });
      let text = "";
      child.stdout!.on("data", (data) => (text += String(data)));
      assert.deepEqual(await once(child, "close"), [0, null]);
      return text;
    }),
  );
  assert.match(texts[0]!, /^[\w-]{43}\n$/);
  assert.deepEqual(new Set(texts).size, 1);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ["serve.token"]);
});
