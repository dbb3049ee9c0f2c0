/**
 * Goal: a worker is the host that its certificate says, for as long as that certificate is good, and whoever has none,
 * another's, or one that is over, is told so. Method: a hub with TLS on a real socket; certificates of other
 * authorities and lists of revoked ones are made and judged by openssl.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request as httpsRequest, Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { HubClient, HubProblem, type CertificateView } from "@stratos/hub-api";
import { FolderBlobs } from "../blobs/folder-blobs.ts";
import { fingerprintOf, issueCertificate, type Authority } from "../certificates/certificate-authority.ts";
import { connect } from "node:tls";
import { setTimeout as pause } from "node:timers/promises";
import type { TlsFiles } from "@stratos/host-node/tls-files";
import { startHub, type HubServer, type ServerOptions } from "../hub-server.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { HostIdentity } from "../worker/host-identity.ts";

const REGISTRATION = { arches: ["amd64"], channels: ["default"], capacity: 1 };
let hub: TestHub;
let folder: string;
/** The certificate that the hub itself shows, which signs itself. */
let server: ReturnType<typeof selfSigned>;
/** With an administrator's key, over TLS. */
let admin: HubClient;

function openssl(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
  assert.equal(status, 0, `openssl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** A key, and a certificate that signs itself. */
function selfSigned(name: string, subject: string): { cert: string; key: string; files: TlsFiles } {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const alternative = "subjectAltName=IP:127.0.0.1,URI:urn:stratos:hub:host:alpha";
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  openssl("req", "-x509", ...ec, "-nodes", "-keyout", key, "-out", cert, "-subj", subject, "-addext", alternative);
  const files = { certificate: cert, key, minVersion: "TLSv1.2" as const };
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8"), files };
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hub-certificates-"));
  server = selfSigned("server", "/CN=127.0.0.1");
  hub = await startTestHub({ tls: server.files });
  admin = overTls({ token: hub.adminToken });
});
after(async () => {
  await hub?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A client whose connections show a certificate, or none. */
function overTls({
  url = hub.server.url,
  token = null,
  cert,
  key,
  agent = new Agent({ ca: server.cert, ...(cert === undefined ? {} : { cert, key }) }),
}: {
  url?: string;
  token?: string | null;
  cert?: string;
  key?: string;
  agent?: Agent;
}): HubClient {
  return new HubClient({
    url,
    token,
    fetch: (url, { method, headers, body }) =>
      new Promise((resolve, reject) => {
        const asked = httpsRequest(
          url,
          { method: method!, headers: headers as Record<string, string>, agent },
          async (answer) => {
            const pieces: Buffer[] = [];
            for await (const piece of answer) pieces.push(piece as Buffer);
            const status = answer.statusCode!;
            resolve(new Response(status === 204 ? null : Buffer.concat(pieces), { status }));
          },
        );
        asked.on("error", reject).end(body as string | undefined);
      }),
  });
}

const placeOf = (host: string): { url: string; host: string; path: string; authority: string } => ({
  url: hub.server.url,
  host,
  path: join(folder, `${host}.json`),
  authority: server.cert,
});
const invite = async (host: string): Promise<string> =>
  (await admin.call<{ token: string }>("POST", "/certificates/invitations", { host })).token;
const enrol = async (host: string): Promise<HostIdentity> =>
  HostIdentity.enrol(placeOf(host), await invite(host), Date.now());
const register = (client: HubClient, host: string): Promise<unknown> =>
  client.call("PUT", `/hosts/${host}`, REGISTRATION);
const keptOf = (host: string): { certificate: string; key: string; renewAt: string } =>
  JSON.parse(readFileSync(placeOf(host).path, "utf8"));
const certificatesOf = async (host: string): Promise<CertificateView[]> =>
  (await admin.call<{ items: CertificateView[] }>("GET", "/certificates")).items.filter((one) => one.host === host);

function refused(work: Promise<unknown>, status: number, words: RegExp): Promise<void> {
  return assert.rejects(work, (error) => {
    assert.ok(error instanceof HubProblem, String(error));
    assert.match(error.message, words);
    assert.equal(error.status, status);
    return true;
  });
}

test("a host that was invited is that host, and no other, and does a worker's work", async () => {
  const identity = await enrol("alpha");
  assert.equal(statSync(placeOf("alpha").path).mode & 0o777, 0o600);
  const client = identity.client();
  const { session } = await client.call<{ session: string }>("PUT", "/hosts/alpha", REGISTRATION);
  const task = await admin.call<{ id: number }>("POST", "/tasks", { kind: "command", payload: { argv: ["true"] } });
  const { runs } = await client.call<{ runs: [{ task: number; run: number; token: string }] }>(
    "POST",
    "/hosts/alpha/claim",
    { session, slots: 1, start: true, holding: [] },
  );
  const [{ run, token, ...claimed }] = runs;
  assert.equal(claimed.task, task.id);
  await client.call("POST", "/hosts/alpha/runs/end", { runs: [{ run, token, outcome: "COMPLETED" }] });
  await refused(register(client, "beta"), 403, /worker:alpha may not: it takes the permission host:serve:beta/);
  await refused(client.call("GET", "/tokens"), 403, /token:read/);
  const { items } = await admin.call<{ items: { what: string; actor: string }[] }>("GET", "/events?limit=200");
  for (const what of ["HOST_INVITED", "HOST_ENROLLED", "HOST_REGISTERED"])
    assert.ok(
      items.some((event) => event.what === what),
      what,
    );
  await identity.close();
});

test("a token is good once, for its host, until it expires; a request that is none uses none up", async () => {
  const token = await invite("once");
  const post = (request: string): Promise<unknown> => askAuthority("enrol", { token, request });
  await refused(post("no PEM"), 422, /is not PEM/);
  await refused(post("x".repeat(20_000)), 413, /larger than 16000 bytes/);
  await refused(post("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"), 422, /read/);
  openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "rsa.key", "-out", "rsa.csr", "-subj", "/CN=once");
  await refused(post(readFileSync(join(folder, "rsa.csr"), "utf8")), 422, /not of P-256/);
  const request = openssl("req", "-new", "-key", "server.key", "-subj", "/CN=once");
  const der = Buffer.from(request.replace(/-----[^-]+-----|\s/g, ""), "base64");
  der[der.length - 1]! ^= 1;
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----`;
  await refused(post(forged), 422, /not signed by its own key|cannot be read/);
  // A name that was mistyped costs no token.
  await refused(
    HostIdentity.enrol(placeOf("other"), token, Date.now()),
    409,
    /this token is for host once: --name once/,
  );
  await (await HostIdentity.enrol(placeOf("once"), token, Date.now())).close();
  await refused(HostIdentity.enrol(placeOf("once"), token, Date.now()), 401, /unknown, was used, or has expired/);
  const late = await invite("once");
  await hub.database.query("update enrolment set expires = now() where used is null");
  await refused(HostIdentity.enrol(placeOf("once"), late, Date.now()), 401, /has expired/);
});

