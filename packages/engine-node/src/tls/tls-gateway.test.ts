/**
 * Goal: a program's HTTPS to a host of a secret leaves with the secret, and nothing of it comes back; other TLS is left
 * as it is. Method: a program is Node's own TLS over the socket that a guest would have; hosts are servers on loopback
 * under an authority of the test.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpsServer, type Server, type ServerOptions } from "node:https";
import { Agent, request, type IncomingMessage, type RequestOptions, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from "node:net";
import { Duplex } from "node:stream";
import { after, before, test } from "node:test";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { NodeSocketProvider } from "@stratos/host-node";
import { createAuthority, ServerCertificates } from "@stratos/host-node/certificates";
import type { HostSocket } from "@stratos/host";
import type { Authority } from "@stratos/sdk";
import { PolicySockets } from "@stratos/sdk/policy-sockets";
import { AUTHORITY_SUBJECT, standInsOf } from "@stratos/sdk/secrets";
import { nodeTls } from "./tls-gateway.ts";
import { WireStream } from "./wire-stream.ts";

const SECRET = "the key of the whole house";
const NAME = "api.example.test";

let world: Authority;
let own: Authority;
let server: Server;
let handler: (request: IncomingMessage, response: ServerResponse) => void;
const life = { fromMs: Date.now() - 86_400_000, untilMs: Date.now() + 86_400_000 };

before(async () => {
  world = await createAuthority("the test's world", life);
  own = await nodeTls.createAuthority(AUTHORITY_SUBJECT);
  server = await serve({ name: NAME });
});
after(() => server.close());

async function serve({ name, ...options }: { name: string } & ServerOptions): Promise<Server> {
  const certificates = await ServerCertificates.of(world);
  const made = createHttpsServer(
    { key: certificates.key, cert: await certificates.sign(name, life), ...options },
    (asked, answer) => handler(asked, answer),
  );
  made.listen(0, "127.0.0.1");
  await once(made, "listening");
  return made;
}

/** A program's TCP connection there. */
async function dial(to: TcpServer, trusted = [world.certificate]): Promise<WireStream> {
  const loop = { nowMs: () => Date.now(), callSoon: (act: () => void) => void setImmediate(act) };
  const secrets = { KEY: { value: SECRET, hosts: [NAME] } };
  const tls = nodeTls.openGateway(own, trusted);
  const sockets = new PolicySockets(new NodeSocketProvider(), { policy: "allow", secrets, tls, loop }, () => {});
  let hasEnded = false;
  const unsent: Buffer[] = [];
  // As a program that always looks at both directions.
  const changed = (): void => {
    while (unsent[0] !== undefined) {
      const count = socket.write(unsent[0], 0, unsent[0].length, null);
      if (count < 0) break;
      if (count === unsent[0].length) unsent.shift();
      else unsent[0] = unsent[0].subarray(count);
    }
    while (!hasEnded && stream.waitingBytes < 100_000) {
      const bytes = new Uint8Array(10_000);
      const count = socket.read(bytes, 0, bytes.length, false);
      if (count < 0) break;
      if (count > 0) stream.receive(bytes.subarray(0, count));
      hasEnded = count === 0;
      if (hasEnded) stream.receiveEnd();
    }
    if (socket.takeError() !== 0) stream.destroy();
  };
  const socket = sockets.create(4, "stream", { changed }) as HostSocket;
  const stream = new WireStream({
    take: (bytes) => {
      unsent.push(bytes);
      changed();
    },
    ended: () => socket.shutdown(1),
    hasRoom: changed,
    closed: () => socket.close(),
  });
  socket.connect({ family: 4, address: "127.0.0.1", port: (to.address() as AddressInfo).port });
  while (!socket.connected()) await new Promise(setImmediate);
  return stream;
}

async function handshake(to: Server, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ socket: await dial(to), servername: NAME, ca: own.certificate, ...options });
  await once(socket, "secureConnect");
  return socket;
}

/** @param over  null: the options say by what */
async function ask(
  over: TLSSocket | null,
  options: RequestOptions,
  body?: Buffer | string,
): Promise<IncomingMessage & { text: string }> {
  const way = over === null ? {} : { createConnection: () => over };
  const asked = request({ ...way, headers: { host: NAME }, ...options });
  asked.end(body);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += piece;
  return Object.assign(response, { text });
}

const STAND_IN = standInsOf({ KEY: { value: SECRET, hosts: [] } }).KEY!;
const BEARER = { host: NAME, authorization: `Bearer ${STAND_IN}` };

