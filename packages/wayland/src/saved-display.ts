/**
 * A display as bytes: its programs with all their objects, what is shown, who has the keyboard and what was copied.
 * What it is lent (connections, files that came over them) is named, and given anew by whoever loads it; memory that
 * programs share stays where it is. Programs whose connections are not kept, which are those of X11, are left out.
 *
 * What is loaded was a file: it holds no classes but those of a display, each field is as its class says (savedClass),
 * and what walks over surfaces and popups comes to an end.
 */
import { StateError, loadState, reachableState, saveStateInPieces } from "@stratos/base";
import { type Check } from "@stratos/base/value-check";
import { Client } from "./core/client.ts";
import type { Connection, SharedFile } from "./core/ports.ts";
import { ProtocolError } from "./core/resource.ts";
import { checkSaved, damaged, savedClassNames } from "./saved/saved-class.ts";
import { INTERFACES } from "./protocol/protocol.ts";
import { Popup } from "./shell/popup.ts";
import { XdgSurface } from "./shell/xdg-surface.ts";
import { Surface } from "./surface/surface.ts";

/** Of what `root` holds. */
const FORMAT = 4;
/** Deeper in one another than any that are made. */
const DEPTH_MAX = 256;

interface SavedRoot {
  readonly format: number;
}

/** Parts of a display that each has from its start, by the names under which its objects refer to them. */
export type DisplayParts = Readonly<Record<string, object>>;

export function* saveDisplay(
  root: Omit<object, "format">,
  parts: DisplayParts,
  connections: Iterable<Connection>,
): Generator<void, Uint8Array> {
  return yield* saveStateInPieces({ format: FORMAT, ...root }, namesOf(parts, connections));
}

/**
 * @param connections  of its programs; of another one none is left
 * @throws StateError  "damaged", "foreign": it is not what was saved, or of another version
 */
export function loadDisplay<Root extends object>(
  bytes: Uint8Array,
  isRoot: Check,
  parts: DisplayParts,
  connections: readonly Connection[],
): Root {
  const names = namesOf(parts, connections);
  const ports = new Map([...names].map(([object, name]) => [name, object]));
  const root = loaded(() => loadState(bytes, { ports, given: new Map(), classes: savedClassNames() }));
  return loaded(() => checked(root, isRoot, names, connections)) as Root;
}

function checked(
  root: object,
  isRoot: Check,
  names: ReadonlyMap<object, string>,
  connections: readonly Connection[],
): object {
  const { format, ...own } = root as SavedRoot;
  if (format !== FORMAT)
    throw new StateError("foreign", `the display was saved in format ${format}; this is ${FORMAT}`);
  const objects = reachableState(root, names);
  checkSaved(objects);
  if (!isRoot(own)) throw damaged("its parts are impossible");
  for (const object of objects) {
    if (object instanceof Surface) checkSurface(object);
    if (object instanceof XdgSurface) checkPopups(object);
    if (object instanceof Client) checkClient(object);
  }
  const used = new Set(objects);
  for (const connection of connections)
    // A pipe that was being written into has its end.
    for (const file of [...connection.files.values()]) if (!used.has(file)) connection.release(file);
  return own;
}

/** What a program may not do, nobody may load either. */
function loaded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ProtocolError) throw damaged(error.message);
    if (error instanceof StateError && error.kind !== "unsavable") throw error;
    throw damaged((error as Error).message);
  }
}

function namesOf(parts: DisplayParts, connections: Iterable<Connection>): Map<object, string> {
  const names = new Map<object, string>();
  for (const [name, type] of INTERFACES) names.set(type, `interface ${name}`);
  for (const [name, part] of Object.entries(parts)) names.set(part, name);
  for (const connection of connections) {
    names.set(connection, `connection ${connection.key}`);
    for (const [number, file] of connection.files as ReadonlyMap<number, SharedFile>)
      names.set(file, `file ${connection.key} ${number}`);
  }
  return names;
}

/** Sub-surfaces are those of whom they say, and nobody is below itself. */
function checkSurface(surface: Surface): void {
  if (surface.resource.isDestroyed) return;
  let depth = 0;
  for (let at = surface.parent; at !== null; at = at.parent)
    if (++depth > DEPTH_MAX) throw damaged("surfaces within each other");
  for (const stack of [surface.stack, surface.pendingStack ?? [surface]]) {
    const isOwn = stack.every((each) => each === surface || each.parent === surface);
    if (!isOwn || !stack.includes(surface) || new Set(stack).size !== stack.length)
      throw damaged("sub-surfaces that are another's");
  }
}

function checkPopups(xdgSurface: XdgSurface): void {
  let depth = 0;
  for (let at: XdgSurface | null = xdgSurface; at !== null; at = at.shown instanceof Popup ? at.shown.parent : null)
    if (++depth > DEPTH_MAX) throw damaged("popups over each other");
  const { popups } = xdgSurface;
  if (!xdgSurface.resource.isDestroyed && (popups.some(({ parent }) => parent !== xdgSurface) || hasTwice(popups)))
    throw damaged("popups that are another's");
}

function hasTwice(values: readonly object[]): boolean {
  return new Set(values).size !== values.length;
}

function checkClient(client: Client): void {
  if (!client.isWhole) throw damaged("objects that are another program's");
}