/** A request to what is below /ca, by who has nothing yet. */
async function askAuthority(path: string, body?: object): Promise<string> {
  const agent = new Agent({ ca: server.cert });
  const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const asked = httpsRequest(`${hub.server.url}/ca/${path}`, { method, agent }, async (response) => {
      const pieces: Buffer[] = [];
      for await (const piece of response) pieces.push(piece as Buffer);
      resolve({ status: response.statusCode!, text: Buffer.concat(pieces).toString("utf8") });
    });
    asked.on("error", reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
  agent.destroy();
  if (answer.status >= 300) throw new HubProblem(JSON.parse(answer.text));
  return answer.text;
}

test("a certificate of another authority, or none, is refused, whatever name is in it", async () => {
  const other = selfSigned("other", "/CN=alpha");
  await refused(register(overTls(other), "alpha"), 401, /not good here: .*SELF_SIGNED/);
  // However often: others that come from its address are served.
  for (let count = 0; count < 30; count++) await refused(register(overTls(other), "alpha"), 401, /not good here/);
  await admin.call("GET", "/hosts");
  // An authority that calls itself as ours does.
  openssl("req", "-new", "-key", "other.key", "-subj", "/CN=alpha", "-out", "alpha.csr");
  const impostor = selfSigned("impostor", "/CN=Stratos hub: workers");
  openssl("x509", "-req", "-in", "alpha.csr", "-CA", "impostor.pem", "-CAkey", "impostor.key", "-out", "forged.pem");
  const forged = { cert: readFileSync(join(folder, "forged.pem"), "utf8") + impostor.cert, key: other.key };
  await refused(register(overTls(forged), "alpha"), 401, /not good here/);
  await refused(register(overTls({}), "alpha"), 401, /bearer token is needed/);
  // Our own authority's signature is not enough: the hub has no row of it.
  const ours = await issuedBehind("ghost", 3_600_000, false);
  await refused(register(overTls(ours), "ghost"), 401, /not one that this hub has given out/);
});

/** Signed by the hub's authority without its service. */
async function issuedBehind(host: string, lifeMs: number, isNoted: boolean): Promise<{ cert: string; key: string }> {
  const [row] = await hub.database.query<{ value: string }>(
    "select value from setting where name = 'worker-authority'",
  );
  const request = openssl("req", "-new", "-key", "server.key", "-subj", `/CN=${host}`);
  const authority = JSON.parse(row!.value) as Authority;
  const issued = await issueCertificate(authority, { request, host, nowMs: Date.now(), lifeMs });
  if (isNoted)
    await hub.database.query(
      "insert into worker_certificate (fingerprint, serial, host, expires) values ($1, $2, $3, now() + interval '1 h')",
      [issued.fingerprint, issued.serial, host],
    );
  return { cert: issued.certificate, key: server.key };
}

test("one that has expired is refused: by TLS for what is in it, by the hub for what it knows", async () => {
  const over = await issuedBehind("late", -1_000, true);
  await refused(register(overTls(over), "late"), 401, /not good here: .*EXPIRED/);
  const identity = await enrol("ends");
  await hub.database.query("update worker_certificate set expires = now() where host = 'ends'");
  await refused(register(identity.client(), "ends"), 401, /of host ends has expired/);
  await identity.close();
  const place = placeOf("ends");
  await assert.rejects(HostIdentity.open(place, Date.now() + 31 * 86_400_000), /has expired .*hub ca enrol ends/);
  await assert.rejects(HostIdentity.open({ ...place, host: "x" }, Date.now()), /is of host ends at/);
  writeFileSync(place.path, "{}");
  await assert.rejects(HostIdentity.open(place, Date.now()), /is damaged/);
});

test("one that was revoked is refused with its next request, on a connection that is open", async () => {
  await (await enrol("bad")).close();
  const { certificate: cert, key } = keptOf("bad");
  const agent = new Agent({ ca: server.cert, cert, key, keepAlive: true, maxSockets: 1 });
  const client = overTls({ agent });
  await register(client, "bad");
  const [{ serial }] = (await certificatesOf("bad")) as [CertificateView];
  await admin.call("DELETE", `/certificates/${serial}`);
  await refused(register(client, "bad"), 401, new RegExp(`certificate ${serial} of host bad was revoked`));
  agent.destroy();
  assert.deepEqual(
    (await certificatesOf("bad")).map(({ state }) => state),
    ["revoked"],
  );
  await refused(admin.call("DELETE", "/certificates/abcd"), 404, /certificate abcd: there is none/);

  // What a proxy makes of the list.
  await (await enrol("good")).close();
  writeFileSync(join(folder, "authority"), await askAuthority("certificate.pem"));
  writeFileSync(join(folder, "list"), await askAuthority("revoked.pem"));
  const verify = (name: string, pem: string): string => {
    writeFileSync(join(folder, name), pem);
    const check = ["-crl_check", "-CRLfile", "list", "-CAfile", "authority", "-purpose", "sslclient", "-x509_strict"];
    const { stdout, stderr } = spawnSync("openssl", ["verify", ...check, name], { cwd: folder, encoding: "utf8" });
    return stdout + stderr;
  };
  assert.match(verify("good.pem", keptOf("good").certificate), /good\.pem: OK/);
  assert.match(verify("bad.pem", cert), /certificate revoked/);
});

test("a certificate is renewed when it is due, for a new key, and the one before stays good", async () => {
  await (await enrol("due")).close();
  const before = keptOf("due");
  writeFileSync(placeOf("due").path, JSON.stringify({ ...before, renewAt: new Date(0).toISOString() }));
  const identity = (await HostIdentity.open(placeOf("due"), Date.now()))!;
  const stop = new AbortController();
  const renewed = new Promise<string>((resolve) => identity.keepRenewed(resolve, stop.signal));
  assert.match(await renewed, /its certificate was renewed/);
  stop.abort();
  const now = keptOf("due");
  assert.notEqual(now.certificate, before.certificate);
  assert.notEqual(now.key, before.key);
  await register(identity.client(), "due");
  await register(overTls({ cert: before.certificate, key: before.key }), "due");
  await identity.close();
  // By a key alone nobody is a host.
  const request = openssl("req", "-new", "-key", "server.key", "-subj", "/CN=due");
  await refused(admin.call("POST", "/hosts/due/certificate", { request }), 409, /renewed by who shows it/);
});

/** Another hub on the same database. */
const startSecond = (options: Partial<ServerOptions>): Promise<HubServer> =>
  startHub(hub.database, {
    host: "127.0.0.1",
    port: 0,
    version: "0.0.0",
    leaseSeconds: 60,
    leaderSeconds: 5,
    warn: () => {},
    blobs: new FolderBlobs(join(folder, "blobs")),
    readPackage: () => Promise.reject(new Error("this test has no packages")),
    ...options,
  });

test("a hub that takes certificates alone refuses workers with keys, and serves people with theirs", async () => {
  const strict = await startSecond({ tls: server.files, workerCertificates: { isRequired: true, lifeSeconds: 3_600 } });
  try {
    const { url } = strict;
    const byKey = overTls({ token: hub.adminToken, url });
    await refused(register(byKey, "keyed"), 403, /by their certificates alone: `stratos hub ca enrol keyed` begins/);
    const invited = await byKey.call<{ token: string }>("POST", "/certificates/invitations", { host: "strict" });
    const identity = await HostIdentity.enrol({ ...placeOf("strict"), url }, invited.token, Date.now());
    await register(identity.client(), "strict");
    await identity.close();
    const [{ fingerprint, expires }] = (await certificatesOf("strict")) as [CertificateView];
    assert.ok(Date.parse(expires) < Date.now() + 3_700_000);
    const der = Buffer.from(keptOf("strict").certificate.replace(/-----[^-]+-----|\s/g, ""), "base64");
    assert.equal(fingerprint, fingerprintOf(der));
  } finally {
    await strict.close();
  }
});

test("a renewed certificate is shown without a restart, and workers' are known as before", async (t) => {
  const live = { certificate: join(folder, "live.pem"), key: join(folder, "live.key"), minVersion: "TLSv1.3" as const };
  const put = ({ certificate, key }: TlsFiles): void => {
    copyFileSync(certificate, live.certificate);
    copyFileSync(key, live.key);
  };
  const renewed = selfSigned("renewed", "/CN=127.0.0.1");
  put(server.files);
  const warnings: string[] = [];
  const ciphers = "TLS_AES_256_GCM_SHA384";
  const other = await startSecond({ tls: { ...live, ciphers }, warn: (words) => warnings.push(words) });
  t.after(() => other.close());
  const port = Number(new URL(other.url).port);
  const shown = (options: object = {}): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options }, () => {
        resolve(`${socket.getCipher().standardName} ${socket.getPeerX509Certificate()!.fingerprint256}`);
        socket.destroy();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  const before = await shown();
  assert.match(before, /^TLS_AES_256_GCM_SHA384 /);
  assert.match(await shown({ maxVersion: "TLSv1.2" }), /PROTOCOL|ALERT/);
  const identity = await enrol("renewing");
  const { certificate: cert, key } = keptOf("renewing");
  await identity.close();
  copyFileSync(renewed.files.certificate, live.certificate);
  while (!warnings.some((words) => /is not the key of.*the certificate of before stays/.test(words))) await pause(100);
  assert.equal(await shown(), before);
  put(renewed.files);
  while ((await shown()) === before) await pause(100);
  const agent = new Agent({ ca: renewed.cert, cert, key });
  await register(overTls({ url: other.url, agent }), "renewing");
});

test("without TLS nobody is invited", async () => {
  const plain = await startSecond({});
  const { url } = plain;
  const client = new HubClient({ url, token: hub.adminToken, fetch: (request, init) => fetch(request, init) });
  await refused(client.call("POST", "/certificates/invitations", { host: "a" }), 409, /serves without TLS/);
  await plain.close();
});
