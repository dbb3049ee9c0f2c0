import type { Subvolume } from "@stratos/aegisfs";
import { byteString } from "@stratos/base";
import { ControlError, parseControl } from "@stratos/pkg/control";
import { readVolumeFile } from "@stratos/session";
import type { InstalledPackage } from "./image-store.ts";

/** What dpkg's database in a volume says is installed; none when there is no database that can be read. */
export function readInstalledPackages(files: Subvolume): InstalledPackage[] {
  const bytes = readVolumeFile(files, "var/lib/dpkg/status");
  if (bytes === null) return [];
  const packages: InstalledPackage[] = [];
  try {
    for (const stanza of parseControl(byteString(bytes), "var/lib/dpkg/status")) {
      const name = stanza.get("Package"),
        version = stanza.get("Version");
      if (name !== undefined && version !== undefined && /\binstalled$/.test(stanza.get("Status") ?? ""))
        packages.push({ name, version });
    }
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    return [];
  }
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}
