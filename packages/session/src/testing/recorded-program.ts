/**
 * A small program that was recorded, for tests: hand-assembled, on a volume in memory.
 *
 *     start:   s0 = 5; s1 = DATA
 *              rt_sigaction(SIGSEGV, {handler})
 *     loop:    [s1] += 3 (STORE); write(1, "x\n", 2); s0 -= 1; until it is 0
 *              a load from address 8 faults (FAULT)
 *     handler: exit(7)
 */
import { format, LaterVolume, mount, ROOT_INO, type Volume } from "@stratos/aegisfs";
import { EAGAIN, S_IFREG } from "@stratos/abi";
import { type HostStreamIn, type HostStreamOut, MemoryBlockDevice } from "@stratos/host";
import { nodePorts, zstdCodec } from "@stratos/host-node";
import { openHostInput, openHostOutput } from "@stratos/kernel";
import { MachineSession } from "../machine-session.ts";
import { Recorder } from "../recording/recorder.ts";
import type { Recording } from "../recording/recording-format.ts";
import { readRecording } from "../recording/recording-reader.ts";
import { Replay, type StartedReplay } from "../recording/replay.ts";

export const CODE = 0x10000,
  DATA = 0x20000;
/** Times that the loop goes round. */
export const ROUNDS = 5;

const [ZERO, S0, S1, A0, A1, A2, A3, A5, A7] = [0, 8, 9, 10, 11, 12, 13, 15, 17];
const addi = (rd: number, rs1: number, imm: number): number => ((imm & 0xfff) << 20) | (rs1 << 15) | (rd << 7) | 0x13;
const lui = (rd: number, imm: number): number => (imm << 12) | (rd << 7) | 0x37;
const ld = (rd: number, rs1: number, imm: number): number =>
  ((imm & 0xfff) << 20) | (rs1 << 15) | (3 << 12) | (rd << 7) | 3;
const sd = (rs2: number, rs1: number, imm: number): number =>
  ((imm >> 5) << 25) | (rs2 << 20) | (rs1 << 15) | (3 << 12) | ((imm & 31) << 7) | 0x23;
/** Backwards, at most to −4094. */
const bnez = (rs1: number, offset: number): number =>
  (((offset >> 12) & 1) << 31) |
  (((offset >> 5) & 0x3f) << 25) |
  (rs1 << 15) |
  (1 << 12) |
  (((offset >> 1) & 15) << 8) |
  (((offset >> 11) & 1) << 7) |
  0x63;
const ECALL = 0x73;
const call = (number: number): number[] => [addi(A7, ZERO, number), ECALL];

const START = [
  addi(S0, ZERO, ROUNDS),
  lui(S1, DATA >>> 12),
  ...[addi(A0, ZERO, 11), addi(A1, S1, 32), addi(A2, ZERO, 0), addi(A3, ZERO, 8), ...call(134)],
];
const LOOP = [
  ...[ld(A5, S1, 0), addi(A5, A5, 3), sd(A5, S1, 0)],
  ...[addi(A0, ZERO, 1), addi(A1, S1, 16), addi(A2, ZERO, 2), ...call(64)],
  addi(S0, S0, -1),
];
const WORDS = [...START, ...LOOP, bnez(S0, -4 * LOOP.length), ld(A5, ZERO, 8)];
const HANDLER_WORDS = [addi(A0, ZERO, 7), ...call(93)];

/**
 * Another one, for the long way: LONG_ROUNDS times a 3 is added to the counter, which is then stored once more as it
 * is, and SPIN times nothing is done.
 */
export const LONG_ROUNDS = 8;
const SPIN = 8 << 20;
const LONG_START = [addi(S0, ZERO, LONG_ROUNDS), lui(S1, DATA >>> 12)];
const LONG_ADD = [ld(A5, S1, 0), addi(A5, A5, 3), sd(A5, S1, 0), sd(A5, S1, 0), lui(A3, SPIN >>> 12)];
const LONG_WORDS = [
  ...LONG_START,
  ...LONG_ADD,
  ...[addi(A3, A3, -1), bnez(A3, -4), addi(S0, S0, -1), bnez(S0, -4 * (LONG_ADD.length + 3))],
  ...[addi(A0, ZERO, 7), ...call(93)],
];
/** Its instructions before the first store, and of each round. */
export const LONG_BEFORE = LONG_START.length + 2,
  LONG_ROUND = LONG_ADD.length + 2 * SPIN + 2,
  LONG_WHOLE = LONG_START.length + LONG_ROUNDS * LONG_ROUND + 3;

