/**
 * A program's connection: commands in, answers and requests for sound out. What breaks the protocol ends it; a command
 * that cannot be carried out is refused with PulseAudio's error for that.
 */
import { STEREO } from "../audio/channels.ts";
import { isRate } from "../audio/formats.ts";
import * as C from "../wire/commands.ts";
import { commandPacket, type PacketEvents, PacketReader } from "../wire/packets.ts";
import { type Properties, isPropertyList, TagReader, TagWriter, textProperties, WireError } from "../wire/tags.ts";
import { formatInfo, negotiateFormat, NO_FORMAT } from "./format-negotiation.ts";
import {
  putClient,
  putServer,
  putSink,
  putSinkInput,
  type ServerWords,
  SINK_INDEX,
  SINK_NAME,
  SINK_SPEC,
} from "./introspection.ts";
import { SoundError, type Transport, type TransportEvents } from "./peer.ts";
import { type BufferAttributes, PlaybackStream, type StreamEvents } from "./playback-stream.ts";
import type { BufferBudget } from "./stream-buffer.ts";

const STREAMS_MAX = 64;
/** Of a list of formats. */
const FORMATS_MAX = 32;
/** As a program may name the one sink that there is: names that are numbers are its number (pa_namereg_get). */
const SINK_NAMES = new Set([SINK_NAME, "@DEFAULT_SINK@", String(SINK_INDEX)]);
/** What a program may ask for and is not there: refused as not supported, rather than unknown. */
const ABSENT = new Set([C.CREATE_RECORD_STREAM, C.CREATE_UPLOAD_STREAM]);
const NO_ENTITY = new Set([
  ...[C.LOOKUP_SOURCE, C.GET_SOURCE_INFO, C.GET_MODULE_INFO, C.GET_SOURCE_OUTPUT_INFO, C.GET_SAMPLE_INFO],
  ...[C.GET_CARD_INFO, C.PLAY_SAMPLE, C.REMOVE_SAMPLE],
]);
const EMPTY_LISTS = new Set([
  ...[C.GET_SOURCE_INFO_LIST, C.GET_MODULE_INFO_LIST, C.GET_SOURCE_OUTPUT_INFO_LIST, C.GET_SAMPLE_INFO_LIST],
  C.GET_CARD_INFO_LIST,
]);

/** What all programs have together: the server. */
interface SharedSound {
  readonly ports: ServerWords & { timeOfDay(): readonly [seconds: number, microseconds: number] };
  readonly clients: Map<number, SoundClient>;
  readonly streams: Map<number, PlaybackStream>;
  readonly budget: BufferBudget;
  readonly mayHaveStream: boolean;
  readonly volumes: readonly number[];
  readonly isMuted: boolean;
  readonly isRunning: boolean;
  readonly latencyUs: number;
  readonly configuredLatencyUs: number;
  nextIndex(): number;
  setVolume(volumes: readonly number[], isMuted: boolean): void;
  tell(event: number, index: number): void;
  wake(): void;
}

export class SoundClient implements TransportEvents, PacketEvents, StreamEvents {
  readonly index: number;
  properties: Properties = new Map();
  readonly #server: SharedSound;
  readonly #transport: Transport;
  readonly #packets = new PacketReader(this);
  readonly #streams = new Map<number, PlaybackStream>();
  #lastChannel = -1;
  #isKnown = false;
  #isOver = false;
  #version = C.PROTOCOL_VERSION;
  #subscribed = 0;

  constructor(server: SharedSound, transport: Transport, index: number) {
    this.#server = server;
    this.#transport = transport;
    this.index = index;
  }

