/**
 * Goal: the hub as people have it: processes, killed and started again, backed up, moved, several on one database.
 * Method: `stratos hub` and `stratos worker` as programs, `stratos hub …` as their client; a PostgreSQL server of the
 * test's own.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { extendedTest, isExtended } from "@stratos/base/testing";
import { startPostgres, type TestServer } from "../packages/hub/src/testing/test-database.ts";
import { endProgram, startProgram, type Program } from "./hub/programs.ts";
import { freePort } from "./support/free-port.ts";
import { launcher } from "./support/stratos.ts";
import { until } from "./support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-hub-"));
const home = join(folder, "home");
const environment: NodeJS.ProcessEnv = { ...process.env, STRATOS_HOME: home };
const children = new Set<ChildProcess>();
let server: TestServer;

if (isExtended) before(() => void (server = startPostgres()));
after(() => {
  for (const child of children) child.kill("SIGKILL");
  if (isExtended) server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(args: readonly string[], first: "stdout" | "stderr" = "stdout"): Promise<Program> {
  const program = await startProgram(args, { environment, first });
  children.add(program.child);
  return program;
}

async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  await endProgram(child, signal);
  children.delete(child);
}

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const [node, ...rest] = launcher;
  return spawnSync(node!, [...rest, ...args], { env: environment, encoding: "utf8", timeout: 600_000 });
}
function good(...args: string[]): string {
  const { status, stdout, stderr } = run(...args);
  assert.equal(status, 0, `stratos ${args.join(" ")}: ${stderr}`);
  return stdout;
}

extendedTest(
  "without a database server: killed and started again, its worker goes on; backed up, restored, moved to PostgreSQL",
  async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const token = join(folder, "token");
    // A lease that outlasts every restart, also of a host that does much else.
    const serve = ["hub", "-l", String(port), "--lease", "15m", "--token-file", token];
    let hub = await start(serve);
    assert.equal(hub.address, url);
    assert.equal(statSync(token).mode & 0o777, 0o600);
    assert.ok(!hub.stderr().includes(readFileSync(token, "utf8").trim()));
    const twice = run("hub", "-l", "0");
    assert.equal(twice.status, 1);
    assert.match(twice.stderr, /database: in use by process \d+/);
    assert.match(
      run("hub", "-l", "0.0.0.0:0", "--database", "memory").stderr,
      /can be reached by others: --tls-cert and --tls-key are needed/,
    );

    environment["STRATOS_HUB"] = url;
    assert.match(run("hub", "task", "ls").stderr, /no key for this hub: `stratos hub login`/);
    assert.equal(good("hub", "login", "--token-file", token), `${url}: admin\n`);
    assert.equal(statSync(join(home, "hub-logins.json")).mode & 0o777, 0o600);
    const key = join(folder, "worker-key");
    writeFileSync(key, good("hub", "token", "create", "builder", "--role", "worker", "--expires", "90d"), {
      mode: 0o600,
    });
    const worker = await start(["worker", "--name", "w1", "--capacity", "2", "--token-file", key], "stderr");

    const marks = join(folder, "marks");
    const id = good(
      "hub",
      "task",
      "submit",
      "--artefact",
      "out",
      "--",
      "sh",
      "-c",
      `echo begin >> ${marks}; sleep 6; echo hello; echo made > out`,
    ).trim();
    await until("it runs", () => existsSync(marks));
    await end(hub.child, "SIGKILL");
    hub = await start(serve);
    assert.equal(good("hub", "task", "watch", id).trim().split("\n").at(-1)!.split("  ")[1], "COMPLETED");
    assert.equal(good("hub", "task", "logs", id), "hello\n");
    assert.equal(readFileSync(marks, "utf8"), "begin\n", "it ran once");
    assert.match(good("hub", "task", "show", id), /attempt 1 +COMPLETED on w1[^]*artefact +out +5 bytes/);
    assert.equal(run("hub", "task", "submit", "--watch", "--", "sh", "-c", "echo no; exit 3").status, 1);
    assert.match(
      good("hub", "task", "why", good("hub", "task", "submit", "--arch", "s390x", "--", "true").trim()),
      /0 of 1 have architecture s390x/,
    );
    assert.match(good("hub", "fsck"), /^nothing is wrong/);
    const old = join(folder, "old-audit");
    // What was sealed by then stays until a second later.
    await until("something is old enough", () => {
      const { file } = JSON.parse(good("hub", "audit", "rotate", old, "--keep", "1s", "--json")) as {
        file: string | null;
      };
      return file !== null;
    });
    assert.equal(statSync(old).mode & 0o777, 0o600);
    assert.match(good("hub", "audit", "verify", old), /old-audit: \d+ entries[^]*hub: seals [^]*nothing is wrong/);
    writeFileSync(old, readFileSync(old, "utf8").replace('"ALLOWED"', '"REFUSED"'));
    const broken = run("hub", "audit", "verify", "--offline", old);
    assert.match(broken.stdout, /! .*: entry \d+, of .* REFUSED by .*, was changed/);
    assert.equal(broken.status, 1);

    const dump = join(folder, "dump");
    good("hub", "backup", dump);
    const tasks = good("hub", "task", "ls", "--json");
    await end(worker.child);
    await end(hub.child);
    const cut = join(folder, "cut");
    writeFileSync(cut, readFileSync(dump, "utf8").split("\n").slice(0, -2).join("\n"));
    const other = ["--database", join(folder, "other"), "--state", join(folder, "other-state")];
    assert.match(run("hub", "restore", cut, ...other).stderr, /cut short/);
    writeFileSync(cut, readFileSync(dump, "utf8").replace('"label": "true"', '"label": "eurt"'));
    assert.match(run("hub", "restore", cut, ...other).stderr, /damaged: its digest differs/);
    good("hub", "restore", dump, ...other);
    assert.match(run("hub", "restore", dump, ...other).stderr, /a hub has worked with this database/);
    const database = server.createDatabase();
    good("hub", "migrate", ...other, "--to", database);
    hub = await start(["hub", "-l", String(port), "--database", database]);
    const moved = (text: string): unknown =>
      (JSON.parse(text) as Record<string, unknown>[]).map(({ id: task, state, label, owner }) => ({
        task,
        state,
        label,
        owner,
      }));
    assert.deepEqual(moved(good("hub", "task", "ls", "--json")), moved(tasks));
    assert.ok(Number(good("hub", "task", "submit", "--", "true")) > Number(id));
    assert.match(good("hub", "fsck"), /^nothing is wrong/, "the chain of events goes on");
    await end(hub.child);
  },
);

extendedTest(
  "several hubs behind HAProxy on one database: the leader killed, and the leader hanging, are replaced, and each " +
    "task has one result",
  async () => {
    const database = server.createDatabase();
    const token = join(folder, "token2");
    const hubs: Program[] = [];
    for (let index = 0; index < 3; index++)
      hubs.push(
        await start([
          "hub",
          "-l",
          String(await freePort()),
          "--database",
          database,
          "--lease",
          "5s",
          "--state",
          join(folder, "shared"),
          "--token-file",
          token,
        ]),
      );
    const balancer = await startBalancer(hubs.map(({ address }) => address));
    const ask = async <Answer>(address: string, path: string): Promise<Answer> => {
      const headers = { authorization: `Bearer ${readFileSync(token, "utf8").trim()}` };
      return (await (await fetch(`${address}/v1/${path}`, { headers })).json()) as Answer;
    };
    /** Undefined: nobody, or no hub that answers has been found yet. */
    const leader = async (): Promise<string | undefined> => {
      try {
        return (await ask<{ leader: { holder: string } | null }>(balancer, "status")).leader?.holder.split(":")[1];
      } catch {
        return undefined;
      }
    };
    const anotherLeads = async (than: string | undefined): Promise<boolean> => {
      const found = await leader();
      return found !== undefined && found !== than;
    };
    const hubOf = (pid: string | undefined): Program => hubs.find(({ child }) => String(child.pid) === pid)!;
    good("hub", "login", "--hub", balancer, "--token-file", token);
    const workers = [
      await start(["worker", "--name", "a", "--capacity", "4", "--hub", balancer], "stderr"),
      await start(["worker", "--name", "b", "--capacity", "4", "--hub", balancer], "stderr"),
    ];
    const batch = join(folder, "batch.json");
    writeFileSync(
      batch,
      JSON.stringify(
        Array.from({ length: 30 }, (_, index) => ({
          kind: "command",
          payload: { argv: ["sh", "-c", "sleep 0.2"] },
          ...(index % 3 === 2 ? { afterInBatch: [index - 1] } : {}),
        })),
      ),
    );
    good("hub", "task", "submit", "--hub", balancer, "--file", batch);

    let first: string | undefined;
    await until("one leads", async () => (first = await leader()) !== undefined);
    hubOf(first).child.kill("SIGKILL");
    let took = await until("another leads", () => anotherLeads(first));
    console.log(`leader killed: another after ${took.toFixed(0)} ms`);
    const second = await leader();
    hubOf(second).child.kill("SIGSTOP");
    took = await until("another leads", () => anotherLeads(second));
    console.log(`leader stopped: another after ${took.toFixed(0)} ms`);
    hubOf(second).child.kill("SIGCONT");
    await until(
      "all end",
      async () => (await ask<{ items: unknown[] }>(balancer, "tasks?state=open")).items.length === 0,
      180,
    );
    const name = new URL(database).pathname.slice(1);
    assert.equal(
      server.sql(name, "select count(*), count(distinct task_id) from run where state = 'COMPLETED'"),
      "30|30",
    );
    assert.equal(server.sql(name, "select count(*) from event where what = 'COMPLETED'"), "30");
    assert.equal(server.sql(name, `select deadlocks from pg_stat_database where datname = '${name}'`), "0");
    assert.match(good("hub", "fsck", "--hub", balancer), /^nothing is wrong/);
    for (const { child } of [...workers, ...hubs]) await end(child);
  },
);

