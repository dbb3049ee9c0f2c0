/** Programs of the guest that a launcher shows, with their pictures. */
import type { FileAccess } from "@stratos/sdk/api";
import { type DesktopEntry, ENTRY_BYTES_MAX, iconPlaces, parseDesktopEntry } from "../entries/desktop-entry.ts";

/** Folders of the XDG Base Directory Specification's defaults; what comes first hides what comes later. */
const FOLDERS = ["/usr/local/share/applications", "/usr/share/applications"];
const ENTRIES_MAX = 1000;
const ICON_BYTES_MAX = 1 << 20;

/** @param home  of the user, whose own applications come first */
export async function readApplications(files: FileAccess, home: string, language: string): Promise<DesktopEntry[]> {
  const found = new Map<string, DesktopEntry | null>();
  for (const folder of [`${home}/.local/share/applications`, ...FOLDERS]) {
    const names = await files.list(folder).catch(() => []);
    for (const { name } of names) {
      const id = /^(.+)\.desktop$/.exec(name)?.[1];
      if (id === undefined || found.has(id) || found.size >= ENTRIES_MAX) continue;
      const path = `${folder}/${name}`;
      const size = await files.stat(path).then(
        ({ sizeBytes }) => sizeBytes,
        () => Infinity,
      );
      const text = size > ENTRY_BYTES_MAX ? null : await files.read(path).catch(() => null);
      found.set(id, text === null ? null : parseDesktopEntry(id, new TextDecoder().decode(text), language));
    }
  }
  return [...found.values()]
    .filter((each) => each !== null)
    .sort((one, other) => one.name.localeCompare(other.name, language));
}

/** @param folder  where it is looked for first. @returns null: there is none that a browser shows */
export async function readIcon(
  files: FileAccess,
  { icon }: Pick<DesktopEntry, "icon">,
  folder = "",
): Promise<{ readonly type: string; readonly bytes: Uint8Array } | null> {
  for (const path of [...ownPlaces(folder, icon), ...iconPlaces(icon)]) {
    const status = await files.stat(path).catch(() => null);
    if (status?.kind !== "file" || status.sizeBytes > ICON_BYTES_MAX) continue;
    const bytes = await files.read(path).catch(() => null);
    if (bytes !== null) return { type: path.endsWith(".svg") ? "image/svg+xml" : "image/png", bytes };
  }
  return null;
}

/** Of a program that brings its own. */
function ownPlaces(folder: string, icon: string): readonly string[] {
  if (!folder.startsWith("/") || !/^[\w.+-]+$/.test(icon)) return [];
  return ["svg", "png"].map((type) => `${folder}/${icon}.${type}`);
}
