/** What anybody can send (RFC 5961, RFC 9293 §3.10.7, RFC 7323 §5): segments that were made by hand meet a stack. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  EMSGSIZE,
  ETIMEDOUT,
  TCP_CLOSE,
  TCP_ESTABLISHED,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
} from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { PERFECT, SimulatedPath } from "../testing/simulated-path.ts";
import type { TcpBacklog } from "./tcp-backlog.ts";
import type { TcpConnection } from "./tcp-connection.ts";
import {
  ACK,
  FIN,
  RST,
  SYN,
  TcpSegment,
  writeChecksum,
  writeHeader,
  writeMss,
  writeTimestamps,
} from "./tcp-segment.ts";

interface Heard {
  flags: number;
  seq: number;
  ack: number;
  length: number;
}

/** The left stack alone; the test is the right one. */
class Forger {
  readonly path = new SimulatedPath(new SeededRandom(9), PERFECT);
  readonly heard: Heard[] = [];

  constructor() {
    const segment = new TcpSegment();
    const { left, right } = this.path;
    this.path.filter = (bytes, from) => {
      if (from === left && segment.read(left.address, right.address, bytes, 0, bytes.length)) {
        const { flags, seq, ack, dataLength: length } = segment;
        this.heard.push({ flags, seq, ack, length });
      }
      return false;
    };
  }

  send(
    what: { seq: number; ack?: number; flags: number; data?: string; window?: number; ts?: number; mss?: number },
    port = 80,
    from = 5000,
  ): void {
    const { left, right } = this.path;
    const bytes = new Uint8Array(200);
    let at = 20;
    if (what.mss !== undefined) at = writeMss(bytes, at, what.mss);
    if (what.ts !== undefined) at = writeTimestamps(bytes, at, what.ts, 0);
    const data = new TextEncoder().encode(what.data ?? "");
    bytes.set(data, at);
    const length = at + data.length;
    writeHeader(bytes, from, port, what.seq, what.ack ?? 0, what.flags, what.window ?? 60000, 0, at);
    writeChecksum(right.address, left.address, bytes, length);
    left.stack.receive(right.address, left.address, bytes, 0, length, 0, 1);
  }

  last(): Heard {
    return this.heard.at(-1)!;
  }

  /** A connection that came in, whose next byte is 1001. */
  accepted(options: { ts?: number; mss?: number } = {}): { one: TcpConnection; backlog: TcpBacklog; iss: number } {
    const backlog = this.path.left.listen(80, 5);
    this.send({ seq: 1000, flags: SYN, ...options });
    const iss = this.last().seq;
    this.send({ seq: 1001, ack: (iss + 1) | 0, flags: ACK, ...(options.ts === undefined ? {} : { ts: options.ts }) });
    const one = backlog.take()!;
    assert.equal(one.state, TCP_ESTABLISHED);
    return { one, backlog, iss };
  }

  connecting(): TcpConnection {
    const { left, right } = this.path;
    const made = left.stack.connect(left.address, 80, right.address, 5000, left.options, () => {});
    assert.ok(typeof made !== "number");
    return made;
  }
}

