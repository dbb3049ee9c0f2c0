/**
 * Values of PulseAudio's native protocol as they stand on the wire ("tagstruct"): a letter that says what follows, then
 * the value, most significant byte first. What is not as the other end expects is a WireError: a wrong letter, text
 * without an end or that is no UTF-8, more than there is.
 */
import { byteString, byteStringToUtf8, concatBytes, utf8Of, utf8ToByteString } from "@stratos/base";

/** Somebody broke the protocol: the connection is ended. */
export class WireError extends Error {}

const letterOf = (letter: string): number => letter.charCodeAt(0);
const STRING = letterOf("t"),
  NO_STRING = letterOf("N"),
  U32 = letterOf("L"),
  U8 = letterOf("B"),
  U64 = letterOf("R"),
  S64 = letterOf("r"),
  SAMPLE_SPEC = letterOf("a"),
  ARBITRARY = letterOf("x"),
  TRUE = letterOf("1"),
  FALSE = letterOf("0"),
  TIME = letterOf("T"),
  USEC = letterOf("U"),
  CHANNEL_MAP = letterOf("m"),
  CHANNEL_VOLUMES = letterOf("v"),
  PROPERTIES = letterOf("P"),
  VOLUME = letterOf("V"),
  FORMAT = letterOf("f");

/** PA_CHANNELS_MAX */
const CHANNELS_MAX = 32;
/** Of a list of properties that a program tells of itself. */
const PROPERTIES_MAX = 256;
const PROPERTY_BYTES_MAX = 1 << 16;

/** What a stream's bytes are; it may be one that there is not, until `isSampleSpec` has said otherwise. */
export interface SampleSpec {
  /** pa_sample_format_t */
  readonly format: number;
  readonly channels: number;
  readonly rate: number;
}

/** Texts have no zero at their end here. */
export type Properties = ReadonlyMap<string, Uint8Array>;

export interface FormatInfo {
  /** pa_encoding_t */
  readonly encoding: number;
  readonly properties: Properties;
}

