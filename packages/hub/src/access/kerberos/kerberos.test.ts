/**
 * Kerberos. Goal: who has a ticket of the realm is signed in, in a browser and for programs, by each kind of AES; what
 * is forged, old, sent twice or for somebody else is refused with its reason. Method: Debian's key distribution centre,
 * kinit, and curl as the client; what no client would send is made from what one did.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { extendedTest } from "@stratos/base/testing";
import { SeededRandom } from "@stratos/base";
import { signInByTicket } from "../../client/sign-in-by-ticket.ts";
import { startTestHub, type TestHub } from "../../testing/test-hub.ts";
import { REALM, startRealm, type TestRealm } from "../../testing/test-realm.ts";
import { acceptApRequest, KerberosRefusal } from "./ap-request.ts";
import { DerError, readDer } from "./der.ts";
import { decrypt, encrypt, fold, KerberosCryptoError } from "./encryption.ts";
import { readKeytab, serviceKeys } from "./keytab.ts";
import { readNegotiation } from "./spnego.ts";

let realm: TestRealm;
let hub: TestHub;
let keytab: Buffer;

const ROLES = [
  { pattern: `*@${REALM}`, role: "submitter" },
  { pattern: `*/admin@${REALM}`, role: "admin" },
];

before(async () => {
  realm = await startRealm();
  for (const user of ["alice", "alice/admin", "mallory/guest"]) realm.admin(`addprinc -pw secret ${user}`);
  keytab = realm.keytab("127.0.0.1", "aes256-cts:normal,aes128-cts:normal,aes256-sha2:normal,aes128-sha2:normal");
  for (const user of ["alice", "alice/admin", "mallory/guest"]) realm.login(user);
  hub = await startTestHub({ kerberos: { keytab, roles: ROLES } });
});
after(async () => {
  await hub?.close();
  await realm?.close();
});

interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** What curl gets, with the user's ticket. */
async function curl(user: string, path: string, ...options: readonly string[]): Promise<Answer> {
  const { stdout } = await promisify(execFile)(
    "curl",
    ["--negotiate", "--user", ":", "--silent", "--include", "--max-time", "60", ...options, `${hub.server.url}${path}`],
    { env: realm.environmentOf(user) },
  );
  const last = stdout.slice(stdout.lastIndexOf("HTTP/1.1 "));
  const end = last.indexOf("\r\n\r\n");
  return { status: Number(last.slice(9, 12)), headers: last.slice(0, end), body: last.slice(end + 4) };
}

/** The token that curl would send, by a server that only listens. */
async function tokenOf(user: string, host = "127.0.0.1"): Promise<Buffer> {
  let token = "";
  const server = createServer((request, response) => {
    token = /^Negotiate (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? token;
    response.writeHead(token === "" ? 401 : 200, { "WWW-Authenticate": "Negotiate" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  await promisify(execFile)("curl", ["--negotiate", "--user", ":", "--silent", `http://${host}:${port}/`], {
    env: realm.environmentOf(user),
  });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  assert.notEqual(token, "");
  return Buffer.from(token, "base64");
}

const show = (token: Buffer, method = "POST"): Promise<Response> =>
  fetch(`${hub.server.url}/login/negotiate`, {
    method,
    headers: { authorization: `Negotiate ${token.toString("base64")}` },
  });
const detailOf = async (response: Response): Promise<string> => ((await response.json()) as { detail: string }).detail;

test("kerberos: a program's ticket becomes a key with the roles of its name", async () => {
  const { status, headers, body } = await curl("alice", "/login/negotiate", "--request", "POST");
  assert.equal(status, 200, body);
  const key = JSON.parse(body) as { token: string; principal: string; roles: string[] };
  assert.equal(key.principal, `kerberos:alice@${REALM}`);
  assert.deepEqual(key.roles, ["submitter"]);
  assert.match(headers, /WWW-Authenticate: Negotiate [A-Za-z0-9+/=]{20,}/i, "the negotiation is completed");
  const me = await hub.client(key.token).call<{ principal: string }>("GET", "/whoami");
  assert.equal(me.principal, key.principal);
  const admin = JSON.parse((await curl("alice/admin", "/login/negotiate", "--request", "POST")).body) as typeof key;
  assert.deepEqual([admin.principal, admin.roles], [`kerberos:alice/admin@${REALM}`, ["admin"]]);
  assert.equal((await curl("mallory/guest", "/login/negotiate", "--request", "POST")).status, 403);
});

