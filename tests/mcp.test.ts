/**
 * Goal: an agent's client makes sandboxes, runs programs in them, changes files, goes back and tries several ways, by
 * `stratos mcp`; answers are bounded, refusals say why. Method: the protocol's own client, over standard streams and
 * over HTTP.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { launcher } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

const [node, ...rest] = launcher;
const words = [...rest, "mcp", "--image", TEST_IMAGE, "--memory", "512M", "--max", "4"];
let client: Client;
let folder = "";

interface Answer {
  readonly text: string;
  readonly data: Record<string, unknown>;
  readonly isError: boolean;
  readonly links: readonly string[];
}

async function ask(of: Client, name: string, given: Record<string, unknown>): Promise<Answer> {
  const { content, structuredContent = {}, isError = false } = await of.callTool({ name, arguments: given });
  const blocks = content as readonly { readonly type: string; readonly text?: string; readonly uri?: string }[];
  return {
    text: blocks.flatMap(({ text }) => text ?? []).join("\n"),
    data: structuredContent as Record<string, unknown>,
    isError,
    links: blocks.flatMap(({ uri }) => uri ?? []),
  };
}

const use = (name: string, given: Record<string, unknown>): Promise<Answer> => ask(client, name, given);

async function create(): Promise<string> {
  const { data } = await use("create", { cwd: "/root" });
  return data["sandbox"] as string;
}

before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-mcp-"));
  client = new Client({ name: "test", version: "1" });
  const env = { ...process.env, STRATOS_HOME: TEST_HOME } as Record<string, string>;
  await client.connect(new StdioClientTransport({ command: node!, args: words, env }));
});
after(async () => {
  await client.close();
  rmSync(folder, { recursive: true, force: true });
});

test("tools are named, described, and say what they may do", async () => {
  const { tools } = await client.listTools();
  const kinds = tools.map(({ name, description = "", annotations = {}, inputSchema }) => {
    assert.ok(description.length > 20, name);
    assert.equal(inputSchema["additionalProperties"], false, name);
    const takesSandbox = Object.hasOwn(inputSchema.properties ?? {}, "sandbox");
    assert.equal(takesSandbox, name !== "create" && name !== "list", name);
    return `${name} ${annotations.readOnlyHint === true ? "reads" : "changes"}`;
  });
  assert.deepEqual(kinds.sort(), [
    ...["checkpoint changes", "create changes", "diff reads", "edit changes", "fork changes", "http changes"],
    ...["list reads", "list_dir reads", "process changes", "read reads", "rollback changes", "run changes"],
    ...["search reads", "stop changes", "write changes"],
  ]);
});

test("a mistaken argument is refused by its name, with those that there are", async () => {
  const refusedAs = async (name: string, given: Record<string, unknown>): Promise<string> => {
    const { text, isError } = await use(name, given);
    assert.ok(isError, text);
    return text;
  };
  assert.match(await refusedAs("create", { memory: 512 }), /memory: no such argument; there are image, memory_mb, env/);
  assert.match(await refusedAs("list", { all: true }), /all: no such argument; it takes none/);
  assert.match(await refusedAs("run", { sandbox: "s1", cmd: "ls", command: "ls" }), /cmd: no such argument; there are/);
  const { tools } = await client.listTools();
  const { memory_mb } = tools.find(({ name }) => name === "create")!.inputSchema.properties as unknown as Record<
    string,
    Bounds
  >;
  // The largest machine can be had: what the schema allows is not refused for its size.
  const { text } = await use("create", { image: "nothing", memory_mb: memory_mb!.maximum });
  assert.match(text, /^no-image: /);
  assert.match(await refusedAs("create", { memory_mb: memory_mb!.maximum + 1 }), /memory_mb/);
});

interface Bounds {
  readonly maximum: number;
}

test("programs run, and go on as processes that are read, written to and ended", async () => {
  const sandbox = await create();
  const quick = await use("run", { sandbox, command: "pwd; echo no >&2; exit 3", wait_ms: 60_000 });
  assert.match(quick.text, /^Exit status 3\.\n\/root\nno\n$/);
  const given = await use("run", { sandbox, command: "tr a-z A-Z", stdin: "typed\n", wait_ms: 60_000 });
  assert.match(given.text, /TYPED/);
  const slow = await use("run", { sandbox, command: "echo begun; read line; echo got $line; sleep 1000", wait_ms: 1 });
  const process = slow.data["process"];
  assert.match(slow.text, /^Still running as process p\d+/);
  const until = async (pattern: RegExp): Promise<Answer> => {
    for (let cursor = 0; ;) {
      const now = await use("process", {
        sandbox,
        action: "read",
        process,
        cursor: 0,
        wait_ms: cursor === 0 ? 1 : 1000,
      });
      if (pattern.test(now.text)) return now;
      cursor = now.data["cursor"] as number;
    }
  };
  await until(/begun/);
  await use("process", { sandbox, action: "write", process, text: "this\n", end: true });
  const heard = await until(/got this/);
  const { cursor } = heard.data as { cursor: number };
  assert.doesNotMatch((await use("process", { sandbox, action: "read", process, cursor, wait_ms: 1 })).text, /begun/);
  assert.match((await use("process", { sandbox, action: "list" })).text, /runs\techo begun.*\n[^]*sleep 1000/);
  await use("process", { sandbox, action: "signal", process });
  assert.match((await until(/^Exit status/)).text, /^Exit status 143, SIGTERM\.\n/);
  const limited = await use("run", { sandbox, command: "sleep 1000", timeout_ms: 500, wait_ms: 60_000 });
  assert.match(limited.text, /^Exit status 124.*limit: timeout/);
  await use("stop", { sandbox });
});

test("what is long is cut in the middle, and the whole is a file that a link leads to", async () => {
  const sandbox = await create();
  const long = await use("run", { sandbox, command: "seq 100000", wait_ms: 60_000 });
  assert.ok(long.text.length < 20_000);
  assert.match(
    long.text,
    /^Exit status 0\.\n1\n2\n[^]*\d+ characters are left out here[^]*100000\n\n\(The whole is in /,
  );
  const { file } = long.data as { file: string };
  assert.match((await use("run", { sandbox, command: `wc -l ${file}`, wait_ms: 60_000 })).text, /100000/);
  const { contents } = await client.readResource({ uri: long.links[0]! });
  assert.equal((contents[0] as { text: string }).text.length, 588_895);
  await use("stop", { sandbox });
});

test("files are written, edited, read, listed and searched", async () => {
  const sandbox = await create();
  const file = { sandbox, path: "/srv/app/main.py" };
  await use("write", { ...file, content: "a = 1\nb = 1\nprint(a)\n" });
  const twice = await use("edit", { ...file, old_text: "= 1", new_text: "= 2" });
  assert.deepEqual([twice.isError, /holds it 2 times/.test(twice.text)], [true, true]);
  await use("edit", { ...file, old_text: "a = 1", new_text: "a = 7" });
  assert.equal((await use("read", { ...file, start_line: 1, end_line: 2 })).text, "a = 7\nb = 1");
  assert.equal((await use("read", file)).data["lines"], 3);
  assert.equal((await use("read", { ...file, encoding: "base64" })).text.slice(0, 8), "YSA9IDcK");
  // What is no text stays, byte by byte, beside what is replaced; a byte order mark as well.
  const other = { sandbox, path: "/srv/app/other" };
  await use("write", { ...other, content: "77u/YT3/CmLDpAo=", encoding: "base64" });
  await use("edit", { ...other, old_text: "ä", new_text: "ö" });
  assert.equal((await use("read", { ...other, encoding: "base64" })).text, "77u/YT3/CmLDtgo=");
  assert.match((await use("write", { ...other, content: "77u/Y*", encoding: "base64" })).text, /is no base64/);
  await use("run", { sandbox, command: "rm /srv/app/other", wait_ms: 60_000 });
  assert.equal((await use("list_dir", { sandbox, path: "/srv" })).text, "app/");
  assert.equal(
    (await use("search", { sandbox, path: "/srv", pattern: "^print", glob: "*.py" })).text,
    "/srv/app/main.py:3:print(a)\n",
  );
  assert.match((await use("search", { sandbox, path: "/srv", pattern: "nothing" })).text, /Nothing is found/);
  const wrong = await use("search", { sandbox, path: "/srv", pattern: "(" });
  assert.deepEqual([wrong.isError, wrong.data["error"]], [true, "option"]);
  // Processes have files that nobody can read; the others are searched all the same.
  assert.match(
    (await use("search", { sandbox, path: "/proc/1", pattern: "^Name:" })).text,
    /could be read[^]*status:1:Name/,
  );
  for (const missing of [
    await use("read", { sandbox, path: "/none" }),
    await use("search", { sandbox, path: "/none", pattern: "x" }),
  ])
    assert.deepEqual([missing.isError, missing.data["error"], missing.data["code"]], [true, "file", "ENOENT"]);
  await use("stop", { sandbox });
});

test("a sandbox goes back, and is forked to try several ways", async () => {
  const sandbox = await create();
  await use("run", { sandbox, command: "echo one > state", wait_ms: 60_000 });
  await use("checkpoint", { sandbox, label: "good" });
  await use("run", { sandbox, command: "echo two > state; rm -r /srv", wait_ms: 60_000 });
  const changes = (await use("diff", { sandbox, label: "good" })).text;
  assert.equal(changes, "modified\t/root/state\nremoved\t/srv");
  const forked = await use("fork", { sandbox, count: 2 });
  const [left, right] = forked.data["sandboxes"] as [string, string];
  await use("run", { sandbox: left, command: "echo left >> state", wait_ms: 60_000 });
  await use("rollback", { sandbox, label: "good" });
  const states = [];
  for (const each of [sandbox, left, right])
    states.push((await use("read", { sandbox: each, path: "/root/state" })).text);
  assert.deepEqual(states, ["one\n", "two\nleft\n", "two\n"]);
  assert.match((await use("list", {})).text, new RegExp(`^${sandbox}\trunning\t.*\tgood\n${left}\t.*\tgood\n`));
  await use("rollback", { sandbox: right, label: "good" });
  assert.equal((await use("read", { sandbox: right, path: "/root/state" })).text, "one\n");
  const none = await use("rollback", { sandbox, label: "bad" });
  assert.match(none.text, /^snapshot: bad: there is no such snapshot\ncheckpoint makes one/);
  const fourth = await create();
  const fifth = await use("create", {});
  assert.match(fifth.text, /as many as this server allows: stop one/);
  for (const each of [sandbox, left, right, fourth]) await use("stop", { sandbox: each });
  assert.match((await use("run", { sandbox, command: "true" })).text, /no such sandbox; create makes one/);
});

test("a server in a sandbox is asked by HTTP", async () => {
  const sandbox = await create();
  await use("write", { sandbox, path: "/srv/page", content: "served" });
  await use("run", { sandbox, command: "python3 -m http.server 8000 --directory /srv", wait_ms: 1 });
  let got = await use("http", { sandbox, port: 8000, path: "/page" });
  while (got.data["error"] === "port") got = await use("http", { sandbox, port: 8000, path: "/page" });
  assert.equal(got.data["status"], 200);
  assert.match(got.text, /^200 OK\n[^]*\n\nserved$/);
  assert.match((await use("http", { sandbox, port: 9 })).text, /^port: .*ECONNREFUSED\nNobody listens there/);
  await use("stop", { sandbox });
});

test("what rules deny is told with the rule, once, and a sandbox without a network says so", async () => {
  const plain = await use("create", {});
  assert.match(plain.text, /It has no network/);
  await use("stop", { sandbox: plain.data["sandbox"] });
  const server = createServer((_, answer) => void answer.end("reached")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const other = new Client({ name: "test", version: "1" });
  try {
    const env = { ...process.env, STRATOS_HOME: TEST_HOME } as Record<string, string>;
    const rules = ["--net", "host", "--allow", `127.0.0.1:${port}`, "--deny", "192.0.2.0/24"];
    await other.connect(new StdioClientTransport({ command: node!, args: [...words, ...rules], env }));
    const made = await ask(other, "create", {});
    assert.doesNotMatch(made.text, /no network/);
    const curl = (place: string): Promise<Answer> =>
      ask(other, "run", { sandbox: made.data["sandbox"], command: `curl -s -m 60 http://${place}`, wait_ms: 60_000 });
    const allowed = await curl(`127.0.0.1:${port}`);
    assert.deepEqual([allowed.data["output"], allowed.data["denied"]], ["reached", undefined]);
    const denied = await curl("192.0.2.7:81");
    assert.deepEqual(denied.data["denied"], ["tcp 192.0.2.7:81: rule 0 denies it"]);
    assert.match(denied.text, /^Exit status 7\.\nDenied by this server's rules:\ntcp 192\.0\.2\.7:81: [^]*--allow/);
    const unnamed = await curl("127.0.0.1:9");
    assert.deepEqual(unnamed.data["denied"], ["tcp 127.0.0.1:9: no rule allows it"]);
  } finally {
    await other.close();
    server.close();
  }
});

extendedTest("programs use a secret of the server's environment that they do not have", async () => {
  const heard: (string | undefined)[] = [];
  const server = createServer(({ headers }, answer) => {
    heard.push(headers.authorization);
    answer.end("heard");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const other = new Client({ name: "test", version: "1" });
  const key = "a key that nobody has";
  try {
    const env = { ...process.env, STRATOS_HOME: TEST_HOME, KEY: key } as Record<string, string>;
    const given = ["--net", "host", "--secret", "KEY=127.0.0.1,api.example.test"];
    await other.connect(new StdioClientTransport({ command: node!, args: [...words, ...given], env }));
    const { data } = await ask(other, "create", {});
    const command = `curl -s -H "Authorization: Bearer $KEY" http://127.0.0.1:${port}; echo $KEY`;
    const { text } = await ask(other, "run", { sandbox: data["sandbox"], command, wait_ms: 60_000 });
    assert.match(text, /heard[0-9a-f]{21}/);
    assert.deepEqual(heard, [`Bearer ${key}`]);
  } finally {
    await other.close();
    server.close();
  }
  for (const [given, why] of [
    [["--secret", "KEY=a.test"], /--secret: needs a network: add --net host/],
    [["--net", "host", "--secret", "NOSUCH=a.test"], /--secret: NOSUCH: the environment has no such variable/],
    [["--net", "host", "--secret", "KEY=a b"], /--secret: a b: no name, address or prefix/],
    [["--net", "host", "--secret", "SHORT=a.test"], /--secret: SHORT: a value of 16 to 4096 bytes/],
    [["--secret", "KEY"], /expected NAME=HOST/],
  ] as const) {
    const env = { ...process.env, STRATOS_HOME: TEST_HOME, KEY: key, SHORT: "short" };
    const { status, stderr } = spawnSync(node!, [...words, ...given], { env, encoding: "utf8", input: "" });
    assert.equal(status, 2, stderr);
    assert.match(stderr, why);
  }
});

test("over HTTP the server asks for its token, and serves neither other names nor other origins", async () => {
  const tokenFile = join(folder, "token");
  const server = spawn(node!, [...words, "--listen", "127.0.0.2:0", "--token-file", tokenFile], {
    env: { ...process.env, STRATOS_HOME: TEST_HOME },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    let address = "";
    for await (const bytes of server.stdout) {
      address += String(bytes);
      if (address.endsWith("\n")) break;
    }
    const url = new URL(address.trim());
    const token = readFileSync(tokenFile, "utf8").trim();
    const status = async (headers: Record<string, string>, path = url.href): Promise<number> =>
      (await fetch(path, { method: "POST", headers, body: "{}" })).status;
    assert.equal(await status({}), 401);
    assert.equal(await status({ authorization: "Bearer other" }), 401);
    assert.equal(await status({ authorization: `Bearer ${token}`, origin: "http://example.org" }), 403);
    assert.equal(await status({ authorization: `Bearer ${token}` }, `${url.origin}/else`), 404);
    const remote = new Client({ name: "test", version: "1" });
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    await remote.connect(new StreamableHTTPClientTransport(url, { requestInit }));
    const { data } = await ask(remote, "create", {});
    const ran = await ask(remote, "run", { sandbox: data["sandbox"], command: "uname -m", wait_ms: 60_000 });
    assert.match(ran.text, /riscv64/);
    await remote.close();
  } finally {
    server.kill("SIGTERM");
    await new Promise((resolve) => server.once("close", resolve));
  }
  assert.equal(server.exitCode, 0);
});
