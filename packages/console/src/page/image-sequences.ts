/** Whether what a program writes to a terminal has a picture in it, or asks for what terminals with pictures know. */

/** DCS (sixel), OSC 1337, DA1, XTSMGRAPHICS, sizes in pixels. */
const SEQUENCE = /\x1b(?:P|\]1337;|\[0?c|\[\?[\d;]+S|\[1[468]t)/;
/** A sequence that is not whole yet has at most so many letters. */
const TAIL = 24;

/** For all that a terminal is written, in whatever pieces. */
export function wantsImages(): (data: string | Uint8Array) => boolean {
  let tail = "";
  return (data) => {
    const text = typeof data === "string" ? data : latin1(data);
    const joined = tail + text;
    const escape = joined.indexOf("\x1b", Math.max(0, joined.length - TAIL));
    tail = escape < 0 ? "" : joined.slice(escape);
    return joined.includes("\x1b") && SEQUENCE.test(joined);
  };
}

const decoder = new TextDecoder("latin1");

function latin1(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
