/** Where two saved graphs of objects (base's state-format.ts) differ, in words: to find what a run depended on. */
import { HEAD, HEADER_BYTES, VALUE } from "../../packages/base/src/state-format.ts";

/** An object's class, and what it holds by name; references are numbers of other objects. */
interface SavedObject {
  readonly name: string;
  readonly values: Map<string, string>;
}

/** @returns the first few of them: by which way from the root, and the two values */
export function stateDifferences(one: Uint8Array, other: Uint8Array, most = 8): string[] {
  const [a, b] = [new StateText(one).objects, new StateText(other).objects];
  const found: string[] = [];
  const seen = new Set<string>();
  const queue: [number, number, string][] = [[0, 0, ""]];
  for (let entry = queue.shift(); entry !== undefined && found.length < most; entry = queue.shift()) {
    const [x, y, path] = entry;
    if (seen.has(`${x} ${y}`)) continue;
    seen.add(`${x} ${y}`);
    const [from, to] = [a[x]!, b[y]!];
    if (from.name !== to.name) {
      found.push(`${path}: ${from.name} ≠ ${to.name}`);
      continue;
    }
    for (const key of new Set([...from.values.keys(), ...to.values.keys()])) {
      const [here, there] = [from.values.get(key) ?? "nothing", to.values.get(key) ?? "nothing"];
      const place = `${path}/${from.name}${key}`;
      if (here.startsWith("#") && there.startsWith("#")) queue.push([+here.slice(1), +there.slice(1), place]);
      else if (here !== there) found.push(`${place}: ${here} ≠ ${there}`);
    }
  }
  return found;
}

class StateText {
  readonly objects: SavedObject[] = [];
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #strings: string[] = [];
  #at = HEADER_BYTES;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#readStrings();
    const shapes = this.#list(() => ({
      name: this.#strings[this.#varint()]!,
      fields: this.#list(() => this.#strings[this.#varint()]!),
    }));
    const bodies: { readonly object: SavedObject; readonly kind: number; readonly fields: readonly string[] }[] = [];
    this.#list(() => {
      const kind = this.#u8();
      const isShaped = kind === HEAD.record || kind === HEAD.instance || kind === HEAD.remade;
      const { name, fields } = isShaped ? shapes[this.#varint()]! : { name: KINDS[kind] ?? "?", fields: [] };
      const object = { name, values: new Map<string, string>() };
      this.objects.push(object);
      if (kind === HEAD.buffer) this.#buffer(object.values);
      else if (kind === HEAD.view)
        object.values
          .set(".kind", String(this.#u8()))
          .set(".buffer", `#${this.#varint()}`)
          .set(".at", `${this.#varint()}+${this.#varint()}`);
      else if (kind === HEAD.constant || kind === HEAD.port) object.values.set("", this.#strings[this.#varint()]!);
      else bodies.push({ object, kind, fields });
    });
    for (const { object, kind, fields } of bodies) this.#body(object.values, kind, fields);
  }

  #body(values: Map<string, string>, kind: number, fields: readonly string[]): void {
    if (kind === HEAD.array || kind === HEAD.set)
      for (let index = 0, count = this.#varint(); index < count; index++) values.set(`[${index}]`, this.#value());
    else if (kind === HEAD.map)
      for (let index = 0, count = this.#varint(); index < count; index++)
        values.set(`[key ${index}]`, this.#value()).set(`[${index}]`, this.#value());
    else for (const field of fields) values.set(`.${field}`, this.#value());
  }

  #value(): string {
    switch (this.#u8()) {
      case VALUE.undefined:
        return "undefined";
      case VALUE.null:
        return "null";
      case VALUE.false:
        return "false";
      case VALUE.true:
        return "true";
      case VALUE.integer: {
        const coded = this.#varint();
        return String((coded >>> 1) ^ -(coded & 1));
      }
      case VALUE.number:
        this.#at += 8;
        return String(this.#view.getFloat64(this.#at - 8, true));
      case VALUE.object:
        return `#${this.#varint()}`;
      default:
        return JSON.stringify(this.#strings[this.#varint()]);
    }
  }

  #buffer(values: Map<string, string>): void {
    values.set(".length", String(this.#varint()));
    const kept = this.#varint();
    for (let at = 0; at < kept; at += 16) {
      const bytes = this.#bytes.subarray(this.#at + at, this.#at + Math.min(kept, at + 16));
      values.set(` at ${at}`, Buffer.from(bytes).toString("hex"));
    }
    this.#at += kept;
  }

  #readStrings(): void {
    this.#list(() => {
      const coded = this.#varint();
      const count = coded >>> 1;
      let text = "";
      for (let index = 0; index < count; index++)
        text += String.fromCharCode(this.#u8() | ((coded & 1) === 0 ? 0 : this.#u8() << 8));
      this.#strings.push(text);
    });
  }

  #list<T>(read: () => T): T[] {
    return Array.from({ length: this.#varint() }, read);
  }

  #u8(): number {
    return this.#bytes[this.#at++]!;
  }

  #varint(): number {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = this.#u8();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }
}

const KINDS = Object.fromEntries(Object.entries(HEAD).map(([name, kind]) => [kind, name]));
