/**
 * Goal: programs of Debian speak HTTPS to the host of a secret with a stand-in, and that hears the secret; all other
 * TLS is theirs; forks, saved sandboxes and checkpoints go on so. Method: as in library.test.ts, a program of a user
 * against the package as it is installed; the host is a server on loopback, of an authority of the test.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { type Authority, createAuthority, ServerCertificates } from "@stratos/host-node/certificates";
import { installLibrary, programPrints } from "./support/library-project.ts";
import { launcher, run } from "./support/stratos.ts";
import { TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

const KEY = "the-key-of-the-whole-house";
const NAME = "api.example.test";
const OTHER = "other.example.test";

let folder = "";
let project = "";
let world: Authority;
const heard: (string | undefined)[] = [];
const servers: Server[] = [];

before(async () => {
  ({ folder, project } = await installLibrary());
  const life = { fromMs: Date.UTC(2000, 0, 1), untilMs: Date.now() + 86_400_000 };
  world = await createAuthority("the test's world", life);
  const certificates = await ServerCertificates.of(world);
  for (const name of [NAME, OTHER]) {
    const cert = await certificates.sign(name, life);
    const server = createServer({ key: certificates.key, cert }, ({ headers, url }, answer) => {
      heard.push(headers.authorization);
      // Git asks with a password once it was told to.
      if (url?.startsWith("/repository") === true && headers.authorization === undefined)
        answer.writeHead(401, { "www-authenticate": "Basic realm=git" }).end();
      else answer.end(`you are ${headers.authorization}\n`);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    servers.push(server);
  }
});
after(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

const portOf = (server: Server | undefined): string => String((server!.address() as AddressInfo).port);

/** What has run, and what it was told by a server that repeats what it heard. */
const prints = (source: string, expected: unknown): Promise<void> =>
  programPrints(
    project,
    `import { Sandbox } from "stratos";
    const { IMAGE: image, PORT: port, OTHER_PORT: otherPort, KEY: key, WORLD: ca } = process.env;
    const secrets = { KEY: { value: key, hosts: ["${NAME}"] } };
    const net = { policy: "allow", secrets, ca };
    const url = "https://${NAME}:" + port;
    const said = [];
    const told = (text) => text.replace(/[0-9a-f]{26}/, "a stand-in").trim();
    const line = async (box, command, env = {}) => {
      const { stdout, stderr } = await box.run(command, { env });
      said.push(told(stdout === "" ? stderr : stdout));
    };
    const curl = 'curl -sS -H "Authorization: Bearer $KEY" ' + url;
    const begin = async (more = {}) => {
      const box = await Sandbox.create({ image, net, ...more });
      await box.run("echo 127.0.0.1 ${NAME} ${OTHER} >> /etc/hosts");
      return box;
    };
    ${source}
    console.log(JSON.stringify(said));
    process.exit();`,
    expected,
    { PORT: portOf(servers[0]), OTHER_PORT: portOf(servers[1]), KEY, WORLD: world.certificate },
  );

test("curl, Python, OpenSSL and git send a stand-in by HTTPS, and the host hears the secret", async () => {
  heard.length = 0;
  await prints(
    `const box = await begin();
    await line(box, curl);
    const ask = "import os, urllib.request as u\\n" +
      "r = u.Request('" + url + "', headers={'Authorization': 'Bearer ' + os.environ['KEY']})\\n" +
      "print(u.urlopen(r).read().decode())";
    await line(box, ["python3", "-c", ask]);
    // As a program that was built for Debian's folder, and heeds no variable.
    await line(box, "unset SSL_CERT_FILE; python3 -c \\"" + ask + "\\"");
    const head = ["GET / HTTP/1.1", "Host: ${NAME}", "Connection: close", "Authorization: Bearer %s", "", ""];
    await line(box, "printf '" + head.join("\\\\r\\\\n") + "' $KEY | openssl s_client -quiet -verify_return_error " +
      "-servername ${NAME} -connect 127.0.0.1:" + port + " 2> /dev/null | grep you");
    const { stderr } = await box.run("git clone https://me:$KEY@${NAME}:" + port + "/repository");
    said.push(/not valid|not found/.test(stderr) || stderr);
    const { stdout: known } = await box.run("env; cat /proc/*/environ; cat /etc/ssl/certs/ca-certificates.crt");
    said.push(known.includes(key), known.includes("PRIVATE"));
    said.push((await box.fs.diff()).map(({ path }) => path).filter((path) => /cert|ssl/.test(path)));`,
    [...Array<string>(4).fill("you are Bearer a stand-in"), true, false, false, []],
  );
  assert.deepEqual(heard.slice(0, 4), Array<string>(4).fill(`Bearer ${KEY}`));
  assert.ok(heard.includes(`Basic ${Buffer.from(`me:${KEY}`).toString("base64")}`));
});