test("a secret leaves in the head, and comes back as its stand-in, however it is cut", async () => {
  const heard: unknown[] = [];
  handler = (asked, answer) => {
    heard.push(asked.headers.authorization, asked.headers["accept-encoding"], asked.url);
    answer.setHeader("x-echo", `you are ${SECRET}`);
    answer.setHeader("location", `https://elsewhere.test${asked.url}`);
    answer.setHeader("trailer", "x-last");
    // A piece of its own for each byte.
    for (const letter of `<${SECRET}>`) answer.write(letter);
    answer.addTrailers({ "x-last": SECRET });
    answer.end(SECRET.slice(0, 5));
  };
  const { headers, text, trailers } = await ask(await handshake(server), {
    path: `/a?key=${STAND_IN}`,
    headers: { ...BEARER, "accept-encoding": "gzip" },
  });
  assert.deepEqual(heard, [`Bearer ${SECRET}`, "identity", `/a?key=${encodeURIComponent(SECRET)}`]);
  assert.equal(text, `<${STAND_IN}>${SECRET.slice(0, 5)}`);
  assert.deepEqual(trailers, { "x-last": STAND_IN });
  assert.equal(headers["x-echo"], `you are ${STAND_IN}`);
  assert.equal(headers.location, `https://elsewhere.test/a?key=${STAND_IN}`);
});

test("credentials in base64 leave as the secret's, and come back as the program's; a body has none", async () => {
  const basic = (password: string): string => `Basic ${Buffer.from(`me:${password}`).toString("base64")}`;
  let heard: unknown[] = [];
  handler = (asked, answer) => {
    asked.setEncoding("utf8").on("data", (text) => (heard = [asked.headers.authorization, text]));
    asked.on("end", () => answer.end(asked.headers.authorization));
  };
  const headers = { host: NAME, authorization: basic(STAND_IN) };
  const { text } = await ask(await handshake(server), { method: "POST", headers }, `body ${STAND_IN}`);
  assert.deepEqual(heard, [basic(SECRET), `body ${STAND_IN}`]);
  assert.equal(text, basic(STAND_IN));
});

test("a request for another host of the same connection has no secret", async () => {
  const heard: unknown[] = [];
  handler = (asked, answer) => {
    heard.push(asked.headers.authorization);
    answer.end();
  };
  const authorization = `Bearer ${STAND_IN}`;
  for (const options of [
    { headers: { host: "other.example.test", authorization } },
    { headers: ["Host", NAME, "Host", "other.example.test", "Authorization", authorization], setHost: false },
    { headers: BEARER, path: "https://other.example.test/" },
    { headers: { ...BEARER, host: `${NAME.toUpperCase()}:443` } },
  ])
    await ask(await handshake(server), options as RequestOptions);
  assert.deepEqual(heard, [authorization, authorization, authorization, `Bearer ${SECRET}`]);
});

test("TLS to a host that no secret is for stays the program's own", async () => {
  const other = await serve({ name: "other.example.test" });
  try {
    let heard: unknown;
    handler = (asked, answer) => {
      heard = asked.headers.authorization;
      answer.end();
    };
    const servername = "other.example.test";
    await assert.rejects(handshake(other, { servername }), /certificate/);
    const socket = await handshake(other, { servername, ca: world.certificate });
    await ask(socket, { headers: { ...BEARER, host: servername } });
    assert.equal(heard, BEARER.authorization);
  } finally {
    other.close();
  }
});

test("a host that is not who it should be is told of, and hears nothing", async () => {
  const impostor = await serve({ name: "impostor.example.test" });
  let isAsked = false;
  handler = (_, answer) => {
    isAsked = true;
    answer.end();
  };
  try {
    const ways: [Server, string[], RegExp][] = [
      [impostor, [world.certificate], /^Stratos: https:\/\/api\.example\.test: .*altnames/],
      [server, [], /^Stratos: https:\/\/api\.example\.test: unable to [^;]*certificate\n$/],
    ];
    for (const [to, trusted, why] of ways) {
      const socket = connect({ socket: await dial(to, trusted), servername: NAME, ca: own.certificate });
      const { statusCode, text } = await ask(socket, { headers: BEARER });
      assert.equal(statusCode, 502);
      assert.match(text, why);
    }
    assert.equal(isAsked, false);
  } finally {
    impostor.close();
  }
});

test("HTTP/1.1 is agreed on, and a program that has HTTP/2 alone is refused", async () => {
  const socket = await handshake(server, { ALPNProtocols: ["h2", "http/1.1"] });
  assert.equal(socket.alpnProtocol, "http/1.1");
  socket.destroy();
  await assert.rejects(handshake(server, { ALPNProtocols: ["h2"] }), /no application protocol|alert number 120/i);
});

