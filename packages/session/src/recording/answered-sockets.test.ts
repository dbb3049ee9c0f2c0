/**
 * Goal: sockets that were recorded do the same again without a host. Method: one guest, over a simulated network and
 * then over what was recorded of it; all that it is told is compared.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type HostSocket, SimulatedNetwork, type SimulatedSocketProvider } from "@stratos/host";
import { AnsweredSockets } from "./answered-sockets.ts";
import { RecordedAnswers, ReplayError, tellAnswers } from "./host-answers.ts";
import { type RecordedAnswer, RecordingError } from "./recording-format.ts";
import type { SocketNews } from "./socket-news.ts";

const HERE = { family: 4, address: "10.0.0.1", prefixLength: 24 } as const;
const THERE = { family: 4, address: "10.0.0.2", port: 80 } as const;
const NETWORK = { nameServers: ["10.0.0.9"], addresses: [HERE] };
const NOBODY = { changed: () => {} };

interface Recorded {
  readonly answers: RecordedAnswer[];
  /** By turns. */
  readonly news: SocketNews[][];
}

interface Run {
  readonly sockets: AnsweredSockets;
  turn(): void;
}

/** Written down and read again. */
const copyOf = <T>(value: T): T => structuredClone(value);

function recording(outside: (host: SimulatedSocketProvider) => () => void): Run & { readonly recorded: Recorded } {
  const network = new SimulatedNetwork();
  const recorded: Recorded = { answers: [], news: [] };
  const happens = outside(network.host([{ ...HERE, address: THERE.address }]));
  const tell = (answer: RecordedAnswer): unknown => recorded.answers.push(copyOf(answer));
  const sockets = new AnsweredSockets(tellAnswers(tell), NETWORK, network.host([HERE]));
  const turn = (): void => {
    happens();
    network.deliver();
    const list: SocketNews[] = [];
    sockets.look();
    for (let news = sockets.next(); news !== null; news = sockets.next()) {
      list.push(copyOf(news));
      sockets.letIn(news);
    }
    recorded.news.push(list);
  };
  return { sockets, turn, recorded };
}

function replaying({ answers, news }: Recorded): Run {
  const sockets = new AnsweredSockets(new RecordedAnswers(answers), NETWORK, null);
  let next = 0;
  return { sockets, turn: () => news[next++]?.forEach((each) => sockets.letIn(each)) };
}

function stateOf(socket: HostSocket): unknown[] {
  const counts = [socket.available(), socket.unsent(), socket.localAddress(), socket.peerAddress()];
  return [socket.readable(), socket.writable(), socket.ended(), socket.connected(), ...counts];
}

function readAll(socket: HostSocket): unknown {
  const bytes = new Uint8Array(100_000);
  let [sum, count, last] = [0, 0, 0];
  while ((last = socket.read(bytes, 0, 1000, false)) > 0) {
    count += last;
    for (let at = 0; at < last; at++) sum = (sum * 31 + bytes[at]!) % 1_000_003;
  }
  return [count, sum, last, socket.lastSender, socket.lastLength];
}

/** A server outside that answers with more than fits into a socket, and closes. */
function server(host: SimulatedSocketProvider): () => void {
  const listener = host.create(4, "stream", NOBODY) as HostSocket;
  listener.bind(THERE, { reuseAddress: true, v6Only: false });
  listener.listen(5);
  const answer = Uint8Array.from({ length: 300_000 }, (_, at) => at * 7);
  let [sent, connection] = [0, null as HostSocket | null];
  return () => {
    const accepted = connection === null ? listener.accept(NOBODY) : connection;
    if (typeof accepted === "number") return;
    connection = accepted;
    if (connection.read(new Uint8Array(64), 0, 64, false) > 0) sent = Math.max(sent, 1);
    if (sent === 0 || sent > answer.length) return;
    const count = connection.write(answer, sent - 1, answer.length - sent + 1, null);
    if (count > 0) sent += count;
    if (sent > answer.length) connection.shutdown(1);
  };
}

