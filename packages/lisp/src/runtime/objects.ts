/**
 * Objects between the heap and the host: conditions, records, promises and procedures are shown to the host as its own
 * kinds; the host's own objects have a handle.
 */
import { Condition } from "../datum/condition.ts";
import type { ConditionKind } from "../datum/condition.ts";
import { MString, SchemeSymbol, UNSPECIFIED, intern, itemsOf, list } from "../datum/datum.ts";
import { CollectedHandles } from "../heap/collected-handles.ts";
import { Heap } from "../heap/heap.ts";
import type { ObjectCodec, Word } from "../heap/heap.ts";
import { Immediate, Kind, Tag, headerByte } from "../heap/layout.ts";
import { MultipleValues } from "../interpreter/machine.ts";
import { PromiseBox, RecordType, SchemePromise, SchemeRecord } from "../interpreter/primitives/control.ts";
import { JavaScriptValue } from "../javascript/javascript-value.ts";
import type { Fun } from "../middle/ir.ts";
import { HeapProcedure } from "./host.ts";

/** What the host knows nothing of. */
class HeapObject {
  readonly word: Word;
  constructor(word: Word) {
    this.word = word;
  }
}

/** `1 or more`, `2 to 3`, `0, 2`: counts that some clause takes. */
function countWords(clauses: Fun["clauses"]): string {
  const all = clauses.map(({ parameters, hasRest }) => ({ count: parameters.length - (hasRest ? 1 : 0), hasRest }));
  const least = Math.min(...all.map(({ count, hasRest }) => (hasRest ? count : Infinity)));
  const counts = [...new Set(all.map(({ count }) => count))].filter((count) => count < least).sort((a, b) => a - b);
  let from = least;
  if (least < Infinity) while (counts.at(-1) === from - 1) from = counts.pop()!;
  const isRun = counts.length > 1 && counts.every((count, index) => count === counts[0]! + index);
  const words = isRun ? [`${counts[0]} to ${counts.at(-1)}`] : counts.map(String);
  return [...words, ...(least < Infinity ? [`${from} or more`] : [])].join(", ");
}

class HeapRecord extends SchemeRecord {
  readonly word: Word;
  constructor(type: RecordType, fields: unknown[], word: Word) {
    super(type, fields);
    this.word = word;
  }
}

export class Objects implements ObjectCodec {
  readonly #heap: Heap;
  /** The function whose code lies at a place of the table. */
  readonly #functionAt: (slot: number) => Fun | undefined;
  readonly #handles: object[];
  readonly #handleWords: Map<object, Word>;
  /** JavaScript's values, each as long as the heap has it. */
  readonly javascript: CollectedHandles;

  constructor(heap: Heap, functionAt: (slot: number) => Fun | undefined) {
    this.#heap = heap;
    this.#functionAt = functionAt;
    this.#handles = [];
    this.#handleWords = new Map();
    this.javascript = new CollectedHandles(heap);
  }

  toObject(word: Word, seen: Map<Word, unknown>): unknown {
    const heap = this.#heap;
    const field = (index: number): unknown => heap.toDatum(heap.field(word, index), seen);
    switch (heap.kind(word)) {
      case Kind.procedure: {
        const fun = this.#functionAt(heap.count(word));
        const counts = fun === undefined ? "other" : countWords(fun.clauses);
        return new HeapProcedure(
          word,
          (fun === undefined || fun.name === "lambda" ? null : fun.name) as string,
          counts,
        );
      }
      case Kind.values:
        return new MultipleValues(Array.from({ length: heap.count(word) }, (_, index) => field(index)));
      case Kind.recordType: {
        const name = field(0);
        return new RecordType(
          (name instanceof SchemeSymbol ? name.name : String(name)).replace(/^<(.+)>$/u, "$1"),
          (field(1) as SchemeSymbol[]).map((symbol) => symbol.name),
        );
      }
      case Kind.record: {
        const record = new HeapRecord(field(0) as RecordType, [], word);
        seen.set(word, record);
        for (let index = 1; index < heap.count(word); index++) record.fields.push(field(index));
        return record;
      }
      case Kind.promise:
        return new SchemePromise(new PromiseBox((field(0) as unknown[])[0] !== false, UNSPECIFIED));
      case Kind.condition: {
        const original = field(3);
        if (original instanceof Condition) return original;
        return new Condition((field(0) as SchemeSymbol).name as ConditionKind, field(1), itemsOf(field(2)) ?? []);
      }
      case Kind.host:
        if (CollectedHandles.has(heap, word)) return this.javascript.valueOf(word);
        return this.#handles[Number(heap.field(word, 0)) >> 3];
      case Kind.ephemeron:
        return new HeapObject(word);
      default:
        return UNSPECIFIED;
    }
  }

  fromObject(object: object, seen: Map<object, Word>): Word {
    const heap = this.#heap;
    if (object instanceof HeapProcedure || object instanceof HeapRecord || object instanceof HeapObject)
      return object.word;
    if (object instanceof JavaScriptValue) return this.javascript.wordOf(object);
    if (object instanceof MultipleValues)
      return heap.object(
        Kind.values,
        object.values.map((value) => heap.fromDatum(value, seen)),
      );
    if (object instanceof Condition) {
      const message = typeof object.message === "string" ? MString.of(object.message) : object.message;
      const source = object.source === null ? BigInt(Immediate.false) : this.#handle(object);
      return heap.object(Kind.condition, [
        heap.symbol(intern(object.kind)),
        heap.fromDatum(message, seen),
        heap.fromDatum(list(object.irritants), seen),
        source,
      ]);
    }
    return this.#handle(object);
  }

  /** The host's objects that the heap knows, each with the address that stands for it. */
  get handles(): readonly { object: object; address: number }[] {
    return this.#handles.map((object) => ({ object, address: Heap.address(this.#handleWords.get(object)!) }));
  }

  /** Tells that an address stands for an object, as an image has it; in the order of `handles`. */
  knowHandle(object: object, address: number): void {
    this.#handles.push(object);
    this.#handleWords.set(object, Heap.pointer(address, Tag.object));
  }

  /** A static object that stands for one of the host's; kept for ever. */
  #handle(object: object): Word {
    let word = this.#handleWords.get(object);
    if (word !== undefined) return word;
    const address = this.#heap.allocateStatic(16);
    this.#heap.setWord(address, BigInt(headerByte(Kind.host)) | (1n << 32n));
    this.#heap.setWord(address + 8, BigInt(this.#handles.push(object) - 1) << 3n);
    word = Heap.pointer(address, Tag.object);
    this.#handleWords.set(object, word);
    return word;
  }
}