test("kerberos: a browser's ticket becomes a session; without one it is asked for it", async () => {
  const { status, headers } = await curl("alice", "/login/negotiate");
  assert.equal(status, 200);
  const cookie = /set-cookie: (stratos_session=[^;]+)/i.exec(headers)?.[1] ?? "";
  const page = await fetch(`${hub.server.url}/`, { headers: { cookie } });
  assert.match(await page.text(), new RegExp(`kerberos:alice@${REALM.replace(".", "\\.")}`));
  for (const method of ["GET", "POST"]) {
    const asked = await fetch(`${hub.server.url}/login/negotiate`, { method });
    assert.equal(asked.status, 401);
    assert.equal(asked.headers.get("www-authenticate"), "Negotiate");
  }
  assert.match(await (await fetch(`${hub.server.url}/login`)).text(), /href="\/login\/negotiate"/);
});

test("kerberos: each kind of AES, and a client that wants proof of the hub", async () => {
  for (const [at, type] of ["aes128-cts", "aes256-cts", "aes128-sha2", "aes256-sha2"].entries()) {
    const host = `127.0.0.${at + 2}`;
    const keys = serviceKeys(realm.keytab(host, `${type}:normal`));
    assert.equal(keys.length, 1);
    const { apRequest, answer } = readNegotiation(await tokenOf("alice", host));
    const accepted = acceptApRequest(apRequest, keys, Date.now());
    assert.deepEqual([accepted.names, accepted.realm], [["alice"], REALM], type);
    assert.ok(answer(accepted.reply).length > 0);
  }
});

extendedTest(
  "kerberos: `hub login --kerberos` shows the ticket that the system has, or says what is missing",
  async () => {
    const never = new AbortController().signal;
    const before = { ...process.env };
    try {
      Object.assign(process.env, realm.environmentOf("alice"));
      const { principal, token } = await signInByTicket(hub.server.url, never);
      assert.equal(principal, `kerberos:alice@${REALM}`);
      assert.match(token, /^stratos_/);
      const plain = await startTestHub();
      await assert.rejects(signInByTicket(plain.server.url, never), /takes no Kerberos tickets/);
      await plain.close();
      Object.assign(process.env, realm.environmentOf("mallory/guest"));
      await assert.rejects(signInByTicket(hub.server.url, never), /no --kerberos-role is theirs/);
      Object.assign(process.env, realm.environmentOf("nobody"));
      await assert.rejects(signInByTicket(hub.server.url, never), /there is no ticket to show/);
      process.env["PATH"] = "/nowhere";
      await assert.rejects(signInByTicket(hub.server.url, never), /curl: is not installed/);
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
    }
  },
);

test("kerberos: the same request is taken once", async () => {
  const token = await tokenOf("alice");
  assert.equal((await show(token)).status, 200);
  const again = await show(token);
  assert.equal(again.status, 401);
  assert.match(await detailOf(again), /sent before/);
});

