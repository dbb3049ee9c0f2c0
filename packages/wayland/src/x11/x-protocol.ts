/** Numbers of the X protocol and of its extensions that a window manager says and hears. */
import { XRequest } from "./x-connection.ts";

/** Events (Appendix B, "Events"). */
export const EVENT = {
  createNotify: 16,
  destroyNotify: 17,
  unmapNotify: 18,
  mapNotify: 19,
  mapRequest: 20,
  reparentNotify: 21,
  configureNotify: 22,
  configureRequest: 23,
  propertyNotify: 28,
  selectionRequest: 30,
  selectionNotify: 31,
  clientMessage: 33,
} as const;

/** SETofEVENT. */
export const MASK = {
  structureNotify: 1 << 17,
  substructureNotify: 1 << 19,
  substructureRedirect: 1 << 20,
  focusChange: 1 << 21,
  propertyChange: 1 << 22,
} as const;

/** Atoms that are there from the start (Appendix A, "Predefined Atoms"). */
export const ATOM = { none: 0, atom: 4, cardinal: 6, integer: 19, window: 33, wmClass: 67 } as const;
export const WM_NAME = 39,
  WM_NORMAL_HINTS = 40,
  WM_HINTS = 35,
  WM_TRANSIENT_FOR = 68;

/** Those that are asked for by name. */
export const ATOM_NAMES = [
  "WL_SURFACE_SERIAL",
  "WM_S0",
  "WM_PROTOCOLS",
  "WM_DELETE_WINDOW",
  "WM_TAKE_FOCUS",
  "WM_STATE",
  "UTF8_STRING",
  "CLIPBOARD",
  "PRIMARY",
  "TARGETS",
  "INCR",
  "STRING",
  "TEXT",
  "_MOTIF_WM_HINTS",
  "_NET_ACTIVE_WINDOW",
  "_NET_CLOSE_WINDOW",
  "_NET_SUPPORTED",
  "_NET_SUPPORTING_WM_CHECK",
  "_NET_WM_MOVERESIZE",
  "_NET_WM_NAME",
  "_NET_WM_STATE",
  "_NET_WM_STATE_FULLSCREEN",
  "_NET_WM_STATE_MAXIMIZED_HORZ",
  "_NET_WM_STATE_MAXIMIZED_VERT",
  "text/plain",
  "text/plain;charset=utf-8",
] as const;
export type AtomName = (typeof ATOM_NAMES)[number];

const CW_OVERRIDE_REDIRECT = 0x200,
  CW_EVENT_MASK = 0x800;
/** ConfigureWindow's value-mask. */
export const CONFIGURE = { x: 1, y: 2, width: 4, height: 8, borderWidth: 16, sibling: 32, stackMode: 64 } as const;
export const STACK_ABOVE = 0;

export function selectEvents(window: number, mask: number): XRequest {
  return new XRequest(2).u32(window, CW_EVENT_MASK, mask);
}

/** Outside of the screen, one pixel, never shown. */
export function createHiddenWindow(window: number, root: number): XRequest {
  const INPUT_ONLY = 2;
  return new XRequest(1)
    .u32(window, root)
    .u16(-1, -1, 1, 1, 0, INPUT_ONLY)
    .u32(0, CW_OVERRIDE_REDIRECT | CW_EVENT_MASK, 1, MASK.propertyChange);
}

export function mapWindow(window: number): XRequest {
  return new XRequest(8).u32(window);
}

/** @param values  in the order of the mask's bits */
export function configureWindow(window: number, mask: number, values: readonly number[]): XRequest {
  return new XRequest(12)
    .u32(window)
    .u16(mask, 0)
    .u32(...values);
}

export function internAtom(name: string): XRequest {
  return new XRequest(16).u16(name.length, 0).text(name);
}

/** Elements of 32 bits. */
export function setProperty(window: number, property: number, type: number, values: readonly number[]): XRequest {
  return new XRequest(18)
    .u32(window, property, type)
    .u8(32)
    .u8(0)
    .u16(0)
    .u32(values.length, ...values);
}

