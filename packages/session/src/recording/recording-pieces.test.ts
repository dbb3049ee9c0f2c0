/**
 * Goal: a recording comes back as written, from its file a piece at a time; a changed byte is known by its piece, and
 * one that was cut short is good as far as its whole pieces go.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EIO } from "@stratos/abi";
import type { Volume } from "@stratos/aegisfs";
import { concatBytes, crc32c } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import { zstdCodec } from "@stratos/host-node";
import type { MachineSession } from "../machine-session.ts";
import { entriesOf, recordingOf, recordingParts } from "../testing/made-recording.ts";
import { ImageReads, type RecordedLayer, recordedLayers } from "./image-blocks.ts";
import { type Recording, RecordingError } from "./recording-format.ts";
import { pieceHeaderOf, putPieceHeader, RECORDING_HEADS } from "./recording-pieces.ts";
import { openRecording, readRecording, sourceOf } from "./recording-reader.ts";
import { type RecordedRun, RecordingWriter } from "./recording-writer.ts";

const RUN: RecordedRun = {
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
const EVENT = { kind: "input", data: Uint8Array.of(116, 0, 255), instructions: 1000, ns: 1000 } as const;
const SIGNAL = { kind: "signal", signal: 10, instructions: 1500, ns: 1500.5 } as const;
const ANSWER = { kind: "host", question: 'lstat "caf\xe9"', answer: -2 } as const;
const READ = { kind: "host", question: "read(0, 9) of file 1", answer: new Uint8Array(3000).fill(7) } as const;
const END = { kind: "exit", status: 3, output: "00", instructions: 2000, ns: 2000 } as const;
const ENTRIES = [EVENT, ANSWER, SIGNAL, READ, END];

const read = (bytes: Uint8Array): Recording => readRecording(bytes, zstdCodec);
const damaged = (piece: number): object => ({ failure: { kind: "damaged piece", piece } });

test("what was written is read, be it in one piece or in many", () => {
  for (const perPiece of [1, 2, 3, Infinity]) {
    const recording = read(recordingOf(RUN, ENTRIES, perPiece));
    assert.deepEqual({ ...recording.header, format: 0, callWork: 0 }, { ...RUN, format: 0, callWork: 0 });
    assert.deepEqual([recording.events.length, recording.answers.length], [2, 2]);
    assert.deepEqual(entriesOf(recording), [EVENT, SIGNAL, ANSWER, READ, END]);
    assert.deepEqual(recording.events.at(0), EVENT, "who goes back finds the same");
    assert.deepEqual([recording.events.at(2), recording.answers.at(-1)], [undefined, undefined]);
  }
});

test("each flipped bit of each byte is refused before anything is repeated", () => {
  const whole = recordingOf(RUN, ENTRIES, 2);
  for (let at = 0; at < whole.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      const bytes = whole.slice();
      bytes[at]! ^= 1 << bit;
      assert.throws(() => read(bytes), RecordingError, `bit ${bit} of byte ${at}`);
    }
});

test("a piece that is lost, doubled, moved or damaged is known by its number", () => {
  const [head, one, two, end] = recordingParts(RUN, ENTRIES, 2) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const changed = two.slice();
  changed[30]! ^= 1;
  for (const [parts, piece] of [
    [[head, two, end], 1],
    [[head, one, end], 2],
    [[head, two, one, end], 1],
    [[head, one, one, two, end], 2],
    [[head, one, changed, end], 2],
    [[head, one, two, end, end], 4],
    [[head, one, two, end, Uint8Array.of(0)], 4],
    [[head.subarray(0, -1)], 0],
    [[head.subarray(0, 10)], 0],
  ] as const)
    assert.throws(() => read(concatBytes(parts)), damaged(piece), `${piece}`);
});

test("one that was cut short has no end, and nothing of the piece that is half there", () => {
  const parts = recordingParts(RUN, ENTRIES, 2);
  const twoParts = concatBytes(parts.slice(0, 2));
  for (const more of [0, 1, 23, 24, 30])
    assert.deepEqual(
      entriesOf(read(concatBytes([twoParts, parts[2]!.subarray(0, more)]))),
      [EVENT, ANSWER],
      `${more} bytes more`,
    );
  assert.equal(read(parts[0]!).end, null);
});

const BLOCKS = [0, 1, 2].map((layer) => ({
  ...({ kind: "blocks", layer, layerBytes: 1 << 20, blocks: [layer, 7] } as const),
  data: new Uint8Array(8192).fill(layer + 1),
}));

function withImage(): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const writer = new RecordingWriter(RUN, { codec: zstdCodec, write: (bytes) => parts.push(bytes.slice()) });
  writer.add(EVENT);
  writer.add(END);
  writer.addImage(BLOCKS, BLOCKS.length);
  return parts;
}

test("what the run has read of its image is behind the end, whole or refused", () => {
  const parts = withImage();
  const recording = read(concatBytes(parts));
  assert.deepEqual([recording.end, ...recording.imageParts()], [END, ...BLOCKS]);
  const [head, event, end, one, two, three] = parts as [Uint8Array, ...Uint8Array[]] & { length: 6 };
  for (const [some, piece] of [
    [[head, event, end, one, two], 4],
    [[head, event, end, one, two, three.subarray(0, -1)], 5],
    [[head, event, end, one, two, three, three], 6],
    [[head, event, end, two, three], 3],
    [[head, event, one, two, three], 2],
  ] as const)
    assert.throws(() => read(concatBytes(some)), RecordingError, `${piece}`);
});

test("layers are read from a recording; what it has not of them is EIO, and told", () => {
  let missed = 0;
  const [layer] = recordedLayers([...BLOCKS].slice(0, 1), () => missed++) as [RecordedLayer];
  const bytes = new Uint8Array(10);
  assert.deepEqual(
    [layer.size, layer.read(7 * 4096 + 5, bytes, 1, 9), bytes],
    [1 << 20, 0, Uint8Array.of(0, 1, 1, 1, 1, 1, 1, 1, 1, 1)],
  );
  assert.deepEqual([layer.read(4090, bytes, 0, 10), missed], [-EIO, 1]);
});

test("blocks that are read of an image are in its recording, and are read from there as they are", () => {
  const disk = new MemoryBlockDevice(1 << 20);
  for (const block of [3, 4, 9]) disk.write(block * 4096, new Uint8Array(4096).fill(block), 0, 4096);
  const reads = new ImageReads();
  const into = new Uint8Array(4096);
  // Two runs that share what is read.
  for (const offset of [3 * 4096 + 4000, 9 * 4096]) reads.watch([disk])[0]!.read(offset, into, 0, 200);
  const parts: Uint8Array[] = [];
  const writer = new RecordingWriter(RUN, { codec: zstdCodec, write: (bytes) => parts.push(bytes.slice()) });
  writer.add(END);
  const session = { machine: { kernel: { vfs: { roots: new Map() } } } } as unknown as MachineSession;
  reads.addTo(writer, session, {} as Volume);
  const [layer] = recordedLayers(read(concatBytes(parts)).imageParts(), () => {}) as [RecordedLayer];
  const found = [2, 3, 4, 5, 9].map((block) => [layer.read(block * 4096, into, 0, 4096), into[0]]);
  assert.deepEqual(found, [
    [-EIO, 9],
    [0, 3],
    [0, 4],
    [-EIO, 4],
    [0, 9],
  ]);
});

test("one of the format before is read, and has no image in it", () => {
  const [newest, ...pieces] = recordingParts(RUN, [EVENT, END]) as [Uint8Array, ...Uint8Array[]];
  const head = RECORDING_HEADS.get(5)!.encode({ ...RUN, format: 5 });
  // The checksum of a piece's head begins with that of what is before it.
  let [found, put] = [crc32c(newest), crc32c(head)];
  for (const piece of pieces) {
    const header = pieceHeaderOf(piece, found)!;
    [found, put] = [header.own, putPieceHeader(piece, header, put)];
  }
  const recording = read(concatBytes([head, ...pieces]));
  assert.deepEqual([recording.header.format, ...entriesOf(recording), ...recording.imageParts()], [5, EVENT, END]);
});

test("one of a later version names both", () => {
  const bytes = recordingOf(RUN, ENTRIES);
  bytes[8] = 7;
  assert.throws(() => read(bytes), /^Error: is a recording of format 7; this version reads formats 1 to 6$/);
});

test("what is no recording is called so", () => {
  for (const text of ["", "STRATOSC", "STRAT", "nothing\n"])
    assert.throws(() => read(new TextEncoder().encode(text)), { failure: { kind: "foreign" } }, text);
});

test("long entries and many of them are unpacked when they are asked for, and few are kept", () => {
  const data = (index: number): Uint8Array => new Uint8Array(200_000).map((_, at) => (at * index) & 255);
  const events = Array.from({ length: 60 }, (_, index) => ({ ...EVENT, ns: index, data: data(index) }));
  const long = { ...READ, answer: new Uint8Array(3 << 20).fill(9) };
  const parts = recordingParts(RUN, [...events, long, END]);
  assert.ok(parts.length > 10);
  const bytes = concatBytes(parts);
  let isOpen = false;
  let unpacked = 0;
  const recording = openRecording(sourceOf(bytes), {
    ...zstdCodec,
    decompress: (...args) => {
      if (isOpen) unpacked++;
      return zstdCodec.decompress(...args);
    },
  });
  isOpen = true;
  assert.deepEqual(recording.end, END);
  assert.equal(unpacked, 0);
  assert.deepEqual(recording.events.at(59), events[59]);
  assert.equal(unpacked, 1);
  for (const [index, event] of events.entries()) assert.deepEqual(recording.events.at(index), event);
  assert.ok(unpacked <= parts.length);
  assert.deepEqual(recording.answers.at(0), long);
});

test("what a run that was killed had flushed is there", () => {
  const parts: Uint8Array[] = [];
  const writer = new RecordingWriter(RUN, { codec: zstdCodec, write: (bytes) => parts.push(bytes.slice()) });
  writer.add(EVENT);
  assert.equal(parts.length, 1);
  assert.ok(writer.hasRest);
  writer.flush();
  assert.ok(!writer.hasRest);
  assert.deepEqual(entriesOf(read(concatBytes(parts))), [EVENT]);
  writer.flush();
  assert.equal(parts.length, 2, "nothing more has come");
});

const ADDRESS = { family: 4, address: "127.0.0.1", port: 80 } as const;
const NETWORK = {
  nameServers: ["127.0.0.53"],
  addresses: [{ family: 4, address: "10.0.0.2", prefixLength: 24 }],
} as const;
const NEWS = {
  ...{ kind: "socket", socket: 1, data: Uint8Array.of(0, 1, 2), from: ADDRESS, peer: null },
  ...{ instructions: 1, ns: 1 },
} as const;

test("what came from the network is read where there was one alone", () => {
  assert.deepEqual(entriesOf(read(recordingOf({ ...RUN, network: NETWORK, startMs: 5 }, [NEWS, END]))), [NEWS, END]);
  assert.throws(() => entriesOf(read(recordingOf(RUN, [NEWS, END]))), damaged(1));
  for (const network of [null, {}, { ...NETWORK, nameServers: [7] }, { ...NETWORK, addresses: [{}] }])
    assert.throws(() => read(recordingOf({ ...RUN, network: network as never }, [])), damaged(0));
});

test("entries that no run has are refused by their piece", () => {
  for (const wrong of [
    { socket: 0 },
    { socket: "1" },
    { data: new Uint8Array(400_000) },
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
    { kind: "input", data: undefined },
  ])
    assert.throws(
      () => entriesOf(read(recordingOf({ ...RUN, network: NETWORK }, [SIGNAL, { ...NEWS, ...wrong }, END], 1))),
      damaged(2),
      JSON.stringify(wrong).slice(0, 60),
    );
});