test("kerberos: what is old, early, of another service or without a key here is refused with its reason", async () => {
  const keys = serviceKeys(keytab);
  const { apRequest } = readNegotiation(await tokenOf("alice"));
  const HOUR = 3_600_000;
  assert.throws(() => acceptApRequest(apRequest, keys, Date.now() + 450_000), /clocks lie 4\d\d s apart/);
  assert.throws(() => acceptApRequest(apRequest, keys, Date.now() + 30 * 24 * HOUR), /ticket has expired/);
  assert.throws(() => acceptApRequest(apRequest, keys, Date.now() - HOUR), /not valid yet/);
  const ofAnother = keys.map((key) => ({ ...key, names: ["HTTP", "elsewhere.test"] }));
  assert.throws(() => acceptApRequest(apRequest, ofAnother, Date.now()), /HTTP\/127\.0\.0\.1@.*no key/);
  const older = keys.map((key) => ({ ...key, version: key.version + 1 }));
  assert.throws(() => acceptApRequest(apRequest, older, Date.now()), /needs the key .*, version \d+, which/);
  const forged = keys.map((key) => ({ ...key, key: { ...key.key, value: Buffer.alloc(key.key.value.length, 7) } }));
  assert.throws(() => acceptApRequest(apRequest, forged, Date.now()), /not made with the keytab's key/);
  assert.match(await detailOf(await show(Buffer.alloc(48_000, 0x60))), /none of GSS-API/, "so large a ticket is read");
  const ntlm = await show(Buffer.from("NTLMSSP\0\x01\0\0\0", "latin1"));
  assert.match(await detailOf(ntlm), /offers NTLM/);
});

test("kerberos: what is no ASN.1, and a time that is none, are refused as such", () => {
  const time = [0x18, 0x03, 0x78, 0x79, 0x7a];
  for (const bytes of [[], [0x30], time, [0x30, time.length, ...time]])
    assert.throws(() => readDer(Uint8Array.from(bytes)), DerError, String(bytes));
});

extendedTest("kerberos: of 3,000 changed tokens none is taken, and none is an error of the hub's", async () => {
  const seed = 20_261_123;
  const random = new SeededRandom(seed);
  const keys = serviceKeys(keytab);
  const token = await tokenOf("alice");
  const original = readNegotiation(token).apRequest;
  const expected = acceptApRequest(original, keys, Date.now());
  for (let round = 0; round < 3_000; round++) {
    const bytes = Buffer.from(round % 2 === 0 ? original : token);
    for (let flips = 1 + random.below(3); flips > 0; flips--)
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    const cut = random.below(8) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes;
    try {
      const accepted = acceptApRequest(round % 2 === 0 ? cut : readNegotiation(cut).apRequest, keys, Date.now());
      // Bits that say nothing of who it is (an option, a list of mechanisms): it is the same request.
      assert.equal(accepted.fingerprint, expected.fingerprint, `seed ${seed}, round ${round}`);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assert.ok(
        error instanceof KerberosRefusal || error instanceof DerError,
        `seed ${seed}, round ${round}: ${(error as Error).stack}`,
      );
    }
  }
});

test("kerberos: encryption is that of the specifications", () => {
  // RFC 3961 §A.1.
  assert.equal(fold(Buffer.from("012345"), 8).toString("hex"), "be072631276b1955");
  assert.equal(fold(Buffer.from("kerberos"), 16).toString("hex"), "6b65726265726f737b9b5b2b93132b93");
  // RFC 8009 §A.
  const key = { type: 19, value: Buffer.from("3705d96080c17728a0e800eab6e0d23c", "hex") };
  const sealed = "84d7f30754ed987bab0bf3506beb09cfb55402cef7e6877ce99e247e52d16ed4421dfdf8976c";
  assert.equal(decrypt(key, 2, Buffer.from(sealed, "hex")).toString("hex"), "000102030405");
  for (const type of [17, 18, 19, 20])
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 100]) {
      const own = { type, value: Buffer.alloc(type % 2 === 1 ? 16 : 32, type) };
      const message = Buffer.alloc(length, length);
      const cipher = encrypt(own, 11, message);
      assert.deepEqual(decrypt(own, 11, cipher), message, `${type}, ${length} bytes`);
      assert.throws(() => decrypt(own, 12, cipher), KerberosCryptoError);
      cipher[cipher.length - 1]! ^= 1;
      assert.throws(() => decrypt(own, 11, cipher), KerberosCryptoError);
    }
  assert.throws(() => decrypt({ type: 23, value: Buffer.alloc(16) }, 2, Buffer.alloc(40)), /arcfour-hmac is not taken/);
});

test("kerberos: a keytab that is none, cut off, or of another service is refused", () => {
  assert.ok(readKeytab(keytab).length >= 4);
  assert.throws(() => serviceKeys(Buffer.from("nonsense")), /no keytab of version 2/);
  assert.throws(() => serviceKeys(keytab.subarray(0, 40)), /cut off/);
  assert.throws(() => serviceKeys(Buffer.from([5, 2])), /no key of HTTP\/HOST@REALM/);
});
