/** What two failures of one cause have in common: a line without what differs from run to run. */
import { createHash } from "node:crypto";

const TEXT_MAX = 240;

/** Numbers become N, numbers in hexadecimal H; of paths the last part stays, of temporary ones nothing. */
export function maskLine(line: string): string {
  return line
    .replace(/[‘’`]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/\/build\/[^/\s]{1,200}\//g, "")
    .replace(/(?:\/var)?\/tmp\/[^\s:;,'")\]]+/g, "/tmp/…")
    .replace(/(?:\/[\w.+@%~-]+)+\/([\w.+@%~-]+)/g, "…/$1")
    .replace(/\b0x[0-9a-f]+\b/gi, "H")
    .replace(/\b[0-9a-f]{7,}\b/gi, (word) => (/\d/.test(word) && /[a-f]/i.test(word) ? "H" : word))
    .replace(/\d+(?:[.,:]\d+)*/g, "N")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, TEXT_MAX)
    .toWellFormed();
}

/** Names a cause for ever: the same text in the same stage has the same name, in each hub. */
export function signatureOf(cause: string, stage: string, text: string): string {
  return createHash("sha256").update(`${cause}\0${stage}\0${text}`).digest("hex").slice(0, 16);
}
