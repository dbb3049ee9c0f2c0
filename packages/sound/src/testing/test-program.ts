/** A program as libpulse makes one: it says what it likes, and keeps what it is told. */
import * as C from "../wire/commands.ts";
import { commandPacket } from "../wire/packets.ts";
import { type FormatInfo, type SampleSpec, TagReader, TagWriter, textProperties } from "../wire/tags.ts";
import { STEREO } from "../audio/channels.ts";
import { S16LE } from "../audio/formats.ts";
import { RATE } from "../audio/rate.ts";
import { SoundServer } from "../server/sound-server.ts";
import type { TransportEvents } from "../server/peer.ts";

/** A server with a clock that the test moves, and what is heard of it. */
export class TestServer {
  readonly heard: number[] = [];
  readonly server: SoundServer;
  nowNs = 5e9;
  changes = 0;
  #dueNs = Infinity;

  constructor() {
    this.server = new SoundServer(
      {
        version: "1",
        userName: "user",
        hostName: "host",
        nowNs: () => this.nowNs,
        timeOfDay: () => [1000, 0],
        callAt: (ns) => void (this.#dueNs = ns),
        onVolume: () => this.changes++,
      },
      { latencyMs: 0, play: (frames) => void this.heard.push(...frames) },
    );
  }

  get isDue(): boolean {
    return this.#dueNs !== Infinity;
  }

  pass(ms: number): void {
    const until = this.nowNs + ms * 1e6;
    while (this.#dueNs <= until) {
      this.nowNs = Math.max(this.nowNs, this.#dueNs);
      this.#dueNs = Infinity;
      this.server.step();
    }
    this.nowNs = until;
  }
}

interface Message {
  readonly command: number;
  readonly tag: number;
  readonly values: TagReader;
}

export interface TestStream {
  readonly channel: number;
  readonly index: number;
  readonly requested: number;
  readonly attributes: readonly number[];
}

export class TestProgram {
  readonly events: TransportEvents;
  isClosed = false;
  readonly told: Message[] = [];
  #tag = 0;

  constructor(server: SoundServer, version: number | null = C.PROTOCOL_VERSION) {
    this.events = server.connect({
      send: (bytes) => {
        const values = new TagReader(bytes.slice(20));
        this.told.push({ command: values.u32(), tag: values.u32(), values });
      },
      close: () => void (this.isClosed = true),
    });
    if (version === null) return;
    const cookie = new Uint8Array(C.COOKIE_BYTES);
    this.ask(C.AUTH, (to) => to.u32(version | 0xc0000000).arbitrary(cookie));
    this.ask(C.SET_CLIENT_NAME, (to) => to.properties(textProperties({ "application.name": "test" })));
  }

  /** @returns the answer, or the number of the error; null: there is none yet */
  ask(command: number, put: (to: TagWriter) => unknown = () => {}): TagReader | number | null {
    const tag = ++this.#tag;
    const words = new TagWriter().u32(command).u32(tag);
    put(words);
    this.events.onData(commandPacket(words.bytes()));
    return this.answer(tag);
  }

  answer(tag: number): TagReader | number | null {
    const at = this.told.findIndex((each) => each.tag === tag && each.command <= C.REPLY);
    if (at < 0) return null;
    const [{ command, values }] = this.told.splice(at, 1) as [Message];
    return command === C.ERROR ? values.u32() : values;
  }

  get lastTag(): number {
    return this.#tag;
  }

  /** What it was told without asking: commands, and what stands with them. */
  heardOf(command: number): TagReader[] {
    return this.told.filter((each) => each.command === command).map(({ values }) => values);
  }

  play(
    spec: Partial<SampleSpec> = {},
    attributes: readonly number[] = [C.NO_INDEX, C.NO_INDEX, C.NO_INDEX, C.NO_INDEX],
    {
      isCorked = false,
      formats = [],
      positions = STEREO,
      volumes = positions.map(() => C.VOLUME_NORM),
    }: {
      readonly isCorked?: boolean;
      readonly formats?: readonly FormatInfo[];
      readonly positions?: readonly number[];
      readonly volumes?: readonly number[];
    } = {},
  ): TestStream | number {
    const [maxlength, tlength, prebuf, minreq] = attributes as [number, number, number, number];
    const answer = this.ask(C.CREATE_PLAYBACK_STREAM, (to) => {
      to.sampleSpec({ format: S16LE, channels: positions.length, rate: RATE, ...spec }).channelMap(positions);
      to.u32(C.NO_INDEX).string(null).u32(maxlength).flag(isCorked).u32(tlength).u32(prebuf).u32(minreq).u32(0);
      to.channelVolumes(volumes);
      for (let count = 0; count < 9; count++) to.flag(false);
      to.properties(textProperties({ "media.name": "a sound" })).flag(true);
      for (let count = 0; count < 6; count++) to.flag(false);
      to.u8(formats.length);
      for (const format of formats) to.format(format);
    });
    if (answer === null || typeof answer === "number") return answer ?? -1;
    const [channel, index, requested] = [answer.u32(), answer.u32(), answer.u32()];
    return { channel, index, requested, attributes: [answer.u32(), answer.u32(), answer.u32(), answer.u32()] };
  }

  /** Samples of 16 bits. */
  send(channel: number, samples: readonly number[], offset = 0, mode = C.SEEK_RELATIVE): void {
    const bytes = new Uint8Array(2 * samples.length);
    const view = new DataView(bytes.buffer);
    for (const [at, sample] of samples.entries()) view.setInt16(2 * at, sample, true);
    this.sendBytes(channel, bytes, offset, mode);
  }

  sendBytes(channel: number, bytes: Uint8Array, offset = 0, mode = C.SEEK_RELATIVE): void {
    const packet = new Uint8Array(20 + bytes.length);
    const view = new DataView(packet.buffer);
    view.setUint32(0, bytes.length);
    view.setUint32(4, channel);
    view.setInt32(8, Math.floor(offset / 2 ** 32));
    view.setUint32(12, offset >>> 0);
    view.setUint32(16, mode);
    packet.set(bytes, 20);
    this.events.onData(packet);
  }
}