describe("segments that anybody can send", () => {
  it("reset a connection with the next sequence number alone; others within the window are asked", () => {
    const forger = new Forger();
    const { one } = forger.accepted();
    forger.send({ seq: 900, flags: RST });
    forger.send({ seq: 200_000, flags: RST });
    assert.equal(one.state, TCP_ESTABLISHED);
    const before = forger.heard.length;
    forger.send({ seq: 1500, flags: RST });
    assert.equal(one.state, TCP_ESTABLISHED);
    assert.deepEqual([forger.heard.length - before, forger.last().ack], [1, 1001]);
    forger.send({ seq: 1501, flags: RST });
    assert.equal(forger.heard.length - before, 1, "one challenge in a while");
    forger.send({ seq: 1001, flags: RST });
    assert.deepEqual([one.state, one.error], [TCP_CLOSE, ECONNRESET]);
  });

  it("a SYN within a connection is asked about", () => {
    const forger = new Forger();
    const { one } = forger.accepted();
    forger.send({ seq: 1200, flags: SYN });
    assert.deepEqual([one.state, forger.last().flags, forger.last().ack], [TCP_ESTABLISHED, ACK, 1001]);
  });

  it("acknowledging what was never sent changes nothing", () => {
    const forger = new Forger();
    const { one, iss } = forger.accepted();
    forger.send({ seq: 1001, ack: (iss + 5000) | 0, flags: ACK, data: "forged" });
    assert.equal(one.available, 0);
    forger.send({ seq: 1001, ack: (iss - 200_000) | 0, flags: ACK, data: "forged" });
    assert.equal(one.available, 0, "RFC 5961 §5");
  });

  it("an old timestamp is refused (PAWS)", () => {
    const forger = new Forger();
    const { one, iss } = forger.accepted({ ts: 5000 });
    forger.send({ seq: 1001, ack: (iss + 1) | 0, flags: ACK, data: "old", ts: 4000 });
    assert.equal(one.available, 0);
    forger.send({ seq: 1001, ack: (iss + 1) | 0, flags: ACK, data: "new", ts: 5001 });
    assert.equal(one.available, 3);
  });

  it("what lies beyond the window is not kept, and holes without end are bounded", () => {
    const forger = new Forger();
    const { one, iss } = forger.accepted();
    const ack = (iss + 1) | 0;
    forger.send({ seq: 1001 + 65535, ack, flags: ACK, data: "x" });
    assert.equal(one.heldBytes, 0);
    for (let hole = 0; hole < 3000; hole++) forger.send({ seq: 1003 + 2 * hole, ack, flags: ACK, data: "x" });
    assert.ok(one.ranges.count <= 256);
    assert.equal(one.available, 0);
  });

  it("overlapping pieces give each byte once, and the first FIN that has its turn ends it", () => {
    const forger = new Forger();
    const { one, iss } = forger.accepted();
    const ack = (iss + 1) | 0;
    forger.send({ seq: 1004, ack, flags: ACK, data: "defg" });
    forger.send({ seq: 1009, ack, flags: ACK | FIN, data: "i" });
    forger.send({ seq: 1003, ack, flags: ACK, data: "cdefgh" });
    assert.equal(one.available, 0);
    forger.send({ seq: 1001, ack, flags: ACK, data: "abc" });
    const into = new Uint8Array(20);
    let position = 0;
    const sink = {
      get remaining(): number {
        return into.length - position;
      },
      put(source: Uint8Array, start: number, count: number): number {
        into.set(source.subarray(start, start + count), position);
        position += count;
        return count;
      },
    };
    one.read(sink, false);
    assert.equal(new TextDecoder().decode(into.subarray(0, position)), "abcdefghi");
    assert.ok(one.isEnded);
    assert.equal(forger.last().ack, 1011);
  });

  it("a flood of SYNs fills no more than the backlog, and the next ones are dropped in silence", () => {
    const forger = new Forger();
    forger.path.left.listen(80, 5);
    for (let from = 1; from < 1000; from++) forger.send({ seq: from, flags: SYN }, 80, from);
    assert.ok(forger.path.left.stack.count <= 16, `${forger.path.left.stack.count}`);
    // Nobody answers: they are given up.
    forger.path.run(200_000);
    assert.equal(forger.path.left.stack.count, 0);
  });

  it("answers what belongs to nothing with a reset, but never a reset", () => {
    const forger = new Forger();
    forger.send({ seq: 77, flags: SYN }, 81);
    assert.deepEqual([forger.last().flags, forger.last().ack], [RST | ACK, 78]);
    forger.send({ seq: 77, ack: 12345, flags: ACK }, 81);
    assert.deepEqual([forger.last().flags, forger.last().seq], [RST, 12345]);
    const before = forger.heard.length;
    forger.send({ seq: 77, flags: RST }, 81);
    assert.equal(forger.heard.length, before);
  });

  it("both may open at once", () => {
    const forger = new Forger();
    const one = forger.connecting();
    const { iss } = one;
    forger.send({ seq: 3000, flags: SYN });
    assert.deepEqual([one.state, forger.last().flags], [TCP_SYN_RECV, SYN | ACK]);
    forger.send({ seq: 3000, ack: (iss + 1) | 0, flags: SYN | ACK });
    assert.equal(one.state, TCP_ESTABLISHED);
  });

  it("a connection on its way is refused by a reset that acknowledges it alone, or by what ICMP says", () => {
    const forger = new Forger();
    const one = forger.connecting();
    forger.send({ seq: 0, ack: (one.iss + 2) | 0, flags: RST | ACK });
    assert.equal(one.state, TCP_SYN_SENT);
    forger.send({ seq: 0, ack: (one.iss + 1) | 0, flags: RST | ACK });
    assert.deepEqual([one.state, one.error], [TCP_CLOSE, ECONNREFUSED]);
    const other = forger.connecting();
    const { left, right } = forger.path;
    const quote = new Uint8Array(8);
    writeHeader(new Uint8Array(20), 0, 0, 0, 0, 0, 0, 0, 20);
    new DataView(quote.buffer).setUint32(0, (80 << 16) | 5000);
    new DataView(quote.buffer).setInt32(4, (other.iss + 99) | 0);
    left.stack.unreachable(right.address, left.address, EHOSTUNREACH, quote, 0, 8);
    assert.equal(other.state, TCP_SYN_SENT, "of another segment");
    new DataView(quote.buffer).setInt32(4, other.iss);
    left.stack.unreachable(right.address, left.address, EHOSTUNREACH, quote, 0, 8);
    assert.deepEqual([other.state, other.error], [TCP_CLOSE, EHOSTUNREACH]);
  });

  it("sends again in smaller segments where the path takes less", () => {
    const forger = new Forger();
    const { one, iss } = forger.accepted({ mss: 1460 });
    let left = 3000;
    const source = {
      get remaining(): number {
        return left;
      },
      take(_target: Uint8Array, _start: number, count: number): number {
        left -= count;
        return count;
      },
    };
    one.write(source, 100_000, false);
    assert.equal(Math.max(...forger.heard.map(({ length }) => length)), 1460);
    const { path } = forger;
    path.quality = { ...path.quality, mtu: 600 };
    const quote = new Uint8Array(8);
    new DataView(quote.buffer).setUint32(0, (80 << 16) | 5000);
    new DataView(quote.buffer).setInt32(4, (iss + 1) | 0);
    const before = forger.heard.length;
    path.left.stack.unreachable(path.right.address, path.left.address, EMSGSIZE, quote, 0, 8);
    const again = forger.heard.slice(before);
    assert.ok(again.length > 0 && again.every(({ length }) => length <= 560));
    assert.equal(again[0]!.seq, (iss + 1) | 0);
  });

  it("gives a peer up that never answers, after the time that Linux takes", () => {
    const forger = new Forger();
    const { one } = forger.accepted();
    const source = { remaining: 1, take: () => ((source.remaining = 0), 1) };
    one.write(source, 100, false);
    const began = forger.path.nowNs;
    while (one.state !== TCP_CLOSE && forger.path.step(began + 3000e9));
    assert.equal(one.error, ETIMEDOUT);
    const seconds = (forger.path.nowNs - began) / 1e9;
    assert.ok(seconds > 900 && seconds < 1100, `${seconds} s`);
  });

  it("asks an idle peer when it was told to, and gives it up", () => {
    const forger = new Forger();
    const { one } = forger.accepted();
    one.keepIntervalNs = 10e9;
    one.keepCount = 3;
    one.keepAlive(60e9);
    const before = forger.heard.length;
    forger.path.run(95_000);
    assert.deepEqual([one.state, one.error], [TCP_CLOSE, ETIMEDOUT]);
    assert.deepEqual(
      forger.heard.slice(before).map(({ flags }) => flags),
      [ACK, ACK, ACK, RST | ACK],
    );
  });

  it("a SYN takes the place of a connection in TIME-WAIT when it is newer", () => {
    const forger = new Forger();
    const { one, backlog, iss } = forger.accepted({ ts: 100 });
    one.close();
    forger.send({ seq: 1001, ack: (iss + 2) | 0, flags: ACK | FIN, ts: 101 });
    assert.equal(one.state, TCP_TIME_WAIT);
    forger.send({ seq: 500, flags: SYN, ts: 99 });
    assert.equal(one.state, TCP_TIME_WAIT, "an old one");
    forger.send({ seq: 500, flags: SYN, ts: 102 });
    assert.equal(forger.last().flags, SYN | ACK);
    forger.send({ seq: 501, ack: (forger.last().seq + 1) | 0, flags: ACK, ts: 103 });
    assert.equal(backlog.length, 1);
  });
});