  onData(bytes: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#packets.feed(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.end();
    }
    this.askForMore();
    this.#server.wake();
  }

  onEnd(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const stream of [...this.#streams.values()]) this.#remove(stream);
    if (this.#server.clients.delete(this.index)) this.#server.tell(C.OF_CLIENT | C.IS_REMOVED, this.index);
  }

  end(): void {
    if (this.#isOver) return;
    this.onEnd();
    this.#transport.close();
  }

  onCommand(bytes: Uint8Array): void {
    // One that reads nothing was ended in the midst of what it asks.
    if (this.#isOver) return;
    const from = new TagReader(bytes);
    const command = from.u32();
    const tag = from.u32();
    if (command >= C.COMMAND_COUNT) throw new WireError(`command ${command}`);
    try {
      if (!this.#isKnown && command !== C.AUTH) throw new SoundError(C.ERR_ACCESS);
      this.#obey(command, tag, from);
    } catch (error) {
      if (!(error instanceof SoundError)) throw error;
      this.#send(new TagWriter().u32(C.ERROR).u32(tag).u32(error.code));
    }
  }

  onSeek(channel: number, offset: number, mode: number): void {
    if (mode > C.SEEK_RELATIVE_END) throw new WireError(`seeking by ${mode}`);
    if (offset !== 0 || mode !== C.SEEK_RELATIVE) this.#streams.get(channel)?.seek(offset, mode);
  }

  onBytes(channel: number, bytes: Uint8Array): void {
    const stream = this.#streams.get(channel);
    // What was on its way to a stream that is no more.
    if (stream === undefined) return;
    if (!stream.push(bytes)) this.#say(C.OVERFLOW, channel);
  }

  /** Of streams that have room. */
  askForMore(): void {
    for (const stream of this.#streams.values()) {
      const count = stream.takeRequest();
      if (count > 0) this.#send(this.#message(C.REQUEST).u32(stream.channel).u32(count));
    }
  }

  started({ channel }: PlaybackStream): void {
    this.#say(C.STARTED, channel);
  }

  underflowed({ channel, buffer }: PlaybackStream): void {
    const words = this.#message(C.UNDERFLOW).u32(channel);
    this.#send(this.#version >= 23 ? words.s64(buffer.read) : words);
  }

  drained(tags: readonly number[]): void {
    for (const tag of tags) this.#reply(tag);
  }

  tellEvent(event: number, index: number): void {
    if ((this.#subscribed & (1 << (event & 0xf))) === 0) return;
    this.#send(this.#message(C.SUBSCRIBE_EVENT).u32(event).u32(index));
  }

  #send(words: TagWriter): void {
    if (!this.#isOver) this.#transport.send(commandPacket(words.bytes()));
  }

  /** Of what nobody has asked for. */
  #message(command: number): TagWriter {
    return new TagWriter().u32(command).u32(C.NO_INDEX);
  }

  #say(command: number, channel: number): void {
    this.#send(this.#message(command).u32(channel));
  }

  #reply(tag: number, put: (to: TagWriter) => void = () => {}): void {
    const words = new TagWriter().u32(C.REPLY).u32(tag);
    put(words);
    this.#send(words);
  }

  #obey(command: number, tag: number, from: TagReader): void {
    if (ABSENT.has(command)) throw new SoundError(C.ERR_NOTSUPPORTED);
    if (NO_ENTITY.has(command)) throw new SoundError(C.ERR_NOENTITY);
    if (EMPTY_LISTS.has(command)) return this.#reply(tag);
    switch (command) {
      case C.AUTH:
        return this.#authenticate(tag, from);
      case C.SET_CLIENT_NAME:
        return this.#setProperties(tag, from);
      case C.EXIT:
        // Nobody but the person ends the machine's sound.
        throw new SoundError(C.ERR_ACCESS);
      case C.CREATE_PLAYBACK_STREAM:
        return this.#create(tag, from);
      case C.DELETE_PLAYBACK_STREAM:
        this.#remove(this.#streamOf(from));
        return this.#reply(tag);
      case C.DRAIN_PLAYBACK_STREAM:
        if (!this.#streamOf(from).drain(tag)) throw new SoundError(C.ERR_TOOLARGE);
        return;
      case C.GET_PLAYBACK_LATENCY:
        return this.#tellLatency(tag, from);
      case C.CORK_PLAYBACK_STREAM:
      case C.FLUSH_PLAYBACK_STREAM:
      case C.TRIGGER_PLAYBACK_STREAM:
      case C.PREBUF_PLAYBACK_STREAM:
        return this.#steer(command, tag, from);
      case C.SET_PLAYBACK_STREAM_BUFFER_ATTR:
        return this.#setAttributes(tag, from);
      case C.UPDATE_PLAYBACK_STREAM_SAMPLE_RATE:
        return this.#setRate(tag, from);
      case C.SET_PLAYBACK_STREAM_NAME:
      case C.UPDATE_PLAYBACK_STREAM_PROPLIST:
      case C.REMOVE_PLAYBACK_STREAM_PROPLIST:
      case C.UPDATE_CLIENT_PROPLIST:
      case C.REMOVE_CLIENT_PROPLIST:
        return this.#changeProperties(command, tag, from);
      case C.SUBSCRIBE: {
        const mask = from.u32();
        from.end();
        if ((mask & ~C.SUBSCRIPTION_MASK_ALL) !== 0) throw new SoundError(C.ERR_INVALID);
        this.#subscribed = mask;
        return this.#reply(tag);
      }
      case C.SET_SINK_VOLUME:
      case C.SET_SINK_MUTE:
        return this.#setSink(command, tag, from);
      case C.SET_SINK_INPUT_VOLUME:
      case C.SET_SINK_INPUT_MUTE:
      case C.KILL_SINK_INPUT:
      case C.MOVE_SINK_INPUT:
        return this.#changeInput(command, tag, from);
      case C.SET_DEFAULT_SINK:
        mustBeSink(C.NO_INDEX, from.string());
        return this.#reply(tag);
      case C.KILL_CLIENT: {
        const killed = this.#server.clients.get(from.u32());
        if (killed === undefined) throw new SoundError(C.ERR_NOENTITY);
        killed.end();
        return this.#reply(tag);
      }
      case C.EXTENSION:
        throw new SoundError(C.ERR_NOEXTENSION);
      default:
        return this.#inform(command, tag, from);
    }
  }

  #inform(command: number, tag: number, from: TagReader): void {
    const server = this.#server;
    switch (command) {
      case C.STAT:
        return this.#reply(tag, (to) => void to.u32(0).u32(0).u32(0).u32(0).u32(0));
      case C.LOOKUP_SINK:
        mustBeSink(C.NO_INDEX, from.string());
        return this.#reply(tag, (to) => void to.u32(SINK_INDEX));
      case C.GET_SERVER_INFO:
        return this.#reply(tag, (to) => putServer(to, server.ports));
      case C.GET_SINK_INFO:
        mustBeSink(from.u32(), from.string());
        return this.#reply(tag, (to) => putSink(to, server));
      case C.GET_SINK_INFO_LIST:
        return this.#reply(tag, (to) => putSink(to, server));
      case C.GET_CLIENT_INFO: {
        const client = server.clients.get(from.u32());
        if (client === undefined) throw new SoundError(C.ERR_NOENTITY);
        return this.#reply(tag, (to) => putClient(to, client));
      }
      case C.GET_CLIENT_INFO_LIST:
        return this.#reply(tag, (to) => {
          for (const client of server.clients.values()) if (client.#isKnown) putClient(to, client);
        });
      case C.GET_SINK_INPUT_INFO: {
        const { stream, owner } = this.#inputOf(from);
        return this.#reply(tag, (to) => putSinkInput(to, stream, owner.index, server.latencyUs));
      }
      case C.GET_SINK_INPUT_INFO_LIST:
        return this.#reply(tag, (to) => {
          for (const { index, streams } of server.clients.values())
            for (const stream of streams) putSinkInput(to, stream, index, server.latencyUs);
        });
      default:
        throw new SoundError(C.ERR_NOTSUPPORTED);
    }
  }

  get streams(): Iterable<PlaybackStream> {
    return this.#streams.values();
  }

  #authenticate(tag: number, from: TagReader): void {
    const version = from.u32() & C.VERSION_MASK;
    from.arbitrary(C.COOKIE_BYTES);
    from.end();
    if (version < C.OLDEST_VERSION) throw new SoundError(C.ERR_VERSION);
    this.#version = Math.min(version, C.PROTOCOL_VERSION);
    // Who may write to the socket may be heard.
    const isNew = !this.#isKnown;
    this.#isKnown = true;
    this.#reply(tag, (to) => void to.u32(C.PROTOCOL_VERSION));
    if (isNew) this.#server.tell(C.OF_CLIENT | C.IS_NEW, this.index);
  }

  #setProperties(tag: number, from: TagReader): void {
    const properties = from.properties();
    from.end();
    this.properties = mustFit(properties);
    this.#reply(tag, (to) => void to.u32(this.index));
    this.#server.tell(C.OF_CLIENT | C.IS_CHANGED, this.index);
  }

  #streamOf(from: TagReader): PlaybackStream {
    const stream = this.#streams.get(from.u32());
    if (stream === undefined) throw new SoundError(C.ERR_NOENTITY);
    return stream;
  }

  #create(tag: number, from: TagReader): void {
    const spec = from.sampleSpec();
    const positions = from.channelMap();
    const sinkIndex = from.u32();
    const sinkName = from.string();
    const maxlength = from.u32();
    const isCorked = from.flag();
    const attributes = { maxlength, tlength: from.u32(), prebuf: from.u32(), minreq: from.u32() };
    // Streams that begin together: each begins when it can.
    from.u32();
    const volumes = from.channelVolumes();
    const flags = Object.fromEntries(STREAM_FLAGS.map((name) => [name, from.flag()]));
    const properties = mustFit(from.properties());
    for (const name of LATER_FLAGS) flags[name] = from.flag();
    const formats = Array.from({ length: from.u8() }, () => from.format());
    from.end();
    if (sinkIndex !== C.NO_INDEX || sinkName !== null) mustBeSink(sinkIndex, sinkName);
    if (flags["passthrough"] === true) throw new SoundError(C.ERR_NOTSUPPORTED);
    const isPlain = formats.length === 0;
    const found = formats.length > FORMATS_MAX ? null : negotiateFormat(formats, { spec, positions });
    if (found === null) throw new SoundError(isPlain ? C.ERR_INVALID : C.ERR_NOTSUPPORTED);
    if (isPlain && volumes.length !== spec.channels) throw new SoundError(C.ERR_INVALID);
    if (!this.#server.mayHaveStream || this.#streams.size >= STREAMS_MAX) throw new SoundError(C.ERR_TOOLARGE);
    const fixed = {
      format: flags["fixFormat"] === true ? SINK_SPEC.format : found.spec.format,
      rate: flags["fixRate"] === true ? SINK_SPEC.rate : found.spec.rate,
      channels: flags["fixChannels"] === true ? SINK_SPEC.channels : found.spec.channels,
    };
    const isSet = flags["volumeSet"] === true && volumes.length === fixed.channels;
    const numbers = { channel: ++this.#lastChannel, index: this.#server.nextIndex() };
    const stream = new PlaybackStream(
      numbers,
      {
        spec: fixed,
        positions: flags["fixChannels"] === true ? STEREO : found.positions,
        remixing: { byIndex: flags["noRemap"] === true, onlySame: flags["noRemix"] === true },
        volumes: isSet ? mustBeVolumes(volumes) : Array.from({ length: fixed.channels }, () => C.VOLUME_NORM),
        isMuted: flags["muted"] === true,
        ...{ isCorked, attributes, properties, budget: this.#server.budget },
      },
      this,
    );
    this.#streams.set(stream.channel, stream);
    this.#server.streams.set(stream.index, stream);
    const wanted = stream.takeRequest();
    this.#reply(tag, (to) => {
      to.u32(stream.channel).u32(stream.index).u32(wanted);
      putAttributes(to, stream.attributes).sampleSpec(stream.spec).channelMap(stream.positions);
      to.u32(SINK_INDEX).string(SINK_NAME).flag(false).usec(this.#server.configuredLatencyUs);
      to.format(isPlain ? NO_FORMAT : formatInfo(stream.spec));
    });
    this.#server.tell(C.OF_SINK_INPUT | C.IS_NEW, stream.index);
  }

  #remove(stream: PlaybackStream): void {
    this.#streams.delete(stream.channel);
    this.#server.streams.delete(stream.index);
    stream.buffer.release();
    this.#server.tell(C.OF_SINK_INPUT | C.IS_REMOVED, stream.index);
  }

  #tellLatency(tag: number, from: TagReader): void {
    const stream = this.#streamOf(from);
    const asked = from.time();
    from.end();
    const { latencyUs, ports } = this.#server;
    this.#reply(tag, (to) => {
      to.usec(latencyUs)
        .usec(0)
        .flag(stream.isPlaying && stream.playedBytes > 0);
      to.time(asked).time(ports.timeOfDay());
      to.s64(stream.buffer.write).s64(stream.buffer.read).u64(stream.missedBytes).u64(stream.playedBytes);
    });
  }

  #steer(command: number, tag: number, from: TagReader): void {
    const stream = this.#streamOf(from);
    if (command === C.CORK_PLAYBACK_STREAM) {
      stream.isCorked = from.flag();
      this.#server.tell(C.OF_SINK_INPUT | C.IS_CHANGED, stream.index);
    }
    from.end();
    if (command === C.FLUSH_PLAYBACK_STREAM) stream.flush();
    if (command === C.TRIGGER_PLAYBACK_STREAM) stream.trigger();
    if (command === C.PREBUF_PLAYBACK_STREAM) stream.wait();
    this.#reply(tag);
  }

  #setAttributes(tag: number, from: TagReader): void {
    const stream = this.#streamOf(from);
    const [maxlength, tlength, prebuf, minreq] = [from.u32(), from.u32(), from.u32(), from.u32()];
    // How its latency is to be made up: we have one for all.
    from.flag();
    from.flag();
    from.end();
    stream.setAttributes({ maxlength, tlength, prebuf, minreq });
    const latencyUs = this.#server.configuredLatencyUs;
    this.#reply(tag, (to) => void putAttributes(to, stream.attributes).usec(latencyUs));
  }

  #setRate(tag: number, from: TagReader): void {
    const stream = this.#streamOf(from);
    const rate = from.u32();
    from.end();
    if (!isRate(rate)) throw new SoundError(C.ERR_INVALID);
    stream.setRate(rate);
    this.#reply(tag);
  }

  #changeProperties(command: number, tag: number, from: TagReader): void {
    const isOfClient = command === C.UPDATE_CLIENT_PROPLIST || command === C.REMOVE_CLIENT_PROPLIST;
    const target = isOfClient ? this : this.#streamOf(from);
    if (command === C.SET_PLAYBACK_STREAM_NAME) {
      const name = from.string();
      if (name === null) throw new SoundError(C.ERR_INVALID);
      target.properties = mustFit(new Map([...target.properties, ...textProperties({ "media.name": name })]));
    } else if (command === C.UPDATE_CLIENT_PROPLIST || command === C.UPDATE_PLAYBACK_STREAM_PROPLIST)
      target.properties = changedProperties(target.properties, from);
    else {
      const left = new Map(target.properties);
      for (let key = from.string(); key !== null; key = from.string()) left.delete(key);
      target.properties = left;
    }
    from.end();
    this.#reply(tag);
    this.#server.tell((isOfClient ? C.OF_CLIENT : C.OF_SINK_INPUT) | C.IS_CHANGED, target.index);
  }

  #setSink(command: number, tag: number, from: TagReader): void {
    const server = this.#server;
    mustBeSink(from.u32(), from.string());
    if (command === C.SET_SINK_MUTE) server.setVolume(server.volumes, from.flag());
    else {
      const volumes = mustBeVolumes(from.channelVolumes());
      if (volumes.length > SINK_SPEC.channels) throw new SoundError(C.ERR_INVALID);
      server.setVolume([volumes[0]!, volumes[1] ?? volumes[0]!], server.isMuted);
    }
    from.end();
    this.#reply(tag);
  }

  #inputOf(from: TagReader): { readonly stream: PlaybackStream; readonly owner: SoundClient } {
    const stream = this.#server.streams.get(from.u32());
    if (stream !== undefined)
      for (const owner of this.#server.clients.values())
        if (owner.#streams.get(stream.channel) === stream) return { stream, owner };
    throw new SoundError(C.ERR_NOENTITY);
  }

  #changeInput(command: number, tag: number, from: TagReader): void {
    const { stream, owner } = this.#inputOf(from);
    if (command === C.SET_SINK_INPUT_MUTE) stream.isMuted = from.flag();
    else if (command === C.SET_SINK_INPUT_VOLUME) {
      const volumes = mustBeVolumes(from.channelVolumes());
      const { channels } = stream.spec;
      if (volumes.length !== 1 && volumes.length !== channels) throw new SoundError(C.ERR_INVALID);
      stream.setVolumes(volumes.length === channels ? volumes : Array.from({ length: channels }, () => volumes[0]!));
    } else if (command === C.MOVE_SINK_INPUT) mustBeSink(from.u32(), from.string());
    from.end();
    if (command === C.KILL_SINK_INPUT) {
      owner.#remove(stream);
      owner.#say(C.PLAYBACK_STREAM_KILLED, stream.channel);
    } else this.#server.tell(C.OF_SINK_INPUT | C.IS_CHANGED, stream.index);
    this.#reply(tag);
  }
}