/** HAProxy before the hubs, by the guide's own configuration. @returns its URL */
async function startBalancer(hubs: readonly string[]): Promise<string> {
  const guide = readFileSync(join(import.meta.dirname, "../docs/hub.md"), "utf8");
  const port = await freePort();
  const addresses = [`127.0.0.1:${port}`, ...hubs.map((address) => new URL(address).host)];
  const configuration = /```haproxy\n([^]*?)```/.exec(guide)![1]!;
  const path = join(folder, "haproxy.cfg");
  writeFileSync(
    path,
    configuration.replaceAll(/127\.0\.0\.1:\d+/g, () => addresses.shift()!),
  );
  assert.deepEqual(addresses, [], "the guide has a place for each hub");
  const child = spawn("haproxy", ["-db", "-f", path], { stdio: ["ignore", "inherit", "inherit"] });
  children.add(child);
  const url = `http://127.0.0.1:${port}`;
  await until("the balancer knows a hub", async () => {
    try {
      return (await fetch(`${url}/readyz`)).ok;
    } catch {
      return false;
    }
  });
  return url;
}

extendedTest("over TLS a host enrols by a token, works, is known by its certificate, and is shut out", async () => {
  const [cert, key] = [join(folder, "tls.pem"), join(folder, "tls.key")];
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const named = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  assert.equal(spawnSync("openssl", ["req", "-x509", ...ec, "-keyout", key, "-out", cert, ...named]).status, 0);
  const before = { ...environment };
  environment["NODE_EXTRA_CA_CERTS"] = cert;
  try {
    const token = join(folder, "tls-admin");
    const alone = ["--worker-certificates", "require"];
    assert.match(run("hub", "-l", "0", ...alone).stderr, /nobody shows a certificate without TLS/);
    const place = ["--database", server.createDatabase(), "--state", join(folder, "tls-state"), "--token-file", token];
    const hub = await start(["hub", "-l", "0", "--tls-cert", cert, "--tls-key", key, ...alone, ...place]);
    environment["STRATOS_HUB"] = hub.address;
    good("hub", "login", "--token-file", token);
    assert.match(run("worker", "--name", "vm7", "--token-file", token).stderr, /by their certificates alone/);

    const invitation = join(folder, "invitation");
    writeFileSync(invitation, good("hub", "ca", "enrol", "vm7"), { mode: 0o600 });
    const enrolled = await start(["worker", "--name", "vm7", "--enrol-file", invitation], "stderr");
    assert.match(enrolled.address, /host vm7 has a certificate, good until 20/);
    good("hub", "task", "submit", "--watch", "--", "true");
    await end(enrolled.child);
    assert.equal(statSync(join(home, "worker", "vm7", "certificate.json")).mode & 0o777, 0o600);
    assert.match(
      run("worker", "--name", "vm8", "--enrol-file", invitation).stderr,
      /unknown, was used, or has expired/,
    );

    const again = await start(["worker", "--name", "vm7"], "stderr");
    good("hub", "task", "submit", "--watch", "--", "true");
    const listed = good("hub", "ca", "ls");
    assert.match(listed, /vm7 +good/);
    const gone = new Promise((resolve) => again.child.once("exit", resolve));
    good("hub", "ca", "revoke", "--host", "vm7");
    await gone;
    assert.match(again.stderr(), /of host vm7 was revoked/);
    assert.match(good("hub", "ca", "show"), /BEGIN CERTIFICATE/);
    assert.match(good("hub", "ca", "crl"), /BEGIN X509 CRL/);
    await end(hub.child);
  } finally {
    for (const name of ["NODE_EXTRA_CA_CERTS", "STRATOS_HUB"]) delete environment[name];
    Object.assign(environment, before);
  }
});
