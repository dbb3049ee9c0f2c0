import { readFileSync } from "node:fs";
import { lockOwner } from "@stratos/host-node";
import { NO_MOUNT_WORDS, parseMountWords } from "./mount-options.ts";

/** Name of the subvolume that the mount of a volume shows, as its server was told; null: the live files. */
export function mountedSubvolume(source: string): string | null {
  const server = lockOwner(source);
  if (server === null) return null;
  try {
    const words = readFileSync(`/proc/${server}/cmdline`, "utf8").split("\0");
    return words.reduce(
      (known, word, at) =>
        words[at - 1] === "-o" || words[at - 1] === "--options" ? parseMountWords(word, known) : known,
      NO_MOUNT_WORDS,
    ).subvolume;
  } catch {
    return null;
  }
}
