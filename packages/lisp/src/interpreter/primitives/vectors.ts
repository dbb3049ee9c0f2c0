/** Vectors and bytevectors: R7RS §6.8, §6.9. */
import { list, UNSPECIFIED } from "../../datum/datum.ts";
import {
  byteOf,
  BYTES_MAX,
  bytesOf,
  checkLength,
  define,
  indexOf,
  lengthOf,
  rangeOf,
  type Table,
  vectorOf,
} from "./operands.ts";
import { listItems } from "./lists.ts";
import { copyInto } from "./text.ts";

export function defineVectors(table: Table): void {
  define(table, "vector?", 1, 1, (x: unknown) => Array.isArray(x));
  define(table, "make-vector", 1, 2, (count: unknown, fill: unknown = UNSPECIFIED) =>
    new Array<unknown>(lengthOf("make-vector", count)).fill(fill),
  );
  define(table, "vector", 0, Infinity, (...items: unknown[]) => items);
  define(table, "vector-length", 1, 1, (x: unknown) => vectorOf("vector-length", x).length);
  define(table, "vector-ref", 2, 2, (x: unknown, index: unknown) => {
    const items = vectorOf("vector-ref", x);
    return items[indexOf("vector-ref", index, items.length)];
  });
  define(table, "vector-set!", 3, 3, (x: unknown, index: unknown, value: unknown) => {
    const items = vectorOf("vector-set!", x);
    items[indexOf("vector-set!", index, items.length)] = value;
    return UNSPECIFIED;
  });
  define(table, "vector->list", 1, 3, (x: unknown, start: unknown, end: unknown) => {
    const items = vectorOf("vector->list", x);
    return list(items.slice(...rangeOf("vector->list", start, end, items.length)));
  });
  define(table, "list->vector", 1, 1, (x: unknown) => listItems("list->vector", x));
  define(table, "vector-copy", 1, 3, (x: unknown, start: unknown, end: unknown) => {
    const items = vectorOf("vector-copy", x);
    return items.slice(...rangeOf("vector-copy", start, end, items.length));
  });
  define(table, "vector-copy!", 3, 5, (to: unknown, at: unknown, from: unknown, start: unknown, end: unknown) => {
    copyInto("vector-copy!", vectorOf("vector-copy!", to), at, vectorOf("vector-copy!", from), start, end);
    return UNSPECIFIED;
  });
  define(table, "vector-append", 0, Infinity, (...all: unknown[]) => {
    const parts = all.map((x) => vectorOf("vector-append", x));
    checkLength(
      "vector-append",
      parts.reduce((sum, { length }) => sum + length, 0),
    );
    return ([] as unknown[]).concat(...parts);
  });
  define(table, "vector-fill!", 2, 4, (x: unknown, fill: unknown, start: unknown, end: unknown) => {
    const items = vectorOf("vector-fill!", x);
    items.fill(fill, ...rangeOf("vector-fill!", start, end, items.length));
    return UNSPECIFIED;
  });

  define(table, "bytevector?", 1, 1, (x: unknown) => x instanceof Uint8Array);
  define(table, "make-bytevector", 1, 2, (count: unknown, fill: unknown = 0) =>
    new Uint8Array(lengthOf("make-bytevector", count, BYTES_MAX)).fill(byteOf("make-bytevector", fill)),
  );
  define(table, "bytevector", 0, Infinity, (...all: unknown[]) =>
    Uint8Array.from(all.map((x) => byteOf("bytevector", x))),
  );
  define(table, "bytevector-length", 1, 1, (x: unknown) => bytesOf("bytevector-length", x).length);
  define(table, "bytevector-u8-ref", 2, 2, (x: unknown, index: unknown) => {
    const bytes = bytesOf("bytevector-u8-ref", x);
    return bytes[indexOf("bytevector-u8-ref", index, bytes.length)];
  });
  define(table, "bytevector-u8-set!", 3, 3, (x: unknown, index: unknown, value: unknown) => {
    const bytes = bytesOf("bytevector-u8-set!", x);
    bytes[indexOf("bytevector-u8-set!", index, bytes.length)] = byteOf("bytevector-u8-set!", value);
    return UNSPECIFIED;
  });
  define(table, "bytevector-copy", 1, 3, (x: unknown, start: unknown, end: unknown) => {
    const bytes = bytesOf("bytevector-copy", x);
    return bytes.slice(...rangeOf("bytevector-copy", start, end, bytes.length));
  });
  define(table, "bytevector-copy!", 3, 5, (to: unknown, at: unknown, from: unknown, start: unknown, end: unknown) => {
    copyInto("bytevector-copy!", bytesOf("bytevector-copy!", to), at, bytesOf("bytevector-copy!", from), start, end);
    return UNSPECIFIED;
  });
  define(table, "bytevector-fill!", 2, 4, (x: unknown, fill: unknown, start: unknown, end: unknown) => {
    const bytes = bytesOf("bytevector-fill!", x);
    bytes.fill(byteOf("bytevector-fill!", fill), ...rangeOf("bytevector-fill!", start, end, bytes.length));
    return UNSPECIFIED;
  });
  define(table, "bytevector-append", 0, Infinity, (...all: unknown[]) => {
    const parts = all.map((x) => bytesOf("bytevector-append", x));
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    checkLength("bytevector-append", size, BYTES_MAX);
    const result = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      result.set(part, at);
      at += part.length;
    }
    return result;
  });
}
