/** Goal: what somebody else has in a folder is not replaced by pages of ours; a folder of ours is served as it is. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { webFolderServer } from "./serve-web-folder.ts";
import { writeWebFolder } from "./web-folder.ts";

test("a folder with files of others is refused before anything is written, an empty one is not", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "stratos-web-folder-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const folder = join(home, "site");
  const write = (to: string): Promise<unknown> =>
    writeWebFolder({ image: "none", home, folder: to, lines: [], page: () => Promise.resolve(new Map()) }, () => {});
  // It is the image that is missing there.
  await assert.rejects(write(folder), /no such image/);
  assert.ok(!existsSync(folder) || readdirSync(folder).length === 0);
  writeFileSync(join(home, "index.html"), "mine");
  await assert.rejects(write(home), /: is not empty \(index\.html\), and no folder of `image web`/);
  assert.ok(!existsSync(join(home, "image")));
});

test("the page's code comes packed to who takes that, the same bytes to others; pieces as they are", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-web-folder-"));
  const code = "let words = 'again and again';\n".repeat(500);
  writeFileSync(join(folder, "page-ABCDEFGH.js"), code);
  mkdirSync(join(folder, "image", "pieces"), { recursive: true });
  writeFileSync(join(folder, "image", "pieces", "0a.zst"), code);
  const server = webFolderServer(folder);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  const ask = async (path: string, coding: string): Promise<[string | undefined, number, string]> => {
    const { port } = server.address() as AddressInfo;
    const request = get({ host: "127.0.0.1", port, path, headers: { "accept-encoding": coding } });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const bytes = Buffer.concat(await response.toArray());
    assert.equal(Number(response.headers["content-length"]), bytes.length);
    const { "content-encoding": encoding } = response.headers;
    return [encoding, bytes.length, String(encoding === "gzip" ? gunzipSync(bytes) : bytes)];
  };
  const [encoding, length, text] = await ask("/page-ABCDEFGH.js", "gzip, br");
  assert.deepEqual([encoding, text], ["gzip", code]);
  assert.ok(length < code.length / 10);
  assert.deepEqual(await ask("/page-ABCDEFGH.js", "br"), [undefined, code.length, code]);
  assert.deepEqual(await ask("/image/pieces/0a.zst", "gzip"), [undefined, code.length, code]);
  // A new version of the file is another one.
  writeFileSync(join(folder, "page-ABCDEFGH.js"), `${code}more`);
  assert.equal((await ask("/page-ABCDEFGH.js", "gzip"))[2], `${code}more`);
});