function client({ sockets, turn }: Run, words = "GET /"): unknown[] {
  const told: unknown[] = [];
  const socket = sockets.create(4, "stream", NOBODY) as HostSocket;
  told.push(socket.connect(THERE), stateOf(socket), socket.read(new Uint8Array(1), 0, 1, false));
  turn();
  const request = new TextEncoder().encode(words);
  told.push(stateOf(socket), socket.write(request, 0, request.length, null), socket.setOption("noDelay", 1));
  for (let at = 0; at < 40; at++) {
    turn();
    // Sometimes nobody reads: what is outside waits there.
    told.push(stateOf(socket), at % 4 === 0 ? null : readAll(socket), socket.takeError());
  }
  told.push(socket.shutdown(1), socket.write(request, 0, 1, null));
  socket.close();
  return told;
}

test("a connection does the same again without a host", () => {
  const run = recording(server);
  const told = client(run);
  const counts = told
    .filter(Array.isArray)
    .filter((each) => each.length === 5)
    .map(([count]) => count as number);
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    300_000,
  );
  assert.deepEqual(client(replaying(run.recorded)), told);
});

test("who sends something else is told what was recorded", () => {
  const { recorded, ...run } = recording(server);
  client(run);
  assert.throws(
    () => client(replaying(recorded), "PUT /"),
    (error: unknown) => {
      assert.ok(error instanceof ReplayError);
      assert.match(error.message, /write\(5 bytes [0-9a-f]+\) of socket 1; recorded: write\(5 bytes/);
      return true;
    },
  );
});

test("a listener, a refusal and datagrams do the same again", () => {
  const bound = { family: 4, address: HERE.address, port: 8000 } as const;
  const act = ({ sockets, turn }: Run): unknown[] => {
    const told: unknown[] = [];
    const listener = sockets.create(4, "stream", NOBODY) as HostSocket;
    told.push(listener.bind(bound, { reuseAddress: false, v6Only: false }), listener.listen(3), stateOf(listener));
    const refused = sockets.create(4, "stream", NOBODY) as HostSocket;
    told.push(refused.connect({ ...THERE, port: 81 }));
    const datagrams = sockets.create(4, "datagram", NOBODY) as HostSocket;
    told.push(datagrams.bind({ ...bound, port: 53 }, { reuseAddress: false, v6Only: false }));
    for (let at = 0; at < 6; at++) {
      turn();
      told.push(stateOf(listener), refused.takeError(), stateOf(datagrams));
      const accepted = listener.accept(NOBODY);
      told.push(typeof accepted === "number" ? accepted : [stateOf(accepted), readAll(accepted)]);
      told.push(datagrams.read(new Uint8Array(2), 0, 2, false), datagrams.lastSender, datagrams.lastLength);
    }
    for (const socket of [listener, refused, datagrams]) socket.close();
    return told;
  };
  const run = recording((host) => {
    let turns = 0;
    return () => {
      turns++;
      if (turns === 2) (host.create(4, "stream", NOBODY) as HostSocket).connect(bound);
      const socket = host.create(4, "datagram", NOBODY) as HostSocket;
      socket.write(Uint8Array.of(1, 2, 3), 0, turns % 4, { ...bound, port: 53 });
    };
  });
  const told = act(run);
  assert.ok(
    told.some((each) => Array.isArray(each) && Array.isArray(each[0])),
    "one was accepted",
  );
  assert.ok(told.includes(3), "a datagram's full length is told");
  assert.deepEqual(act(replaying(run.recorded)), told);
});

test("news of a socket that is not there, and answers that cannot be, are refused or are errors", () => {
  const answers = (answer: unknown): RecordedAnswer[] => [
    { kind: "host", question: "a stream socket of IPv4", answer: { result: 0 } },
    { kind: "host", question: "write(1 bytes 527d5351) of socket 1", answer: answer as number },
  ];
  for (const answer of [2, 1.5, "x", null, [], { result: 9 }, { result: 1, unsent: -1 }, -5000]) {
    const sockets = new AnsweredSockets(new RecordedAnswers(answers(answer)), NETWORK, null);
    const socket = sockets.create(4, "stream", NOBODY) as HostSocket;
    assert.equal(socket.write(new Uint8Array(1), 0, 1, null), -5, JSON.stringify(answer));
    assert.throws(() => sockets.letIn({ kind: "socket", socket: 2 }), RecordingError);
    assert.throws(
      () => sockets.letIn({ kind: "socket", socket: 1, connection: { socket: 7 } }),
      /socket 7, which is not/,
    );
  }
});
