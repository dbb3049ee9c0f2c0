import { stateClass } from "@stratos/base";
import { FOUND_BY_NAME, PseudoFile, type PseudoFileSystem } from "../pseudo/pseudo-inodes.ts";
import { compressedConfiguration } from "./kernel-config.ts";

/** /proc/config.gz: made when it is read. */
export class ConfigFile extends PseudoFile {
  constructor(fileSystem: PseudoFileSystem) {
    super(fileSystem, (task) => compressedConfiguration(task.kernel));
  }

  static {
    stateClass("ConfigFile", this, null, FOUND_BY_NAME);
  }
}
