/** What of a DNS message rules by name need (RFC 1035 §4). Every length is checked: they come from outside. */

interface Question {
  readonly id: number;
  /** In small letters, without a dot at its end. */
  readonly name: string;
  /** Of IPv4 or IPv6. */
  readonly asksAddress: boolean;
}

const HEADER = 12;
const TYPE_A = 1,
  TYPE_AAAA = 28;
const FLAG_ANSWER = 0x8000;
const RCODE_NAME_ERROR = 3,
  RCODE_REFUSED = 5;
/** Of labels and pointers in a name. */
const STEPS_MAX = 128;

/** The question of a plain query or of its answer; null: something else, or damaged. */
export function questionOf(message: Uint8Array): Question | null {
  if (message.length < HEADER) return null;
  const view = viewOf(message);
  const isPlainQuery = (view.getUint16(2) & 0x7800) === 0 && view.getUint16(4) === 1;
  const read = isPlainQuery ? readName(message, HEADER) : null;
  if (read === null || read.end + 4 > message.length) return null;
  const type = view.getUint16(read.end);
  return { id: view.getUint16(0), name: read.name, asksAddress: type === TYPE_A || type === TYPE_AAAA };
}

/** Whether a message with a question (`questionOf`) is an answer, and of what kind (RFC 1035 §4.1.1). */
export function outcomeOf(message: Uint8Array): "question" | "known" | "unknown" | "failed" {
  const flags = viewOf(message).getUint16(2);
  if ((flags & FLAG_ANSWER) === 0) return "question";
  const code = flags & 0xf;
  return code === 0 ? "known" : code === RCODE_NAME_ERROR ? "unknown" : "failed";
}

/** The addresses that an answer gives. */
export function answersOf(message: Uint8Array): { readonly address: string; readonly seconds: number }[] {
  const view = viewOf(message);
  const question = readName(message, HEADER);
  if (question === null) return [];
  const found: { address: string; seconds: number }[] = [];
  let at = question.end + 4;
  for (let left = view.getUint16(6); left > 0; left--) {
    const owner = readName(message, at);
    if (owner === null || owner.end + 10 > message.length) return found;
    const type = view.getUint16(owner.end);
    const seconds = view.getUint32(owner.end + 4);
    const length = view.getUint16(owner.end + 8);
    at = owner.end + 10;
    if (at + length > message.length) return found;
    if (type === TYPE_A && length === 4) found.push({ address: message.subarray(at, at + 4).join("."), seconds });
    if (type === TYPE_AAAA && length === 16) {
      const words = Array.from({ length: 8 }, (_, index) => view.getUint16(at + 2 * index).toString(16));
      found.push({ address: words.join(":"), seconds });
    }
    at += length;
  }
  return found;
}

/** The answer of a server that refuses by its policy. @param query  with one question */
export function refusalOf(query: Uint8Array): Uint8Array {
  const { end } = readName(query, HEADER)!;
  const answer = query.slice(0, end + 4);
  const view = viewOf(answer);
  // An answer, recursion desired as asked, and available.
  view.setUint16(2, FLAG_ANSWER | 0x0080 | (view.getUint16(2) & 0x0100) | RCODE_REFUSED);
  for (const section of [6, 8, 10]) view.setUint16(section, 0);
  return answer;
}

/** @returns the name at a place, and where what follows it begins */
function readName(message: Uint8Array, start: number): { name: string; end: number } | null {
  const labels: string[] = [];
  let end = -1;
  let at = start;
  for (let step = 0; step < STEPS_MAX; step++) {
    const length = message[at];
    if (length === undefined) return null;
    if (length >= 0xc0) {
      const low = message[at + 1];
      if (low === undefined) return null;
      if (end < 0) end = at + 2;
      at = ((length & 0x3f) << 8) | low;
      continue;
    }
    if (length > 63 || at + 1 + length > message.length) return null;
    if (length === 0) return { name: labels.join("."), end: end < 0 ? at + 1 : end };
    const label = new TextDecoder("latin1").decode(message.subarray(at + 1, at + 1 + length));
    // A dot within a label is none between two.
    if (label.includes(".")) return null;
    labels.push(label.toLowerCase());
    at += 1 + length;
  }
  return null;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
