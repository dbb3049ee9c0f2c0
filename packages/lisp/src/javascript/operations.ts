/** What the library `(stratos javascript)` asks of JavaScript: each by its name, on JavaScript's own values. */

/** The iterator had no more. */
export const END = Symbol("end");

type Operation = (...operands: never[]) => unknown;

type Callable = (...operands: unknown[]) => unknown;

function callable(value: unknown): Callable {
  if (typeof value !== "function") throw new TypeError(`${describeType(value)} is not a function`);
  return value as Callable;
}

function describeType(value: unknown): string {
  return value === null ? "null" : typeof value;
}

/** Also of strings and numbers, whose properties are their classes'. */
function objectOf(value: unknown): object {
  if (value === null || value === undefined) throw new TypeError(`${String(value)} has no properties`);
  return Object(value) as object;
}

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  "get": (object: unknown, key: PropertyKey) => (objectOf(object) as Record<PropertyKey, unknown>)[key],
  "set": (object: unknown, key: PropertyKey, value: unknown) => {
    (objectOf(object) as Record<PropertyKey, unknown>)[key] = value;
  },
  "has": (object: unknown, key: PropertyKey) => key in objectOf(object),
  "delete": (object: unknown, key: PropertyKey) => Reflect.deleteProperty(objectOf(object), key),
  "keys": (object: unknown) => Object.keys(objectOf(object)),
  "call": (target: unknown, self: unknown, ...operands: unknown[]) =>
    Reflect.apply(callable(target), self, operands) as unknown,
  "invoke": (object: unknown, key: PropertyKey, ...operands: unknown[]) =>
    Reflect.apply(callable((objectOf(object) as Record<PropertyKey, unknown>)[key]), object, operands) as unknown,
  "new": (target: unknown, ...operands: unknown[]) => Reflect.construct(callable(target), operands) as unknown,
  "typeof": (value: unknown) => typeof value,
  "instance": (value: unknown, target: unknown) => value instanceof callable(target),
  "same": (a: unknown, b: unknown) => a === b,
  "text": (value: unknown) => String(value),
  "iterator": (object: unknown) =>
    Reflect.apply(callable((objectOf(object) as Record<PropertyKey, unknown>)[Symbol.iterator]), object, []) as unknown,
  "next": (iterator: Iterator<unknown>) => {
    const { done, value } = iterator.next();
    return done === true ? END : value;
  },
  /** What the iterator's own return() throws is dropped: whoever left has a reason already. */
  "close": (iterator: Iterator<unknown>) => {
    try {
      iterator.return?.();
    } catch {
      // Nothing is left to do with an iterator that does not close.
    }
  },
  "array": (...items: unknown[]) => items,
  "object": (...pairs: unknown[]) => {
    const object: Record<PropertyKey, unknown> = {};
    for (let index = 0; index + 1 < pairs.length; index += 2)
      Object.defineProperty(object, pairs[index] as PropertyKey, {
        value: pairs[index + 1],
        writable: true,
        enumerable: true,
        configurable: true,
      });
    return object;
  },
};

/** The bytes of an ArrayBuffer or a view of one, as a copy. */
export function bytesOfBuffer(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (ArrayBuffer.isView(value))
    return new Uint8Array(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  if (typeof SharedArrayBuffer !== "undefined" && value instanceof SharedArrayBuffer)
    return new Uint8Array(new Uint8Array(value));
  throw new TypeError("expected an ArrayBuffer or a view of one");
}

/** What is told of a thrown value, whatever it is. */
export function messageOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return String(thrown);
    return typeof thrown === "object" || typeof thrown === "function"
      ? "JavaScript threw an object"
      : `JavaScript threw ${String(thrown)}`;
  } catch {
    return "JavaScript threw what cannot be told";
  }
}
