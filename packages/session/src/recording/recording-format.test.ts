/** Goal: a recording comes back as written; a changed byte is known by its line, and a cut one is good till there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, utf8Of } from "@stratos/base";
import { readRecording, RecordingError, type RecordingHeader, RecordingWriter } from "./recording-format.ts";

const HEADER: RecordingHeader = {
  format: "stratos-recording-3",
  callWork: 512,
  image: "debian",
  imageCreatedAt: "2026-01-01T00:00:00.000Z",
  imageLayers: 1,
  program: "caf\xc3\xa9",
  argv: ["caf\xc3\xa9", "\xff"],
  environment: [],
  workingDirectory: "/",
  user: "root",
  seed: 0,
  memoryBytes: 1 << 30,
  harts: 1,
  terminal: null,
  isErrorTerminal: false,
  folders: [],
};
const EVENT = { kind: "input", data: "dHJ1ZQo=", instructions: 1000, ns: 1000 } as const;
const ANSWER = { kind: "host", question: 'lstat "caf\xe9"', answer: -2 } as const;
const END = { kind: "exit", status: 3, output: "00", instructions: 2000, ns: 2000 } as const;

function written(): Uint8Array {
  const lines: Uint8Array[] = [];
  const writer = new RecordingWriter(HEADER, (line) => lines.push(line));
  for (const event of [EVENT, ANSWER, END]) writer.add(event);
  return concatBytes(lines);
}

test("what was written is read", () => {
  assert.deepEqual(readRecording(written()), { header: HEADER, events: [EVENT], answers: [ANSWER], end: END });
});

test("each flipped bit of each byte is refused", () => {
  const whole = written();
  for (let at = 0; at < whole.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      const bytes = whole.slice();
      bytes[at]! ^= 1 << bit;
      assert.throws(() => readRecording(bytes), RecordingError, `bit ${bit} of byte ${at}`);
    }
});

test("a line that is lost, doubled or moved is known by its number", () => {
  const lines = new TextDecoder().decode(written()).trimEnd().split("\n");
  const [header, input, answer, end] = lines as [string, string, string, string];
  for (const [text, line] of [
    [[header, answer, end], 2],
    [[header, input, end], 3],
    [[header, answer, input, end], 2],
    [[header, input, input, answer, end], 3],
    [[...lines, end], 5],
  ] as const)
    assert.throws(() => readRecording(utf8Of(`${text.join("\n")}\n`)), { failure: { kind: "damaged", line } });
});

test("one that was cut short has no end, and nothing of the line that is half there", () => {
  const whole = written();
  const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at);
  for (const length of [ends[1]! + 1, ends[1]! + 7, ends[2]! - 1])
    assert.deepEqual(readRecording(whole.subarray(0, length)), {
      header: HEADER,
      events: [EVENT],
      answers: [],
      end: null,
    });
});

test("one without checksums, as older versions wrote, is read", () => {
  const { folders: _, ...older } = { ...HEADER, format: "stratos-recording-2" };
  const text = [older, EVENT, END].map((value) => `${JSON.stringify(value)}\n`).join("");
  const { header, events, end } = readRecording(utf8Of(text));
  assert.deepEqual([header, events, end], [older, [EVENT], END]);
  assert.equal(readRecording(utf8Of(text.slice(0, -9))).end, null);
});

test("what is no recording is called so", () => {
  for (const text of ["", "\n", "nothing\n", "null\n", "{}\n", '{"format":"stratos-recording-9"}\n'])
    assert.throws(() => readRecording(utf8Of(text)), { failure: { kind: "foreign" } }, JSON.stringify(text));
});

const ADDRESS = { family: 4, address: "127.0.0.1", port: 80 } as const;
const NETWORK = { nameServers: ["127.0.0.53"], addresses: [{ family: 4, address: "10.0.0.2", prefixLength: 24 }] };
const NEWS = { kind: "socket", socket: 1, data: "AAEC", from: ADDRESS, peer: null, instructions: 1, ns: 1 };

/** A recording with these lines, whose checksums are right. */
function made(header: object, ...lines: readonly object[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new RecordingWriter(header as RecordingHeader, (line) => parts.push(line));
  for (const line of lines) writer.add(line as typeof EVENT);
  return concatBytes(parts);
}

test("what came from the network is read, in the format that has it alone", () => {
  const header = { ...HEADER, format: "stratos-recording-4", network: NETWORK, startMs: 5 };
  assert.deepEqual(readRecording(made(header, NEWS, END)).events, [NEWS]);
  assert.throws(() => readRecording(made(HEADER, NEWS, END)), { failure: { kind: "damaged", line: 2 } });
  for (const network of [undefined, null, {}, { ...NETWORK, nameServers: [7] }, { ...NETWORK, addresses: [{}] }])
    assert.throws(() => readRecording(made({ ...header, network })), { failure: { kind: "damaged", line: 1 } });
});

test("news of the network that no network has is refused by its line", () => {
  const header = { ...HEADER, format: "stratos-recording-4", network: NETWORK };
  for (const wrong of [
    { socket: 0 },
    { socket: "1" },
    { data: 7 },
    { data: "*" },
    { data: "A".repeat(400_000) },
    { from: { ...ADDRESS, port: 65_536 } },
    { from: { ...ADDRESS, family: 5 } },
    { local: { ...ADDRESS, address: "1".repeat(100) } },
    { error: 0 },
    { error: 5000 },
    { unsent: -1 },
    { isConnected: 1 },
    { isEnded: false },
    { connection: null },
    { connection: { socket: -1 } },
  ])
    assert.throws(
      () => readRecording(made(header, EVENT, { ...NEWS, ...wrong }, END)),
      { failure: { kind: "damaged", line: 3 } },
      JSON.stringify(wrong).slice(0, 60),
    );
});
