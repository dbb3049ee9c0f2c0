/** machine-id(5): of a fork it is another one, where there is one. */
import { utf8Of } from "@stratos/base";
import type { MachineFiles } from "./machine-files.ts";

const MACHINE_ID = "/etc/machine-id";

export function renameMachine(files: MachineFiles, random: { fill(bytes: Uint8Array): void }): void {
  const present = files.read(MACHINE_ID);
  if (typeof present === "number" || present.length < 32) return;
  const bytes = new Uint8Array(16);
  random.fill(bytes);
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  files.write(MACHINE_ID, utf8Of(`${digits}\n`), 0o444);
}