export class TagReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw new WireError("a message ends in the midst of a value");
    this.#at = at + count;
    return at;
  }

  #expect(tag: number): void {
    const found = this.#bytes[this.#take(1)]!;
    if (found !== tag) throw new WireError(`a value of kind ${found} where ${tag} is expected`);
  }

  #u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new WireError("more values than the command has");
  }

  u32(): number {
    this.#expect(U32);
    return this.#u32();
  }

  u8(): number {
    this.#expect(U8);
    return this.#bytes[this.#take(1)]!;
  }

  flag(): boolean {
    const found = this.#bytes[this.#take(1)]!;
    if (found !== TRUE && found !== FALSE) throw new WireError(`a value of kind ${found} where a flag is expected`);
    return found === TRUE;
  }

  string(): string | null {
    const found = this.#bytes[this.#take(1)]!;
    if (found === NO_STRING) return null;
    if (found !== STRING) throw new WireError(`a value of kind ${found} where a text is expected`);
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new WireError("a text without an end");
    const text = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return utf8(text);
  }

  #arbitrary(): Uint8Array {
    this.#expect(ARBITRARY);
    const count = this.#u32();
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  arbitrary(sizeBytes: number): Uint8Array {
    const found = this.#arbitrary();
    if (found.length !== sizeBytes) throw new WireError(`${found.length} bytes where ${sizeBytes} are expected`);
    return found;
  }

  sampleSpec(): SampleSpec {
    this.#expect(SAMPLE_SPEC);
    const at = this.#take(6);
    return { format: this.#bytes[at]!, channels: this.#bytes[at + 1]!, rate: this.#view.getUint32(at + 2) };
  }

  /** Positions of channels (pa_channel_position_t). */
  channelMap(): readonly number[] {
    this.#expect(CHANNEL_MAP);
    const count = this.#channelCount();
    const at = this.#take(count);
    return [...this.#bytes.subarray(at, at + count)];
  }

  channelVolumes(): readonly number[] {
    this.#expect(CHANNEL_VOLUMES);
    return Array.from({ length: this.#channelCount() }, () => this.#u32());
  }

  #channelCount(): number {
    const count = this.#bytes[this.#take(1)]!;
    if (count > CHANNELS_MAX) throw new WireError(`${count} channels`);
    return count;
  }

  /** Seconds and microseconds, as they are handed back. */
  time(): readonly [seconds: number, microseconds: number] {
    this.#expect(TIME);
    return [this.#u32(), this.#u32()];
  }

  properties(): Properties {
    this.#expect(PROPERTIES);
    const found = new Map<string, Uint8Array>();
    for (;;) {
      const key = this.string();
      if (key === null) return found;
      const said = this.u32();
      const value = this.#arbitrary();
      if (said !== value.length) throw new WireError("a property of two sizes");
      const isText = value.length > 0 && value[value.length - 1] === 0;
      found.set(key, (isText ? value.subarray(0, -1) : value).slice());
      if (found.size > PROPERTIES_MAX) throw new WireError("too many properties");
    }
  }

  format(): FormatInfo {
    this.#expect(FORMAT);
    return { encoding: this.u8(), properties: this.properties() };
  }
}

function utf8(bytes: Uint8Array): string {
  const text = byteString(bytes);
  const decoded = byteStringToUtf8(text);
  if (utf8ToByteString(decoded) !== text) throw new WireError("a text that is no UTF-8");
  return decoded;
}

/** They are not more than a program may have. */
export function isPropertyList(properties: Properties): boolean {
  let sizeBytes = 0;
  for (const [key, value] of properties) sizeBytes += key.length + value.length;
  return properties.size <= PROPERTIES_MAX && sizeBytes <= PROPERTY_BYTES_MAX;
}

/** Of a property that is a text; what is none reads as nothing. */
export function propertyText(properties: Properties, key: string): string | null {
  const value = properties.get(key);
  return value === undefined ? null : byteStringToUtf8(byteString(value));
}

export function textProperties(texts: Readonly<Record<string, string>>): Properties {
  return new Map(Object.entries(texts).map(([key, text]) => [key, utf8Of(text)]));
}

export class TagWriter {
  readonly #parts: Uint8Array[] = [];

  bytes(): Uint8Array {
    return concatBytes(this.#parts);
  }

  #put(...bytes: readonly number[]): this {
    this.#parts.push(Uint8Array.from(bytes));
    return this;
  }

  #word(tag: number, ...words: readonly number[]): this {
    const part = new Uint8Array(1 + 4 * words.length);
    part[0] = tag;
    const view = new DataView(part.buffer);
    for (const [index, word] of words.entries()) view.setUint32(1 + 4 * index, word);
    this.#parts.push(part);
    return this;
  }

  u32(value: number): this {
    return this.#word(U32, value);
  }

  u8(value: number): this {
    return this.#put(U8, value);
  }

  flag(value: boolean): this {
    return this.#put(value ? TRUE : FALSE);
  }

  /** Whole numbers, which a double has exactly. */
  #long(tag: number, value: number): this {
    return this.#word(tag, Math.floor(value / 2 ** 32), value);
  }

  u64(value: number): this {
    return this.#long(U64, value);
  }

  s64(value: number): this {
    return this.#long(S64, value);
  }

  usec(value: number): this {
    return this.#long(USEC, value);
  }

  time([seconds, microseconds]: readonly [number, number]): this {
    return this.#word(TIME, seconds, microseconds);
  }

  string(value: string | null): this {
    if (value === null) return this.#put(NO_STRING);
    this.#put(STRING);
    this.#parts.push(utf8Of(value));
    return this.#put(0);
  }

  arbitrary(bytes: Uint8Array): this {
    this.#word(ARBITRARY, bytes.length);
    this.#parts.push(bytes.slice());
    return this;
  }

  sampleSpec({ format, channels, rate }: SampleSpec): this {
    const view = new DataView(new ArrayBuffer(7));
    view.setUint8(0, SAMPLE_SPEC);
    view.setUint8(1, format);
    view.setUint8(2, channels);
    view.setUint32(3, rate);
    this.#parts.push(new Uint8Array(view.buffer));
    return this;
  }

  channelMap(positions: readonly number[]): this {
    return this.#put(CHANNEL_MAP, positions.length, ...positions);
  }

  channelVolumes(volumes: readonly number[]): this {
    this.#put(CHANNEL_VOLUMES, volumes.length);
    const view = new DataView(new ArrayBuffer(4 * volumes.length));
    for (const [index, volume] of volumes.entries()) view.setUint32(4 * index, volume);
    this.#parts.push(new Uint8Array(view.buffer));
    return this;
  }

  volume(value: number): this {
    return this.#word(VOLUME, value);
  }

  properties(properties: Properties): this {
    this.#put(PROPERTIES);
    for (const [key, value] of properties) {
      const terminated = concatBytes([value, Uint8Array.of(0)]);
      this.string(key).u32(terminated.length).arbitrary(terminated);
    }
    return this.string(null);
  }

  format({ encoding, properties }: FormatInfo): this {
    return this.#put(FORMAT).u8(encoding).properties(properties);
  }
}