test("TLS to other hosts is the program's own, and a host that nobody proves hears nothing", async () => {
  heard.length = 0;
  await prints(
    `const box = await begin();
    const other = "https://${OTHER}:" + otherPort;
    await line(box, "curl -sS " + other + " 2>&1 | grep -o 'certificate' | head -1");
    await box.fs.write("/root/world.crt", ca);
    await line(box, 'curl -sS --cacert /root/world.crt -H "Authorization: Bearer $KEY" ' + other);
    const doubting = await begin({ net: { policy: "allow", secrets } });
    await line(doubting, curl);
    await line(doubting, curl.replace("-sS", "-sSk"));
    said.push(await Sandbox.create({ image, net: { ...net, ca: "none" } }).catch(({ data }) => data.option));
    // HTTP/2 is not spoken: who can do without does.
    await line(box, "curl -sS --http2 -o /dev/null -w '%{http_version}' " + url);`,
    [
      "certificate",
      "you are Bearer a stand-in",
      ...Array<string>(2).fill(
        `Stratos: https://${NAME}:${portOf(servers[0])}: unable to verify the first certificate`,
      ),
      ...["net.ca", "1.1"],
    ],
  );
  assert.match(heard[0]!, /^Bearer [0-9a-f]{26}$/);
  assert.equal(heard.length, 2);
});

extendedTest("forks, saved sandboxes, checkpoints and snapshots go on with what their programs trust", async () => {
  heard.length = 0;
  await prints(
    `const box = await begin();
    // It has read its certificates before.
    const waiting = "import os, ssl, sys, urllib.request as u\\n" +
      "c = ssl.create_default_context()\\nprint('ready', flush=True)\\nsys.stdin.readline()\\n" +
      "r = u.Request('" + url + "', headers={'Authorization': 'Bearer ' + os.environ['KEY']})\\n" +
      "print(u.urlopen(r, context=c).read().decode())";
    const program = await box.spawn(["python3", "-c", waiting]);
    for await (const text of program.stdout) if (String(text).length > 0) break;
    await box.snapshot("ready");
    const [fork] = await box.fork({ keepsPrograms: true });
    const state = await box.save();
    await box.checkpoint("./box.checkpoint");
    const later = await Sandbox.create({ image, net, state, keepsPrograms: true });
    const resumed = await Sandbox.resume("./box.checkpoint", { net, keepsPrograms: true });
    for (const each of [fork, later, resumed]) {
      const same = await each.attach(program.pid);
      await same.stdin.write("go\\n");
      let text = "";
      for await (const piece of same.stdout) text += new TextDecoder().decode(piece);
      said.push(told(text));
      await line(each, curl);
    }
    await box.rollback("ready");
    await line(box, curl);
    // What was saved without secrets gets some.
    const bare = await Sandbox.create({ image, network: "host" });
    const other = await begin({ state: await bare.save() });
    await line(other, curl);`,
    Array<string>(8).fill("you are Bearer a stand-in"),
  );
  assert.deepEqual(heard, Array<string>(8).fill(`Bearer ${KEY}`));
});

test("a run has a stand-in of a variable of the host, and its hosts hear the secret", async () => {
  heard.length = 0;
  const known = join(folder, "world.crt");
  writeFileSync(known, world.certificate);
  const started = (args: readonly string[], env: Record<string, string>): ReturnType<typeof run> =>
    run([...launcher, "run", "-i", TEST_IMAGE, ...args], {
      env: { STRATOS_HOME: TEST_HOME, NODE_EXTRA_CA_CERTS: known, ...env },
    });
  const script = `echo 127.0.0.1 ${NAME} >> /etc/hosts; env | grep -c "$SOUGHT"
    curl -sS -H "Authorization: Bearer $KEY" https://${NAME}:${portOf(servers[0])}`;
  const secret = ["--net", "host", "--secret", `KEY=${NAME}`, "-e", `SOUGHT=${KEY.slice(0, 12)}[-]`];
  const { stdout, stderr } = await started([...secret, "sh", "-c", script], { KEY });
  assert.deepEqual([stdout.replace(/[0-9a-f]{26}/, "a stand-in"), stderr], ["0\nyou are Bearer a stand-in\n", ""]);
  assert.deepEqual(heard, [`Bearer ${KEY}`]);

  const refused = async (args: readonly string[], env = {}): Promise<string> =>
    (await started([...args, "true"], env)).stderr.split("\n")[0]!;
  assert.match(await refused(secret), /--secret: KEY: the environment has no such variable/);
  assert.match(await refused(["--secret", `KEY=${NAME}`], { KEY }), /--secret: needs a network: add --net host/);
  assert.match(await refused([...secret, "--keep", "kept"], { KEY }), /--keep: a run with secrets is not kept/);
  assert.match(await refused([...secret, "--record", "r"], { KEY }), /--record: a run with secrets is not recorded/);
});