test("what programs do with one connection works as without anybody between", async () => {
  const sent = Buffer.alloc(3_000_000, "0123456789");
  handler = (asked, answer) => {
    const parts: Buffer[] = [];
    asked.on("data", (part: Buffer) => parts.push(part));
    asked.on("end", () => {
      const { method, url } = asked;
      answer.sendDate = false;
      if (url === "/none") answer.writeHead(204).end();
      else if (url === "/length") answer.writeHead(200, { "content-length": 5 }).end(method === "HEAD" ? "" : "12345");
      else answer.end(parts.length === 0 ? `${method} ${asked.headers["content-length"]}` : Buffer.concat(parts));
    });
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let made = 0;
  const program = await handshake(server);
  agent.createConnection = () => (made++, program);
  const go = (options: RequestOptions, body?: Buffer | string): Promise<IncomingMessage & { text: string }> =>
    ask(null, { agent, ...options }, body);
  const head = await go({ method: "HEAD", path: "/length" });
  assert.deepEqual([head.headers["content-length"], head.text], ["5", ""]);
  assert.equal((await go({ path: "/none" })).statusCode, 204);
  assert.equal((await go({ path: "/length" })).text, "12345");
  assert.equal((await go({ method: "DELETE" })).text, "DELETE undefined");
  assert.equal((await go({ method: "POST" })).text, "POST 0");
  const headers = { "host": NAME, "content-length": sent.length };
  assert.ok((await go({ method: "PUT", headers }, sent)).text === sent.toString(), "with a length");
  assert.ok((await go({ method: "PUT" }, sent)).text === sent.toString(), "in pieces");
  const expecting = request({ agent, method: "PUT", headers: { ...headers, expect: "100-continue" } });
  expecting.flushHeaders();
  await once(expecting, "continue");
  expecting.end(sent);
  const [response] = (await once(expecting, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  assert.equal(made, 1);
  // The host ends it, and the program hears so.
  const over = once(program, "close");
  server.closeIdleConnections();
  await over;
});

test("a program that reads slowly gets all, and one that has said all is still answered", async () => {
  handler = (_, answer) => answer.writeHead(200, { "content-length": 2_000_000 }).end(Buffer.alloc(2_000_000, "x"));
  const program = await handshake(server);
  program.end(`GET / HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
  let length = 0;
  for await (const part of program) {
    length += part.length;
    await new Promise(setImmediate);
  }
  assert.ok(length > 2_000_000);
});

test("after an upgrade both say what they like, and a secret that the host repeats does not come back", async () => {
  let heard = "";
  const upgraded = (asked: IncomingMessage, host: Duplex): void => {
    heard = asked.headers.authorization ?? "";
    host.write("HTTP/1.1 101 Go On\r\nUpgrade: talk\r\nConnection: Upgrade\r\n\r\n");
    host.on("data", (bytes) => host.write(`${bytes} ${SECRET}`));
    host.on("end", () => host.end());
  };
  server.on("upgrade", upgraded);
  try {
    const headers = { ...BEARER, connection: "Upgrade", upgrade: "talk" };
    const socket = await handshake(server);
    const asked = request({ createConnection: () => socket, headers });
    asked.end();
    const [response, stream] = (await once(asked, "upgrade")) as [IncomingMessage, Duplex];
    assert.deepEqual([response.statusCode, heard], [101, `Bearer ${SECRET}`]);
    stream.write("hello");
    const [said] = (await once(stream, "data")) as [Buffer];
    assert.equal(said.toString(), `hello ${STAND_IN}`);
    stream.end();
    await once(stream, "close");
  } finally {
    server.off("upgrade", upgraded);
  }
  // One that the host does not take is answered.
  handler = (_, answer) => answer.writeHead(426).end("no");
  const refused = await ask(await handshake(server), {
    headers: { ...BEARER, connection: "Upgrade", upgrade: "talk" },
  });
  assert.deepEqual([refused.statusCode, refused.text], [426, "no"]);
});

test("a program that begins byte by byte is understood; one that is no TLS, or none yet, is left alone", async () => {
  handler = (asked, answer) => answer.end(String(asked.headers.authorization === `Bearer ${SECRET}`));
  const slow = await dial(server);
  const bytewise = new Duplex({
    read: () => {},
    write: (bytes: Buffer, _, done) => {
      for (const byte of bytes) slow.write(Buffer.of(byte));
      done();
    },
  });
  slow.on("data", (bytes) => bytewise.push(bytes));
  const program = connect({ socket: bytewise, servername: NAME, ca: own.certificate });
  await once(program, "secureConnect");
  assert.equal((await ask(program, { headers: BEARER })).text, "true");
  for (const beginning of ["GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00", "\x16\x03\x01\x00\x04\x02\x00\x00\x00"]) {
    const plain = createTcpServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(plain, "listening");
    const stream = await dial(plain);
    stream.end(Buffer.from(beginning, "latin1"));
    let echo = "";
    stream.on("data", (bytes: Buffer) => (echo += bytes.toString("latin1")));
    await once(stream, "end");
    assert.equal(echo, beginning);
    plain.close();
  }
});

test("what is no certificate is refused by name", () => {
  for (const wrong of ["", "none", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
    assert.throws(
      () => nodeTls.openGateway(own, [wrong]),
      ({ kind, data }) => kind === "option" && data.option === "net.ca",
    );
});
