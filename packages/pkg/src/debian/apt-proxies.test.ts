/** Goal: the proxy that is asked is apt's. Method: the host's apt fetches from a server with the same settings. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { aptProxies } from "./apt-proxies.ts";

const APT_HELPER = "/usr/lib/apt/apt-helper";
const run = promisify(execFile);

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("apt.conf's proxies, those of one host, DIRECT and none, as apt asks them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-proxies-"));
  const asked: string[] = [];
  const note = (name: string): Server =>
    createServer((_request, response) => {
      asked.push(name);
      response.end("content");
    });
  const servers = [note("server"), note("proxy"), note("environment")];
  try {
    const [server, proxy, environment] = (await Promise.all(servers.map(listen))) as [string, string, string];
    const cases = [
      `Acquire::http::Proxy "${proxy}";`,
      `Acquire { http { Proxy "DIRECT"; }; };`,
      `Acquire::http::Proxy "false";`,
      `Acquire::http::Proxy "";`,
      `Acquire::http::Proxy "${proxy}"; Acquire::http::Proxy::127.0.0.1 "DIRECT";`,
      `Acquire::http::Proxy::127.0.0.1 "${proxy}";`,
      `Acquire::http::Proxy "${proxy}"; Acquire::http::Proxy::localhost "DIRECT";`,
      `Acquire::https::Proxy "${proxy}";`,
    ];
    for (const text of cases) {
      const path = join(folder, "apt.conf");
      writeFileSync(path, text);
      asked.length = 0;
      await run(APT_HELPER, ["download-file", `${server}/file`, join(folder, "got")], {
        env: { PATH: process.env["PATH"], APT_CONFIG: path, http_proxy: environment },
      });
      rmSync(join(folder, "got"));
      const found = aptProxies([["apt.conf", text]])(new URL(server));
      const ours = found === undefined ? "environment" : found === proxy ? "proxy" : "server";
      assert.deepEqual([ours], asked, text);
    }
  } finally {
    for (const each of servers) each.close();
    rmSync(folder, { recursive: true });
  }
});

test("HTTPS goes by its own proxy, else by HTTP's", () => {
  const of = (text: string, url: string): unknown => aptProxies([["apt.conf", text]])(new URL(url));
  const both = 'Acquire::http::Proxy "http://one:1"; Acquire::https::Proxy "http://two:2";';
  assert.deepEqual([of(both, "http://m/"), of(both, "https://m/")], ["http://one:1", "http://two:2"]);
  assert.equal(of('Acquire::http::Proxy "http://one:1";', "https://m/"), "http://one:1");
  assert.equal(of('Acquire::https::Proxy "http://two:2";', "http://m/"), undefined);
});
