/**
 * What one command has found out of its arguments and its user, for the process that is to run it in its place; in that
 * process: what its caller found out. Begun anew with each command line.
 */
import type { MountedCall, NamedVolume } from "@stratos/tools-node/fuse";

interface CallContext {
  /** What arguments mean that name volumes. Bound: those of one command line. */
  volumes: Map<string, NamedVolume>;
  /** Passphrases, asked for once. */
  present: Uint8Array | null;
  fresh: Uint8Array | null;
  /** Whose command this is, when it was sent here. */
  caller: MountedCall | null;
}

/** One object for all command lines: who imports it need not see another. */
export const callContext: CallContext = emptyContext(null);

export function beginCall(caller: MountedCall | null): void {
  Object.assign(callContext, emptyContext(caller));
}

function emptyContext(caller: MountedCall | null): CallContext {
  const bytes = (text: string | null | undefined): Uint8Array | null =>
    text == null ? null : Buffer.from(text, "base64");
  return {
    volumes: new Map(caller?.volumes.map((volume) => [volume.text, volume])),
    present: bytes(caller?.passphrases.present),
    fresh: bytes(caller?.passphrases.fresh),
    caller,
  };
}

/** What goes with a command that another process is to run. */
export function contextForServer(): Pick<MountedCall, "volumes" | "passphrases"> {
  const text = (bytes: Uint8Array | null): string | null =>
    bytes === null ? null : Buffer.from(bytes).toString("base64");
  return {
    volumes: [...callContext.volumes.values()],
    passphrases: { present: text(callContext.present), fresh: text(callContext.fresh) },
  };
}
