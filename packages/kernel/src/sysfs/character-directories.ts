/** Character devices in sysfs(5): the folder of each below devices/virtual, and the links that lead there. */
import { MEM_MAJOR, MISC_MAJOR, RTC_MAJOR, TTY_MAJOR } from "@stratos/abi";
import { DEVICE_NODES } from "../fs/devtmpfs/devtmpfs.ts";
import { type PseudoDirectory, PseudoFile, type PseudoFileSystem, PseudoLink } from "../pseudo/pseudo-inodes.ts";

const SUBSYSTEMS: ReadonlyMap<number, string> = new Map([
  [MEM_MAJOR, "mem"],
  [MISC_MAJOR, "misc"],
  [RTC_MAJOR, "rtc"],
]);

/** @param directory  makes the folder of that path */
export function addCharacterDirectories(
  fileSystem: PseudoFileSystem,
  directory: (path: string) => PseudoDirectory,
  consoleCount: number,
): void {
  const file = (text: string): PseudoFile => {
    const made = new PseudoFile(fileSystem, () => text);
    made.size = 4096;
    return made;
  };
  const consoles: typeof DEVICE_NODES = Array.from({ length: Math.max(0, consoleCount - 1) }, (_, at) => [
    `tty${at + 2}`,
    TTY_MAJOR,
    at + 2,
    0o620,
  ]);
  for (const [node, major, minor, mode] of [...DEVICE_NODES, ...consoles]) {
    const name = node.slice(node.lastIndexOf("/") + 1);
    const subsystem = SUBSYSTEMS.get(major) ?? "tty";
    const path = `devices/virtual/${subsystem}/${name}`;
    // Drivers say a mode where root alone is not meant.
    const said = major === MEM_MAJOR || mode === 0o666 ? `DEVMODE=0${mode.toString(8)}\n` : "";
    directory(path)
      .add("dev", file(`${major}:${minor}\n`))
      .add("uevent", file(`MAJOR=${major}\nMINOR=${minor}\nDEVNAME=${node}\n${said}`))
      .add("subsystem", new PseudoLink(fileSystem, `../../../../class/${subsystem}`));
    directory(`class/${subsystem}`).add(name, new PseudoLink(fileSystem, `../../${path}`));
    directory("dev/char").add(`${major}:${minor}`, new PseudoLink(fileSystem, `../../${path}`));
  }
}
