/**
 * Which packages a root has, by the databases of dpkg and pacman, as one short text. What dpkg, apt or pacman change
 * between two changes of ours shows in it; marks and selections, which may be taken back without harm, do not.
 */
import { byteString, byteStringOf, crc32c } from "@stratos/base";
import type { RootNode } from "./root-files.ts";

interface RootView {
  look(path: string): RootNode | undefined;
  read(path: string): Uint8Array;
  list(path: string): string[];
}

const DPKG_STATUS = "var/lib/dpkg/status";
const PACMAN_LOCAL = "var/lib/pacman/local";

export function packageState(root: RootView): string {
  const text = root.look(DPKG_STATUS)?.kind === "file" ? byteString(root.read(DPKG_STATUS)) : "";
  const packages = text.split("\n\n").flatMap((stanza) => {
    const state = field(stanza, "Status")?.split(" ")[2];
    return state === undefined || state === "not-installed"
      ? []
      : [
          `${field(stanza, "Package")!} ${field(stanza, "Version") ?? ""} ${field(stanza, "Architecture") ?? ""} ` +
            `${state}`,
        ];
  });
  const local = root.list(PACMAN_LOCAL).filter((name) => name !== "ALPM_DB_VERSION");
  const all = byteStringOf([...packages.sort(), "", ...local].join("\n"));
  return `${packages.length} ${local.length} ${crc32c(all).toString(16)}`;
}

function field(stanza: string, name: string): string | undefined {
  const start = stanza.startsWith(`${name}: `) ? 0 : stanza.indexOf(`\n${name}: `) + 1;
  if (start === 0 && !stanza.startsWith(`${name}: `)) return undefined;
  const end = stanza.indexOf("\n", start);
  return stanza.slice(start + name.length + 2, end < 0 ? undefined : end);
}
