/**
 * What a page and the console's server say over the WebSocket of its terminals. Control is JSON; what is typed and
 * shown is bytes after the terminal's number, which the page gives (u32, little-endian).
 *
 *     page                                        server
 *     { key }                          first; a program with the token in its header says {}
 *     { id, open: { system, session } }           { id, size, isOwn }, bytes …, { id, live: true }, bytes …
 *     { id, size }                                { id, size, isOwn } to all who watch
 *     { id, taken }                    of bytes shown; the program waits for who takes none
 *     { id, close: true }                         { id, read } of bytes typed
 *                                                 { id, ended } or { id, problem }: nothing more comes
 */
import type { TerminalSize } from "@stratos/sdk/api";

export type PageMessage =
  | { readonly key?: string }
  | { readonly id: number; readonly open: { readonly system: string; readonly session: string | null } }
  | { readonly id: number; readonly size: TerminalSize }
  | { readonly id: number; readonly taken: number }
  | { readonly id: number; readonly close: true };

export type ServerMessage =
  | { readonly id: number; readonly size: TerminalSize; readonly isOwn: boolean }
  | { readonly id: number; readonly live: true }
  | { readonly id: number; readonly read: number }
  | { readonly id: number; readonly ended: { readonly exitCode: number; readonly signal: string | null } }
  | { readonly id: number; readonly problem: string };

/** In place of a system: a shell of the computer that serves, where `--host-shell` says so. No system is called so. */
export const HOST_SHELL = "@host";

const PREFIX = 4;

export function terminalBytes(id: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(PREFIX + bytes.length);
  new DataView(message.buffer).setUint32(0, id, true);
  message.set(bytes, PREFIX);
  return message;
}

/** Null: too short to be any. */
export function parseTerminalBytes(message: Uint8Array): { readonly id: number; readonly bytes: Uint8Array } | null {
  if (message.length < PREFIX) return null;
  const id = new DataView(message.buffer, message.byteOffset).getUint32(0, true);
  return { id, bytes: message.subarray(PREFIX) };
}
