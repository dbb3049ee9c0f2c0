/** Goal: recordings of older versions are read; a changed byte is known by its line, a cut one is good till there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8Of } from "@stratos/base";
import { recordingLines } from "../testing/made-recording.ts";
import { type Recording, RecordingError } from "./recording-format.ts";
import { readRecordingLines } from "./recording-lines.ts";

const HEADER = {
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
const EVENT = { kind: "input", data: utf8Of("true\n"), instructions: 1000, ns: 1000 } as const;
const ANSWER = { kind: "host", question: 'lstat "caf\xe9"', answer: -2 } as const;
const END = { kind: "exit", status: 3, output: "00", instructions: 2000, ns: 2000 } as const;
const READ = { kind: "host", question: "read(0, 9) of file 1", answer: utf8Of("bytes") } as const;

const read = (text: string | Uint8Array): Recording =>
  readRecordingLines(typeof text === "string" ? utf8Of(text) : text);
const written = (): Uint8Array => recordingLines(3, HEADER, [EVENT, ANSWER, END]);

test("what was written is read, with its bytes", () => {
  const header = { ...HEADER, format: 3 };
  const { imageParts, ...recording } = read(written());
  assert.deepEqual(recording, { header, events: [EVENT], answers: [ANSWER], end: END });
  assert.deepEqual([...imageParts()], []);
  assert.deepEqual(read(recordingLines(3, HEADER, [READ])).answers, [READ]);
});

test("each flipped bit of each byte is refused", () => {
  const whole = written();
  for (let at = 0; at < whole.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      const bytes = whole.slice();
      bytes[at]! ^= 1 << bit;
      assert.throws(() => read(bytes), RecordingError, `bit ${bit} of byte ${at}`);
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
    assert.throws(() => read(`${text.join("\n")}\n`), { failure: { kind: "damaged", line } });
});

test("one that was cut short has no end, and nothing of the line that is half there", () => {
  const whole = written();
  const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at);
  for (const length of [ends[1]! + 1, ends[1]! + 7, ends[2]! - 1]) {
    const { events, answers, end } = read(whole.subarray(0, length));
    assert.deepEqual([events, answers, end], [[EVENT], [], null]);
  }
});

test("one without checksums is read", () => {
  const { folders: _, ...older } = HEADER;
  const bytes = recordingLines(2, older, [EVENT, END]);
  const { header, events, end } = read(bytes);
  assert.deepEqual([header, events, end], [{ ...older, format: 2 }, [EVENT], END]);
  assert.equal(read(bytes.subarray(0, -9)).end, null);
});

test("what is no recording is called so", () => {
  for (const text of ["", "\n", "nothing\n", "null\n", "{}\n", '{"format":"stratos-recording-9"}\n'])
    assert.throws(() => read(text), { failure: { kind: "foreign" } }, JSON.stringify(text));
});

const ADDRESS = { family: 4, address: "127.0.0.1", port: 80 } as const;
const NETWORK = { nameServers: ["127.0.0.53"], addresses: [] };
const NEWS = {
  ...{ kind: "socket", socket: 1, data: utf8Of("abc"), from: ADDRESS, peer: null },
  ...{ instructions: 1, ns: 1 },
};

test("what came from the network is read, in the format that has it alone", () => {
  const header = { ...HEADER, network: NETWORK, startMs: 5 };
  assert.deepEqual(read(recordingLines(4, header, [NEWS, END])).events, [NEWS]);
  assert.throws(() => read(recordingLines(3, HEADER, [NEWS, END])), { failure: { kind: "damaged", line: 2 } });
  assert.throws(() => read(recordingLines(3, header, [])), { failure: { kind: "damaged", line: 1 } });
  assert.throws(() => read(recordingLines(4, HEADER, [])), { failure: { kind: "damaged", line: 1 } });
});

test("bytes that are no Base64 are refused by their line", () => {
  for (const data of [7, "*"])
    assert.throws(() => read(recordingLines(4, { ...HEADER, network: NETWORK }, [EVENT, { ...NEWS, data }])), {
      failure: { kind: "damaged", line: 3 },
    });
});
