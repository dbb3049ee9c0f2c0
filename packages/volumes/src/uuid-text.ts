/** As RFC 9562 §4 writes it. */
export function uuidText(words: Uint32Array): string {
  const hex = Buffer.from(words.buffer, words.byteOffset, 16).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