/** Text. @param isMore  it follows what is there */
export function setPropertyBytes(
  window: number,
  property: number,
  type: number,
  { bytes, isMore = false }: { readonly bytes: Uint8Array; readonly isMore?: boolean },
): XRequest {
  const APPEND = 2;
  return new XRequest(18, isMore ? APPEND : 0)
    .u32(window, property, type)
    .u8(8)
    .u8(0)
    .u16(0)
    .u32(bytes.length)
    .bytes(bytes);
}

/** @param sizeMax  in words of 32 bits */
export function getProperty(window: number, property: number, sizeMax: number, isDeleted = false): XRequest {
  return new XRequest(20, isDeleted ? 1 : 0).u32(window, property, 0, 0, sizeMax);
}

export function setSelectionOwner(owner: number, selection: number): XRequest {
  return new XRequest(22).u32(owner, selection, 0);
}

export function convertSelection(
  requestor: number,
  selection: number,
  { target, property, time }: { readonly target: number; readonly property: number; readonly time: number },
): XRequest {
  return new XRequest(24).u32(requestor, selection, target, property, time);
}

/** @param event  32 bytes */
export function sendEvent(window: number, mask: number, event: Uint8Array): XRequest {
  return new XRequest(25).u32(window, mask).bytes(event);
}

/** @param window  0: nobody */
export function setInputFocus(window: number): XRequest {
  const POINTER_ROOT = 1;
  return new XRequest(42, POINTER_ROOT).u32(window, 0);
}

export function queryExtension(name: string): XRequest {
  return new XRequest(98).u16(name.length, 0).text(name);
}

export function killClient(resource: number): XRequest {
  return new XRequest(113).u32(resource);
}

/** Composite extension: windows below `root` are drawn off the screen, and shown by us. */
export function redirectSubwindows(major: number, root: number): XRequest {
  const REDIRECT = 2,
    MANUAL = 1;
  return new XRequest(major, REDIRECT).u32(root).u8(MANUAL).u8(0).u16(0);
}

/** QueryVersion of Composite and XFIXES, which is to be the first request of either. */
export function queryVersion(extensionMajor: number, major: number, minor: number): XRequest {
  return new XRequest(extensionMajor, 0).u32(major, minor);
}

/** XFIXES: who owns a selection is told. */
export function selectSelectionEvents(major: number, window: number, selection: number): XRequest {
  const SELECT = 2,
    OWNER_WINDOW_CLIENT = 7;
  return new XRequest(major, SELECT).u32(window, selection, OWNER_WINDOW_CLIENT);
}

/** An event of the client's own (ClientMessage, format 32). */
export function clientMessage(window: number, type: number, data: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(32));
  view.setUint8(0, EVENT.clientMessage);
  view.setUint8(1, 32);
  view.setUint32(4, window, true);
  view.setUint32(8, type, true);
  for (const [index, value] of data.slice(0, 5).entries()) view.setUint32(12 + 4 * index, value, true);
  return new Uint8Array(view.buffer);
}

/** A property's value, as GetProperty replied it. */
export interface PropertyValue {
  readonly type: number;
  /** Bits of an element. */
  readonly format: number;
  readonly bytes: Uint8Array;
}

/** @returns null when there is none, or it says more than it brings */
export function propertyOf(reply: DataView | null): PropertyValue | null {
  if (reply === null) return null;
  const format = reply.getUint8(1);
  const type = reply.getUint32(8, true);
  const sizeBytes = reply.getUint32(16, true) * (format / 8);
  if (type === 0 || ![8, 16, 32].includes(format) || sizeBytes > reply.byteLength - 32) return null;
  return { type, format, bytes: new Uint8Array(reply.buffer, reply.byteOffset + 32, sizeBytes).slice() };
}

/** Elements of 32 bits; nothing for other formats. */
export function wordsOf(value: PropertyValue | null): readonly number[] {
  if (value?.format !== 32) return [];
  const view = new DataView(value.bytes.buffer, value.bytes.byteOffset, value.bytes.byteLength);
  return Array.from({ length: value.bytes.length >> 2 }, (_, index) => view.getUint32(4 * index, true));
}
