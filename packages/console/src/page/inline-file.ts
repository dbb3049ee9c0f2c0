/**
 * iTerm2's inline images as the terminal's addon wants them: with their size, and PNG, JPEG or GIF. Programs leave the
 * size out, and chafa sends TIFF.
 */
import { decodeTiff, isTiff } from "./tiff.ts";

/** Of a base64 text, what tells a TIFF: its first eight bytes. */
const HEAD_LETTERS = 12;

/** @returns null: the addon takes it as it is, or it is no picture */
export function mendedInlineFile(text: string, pixelsMax: number): string | null {
  const colon = text.indexOf(":");
  if (!text.startsWith("File=") || colon < 0) return null;
  const [head, content] = [text.slice(0, colon), text.slice(colon + 1)];
  const start = bytesOf(content.slice(0, HEAD_LETTERS));
  if (start === null) return null;
  const isOther = isTiff(start);
  if (!isOther && /[=;]size=/.test(head)) return null;
  const fields = head.slice("File=".length).split(";");
  const kept = fields.filter((each) => each !== "" && !each.startsWith("size="));
  const picture = isOther ? pngOf(content, pixelsMax) : content;
  if (picture === null) return null;
  return `File=${[...kept, `size=${byteCount(picture)}`].join(";")}:${picture}`;
}

export function byteCount(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return Math.floor(((base64.length - padding) * 3) / 4);
}

function bytesOf(base64: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

/** In base64. */
function pngOf(base64: string, pixelsMax: number): string | null {
  const bytes = bytesOf(base64);
  const picture = bytes === null ? null : decodeTiff(bytes, pixelsMax);
  if (picture === null) return null;
  const { width, height, pixels } = picture;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d")!.putImageData(new ImageData(pixels, width, height), 0, 0);
  return pngText(canvas);
}

/** A canvas as PNG, in base64. */
export function pngText(canvas: HTMLCanvasElement): string {
  const address = canvas.toDataURL("image/png");
  return address.slice(address.indexOf(",") + 1);
}