/** Where the loop begins, where it stores, where it faults, and where the fault is handled. */
export const LOOP_START = CODE + 4 * START.length,
  STORE = LOOP_START + 8,
  FAULT = CODE + 4 * (WORDS.length - 1),
  HANDLER = CODE + 4 * WORDS.length;
/** Instructions before the loop, of each round, and of the whole: the fault retires none. */
export const BEFORE = START.length,
  ROUND = LOOP.length + 1,
  WHOLE = BEFORE + ROUNDS * ROUND + HANDLER_WORDS.length;

/** The program, with code that can't be written and data that can. */
function elf(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(3 * 4096);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 243, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, CODE, true);
  view.setUint32(32, 64, true);
  view.setUint32(48, 5, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  for (const [index, address] of [CODE, DATA].entries()) {
    const at = 64 + index * 56;
    view.setUint32(at, 1, true);
    view.setUint32(at + 4, index === 0 ? 5 : 6, true);
    for (const [offset, value] of [
      [8, 4096 * (index + 1)],
      [16, address],
      [24, address],
      [32, 4096],
      [40, 4096],
      [48, 4096],
    ] as const)
      view.setUint32(at + offset, value, true);
  }
  words.forEach((word, index) => view.setUint32(4096 + 4 * index, word >>> 0, true));
  writeSymbols(bytes, view);
  bytes.set([0x78, 0x0a], 8192 + 16);
  view.setUint32(8192 + 32, HANDLER, true);
  return bytes;
}

/** Two functions, "begin" and "round", in a symbol table behind the program's data. */
function writeSymbols(bytes: Uint8Array, view: DataView): void {
  const [symbols, strings, headers] = [8192 + 512, 8192 + 768, 8192 + 1024];
  bytes.set(Buffer.from("\0begin\0round\0"), strings);
  for (const [index, name, start, end] of [
    [1, 1, CODE, LOOP_START],
    [2, 7, LOOP_START, FAULT],
  ] as const) {
    const at = symbols + 24 * index;
    view.setUint32(at, name, true);
    view.setUint8(at + 4, 2);
    view.setUint32(at + 8, start, true);
    view.setUint32(at + 16, end - start, true);
  }
  for (const [index, type, offset, size, link] of [
    [1, 2, symbols, 72, 2],
    [2, 3, strings, 13, 0],
  ] as const) {
    const at = headers + 64 * index;
    view.setUint32(at + 4, type, true);
    view.setUint32(at + 24, offset, true);
    view.setUint32(at + 32, size, true);
    view.setUint32(at + 40, link, true);
  }
  view.setUint32(40, headers, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, 3, true);
}

interface ProgramVolume {
  readonly device: MemoryBlockDevice;
  readonly volume: Volume;
}

function mounted(device: MemoryBlockDevice): Volume {
  const volume = mount(device, {});
  if (typeof volume === "string") throw new Error(volume);
  return volume;
}

function volumeWithProgram(isLong: boolean): ProgramVolume {
  const device = new MemoryBlockDevice(32 << 20);
  const failed = format(device, { uuid: new Uint8Array(16).fill(7), hashSeed: 5 });
  if (failed !== 0) throw new Error(failed);
  const volume = mounted(device);
  const bytes = elf(isLong ? LONG_WORDS : [...WORDS, ...HANDLER_WORDS]);
  const ino = volume.root.create(ROOT_INO, "program", S_IFREG | 0o755, 0, 0);
  for (let done = 0; done < bytes.length;) done += volume.root.write(ino, done, bytes, done, bytes.length - done);
  return { device, volume };
}