/** Of CREATE_PLAYBACK_STREAM, in their order; between the two are the stream's properties. */
const STREAM_FLAGS = [
  ...["noRemap", "noRemix", "fixFormat", "fixRate", "fixChannels", "noMove", "variableRate", "muted", "adjustLatency"],
];
const LATER_FLAGS = [
  ...["volumeSet", "earlyRequests", "mutedSet", "inhibitsNothing", "failsOnSuspend", "relativeVolume", "passthrough"],
];

/** @throws SoundError */
function mustBeSink(index: number, name: string | null): void {
  const isNamed = index === C.NO_INDEX ? name === null || SINK_NAMES.has(name) : index === SINK_INDEX;
  if (!isNamed) throw new SoundError(C.ERR_NOENTITY);
}

/** @throws SoundError */
function mustBeVolumes(volumes: readonly number[]): readonly number[] {
  if (volumes.length === 0 || volumes.some((volume) => volume > C.VOLUME_MAX)) throw new SoundError(C.ERR_INVALID);
  return volumes;
}

function putAttributes(to: TagWriter, { maxlength, tlength, prebuf, minreq }: BufferAttributes): TagWriter {
  return to.u32(maxlength).u32(tlength).u32(prebuf).u32(minreq);
}

/** pa_update_mode_t: all anew, those that are not there, those that are said. @throws SoundError */
function changedProperties(before: Properties, from: TagReader): Properties {
  const mode = from.u32();
  const said = from.properties();
  if (mode > 2) throw new SoundError(C.ERR_INVALID);
  if (mode === 0) return mustFit(said);
  return mustFit(mode === 1 ? new Map([...said, ...before]) : new Map([...before, ...said]));
}

/** @throws SoundError */
function mustFit(properties: Properties): Properties {
  if (!isPropertyList(properties)) throw new SoundError(C.ERR_TOOLARGE);
  return properties;
}
