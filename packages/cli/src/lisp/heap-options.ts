/** Values of `stratos lisp --heap` and `--nursery`: what they return can only be legal. */
import { InvalidArgumentError } from "commander";
import { parseSize } from "../volume-options.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export const parseHeap = (text: string): number => sizeWithin(text, { least: 16 * MIB, most: 1000 * MIB });
export const parseNursery = (text: string): number => sizeWithin(text, { least: 512 * KIB, most: 4 * MIB });

function sizeWithin(text: string, { least, most }: { least: number; most: number }): number {
  const bytes = parseSize(text);
  if (bytes < least || bytes > most) throw new InvalidArgumentError(`expected from ${shown(least)} to ${shown(most)}`);
  return bytes;
}

function shown(bytes: number): string {
  return bytes < MIB ? `${bytes / KIB}K` : `${bytes / MIB}M`;
}