const NO_INPUT: HostStreamIn = { read: () => -EAGAIN, available: 0, isEnded: false, onReadable: () => {} };

/** Takes all, and notes it. */
export class NotedOutput implements HostStreamOut {
  readonly room = 1 << 16;
  readonly isBroken = false;
  text = "";
  gate: { readonly isMuted: boolean } | null = null;

  write(bytes: Uint8Array, at: number, count: number): number {
    if (this.gate?.isMuted !== true) this.text += Buffer.from(bytes.subarray(at, at + count)).toString("latin1");
    return count;
  }

  onWritable(): void {}
}

const ROOT_USER = { name: "root", uid: 0, gid: 0, groups: [], home: "/", shell: "/sh" };

const REQUEST = {
  program: "/program",
  argv: ["program"],
  environment: [],
  workingDirectory: "/",
  memoryBytes: 64 << 20,
  harts: 1,
  seed: 3,
};

export async function recordProgram({ isLong = false } = {}): Promise<{ recording: Recording; output: string }> {
  const parts: Uint8Array[] = [];
  const session = new MachineSession({
    ports: nodePorts(),
    volume: volumeWithProgram(isLong).volume,
    ...REQUEST,
    log: () => {},
  });
  try {
    const recorder = new Recorder(
      {
        ...REQUEST,
        user: "0:0",
        image: "none",
        imageCreatedAt: "never",
        imageLayers: 1,
        terminal: null,
        isErrorTerminal: false,
      },
      {
        folders: [],
        network: null,
        loop: nodePorts().loop,
        codec: zstdCodec,
        write: (bytes) => parts.push(bytes.slice()),
      },
    );
    const gate = recorder.attach(session);
    const output = new NotedOutput();
    const { kernel } = session.machine;
    const files = [
      openHostInput(kernel, gate.streamIn(NO_INPUT)),
      openHostOutput(kernel, gate.streamOut(output, 1)),
      openHostOutput(kernel, gate.streamOut(output, 2)),
    ];
    session.start({ ...REQUEST, user: ROOT_USER }, files);
    const end = await session.run(60_000);
    recorder.end(end.kind === "exited" ? end.status : 255);
    return { recording: readRecording(Buffer.concat(parts), zstdCodec), output: output.text };
  } finally {
    session.close();
  }
}

/** The program, before its first instruction, for a debugger. @param attach  called before it starts */
export function startLive(output: NotedOutput, attach: (session: MachineSession) => void): MachineSession {
  const session = new MachineSession({
    ports: nodePorts(),
    volume: volumeWithProgram(false).volume,
    ...REQUEST,
    log: () => {},
  });
  attach(session);
  const { kernel } = session.machine;
  const files = [openHostInput(kernel, NO_INPUT), openHostOutput(kernel, output), openHostOutput(kernel, output)];
  session.start({ ...REQUEST, user: ROOT_USER }, files);
  return session;
}

/** @param output  gets what each replay writes and is to be shown */
export function startReplayOf(recording: Recording, output: NotedOutput, { isLong = false } = {}): StartedReplay {
  const volume = volumeWithProgram(isLong);
  const replay = new Replay(recording, { ports: nodePorts(), volume: volume.volume, hasForks: true });
  const { kernel } = replay.session.machine;
  output.gate = replay.gate;
  replay.start([
    openHostInput(kernel, replay.gate.streamIn(null)),
    openHostOutput(kernel, replay.gate.streamOut(output, 1)),
    openHostOutput(kernel, replay.gate.streamOut(output, 2)),
  ]);
  return startedOf(replay, volume, output);
}

/** Its device in memory is forked as it is. */
function startedOf(replay: Replay, { device, volume }: ProgramVolume, output: NotedOutput): StartedReplay {
  return {
    replay,
    drain: async () => {},
    enter: () => void (output.gate = replay.gate),
    fork: () => {
      replay.session.commit();
      const forked = device.fork();
      const later = new LaterVolume(() => mounted(forked));
      return startedOf(replay.fork(later), { device: forked, volume }, output);
    },
    close: () => replay.session.close(),
  };
}
